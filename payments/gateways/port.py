"""The port behind which every payment channel stands.

The platform asks a channel to prepare, query, close and refund; what the channel tells, in an answer, a notification
or a line of its bill, comes back as a `PaymentFact` or `RefundFact` and takes one way into the core. Amounts are
integer fen; instants are UTC. No call here is made inside a database transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable


class ChannelCode(StrEnum):
    """By which way money moves."""

    WECHATPAY = "wechatpay"
    ALIPAY = "alipay"
    INSURANCE = "insurance"
    CASH = "cash"
    CARD = "card"


class Scene(StrEnum):
    """Where a person pays, and so what the channel has to prepare."""

    MINI_PROGRAM = "mini_program"
    NATIVE_CODE = "native_code"
    BROWSER = "browser"


class PaymentState(StrEnum):
    """What a channel says of one attempt to pay."""

    ABSENT = "absent"
    UNPAID = "unpaid"
    PAYING = "paying"
    PAID = "paid"
    CLOSED = "closed"


class RefundState(StrEnum):
    """What a channel says of one refund."""

    ABSENT = "absent"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    ABNORMAL = "abnormal"
    CLOSED = "closed"


class FactSource(StrEnum):
    """How a fact came to us."""

    ANSWER = "answer"
    NOTIFICATION = "notification"
    QUERY = "query"
    BILL = "bill"


class BillKind(StrEnum):
    """Which of a channel's daily bills."""

    TRADES = "trades"
    FUNDS = "funds"


@dataclass(frozen=True, slots=True)
class Merchant:
    """One account of the hospital's with a channel; a hospital has several, usually one per campus.

    key_references: what each key is for -> where it lies (`file:NAME` below the keys folder, `env:NAME`); the keys
    themselves are never in the database.
    """

    code: str
    channel: ChannelCode
    merchant_no: str
    app_id: str
    key_references: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """One attempt, as it is put to a channel.

    attempt_no: our number of it (out_trade_no), at most 32 letters and digits; payer: the channel's id of the person
    (openid, buyer id), needed in a mini-program. payer_address, return_url: needed in a browser; the payer's network
    address, and the page of ours that the channel leads back to.
    """

    attempt_no: str
    scene: Scene
    amount_fen: int
    description: str
    expires_at: datetime
    payer: str | None = None
    payer_address: str | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the payer's phone or a kiosk needs to go on.

    parameters: signed, for the mini-program's own call, as it wants them; code_url: what a kiosk shows as a code;
    page_url: the channel's page that a browser goes to, good for some minutes.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    code_url: str | None = None
    page_url: str | None = None


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """One refund; refund_no is ours and is reused by every retry."""

    refund_no: str
    attempt_no: str
    refund_fen: int
    paid_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """What a channel has told of one attempt; merchant_no, app_id and payer are what the channel named, unchecked."""

    channel: ChannelCode
    merchant_no: str
    app_id: str | None
    attempt_no: str
    state: PaymentState
    source: FactSource
    amount_fen: int | None = None
    transaction_no: str | None = None
    payer: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundFact:
    """What a channel has told of one refund."""

    channel: ChannelCode
    merchant_no: str
    attempt_no: str
    refund_no: str
    state: RefundState
    source: FactSource
    refund_fen: int | None = None
    channel_refund_no: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification whose signature holds, opened: the channel's number of it, and the fact that it tells.

    fact is None for a kind of event that the platform does not act on (it is kept and acknowledged nevertheless).
    """

    event_id: str
    event_type: str
    fact: PaymentFact | RefundFact | None


@dataclass(frozen=True, slots=True)
class Bill:
    """A day's bill as the channel gave it, its hash checked; empty when the channel says that there was nothing."""

    kind: BillKind
    day: date
    content: bytes
    is_empty: bool = False


class Gateway(Protocol):
    """One merchant's account with one channel.

    Every call has its own time limit. An unknown outcome (time out, connection lost, 5xx, an answer whose signature
    does not hold) is `ChannelUnavailable`: the same call may be made again with the same numbers. A definite refusal
    is `ChannelRefused` with the channel's own code.
    """

    merchant: Merchant

    async def prepare(self, request: PaymentRequest) -> Prepared:
        """Make the attempt known to the channel. Raises: ChannelUnavailable, ChannelRefused."""
        ...

    async def query(self, attempt_no: str) -> PaymentFact:
        """Ask how an attempt stands; ABSENT when the channel never heard of it. Raises: ChannelUnavailable."""
        ...

    async def close(self, attempt_no: str) -> None:
        """Have the channel refuse the attempt from now on; closing twice is no error.

        Raises:
            ChannelUnavailable: it is not known whether it is closed.
            ChannelRefused: it cannot be closed (`is_paid` tells that it was paid meanwhile).
        """
        ...

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Send money back. Raises: ChannelUnavailable, ChannelRefused."""
        ...

    async def query_refund(self, *, refund_no: str, attempt_no: str) -> RefundFact:
        """Ask how a refund stands; ABSENT when the channel never heard of it. Raises: ChannelUnavailable."""
        ...

    async def fetch_bill(self, day: date, kind: BillKind) -> Bill:
        """Fetch a day's bill and check its hash. Raises: ChannelUnavailable, BillNotReady."""
        ...

    def read_notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:
        """Verify and open a notification; makes no outbound call and changes nothing.

        Raises:
            NotificationRefused: its signature, time, serial or form does not hold; `reason` says which.
        """
        ...


@runtime_checkable
class LearnsKeys(Protocol):
    """A gateway whose channel changes the keys by which it signs, by itself."""

    async def learn_keys(self) -> None:
        """Learn what another process has fetched of the channel's keys; makes no outbound call.

        Raises:
            DatabaseUnavailable.
        """
        ...

    async def refresh_certificates(self) -> bool:
        """Fetch the channel's keys anew before their time, for every process; False: this account has fixed ones.

        Raises:
            ChannelUnavailable, DatabaseUnavailable.
        """
        ...
