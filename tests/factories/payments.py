"""Payments under test: channels and a HIS as doubles at the ports, which lose answers, answer late, double and reorder.

The doubles keep books of their own, so that a test can compare what the platform believes with what "they" did.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from kernel import clock
from kernel.db import Database, Transaction
from kernel.events import Actor
from kernel.ids import new_id
from kernel.outbox import OUTBOX
from kernel.secrets import Secrets
from payments import attempts, expiry, inbox, ledger, merchants, orders, ports
from payments.attempts import Attempt
from payments.events import EVENTS_HANDLER, HANDLER, PaymentEvent, Subscriber
from payments.facts import Applied, apply_channel_fact
from payments.gateways.errors import ChannelRefused, ChannelUnavailable, NotificationRefused
from payments.gateways.port import (
    Bill,
    BillKind,
    ChannelCode,
    FactSource,
    Merchant,
    Notification,
    PaymentFact,
    PaymentRequest,
    PaymentState,
    Prepared,
    RefundFact,
    RefundRequest,
    RefundState,
    Scene,
)
from payments.gateways.window import WindowGateway
from payments.invariants import find_broken
from payments.orders import NewOrder, Order
from payments.ports import NotThere, OutcomeUnknown, PaidOrder, Rejected, Reversal, Settled
from payments.receipts import following
from payments.work import PaymentWork

PORTAL = Actor(client_id="portal", channel="portal", kind="partner")
CASHIER = Actor(client_id="kiosk", channel="kiosk", kind="internal", staff_code="S0001")
MANAGER = Actor(client_id="kiosk", channel="kiosk", kind="internal", staff_code="S0002")
PAYER = "openid-of-a-payer"
ROUNDS_MAX = 200


class Crash(Exception):
    """The caller has broken down in the middle, as a killed worker does."""


@dataclass
class _Tried:
    """An attempt as the channel has it."""

    request: PaymentRequest
    state: PaymentState = PaymentState.UNPAID
    transaction_no: str | None = None
    amount_fen: int | None = None
    payer: str | None = None
    paid_at: datetime | None = None


@dataclass
class ChannelDouble:
    """One merchant's account with a channel.

    lost: how many coming answers of each call are lost after the channel has done it; silent: every call fails before.
    crashes: after how many coming calls the caller itself breaks down, before it has written anything.
    refuses: what a call is refused with. stuck: refunds that the channel accepts and does not do.
    """

    merchant: Merchant
    tried: dict[str, _Tried] = field(default_factory=dict)
    refunds: dict[str, RefundFact] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    refuses: dict[str, ChannelRefused] = field(default_factory=dict)
    silent: bool = False
    refund_state: RefundState = RefundState.SUCCEEDED
    calls: Counter[str] = field(default_factory=Counter)
    numbers: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def _enter(self, call: str, number: str) -> None:
        self.calls[call] += 1
        self.numbers[call].append(number)
        if self.silent:
            raise ChannelUnavailable(call)
        if call in self.refuses:
            raise self.refuses[call]

    def _leave(self, call: str) -> None:
        if self.lost[call]:
            self.lost[call] -= 1
            raise ChannelUnavailable(f"{call}: answer lost")
        if self.crashes[call]:
            self.crashes[call] -= 1
            raise Crash(call)

    async def prepare(self, request: PaymentRequest) -> Prepared:
        await asyncio.sleep(0)
        self._enter("prepare", request.attempt_no)
        self.tried.setdefault(request.attempt_no, _Tried(request))
        self._leave("prepare")
        if request.scene is Scene.BROWSER:
            return Prepared(page_url=f"{request.return_url}?link={len(self.numbers['prepare'])}")
        return Prepared({"package": f"prepay_id={request.attempt_no}"}, f"pay://{request.attempt_no}")

    async def query(self, attempt_no: str) -> PaymentFact:
        await asyncio.sleep(0)
        self._enter("query", attempt_no)
        fact = self.fact(attempt_no, FactSource.QUERY)
        self._leave("query")
        return fact

    async def close(self, attempt_no: str) -> None:
        await asyncio.sleep(0)
        self._enter("close", attempt_no)
        tried = self.tried.get(attempt_no)
        if tried is not None:
            if tried.state is PaymentState.PAID:
                raise ChannelRefused("ORDERPAID", is_paid=True)
            tried.state = PaymentState.CLOSED
        self._leave("close")

    async def refund(self, request: RefundRequest) -> RefundFact:
        await asyncio.sleep(0)
        self._enter("refund", request.refund_no)
        known = self.refunds.get(request.refund_no)
        if known is None:
            tried = self.tried[request.attempt_no]
            gone = sum(one.refund_fen or 0 for one in self.refunds.values() if one.attempt_no == request.attempt_no)
            if gone + request.refund_fen > (tried.amount_fen or 0):
                raise ChannelRefused("NOT_ENOUGH")
            known = self.refund_fact(request.refund_no, request.attempt_no, request.refund_fen, self.refund_state)
            self.refunds[request.refund_no] = known
        self._leave("refund")
        return replace(known, source=FactSource.ANSWER)

    async def query_refund(self, *, refund_no: str, attempt_no: str) -> RefundFact:
        await asyncio.sleep(0)
        self._enter("query_refund", refund_no)
        known = self.refunds.get(refund_no)
        self._leave("query_refund")
        if known is None:
            return self.refund_fact(refund_no, attempt_no, None, RefundState.ABSENT)
        return replace(known, source=FactSource.QUERY)

    async def fetch_bill(self, day: date, kind: BillKind) -> Bill:
        return Bill(kind, day, b"", is_empty=True)

    def read_notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:
        raise NotificationRefused("a_double_sends_none")

    # --- what payers and time do at the channel

    def pay(self, attempt_no: str, *, amount_fen: int | None = None, payer: str | None = None) -> PaymentFact:
        """Let somebody pay; the fact is what the channel's notification would tell."""
        tried = self.tried[attempt_no]
        assert tried.state is not PaymentState.CLOSED, "a closed attempt takes no money"
        if tried.state is not PaymentState.PAID:
            tried.state = PaymentState.PAID
            tried.transaction_no = f"T{attempt_no}"
            tried.amount_fen = tried.request.amount_fen if amount_fen is None else amount_fen
            tried.payer = payer or tried.request.payer
            tried.paid_at = clock.now()
        return self.fact(attempt_no)

    def fact(self, attempt_no: str, source: FactSource = FactSource.NOTIFICATION) -> PaymentFact:
        """Say how an attempt stands."""
        tried = self.tried.get(attempt_no)
        merchant = self.merchant
        return PaymentFact(
            merchant.channel,
            merchant.merchant_no,
            merchant.app_id,
            attempt_no,
            PaymentState.ABSENT if tried is None else tried.state,
            source,
            amount_fen=None if tried is None else tried.amount_fen,
            transaction_no=None if tried is None else tried.transaction_no,
            payer=None if tried is None else tried.payer,
            occurred_at=clock.now(),
        )

    def refund_fact(self, refund_no: str, attempt_no: str, fen: int | None, state: RefundState) -> RefundFact:
        """Say how a refund stands."""
        return RefundFact(
            self.merchant.channel,
            self.merchant.merchant_no,
            attempt_no,
            refund_no,
            state,
            FactSource.NOTIFICATION,
            refund_fen=fen,
            channel_refund_no=f"C{refund_no}",
            occurred_at=clock.now(),
        )

    def finish_refund(self, refund_no: str, state: RefundState = RefundState.SUCCEEDED) -> RefundFact:
        """Let a refund that the channel was doing end."""
        self.refunds[refund_no] = replace(self.refunds[refund_no], state=state)
        return self.refunds[refund_no]

    @property
    def held_fen(self) -> int:
        """What the channel has of ours: taken, less sent back."""
        taken = sum(one.amount_fen or 0 for one in self.tried.values() if one.state is PaymentState.PAID)
        gone = sum(one.refund_fen or 0 for one in self.refunds.values() if one.state is RefundState.SUCCEEDED)
        return taken - gone


