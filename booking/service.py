"""What the hospital does with its numbers: hold, book, cancel, move.

Every function names who asks (`actor`) and may be given an idempotency key; the answer to a repeated key is the
first one's, as it was then.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from booking import claims, errors, facts, followup_terms, notices, queries, returns, rules
from booking.desk import Desk, appointment_answer, hold_answer
from booking.facts import Appointment, Hold, SlotFacts
from booking.fairness import limits
from booking.fairness.bans import require_may_pass
from booking.payment import links, policies, standing
from booking.rush import turns
from booking.stops.seats import keep_stopped
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from patients import queries as patients

# Whom appointments' changes are told; each has its own outbox rows, order and dead letters.
HANDLERS: Final = ("his",)
SWEEP_ACTOR: Final = Actor(client_id="system:expiry", channel="system", kind="system")

_hold_desk = Desk("hold", ())
_appointment_desk = Desk("appointment", HANDLERS)


async def hold_seat(*, slot_id: UUID, patient_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Hold:
    """Take one free seat of a slot out of sale for the clinic's hold time (900 s unless a rule says otherwise).

    The seat goes back by itself when the hold ends: no timer has to run for it to be free again.

    Raises:
        SlotNotFound, SlotPast, NotReleased: the slot is not on sale to this channel.
        PatientUnknown, PatientNotEligible: the person is not known to the caller, or not for this clinic.
        PatientBanned: the person has missed too many visits.
        LimitReached: the telephone, account or device has taken too many.
        HoldsPaused: the person, telephone, account or device has held and let go too many.
        AlreadyBooked, AlreadyHeld, DailyLimitReached: the person's day is taken.
        TurnRequired: a rush is on, and it is not the patient's turn.
        SoldOut: no seat of the channel's pools is free.
        Contended, DatabaseUnavailable: try again.
        IdempotencyMismatch: the key belongs to another request.
    """
    win = await _hold_desk.ask(slot_id=slot_id, patient_id=patient_id, actor=actor, idempotency=idempotency)
    return hold_answer(win)


async def book_appointment(
    *,
    slot_id: UUID,
    patient_id: UUID,
    actor: Actor,
    idempotency: Idempotency | None = None,
    pass_reason: str | None = None,
) -> Appointment:
    """Book one free seat of a slot directly.

    pass_reason: why a member of staff books for somebody in spite of a ban; kept with the booking, if there is one.

    Raises:
        As hold_seat but for HoldsPaused, and PassForStaffOnly: a partner gave a reason to pass.
        PaymentRequired: the fee is paid first, for a hold.
    """
    if pass_reason is not None:
        require_may_pass(actor)
    win = await _appointment_desk.ask(
        slot_id=slot_id,
        patient_id=patient_id,
        actor=actor,
        idempotency=idempotency,
        pass_reason=pass_reason,
    )
    return appointment_answer(win)


async def confirm_hold(
    *, hold_id: UUID, actor: Actor, idempotency: Idempotency | None = None, first_id: UUID | None = None
) -> Appointment:
    """Turn a hold into an appointment on the same seat; with `first_id`, or held so, it is a visit's free follow-up.

    Raises:
        HoldNotFound: absent, or another client's.
        HoldEnded: it ran out, was released or confirmed.
        PaymentRequired: the fee is paid first, by an order for the hold.
        AlreadyBooked: the person stands in this schedule already.
        LimitReached: the telephone, account or device has booked too many.
        AppointmentNotFound, FollowUpNotAllowed, FollowUpNotDue, FollowUpWindowPassed, FollowUpUsed: no follow-up.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Appointment.from_stored(stored)
        hold = await claims.lock_hold(tx, hold_id, actor)
        answer = await book_locked_hold(tx, hold, actor=actor, at=at, first_id=first_id)
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


