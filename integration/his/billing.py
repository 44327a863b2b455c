"""The port to the money side of a core HIS: charges, settlement, approvals of refunds, the inpatient account.

Every command carries a number of the platform's (settlement, deposit or refund number) that is the same over every
try; the HIS does it once and answers a repeat as the first time. A command ends in one of three ways: a `HisReceipt`
(done), a `Rejected` (not done, and will not be), or an exception: whether it was done is then not known. Nothing may be
refunded on an exception; `find_receipt` asks.

Money is integer fen, instants are aware UTC, business days are Asia/Shanghai. No call is made inside a transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from integration.his.port import Rejected

NOT_YET: Final = frozenset({"patient_unknown", "appointment_unknown"})
"""Refusals because something told earlier has not arrived: they may be tried again before anything is compensated."""
NO_CHANNEL: Final = "none"
"""By which no money moved: a discharge whose deposits were enough."""


class BillStatus(StrEnum):
    """How a bill stands at the HIS."""

    UNPAID = "unpaid"
    PAID = "paid"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


class ItemStatus(StrEnum):
    """How an item of a bill stands; DONE: dispensed or carried out, so not refundable."""

    UNPAID = "unpaid"
    PAID = "paid"
    DONE = "done"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


class ReceiptKind(StrEnum):
    """What a movement of money was for."""

    REGISTRATION = "registration"
    OUTPATIENT = "outpatient"
    DEPOSIT = "deposit"
    DISCHARGE = "discharge"
    REVERSAL = "reversal"
    DEPOSIT_RETURN = "deposit_return"


class ApprovalStatus(StrEnum):
    """What the hospital says to a refund; USED: the reversal has taken place."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    USED = "used"


class StayStatus(StrEnum):
    """How a stay stands; DISCHARGED: its bill is final and not settled yet."""

    ADMITTED = "admitted"
    DISCHARGED = "discharged"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class BillItem:
    """One thing that was ordered. insurance_fen: the part of amount_fen that the insurance bears if it is used."""

    item_no: str
    code: str
    name: str
    specification: str
    unit: str
    quantity: int
    unit_price_fen: int
    amount_fen: int
    insurance_fen: int
    executing_department: str
    status: ItemStatus


@dataclass(frozen=True, slots=True)
class Bill:
    """What is paid together or not at all. hash: changes with everything of it that a payer sees.

    kind: prescription, laboratory, examination, treatment.
    """

    bill_no: str
    his_number: str
    kind: str
    department_code: str
    ordered_by: str
    ordered_at: datetime
    status: BillStatus
    version: int
    hash: str
    total_fen: int
    insurance_fen: int
    items: tuple[BillItem, ...]


@dataclass(frozen=True, slots=True)
class Money:
    """How money moved. cash_fen: what the payer gave, by `channel` (a channel's code); insurance_fen: the insurance's.

    The two are the whole amount, or the whole without the insurance's part and that part. insurance_no: the number that
    the insurance's centre gave its order, where it has decided the part; account_fen: what of the part came out of the
    person's own account (个人账户), the rest is the fund's (统筹基金).
    """

    cash_fen: int
    channel: str
    transaction_no: str = ""
    insurance_fen: int = 0
    insurance_no: str | None = None
    account_fen: int = 0


