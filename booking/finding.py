"""Finding practitioners, schedules, slots and appointments by criteria, for callers who say what they may see.

Each page is one statement, in an order that goes on after the last entry of the page before. Names are read along,
so that whoever shows an entry need not ask again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from kernel import clock
from kernel.criteria import Criterion, Where
from kernel.db import database


class Named(NamedTuple):
    """Something of the directory: its code, and its name in Chinese."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class PractitionerRecord:
    """Somebody whom patients book. sex: GB/T 2261.1."""

    id: UUID
    code: str
    name: str
    sex: int
    title: Named
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class Visit:
    """What a schedule, its slots and their appointments have in common. place: campus and room."""

    practitioner_id: UUID
    practitioner: str
    service_type: Named
    department: Named
    place: str


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """A practitioner's half day."""

    id: UUID
    visit: Visit
    starts_at: datetime
    ends_at: datetime
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class SlotRecord:
    """Half an hour of a schedule at most. status: FHIR's, as it is for one channel now."""

    id: UUID
    schedule_id: UUID
    visit: Visit
    starts_at: datetime
    ends_at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class AppointmentRecord:
    """A patient's number in a schedule."""

    id: UUID
    number: int
    status: str
    visit: Visit
    patient_id: UUID
    slot_id: UUID
    starts_at: datetime
    ends_at: datetime
    queue_number: int
    cancel_reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime


_VISIT_COLUMNS: Final = (
    "sc.practitioner_id, pr.name, sc.service_type, st.name_zh, d.code, d.name_zh, ca.name_zh || ' ' || ro.name_zh"
)
_VISIT_TABLES: Final = """
JOIN practitioner pr ON pr.id = sc.practitioner_id JOIN service_type st ON st.code = sc.service_type
JOIN department d ON d.id = sc.department_id JOIN campus ca ON ca.id = sc.campus_id JOIN room ro ON ro.id = sc.room_id
"""
_VISIT_WIDTH: Final = 7

# What may be searched: criteria's fields, with the conditions that they mean.
PRACTITIONERS: Final = {
    "id": "p.id = ANY({}::uuid[])",
    "code": "p.code = ANY({}::text[])",
    "name": "EXISTS (SELECT FROM unnest({}::text[]) AS f (beginning) WHERE starts_with(lower(p.name), f.beginning))",
}
SCHEDULES: Final = {
    "id": "sc.id = ANY({}::uuid[])",
    "practitioner": "sc.practitioner_id = ANY({}::uuid[])",
    "date": "sc.starts_at/sc.ends_at",
}
SLOTS: Final = {
    "id": "s.id = ANY({}::uuid[])",
    "schedule": "s.schedule_id = ANY({}::uuid[])",
    "start": "s.starts_at",
    "status": "f.status = ANY({}::text[])",
}
APPOINTMENTS: Final = {
    "id": "a.id = ANY({}::uuid[])",
    "patient": "a.patient_id = ANY({}::uuid[])",
    "practitioner": "sc.practitioner_id = ANY({}::uuid[])",
    "slot": "a.slot_id = ANY({}::uuid[])",
    "status": "a.status = ANY({}::text[])",
    "number": "a.number = ANY({}::bigint[])",
    "date": "a.starts_at",
    "client": "a.client_id = ANY({}::text[])",
    "updated_at": "a.updated_at",
}

_PRACTITIONER: Final = "FROM practitioner p JOIN title t ON t.code = p.title"
_SCHEDULE: Final = f"FROM schedule sc {_VISIT_TABLES}"
_APPOINTMENT: Final = (
    f"FROM appointment a JOIN slot s ON s.id = a.slot_id JOIN schedule sc ON sc.id = a.schedule_id {_VISIT_TABLES}"
)
# As `booking.availability` counts: what is past, not released or kept for those who wait cannot be had.
_SLOT_STATUS: Final = """
CROSS JOIN LATERAL (SELECT array_agg(l.pool) AS pools FROM schedule_release l
    WHERE l.schedule_id = s.schedule_id AND l.channel = {channel} AND l.opens_at <= {at}) r
CROSS JOIN LATERAL (SELECT CASE
    WHEN sc.status <> 'active' OR NOT c.active OR s.starts_at <= {at} OR r.pools IS NULL THEN 'busy-unavailable'
    WHEN EXISTS (SELECT FROM seat t WHERE t.slot_id = s.id AND t.pool = ANY (r.pools) AND t.status IN ('free', 'held')
        AND (t.status = 'free' OR t.hold_until <= {at}))
    THEN CASE WHEN (EXISTS (SELECT FROM waitlist_entry WHERE status = 'waiting' AND offer_id IS NULL)
            OR EXISTS (SELECT FROM booking_rule WHERE return_delay_seconds_max > 0))
        AND settles_first(sc.id, sc.practitioner_id, sc.department_id, sc.clinic_id, sc.clinic_date, s.id, {at})
        THEN 'busy-tentative' ELSE 'free' END
    WHEN EXISTS (SELECT FROM seat t WHERE t.slot_id = s.id AND t.pool = ANY (r.pools) AND t.status = 'held')
    THEN 'busy-tentative' ELSE 'busy' END AS status) f
"""
_SLOT: Final = (
    "FROM slot s JOIN schedule sc ON sc.id = s.schedule_id JOIN clinic c ON c.id = sc.clinic_id"
    + _VISIT_TABLES
    + _SLOT_STATUS
)


