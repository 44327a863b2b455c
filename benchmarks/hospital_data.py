"""The bench hospital: built by set-based SQL in seconds, with places enough for every measurement.

Ids are counted, so that the load generator can name slots and patients without asking: see `patient_id`.
Everything it books lies on days of its own: `many` in the first week, each hot schedule on its own later day,
so that no person's once-per-department-and-day rule stands in the way of another measurement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg

from kernel import clock

CLIENT = "bench-portal"
CHANNEL = "bench_portal"
POOL = "common"
SERVICE_TYPE = "general"

DEPARTMENTS = 40
PRACTITIONERS = 430
MANY_DAYS = 7
PERIODS = ("morning", "afternoon")
SLOTS_PER_SCHEDULE = 8
SEATS_PER_SLOT = 6
MANY_SCHEDULES = PRACTITIONERS * MANY_DAYS * len(PERIODS)
MANY_SEATS = MANY_SCHEDULES * SLOTS_PER_SCHEDULE * SEATS_PER_SLOT
SOLD_OUT_SEATS = 30
# Who stood in the queue before anybody here: they fill the sold-out schedule.
EARLIER_PATIENTS = SOLD_OUT_SEATS
SCHEDULES_SHOWN = 400

# A bench measures the platform, not the limits that a hospital sets for a partner.
UNLIMITED = """
INSERT INTO rate_policy (id, client_id, covers, window_seconds)
VALUES (gen_random_uuid(), $1, 'care', 10), (gen_random_uuid(), $1, 'bulk', 10), (gen_random_uuid(), $1, 'all', 86400)
"""

# Prefixes of counted ids; the last twelve digits are the count. The version nibble is that of UUIDv7.
KIND_PREFIX = {
    "campus": "0190a000-0001-7000-8000",
    "department": "0190a000-0002-7000-8000",
    "clinic": "0190a000-0003-7000-8000",
    "room": "0190a000-0004-7000-8000",
    "practitioner": "0190a000-0005-7000-8000",
    "schedule": "0190a000-0006-7000-8000",
    "slot": "0190a000-0007-7000-8000",
    "patient": "0190a000-0008-7000-8000",
    "appointment": "0190a000-0009-7000-8000",
    "hot_schedule": "0190a000-000a-7000-8000",
    "hot_slot": "0190a000-000b-7000-8000",
    "past_schedule": "0180a000-000c-7000-8000",
    "past_slot": "0180a000-000d-7000-8000",
    "past_appointment": "0180a000-000e-7000-8000",
}


@dataclass(frozen=True)
class BenchHospital:
    """What the measurements need to know of the hospital that was built."""

    patients: int
    hot_schedules: int
    hot_seats: int
    first_day: date

    @property
    def hot_days(self) -> list[date]:
        """The clinic day of each hot schedule; the sold-out one stands on the day after the last."""
        return [self.first_day + timedelta(days=MANY_DAYS + n) for n in range(self.hot_schedules)]


def counted_id(kind: str, number: int) -> str:
    """The id of the n-th row of a kind."""
    return f"{KIND_PREFIX[kind]}-{number:012x}"


def patient_id(number: int) -> str:
    """The id of the n-th patient; 0 to `EARLIER_PATIENTS` - 1 hold the sold-out schedule."""
    return counted_id("patient", number)


def slot_id(number: int) -> str:
    """The id of the n-th of the many slots."""
    return counted_id("slot", number)


def id_sql(kind: str, number: str) -> str:
    """The SQL that makes the same id from a whole-number expression."""
    return f"('{KIND_PREFIX[kind]}-' || lpad(to_hex({number}), 12, '0'))::uuid"


async def build(
    connection: asyncpg.Connection,
    *,
    patients: int,
    hot_schedules: int,
    hot_seats: int,
    secret_hash: bytes,
    say: Callable[[str], None],
) -> BenchHospital:
    """Fill an empty, migrated database; `hot_schedules` schedules of one slot with `hot_seats` seats each."""
    first_day = clock.today() + timedelta(days=2)
    hospital = BenchHospital(patients, hot_schedules, hot_seats, first_day)
    async with connection.transaction():
        # The rows below are consistent by construction; checking each foreign key would double the time.
        await connection.execute("SET LOCAL session_replication_role = replica")
        say("Building the bench hospital: catalogue and client ...")
        await build_catalogue(connection, secret_hash)
        say(f"Building the bench hospital: {MANY_SEATS:,} seats in {MANY_SCHEDULES:,} schedules ...")
        await _many(connection, first_day)
        say(f"Building the bench hospital: {hot_schedules} hot schedules and a sold-out one ...")
        await _hot(connection, hospital)
        await _sold_out(connection, hospital)
        say(f"Building the bench hospital: {patients:,} patients ...")
        await add_patients(connection, first=0, count=patients)
    await connection.execute("VACUUM ANALYZE")
    return hospital


async def build_catalogue(connection: asyncpg.Connection, secret_hash: bytes) -> None:
    """Enter departments, clinics, rooms, practitioners and the client."""
    await connection.execute(f"""
        INSERT INTO channel (code, name_zh, name_en) VALUES ('{CHANNEL}', '压测渠道', 'Bench portal')
            ON CONFLICT DO NOTHING;
        INSERT INTO pool (code, name_zh, name_en) VALUES ('{POOL}', '公共号池', 'Common') ON CONFLICT DO NOTHING;
        INSERT INTO service_type (code, name_zh, name_en) VALUES ('{SERVICE_TYPE}', '普通门诊', 'General')
            ON CONFLICT DO NOTHING;
        INSERT INTO campus (id, code, name_zh, name_en, address, latitude, longitude)
            VALUES ({id_sql("campus", "1")}, 'BENCH', '压测院区', 'Bench campus', '-', 23.1, 113.3);
        INSERT INTO department (id, code, name_zh, name_en, pinyin, initials)
            SELECT {id_sql("department", "n")}, 'B' || lpad(n::text, 3, '0'), '科室' || n, 'Department ' || n,
                   'keshi' || n, 'ks' || n FROM generate_series(0, {DEPARTMENTS} - 1) n;
        INSERT INTO clinic (id, code, name_zh, name_en, department_id, campus_id)
            SELECT {id_sql("clinic", "n")}, 'BC' || lpad(n::text, 3, '0'), '门诊' || n, 'Clinic ' || n,
                   {id_sql("department", "n")}, {id_sql("campus", "1")} FROM generate_series(0, {DEPARTMENTS} - 1) n;
        INSERT INTO room (id, code, name_zh, name_en, clinic_id)
            SELECT {id_sql("room", "n")}, 'BR' || lpad(n::text, 3, '0'), '诊室' || n, 'Room ' || n,
                   {id_sql("clinic", "n")} FROM generate_series(0, {DEPARTMENTS} - 1) n;
        INSERT INTO practitioner (id, code, name, pinyin, initials, title, department_id)
            SELECT {id_sql("practitioner", "n")}, 'BD' || lpad(n::text, 4, '0'), '医生' || n, 'yisheng' || n,
                   'ys' || n, 'attending', {id_sql("department", f"n % {DEPARTMENTS}")}
            FROM generate_series(0, {PRACTITIONERS}) n;
    """)
    await connection.execute(
        "WITH made AS (INSERT INTO oauth_client (id, name, kind, channel, scopes)"
        " VALUES ($1, 'Bench portal', 'partner', $2, $4) RETURNING id)"
        " INSERT INTO oauth_client_secret (client_id, hash) SELECT id, $3 FROM made",
        CLIENT,
        CHANNEL,
        secret_hash,
        ["catalogue.read", "slots.read", "patients.read", "patients.write", "appointments.read", "appointments.write"],
    )
    await connection.execute(UNLIMITED, CLIENT)


def schedule_columns() -> str:
    """The columns that every schedule of the bench fills, in the order of its SELECTs."""
    return (
        "schedule (id, practitioner_id, clinic_id, department_id, campus_id, room_id, service_type, clinic_date,"
        " period, starts_at, ends_at, fee_fen)"
    )


def place_of_practitioner(number: str) -> str:
    """Practitioner, clinic, department, campus, room and service type of a practitioner's number in SQL."""
    department = f"({number}) % {DEPARTMENTS}"
    return (
        f"{id_sql('practitioner', number)}, {id_sql('clinic', department)}, {id_sql('department', department)},"
        f" {id_sql('campus', '1')}, {id_sql('room', department)}, '{SERVICE_TYPE}'"
    )


