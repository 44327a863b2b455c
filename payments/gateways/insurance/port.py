"""What the platform asks of the insurance's mobile payment centre (医保移动支付中心).

A bill's items are uploaded (6201), the centre decides what the insurance pays of it and takes that (6202), is asked
(6301), sends it back (6203) or forgets an upload (6401). Amounts are integer fen, instants UTC. No call here is made
inside a database transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class InsuranceState(StrEnum):
    """How the insurance's part of an order stands, whatever became of the cash.

    unknown: the centre itself does not know, or says what is not documented: only asking again, or a person, ends it.
    """

    PENDING = "pending"
    PAID = "paid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    REVOKED = "revoked"
    FAILED = "failed"
    UNKNOWN = "unknown"


class RefundKind(StrEnum):
    """What of an order goes back (refdType). The insurance's part goes back whole or not at all."""

    ALL = "ALL"
    CASH = "CASH"
    INSURANCE = "HI"


class RefundOutcome(StrEnum):
    """What the centre made of a refund (refStatus)."""

    SUCCEEDED = "SUCC"
    FAILED = "FAIL"
    UNKNOWN = "EXP"


@dataclass(frozen=True, slots=True)
class Insured:
    """Whose insurance it is; sealed on the wire, never logged. document_type: 01 is the resident identity card."""

    name: str = field(repr=False)
    document_number: str = field(repr=False)
    document_type: str = "01"


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agreed to with their electronic credential: pay_auth_no, and whose insurance it is."""

    pay_auth_no: str
    insured: Insured


class Consents(Protocol):
    """The insurance's electronic credential (医保电子凭证), asked what a code stands for that it gave to a person."""

    async def read(self, code: str, *, openid: str | None) -> Consent:
        """Give the consent that a code stands for; openid: by whom it was given, in a mini-program.

        Raises:
            ChannelUnavailable, ChannelRefused.
        """
        ...


@dataclass(frozen=True, slots=True)
class FeeItem:
    """One line of the bill. described: what the HIS knows of it, in the insurance's names (medListCodg, cnt ...)."""

    amount_fen: int
    described: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FeeUpload:
    """A bill as it is put to the centre.

    bill_no: ours (medOrgOrd), the same by every retry; batch_no: of the charge (chrgBchno); pay_auth_no: the person's
    consent, given in WeChat or Alipay. visit: what the HIS and the insurance's own system know of the visit, in the
    insurance's names (`VISIT_WANTED`).
    """

    bill_no: str
    batch_no: str
    pay_auth_no: str
    insured: Insured
    visit: Mapping[str, str]
    items: Sequence[FeeItem]

    @property
    def total_fen(self) -> int:
        """What the whole bill costs."""
        return sum(one.amount_fen for one in self.items)


VISIT_WANTED: frozenset[str] = frozenset(
    {
        "psnNo", "insutype", "insuCode", "mdtrtId", "begntime", "iptOtpNo", "deptName", "deptCode", "caty", "medType",
        "feeType", "psnSetlway", "pubHospRfomFlag",
    }
)  # fmt: skip
"""Of the person: number, kind and place of insurance; of the visit: numbers, begin, department, kinds."""


@dataclass(frozen=True, slots=True)
class CentreOrder:
    """An upload that the centre has taken: its number of it, and the token that lets us speak of it."""

    pay_order_id: str
    pay_token: str = field(repr=False)
    visit_id: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """Who pays what of a bill, in fen. pooled: 基金; account: 个人账户; own: what is left to the person."""

    pooled_fen: int
    account_fen: int
    own_fen: int

    @property
    def insurance_fen(self) -> int:
        """What the insurance pays."""
        return self.pooled_fen + self.account_fen

    @property
    def total_fen(self) -> int:
        """The whole bill."""
        return self.insurance_fen + self.own_fen


@dataclass(frozen=True, slots=True)
class InsuranceFact:
    """What the centre has told of an order. status_code: its own word (ordStas); parts: where it names amounts."""

    pay_order_id: str
    state: InsuranceState
    status_code: str
    parts: Parts | None


@dataclass(frozen=True, slots=True)
class CentreRefund:
    """A refund at the centre; refund_no is ours and is reused by every retry."""

    refund_no: str
    pay_order_id: str
    pay_auth_no: str
    kind: RefundKind
    parts: Parts
    asked_at: datetime


class InsuranceCentre(Protocol):
    """One hospital's account with the centre.

    An outcome that is not known is `ChannelUnavailable`: the same call may be made again with the same numbers. A
    definite refusal is `ChannelRefused` with the centre's own code.
    """

    async def upload(self, fees: FeeUpload) -> CentreOrder:
        """Put a bill to the centre (6201); the same bill again is the same order.

        Raises:
            ChannelUnavailable, ChannelRefused.
        """
        ...

    async def pay(self, order: CentreOrder, fees: FeeUpload) -> InsuranceFact:
        """Have the centre decide and take the insurance's part (6202). Raises: ChannelUnavailable, ChannelRefused."""
        ...

    async def query(self, order: CentreOrder, insured: Insured) -> InsuranceFact:
        """Ask how an order stands (6301). Raises: ChannelUnavailable, ChannelRefused."""
        ...

    async def refund(self, refund: CentreRefund) -> RefundOutcome:
        """Send back (6203); UNKNOWN is asked by `query`. Raises: ChannelUnavailable, ChannelRefused."""
        ...

    async def revoke(self, order: CentreOrder, insured: Insured) -> None:
        """Have the centre forget an upload that nothing was paid of (6401); twice is no error.

        Raises:
            ChannelUnavailable: whether it is forgotten is not known.
            ChannelRefused: it is paid, or never was there.
        """
        ...
