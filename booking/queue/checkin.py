"""Check-in (报到): somebody with an appointment says that they have come, at a desk, a kiosk, by code or by place."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from booking import claims as booking_claims
from booking import errors as booking_errors
from booking.queue import claims, codes, errors, place
from booking.queue.entering import NO_FLAGS, Flags, arrival_of, enter
from booking.queue.facts import Entry
from booking.queue.place import Fix, PlaceRule
from booking.service import HANDLERS
from kernel import clock
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency

STAFF: Final = "staff"
KIOSK: Final = "kiosk"
CODE: Final = "code"
PLACE: Final = "place"
# Where one of the hospital's own applications stands beside the patient.
_AT_THE_HOSPITAL: Final = (STAFF, KIOSK, CODE)
# A fix is compared with those of a day.
FIX_KEPT: Final = timedelta(hours=24)


class CheckIn(NamedTuple):
    """Who says they have come, and how: `code` for the way of that name, `fix` for place, else the appointment's id."""

    way: str
    appointment_id: UUID | None = None
    code: str | None = None
    fix: Fix | None = None
    flags: Flags = NO_FLAGS


class Code(NamedTuple):
    """A check-in code for a phone to show, and until when it is good (UTC)."""

    code: str
    expires_at: datetime
    patient_id: UUID


class _Reports(NamedTuple):
    """What is known of earlier fixes: the person's last, and who else sent this very one."""

    previous: Fix | None
    others: int
    other_clients: int


async def make_code(*, appointment_id: UUID, actor: Actor) -> Code:
    """Give a code that the patient's phone shows to a scanner at the hospital.

    Raises:
        AppointmentNotFound, AppointmentNotActive: nobody is waited for under this appointment.
    """
    row = await _visible(database(), appointment_id, actor)
    if row["status"] != "booked":
        raise booking_errors.AppointmentNotActive(current_status=row["status"])
    code, expires_at = codes.write_code(appointment_id, at=clock.now())
    return Code(code, expires_at, row["patient_id"])


async def check_in(asked: CheckIn, *, actor: Actor, idempotency: Idempotency | None = None) -> Entry:
    """Note that a patient has come: the appointment is `arrived`, the HIS is told, and they have a place in the queue.

    Raises:
        WayNotAllowed, StaffOnlyFlags: not in this way, or not with these flags, by this application.
        CodeInvalid, CodeExpired: the code is no longer or never was good.
        PlaceMocked, PlaceInaccurate, PlaceOutdated, PlaceReplayed, PlaceImpossible, PlaceTooFar: not from there.
        AppointmentNotFound, AppointmentNotActive, AlreadyCheckedIn: nobody is waited for under this appointment.
        CheckInNotOpen, CheckInClosed: not now by the clinic's rule; the desk may all day.
        IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """
    at = clock.now()
    reports = None
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Entry.from_stored(stored)
        _require_way(asked, actor)
        appointment_id = codes.read_code(asked.code or "", at=at) if asked.way == CODE else asked.appointment_id
        assert appointment_id is not None, "the schema asks for it in every way but by code"
        if asked.fix is not None:
            # Committed whatever comes of the check-in: the next report is compared with this one.
            reports = await _note_fix(tx, appointment_id, asked.fix, actor=actor, at=at)
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Entry.from_stored(stored)
        row = await booking_claims.lock_appointment(tx, appointment_id, actor)
        await _require_awaited(tx, row)
        came = await arrival_of(tx, row, way=asked.way, flags=asked.flags)
        rule = await claims.read_rule(tx, came.clinic_id)
        _require_window(row, rule, is_staff=asked.way == STAFF, at=at)
        if asked.fix is not None and reports is not None:
            await _require_place(tx, asked.fix, reports, came.clinic_id, claims.place_rule(rule), at=at)
        if row["status"] == "booked":
            await arrive(tx, row, actor=actor, at=at, details={"way": asked.way})
        answer = await enter(tx, came, actor=actor, at=at)
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


async def arrive(tx: Transaction, row: Row, *, actor: Actor, at: datetime, details: dict[str, object]) -> None:
    """Mark a locked appointment as arrived, and let the HIS know.

    Raises:
        AppointmentNotActive: nobody is waited for.
    """
    await _turn(tx, row, "arrived", actor=actor, at=at, details=details)


async def fulfil(tx: Transaction, row: Row, *, actor: Actor, at: datetime) -> None:
    """Mark a locked appointment as fulfilled: the consultation has ended; and let the HIS know.

    Raises:
        AppointmentNotActive: nobody has come.
    """
    await _turn(tx, row, "fulfilled", actor=actor, at=at, details={})


