"""Years of past clinic days, so that the measured paths have to find today among them."""

import time
from collections.abc import Callable
from datetime import timedelta

import asyncpg

from benchmarks.hospital_data import (
    CHANNEL,
    CLIENT,
    DEPARTMENTS,
    POOL,
    PRACTITIONERS,
    SEATS_PER_SLOT,
    SLOTS_PER_SCHEDULE,
    id_sql,
    place_of_practitioner,
    schedule_columns,
)
from kernel import clock

SEATS_PER_SCHEDULE = SLOTS_PER_SCHEDULE * SEATS_PER_SLOT
SCHEDULES_PER_DAY = PRACTITIONERS * 2
CHUNK_SCHEDULES = SCHEDULES_PER_DAY * 5
# Seats are numbered by the database; past ones get numbers far from those that it gives out itself.
FIRST_PAST_SEAT = 1_000_000_000
_SHARES = "(ARRAY['fulfilled','fulfilled','fulfilled','fulfilled','cancelled','noshow'])"


async def load_history(
    connection: asyncpg.Connection, *, appointments: int, patients: int, say: Callable[[str], None]
) -> int:
    """Add at least `appointments` past appointments with their schedules, slots, seats and events.

    Secondary indexes of the large tables are dropped before and made again after; primary keys and unique
    constraints stay. Returns the number of appointments added.
    """
    schedules = -(-appointments // SEATS_PER_SCHEDULE)
    indexes = await connection.fetch("""
        SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
        FROM pg_index i
        WHERE i.indrelid = ANY (ARRAY['schedule', 'seat', 'appointment', 'booking_event']::regclass[])
          AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    """)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    started = time.monotonic()
    # The rows are consistent by construction; the session's own settings end with it.
    await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
    try:
        for first in range(0, schedules, CHUNK_SCHEDULES):
            count = min(CHUNK_SCHEDULES, schedules - first)
            await _add_chunk(connection, first=first, count=count, patients=patients)
            done = (first + count) * SEATS_PER_SCHEDULE
            say(f"History: {done:,} past appointments after {time.monotonic() - started:.0f} s")
    finally:
        await connection.execute("RESET session_replication_role; RESET synchronous_commit")
        await connection.execute("SET maintenance_work_mem = '1GB'")
        for index in indexes:
            say(f"History: index {index['name']} ...")
            await connection.execute(index["definition"])
    say("History: statistics and checkpoint ...")
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    say(f"History: done after {time.monotonic() - started:.0f} s")
    return schedules * SEATS_PER_SCHEDULE


async def _add_chunk(connection: asyncpg.Connection, *, first: int, count: int, patients: int) -> None:
    last = first + count - 1
    yesterday = clock.today() - timedelta(days=1)

    def day(schedule: str) -> str:
        return f"(date '{yesterday}' - ({schedule} / {SCHEDULES_PER_DAY})::integer)"

    await connection.execute(f"""
        INSERT INTO {schedule_columns()}
        SELECT {id_sql("past_schedule", "n")}, {place_of_practitioner(f"n % {PRACTITIONERS}")}, d.day,
               CASE h.half WHEN 0 THEN 'morning' ELSE 'afternoon' END,
               d.day + h.half * interval '5 hours', d.day + interval '4 hours' + h.half * interval '5 hours', 2500
        FROM generate_series({first}, {last}) n
        CROSS JOIN LATERAL (SELECT (n / {PRACTITIONERS}) % 2 AS half) h
        CROSS JOIN LATERAL (SELECT {day("n")} AS day) d;

        INSERT INTO slot (id, schedule_id, starts_at, ends_at)
        SELECT {id_sql("past_slot", f"n * {SLOTS_PER_SCHEDULE} + k")}, {id_sql("past_schedule", "n")},
               {day("n")} + (n / {PRACTITIONERS}) % 2 * interval '5 hours' + k * interval '30 minutes',
               {day("n")} + (n / {PRACTITIONERS}) % 2 * interval '5 hours' + (k + 1) * interval '30 minutes'
        FROM generate_series({first}, {last}) n CROSS JOIN generate_series(0, {SLOTS_PER_SCHEDULE} - 1) k;

        INSERT INTO schedule_release (schedule_id, channel, pool, opens_at, via)
        SELECT {id_sql("past_schedule", "n")}, '{CHANNEL}', '{POOL}', {day("n")} - interval '7 days', 'rule'
        FROM generate_series({first}, {last}) n;
    """)
    # One row per past appointment: m is its number, n its schedule's, k its slot's, j its place there.
    rows = f"""
        FROM generate_series({first * SEATS_PER_SCHEDULE}::bigint, {(last + 1) * SEATS_PER_SCHEDULE - 1}) m
        CROSS JOIN LATERAL (SELECT m / {SEATS_PER_SCHEDULE} AS n, (m % {SEATS_PER_SCHEDULE}) / {SEATS_PER_SLOT} AS k,
                                   1 + m % {SEATS_PER_SCHEDULE} AS seq) p
        CROSS JOIN LATERAL (SELECT {_SHARES}[1 + m % 6] AS status, {day("p.n")} AS day,
                                   (m * 7919) % {patients} AS who) q"""
    await connection.execute(f"""
        INSERT INTO seat (id, schedule_id, slot_id, seq, pool, status)
        SELECT {FIRST_PAST_SEAT} + m, {id_sql("past_schedule", "p.n")},
               {id_sql("past_slot", f"p.n * {SLOTS_PER_SCHEDULE} + p.k")}, p.seq, '{POOL}',
               CASE q.status WHEN 'cancelled' THEN 'free' ELSE 'booked' END {rows};

        INSERT INTO appointment (id, seat_id, seq, slot_id, schedule_id, department_id, clinic_date, starts_at,
            patient_id, status, channel, client_id, fee_fen, his_status, his_id, version, created_at, updated_at)
        SELECT {id_sql("past_appointment", "m")}, {FIRST_PAST_SEAT} + m, p.seq,
               {id_sql("past_slot", f"p.n * {SLOTS_PER_SCHEDULE} + p.k")}, {id_sql("past_schedule", "p.n")},
               {id_sql("department", f"(p.n % {PRACTITIONERS}) % {DEPARTMENTS}")}, q.day,
               q.day + (p.n / {PRACTITIONERS}) % 2 * interval '5 hours' + p.k * interval '30 minutes',
               {id_sql("patient", "q.who")}, q.status, '{CHANNEL}', '{CLIENT}', 2500, 'confirmed', 'H' || m, 2,
               q.day - interval '3 days', q.day {rows};

        INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, appointment_id, channel, client_id)
        SELECT q.day - interval '3 days', 'booked', {FIRST_PAST_SEAT} + m, {id_sql("past_schedule", "p.n")},
               {id_sql("patient", "q.who")}, {id_sql("past_appointment", "m")}, '{CHANNEL}', '{CLIENT}' {rows};

        INSERT INTO visit_claim (patient_id, clinic_date, ordinal, owner_id)
        SELECT {id_sql("patient", "q.who")}, q.day, 1, {id_sql("past_appointment", "m")} {rows}
        WHERE q.status <> 'cancelled'
        ON CONFLICT DO NOTHING;
    """)
