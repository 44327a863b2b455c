"""Reading queues: those of a room, one person's place, and how good the estimates were."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from booking.queue import errors
from booking.queue.facts import Coming, Entry, Person, Place, QueueState, Session
from booking.queue.order import ON_TIME, PRIORITY, Booked, OrderRule, order_seconds
from booking.queue.pace import measure_pace
from booking.queue.states import OVER, WAITING
from kernel import clock
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor

PAST_DAYS: Final = 30
PAST_VISITS_MAX: Final = 60
PEOPLE_MAX: Final = 2_000

_PLACES: Final = """
SELECT q.id AS queue_id, q.clinic_date, q.clinic_id, c.name_zh AS clinic_name_zh, c.name_en AS clinic_name_en,
       q.practitioner_id, p.name AS practitioner_name, t.name_zh AS title_zh, t.name_en AS title_en,
       q.room_id, r.code AS room_code, r.name_zh AS room_name_zh, r.name_en AS room_name_en, r.floor AS room_floor,
       q.last_event, s.planned_seconds
FROM visit_queue q
JOIN clinic c ON c.id = q.clinic_id
JOIN practitioner p ON p.id = q.practitioner_id
JOIN title t ON t.code = p.title
JOIN room r ON r.id = q.room_id
LEFT JOIN LATERAL (
    SELECT extract(epoch FROM sum(sc.ends_at - sc.starts_at))::double precision
               / nullif(sum((SELECT count(*) FROM seat e WHERE e.schedule_id = sc.id)), 0)::double precision
               AS planned_seconds
    FROM schedule sc
    WHERE sc.practitioner_id = q.practitioner_id AND sc.clinic_date = q.clinic_date AND sc.status = 'active') s ON true
"""

# A clinic has begun when somebody who booked there has been called.
_SESSIONS: Final = """
SELECT q.id AS queue_id, sc.id AS schedule_id, sc.starts_at, sc.ends_at, EXISTS (
    SELECT FROM visit_queue_entry e
    WHERE e.queue_id = q.id AND e.schedule_id = sc.id AND e.first_called_at IS NOT NULL) AS has_begun
FROM visit_queue q JOIN schedule sc ON sc.practitioner_id = q.practitioner_id AND sc.clinic_date = q.clinic_date
     AND sc.room_id = q.room_id AND sc.status = 'active'
WHERE q.id = ANY ($1) ORDER BY sc.starts_at
"""

_PEOPLE: Final = """
SELECT e.queue_id, e.id, e.label, e.status, e.class AS class_, e.patient_id, e.appointment_id, e.client_id,
       e.is_elderly, e.is_disabled, e.is_military, e.way, e.order_seconds, e.ticket, e.calls, e.passes,
       e.checked_in_at, e.called_at, e.started_at, e.finished_at, left(p.name, 1) || '*' AS masked_name, e.schedule_id
FROM visit_queue_entry e JOIN patient p ON p.id = e.patient_id
WHERE e.queue_id = ANY ($1) AND (e.status <> ALL ($2) OR e.id = $3)
ORDER BY e.order_seconds, e.ticket LIMIT $4
"""

# A visit's length is from its call to its end, of those where somebody was really seen.
_VISITS: Final = """
SELECT q.id, today.lengths AS today, past.lengths AS past FROM visit_queue q
CROSS JOIN LATERAL (
    SELECT array_agg(extract(epoch FROM e.finished_at - e.called_at)::double precision) AS lengths
    FROM visit_queue t JOIN visit_queue_entry e ON e.queue_id = t.id
    WHERE t.practitioner_id = q.practitioner_id AND t.clinic_date = q.clinic_date
      AND e.status = 'finished' AND e.started_at IS NOT NULL) today
CROSS JOIN LATERAL (
    SELECT array_agg(v.length) AS lengths FROM (
        SELECT extract(epoch FROM e.finished_at - e.called_at)::double precision AS length
        FROM visit_queue t JOIN visit_queue_entry e ON e.queue_id = t.id
        WHERE t.practitioner_id = q.practitioner_id AND t.clinic_date < q.clinic_date
          AND t.clinic_date >= q.clinic_date - $2::integer
          AND e.status = 'finished' AND e.started_at IS NOT NULL
        ORDER BY t.clinic_date DESC, e.finished_at DESC LIMIT $3) v) past
