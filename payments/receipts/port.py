"""The port behind which a province's fiscal e-receipt platform stands (财政电子票据).

Amounts are integer fen; instants are UTC. No call here is made inside a database transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class ReceiptKind(StrEnum):
    """For what kind of care money was taken; each has a form of receipt of its own."""

    REGISTRATION = "registration"
    OUTPATIENT = "outpatient"
    INPATIENT = "inpatient"


@dataclass(frozen=True, slots=True)
class ReceiptItem:
    """One charge of a receipt; quantity as text (`1`, `0.5`)."""

    code: str
    name: str
    unit: str
    quantity: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Payer:
    """Whom a receipt is made out to, read when it is sent and kept nowhere else.

    patient_no: the patient's number in the HIS.
    """

    name: str
    patient_no: str


@dataclass(frozen=True, slots=True)
class ReceiptRequest:
    """A receipt to be issued; business_no is ours, and a repetition of it is the same receipt.

    channel: by which way the money came.
    """

    business_no: str
    kind: ReceiptKind
    payer: Payer
    channel: str
    amount_fen: int
    items: Sequence[ReceiptItem]
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class FiscalNumber:
    """What names a receipt everywhere: the code of its kind and year, and its number."""

    code: str
    number: str


@dataclass(frozen=True, slots=True)
class IssuedReceipt:
    """A receipt as the fiscal platform has issued it. check_code: by which anybody may verify it."""

    name: FiscalNumber
    check_code: str
    page_url: str


@dataclass(frozen=True, slots=True)
class ReceiptState:
    """How a receipt stands at the fiscal platform; red: what wrote it off, if it was."""

    issued: IssuedReceipt
    amount_fen: int
    red: FiscalNumber | None


class FiscalPlatform(Protocol):
    """A fiscal e-receipt platform. Every call has its own time limit."""

    async def issue(self, request: ReceiptRequest) -> IssuedReceipt:
        """Issue a receipt; the same business_no again gives the same receipt.

        Raises:
            FiscalUnavailable: it is not known whether it is issued.
            FiscalRefused: it is not, and will not be as it is asked for.
        """
        ...

    async def write_off(self, receipt: FiscalNumber, *, reason: str) -> FiscalNumber:
        """Write a receipt off by a red one and give that; one that is written off already gives the same.

        Raises:
            FiscalUnavailable: it is not known whether it is written off.
            FiscalRefused: it cannot be.
        """
        ...

    async def find(self, business_no: str, *, occurred_at: datetime) -> ReceiptState | None:
        """Ask how the receipt of a business number stands; None when there is none. Raises: FiscalUnavailable."""
        ...

    async def aclose(self) -> None:
        """Give the connections back."""
        ...


class Payers(Protocol):
    """Who knows patients' names; supplied by runtime."""

    async def payer_of(self, patient_id: UUID) -> Payer:
        """Give whom receipts of a patient are made out to."""
        ...
