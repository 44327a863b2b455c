"""What is asked of the cashier's side, in the micro-HIS's own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PLATFORM, WINDOW = "platform", "window"
CASH: Final = "cash"


@dataclass(frozen=True, slots=True)
class OrderedItem:
    """One thing that is ordered or charged. Its amount is counted by the database.

    insurance_percent: how much of it the insurance bears; None: what the stay says.
    """

    code: str
    name: str
    specification: str
    unit: str
    quantity: int
    unit_price_fen: int
    insurance_percent: int | None
    executing_department: str


@dataclass(frozen=True, slots=True)
class Payment:
    """Money as it is told to us: how it moved, and under which number.

    number: the platform's settlement, deposit or refund number, or a clerk's request; a repeat is known by it.
    request: everything that was asked, so that the same number with other content is refused.
    cash_fen: what the payer gave, by whichever channel; insurance_fen: what the insurance gave.
    insurance_no: the number of its centre, where that has decided its part; account_fen: what of it came out of the
    person's own account.
    """

    source: str
    number: str | None
    channel: str
    transaction_no: str
    cash_fen: int
    insurance_fen: int
    made_by: str
    insurance_no: str | None = None
    account_fen: int = 0
    request: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BillShown:
    """A bill as the payer saw it; None where the clerk looks at it just now."""

    bill_no: str
    hash: str | None