async def book_locked_hold(
    tx: Transaction, hold: Row, *, actor: Actor, at: datetime, first_id: UUID | None = None, is_paid: bool = False
) -> Appointment:
    """Turn a hold, or an offer of the waitlist, that this transaction has locked into an appointment.

    is_paid: by an order for it, which this transaction has locked before.

    Raises:
        PaymentRequired: the fee is paid first.
        HoldEnded: it ran out, was released or confirmed.
        AlreadyBooked: the person stands in this schedule already.
        And what confirm_hold refuses by limits and follow-ups, which no offer meets.
    """
    slot = await read_slot(tx, hold["slot_id"], actor)
    first_id = followup_terms.first_visit_of(hold, first_id)
    if first_id is not None:
        await followup_terms.lock_first_visit(tx, first_id, slot, patient_id=hold["patient_id"], actor=actor)
    else:
        if not is_paid:
            policies.require_no_payment_first(slot, actor)
        # What was ordered was counted then, before anybody paid.
        if slot.has_limits and hold["kind"] == "hold" and not await links.was_ordered(tx, hold["id"]):
            await limits.count_booking(tx, hold["patient_id"], actor=actor, at=at)
    await claims.end_hold(tx, hold, status="confirmed", at=at)
    await claims.book_held_seat(tx, hold, at=at)
    appointment_id = new_id()
    await claims.keep_visit_for(tx, hold_id=hold["id"], appointment_id=appointment_id)
    appointment = await write_appointment(
        tx,
        appointment_values(appointment_id, slot, hold["patient_id"], actor)
        | (followup_terms.free_follow_up(first_id) if first_id else {})
        | {"seat_id": hold["seat_id"], "seq": hold["seq"], "created_at": at, "updated_at": at},
        slot,
        actor=actor,
        hold_id=hold["id"],
    )
    if await links.hand_to_appointment(tx, hold["id"], appointment_id):
        appointment = appointment._replace(payment=await standing.note_payment(tx, appointment_id))
    return appointment


async def write_appointment(
    tx: Transaction, values: dict[str, Any], slot: SlotFacts, *, actor: Actor, hold_id: UUID | None = None
) -> Appointment:
    """Write an appointment whose seat and place in the day are claimed, its event and its messages."""
    row = await claims.insert_appointment(tx, values)
    await claims.tell(
        tx,
        "booked",
        actor=actor,
        at=row["created_at"],
        seat_id=row["seat_id"],
        schedule_id=row["schedule_id"],
        patient_id=row["patient_id"],
        hold_id=hold_id,
        appointment_id=row["id"],
    )
    await claims.send_appointment(
        tx,
        "appointment.booked",
        appointment_id=row["id"],
        patient_id=row["patient_id"],
        version=1,
        handlers=HANDLERS,
    )
    return queries.shape_appointment(row, slot)