async def _turn(
    tx: Transaction, row: Row, status: str, *, actor: Actor, at: datetime, details: dict[str, object]
) -> None:
    version = await booking_claims.change_appointment(tx, row, to=status, at=at, changes={})
    await booking_claims.tell(
        tx,
        status,
        actor=actor,
        at=at,
        seat_id=row["seat_id"],
        schedule_id=row["schedule_id"],
        patient_id=row["patient_id"],
        appointment_id=row["id"],
        details=details,
    )
    await booking_claims.send_appointment(
        tx,
        f"appointment.{status}",
        appointment_id=row["id"],
        patient_id=row["patient_id"],
        version=version,
        handlers=HANDLERS,
    )


def _require_way(asked: CheckIn, actor: Actor) -> None:
    is_own = not actor.acts_for_the_public
    if asked.way in _AT_THE_HOSPITAL and not is_own:
        raise errors.WayNotAllowed(way=asked.way)
    if any(asked.flags) and not (is_own and asked.way == STAFF):
        raise errors.StaffOnlyFlags


async def _visible(db: Database | Transaction, appointment_id: UUID, actor: Actor) -> Row:
    row = await db.fetchrow(
        "SELECT id, patient_id, status FROM appointment WHERE id = $1 AND ($2 OR client_id = $3)",
        appointment_id,
        actor.sees_all,
        actor.client_id,
    )
    if row is None:
        raise booking_errors.AppointmentNotFound
    return row


async def _require_awaited(tx: Transaction, row: Row) -> None:
    entry_id = await tx.fetchval("SELECT id FROM visit_queue_entry WHERE appointment_id = $1", row["id"])
    if entry_id is not None:
        raise errors.AlreadyCheckedIn(entry_id=entry_id)
    # Who has arrived by the HIS's word alone, before there was a queue to enter, may still enter it.
    if row["status"] not in ("booked", "arrived"):
        raise booking_errors.AppointmentNotActive(current_status=row["status"])


def _require_window(row: Row, rule: Row, *, is_staff: bool, at: datetime) -> None:
    """Ask that it is time to check in: within the clinic's window, or for the desk at any time of the clinic day."""
    opens_at = row["starts_at"] - timedelta(minutes=rule["check_in_minutes_before"])
    closed_at = row["starts_at"] + timedelta(minutes=rule["check_in_minutes_after"])
    if is_staff and clock.clinic_date(at) == row["clinic_date"]:
        return
    if at < opens_at or clock.clinic_date(at) < row["clinic_date"]:
        raise errors.CheckInNotOpen(opens_at=opens_at)
    if at > closed_at or clock.clinic_date(at) > row["clinic_date"]:
        raise errors.CheckInClosed(closed_at=closed_at)


async def _note_fix(tx: Transaction, appointment_id: UUID, fix: Fix, *, actor: Actor, at: datetime) -> _Reports:
    """Keep where a patient's phone says it is, and give what earlier reports tell of it.

    Raises:
        AppointmentNotFound.
    """
    patient_id = (await _visible(tx, appointment_id, actor))["patient_id"]
    before = await tx.fetchrow(
        "SELECT latitude, longitude, accuracy_meters, fixed_at FROM check_in_fix"
        " WHERE patient_id = $1 AND reported_at > $2 ORDER BY id DESC LIMIT 1",
        patient_id,
        at - FIX_KEPT,
    )
    same = await tx.fetch(
        "SELECT DISTINCT patient_id, client_id FROM check_in_fix"
        " WHERE fixed_at = $1 AND latitude = $2 AND longitude = $3 AND accuracy_meters = $4"
        " AND (patient_id, client_id) <> ($5, $6)",
        fix.fixed_at,
        fix.latitude,
        fix.longitude,
        fix.accuracy_meters,
        patient_id,
        actor.client_id,
    )
    await tx.execute(
        "INSERT INTO check_in_fix (patient_id, client_id, reported_at, fixed_at, latitude, longitude, accuracy_meters)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        patient_id,
        actor.client_id,
        at,
        fix.fixed_at,
        fix.latitude,
        fix.longitude,
        fix.accuracy_meters,
    )
    return _Reports(
        Fix(*before) if before is not None else None,
        len({row["patient_id"] for row in same} - {patient_id}),
        len({row["client_id"] for row in same} - {actor.client_id}),
    )


async def _require_place(
    tx: Transaction, fix: Fix, reports: _Reports, clinic_id: UUID, rule: PlaceRule, *, at: datetime
) -> None:
    place.require_plausible(
        fix,
        previous=reports.previous,
        others=reports.others,
        other_clients=reports.other_clients,
        rule=rule,
        at=at,
    )
    campus = await tx.fetchrow(
        "SELECT m.latitude, m.longitude FROM clinic c JOIN campus m ON m.id = c.campus_id WHERE c.id = $1", clinic_id
    )
    assert campus is not None, "a clinic has a campus"
    place.require_near(fix, latitude=campus["latitude"], longitude=campus["longitude"], rule=rule)