async def find_practitioners(
    criteria: Sequence[Criterion], *, after: Sequence[Any] | None, limit: int
) -> list[PractitionerRecord]:
    """List practitioners by id, those who have left among them: old appointments name them.

    Raises:
        DatabaseUnavailable.
    """
    where = Where(PRACTITIONERS)
    columns = "p.id, p.code, p.name, p.sex, p.title, t.name_zh, p.active, p.version"
    rows = await _page(where, columns, _PRACTITIONER, criteria, order=("p.id",), after=after, limit=limit)
    return [
        PractitionerRecord(*row[:4], title=Named(*row[4:6]), active=row[6], version=row[7])  # type: ignore[misc]  # a row knows no types
        for row in rows
    ]


async def find_schedules(
    criteria: Sequence[Criterion], *, after: Sequence[Any] | None, limit: int
) -> list[ScheduleRecord]:
    """List schedules by when they start, the withdrawn among them.

    Raises:
        DatabaseUnavailable.
    """
    where = Where(SCHEDULES)
    columns = f"{_VISIT_COLUMNS}, sc.id, sc.starts_at, sc.ends_at, sc.status = 'active', sc.version"
    order = ("sc.starts_at", "sc.id")
    rows = await _page(where, columns, _SCHEDULE, criteria, order=order, after=after, limit=limit)
    found = ((_visit(row), row[_VISIT_WIDTH:]) for row in rows)
    return [
        ScheduleRecord(schedule_id, visit, starts_at, ends_at, active, version)
        for visit, (schedule_id, starts_at, ends_at, active, version) in found
    ]


async def find_slots(
    criteria: Sequence[Criterion], *, channel: str, after: Sequence[Any] | None, limit: int
) -> list[SlotRecord]:
    """List slots by when they start, with what a channel may have of them now.

    Raises:
        DatabaseUnavailable.
    """
    where = Where(SLOTS)
    columns = f"{_VISIT_COLUMNS}, s.id, s.schedule_id, s.starts_at, s.ends_at, f.status"
    source = _SLOT.format(channel=where.place(channel), at=where.place(clock.now()))
    order = ("s.starts_at", "s.id")
    rows = await _page(where, columns, source, criteria, order=order, after=after, limit=limit)
    found = ((_visit(row), row[_VISIT_WIDTH:]) for row in rows)
    return [
        SlotRecord(slot_id, schedule_id, visit, starts_at, ends_at, status)
        for visit, (slot_id, schedule_id, starts_at, ends_at, status) in found
    ]


async def find_appointments(
    criteria: Sequence[Criterion], *, after: Sequence[Any] | None, limit: int
) -> list[AppointmentRecord]:
    """List appointments in the order in which they were made.

    Raises:
        DatabaseUnavailable.
    """
    where = Where(APPOINTMENTS)
    columns = (
        f"{_VISIT_COLUMNS}, a.id, a.number, a.status, a.patient_id, a.slot_id, a.starts_at, s.ends_at, a.seq,"
        " a.cancel_reason, a.version, a.created_at, a.updated_at"
    )
    rows = await _page(where, columns, _APPOINTMENT, criteria, order=("a.id",), after=after, limit=limit)
    found = ((_visit(row), row[_VISIT_WIDTH:]) for row in rows)
    return [AppointmentRecord(*[*facts[:3], visit, *facts[3:]]) for visit, facts in found]


async def count(kind: str, criteria: Sequence[Criterion], *, channel: str, up_to: int) -> int:
    """Count the entries of a kind (`practitioner`, `schedule`, `slot`, `appointment`) that fit, up to a number.

    Raises:
        DatabaseUnavailable.
    """
    conditions, source = _KINDS[kind]
    where = Where(conditions)
    if kind == "slot":
        source = source.format(channel=where.place(channel), at=where.place(clock.now()))
    condition = where.all_of(criteria)
    statement = f"SELECT count(*) FROM (SELECT {source} WHERE {condition} LIMIT {where.place(up_to)}) AS found"  # noqa: S608  our own conditions
    return int(await database().fetchval(statement, *where.values))


_KINDS: Final[Mapping[str, tuple[Mapping[str, str], str]]] = {
    "practitioner": (PRACTITIONERS, _PRACTITIONER),
    "schedule": (SCHEDULES, _SCHEDULE),
    "slot": (SLOTS, _SLOT),
    "appointment": (APPOINTMENTS, _APPOINTMENT),
}


async def _page(
    where: Where,
    columns: str,
    source: str,
    criteria: Sequence[Criterion],
    *,
    order: Sequence[str],
    after: Sequence[Any] | None,
    limit: int,
) -> list[tuple[Any, ...]]:
    condition = f"{where.all_of(criteria)} AND {where.after(order, after)}"
    rows = await database().fetch(
        f"SELECT {columns} {source} WHERE {condition} ORDER BY {', '.join(order)} LIMIT {where.place(limit)}",
        *where.values,
    )
    return [tuple(row) for row in rows]


def _visit(row: Sequence[Any]) -> Visit:
    practitioner_id, practitioner, service, service_name, department, department_name, place = row[:_VISIT_WIDTH]
    return Visit(practitioner_id, practitioner, Named(service, service_name), Named(department, department_name), place)
