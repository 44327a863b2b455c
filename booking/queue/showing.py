"""What a patient is shown of coming: whether they can check in now, where, and what becomes of whoever is missed."""

from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from booking.errors import AppointmentNotFound
from booking.queue import errors
from kernel import clock
from kernel.db import database


class Arrival(NamedTuple):
    """How checking in for an appointment stands.

    standing: `early` and `open` until `closes_at`, `late` after it, `done` once there is a place in the queue, `off`
    when nobody is waited for. radius_meters: how near to the campus a phone has to be.
    """

    appointment_id: UUID
    standing: str
    opens_at: datetime
    closes_at: datetime
    radius_meters: int
    entry_id: UUID | None
    clinic_date: date
    starts_at: datetime
    queue_number: int
    practitioner: str
    department_zh: str
    department_en: str
    campus_zh: str
    campus_en: str
    address: str
    room_zh: str
    room_en: str
    floor: str


_ARRIVAL: Final = """
SELECT a.id AS appointment_id, a.status, a.clinic_date, a.starts_at, a.seq AS queue_number, e.id AS entry_id,
       coalesce(o.check_in_minutes_before, h.check_in_minutes_before) AS minutes_before,
       coalesce(o.check_in_minutes_after, h.check_in_minutes_after) AS minutes_after,
       coalesce(o.check_in_radius_meters, h.check_in_radius_meters) AS radius_meters,
       p.name AS practitioner, d.name_zh AS department_zh, d.name_en AS department_en, m.name_zh AS campus_zh,
       m.name_en AS campus_en, m.address, r.name_zh AS room_zh, r.name_en AS room_en, r.floor
FROM appointment a
JOIN schedule sc ON sc.id = a.schedule_id
JOIN practitioner p ON p.id = sc.practitioner_id
JOIN department d ON d.id = a.department_id
JOIN campus m ON m.id = sc.campus_id
JOIN room r ON r.id = sc.room_id
JOIN booking_rule h ON h.clinic_id IS NULL
LEFT JOIN booking_rule o ON o.clinic_id = sc.clinic_id
LEFT JOIN visit_queue_entry e ON e.appointment_id = a.id
WHERE a.id = $1
"""


async def read_arrival(appointment_id: UUID) -> Arrival:
    """Say how checking in for an appointment stands, for whoever may see it.

    Raises:
        AppointmentNotFound, DatabaseUnavailable.
    """
    row = await database().fetchrow(_ARRIVAL, appointment_id)
    if row is None:
        raise AppointmentNotFound
    facts = dict(row)
    status, day = facts.pop("status"), facts["clinic_date"]
    # As `checkin.check_in` has it: within the clinic's window, and on the clinic's day.
    opens_at = max(facts["starts_at"] - timedelta(minutes=facts.pop("minutes_before")), _midnight(day))
    closes_at = min(
        facts["starts_at"] + timedelta(minutes=facts.pop("minutes_after")), _midnight(day + timedelta(days=1))
    )
    return Arrival(
        standing=_standing(status, facts["entry_id"], opens_at=opens_at, closes_at=closes_at),
        opens_at=opens_at,
        closes_at=closes_at,
        **facts,
    )


def _standing(status: str, entry_id: UUID | None, *, opens_at: datetime, closes_at: datetime) -> str:
    if entry_id is not None:
        return "done"
    if status not in ("booked", "arrived"):
        return "off"
    at = clock.now()
    if at < opens_at:
        return "early"
    return "open" if at <= closes_at else "late"


def _midnight(day: date) -> datetime:
    return clock.clinic_instant(day, time(0))


class Surroundings(NamedTuple):
    """What a place in a queue has around it. pass_places: how many go before whoever was missed and comes back."""

    entry_id: UUID
    department_zh: str
    department_en: str
    campus_zh: str
    campus_en: str
    pass_places: int


async def read_surroundings(visit_id: UUID) -> Surroundings:
    """Find a place in a queue by its own id or that of its appointment, for whoever may see it.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT e.id, d.name_zh, d.name_en, m.name_zh, m.name_en, coalesce(o.pass_places, h.pass_places)"
        " FROM visit_queue_entry e JOIN visit_queue q ON q.id = e.queue_id JOIN clinic c ON c.id = q.clinic_id"
        " JOIN department d ON d.id = c.department_id JOIN campus m ON m.id = c.campus_id"
        " JOIN booking_rule h ON h.clinic_id IS NULL LEFT JOIN booking_rule o ON o.clinic_id = c.id"
        " WHERE e.id = $1 OR e.appointment_id = $1",
        visit_id,
    )
    if row is None:
        raise errors.EntryNotFound
    return Surroundings(*row)
