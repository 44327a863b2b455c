"""Fulfils an order that the insurance shares: settled when both parts are paid, undone insurance first.

It stands before whoever fulfils the kind of order. Orders without a share pass through.
"""

from kernel.db import Transaction, database
from payments.insurance import mixed
from payments.insurance.centres import CentreOf
from payments.insurance.shares import (
    Share,
    decline,
    is_paid,
    report_cash,
    share_of,
    take_back,
    takes_insurance_back,
)
from payments.ports import Fulfilment, NotThere, PaidOrder, Rejected, Reversal, Settled

NOT_PAID = "insurance_not_paid"
GOES_BACK_WHOLE = "insurance_goes_back_whole"


class WithInsurance:
    """A fulfilment with the insurance before it."""

    def __init__(self, inner: Fulfilment, centre_of: CentreOf) -> None:
        self._inner = inner
        self._centre_of = centre_of

    async def accept(self, tx: Transaction, order: PaidOrder) -> Rejected | None:
        """Take the order into the feature's books; its no waits until the insurance has its part back."""
        outcome = await self._inner.accept(tx, order)
        if outcome is not None and await decline(tx, order.id, outcome.reason):
            return None
        return outcome

    async def settle(self, order: PaidOrder) -> Settled | Rejected:
        """Tell the HIS once both parts are paid. Raises: OutcomeUnknown."""
        share = await share_of(database(), order.id)
        if share is None:
            return await self._inner.settle(order)
        if (rejected := await self._not_paid(share, order)) is not None:
            return rejected
        outcome = await self._inner.settle(order)
        return await self._undone(share, outcome) if isinstance(outcome, Rejected) else outcome

    async def query(self, order: PaidOrder) -> Settled | Rejected | NotThere:
        """Ask the insurance, then the HIS. Raises: OutcomeUnknown."""
        share = await share_of(database(), order.id)
        if share is None:
            return await self._inner.query(order)
        if (rejected := await self._not_paid(share, order)) is not None:
            return rejected
        found = await self._inner.query(order)
        return await self._undone(share, found) if isinstance(found, Rejected) else found

    async def reverse(self, order: PaidOrder, reversal: Reversal) -> Settled | Rejected:
        """Undo in the HIS, then at the insurance; the cash goes last. Raises: OutcomeUnknown, NotDecided.

        Where the HIS itself asked for the refund, the insurance alone. With the last of the cash the insurance's part
        goes back, whole; before, the centre is told of cash alone.
        """
        share = await share_of(database(), order.id)
        if share is None:
            return await self._inner.reverse(order, reversal) if reversal.tells_his else Settled("")
        goes_back = await takes_insurance_back(database(), share, reversal)
        if share.is_alone and not goes_back:
            return Rejected(GOES_BACK_WHOLE)
        outcome = await self._inner.reverse(order, reversal) if reversal.tells_his else Settled("")
        if isinstance(outcome, Rejected):
            return outcome
        if goes_back:
            await take_back(self._centre_of, share)
        else:
            await report_cash(self._centre_of, share, refund_no=reversal.refund_no, amount_fen=reversal.amount_fen)
        return outcome

    async def _not_paid(self, share: Share, order: PaidOrder) -> Rejected | None:
        """Give the no of an insurance that has not paid and will not; None: all is paid. Raises: OutcomeUnknown."""
        if not await is_paid(self._centre_of, share):
            return Rejected(share.declined or NOT_PAID)
        if await mixed.is_whole(share, order):
            return None
        return await self._undone(share, Rejected(NOT_PAID))

    async def _undone(self, share: Share, rejected: Rejected) -> Rejected:
        await decline(database(), share.order_id, rejected.reason)
        await take_back(self._centre_of, share)
        return rejected
