"""What being paid means for outpatient bills: the HIS settles all of them under our number, or none.

A definite no (paid at the window meanwhile, changed, withdrawn) sends the money back. Anything else that is not an
answer is asked again under the same number; nothing is refunded on it.
"""

from collections.abc import Sequence

from integration.his.billing import ApprovalStatus
from integration.his.port import Rejected as HisRejected
from kernel.db import Transaction, database
from payments.billing import answer_of, billing, money_of, outcome_known, settled
from payments.bills.snapshots import left_items, read_told
from payments.ports import NotDecided, NotThere, PaidOrder, Rejected, Reversal, Settled


class BillFulfilment:
    """Fulfils orders of the kind `outpatient_bill`."""

    async def accept(self, tx: Transaction, order: PaidOrder) -> Rejected | None:  # noqa: ARG002  the port's parameters
        """Take the paid order as it is: its bills were claimed by the statement that marked it paid."""
        return None

    async def settle(self, order: PaidOrder) -> Settled | Rejected:
        """Have the HIS settle the bills as their payer saw them.

        Raises:
            OutcomeUnknown.
        """
        told = await read_told(database(), order.id)
        with outcome_known():
            return answer_of(
                await billing().settle_bills(
                    settlement_no=order.settlement_no,
                    his_number=told.his_number,
                    bills=told.bills,
                    money=money_of(order),
                )
            )

    async def query(self, order: PaidOrder) -> Settled | Rejected | NotThere:
        """Ask the HIS what became of a settlement.

        Raises:
            OutcomeUnknown.
        """
        with outcome_known():
            found = await billing().find_receipt(order.settlement_no)
        return NotThere() if found is None else settled(found)

    async def reverse(self, order: PaidOrder, reversal: Reversal) -> Settled | Rejected:
        """Have the HIS take items out of its books, once it has approved their refund.

        A settlement that a person has given up is first voided: then nothing is done under its number any more.

        Raises:
            OutcomeUnknown.
            NotDecided: the pharmacy has not said yet.
        """
        if reversal.his_no is None:
            with outcome_known():
                if await billing().void_number(reversal.settlement_no) is None:
                    return Settled("")
        item_nos = await _items(order, reversal)
        if not item_nos:
            return Rejected("items_not_named")
        with outcome_known():
            approval = await billing().request_refund(
                refund_no=reversal.refund_no, settlement_no=reversal.settlement_no, item_nos=item_nos
            )
            if isinstance(approval, HisRejected):
                return Rejected(approval.code)
            if approval.status is ApprovalStatus.PENDING:
                raise NotDecided
            if approval.status is ApprovalStatus.REFUSED:
                return Rejected(approval.reason or "refund_refused")
            return answer_of(
                await billing().reverse_settlement(
                    refund_no=reversal.refund_no,
                    settlement_no=reversal.settlement_no,
                    money=money_of(order, reversal.amount_fen),
                )
            )


async def _items(order: PaidOrder, reversal: Reversal) -> Sequence[str]:
    """Name the items of a refund; one that names none is of all that is left, if that is its amount."""
    if reversal.items:
        return [item["item_no"] for item in reversal.items]
    left = await left_items(database(), order.id, refund_no=reversal.refund_no)
    return sorted(left) if sum(left.values()) == reversal.amount_fen else []