async def _many(connection: asyncpg.Connection, first_day: date) -> None:
    """A week of ordinary half-day clinics: 8 slots of half an hour with 6 numbers each."""
    await connection.execute(f"""
        INSERT INTO {schedule_columns()}
        SELECT {id_sql("schedule", "n")}, {place_of_practitioner(f"n % {PRACTITIONERS}")}, d.day,
               CASE h.half WHEN 0 THEN 'morning' ELSE 'afternoon' END,
               d.day + interval '8 hours' + h.half * interval '5 hours' - interval '8 hours',
               d.day + interval '12 hours' + h.half * interval '5 hours' - interval '8 hours', 2500
        FROM generate_series(0, {MANY_SCHEDULES} - 1) n
        CROSS JOIN LATERAL (SELECT (n / {PRACTITIONERS}) % 2 AS half) h
        CROSS JOIN LATERAL (SELECT date '{first_day}' + n / ({PRACTITIONERS} * 2) AS day) d;

        INSERT INTO slot (id, schedule_id, starts_at, ends_at)
        SELECT {id_sql("slot", f"n * {SLOTS_PER_SCHEDULE} + k")}, s.id, s.starts_at + k * interval '30 minutes',
               s.starts_at + (k + 1) * interval '30 minutes'
        FROM generate_series(0, {MANY_SCHEDULES} - 1) n
        JOIN schedule s ON s.id = {id_sql("schedule", "n")}
        CROSS JOIN generate_series(0, {SLOTS_PER_SCHEDULE} - 1) k;

        INSERT INTO seat (schedule_id, slot_id, seq, pool)
        SELECT {id_sql("schedule", "n")}, {id_sql("slot", f"n * {SLOTS_PER_SCHEDULE} + k")},
               k * {SEATS_PER_SLOT} + j, '{POOL}'
        FROM generate_series(0, {MANY_SCHEDULES} - 1) n
        CROSS JOIN generate_series(0, {SLOTS_PER_SCHEDULE} - 1) k
        CROSS JOIN generate_series(1, {SEATS_PER_SLOT}) j;

        INSERT INTO schedule_release (schedule_id, channel, pool, opens_at, via)
        SELECT {id_sql("schedule", "n")}, '{CHANNEL}', '{POOL}', now() - interval '1 day', 'rule'
        FROM generate_series(0, {MANY_SCHEDULES} - 1) n;
    """)


