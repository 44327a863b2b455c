"""The HIS's money side as payments use it: where it is reached, and its answers in the words of a fulfilment."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from integration.his.billing import NOT_YET, HisBilling, HisReceipt, Money
from integration.his.errors import HisDisagrees, HisUnavailable
from integration.his.port import Rejected as HisRejected
from kernel.db import Transaction, database
from kernel.outbox import OUTBOX
from patients.his import find_his_number, tell_patient
from payments import errors
from payments.ports import OutcomeUnknown, PaidOrder, Rejected, Settled

_billing: HisBilling | None = None


def set_billing(billing: HisBilling | None) -> None:
    """Say, at start-up, where the HIS's money side is; None: this process does not reach it."""
    global _billing  # noqa: PLW0603  one HIS for a process, as one database
    _billing = billing


def billing() -> HisBilling:
    """Give the HIS's money side.

    Raises:
        HisUnavailable: this process has none.
    """
    if _billing is None:
        raise HisUnavailable(reason="no_billing")
    return _billing


def billing_if_any() -> HisBilling | None:
    """Give the HIS's money side; None: this process has none."""
    return _billing


async def close_billing() -> None:
    """Give the connections back, at the end of a process."""
    if _billing is not None:
        await _billing.close()
        set_billing(None)


@contextmanager
def outcome_known() -> Iterator[None]:
    """Turn whatever is not an answer of the HIS into "not known".

    Raises:
        OutcomeUnknown.
    """
    try:
        yield
    except (HisUnavailable, HisDisagrees) as error:
        raise OutcomeUnknown(error.code) from error


def money_of(order: PaidOrder, amount_fen: int | None = None) -> Money:
    """Say how an order's money moved, or the part of it that goes back."""
    return Money(order.amount_fen if amount_fen is None else amount_fen, order.channel, order.transaction_no)


def answer_of(outcome: HisReceipt | HisRejected) -> Settled | Rejected:
    """Give the HIS's answer in the words of a fulfilment.

    Raises:
        OutcomeUnknown: it refuses because something told earlier has not arrived.
    """
    if isinstance(outcome, HisReceipt):
        return settled(outcome)
    if outcome.code in NOT_YET:
        raise OutcomeUnknown(outcome.code)
    return Rejected(outcome.code)


def settled(receipt: HisReceipt) -> Settled:
    """Keep of the HIS's receipt what a receipt for the payer is made of."""
    told: Mapping[str, Any] = {
        "receipt_no": receipt.receipt_no,
        "business_day": receipt.business_day.isoformat(),
        "made_at": receipt.made_at.isoformat(),
        "total_fen": receipt.total_fen,
        "cash_fen": receipt.cash_fen,
        "insurance_fen": receipt.insurance_fen,
        "account_fen": receipt.account_fen,
        "lines": [
            {
                "item_no": line.item_no,
                "code": line.code,
                "name": line.name,
                "specification": line.specification,
                "unit": line.unit,
                "quantity": line.quantity,
                "unit_price_fen": line.unit_price_fen,
                "amount_fen": line.amount_fen,
            }
            for line in receipt.lines
        ],
    }
    return Settled(receipt.receipt_no, told)


async def require_his_number(patient_id: UUID) -> str:
    """Give the HIS's record number of a person; where there is none yet, have the HIS told of them.

    Raises:
        PatientNotLinked: the HIS's answer is still to come; asking again in a moment may succeed.
        DatabaseUnavailable.
    """
    db = database()
    number = await find_his_number(db, patient_id)
    if number is not None:
        return number
    async with db.transaction() as tx:
        await _tell_once(tx, patient_id)
    raise errors.PatientNotLinked


async def _tell_once(tx: Transaction, patient_id: UUID) -> None:
    await tx.execute("SELECT FROM patient WHERE id = $1 FOR UPDATE", patient_id)
    if not await OUTBOX.pending_aggregates(tx, "his", [f"patient:{patient_id}"]):
        await tell_patient(tx, patient_id)
