"""How the fee of an appointment stands, and giving back what the appointment no longer costs.

Called in the transaction of the change that makes the difference, which has locked the appointment's orders and then
the appointment. What is not settled in the HIS yet is given back once it is (see `following`).
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from booking.payment import links
from booking.payment.errors import FeeDiffers, PaymentUnderWay
from kernel import clock
from kernel.db import Reader, Row, Transaction
from kernel.events import Actor
from payments import orders as payments
from payments import refunds
from payments.errors import OrderNotOpen
from payments.orders import Order
from payments.refunds import Ask

STANDING: Final = ("open", "closing", "paid", "settled")
"""Orders that may still be, or are, what the fee is paid by."""
SYSTEM: Final = Actor(client_id="system:booking", channel="system", kind="system")
CANCELLED_REASON: Final = "预约取消，挂号费原路退回"
CHEAPER_REASON: Final = "挂号费变更，差额原路退回"


async def note_payment(tx: Transaction, appointment_id: UUID) -> str:
    """Keep with an appointment how its fee stands, and give it; the caller has the appointment locked."""
    states = [await _state(tx, order) for order in await links.orders_of_appointment(tx, appointment_id)]
    shown = next((one for one in ("paid", "refunding", "open", "refunded") if one in states), "none")
    await tx.execute(
        "UPDATE appointment SET payment = $2, updated_at = $3 WHERE id = $1 AND payment <> $2",
        appointment_id,
        shown,
        clock.now(),
    )
    return shown


async def read_agreed_fees(db: Reader, appointment_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Give what the HIS is to charge for appointments, in fen: as agreed, whatever their schedules cost by now.

    While the HIS does not have the money that was paid, it is what was paid: what an appointment has ceased to cost
    meanwhile goes back afterwards, as a part of that.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT a.id, coalesce((SELECT o.amount_fen FROM registration_order g JOIN payment_order o ON o.id = g.order_id"
        " WHERE g.appointment_id = a.id AND o.status = 'paid' ORDER BY o.id LIMIT 1), a.fee_fen) AS fee_fen"
        " FROM appointment a WHERE a.id = ANY ($1)",
        list(appointment_ids),
    )
    return {row["id"]: row["fee_fen"] for row in rows}


async def follow_cancellation(tx: Transaction, appointment: Row) -> None:
    """Give the fee of a cancelled appointment back, and let nobody pay it any more."""
    known = await links.orders_of_appointment(tx, appointment["id"])
    for order in known:
        await _stop_paying(tx, order)
        await return_unowed(tx, order, owed_fen=0)
    if known:
        await note_payment(tx, appointment["id"])


async def follow_fee(tx: Transaction, appointment: Row, *, fee_fen: int, may_wait: bool = True) -> None:
    """Give back what an appointment costs less from now on; an order of the fee as it was is closed.

    may_wait: the change can be put off until the HIS has the payment, which it was told of with the fee as it was.

    Raises:
        FeeDiffers: it is paid, and would cost more.
        PaymentUnderWay: it is paid and not settled yet.
    """
    if fee_fen == appointment["fee_fen"]:
        return
    known = await links.orders_of_appointment(tx, appointment["id"])
    for order in known:
        if order.status in ("paid", "settled") and fee_fen > await refunds.read_left_fen(tx, order.id) > 0:
            raise FeeDiffers(paid_fen=appointment["fee_fen"], fee_fen=fee_fen)
        if order.status == "paid" and may_wait:
            raise PaymentUnderWay
    for order in known:
        await _stop_paying(tx, order)
        await return_unowed(tx, order, owed_fen=fee_fen)
    if known:
        await note_payment(tx, appointment["id"])


async def return_unowed(tx: Transaction, order: Order, *, owed_fen: int) -> None:
    """Send back what is left of a settled payment above what is owed; the order is locked."""
    if order.status != "settled":
        return
    excess = await refunds.read_left_fen(tx, order.id) - owed_fen
    if excess <= 0:
        return
    if owed_fen == 0:
        ask = Ask(reason=CANCELLED_REASON, cause="cancelled", by_rule=True)
    else:
        ask = Ask(reason=CHEAPER_REASON, cause="requested", by_rule=True)
    await refunds.request_in(tx, order.id, amount_fen=excess, ask=ask, actor=SYSTEM)


async def close_unpaid(tx: Transaction, orders: Iterable[Order], *, reason: str = "cancelled") -> None:
    """Close orders that nobody has paid, as what they were for is given up, or paid by another; they are locked."""
    for order in orders:
        await _stop_paying(tx, order, reason=reason)


async def _stop_paying(tx: Transaction, order: Order, *, reason: str = "cancelled") -> None:
    if order.status != "open":
        return
    try:
        await payments.begin_closing(tx, order.id, reason=reason, actor=SYSTEM)
    except OrderNotOpen:
        return


async def _state(tx: Transaction, order: Order) -> str:
    if order.status in ("paid", "settled"):
        return "paid" if await refunds.read_left_fen(tx, order.id) > 0 else "refunding"
    return {"open": "open", "rejected": "refunding", "refunded": "refunded"}.get(order.status, "none")
