"""Any sequence of steps keeps every fen explained (hypothesis, stateful).

Payers pay late, twice and wrongly, by phone, at the window and for their relatives; channels and the HIS lose answers
or are away; clocks run; people decide. After each step the invariants hold; at the end all heals, and every payment is
settled, refunded, or an open case.

Hypothesis drives the steps in a thread of its own; each runs on the test's event loop, at the machine's time.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from kernel.errors import HospitalError
from kernel.ids import new_id
from patients.service import register_patient
from payments import exceptions, expiry, inbox, merchants, refunds, relatives
from payments.attempts import Attempt, record_window_payment, record_window_refund
from payments.exceptions import Action, Cause, PaymentException
from payments.gateways.port import ChannelCode, Merchant, Notification, PaymentState, RefundState, Scene
from payments.invariants import find_broken
from payments.orders import Order, close_order
from payments.refunds import Ask, Refund
from payments.resolving import Resolution, resolve_exception
from tests.factories.keys import write_keys
from tests.factories.patients import registration
from tests.factories.payments import CASHIER, MANAGER, PORTAL, ChannelDouble, PaymentsUnderTest

pytestmark = pytest.mark.race

# Letters are due by the database's clock, so the machine's time begins after it.
NOW = datetime(2027, 3, 1, 1, tzinfo=UTC)
STEP_SECONDS_MAX = 60
AMOUNT_FEN = 60_000
TABLES = (
    "payment_check, payment_exception, payment_refund, payment_settlement, payment_transaction, payment_attempt,"
    " payment_event, pay_code, payment_order, payment_notification, ledger_link, ledger_seal, ledger_posting,"
    " ledger_entry, outbox"
)
HEAL_STEPS = (*[timedelta(minutes=11)] * 3, timedelta(days=1), *[timedelta(minutes=11)] * 3)
"""A code for a relative keeps an order open for a day."""
KINDS = ("registration", "outpatient_bill", "deposit", "discharge")
CARD = Merchant("card-main", ChannelCode.CARD, "terminal-1", "")
DRAWERS = ("cash-main", CARD.code)

channels = st.sampled_from(["wechat", "alipay"])
kinds = st.sampled_from(KINDS)

# What a long run has to have seen; each gives how often it came about in one example.
SEEN = {
    **{f"a settled {kind}": f"SELECT count(*) FROM payment_order WHERE kind = '{kind}' AND settled_at IS NOT NULL"
       for kind in KINDS},
    **{f"paid by {channel}": f"SELECT count(*) FROM payment_transaction WHERE channel = '{channel}'"
       for channel in ("wechatpay", "alipay", "cash", "card")},
    **{f"{role} money": f"SELECT count(*) FROM payment_transaction WHERE role = '{role}'"
       for role in ("accepted", "surplus", "disputed")},
    "begun by a relative's code": "SELECT count(*) FROM payment_attempt a WHERE a.order_id IN"
    " (SELECT order_id FROM pay_code) AND a.payer = 'a-relative'",
    "a refund in part": "SELECT count(*) FROM payment_order WHERE refunded_fen > 0 AND status = 'settled'",
    "a refund handed over": "SELECT count(*) FROM payment_refund WHERE status = 'succeeded'"
    " AND merchant_code IN ('cash-main', 'card-main')",
    "a refund paid by other means": "SELECT count(*) FROM payment_refund WHERE status = 'paid_offline'",
    "a refund with a second person": "SELECT count(*) FROM payment_refund WHERE approved_by IS NOT NULL",
    "deposits sent back first in, first out": "SELECT count(*) FROM payment_refund WHERE reason = '出院余额'",
    "another payer": "SELECT count(*) FROM payment_exception WHERE cause = 'payer_mismatch'",
    "a reversal refused": "SELECT count(*) FROM payment_exception WHERE cause = 'reversal_refused'",
}  # fmt: skip


class Payments(RuleBasedStateMachine):
    """Each rule is one thing that somebody does, or that goes wrong."""

    db: ClassVar[Database]
    loop: ClassVar[asyncio.AbstractEventLoop]
    patient_id: ClassVar[UUID]
    steps_taken: ClassVar[int] = 0
    ends: ClassVar[Counter[str]] = Counter()
    seen: ClassVar[Counter[str]] = Counter()

    made: Bundle[Order] = Bundle("made")
    tried: Bundle[tuple[str, Attempt]] = Bundle("tried")
    asked: Bundle[Refund] = Bundle("asked")

    def run(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """Run a step on the test's event loop, the clock standing at the machine's time."""

        async def at_this_time() -> Any:
            with clock.frozen(self.now):
                try:
                    return await step()
                except HospitalError as refusal:
                    return refusal

        type(self).steps_taken += 1
        return asyncio.run_coroutine_threadsafe(at_this_time(), self.loop).result(STEP_SECONDS_MAX)

    @initialize()
    def build(self) -> None:
        self.now = NOW
        self.unknown: set[str] = set()
        self.run(self._build)

    async def _build(self) -> None:
        for table in TABLES.split(", "):
            await self.db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table in TABLES.split(", "):
            await self.db.execute(f"DELETE FROM {table}")
        for table in TABLES.split(", "):
            await self.db.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        self.payments = await PaymentsUnderTest(self.db).build()
        async with self.db.transaction() as tx:
            await merchants.save_merchant(tx, CARD, campus_id=None, actor=CASHIER)

    def double(self, name: str) -> ChannelDouble:
        found: ChannelDouble = getattr(self.payments, name)
        return found

    # --- what people do

    @rule(target=made, kind=kinds)
    def order(self, kind: str) -> Any:
        return self.run(lambda: self._order(kind))

    @rule(target=made, kind=kinds, channel=channels)
    def buy(self, kind: str, channel: str) -> Any:
        """Do all that goes well on most days, in one step, so that more becomes of it in the others."""
        answer = self.run(lambda: self._buy(kind, channel))
        return multiple() if isinstance(answer, HospitalError) else answer

    async def _order(self, kind: str) -> Order:
        until = self.now + timedelta(minutes=15)
        return await self.payments.order(AMOUNT_FEN, kind=kind, patient_id=self.patient_id, expires_at=until)

    async def _buy(self, kind: str, channel: str) -> Order:
        order = await self._order(kind)
        attempt = await self.payments.attempt(order, self.double(channel).merchant.channel)
        await self.payments.tell(self.double(channel).pay(attempt.attempt_no))
        await self.payments.settle_down()
        return order

    @rule(target=tried, order=made, channel=channels)
    def attempt(self, order: Order, channel: str) -> Any:
        code = ChannelCode.WECHATPAY if channel == "wechat" else ChannelCode.ALIPAY
        answer = self.run(lambda: self.payments.attempt(order, code))
        return multiple() if isinstance(answer, HospitalError) else (channel, answer)

    @rule(target=tried, order=made, channel=channels)
    def begin_as_a_relative(self, order: Order, channel: str) -> Any:
        """Somebody else begins to pay, by a code that the patient has sent them."""
        answer = self.run(lambda: self._begin_as_a_relative(order, self.double(channel).merchant.channel))
        return multiple() if isinstance(answer, HospitalError) else (channel, answer)

    async def _begin_as_a_relative(self, order: Order, channel: ChannelCode) -> Attempt:
        made = await relatives.make_pay_code(order.id, actor=PORTAL)
        return await relatives.pay_by_code(
            made.code, channel=channel, scene=Scene.MINI_PROGRAM, payer="a-relative", address="phone-1"
        )

    @rule(one=tried, short_fen=st.sampled_from([0, 0, 0, 1]), is_told=st.booleans())
    def pay(self, one: tuple[str, Attempt], short_fen: int, is_told: bool) -> None:  # noqa: FBT001  hypothesis gives it
        double, attempt = self.double(one[0]), one[1]
        known = double.tried.get(attempt.attempt_no)
        if known is None or known.state is PaymentState.CLOSED:
            return
        fact = double.pay(attempt.attempt_no, amount_fen=AMOUNT_FEN - short_fen)
        if is_told:
            self.run(lambda: self.payments.tell(fact))

    @rule(one=tried)
    def pay_as_a_stranger(self, one: tuple[str, Attempt]) -> None:
        """Another person pays than who was asked: nothing is fulfilled by it."""
        double, attempt = self.double(one[0]), one[1]
        known = double.tried.get(attempt.attempt_no)
        if known is not None and known.state is PaymentState.UNPAID:
            self.run(lambda: self.payments.tell(double.pay(attempt.attempt_no, payer="a-stranger")))

    @rule(one=tried)
    def pay_after_closing(self, one: tuple[str, Attempt]) -> None:
        """A channel that says it has closed, and takes the money all the same, tells of it."""
        double, attempt = self.double(one[0]), one[1]
        known = double.tried.get(attempt.attempt_no)
        if known is None or known.state is not PaymentState.CLOSED:
            return
        known.state = PaymentState.UNPAID
        fact = double.pay(attempt.attempt_no)
        self.run(lambda: self.payments.tell(fact))

    @rule(one=tried)
    def tell_again(self, one: tuple[str, Attempt]) -> None:
        fact = self.double(one[0]).fact(one[1].attempt_no)
        self.run(lambda: self.payments.tell(fact))

    @rule(one=tried, times=st.integers(1, 3))
    def notify(self, one: tuple[str, Attempt], times: int) -> None:
        """A channel notifies, perhaps several times, and the worker hears of it some time later."""
        double = self.double(one[0])
        told = Notification(f"E{new_id()}", "TRANSACTION.SUCCESS", double.fact(one[1].attempt_no))
        for _ in range(times):
            self.run(lambda: inbox.accept_notification(double.merchant, told))

    @rule(order=made)
    def take_cash(self, order: Order) -> None:
        self.run(
            lambda: record_window_payment(
                order.id, channel=ChannelCode.CASH, amount_fen=AMOUNT_FEN, slip_no=None, actor=CASHIER
            )
        )

    @rule(order=made, slip=st.integers(1, 6))
    def take_card(self, order: Order, slip: int) -> None:
        """A terminal prints a slip; one that was recorded before is not recorded again."""
        self.run(
            lambda: record_window_payment(
                order.id, channel=ChannelCode.CARD, amount_fen=AMOUNT_FEN, slip_no=f"SLIP{slip}", actor=CASHIER
            )
        )

    @rule()
    def hand_over(self) -> None:
        """A cashier hands over what waits at the window, twice: once only counts."""
        self.run(self._hand_over)

    async def _hand_over(self) -> None:
        query = "SELECT id FROM payment_refund WHERE merchant_code = ANY ($1) AND status IN ('processing', 'abnormal')"
        for row in await self.db.fetch(query, list(DRAWERS)):
            await record_window_refund(row["id"], slip_no="BACK1", actor=CASHIER)

    @rule(amount_fen=st.sampled_from([1, 70_000, 150_000]))
    def send_surplus_back(self, amount_fen: int) -> None:
        """A stay has ended with a surplus: it goes back over all its deposits, first in, first out."""
        self.run(lambda: self._send_surplus_back(amount_fen))

    async def _send_surplus_back(self, amount_fen: int) -> None:
        async with self.db.transaction() as tx:
            rows = await tx.fetch("SELECT id FROM payment_order WHERE kind = 'deposit' AND status = 'settled'")
            ask = Ask(reason="出院余额", by_rule=True)
            ids = [row["id"] for row in rows]
            await refunds.request_over(tx, ids, amount_fen=amount_fen, ask=ask, actor=CASHIER, asks_beyond_limits=True)

    @rule(channel=channels, state=st.sampled_from([RefundState.SUCCEEDED, RefundState.ABNORMAL]))
    def tell_of_refunds(self, channel: str, state: RefundState) -> None:
        """A channel tells how its refunds stand, those that it was still doing ended, and the others again."""
        double = self.double(channel)
        for number, fact in list(double.refunds.items()):
            told = double.finish_refund(number, state) if fact.state is RefundState.PROCESSING else fact
            self.run(lambda told=told: self.payments.tell(told))  # type: ignore[misc]  # a bound fact

    @rule(order=made)
    def close(self, order: Order) -> None:
        self.run(lambda: close_order(order.id, reason="cancelled", actor=PORTAL))

    @rule(target=asked, order=made, amount_fen=st.sampled_from([None, 1, 20_000, 50_001]))
    def ask_back(self, order: Order, amount_fen: int | None) -> Any:
        answer = self.run(
            lambda: refunds.request_refund(order.id, amount_fen=amount_fen, ask=Ask(reason="申请"), actor=CASHIER)
        )
        return multiple() if isinstance(answer, HospitalError) else answer

    @rule(refund=asked, approves=st.booleans())
    def judge(self, refund: Refund, approves: bool) -> None:  # noqa: FBT001  hypothesis gives it
        judge = refunds.approve_refund if approves else refunds.decline_refund
        self.run(lambda: judge(refund.id, actor=MANAGER))

    @rule(choice=st.integers(0, 7))
    def resolve(self, choice: int) -> None:
        self.run(lambda: self._resolve(choice))

    async def _resolve(self, choice: int) -> None:
        found = await exceptions.list_exceptions(self.db, limit=1)
        if found:
            allowed = found[0].allowed
            await self._decide(found[0], Action(allowed[choice % len(allowed)]))

    async def _decide(self, case: PaymentException, action: Action) -> None:
        await resolve_exception(case.id, Resolution(action=action, reason="已核实", proof="P1"), actor=CASHIER)

    # --- what goes wrong, and time

    @rule(channel=channels, call=st.sampled_from(["prepare", "query", "close", "refund", "query_refund"]))
    def lose_an_answer(self, channel: str, call: str) -> None:
        self.double(channel).lost[call] += 1

    @rule(channel=channels, call=st.sampled_from(["query", "close", "refund", "query_refund"]))
    def kill_a_worker_after_calling_a_channel(self, channel: str, call: str) -> None:
        self.double(channel).crashes[call] += 1

    @rule(call=st.sampled_from(["settle", "query", "reverse"]))
    def kill_a_worker_after_calling_the_his(self, call: str) -> None:
        self.payments.his.crashes[call] += 1

    @rule(channel=channels, silent=st.booleans())
    def fall_silent(self, channel: str, silent: bool) -> None:  # noqa: FBT001  hypothesis gives it
        self.double(channel).silent = silent

    @rule(
        channel=channels, state=st.sampled_from([RefundState.SUCCEEDED, RefundState.ABNORMAL, RefundState.PROCESSING])
    )
    def refund_as(self, channel: str, state: RefundState) -> None:
        self.double(channel).refund_state = state

    @rule(silent=st.booleans(), lost=st.integers(0, 2), rejects=st.sampled_from([None, None, "bill_changed"]))
    def trouble_the_his(self, silent: bool, lost: int, rejects: str | None) -> None:  # noqa: FBT001  hypothesis gives it
        his = self.payments.his
        his.silent, his.rejects = silent, rejects
        his.lost["settle"], his.lost["reverse"], his.lost["query"] = lost, lost, lost

    @rule(refuses=st.sampled_from([None, None, "drug_dispensed"]))
    def refuse_reversals(self, refuses: str | None) -> None:
        self.payments.his.refuses_reversal = refuses

    @rule(declines=st.sampled_from([None, "seat_gone"]), breaks=st.booleans())
    def trouble_the_feature(self, declines: str | None, breaks: bool) -> None:  # noqa: FBT001  hypothesis gives it
        self.payments.his.declines, self.payments.his.breaks = declines, breaks

    @rule(seconds=st.sampled_from([5, 60, 14 * 60, 16 * 60, 3600]))
    def let_time_pass(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.run(self._tick)

    async def _tick(self) -> None:
        await expiry.expire_orders()
        await expiry.ask_due(self.db)
        await self.payments.settle_down()

    @rule()
    def work(self) -> None:
        self.run(self.payments.settle_down)

    # --- what must hold

    @invariant()
    def nothing_is_broken(self) -> None:
        if hasattr(self, "payments"):
            self.run(self._require_sound)

    async def _require_sound(self) -> None:
        assert await find_broken(self.db) == []
        rows = await self.db.fetch("SELECT id::text, status, decided_by FROM payment_settlement")
        unknown = {row["id"] for row in rows if row["status"] == "unknown"}
        ended = {row["id"]: row["decided_by"] for row in rows if row["decided_by"] is not None}
        assert {ended[one] for one in self.unknown & set(ended)} <= {"his", "person"}
        self.unknown |= unknown
        accepted = self.payments.his.accepted
        assert set(accepted.values()) <= {1}, "an order was fulfilled twice"

    def teardown(self) -> None:
        if hasattr(self, "payments"):
            self.run(self._heal)

    async def _heal(self) -> None:
        """Let everybody be well again, people decide what is theirs, and time pass; then all must be explained."""
        payments = self.payments
        for double in (payments.wechat, payments.alipay):
            double.silent, double.refund_state = False, RefundState.SUCCEEDED
            double.lost.clear()
            double.crashes.clear()
            for number, fact in list(double.refunds.items()):
                if fact.state is RefundState.PROCESSING:
                    double.finish_refund(number)
        his = payments.his
        his.silent, his.rejects, his.declines, his.breaks, his.refuses_reversal = False, None, None, False, None
        his.lost.clear()
        his.crashes.clear()
        for step in HEAL_STEPS:
            self.now += step
            with clock.frozen(self.now):
                await self._tick()
        with clock.frozen(self.now):
            await payments.require_sound()
            await self._require_explained()

    async def _require_explained(self) -> None:
        cases = await exceptions.list_exceptions(self.db, limit=100)
        left_open = {case.order_id for case in cases}
        rows = await self.db.fetch("SELECT id, status, refunded_fen FROM payment_order")
        waiting = {row["order_id"] for row in await self.db.fetch(
            "SELECT order_id FROM payment_refund WHERE status IN ('requested', 'cancelled')"
            " OR status = 'processing' AND merchant_code = ANY ($1)", list(DRAWERS)
        )}  # fmt: skip
        for name, query in SEEN.items():
            self.seen[name] += await self.db.fetchval(query)
        for row in rows:
            self.ends[row["status"]] += 1
            is_explained = row["status"] in ("closed", "settled", "refunded") or row["id"] in left_open | waiting
            assert is_explained, f"order {row['id']} is left {row['status']}"
        known = {Cause(case.cause) for case in cases}
        assert Cause.UNKNOWN_ATTEMPT not in known
        assert Cause.UNKNOWN_REFUND not in known


async def begin(database: Database, folder: Path) -> None:
    """Begin with nothing counted, and with the one patient whose orders they all are: a relative sees their name."""
    load_cipher(write_keys(folder / "keys"))
    Payments.db, Payments.loop, Payments.steps_taken = database, asyncio.get_running_loop(), 0
    Payments.patient_id = (await register_patient(registration(), actor=PORTAL))[0].id
    Payments.ends.clear()
    Payments.seen.clear()


def relatives_pay(machine: Payments) -> None:
    order = machine.order(kind="outpatient_bill")
    machine.pay(machine.begin_as_a_relative(order=order, channel="wechat"), short_fen=0, is_told=True)


def hand_cash_back(machine: Payments) -> None:
    order = machine.order(kind="registration")
    machine.take_cash(order=order)
    machine.work()
    machine.ask_back(order=order, amount_fen=20_000)
    machine.work()
    machine.hand_over()


def pay_back_by_other_means(machine: Payments) -> None:
    order = machine.buy(kind="outpatient_bill", channel="wechat")
    machine.refund_as(channel="wechat", state=RefundState.ABNORMAL)
    machine.ask_back(order=order, amount_fen=20_000)
    machine.work()
    machine.resolve(choice=1)


def have_a_second_person_approve(machine: Payments) -> None:
    order = machine.buy(kind="deposit", channel="alipay")
    machine.judge(refund=machine.ask_back(order=order, amount_fen=None), approves=True)


def refuse_a_reversal(machine: Payments) -> None:
    order = machine.buy(kind="outpatient_bill", channel="alipay")
    machine.refuse_reversals(refuses="drug_dispensed")
    machine.ask_back(order=order, amount_fen=20_000)


PLAYED: dict[str, Callable[[Payments], None]] = {
    "begun by a relative's code": relatives_pay,
    "a refund handed over": hand_cash_back,
    "a refund paid by other means": pay_back_by_other_means,
    "a refund with a second person": have_a_second_person_approve,
    "a reversal refused": refuse_a_reversal,
}
"""What takes several steps in one order, which chance seldom finds in thirty: played as well, by the same steps."""


def play(steps: Callable[[Payments], None]) -> None:
    """Take these steps, then heal; the invariants hold after them, and at the end every fen is explained."""
    machine = Payments()
    machine.build()
    steps(machine)
    machine.work()
    machine.nothing_is_broken()
    machine.teardown()


@pytest.mark.parametrize("outcome", PLAYED)
async def test_what_chance_seldom_finds_is_explained(database: Database, tmp_path: Path, outcome: str) -> None:
    await begin(database, tmp_path)

    await asyncio.to_thread(play, PLAYED[outcome])

    assert Payments.seen[outcome] == 1


@pytest.mark.parametrize(
    "examples",
    [10, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(1500)])],
)
async def test_any_sequence_of_steps_leaves_every_fen_explained(
    database: Database, tmp_path: Path, examples: int
) -> None:
    await begin(database, tmp_path)
    ignored = list(HealthCheck)
    bounds = settings(max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=ignored)
    await asyncio.to_thread(run_state_machine_as_test, Payments, settings=bounds)
    assert Payments.steps_taken > examples * 10
    assert Payments.ends["settled"] >= examples // 5
    assert examples < 100 or {"closed", "refunded"} <= set(Payments.ends), Payments.ends
    assert examples < 100 or not [name for name in SEEN if not Payments.seen[name] and name not in PLAYED], (
        Payments.seen
    )