@dataclass
class HisDouble:
    """Fulfils orders of every kind, and keeps what it settled by settlement number.

    lost: coming answers that are lost after it has settled; silent: it is away. rejects: the reason of its no.
    crashes: after how many coming calls the caller itself breaks down.
    declines: the feature's own no. breaks: the feature has a fault. voided: numbers that were given up.
    """

    settled: dict[str, int] = field(default_factory=dict)
    reversed_fen: Counter[str] = field(default_factory=Counter)
    reversals: set[str] = field(default_factory=set)
    voided: set[str] = field(default_factory=set)
    accepted: Counter[UUID] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    silent: bool = False
    rejects: str | None = None
    refuses_reversal: str | None = None
    declines: str | None = None
    breaks: bool = False

    def _leave(self, call: str) -> None:
        if self.lost[call]:
            self.lost[call] -= 1
            raise OutcomeUnknown(call)
        if self.crashes[call]:
            self.crashes[call] -= 1
            raise Crash(call)

    def _enter(self, call: str) -> None:
        self.calls[call] += 1
        if self.silent:
            raise OutcomeUnknown(call)

    async def accept(self, tx: Transaction, order: PaidOrder) -> Rejected | None:
        if self.breaks:
            await tx.execute("SELECT 1 / 0")
        if self.declines is not None:
            return Rejected(self.declines)
        self.accepted[order.id] += 1
        return None

    async def settle(self, order: PaidOrder) -> Settled | Rejected:
        await asyncio.sleep(0)
        self._enter("settle")
        if self.rejects is not None:
            self._leave("settle")
            return Rejected(self.rejects)
        if order.settlement_no in self.voided:
            return Rejected("number_void")
        self.settled[order.settlement_no] = order.amount_fen
        self._leave("settle")
        return Settled(f"H{order.settlement_no}")

    async def query(self, order: PaidOrder) -> Settled | Rejected | NotThere:
        await asyncio.sleep(0)
        self._enter("query")
        self._leave("query")
        return Settled(f"H{order.settlement_no}") if order.settlement_no in self.settled else NotThere()

    async def reverse(self, order: PaidOrder, reversal: Reversal) -> Settled | Rejected:
        await asyncio.sleep(0)
        self._enter("reverse")
        if self.refuses_reversal is not None:
            return Rejected(self.refuses_reversal)
        if reversal.his_no is None and reversal.settlement_no not in self.settled:
            self.voided.add(reversal.settlement_no)
            self._leave("reverse")
            return Settled("")
        if reversal.refund_no not in self.reversals:
            self.reversals.add(reversal.refund_no)
            self.reversed_fen[reversal.settlement_no] += reversal.amount_fen
        self._leave("reverse")
        return Settled(f"V{reversal.refund_no}")