WHERE q.id = ANY ($1)
"""

# By their seats, for which there are indexes already: every index of appointments is paid for by every booking.
# Who is old enough will have a head start, as in `entering.enter`.
_COMING: Final = """
SELECT q.id, a.schedule_id, a.starts_at, a.seq, coalesce(o.priority_minutes, h.priority_minutes) AS priority_minutes,
       age(q.clinic_date, p.birth_date) >= make_interval(years => coalesce(o.elderly_years, h.elderly_years))
       AS has_priority
FROM visit_queue q
JOIN schedule sc ON sc.practitioner_id = q.practitioner_id AND sc.clinic_date = q.clinic_date
     AND sc.room_id = q.room_id AND sc.status = 'active'
JOIN seat t ON t.schedule_id = sc.id AND t.status = 'booked'
JOIN appointment a ON a.seat_id = t.id AND a.status = 'booked'
JOIN patient p ON p.id = a.patient_id
JOIN booking_rule h ON h.clinic_id IS NULL
LEFT JOIN booking_rule o ON o.clinic_id = sc.clinic_id
WHERE q.id = ANY ($1)
  AND a.starts_at + make_interval(mins => coalesce(o.late_minutes_after, h.late_minutes_after)) > $2
"""

_ACCURACY: Final = """
SELECT clinic_id, clinic_date, count(*) AS waits,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(waited - estimate_seconds)))::integer,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY waited))::integer,
       round(avg((waited BETWEEN estimate_low AND estimate_high)::integer), 3)::double precision
FROM (SELECT q.clinic_id, e.clinic_date, e.estimate_seconds, e.estimate_low, e.estimate_high,
             extract(epoch FROM e.first_called_at - e.checked_in_at)::double precision AS waited
      FROM visit_queue_entry e JOIN visit_queue q ON q.id = e.queue_id
      WHERE e.clinic_date BETWEEN $1 AND $2 AND ($3::uuid IS NULL OR q.clinic_id = $3)
        AND e.estimate_seconds IS NOT NULL AND e.first_called_at IS NOT NULL) told
GROUP BY clinic_id, clinic_date ORDER BY clinic_date, clinic_id
"""


async def read_queues(
    db: Database | Transaction, queue_ids: Sequence[UUID], *, at: datetime, with_entry: UUID | None = None
) -> list[QueueState]:
    """Read queues as they stand, the people who are through with left out but for the one entry that is asked for.

    Raises:
        DatabaseUnavailable.
    """
    ids = list(queue_ids)
    places = await db.fetch(_PLACES + " WHERE q.id = ANY ($1) ORDER BY q.clinic_date, q.id", ids)
    if not places:
        return []
    people: dict[UUID, list[Person]] = defaultdict(list)
    for row in await db.fetch(_PEOPLE, ids, list(OVER), with_entry, PEOPLE_MAX):
        queue_id, *values = row
        people[queue_id].append(Person(*values))
    visits = {row["id"]: row for row in await db.fetch(_VISITS, ids, PAST_DAYS, PAST_VISITS_MAX)}
    coming: dict[UUID, list[Coming]] = defaultdict(list)
    for row in await db.fetch(_COMING, ids, at):
        coming[row["id"]].append(_coming(row, at))
    sessions: dict[UUID, list[Session]] = defaultdict(list)
    for row in await db.fetch(_SESSIONS, ids):
        queue_id, *values = row
        sessions[queue_id].append(Session(*values))
    return [
        _state(row, people[one], visits[one], coming[one], sessions[one]) for row in places for one in [row["queue_id"]]
    ]


def _coming(row: Row, at: datetime) -> Coming:
    rule = OrderRule(priority_minutes=row["priority_minutes"], return_visit_minutes=0, late_minutes_after=0)
    booked = Booked(row["starts_at"], row["seq"])
    class_ = PRIORITY if row["has_priority"] else ON_TIME
    return Coming(
        order_seconds(class_, booked=booked, came_at=at, rule=rule), row["schedule_id"], row["starts_at"] < at
    )


def _state(
    row: Row, people: Sequence[Person], visits: Row, coming: Sequence[Coming], sessions: Sequence[Session]
) -> QueueState:
    facts = dict(row)
    planned = facts.pop("planned_seconds")
    return QueueState(
        place=Place(**facts),
        sessions=tuple(sessions),
        waiting=tuple(one for one in people if one.status == WAITING),
        others=tuple(one for one in people if one.status != WAITING),
        coming=tuple(coming),
        pace=measure_pace(visits["today"] or (), visits["past"] or (), planned=planned),
    )


async def read_room(db: Database | Transaction, room_id: UUID, *, at: datetime) -> list[QueueState]:
    """Read today's queues before one room.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT id FROM visit_queue WHERE room_id = $1 AND clinic_date = $2", room_id, clock.clinic_date(at)
    )
    return await read_queues(db, [row["id"] for row in rows], at=at)


