"""Hearing from the core HIS: numbers that its window sold, gave back, or found somebody for.

Versions make repeats and reordering harmless. A change of the HIS counts when its version is above
ours. On a tie the platform wins, since the HIS is told of our version too; only a cancellation wins a
tie, because a patient who has given a number back must not be counted as missing.
"""

from typing import Final
from uuid import UUID

from booking import claims
from booking.fairness.noshows import correct_locked
from booking.his.outbound import CANCELLED_AT_HIS, HANDLER
from booking.his.sales import refuse_sale, take_over_appointment
from booking.payment import links
from booking.queue import entering
from booking.queue.states import FINISHED, LEFT
from booking.service import cancel_locked
from booking.states import APPOINTMENT
from booking.windows import cases, numbers
from integration.his.errors import HisDisagrees
from integration.his.facts import AppointmentFacts, AppointmentStatus, NumbersHandedBack, PatientFacts, VisitFacts
from integration.his.port import InboundChange, InboundKind
from integration.his.subscriptions import InboundSubscription
from kernel import clock
from kernel.db import Row, Transaction
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.log import get_logger
from patients.his import find_linked, his_actor, take_over_patient

log = get_logger("booking")


async def find_appointment(tx: Transaction, told: AppointmentFacts) -> Row | None:
    """Lock the appointment that the HIS means, after its orders: by our id, else by its own."""
    known = await tx.fetch("SELECT id FROM appointment WHERE id = $1 OR his_id = $2", told.platform_id, told.his_id)
    await links.lock_orders_of_appointments(tx, *(row["id"] for row in known))
    if told.platform_id is not None:
        row = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1 FOR UPDATE", told.platform_id)
        if row is not None:
            return row
    if told.his_id is None:
        return None
    return await tx.fetchrow("SELECT * FROM appointment WHERE his_id = $1 FOR UPDATE", told.his_id)


async def _apply_booking(tx: Transaction, change: InboundChange) -> None:
    """Take over a number that the HIS's window has sold.

    Raises:
        SeatTaken, ScheduleUnknown: the seat is not free, or not ours.
        AlreadyBooked, AlreadyHeld, DailyLimitReached: the person's day is taken.
        PatientNotFound, IdentityDisagrees, InvalidDocument, DocumentDisagrees: nobody to book for.
    """
    told = _appointment(change)
    known = await find_appointment(tx, told)
    if known is not None:
        await _follow(tx, known, told, change)
        return
    await take_over_appointment(tx, told, source=change.source)


async def _apply_change(tx: Transaction, change: InboundChange) -> None:
    """Follow a status that the HIS has given an appointment.

    Raises:
        HisDisagrees: the appointment is not known here yet, or the HIS has moved it.
    """
    told = _appointment(change)
    row = await find_appointment(tx, told)
    if row is None:
        if await cases.is_kept(tx, told.his_id):
            return
        raise HisDisagrees(his_id=told.his_id)
    await _follow(tx, row, told, change)


async def _apply_cancellation(tx: Transaction, change: InboundChange) -> None:
    """Follow a number that was given back at the HIS's window; one that we never had is ignored."""
    told = _appointment(change)
    row = await find_appointment(tx, told)
    if row is None:
        await cases.close_withdrawn(tx, told.his_id)
    else:
        await _follow(tx, row, told, change)


async def _follow(tx: Transaction, row: Row, told: AppointmentFacts, change: InboundChange) -> None:
    """Follow a newer status, and keep the HIS's number.

    Raises:
        HisDisagrees: it is another person's, or the HIS has moved it to another seat, which only the platform may.
    """
    if await _is_of_another(tx, row, told.patient):
        raise HisDisagrees(appointment_id=row["id"])
    if told.his_id is not None and row["his_id"] is None:
        await tx.execute("UPDATE appointment SET his_id = $2 WHERE id = $1", row["id"], told.his_id)
    named_seat = told.schedule_id is not None and told.sequence is not None
    elsewhere = named_seat and (told.schedule_id, told.sequence) != (row["schedule_id"], row["seq"])
    still_booked = told.status is AppointmentStatus.BOOKED
    if still_booked and elsewhere and told.version > row["version"]:
        raise HisDisagrees(appointment_id=row["id"])
    actor = his_actor(change.source, staff_code=told.made_by)
    await follow_status(tx, row, status=told.status, version=told.version, actor=actor)


