"""What the HIS tells of bills and refunds by itself, and what follows for orders that are about them.

Nothing here moves money: an order that nobody has paid is closed, so that nobody pays for what is no more, and a refund
that waited for the pharmacy is taken up again. What was paid meanwhile is the settlement's affair.
"""

from typing import Final

from integration.his.facts import BillFacts, RefundDecisionFacts
from integration.his.port import InboundChange, InboundKind
from integration.his.subscriptions import InboundSubscription
from kernel import clock
from kernel.db import Transaction
from payments import errors, events, orders
from payments.telling import tell_of_bill


async def follow_bill(tx: Transaction, change: InboundChange) -> None:
    """Close the open order of a bill that was paid at the window, changed or withdrawn."""
    told = change.facts
    assert isinstance(told, BillFacts), "the port gives a bill with this kind"
    row = await tx.fetchrow(
        "SELECT order_id, version FROM bill_snapshot_bill WHERE bill_no = $1 AND is_claimed", told.bill_no
    )
    if row is None or (told.status == "unpaid" and told.version <= row["version"]):
        return
    reason = {"paid": "paid_elsewhere", "cancelled": "bill_withdrawn"}.get(told.status, "bill_changed")
    try:
        await orders.begin_closing(tx, row["order_id"], reason=reason, actor=events.SYSTEM)
    except errors.OrderNotOpen:
        # Paid, or ending already. If it is paid, the HIS settles it or refuses, and then the money goes back.
        return


async def hear_of_bill(tx: Transaction, change: InboundChange) -> None:
    """Follow a bill that was posted or changed, and tell those who act for the patient."""
    await follow_bill(tx, change)
    await tell_of_bill(tx, change)


async def follow_refund(tx: Transaction, change: InboundChange) -> None:
    """Take a refund up again that waited for what the hospital has now decided."""
    told = change.facts
    assert isinstance(told, RefundDecisionFacts), "the port gives a decision with this kind"
    row = await tx.fetchrow(
        "UPDATE payment_refund SET next_try_at = $2 WHERE refund_no = $1 AND status = 'reversing' RETURNING id",
        told.refund_no,
        clock.machine_now(),
    )
    if row is not None:
        await events.ask_worker(tx, "refund.drive", "refund", row["id"])


INBOUND: Final = (
    InboundSubscription(InboundKind.CHARGE_POSTED, hear_of_bill),
    InboundSubscription(InboundKind.BILL_SETTLED_ELSEWHERE, follow_bill),
    InboundSubscription(InboundKind.REFUND_APPROVED, follow_refund),
    InboundSubscription(InboundKind.REFUND_REFUSED, follow_refund),
)