async def read_entry(db: Database | Transaction, entry_id: UUID, *, at: datetime) -> Entry:
    """Read one place in a queue, whoever may see it.

    Raises:
        EntryNotFound: no such entry.
    """
    queue_id = await db.fetchval("SELECT queue_id FROM visit_queue_entry WHERE id = $1", entry_id)
    if queue_id is None:
        raise errors.EntryNotFound
    for state in await read_queues(db, [queue_id], at=at, with_entry=entry_id):
        for entry in state.entries_at(at):
            if entry.id == entry_id:
                return entry
    raise errors.EntryNotFound


async def require_visible(entry_id: UUID, *, actor: Actor) -> UUID:
    """Give the room of a place in a queue that the caller may see.

    Raises:
        EntryNotFound: absent, or another client's.
    """
    room_id = await database().fetchval(
        "SELECT q.room_id FROM visit_queue_entry e JOIN visit_queue q ON q.id = e.queue_id"
        " WHERE e.id = $1 AND ($2 OR e.client_id = $3)",
        entry_id,
        actor.sees_all,
        actor.client_id,
    )
    if room_id is None:
        raise errors.EntryNotFound
    return UUID(str(room_id))


async def get_entry(entry_id: UUID, *, actor: Actor) -> Entry:
    """Read one place in a queue of the caller's.

    Raises:
        EntryNotFound: absent, or another client's.
    """
    await require_visible(entry_id, actor=actor)
    return await read_entry(database(), entry_id, at=clock.now())


async def list_queues(*, room_id: UUID) -> list[QueueState]:
    """Read today's queues before a room, for those who call; a room where nobody has come yet has none.

    Raises:
        DatabaseUnavailable.
    """
    return await read_room(database(), room_id, at=clock.now())


class Missed(NamedTuple):
    """Something that happened to a person while nobody listened."""

    id: int
    kind: str
    at: datetime


async def events_after(entry_id: UUID, *, after: int, limit: int) -> list[Missed]:
    """List what has happened to a place in a queue since an event, oldest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT id, kind, at FROM visit_queue_event WHERE entry_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        entry_id,
        after,
        limit,
    )
    return [Missed(*row) for row in rows]


class Accuracy(NamedTuple):
    """How good the estimates given at check-in were, in one clinic on one day; seconds."""

    clinic_id: UUID
    clinic_date: date
    waits: int
    median_absolute_error_seconds: int
    median_wait_seconds: int
    share_inside_interval: float


async def measure_accuracy(*, day_from: date, day_until: date, clinic_id: UUID | None) -> list[Accuracy]:
    """Compare what people were told at check-in with when they were called, by clinic and day.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(_ACCURACY, day_from, day_until, clinic_id)
    return [Accuracy(*row) for row in rows]


async def forget_fixes(*, kept: timedelta, limit: int = 5_000) -> int:
    """Forget where phones were, a bounded number at a time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    return await database().execute(
        "DELETE FROM check_in_fix WHERE id IN (SELECT id FROM check_in_fix WHERE reported_at < $1 LIMIT $2)",
        clock.now() - kept,
        limit,
    )