class PaymentsUnderTest:
    """A hospital's payments with three channels: two that phones pay by, and a window's drawer."""

    def __init__(self, db: Database, subscribers: Sequence[tuple[str, Subscriber]] = ()) -> None:
        self.db = db
        self.his = HisDouble()
        self.heard: list[PaymentEvent] = []
        self.wechat = ChannelDouble(Merchant("wechat-main", ChannelCode.WECHATPAY, "1900000001", "wx0001"))
        self.alipay = ChannelDouble(Merchant("alipay-main", ChannelCode.ALIPAY, "2088000001", "2021000001"))
        self.cash = Merchant("cash-main", ChannelCode.CASH, "drawer-1", "")
        self.passed_until = clock.now()
        self.work = PaymentWork(db, [*subscribers, ("*", self._hear), *following.SUBSCRIBERS])

    async def _hear(self, _tx: Transaction, event: PaymentEvent) -> None:
        self.heard.append(event)

    async def build(self) -> "PaymentsUnderTest":
        """Register the accounts and connect the doubles."""
        builders: dict[ChannelCode, merchants.Builder] = {
            ChannelCode.WECHATPAY: lambda _merchant, _secrets: self.wechat,
            ChannelCode.ALIPAY: lambda _merchant, _secrets: self.alipay,
            ChannelCode.CASH: lambda merchant, _secrets: WindowGateway(merchant),
            ChannelCode.CARD: lambda merchant, _secrets: WindowGateway(merchant),
        }
        merchants.set_gateways(merchants.Gateways(Secrets(Path("/nonexistent")), builders))
        kinds = ("registration", "outpatient_bill", "deposit", "discharge")
        ports.set_fulfilments(dict.fromkeys(kinds, self.his))
        async with self.db.transaction() as tx:
            for merchant in (self.wechat.merchant, self.alipay.merchant, self.cash):
                await merchants.save_merchant(tx, merchant, campus_id=None, actor=CASHIER)
        return self

    async def order(self, amount_fen: int = 2500, **changes: Any) -> Order:
        """Make an order for something of its own."""
        asked: dict[str, Any] = {
            "kind": "outpatient_bill",
            "subject_kind": "bills",
            "subject_id": str(new_id()),
            "patient_id": new_id(),
            "amount_fen": amount_fen,
            "title": "门诊缴费",
        }
        return await orders.create_order(NewOrder(**(asked | changes)), actor=PORTAL)

    async def attempt(
        self, order: Order, channel: ChannelCode = ChannelCode.WECHATPAY, *, actor: Actor = PORTAL
    ) -> Attempt:
        """Begin to pay an order on a phone."""
        return await attempts.start_attempt(
            order.id, channel=channel, scene=Scene.MINI_PROGRAM, payer=PAYER, actor=actor
        )

    async def tell(self, fact: PaymentFact | RefundFact) -> Applied:
        """Apply a fact in a transaction of its own."""
        async with self.db.transaction() as tx:
            return await apply_channel_fact(tx, fact)

    async def paid(self, amount_fen: int = 2500, **changes: Any) -> tuple[Order, Attempt]:
        """Make an order, pay it by WeChat, and let all that follows happen."""
        order = await self.order(amount_fen, **changes)
        attempt = await self.attempt(order)
        await self.tell(self.wechat.pay(attempt.attempt_no))
        await self.settle_down()
        return await self.look(order), attempt

    async def look(self, order: Order) -> Order:
        """Read an order as it stands now."""
        return await orders.read_order(self.db, order.id, CASHIER)

    async def settle_down(self) -> None:
        """Let the worker do what is asked of it now, until nothing is; what is due later stays."""
        for _ in range(ROUNDS_MAX):
            heard = await inbox.BOX.claim(self.db, inbox.HANDLER, limit=100, lease_seconds=20)
            if heard is not None:
                await inbox.apply_batch(self.db, heard)
            leases = [
                await OUTBOX.claim(self.db, handler, limit=100, lease_seconds=20)
                for handler in (EVENTS_HANDLER, HANDLER)
            ]
            for lease in leases:
                if lease is not None:
                    await self.work.work(lease)
            if heard is None and leases == [None, None]:
                return
        raise AssertionError("the worker finds no end")

    async def pass_time(self, *, until: timedelta, step: timedelta = timedelta(seconds=30)) -> None:
        """Let the timetable run over a span of time, standing still at each step; a second call goes on."""
        start = max(clock.now(), self.passed_until)
        passed = timedelta()
        while passed < until:
            passed += step
            with clock.frozen(start + passed):
                await expiry.expire_orders()
                await expiry.ask_due(self.db)
                await self.settle_down()
        self.passed_until = start + passed

    async def rows(self, table: str) -> Sequence[Any]:
        """Read a table in the order of its ids."""
        return await self.db.fetch(f"SELECT * FROM {table} ORDER BY id")

    async def require_sound(self) -> None:
        """See that no invariant of money is broken, and that the channels hold what the ledger says.

        Raises:
            AssertionError: naming the first that disagree.
        """
        assert await find_broken(self.db) == []
        posted = await ledger.balances(self.db)
        for channel in (self.wechat, self.alipay):
            assert posted.get(ledger.clearing(channel.merchant.code), 0) == channel.held_fen

    async def kinds_heard(self, order: Order) -> list[str]:
        """List the events of an order, as its subscribers got them."""
        return [event.kind for event in self.heard if event.order_id == order.id]
