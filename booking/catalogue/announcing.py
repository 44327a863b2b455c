"""Telling the core HIS of schedules and practitioners: which messages are due, and the facts they carry.

Schedules of one campus and clinic day share messages (and an order): a generated fortnight is some dozens of
messages rather than thousands. Facts are read when a message is sent, so a late message tells how things stand then.
"""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from integration.his.facts import PractitionerFacts, ScheduleFacts, SlotFacts
from kernel import clock, outbox
from kernel.db import Database, Row, Transaction

HIS = "his"
SCHEDULES_A_MESSAGE = 50
WINDOW_POOL = "window"
"""The pool whose seats the HIS's own registration window sells from its copy, until they are recycled."""


async def announce_schedules(tx: Transaction, schedule_ids: Sequence[UUID], *, event_type: str) -> dict[UUID, int]:
    """Put messages about schedules into the outbox, in order within each campus and clinic day; give their letters."""
    letters: dict[UUID, int] = {}
    rows = await tx.fetch(
        "SELECT campus_id, clinic_date, array_agg(id ORDER BY starts_at, id) AS ids FROM schedule"
        " WHERE id = ANY ($1) GROUP BY campus_id, clinic_date ORDER BY clinic_date, campus_id",
        list(schedule_ids),
    )
    for row in rows:
        for start in range(0, len(row["ids"]), SCHEDULES_A_MESSAGE):
            named = row["ids"][start : start + SCHEDULES_A_MESSAGE]
            letter = await outbox.publish(
                tx,
                handler=HIS,
                event_type=event_type,
                aggregate=f"campusday:{row['campus_id']}:{row['clinic_date']}",
                payload={"schedule_ids": [str(schedule_id) for schedule_id in named]},
            )
            letters |= dict.fromkeys(named, letter)
    return letters


async def announce_coming_schedules(tx: Transaction, *, with_pool: str) -> None:
    """Tell the HIS of every coming schedule that has seats of a pool, because a rule of the pool has changed."""
    rows = await tx.fetch(
        "UPDATE schedule s SET version = version + 1 WHERE s.status = 'active' AND s.ends_at > $2"
        " AND EXISTS (SELECT FROM seat e WHERE e.schedule_id = s.id AND e.pool = $1) RETURNING s.id",
        with_pool,
        clock.now(),
    )
    await announce_schedules(tx, [row["id"] for row in rows], event_type="schedule.changed")


async def announce_practitioner(tx: Transaction, practitioner_id: UUID) -> None:
    """Put a message about a new or changed practitioner into the outbox."""
    await outbox.publish(
        tx,
        handler=HIS,
        event_type="practitioner.changed",
        aggregate=f"practitioner:{practitioner_id}",
        payload={"practitioner_id": str(practitioner_id)},
    )


_SCHEDULES = """
SELECT s.id, c.code AS clinic_code, p.code AS practitioner_code, s.service_type, s.clinic_date, s.period, s.status,
       s.fee_fen, s.version, r.code AS room_code,
       CASE WHEN w.recycle_minutes_before IS NOT NULL
            THEN s.starts_at - make_interval(mins => w.recycle_minutes_before) END AS window_until
FROM schedule s
JOIN clinic c ON c.id = s.clinic_id
JOIN practitioner p ON p.id = s.practitioner_id
JOIN room r ON r.id = s.room_id
LEFT JOIN pool w ON w.code = $2
WHERE s.id = ANY ($1)
ORDER BY s.starts_at, s.id
"""

# Runs of numbers without a gap: a slot has one, and more where it has extra seats, numbered behind the schedule's last.
_SLOTS = """
SELECT n.schedule_id, n.starts_at, n.ends_at, min(n.seq) AS first_seq, max(n.seq) AS last_seq,
       coalesce(array_agg(n.seq ORDER BY n.seq) FILTER (WHERE n.pool = $2 AND n.status <> 'blocked'), '{}')
           AS window_seqs,
       coalesce(array_agg(n.seq ORDER BY n.seq) FILTER (
           WHERE n.aside IN ('set_aside', 'confirmed') AND n.status <> 'blocked'), '{}') AS emergency_seqs,
       min(n.returns_at) FILTER (WHERE n.aside IN ('set_aside', 'confirmed')) AS emergency_until,
       coalesce(array_agg(n.seq ORDER BY n.seq) FILTER (WHERE n.aside = 'recalled'), '{}') AS recalled_seqs
FROM (SELECT t.schedule_id, t.id, t.starts_at, t.ends_at, e.seq, e.pool, e.status, w.status AS aside, w.returns_at,
             e.seq - row_number() OVER (PARTITION BY t.id ORDER BY e.seq) AS run
      FROM slot t JOIN seat e ON e.schedule_id = t.schedule_id AND e.slot_id = t.id
      LEFT JOIN window_number w ON w.seat_id = e.id AND w.closed_at IS NULL
      WHERE t.schedule_id = ANY ($1)) n
GROUP BY n.schedule_id, n.id, n.starts_at, n.ends_at, n.run ORDER BY n.starts_at, first_seq
"""


async def load_schedules(db: Database | Transaction, schedule_ids: Sequence[UUID]) -> list[ScheduleFacts]:
    """Give schedules as they stand now, in the words of the port; withdrawn ones too, unknown ones not."""
    rows = await db.fetch(_SCHEDULES, list(schedule_ids), WINDOW_POOL)
    slots: dict[UUID, list[Row]] = defaultdict(list)
    for slot in await db.fetch(_SLOTS, list(schedule_ids), WINDOW_POOL):
        slots[slot["schedule_id"]].append(slot)
    return [
        ScheduleFacts(
            schedule_id=row["id"],
            clinic_code=row["clinic_code"],
            practitioner_code=row["practitioner_code"],
            service_type=row["service_type"],
            clinic_date=row["clinic_date"],
            period=row["period"],
            status=row["status"],
            fee_fen=row["fee_fen"],
            version=row["version"],
            room_code=row["room_code"],
            slots=tuple(
                SlotFacts(
                    starts_at=slot["starts_at"],
                    ends_at=slot["ends_at"],
                    first_sequence=slot["first_seq"],
                    last_sequence=slot["last_seq"],
                    window_sequences=tuple(slot["window_seqs"]),
                    window_until=row["window_until"],
                    emergency_sequences=tuple(slot["emergency_seqs"]),
                    emergency_until=slot["emergency_until"],
                    recalled_sequences=tuple(slot["recalled_seqs"]),
                )
                for slot in slots[row["id"]]
            ),
        )
        for row in rows
    ]


async def load_practitioner(db: Database | Transaction, practitioner_id: UUID) -> PractitionerFacts | None:
    """Give a practitioner as it stands now, in the words of the port; None: there is no such one."""
    row = await db.fetchrow(
        "SELECT p.code, p.name, p.title, d.code AS department_code, p.active, p.version"
        " FROM practitioner p JOIN department d ON d.id = p.department_id WHERE p.id = $1",
        practitioner_id,
    )
    return PractitionerFacts(*row.values()) if row else None