async def _hot(connection: asyncpg.Connection, hospital: BenchHospital) -> None:
    """Schedules that everybody wants: one slot each, on a day of its own."""
    for number, day in enumerate(hospital.hot_days):
        await add_hot_schedule(connection, number=number, day=day, seats=hospital.hot_seats)


async def add_hot_schedule(connection: asyncpg.Connection, *, number: int, day: date, seats: int) -> None:
    """One schedule of one slot; the practitioner is one who has no other clinic."""
    schedule, slot = counted_id("hot_schedule", number), counted_id("hot_slot", number)
    await connection.execute(f"""
        INSERT INTO {schedule_columns()}
        SELECT '{schedule}', {place_of_practitioner(str(PRACTITIONERS))}, date '{day}', 'morning',
               date '{day}' + time '00:00', date '{day}' + time '04:00', 5000;
        INSERT INTO slot (id, schedule_id, starts_at, ends_at)
        VALUES ('{slot}', '{schedule}', date '{day}' + time '00:00', date '{day}' + time '00:30');
        INSERT INTO seat (schedule_id, slot_id, seq, pool)
        SELECT '{schedule}', '{slot}', n, '{POOL}' FROM generate_series(1, {seats}) n;
        INSERT INTO schedule_release (schedule_id, channel, pool, opens_at, via)
        VALUES ('{schedule}', '{CHANNEL}', '{POOL}', now() - interval '1 day', 'rule');
    """)


def sold_out_slot(hospital: BenchHospital) -> str:
    """The slot that has no seat left."""
    return counted_id("hot_slot", hospital.hot_schedules)


async def _sold_out(connection: asyncpg.Connection, hospital: BenchHospital) -> None:
    """A schedule whose every seat has its appointment already."""
    day = hospital.first_day + timedelta(days=MANY_DAYS + hospital.hot_schedules)
    number = hospital.hot_schedules
    await add_hot_schedule(connection, number=number, day=day, seats=SOLD_OUT_SEATS)
    schedule = counted_id("hot_schedule", number)
    await connection.execute(f"""
        UPDATE seat SET status = 'booked' WHERE schedule_id = '{schedule}';
        INSERT INTO appointment (id, seat_id, seq, slot_id, schedule_id, department_id, clinic_date, starts_at,
                                 patient_id, status, channel, client_id, fee_fen, created_at, updated_at)
        SELECT {id_sql("appointment", "t.seq")}, t.id, t.seq, t.slot_id, t.schedule_id, s.department_id,
               s.clinic_date, s.starts_at, {id_sql("patient", "t.seq - 1")}, 'booked', '{CHANNEL}', 'bench-earlier',
               s.fee_fen, now(), now()
        FROM seat t JOIN schedule s ON s.id = t.schedule_id WHERE t.schedule_id = '{schedule}';
    """)


async def add_patients(connection: asyncpg.Connection, *, first: int, count: int) -> None:
    """Adults known to the bench's client; their sealed fields are noise of the right length."""
    await connection.execute(f"""
        INSERT INTO patient (id, name, sex, birth_date, document_type, document_cipher, document_hash)
        SELECT {id_sql("patient", "n")}, '病人' || n, 1 + n % 2, date '1960-01-01' + n % 14000, '01',
               sha256(('cipher' || n)::bytea) || '\\x0102030405060708090a0b0c0d0e0f'::bytea,
               sha256(('document' || n)::bytea)
        FROM generate_series({first}, {first + count - 1}) n;
        INSERT INTO patient_access (client_id, patient_id)
        SELECT '{CLIENT}', {id_sql("patient", "n")} FROM generate_series({first}, {first + count - 1}) n;
    """)