async def release_hold(*, hold_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Hold:
    """Give a held seat back before its time; an order for it is closed.

    Raises:
        HoldNotFound, HoldEnded, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Hold.from_stored(stored)
        orders = await links.lock_orders_of_hold(tx, hold_id)
        hold = await claims.lock_hold(tx, hold_id, actor)
        await release_locked_hold(tx, hold, actor=actor, at=at)
        await standing.close_unpaid(tx, orders)
        await returns.return_seat(tx, hold["seat_id"], because="hold_released", given_back_by=hold["patient_id"], at=at)
        slot = await read_slot(tx, hold["slot_id"], actor)
        answer = queries.shape_hold(hold, fee_fen=slot.fee_fen, status="released", at=at)
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


async def release_locked_hold(tx: Transaction, hold: Row, *, actor: Actor, at: datetime) -> None:
    """End a hold, or an offer of the waitlist, that this transaction has locked; its seat is free, not yet returned.

    Raises:
        HoldEnded: it ran out, was released or confirmed.
    """
    await claims.end_hold(tx, hold, status="released", at=at)
    if not await claims.free_held_seat(tx, seat_id=hold["seat_id"], hold_id=hold["id"]):
        raise errors.HoldEnded(current_status="expired")
    await claims.release_visit(tx, hold["id"])
    await claims.tell(
        tx,
        "hold_released",
        actor=actor,
        at=at,
        seat_id=hold["seat_id"],
        schedule_id=hold["schedule_id"],
        patient_id=hold["patient_id"],
        hold_id=hold["id"],
    )


async def cancel_appointment(
    *, appointment_id: UUID, reason: str | None, actor: Actor, idempotency: Idempotency | None = None
) -> Appointment:
    """Give the number back; the seat goes to whoever waits for it, or back on sale by the clinic's return delay.

    A fee that was paid goes back, in the same transaction, once the HIS has undone it.

    Raises:
        AppointmentNotFound: absent, or another client's.
        AppointmentNotActive: cancelled already, or past cancelling.
        CancelDeadlinePassed: too late by the clinic's rule.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Appointment.from_stored(stored)
        await links.lock_orders_of_appointments(tx, appointment_id)
        row = await claims.lock_appointment(tx, appointment_id, actor)
        slot = await read_slot(tx, row["slot_id"], actor)
        if row["status"] != "booked":
            raise errors.AppointmentNotActive(current_status=row["status"])
        rules.require_before_deadline(row["starts_at"], slot.cancel_minutes_before, at=at)
        await cancel_locked(tx, row, actor=actor, reason=reason, handlers=HANDLERS)
        answer = await queries.read_appointment(tx, appointment_id)
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


async def cancel_locked(
    tx: Transaction, row: Row, *, actor: Actor, reason: str | None, handlers: tuple[str, ...], returned: bool = True
) -> None:
    """Cancel an appointment that this transaction has locked after its orders, without asking the deadline.

    returned: the seat is there to be offered; not when the HIS says that its window has sold it.

    Raises:
        AppointmentNotActive: cancelled already, or past cancelling.
    """
    at = clock.now()
    version = await claims.change_appointment(tx, row, to="cancelled", at=at, changes={"cancel_reason": reason})
    await claims.free_booked_seat(tx, row["seat_id"])
    await claims.release_visit(tx, row["id"])
    await claims.tell(
        tx,
        "cancelled",
        actor=actor,
        at=at,
        seat_id=row["seat_id"],
        schedule_id=row["schedule_id"],
        patient_id=row["patient_id"],
        appointment_id=row["id"],
    )
    await claims.send_appointment(
        tx,
        "appointment.cancelled",
        appointment_id=row["id"],
        patient_id=row["patient_id"],
        version=version,
        handlers=handlers,
    )
    await standing.follow_cancellation(tx, row)
    await _give_back(tx, row, because="cancelled", returned=returned, actor=actor, at=at)
    await notices.post_to_owner(tx, "appointment.cancelled", row, actor=actor, facts={"reason": reason}, at=at)


async def _give_back(tx: Transaction, row: Row, *, because: str, returned: bool, actor: Actor, at: datetime) -> None:
    """Decide what becomes of the seat that an appointment has left: a stopped one is blocked."""
    stopped = await keep_stopped(tx, [row["seat_id"]], actor=actor, at=at)
    if returned and not stopped:
        await returns.return_seat(tx, row["seat_id"], because=because, given_back_by=row["patient_id"], at=at)


async def reschedule_appointment(
    *, appointment_id: UUID, slot_id: UUID, actor: Actor, idempotency: Idempotency | None = None
) -> Appointment:
    """Move an appointment to another slot of its department: the new seat is taken and the old one freed, or neither.

    Raises:
        AppointmentNotFound, AppointmentNotActive, CancelDeadlinePassed, RescheduleLimitReached: it may not move.
        SlotNotFound, SlotPast, NotReleased, SameSlot, OtherDepartment, PatientNotEligible: not to there.
        FollowUpNotAllowed, FollowUpNotDue, FollowUpWindowPassed: a free follow-up does not go there.
        FeeDiffers, PaymentUnderWay, PaymentRequired: the fee was paid, or must be, and is another one there.
        TurnRequired: there is a rush there, and it is not the patient's turn.
        AlreadyBooked, AlreadyHeld, DailyLimitReached: the person's other day is taken.
        SoldOut: no seat of the channel's pools is free there.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    await settle_slot_first(slot_id, actor, at=at)
    async with only_own_named(actor), database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Appointment.from_stored(stored)
        await links.lock_orders_of_appointments(tx, appointment_id)
        row = await claims.lock_appointment(tx, appointment_id, actor)
        old, new = await read_slot(tx, row["slot_id"], actor), await read_slot(tx, slot_id, actor)
        await _require_movable(tx, row, old, new, actor=actor)
        await turns.use_turn(tx, new, row["patient_id"], actor=actor, at=at)
        await move_locked(tx, row, new, actor=actor, handlers=HANDLERS, at=at)
        answer = await queries.read_appointment(tx, appointment_id)
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


@asynccontextmanager
async def only_own_named(actor: Actor) -> AsyncIterator[None]:
    """Say that a person is booked already, but name the appointment only to a caller who may read it."""
    try:
        yield
    except errors.AlreadyBooked as refusal:
        named = refusal.details.get("appointment_id")
        if named is None or actor.sees_all:
            raise
        own = await database().fetchval(
            "SELECT true FROM appointment WHERE id = $1 AND client_id = $2", named, actor.client_id
        )
        if own:
            raise
        raise errors.AlreadyBooked from None


async def settle_slot_first(slot_id: UUID, actor: Actor, *, at: datetime) -> None:
    """Give out what has come free in a slot's schedule to those who wait, before somebody moves there."""
    key = (slot_id, actor.channel)
    slot = (await facts.read_slot_facts(database(), [key], at=at)).get(key)
    if slot is not None and slot.settle_first and slot.has_seat:
        await returns.settle(database(), [slot.schedule_id], at=at)


async def _require_movable(tx: Transaction, row: Row, old: SlotFacts, new: SlotFacts, *, actor: Actor) -> None:
    at = clock.now()
    if row["status"] != "booked":
        raise errors.AppointmentNotActive(current_status=row["status"])
    if row["moves"] >= old.reschedule_limit:
        raise errors.RescheduleLimitReached(limit=old.reschedule_limit)
    rules.require_before_deadline(row["starts_at"], old.cancel_minutes_before, at=at)
    if new.slot_id == old.slot_id:
        raise errors.SameSlot
    rules.require_bookable(new, at=at)
    if new.department_id != old.department_id:
        raise errors.OtherDepartment
    # In this transaction: whoever waits for a second connection while keeping one can wait for ever.
    people = await patients.eligibility_facts(tx, [(row["patient_id"], None)])
    rules.require_eligible(new, people[row["patient_id"]])
    if row["follow_up_of"] is not None:
        await followup_terms.require_movable(tx, row, new)
    elif row["payment"] == "paid":
        policies.require_same_fee(await policies.read_terms(tx), paid_fen=row["fee_fen"], fee_fen=new.fee_fen)
    else:
        policies.require_no_payment_first(new, actor)


async def move_locked(
    tx: Transaction,
    row: Row,
    new: SlotFacts,
    *,
    actor: Actor,
    handlers: tuple[str, ...],
    at: datetime,
    returned: bool = True,
) -> None:
    """Move an appointment that this transaction has locked, after its orders, onto a seat of a slot.

    at: the instant by which `returns.settle` has given out what came free there, if `new.settle_first`.
    returned: the old seat is there to be offered; not when the HIS says that its window has sold it.

    Raises:
        AlreadyBooked, AlreadyHeld, DailyLimitReached, SoldOut.
        FeeDiffers, PaymentUnderWay: its fee was paid, and is another one there.
    """
    fee_fen = _fee_there(row, new)
    await standing.follow_fee(tx, row, fee_fen=fee_fen)
    seat = await claims.claim_free_seat(tx, new, at=at)
    await claims.free_booked_seat(tx, row["seat_id"])
    await claims.release_visit(tx, row["id"])
    await claims.claim_visit(
        tx,
        patient_id=row["patient_id"],
        clinic_date=new.clinic_date,
        department_id=new.department_id if new.once_per_department_day and row["follow_up_of"] is None else None,
        daily_limit=new.daily_limit,
        owner_id=row["id"],
        actor=actor,
        at=at,
    )
    version = await claims.change_appointment(
        tx,
        row,
        to=None,
        at=at,
        changes={
            "seat_id": seat["id"],
            "seq": seat["seq"],
            "slot_id": new.slot_id,
            "schedule_id": new.schedule_id,
            "clinic_date": new.clinic_date,
            "starts_at": new.starts_at,
            "fee_fen": fee_fen,
            "moves": row["moves"] + 1,
            "his_status": "pending",
        },
    )
    if seat["stale"] is not None:
        await returns.tell_of_ended_hold(tx, seat["id"], hold_id=seat["stale"], actor=SWEEP_ACTOR, at=at)
    await _tell_of_move(tx, row, seat_id=seat["id"], schedule_id=new.schedule_id, actor=actor, at=at)
    await claims.send_appointment(
        tx,
        "appointment.moved",
        appointment_id=row["id"],
        patient_id=row["patient_id"],
        version=version,
        handlers=handlers,
    )
    await _give_back(tx, row, because="moved_away", returned=returned, actor=actor, at=at)
    there = {"slot_id": str(new.slot_id), "schedule_id": str(new.schedule_id), "queue_number": seat["seq"]}
    await notices.post_to_owner(tx, "appointment.moved", row, actor=actor, facts=there, at=at)


def _fee_there(row: Row, new: SlotFacts) -> int:
    """Tell what an appointment costs in a slot; who stays in their schedule does not pay for its substitute."""
    if row["follow_up_of"] is not None:
        return 0
    booked_fen: int = row["fee_fen"]
    return min(booked_fen, new.fee_fen) if new.schedule_id == row["schedule_id"] else new.fee_fen


async def _tell_of_move(
    tx: Transaction, row: Row, *, seat_id: int, schedule_id: UUID, actor: Actor, at: datetime
) -> None:
    for kind, seat, schedule in (
        ("moved_away", row["seat_id"], row["schedule_id"]),
        ("moved_here", seat_id, schedule_id),
    ):
        await claims.tell(
            tx,
            kind,
            actor=actor,
            at=at,
            seat_id=seat,
            schedule_id=schedule,
            patient_id=row["patient_id"],
            appointment_id=row["id"],
        )


async def read_slot(tx: Transaction, slot_id: UUID, actor: Actor) -> SlotFacts:
    """Read a slot as the caller's channel sees it.

    Raises:
        SlotNotFound.
    """
    key = (slot_id, actor.channel)
    slot = (await facts.read_slot_facts(tx, [key], at=clock.now())).get(key)
    if slot is None:
        raise errors.SlotNotFound
    return slot


def appointment_values(appointment_id: UUID, slot: SlotFacts, patient_id: UUID, actor: Actor) -> dict[str, object]:
    """Give the columns of a new appointment but its seat and times."""
    return {
        "id": appointment_id,
        "slot_id": slot.slot_id,
        "schedule_id": slot.schedule_id,
        "department_id": slot.department_id,
        "clinic_date": slot.clinic_date,
        "starts_at": slot.starts_at,
        "patient_id": patient_id,
        "status": "booked",
        "channel": actor.channel,
        "client_id": actor.client_id,
        "staff_code": actor.staff_code,
        "fee_fen": slot.fee_fen,
    }
