"""What being paid means for deposits and discharge bills: the HIS's account of the stay has it, under our number."""

from kernel.db import Transaction
from payments.billing import answer_of, billing, money_of, outcome_known, settled
from payments.ports import NotThere, PaidOrder, Rejected, Reversal, Settled


class DepositFulfilment:
    """Fulfils orders of the kind `deposit`; whether the stay still goes on, the HIS says."""

    async def accept(self, tx: Transaction, order: PaidOrder) -> Rejected | None:  # noqa: ARG002  the port's parameters
        """Take the paid order as it is."""
        return None

    async def settle(self, order: PaidOrder) -> Settled | Rejected:
        """Have the HIS credit the stay.

        Raises:
            OutcomeUnknown.
        """
        with outcome_known():
            return answer_of(
                await billing().post_deposit(
                    deposit_no=order.settlement_no, admission_no=order.subject_id, money=money_of(order)
                )
            )

    async def query(self, order: PaidOrder) -> Settled | Rejected | NotThere:
        """Ask the HIS what became of a deposit.

        Raises:
            OutcomeUnknown.
        """
        return await _find(order.settlement_no)

    async def reverse(self, order: PaidOrder, reversal: Reversal) -> Settled | Rejected:
        """Have the HIS take a deposit, or a part, out of the account; it gives back no more than the account can spare.

        Raises:
            OutcomeUnknown.
        """
        with outcome_known():
            if reversal.his_no is None and await billing().void_number(reversal.settlement_no) is None:
                return Settled("")
            return answer_of(
                await billing().return_deposit(
                    refund_no=reversal.refund_no,
                    deposit_no=reversal.settlement_no,
                    money=money_of(order, reversal.amount_fen),
                )
            )


class DischargeFulfilment:
    """Fulfils orders of the kind `discharge`: the balance of a stay that has ended."""

    async def accept(self, tx: Transaction, order: PaidOrder) -> Rejected | None:  # noqa: ARG002  the port's parameters
        """Take the paid order as it is."""
        return None

    async def settle(self, order: PaidOrder) -> Settled | Rejected:
        """Have the HIS settle the bill of the stay; not if the balance has become another.

        Raises:
            OutcomeUnknown.
        """
        with outcome_known():
            return answer_of(
                await billing().settle_discharge(
                    settlement_no=order.settlement_no, admission_no=order.subject_id, money=money_of(order)
                )
            )

    async def query(self, order: PaidOrder) -> Settled | Rejected | NotThere:
        """Ask the HIS what became of a settlement.

        Raises:
            OutcomeUnknown.
        """
        return await _find(order.settlement_no)

    async def reverse(self, order: PaidOrder, reversal: Reversal) -> Settled | Rejected:
        """Have the HIS open the bill again; only as a whole, and not once something of a surplus was returned.

        Raises:
            OutcomeUnknown.
        """
        with outcome_known():
            if reversal.his_no is None and await billing().void_number(reversal.settlement_no) is None:
                return Settled("")
            if not reversal.is_whole:
                return Rejected("only_as_a_whole")
            return answer_of(
                await billing().reverse_settlement(
                    refund_no=reversal.refund_no,
                    settlement_no=reversal.settlement_no,
                    money=money_of(order, reversal.amount_fen),
                )
            )


async def _find(number: str) -> Settled | NotThere:
    with outcome_known():
        found = await billing().find_receipt(number)
    return NotThere() if found is None else settled(found)
