"""What becomes of one appointment of a stopped clinic: the policy's steps, tried in order, and the patient's answer."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from booking import errors, notices, rules
from booking.facts import SlotFacts, read_slot_facts
from booking.payment import links
from booking.payment.errors import FeeDiffers, PaymentUnderWay
from booking.queue import entering
from booking.queue.states import LEFT
from booking.returns import settle_within
from booking.service import HANDLERS, cancel_locked, move_locked
from booking.stops import claims
from booking.stops.facts import CANCEL, KEEP, MOVE, OFFER, OPERATIONS, ORDER_STOPPED, STOPPED, SUBSTITUTE
from booking.stops.substitution import follow_substitute
from kernel.db import Database, Row, Transaction
from kernel.events import Actor
from patients import queries as patients

EQUAL_SLOTS_MAX: Final = 20
_NOT_THERE: Final = (
    errors.SoldOut,
    errors.AlreadyBooked,
    errors.AlreadyHeld,
    errors.DailyLimitReached,
    errors.PatientNotEligible,
    FeeDiffers,
    PaymentUnderWay,
)

# Equal: same department and service type. The same day goes first, then the same campus, then the nearest hour.
_EQUAL_SLOTS: Final = """
SELECT t.id FROM schedule was
JOIN schedule sc ON sc.department_id = was.department_id AND sc.service_type = was.service_type
     AND sc.status = 'active' AND sc.clinic_date BETWEEN was.clinic_date AND was.clinic_date + $5::integer
JOIN clinic c ON c.id = sc.clinic_id AND c.active
JOIN slot t ON t.schedule_id = sc.id AND t.starts_at > $4
WHERE was.id = $1 AND EXISTS (
    SELECT FROM seat s JOIN schedule_release r ON r.schedule_id = sc.id AND r.pool = s.pool AND r.channel = $3
        AND r.opens_at <= $4
    WHERE s.slot_id = t.id AND s.status IN ('free', 'held') AND (s.status = 'free' OR s.hold_until <= $4))
ORDER BY sc.clinic_date, sc.campus_id <> was.campus_id, abs(extract(epoch FROM t.starts_at - $2)), t.id LIMIT $6
"""


async def find_equal_slots(
    db: Database | Transaction, appointment: Row, *, within_days: int, at: datetime, channel: str | None = None
) -> list[UUID]:
    """List slots to which an appointment could move, by its own channel or another, the best first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        _EQUAL_SLOTS,
        appointment["schedule_id"],
        appointment["starts_at"],
        channel or appointment["channel"],
        at,
        within_days,
        EQUAL_SLOTS_MAX,
    )
    return [row["id"] for row in rows]


async def resolve_case(tx: Transaction, order: Row, case: Row, *, actor: Actor, at: datetime) -> None:
    """Take one case as far as the order's steps take it now."""
    await links.lock_orders_of_appointments(tx, case["appointment_id"])
    appointment = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1 FOR UPDATE", case["appointment_id"])
    assert appointment is not None, "appointments are never deleted"
    if not await _is_touched(tx, appointment, order["id"]):
        await claims.turn_case(tx, case, to="gone", step=case["step"], at=at)
        return
    steps: list[str] = order["steps"]
    first = case["step"]
    if case["status"] == "offered":
        # The patient did not choose in time: the case goes back into line, behind the offer.
        first += 1
        await claims.turn_case(tx, case, to="pending", step=first, at=at)
        case = await _read_case(tx, case)
    for step in range(first, len(steps)):
        outcome, deadline = await _try_step(tx, order, appointment, steps[step], actor=actor, at=at)
        if outcome is not None:
            await claims.turn_case(tx, case, to=outcome, step=step, deadline_at=deadline, at=at)
            await _tell_outcome(tx, order, appointment, outcome, deadline=deadline, at=at)
            return
    raise AssertionError("the last step of a policy always settles a case")


async def choose_slot(tx: Transaction, appointment: Row, new: SlotFacts, *, actor: Actor, at: datetime) -> None:
    """Move a locked appointment to the slot that its patient has chosen; no deadline, limit of moves or ban counts.

    Raises:
        OfferNotFound, OfferEnded: nothing is offered (any more).
        SlotNotFound, SlotPast, NotReleased, OtherDepartment, PatientNotEligible: not to there.
        AlreadyBooked, AlreadyHeld, DailyLimitReached, SoldOut.
        FeeDiffers, PaymentUnderWay: its fee was paid, and is another one there.
    """
    case = await claims.lock_offer(tx, appointment["id"], at=at)
    rules.require_bookable(new, at=at)
    if new.department_id != appointment["department_id"]:
        raise errors.OtherDepartment
    await _move(tx, appointment, new, actor=actor, at=at)
    await claims.turn_case(tx, case, to="chosen", step=case["step"], at=at)


async def decline_offer(tx: Transaction, appointment: Row, *, actor: Actor, at: datetime) -> None:
    """Cancel a locked appointment whose patient wants none of the offered times.

    Raises:
        OfferNotFound, OfferEnded: nothing is offered (any more).
    """
    case = await claims.lock_offer(tx, appointment["id"], at=at)
    await cancel_locked(tx, appointment, actor=actor, reason=STOPPED, handlers=HANDLERS)
    await claims.turn_case(tx, case, to="cancelled", step=case["step"], at=at)


