"""Orders for the registration fee: of a hold, which paying turns into an appointment, or of an appointment."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from booking import claims, errors, service
from booking.fairness import limits
from booking.payment import links, standing
from booking.payment.policies import read_terms, require_payable
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from payments import orders as payments
from payments.attempts import ENDS_BEFORE_ORDER
from payments.errors import OrderEnding, SubjectAlreadyOrdered
from payments.orders import NewOrder, Order

KIND: Final = "registration"
TITLE: Final = "挂号费"
ENDS_BEFORE_HOLD: Final = timedelta(seconds=30)
"""The order ends before its hold, and the channel stops taking money before the order: late money is seldom."""
PAYABLE_SECONDS_MIN: Final = timedelta(seconds=30)


async def order_hold(hold_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> Order:
    """Make the order by which a hold, or an offer of the waitlist, is paid and so confirmed.

    The amount is the fee of the hold's schedule. A hold is made to last for the hospital's time to pay, once; an offer
    lasts as long as it was offered.

    Raises:
        HoldNotFound: absent, or another client's.
        HoldEnded: it ran out, was released or confirmed.
        NothingToPay: a follow-up, no fee, or by the clinic's rule: confirm it.
        PayAtWindow: the clinic's rule says so.
        LimitReached: the telephone, account or device has booked too many.
        SubjectAlreadyOrdered: `order_id` names the order that stands.
        OrderEnding: too little is left of the hold.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await payments.read_order(tx, UUID(stored["order_id"]), actor)
        await links.lock_orders_of_hold(tx, hold_id)
        hold = await _lock_hold(tx, hold_id, actor)
        if hold["status"] != "active" or hold["until"] <= at:
            raise errors.HoldEnded(current_status="expired" if hold["status"] == "active" else hold["status"])
        slot = await service.read_slot(tx, hold["slot_id"], actor)
        fee_fen = slot.fee_fen if hold["follow_up_of"] is None else 0
        require_payable(slot.payment_policy, fee_fen=fee_fen, actor=actor)
        _require_none_standing(await links.orders_of_hold(tx, hold_id))
        if slot.has_limits and hold["kind"] == "hold" and not await links.was_ordered(tx, hold_id):
            await limits.count_booking(tx, hold["patient_id"], actor=actor, at=at)
        until = await _extend(tx, hold, starts_at=slot.starts_at, at=at)
        order = await _open(
            tx,
            NewOrder(
                kind=KIND,
                subject_kind="hold",
                subject_id=str(hold_id),
                patient_id=hold["patient_id"],
                campus_id=slot.campus_id,
                amount_fen=fee_fen,
                title=TITLE,
                expires_at=until - ENDS_BEFORE_HOLD,
            ),
            actor=actor,
            at=at,
        )
        await links.keep_order_of_hold(tx, order, hold, at=at)
        if idempotency:
            await idempotency.remember(tx, {"order_id": str(order.id)})
        return order


async def order_appointment(appointment_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> Order:
    """Make the order by which the fee of an appointment is paid, until the visit.

    Raises:
        AppointmentNotFound: absent, or another client's.
        AppointmentNotActive: cancelled, missed or over.
        NothingToPay, PayAtWindow.
        SubjectAlreadyOrdered: `order_id` names the order that stands.
        OrderEnding: the visit is about to begin; a member of staff may still take the fee.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await payments.read_order(tx, UUID(stored["order_id"]), actor)
        await links.lock_orders_of_appointments(tx, appointment_id)
        row = await claims.lock_appointment(tx, appointment_id, actor)
        if row["status"] not in ("booked", "arrived"):
            raise errors.AppointmentNotActive(current_status=row["status"])
        slot = await service.read_slot(tx, row["slot_id"], actor)
        require_payable(slot.payment_policy, fee_fen=row["fee_fen"], actor=actor)
        _require_none_standing(await links.orders_of_appointment(tx, appointment_id))
        order = await _open(
            tx,
            NewOrder(
                kind=KIND,
                subject_kind="appointment",
                subject_id=str(appointment_id),
                patient_id=row["patient_id"],
                campus_id=slot.campus_id,
                amount_fen=row["fee_fen"],
                title=TITLE,
                expires_at=_end_of_paying(row, actor, at=at),
            ),
            actor=actor,
            at=at,
        )
        await links.keep_order_of_appointment(tx, order, at=at)
        await standing.note_payment(tx, appointment_id)
        if idempotency:
            await idempotency.remember(tx, {"order_id": str(order.id)})
        return order


async def list_orders(appointment_id: UUID, *, actor: Actor) -> list[Order]:
    """List the orders that an appointment's fee ever had, the oldest first, with the one of its hold.

    Raises:
        AppointmentNotFound: absent, or another client's.
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        known = await tx.fetchval(
            "SELECT true FROM appointment WHERE id = $1 AND ($2 OR client_id = $3)",
            appointment_id,
            actor.sees_all,
            actor.client_id,
        )
        if known is None:
            raise errors.AppointmentNotFound
        return await links.orders_of_appointment(tx, appointment_id)


async def _lock_hold(tx: Transaction, hold_id: UUID, actor: Actor) -> Row:
    kind = await tx.fetchval("SELECT kind FROM hold WHERE id = $1", hold_id)
    return await claims.lock_hold(tx, hold_id, actor, kind="offer" if kind == "offer" else "hold")


def _require_none_standing(known: list[Order]) -> None:
    """Let the fee be ordered once at a time, and be paid once.

    Raises:
        SubjectAlreadyOrdered.
    """
    for order in known:
        if order.status in standing.STANDING:
            raise SubjectAlreadyOrdered(order_id=order.id)


async def _extend(tx: Transaction, hold: Row, *, starts_at: datetime, at: datetime) -> datetime:
    """Make a hold last for the time to pay, if it has not been ordered before; give its end. The hold is locked."""
    until: datetime = hold["until"]
    if hold["kind"] != "hold" or await links.was_ordered(tx, hold["id"]):
        return until
    wanted = min(at + timedelta(seconds=(await read_terms(tx)).pay_seconds), starts_at)
    if wanted <= until:
        return until
    await claims.extend_hold(tx, hold, until=wanted)
    return wanted


def _end_of_paying(row: Row, actor: Actor, *, at: datetime) -> datetime:
    """Until the visit; who has come is let pay for a quarter of an hour more, at a window as well."""
    starts_at: datetime = row["starts_at"]
    if row["status"] == "arrived" or actor.staff_code is not None:
        return max(starts_at, at + payments.PAY_FOR_DEFAULT)
    return starts_at


async def _open(tx: Transaction, new: NewOrder, *, actor: Actor, at: datetime) -> Order:
    """Raises: OrderEnding, SubjectAlreadyOrdered."""
    if new.expires_at - ENDS_BEFORE_ORDER - PAYABLE_SECONDS_MIN < at:
        raise OrderEnding(expires_at=new.expires_at)
    return await payments.open_order(tx, new, actor=actor)
