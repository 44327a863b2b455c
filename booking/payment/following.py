"""What booking does when it hears of its orders: each in one transaction with the end of the event's letter."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from booking import claims, errors, returns, service
from booking.payment import links, standing
from booking.payment.orders import KIND
from booking.payment.policies import pays_first
from kernel import clock
from kernel.db import Row, Transaction
from kernel.events import Actor
from kernel.log import get_logger
from payments.events import PaymentEvent, Subscriber

REJECTED_REASON: Final = "payment_rejected"
STANDS_UNPAID: Final = frozenset({"already_charged", "appointment_not_active"})
"""Refusals of the HIS that leave the appointment as it is: paid at its window, or cancelled there, as it will tell."""

log = get_logger("booking.payment")


async def _release_unpaid(tx: Transaction, event: PaymentEvent) -> None:
    """Give the held seat back when the order for it is over, whatever the channel still has to say.

    Not when the hold was ordered anew meanwhile: then the newer order's end decides.
    """
    link = await _link(tx, event)
    if link is None:
        return
    if link["hold_id"] is not None and link["appointment_id"] is None:
        others = await links.orders_of_hold(tx, link["hold_id"])
        if not any(one.id != event.order_id and one.status in standing.STANDING for one in others):
            await _release_hold(tx, link["hold_id"])
    if link["appointment_id"] is not None:
        await _note_of(tx, link["appointment_id"])


async def _release_hold(tx: Transaction, hold_id: UUID) -> None:
    """Release a hold that runs; an offer of the waitlist lasts as long as it was offered."""
    at = clock.now()
    try:
        hold = await claims.lock_hold(tx, hold_id, standing.SYSTEM)
        async with tx.connection.transaction():
            await service.release_locked_hold(tx, hold, actor=standing.SYSTEM, at=at)
    except (errors.HoldNotFound, errors.HoldEnded):
        return
    await returns.return_seat(tx, hold["seat_id"], because="hold_released", given_back_by=hold["patient_id"], at=at)


async def _note(tx: Transaction, event: PaymentEvent) -> None:
    """Keep with the appointment how its fee stands."""
    link = await _link(tx, event)
    if link is not None and link["appointment_id"] is not None:
        await _note_of(tx, link["appointment_id"])


async def _close_others(tx: Transaction, event: PaymentEvent) -> None:
    """Let nobody pay a fee twice: the other open orders of an appointment end when one is paid."""
    link = await _link(tx, event)
    if link is None or link["appointment_id"] is None:
        return
    known = await links.lock_orders_of_appointments(tx, link["appointment_id"])
    await standing.close_unpaid(tx, [one for one in known if one.id != event.order_id], reason="superseded")


async def _follow_settlement(tx: Transaction, event: PaymentEvent) -> None:
    """Note that the HIS has the fee, and give back what the appointment has ceased to cost meanwhile."""
    link = await _link(tx, event)
    if link is None:
        return
    appointment_id = link["appointment_id"]
    assert appointment_id is not None, "what was settled was accepted"
    known = await links.lock_orders_of_appointments(tx, appointment_id)
    row = await _lock(tx, appointment_id)
    await links.note_settled(tx, event.order_id, at=event.at)
    (settled,) = [one for one in known if one.id == event.order_id]
    await standing.return_unowed(tx, settled, owed_fen=0 if row["status"] == "cancelled" else row["fee_fen"])
    await standing.note_payment(tx, appointment_id)


async def _follow_rejection(tx: Transaction, event: PaymentEvent) -> None:
    """Take an appointment back that was had by paying, when the HIS refuses the payment; its money is going back."""
    link = await _link(tx, event)
    if link is None or link["appointment_id"] is None:
        return
    known = await links.lock_orders_of_appointments(tx, link["appointment_id"])
    row = await _lock(tx, link["appointment_id"])
    await standing.note_payment(tx, row["id"])
    is_paid_otherwise = any(one.id != event.order_id and one.status in ("paid", "settled") for one in known)
    if link["hold_id"] is None or row["status"] != "booked" or is_paid_otherwise:
        return
    if event.facts.get("reason") in STANDS_UNPAID:
        return
    booked_by = Actor(client_id=row["client_id"], channel=row["channel"], kind="partner", staff_code=row["staff_code"])
    if pays_first(await service.read_slot(tx, row["slot_id"], booked_by), booked_by):
        log.warning("appointment_not_paid", appointment=str(row["id"]), order_id=str(event.order_id))
        await service.cancel_locked(tx, row, actor=standing.SYSTEM, reason=REJECTED_REASON, handlers=service.HANDLERS)


async def _note_of(tx: Transaction, appointment_id: UUID) -> None:
    await _lock(tx, appointment_id)
    await standing.note_payment(tx, appointment_id)


async def _link(tx: Transaction, event: PaymentEvent) -> Row | None:
    return await links.read_link(tx, event.order_id) if event.order_kind == KIND else None


async def _lock(tx: Transaction, appointment_id: UUID) -> Row:
    row = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1 FOR UPDATE", appointment_id)
    assert row is not None, "appointments are never deleted"
    return row


SUBSCRIBERS: Final[Sequence[tuple[str, Subscriber]]] = (
    ("payment.paid", _close_others),
    ("payment.settled", _follow_settlement),
    ("payment.rejected", _follow_rejection),
    *((kind, _release_unpaid) for kind in ("payment.expired", "payment.closing")),
    *((kind, _note) for kind in ("payment.closed", "payment.refund_requested", "payment.refunded")),
    *((kind, _note) for kind in ("payment.refund_cancelled", "payment.refund_declined")),
)
"""What booking hears of payments; the letters of one order come in order."""