async def _is_touched(tx: Transaction, appointment: Row, order_id: UUID) -> bool:
    """Tell whether an appointment still stands on one of the order's seats, and nobody is being seen for it."""
    if appointment["status"] not in ("booked", "arrived"):
        return False
    if appointment["status"] == "arrived" and not await entering.lock_unseen(tx, appointment["id"]):
        return False
    stop_id = await tx.fetchval("SELECT stop_id FROM seat WHERE id = $1", appointment["seat_id"])
    return bool(stop_id == order_id)


async def _read_case(tx: Transaction, case: Row) -> Row:
    row = await tx.fetchrow(
        "SELECT * FROM stop_case WHERE order_id = $1 AND appointment_id = $2", case["order_id"], case["appointment_id"]
    )
    assert row is not None, "just turned"
    return row


async def _try_step(
    tx: Transaction, order: Row, appointment: Row, step: str, *, actor: Actor, at: datetime
) -> tuple[str | None, datetime | None]:
    """Try one step of the policy; None: it does not help this patient.

    Who has come already stands before people, and is neither moved nor asked from afar.
    """
    has_come = appointment["status"] == "arrived"
    match step:
        case "substitute" if order["substitution"] == "done":
            await follow_substitute(tx, appointment, actor=actor)
            await entering.follow_schedule(tx, appointment["id"], reason=STOPPED, actor=actor, at=at)
            return "substituted", None
        case "move" | "offer" if has_come:
            return None, None
        case "move" if await _move_to_equal(tx, order, appointment, actor=actor, at=at):
            return "moved", None
        case "offer":
            deadline = min(at + timedelta(minutes=order["offer_minutes"]), appointment["starts_at"])
            choices = await find_equal_slots(tx, appointment, within_days=order["within_days"], at=at)
            return ("offered", deadline) if choices and deadline > at else (None, None)
        case "cancel":
            await cancel_locked(tx, appointment, actor=actor, reason=STOPPED, handlers=HANDLERS)
            await entering.leave_with_appointment(tx, appointment["id"], status=LEFT, actor=actor)
            return "cancelled", None
        case "keep":
            return "kept", None
        case _:
            assert step in (SUBSTITUTE, MOVE), (step, OFFER, CANCEL, KEEP)
            return None, None


async def _move_to_equal(tx: Transaction, order: Row, appointment: Row, *, actor: Actor, at: datetime) -> bool:
    """Move an appointment to the first equal slot that takes it; tell whether one does."""
    for slot_id in await find_equal_slots(tx, appointment, within_days=order["within_days"], at=at):
        key = (slot_id, appointment["channel"])
        slot = (await read_slot_facts(tx, [key], at=at)).get(key)
        if slot is None or not slot.pools:
            continue
        if slot.settle_first and slot.has_seat:
            await settle_within(tx, slot.schedule_id, at=at)
        try:
            async with tx.connection.transaction():
                await _move(tx, appointment, slot, actor=actor, at=at)
        except _NOT_THERE:
            continue
        return True
    return False


async def _move(tx: Transaction, appointment: Row, new: SlotFacts, *, actor: Actor, at: datetime) -> None:
    people = await patients.eligibility_facts(tx, [(appointment["patient_id"], None)])
    rules.require_eligible(new, people[appointment["patient_id"]])
    await move_locked(tx, appointment, new, actor=actor, handlers=HANDLERS, at=at)
    # The hospital's doing, so it does not count as one of the moves that the patient has.
    await tx.execute("UPDATE appointment SET moves = $2 WHERE id = $1", appointment["id"], appointment["moves"])


async def _tell_outcome(
    tx: Transaction, order: Row, appointment: Row, outcome: str, *, deadline: datetime | None, at: datetime
) -> None:
    """Let the application that booked know what became of the appointment, so that it tells the patient."""
    now = await tx.fetchrow(
        "SELECT a.schedule_id, a.slot_id, a.starts_at, a.seq, a.fee_fen, sc.practitioner_id FROM appointment a"
        " JOIN schedule sc ON sc.id = a.schedule_id WHERE a.id = $1",
        appointment["id"],
    )
    assert now is not None, "it is locked"
    await post_case(
        tx,
        client_id=appointment["client_id"],
        appointment_id=appointment["id"],
        outcome=outcome,
        facts={
            "stop_id": str(order["id"]),
            "patient_id": str(appointment["patient_id"]),
            "reason": order["reason"],
            "deadline_at": deadline.isoformat() if deadline else None,
            "was": {"schedule_id": str(appointment["schedule_id"]), "slot_id": str(appointment["slot_id"])},
            "now": None
            if outcome == "cancelled"
            else {
                "schedule_id": str(now["schedule_id"]),
                "slot_id": str(now["slot_id"]),
                "practitioner_id": str(now["practitioner_id"]),
                "starts_at": now["starts_at"].isoformat(),
                "queue_number": now["seq"],
                "fee_fen": now["fee_fen"],
            },
        },
        at=at,
    )


async def post_case(
    tx: Transaction, *, client_id: str, appointment_id: UUID, outcome: str, facts: dict[str, object], at: datetime
) -> None:
    """Post what a stop has made of an appointment."""
    told = {"appointment_id": str(appointment_id), "outcome": outcome, "opType": OPERATIONS[outcome]}
    await notices.post(
        tx,
        client_id=client_id,
        kind="appointment.stopped",
        subject_id=appointment_id,
        facts=told | {"stopType": ORDER_STOPPED} | facts,
        at=at,
    )
