"""What payments need of others and do not know: the HIS and the feature behind each kind of order.

`runtime` registers one Fulfilment per kind; without one, orders of that kind cannot be made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from kernel.db import Transaction


@dataclass(frozen=True, slots=True)
class PaidOrder:
    """An order as its fulfilment sees it. is_late: the money came after the order's time was over."""

    id: UUID
    order_no: str
    kind: str
    subject_kind: str
    subject_id: str
    patient_id: UUID
    campus_id: UUID | None
    amount_fen: int
    client_id: str
    settlement_no: str
    channel: str
    merchant_code: str
    transaction_no: str
    paid_at: datetime
    is_late: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """The HIS has it. receipt: what the HIS gave for a receipt to be made of."""

    his_no: str
    receipt: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A definite no: the money goes back. reason: a code for records, no patient's data."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotThere:
    """The HIS has never heard of this number: it may be told (again)."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """A refund as the HIS has to undo it; refund_no is stable over every retry.

    tells_his: False where the HIS itself asked for it, and only the insurance has to have its part back first.
    """

    refund_no: str
    settlement_no: str
    his_no: str | None
    amount_fen: int
    is_whole: bool
    items: Sequence[Mapping[str, Any]]
    reason: str
    tells_his: bool = True


class OutcomeUnknown(Exception):
    """The HIS did not answer, or not in a way that can be trusted: what it did is not known."""


class NotDecided(Exception):
    """Somebody at the hospital has to decide first, and has not: nothing is unknown, and nothing can be done here."""


class Fulfilment(Protocol):
    """What being paid means for one kind of order."""

    async def accept(self, tx: Transaction, order: PaidOrder) -> Rejected | None:
        """Take the paid order into the feature's own books, in the payment's transaction; no call leaves it.

        For a late payment this claims anew what the order was for. Rejected: it cannot be had any more. It runs under
        the attempt's and the order's row locks, and may be run again after a failure.
        """
        ...

    async def settle(self, order: PaidOrder) -> Settled | Rejected:
        """Tell the HIS, under the settlement's own number, which it knows a repetition by.

        Raises:
            OutcomeUnknown.
        """
        ...

    async def query(self, order: PaidOrder) -> Settled | Rejected | NotThere:
        """Ask the HIS what became of a settlement.

        Raises:
            OutcomeUnknown.
        """
        ...

    async def reverse(self, order: PaidOrder, reversal: Reversal) -> Settled | Rejected:
        """Have the HIS undo a settlement, in whole or in part, before money goes back.

        After a person has given up a settlement whose fate is not known, `his_no` is None: a settlement that the HIS
        never heard of counts as undone, and is refused should it come later.

        Raises:
            OutcomeUnknown.
            NotDecided: the pharmacy, say, has not said yet whether it may be undone; it is asked again.
        """
        ...


_fulfilments: dict[str, Fulfilment] = {}


def set_fulfilments(fulfilments: Mapping[str, Fulfilment]) -> None:
    """Say, at start-up, who fulfils which kind of order."""
    _fulfilments.clear()
    _fulfilments.update(fulfilments)


def fulfilment_of(kind: str) -> Fulfilment:
    """Give who fulfils orders of a kind."""
    assert kind in _fulfilments, f"nobody fulfils orders of the kind {kind}"
    return _fulfilments[kind]
