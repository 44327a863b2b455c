"""What being paid means for outpatient bills: the HIS settles all of them under our number, or none.

A definite no (paid at the window meanwhile, changed, withdrawn) sends the money back. Anything else that is not an
answer is asked again under the same number; nothing is refunded on it.
"""

from collections.abc import Sequence

from integration.his.billing import ApprovalStatus, Money
from integration.his.port import Rejected as HisRejected
from kernel.db import Transaction, database
from payments.billing import answer_of, billing, money_of, outcome_known, settled
from payments.bills.snapshots import left_items, read_told
from payments.insurance.shares import Share, share_of, takes_insurance_back
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
                    money=await _paid(order),
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
        money = await _going_back(order, reversal)
        item_nos = await _items(order, reversal, money)
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
                    money=money,
                )
            )


async def _paid(order: PaidOrder) -> Money:
    """Say who has paid what of an order."""
    share = await share_of(database(), order.id)
    return money_of(order) if share is None else _shared(share, order, order.amount_fen, with_insurance=True)


async def _going_back(order: PaidOrder, reversal: Reversal) -> Money:
    """Say to whom what goes back; the insurance's part goes whole or stays."""
    share = await share_of(database(), order.id)
    if share is None:
        return money_of(order, reversal.amount_fen)
    goes_back = await takes_insurance_back(database(), share, reversal)
    return _shared(share, order, reversal.amount_fen, with_insurance=goes_back)


def _shared(share: Share, order: PaidOrder, amount_fen: int, *, with_insurance: bool) -> Money:
    return Money(
        0 if share.is_alone else amount_fen,
        order.channel,
        order.transaction_no,
        insurance_fen=share.parts.insurance_fen if with_insurance else 0,
        insurance_no=share.centre_order.pay_order_id,
        account_fen=share.parts.account_fen if with_insurance else 0,
    )


async def _items(order: PaidOrder, reversal: Reversal, money: Money) -> Sequence[str]:
    """Name the items of a refund; one that names none is of all that is left, if that is its amount."""
    if reversal.items:
        return [item["item_no"] for item in reversal.items]
    left = await left_items(database(), order.id, refund_no=reversal.refund_no)
    return sorted(left) if sum(left.values()) == money.cash_fen + money.insurance_fen else []
