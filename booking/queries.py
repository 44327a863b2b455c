"""Reading holds and appointments, always within the caller's scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from booking import errors
from booking.facts import Appointment, Hold, SlotFacts
from kernel import clock
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor

SCHEDULES_OF_DAY_MAX = 500

_APPOINTMENT = """
SELECT a.id, a.number, a.status, a.his_status, a.patient_id, a.slot_id, a.schedule_id, a.department_id, sc.clinic_id,
       sc.campus_id, sc.room_id, sc.practitioner_id, sc.service_type, a.clinic_date, a.starts_at, s.ends_at,
       a.seq AS queue_number, a.fee_fen, a.channel, a.client_id, a.cancel_reason, a.version, a.created_at, a.updated_at,
       a.follow_up_of, a.payment
FROM appointment a JOIN schedule sc ON sc.id = a.schedule_id JOIN slot s ON s.id = a.slot_id
"""


@dataclass(frozen=True, slots=True)
class AppointmentFilter:
    """Which appointments to list; None leaves a filter off."""

    patient_id: UUID | None = None
    status: str | None = None
    date_from: date | None = None
    date_until: date | None = None
    schedule_id: UUID | None = None
    number: int | None = None


async def get_appointment(appointment_id: UUID, *, actor: Actor) -> Appointment:
    """Read one appointment of the caller's.

    Raises:
        AppointmentNotFound: absent, or another client's.
    """
    row = await database().fetchrow(
        _APPOINTMENT + " WHERE a.id = $1 AND ($2 OR a.client_id = $3)", appointment_id, actor.sees_all, actor.client_id
    )
    if row is None:
        raise errors.AppointmentNotFound
    return Appointment(**dict(row))


async def read_appointment(db: Database | Transaction, appointment_id: UUID) -> Appointment:
    """Read an appointment that is known to exist."""
    row = await db.fetchrow(_APPOINTMENT + " WHERE a.id = $1", appointment_id)
    assert row is not None, "just written"
    return Appointment(**dict(row))


async def list_appointments(
    wanted: AppointmentFilter, *, actor: Actor, before: UUID | None, limit: int
) -> Sequence[Appointment]:
    """List the caller's appointments, newest first; `before` is the last id of the page before."""
    conditions: list[str] = []
    values: list[object] = []

    def where(condition: str, value: object) -> None:
        if value is not None:
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))

    where("a.client_id = {}", None if actor.sees_all else actor.client_id)
    where("a.patient_id = {}", wanted.patient_id)
    where("a.status = {}", wanted.status)
    where("a.clinic_date >= {}", wanted.date_from)
    where("a.clinic_date <= {}", wanted.date_until)
    where("a.schedule_id = {}", wanted.schedule_id)
    where("a.number = {}", wanted.number)
    where("a.id < {}", before)
    values.append(limit)
    clause = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = await database().fetch(f"{_APPOINTMENT}{clause} ORDER BY a.id DESC LIMIT ${len(values)}", *values)
    return [Appointment(**dict(row)) for row in rows]


async def schedules_of_day(department_id: UUID, clinic_date: date) -> list[UUID]:
    """List a department's active schedules of a clinic day, all campuses, in order of time."""
    rows = await database().fetch(
        "SELECT id FROM schedule WHERE department_id = $1 AND clinic_date = $2 AND status = 'active'"
        " ORDER BY starts_at, id LIMIT $3",
        department_id,
        clinic_date,
        SCHEDULES_OF_DAY_MAX,
    )
    return [row["id"] for row in rows]


async def get_hold(hold_id: UUID, *, actor: Actor) -> Hold:
    """Read one hold of the caller's; one whose time is over reads as expired.

    Raises:
        HoldNotFound: absent, or another client's.
    """
    row = await database().fetchrow(
        "SELECT h.*, s.seq, sc.fee_fen FROM hold h JOIN seat s ON s.id = h.seat_id"
        " JOIN schedule sc ON sc.id = h.schedule_id WHERE h.id = $1 AND ($2 OR h.client_id = $3) AND h.kind = 'hold'",
        hold_id,
        actor.sees_all,
        actor.client_id,
    )
    if row is None:
        raise errors.HoldNotFound
    return shape_hold(row, fee_fen=row["fee_fen"], status=row["status"], at=clock.now())


def shape_hold(row: Row, *, fee_fen: int, status: str, at: datetime) -> Hold:
    """Shape a hold's row with its seat's number."""
    return Hold(
        id=row["id"],
        status="expired" if status == "active" and row["until"] <= at else status,
        slot_id=row["slot_id"],
        schedule_id=row["schedule_id"],
        patient_id=row["patient_id"],
        queue_number=row["seq"],
        until=row["until"],
        fee_fen=fee_fen if row["follow_up_of"] is None else 0,
        created_at=row["created_at"],
        follow_up_of=row["follow_up_of"],
    )


def shape_appointment(row: Row, slot: SlotFacts) -> Appointment:
    """Shape an appointment's row with its slot's facts."""
    return Appointment(
        id=row["id"],
        number=row["number"],
        status=row["status"],
        his_status=row["his_status"],
        patient_id=row["patient_id"],
        slot_id=slot.slot_id,
        schedule_id=slot.schedule_id,
        department_id=slot.department_id,
        clinic_id=slot.clinic_id,
        campus_id=slot.campus_id,
        room_id=slot.room_id,
        practitioner_id=slot.practitioner_id,
        service_type=slot.service_type,
        clinic_date=slot.clinic_date,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        queue_number=row["seq"],
        fee_fen=row["fee_fen"],
        channel=row["channel"],
        client_id=row["client_id"],
        cancel_reason=row["cancel_reason"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        follow_up_of=row["follow_up_of"],
        payment=row["payment"],
    )