async def _is_of_another(tx: Transaction, row: Row, told: PatientFacts) -> bool:
    """Tell whether the person named with an appointment is known here, and not the one who has it."""
    person = await find_linked(tx, told) or told.platform_id
    return person is not None and person != row["patient_id"]


async def follow_status(tx: Transaction, row: Row, *, status: AppointmentStatus, version: int, actor: Actor) -> bool:
    """Give an appointment the status that the HIS has given it, if that is newer; tell whether it did."""
    is_cancellation = status is AppointmentStatus.CANCELLED
    is_newer = version > row["version"]
    if not (is_newer or (is_cancellation and version == row["version"])):
        return False
    if status.value == row["status"]:
        await _raise_version(tx, row["id"], version)
        return False
    steps = _steps(row["status"], status)
    if not steps:
        log.info("his_status_not_followed", appointment=str(row["id"]), told=status.value)
        return False
    if is_cancellation:
        # On a tie the HIS has not heard of our last change; it hears of both together.
        handlers = () if is_newer else (HANDLER,)
        await cancel_locked(tx, row, actor=actor, reason=CANCELLED_AT_HIS, handlers=handlers)
    else:
        for step in steps:
            row = await _take_step(tx, row, step, actor=actor)
    await _follow_in_queue(tx, row, status, actor=actor)
    await _raise_version(tx, row["id"], version)
    return True


def _steps(before: str, status: AppointmentStatus) -> tuple[str, ...]:
    """Say by which steps an appointment gets where the HIS says it is; none: it cannot get there.

    Who has been seen has come: the message that said so may still be under way, for it is about the visit.
    """
    if APPOINTMENT.allows(before, status.value):
        return (status.value,)
    if status is AppointmentStatus.FULFILLED and before == AppointmentStatus.BOOKED.value:
        return (AppointmentStatus.ARRIVED.value, AppointmentStatus.FULFILLED.value)
    return ()


async def _take_step(tx: Transaction, row: Row, status: str, *, actor: Actor) -> Row:
    at = clock.now()
    await claims.change_appointment(tx, row, to=status, at=at, changes={})
    await claims.tell(
        tx,
        status,
        actor=actor,
        at=at,
        seat_id=row["seat_id"],
        schedule_id=row["schedule_id"],
        patient_id=row["patient_id"],
        appointment_id=row["id"],
    )
    changed = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1", row["id"])
    assert changed is not None, "this transaction has it locked"
    return changed


async def _follow_in_queue(tx: Transaction, row: Row, status: AppointmentStatus, *, actor: Actor) -> None:
    """Let the queue before the doctor's room follow what the HIS says of somebody."""
    if status is AppointmentStatus.ARRIVED:
        await entering.enter_from_his(tx, row, actor=actor, at=clock.now())
    elif status is AppointmentStatus.FULFILLED:
        await entering.leave_with_appointment(tx, row["id"], status=FINISHED, actor=actor)
    elif status is AppointmentStatus.CANCELLED:
        await entering.leave_with_appointment(tx, row["id"], status=LEFT, actor=actor)


async def _raise_version(tx: Transaction, appointment_id: UUID, version: int) -> None:
    await tx.execute(
        "UPDATE appointment SET version = greatest(version, $2) WHERE id = $1",
        appointment_id,
        version,
    )


async def _tell_refusal(tx: Transaction, change: InboundChange, error: HospitalError) -> None:
    """Tell the HIS that a number it sold cannot stand, after its message had been acknowledged."""
    told = _appointment(change)
    assert told.his_id is not None, "the HIS names what it has sold"
    await refuse_sale(
        tx,
        source=change.source,
        his_id=told.his_id,
        version=told.version,
        his_number=told.patient.his_number,
        schedule_id=told.schedule_id,
        sequence=told.sequence,
        reason=error.code.rpartition(".")[2],
    )