@dataclass(frozen=True, slots=True)
class ClaimItem:
    """An item of a bill as the insurance's centre wants it. described: in the insurance's own names."""

    item_no: str
    amount_fen: int
    described: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class InsuranceClaim:
    """What the insurance's centre wants to know of bills. batch_no: of the charge; visit: in the insurance's names."""

    batch_no: str
    visit: Mapping[str, str]
    items: tuple[ClaimItem, ...]


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A line of a receipt."""

    item_no: str | None
    code: str
    name: str
    specification: str
    unit: str
    quantity: int
    unit_price_fen: int
    amount_fen: int
    insurance_fen: int


@dataclass(frozen=True, slots=True)
class HisReceipt:
    """One movement of money as the HIS has it; what went back is negative.

    number: the platform's, None for what was taken at the HIS's own window. reverses_number: of what it takes back.
    lines, surplus_fen: told for a single receipt, not in a day's list; surplus_fen: of a stay, yet to be returned.
    """

    receipt_no: str
    kind: ReceiptKind
    at_window: bool
    number: str | None
    reverses_receipt_no: str | None
    reverses_number: str | None
    his_number: str
    appointment_id: UUID | None
    admission_no: str | None
    channel: str
    transaction_no: str
    cash_fen: int
    insurance_fen: int
    total_fen: int
    business_day: date
    made_at: datetime
    lines: tuple[ReceiptLine, ...] = ()
    surplus_fen: int = 0
    insurance_no: str | None = None
    account_fen: int = 0


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """A page of a business day's receipts; next_cursor is None at the end."""

    receipts: tuple[HisReceipt, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class RefundApproval:
    """What the hospital says to the refund of some items.

    reason: `not_begun`, `drug_dispensed`, `test_done`, or what somebody at the hospital has written.
    """

    approval_no: str
    refund_no: str
    status: ApprovalStatus
    reason: str
    item_nos: tuple[str, ...]
    version: int
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class HisDeposit:
    """A deposit of a stay, and how much of it has been given back."""

    receipt_no: str
    number: str | None
    channel: str
    transaction_no: str
    amount_fen: int
    returned_fen: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Stay:
    """An inpatient stay with its account: once discharged, this is the bill.

    balance_fen = charges - insurance - deposits - paid: to be paid where positive, a surplus where negative.
    """

    admission_no: str
    his_number: str
    department_code: str
    ward: str
    bed: str
    status: StayStatus
    version: int
    admitted_at: datetime
    discharged_at: datetime | None
    charges_fen: int
    insurance_fen: int
    deposits_fen: int
    paid_fen: int
    balance_fen: int
    deposits: tuple[HisDeposit, ...]


@dataclass(frozen=True, slots=True)
class DailyCharges:
    """What a stay was charged for a day (一日清单)."""

    admission_no: str
    day: date
    lines: tuple[ReceiptLine, ...]
    total_fen: int
    insurance_fen: int


class HisBilling(Protocol):
    """The money side of a core HIS.

    Every call raises HisUnavailable when the HIS cannot be reached, answers too late or what cannot be read; and
    HisDisagrees when it says that the number is another entry's or that it cannot make sense of what was sent: a fault
    for a person, never a ground for a refund. Numbers of the platform's are 6 to 64 of A-Z a-z 0-9 - _; one that was
    given up is `Rejected` by every command that moves money, as number_void.
    """

    async def list_unpaid_bills(self, his_number: str) -> list[Bill]:
        """Give a person's unpaid bills; `his_number` is the HIS's record number (patients.his.find_his_number)."""
        ...

    async def fetch_bills(self, bill_nos: Sequence[str]) -> list[Bill]:
        """Give bills as they stand now, to compare hash and status with what was seen; unknown ones are left out."""
        ...

    async def settle_bills(
        self, *, settlement_no: str, his_number: str, bills: Sequence[tuple[str, str]], money: Money
    ) -> HisReceipt | Rejected:
        """Settle bills (number, hash as seen) of one person with one payment; all or none.

        Rejected: bill_not_unpaid (paid at the window meanwhile, or withdrawn), bill_changed, bill_unknown,
        amount_differs.
        """
        ...

    async def describe_claim(self, *, his_number: str, bills: Sequence[tuple[str, str]]) -> InsuranceClaim | Rejected:
        """Ask what the insurance's centre wants to know of bills (number, hash as seen) before it shares them.

        Rejected: bill_not_unpaid, bill_changed, bill_unknown, insurance_unknown (nobody has seen a card of the person).
        """
        ...

    async def settle_registration(
        self, *, settlement_no: str, appointment_id: UUID, money: Money
    ) -> HisReceipt | Rejected:
        """Note that the fee of an appointment is paid.

        Rejected: appointment_unknown (perhaps not yet), appointment_not_active, already_charged, amount_differs.
        """
        ...

    async def find_receipt(self, number: str) -> HisReceipt | None:
        """Ask what became of a settlement, deposit, reversal or return; None: the HIS has not done it so far.

        A request of ours may still be on its way then. To end an unknown outcome, give the same command again under
        the same number, which ends in a receipt or in a `Rejected`; or give the number up by `void_number`.
        """
        ...

    async def void_number(self, number: str) -> HisReceipt | None:
        """Have the HIS do nothing under this number any more; None: it is void, whatever still comes is refused.

        A receipt: it was done before, and has to be taken back as such.
        """
        ...

    async def request_refund(
        self, *, refund_no: str, settlement_no: str, item_nos: Sequence[str]
    ) -> RefundApproval | Rejected:
        """Ask whether items of a settlement may be refunded; asking again gives how it stands.

        Rejected: entry_unknown, item_not_refundable.
        """
        ...

    async def find_refund_approval(self, refund_no: str) -> RefundApproval | None:
        """Give how a request stands; None: never asked."""
        ...

    async def reverse_settlement(self, *, refund_no: str, settlement_no: str, money: Money) -> HisReceipt | Rejected:
        """Take a settlement out of the HIS's books: of bills the items approved under refund_no, else the whole.

        Of a registration fee also the part by which the number has become cheaper.
        Rejected: not_approved, entry_unknown, service_done, amount_differs.
        """
        ...

    async def find_stay(self, his_number: str) -> Stay | None:
        """Give a person's present or latest stay; None: never an inpatient."""
        ...

    async def fetch_stay(self, admission_no: str) -> Stay | None:
        """Give a stay with its account, the bill at discharge; None: no such stay."""
        ...

    async def list_charges(self, admission_no: str, day: date) -> DailyCharges | None:
        """Give what a stay was charged for a day; None: no such stay."""
        ...

    async def post_deposit(self, *, deposit_no: str, admission_no: str, money: Money) -> HisReceipt | Rejected:
        """Credit a stay with a deposit. Rejected: admission_unknown, admission_not_open."""
        ...

    async def return_deposit(self, *, refund_no: str, deposit_no: str, money: Money) -> HisReceipt | Rejected:
        """Give a deposit or a part of it back. Rejected: entry_unknown, nothing_to_return."""
        ...

    async def settle_discharge(self, *, settlement_no: str, admission_no: str, money: Money) -> HisReceipt | Rejected:
        """Settle the bill of a stay; the receipt tells the surplus. cash_fen: the positive balance, or 0 by NO_CHANNEL.

        Rejected: admission_unknown, admission_not_open, amount_differs.
        """
        ...

    async def receipts_of_day(self, day: date, cursor: str | None = None) -> ReceiptPage:
        """Give a page of a business day's receipts, those of the HIS's window too, for the books."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