async def _apply_hand_back(tx: Transaction, change: InboundChange) -> None:
    """Take numbers of the emergency quota back that the HIS's window sells no more."""
    told = change.facts
    assert isinstance(told, NumbersHandedBack), "the port gives numbers with this kind"
    await numbers.take_back(
        tx,
        schedule_id=told.schedule_id,
        version=told.version,
        unsold=told.unsold,
        sold=dict(zip(told.sold, told.sold_as, strict=True)),
        at=clock.now(),
    )


async def _apply_visit(tx: Transaction, change: InboundChange) -> None:
    """Note that somebody has come and was registered at the window.

    A visit that redeems an appointment marks it as arrived. One without is the HIS's own. Both wait at the door.

    Raises:
        HisDisagrees: it redeems an appointment that is not known here yet, or that is another person's.
        PatientNotFound, IdentityDisagrees, InvalidDocument, DocumentDisagrees: nobody who could have come.
    """
    visit = change.facts
    assert isinstance(visit, VisitFacts), "the port gives a visit with this kind"
    actor = his_actor(change.source)
    patient_id, newly_linked = await take_over_patient(tx, visit.patient, actor=actor)
    if visit.appointment_id is None and visit.his_appointment_id is None:
        is_queued = await entering.enter_walk_in(
            tx,
            patient_id=patient_id,
            visit_number=visit.visit_number,
            clinic_code=visit.clinic_code,
            practitioner_code=visit.practitioner_code,
            registered_at=visit.registered_at,
            actor=actor,
            at=clock.now(),
        )
        log.info("visit_without_appointment", newly_linked=newly_linked, is_queued=is_queued)
        return
    row = await tx.fetchrow(
        "SELECT * FROM appointment WHERE id = $1 OR his_id = $2 ORDER BY id = $1 DESC NULLS LAST LIMIT 1 FOR UPDATE",
        visit.appointment_id,
        visit.his_appointment_id,
    )
    if row is None:
        if await _is_refused(tx, visit.his_appointment_id, source=change.source):
            return
        raise HisDisagrees(his_id=visit.his_appointment_id)
    if row["patient_id"] != patient_id:
        raise HisDisagrees(appointment_id=row["id"])
    if row["status"] == "noshow":
        # They came, and we hear of it late.
        await correct_locked(tx, row, reason=f"visit {visit.visit_number}", actor=actor)
    if row["status"] != "booked":
        return
    at = clock.now()
    version = await claims.change_appointment(tx, row, to="arrived", at=at, changes={})
    await claims.tell(
        tx,
        "arrived",
        actor=actor,
        at=at,
        seat_id=row["seat_id"],
        schedule_id=row["schedule_id"],
        patient_id=row["patient_id"],
        appointment_id=row["id"],
        details={"visit_number": visit.visit_number},
    )
    await claims.send_appointment(
        tx,
        "appointment.arrived",
        appointment_id=row["id"],
        patient_id=row["patient_id"],
        version=version,
        handlers=(HANDLER,),
    )
    await entering.enter_from_his(tx, row, actor=actor, at=at)


async def _is_refused(tx: Transaction, his_id: str | None, *, source: str) -> bool:
    """Tell whether the HIS's window sold this number and was told no: then a visit to it is the HIS's own."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM inbox WHERE handler = $1 AND aggregate = $2 AND event_type = $3"
            " AND status = 'done' AND last_error IS NOT NULL)",
            HANDLER,
            f"his-appointment:{source}:{his_id}",
            InboundKind.APPOINTMENT_BOOKED.value,
        )
    )


def _appointment(change: InboundChange) -> AppointmentFacts:
    assert isinstance(change.facts, AppointmentFacts), "the port gives an appointment with this kind"
    return change.facts


INBOUND: Final = (
    InboundSubscription(
        InboundKind.APPOINTMENT_BOOKED,
        _apply_booking,
        refused=_tell_refusal,
        at_once=True,
        keep=cases.keep_registration,
    ),
    InboundSubscription(InboundKind.APPOINTMENT_MOVED, _apply_change),
    # At once, because the window may sell the number again as soon as we have acknowledged that it is back.
    InboundSubscription(InboundKind.APPOINTMENT_CANCELLED, _apply_cancellation, at_once=True),
    InboundSubscription(InboundKind.VISIT_REGISTERED, _apply_visit),
    InboundSubscription(InboundKind.NUMBERS_HANDED_BACK, _apply_hand_back),
)
