"""A day of real orders is closed: the report's totals are the ledger's, and nothing is closed over a disagreement."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from functools import partial
from typing import Any

import pytest

from kernel import clock
from kernel.clock import clinic_date, frozen
from kernel.db import Database
from payments import attempts, exceptions, refunds
from payments.books.closings import Closing, LineSource, close_books, get_closing, keep_books
from payments.books.differences import list_differences
from payments.books.errors import BooksDoNotBalance, BooksOutdated, ClosingNotFound, DayAlreadyClosed
from payments.books.lines import BookLine, LineKind, Side
from payments.books.sources import ChannelBill, PlatformRecord, ReversalRecord
from payments.exceptions import Action
from payments.gateways.port import Bill, BillKind, ChannelCode, RefundState
from payments.orders import Order
from payments.refunds import Ask
from payments.resolving import Resolution, resolve_exception
from runtime.books import describe
from tests.factories.bills import alipay_bill, wechat_bill
from tests.factories.books import Told, at
from tests.factories.payments import CASHIER, ChannelDouble, PaymentsUnderTest

# A day to come: letters are due by the database's clock, which no test holds back.
DAY = clock.today() + timedelta(days=2)
NOON, MORNING_AFTER = at(DAY, 12), at(DAY + timedelta(days=1), 10, 30)


class Billing(ChannelDouble):
    """A channel that writes its bill from its own books."""

    def lines(self, day: date) -> list[BookLine]:
        found = [
            BookLine(
                LineKind.PAYMENT,
                number,
                tried.amount_fen or 0,
                tried.paid_at,
                channel_no=tried.transaction_no,
                fee_fen=((tried.amount_fen or 0) * 6 + 500) // 1000,
            )
            for number, tried in self.tried.items()
            if tried.paid_at is not None and clinic_date(tried.paid_at) == day
        ]
        return found + [
            BookLine(
                LineKind.REFUND,
                one.refund_no,
                one.refund_fen or 0,
                one.occurred_at,
                channel_no=one.channel_refund_no,
                fee_fen=((one.refund_fen or 0) * 6 + 500) // 1000,
            )
            for one in self.refunds.values()
            if one.state is RefundState.SUCCEEDED and one.occurred_at and clinic_date(one.occurred_at) == day
        ]

    async def fetch_bill(self, day: date, kind: BillKind) -> Bill:
        assert kind is BillKind.TRADES
        lines = self.lines(day)
        if self.merchant.channel is ChannelCode.ALIPAY:
            return alipay_bill(lines, day=day, partner=self.merchant.merchant_no)
        return wechat_bill(lines, day=day, merchant_no=self.merchant.merchant_no)


class Day:
    """A day of payments, and the morning after."""

    def __init__(self, payments: PaymentsUnderTest) -> None:
        self.payments = payments
        payments.wechat = Billing(payments.wechat.merchant)
        payments.alipay = Billing(payments.alipay.merchant)

    async def told_by_his(self) -> list[BookLine]:
        """What the HIS's double has settled and taken back, as its list of the day would say."""
        settled = self.payments.his.settled.items()
        lines = [BookLine(LineKind.PAYMENT, f"H{no}", fen, NOON, settlement_no=no) for no, fen in settled]
        rows = await self.payments.rows("payment_refund")
        return lines + [
            BookLine(LineKind.REFUND, f"V{row['refund_no']}", row["amount_fen"], NOON, settlement_no=row["refund_no"])
            for row in rows
            if row["refund_no"] in self.payments.his.reversals
        ]

    async def sources(self) -> Sequence[LineSource]:
        channels = [self.payments.wechat, self.payments.alipay]
        found: list[LineSource] = [
            ChannelBill(partial(self._channel, place), one.merchant) for place, one in enumerate(channels)
        ]
        merchants = [*(one.merchant for one in channels), self.payments.cash]
        found += [PlatformRecord(one.code) for one in merchants]
        return [*found, ReversalRecord(), Told(Side.HIS, await self.told_by_his(), "his")]

    def _channel(self, place: int) -> ChannelDouble:
        return (self.payments.wechat, self.payments.alipay)[place]

    async def keep(self) -> Closing:
        with frozen(MORNING_AFTER):
            return await keep_books(
                self.payments.db, DAY, await self.sources(), rates={"wechat-main": 6_000}, by="F0001"
            )

    async def close(self) -> dict[str, Any]:
        with frozen(MORNING_AFTER):
            closing = await close_books(self.payments.db, DAY, by="F0001")
        assert closing.report is not None
        return dict(closing.report)

    async def refund(self, order: Order, amount_fen: int) -> None:
        ask = Ask(reason="患者取消", by_rule=True)
        await refunds.request_refund(order.id, amount_fen=amount_fen, ask=ask, actor=CASHIER)
        await self.payments.settle_down()


@pytest.fixture
async def day(payments: PaymentsUnderTest) -> Day:
    return Day(payments)


async def play(day: Day) -> None:
    """Three pay by WeChat, one by Alipay, one at the window; one gets a part back, one notification is lost."""
    payments = day.payments
    with frozen(NOON):
        await payments.paid(2_500)
        refunded, _ = await payments.paid(10_000)
        await day.refund(refunded, 3_000)
        by_alipay = await payments.order(4_000)
        attempt = await payments.attempt(by_alipay, ChannelCode.ALIPAY)
        await payments.tell(payments.alipay.pay(attempt.attempt_no))
        at_window = await payments.order(1_500)
        await attempts.record_window_payment(
            at_window.id, channel=ChannelCode.CASH, amount_fen=1_500, slip_no="SLIP-1", actor=CASHIER
        )
        await payments.settle_down()


@pytest.mark.parametrize("had_it", [True, False])
async def test_what_a_person_gave_up_agrees_with_the_his_once_it_has_undone_it(day: Day, *, had_it: bool) -> None:
    """The HIS had it and took it back, or had it never and voids its number: nobody is sent to take it back again."""
    payments = day.payments
    await payments.db.execute("UPDATE payment_rule SET settlement_asks_max = 1")
    with frozen(NOON):
        payments.his.lost["settle"], payments.his.silent = 1, not had_it
        order, _ = await payments.paid(2_500)
        [case] = await exceptions.list_exceptions(payments.db, limit=5)
        await resolve_exception(case.id, Resolution(action=Action.REFUND, reason="患者要求退款"), actor=CASHIER)
        await day.keep()
        under_way = [(one.kind, one.number) for one in await list_differences(payments.db, day=DAY)]
        payments.his.silent = False
        await payments.settle_down()
        await payments.pass_time(until=timedelta(minutes=10))
    assert (await payments.look(order)).status == "refunded"

    await day.keep()

    assert under_way == ([("his-surplus", f"{order.order_no}S")] if had_it else [])
    assert await list_differences(payments.db, day=DAY, statuses=("open", "explained", "resolved")) == []
    report = await day.close()
    taken_back = [one["refunded_fen"] for one in report["sides"] if one["side"] == "reversal"]
    assert taken_back == [2_500 if had_it else 0]


async def test_a_days_report_says_what_the_ledger_says(day: Day) -> None:
    await play(day)
    closing = await day.keep()
    assert await list_differences(day.payments.db, day=DAY, statuses=("open", "explained")) == []
    report = await day.close()

    assert report["accounts"] == [
        {"account": "clearing:alipay-main", "net_fen": 4_000},
        {"account": "clearing:cash-main", "net_fen": 1_500},
        {"account": "clearing:wechat-main", "net_fen": 9_500},
    ]
    sides = {(one["side"], one["merchant"]): (one["paid_fen"], one["refunded_fen"]) for one in report["sides"]}
    assert sides == {
        ("channel", "alipay-main"): (4_000, 0),
        ("channel", "wechat-main"): (12_500, 3_000),
        ("platform", "alipay-main"): (4_000, 0),
        ("platform", "cash-main"): (1_500, 0),
        ("platform", "wechat-main"): (12_500, 3_000),
        ("reversal", "his"): (0, 3_000),
        ("his", "his"): (18_000, 3_000),
    }
    moved = {one["account"]: (one["debit_fen"], one["credit_fen"]) for one in report["ledger"]}
    assert moved == {
        "clearing:alipay-main": (4_000, 0),
        "clearing:cash-main": (1_500, 0),
        "clearing:wechat-main": (12_500, 3_000),
        "orders_unsettled": (18_000, 18_000),
        "refunds_payable": (3_000, 3_000),
        "revenue:outpatient_bill": (3_000, 18_000),
    }
    assert sum(debit for debit, _ in moved.values()) == sum(credit for _, credit in moved.values())
    assert (report["late_entries"], report["differences"]) == ([], [])
    standing = await get_closing(day.payments.db, DAY)
    assert (standing.id, standing.status, standing.closed_by, standing.closed_at) == (
        closing.id,
        "closed",
        "F0001",
        MORNING_AFTER.astimezone(UTC),
    )
    await day.payments.require_sound()


async def test_a_day_is_laid_out_for_finance(day: Day) -> None:
    await play(day)
    await day.keep()
    kept = await describe(day.payments.db, DAY)
    assert f"Books of {DAY}: matched, run 1; not closed yet" in kept
    assert "ledger" not in kept
    await day.close()
    shown = await describe(day.payments.db, DAY)
    assert f"Books of {DAY}: closed {DAY + timedelta(days=1)} 10:30:00 by F0001" in shown
    lines = [line.split() for line in shown.splitlines()]
    assert ["channel", "wechat-main", "3", "¥125.00", "¥30.00", "¥0.57"] in lines
    assert ["revenue:outpatient_bill", "¥30.00", "¥180.00"] in lines
    assert shown.endswith("Channel, platform and HIS agree in every line.")


async def test_a_day_on_which_no_money_moved_says_so(day: Day) -> None:
    await day.keep()
    await day.close()
    shown = await describe(day.payments.db, DAY)
    assert shown.endswith("No money moved that day.")
    assert "ledger" not in shown


async def test_a_closed_day_stays_as_it_is(day: Day) -> None:
    await play(day)
    await day.keep()
    before = await day.close()
    with pytest.raises(DayAlreadyClosed):
        await day.keep()
    with pytest.raises(DayAlreadyClosed):
        await day.close()
    assert (await get_closing(day.payments.db, DAY)).report == before


async def test_a_day_is_closed_by_one(day: Day) -> None:
    await play(day)
    await day.keep()
    done = await asyncio.gather(*(day.close() for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, dict) for one in done) == 1
    assert sum(isinstance(one, DayAlreadyClosed) for one in done) == 5
    closed = await day.payments.db.fetch("SELECT by FROM book_event WHERE kind = 'closed'")
    assert len(closed) == 1


async def test_a_payment_that_only_the_bill_tells_of_is_taken_in(day: Day) -> None:
    """The phone had paid, the notification was lost, and every query since."""
    with frozen(NOON):
        order = await day.payments.order(2_500)
        attempt = await day.payments.attempt(order)
        day.payments.wechat.pay(attempt.attempt_no)
    await day.keep()
    with frozen(MORNING_AFTER):
        await day.payments.settle_down()
        order = await day.payments.look(order)
    assert order.status == "settled"
    (row,) = await day.payments.rows("payment_transaction")
    assert (row["source"], row["amount_fen"], row["paid_at"]) == ("bill", 2_500, NOON.astimezone(UTC))
    # The HIS heard of it only this morning, which the day's own list cannot show.
    assert [(one.kind, one.status) for one in await list_differences(day.payments.db, day=DAY)] == [
        ("his-missing", "open")
    ]
    await day.payments.require_sound()


async def test_a_refund_that_only_the_bill_tells_of_is_taken_in(day: Day) -> None:
    with frozen(NOON):
        order, _ = await day.payments.paid(10_000)
        day.payments.wechat.refund_state = RefundState.PROCESSING
        await day.refund(order, 3_000)
        (refund,) = await day.payments.rows("payment_refund")
        assert refund["status"] == "processing"
        day.payments.wechat.finish_refund(refund["refund_no"])
    await day.keep()
    (refund,) = await day.payments.rows("payment_refund")
    assert (refund["status"], refund["channel_paid_at"]) == ("succeeded", NOON.astimezone(UTC))
    assert await list_differences(day.payments.db, day=DAY) == []
    await day.payments.require_sound()


async def test_what_becomes_known_after_comparing_wants_the_books_kept_again(day: Day) -> None:
    await play(day)
    with frozen(NOON):
        order = await day.payments.order(700)
        attempt = await day.payments.attempt(order)
    await day.keep()
    with frozen(NOON):
        await day.payments.tell(day.payments.wechat.pay(attempt.attempt_no))
        await day.payments.settle_down()
    with pytest.raises(BooksOutdated):
        await day.close()
    assert (await get_closing(day.payments.db, DAY)).status == "matched"
    await day.keep()
    report = await day.close()
    assert {one["account"]: one["net_fen"] for one in report["accounts"]}["clearing:wechat-main"] == 10_200


async def test_what_becomes_known_after_closing_is_in_the_next_report(day: Day) -> None:
    with frozen(NOON):
        order = await day.payments.order(700)
        attempt = await day.payments.attempt(order)
    await day.keep()
    closed = await day.close()
    with frozen(NOON):
        fact = day.payments.wechat.pay(attempt.attempt_no)
    with frozen(MORNING_AFTER + timedelta(minutes=5)):
        await day.payments.tell(fact)
        await day.payments.settle_down()
    next_day = DAY + timedelta(days=1)
    with frozen(MORNING_AFTER + timedelta(days=1)):
        sources: list[LineSource] = [
            PlatformRecord(one.code) for one in (day.payments.wechat.merchant, day.payments.alipay.merchant)
        ]
        await keep_books(day.payments.db, next_day, sources, rates={}, by="F0001")
        report = (await close_books(day.payments.db, next_day, by="F0001")).report
    assert report is not None
    assert closed["accounts"] == [
        {"account": "clearing:alipay-main", "net_fen": 0},
        {"account": "clearing:cash-main", "net_fen": 0},
        {"account": "clearing:wechat-main", "net_fen": 0},
    ]
    late = [(one["account"], one["amount_fen"]) for one in report["late_entries"]]
    assert late == [("clearing:wechat-main", 700), ("orders_unsettled", -700)]
    shown = await describe(day.payments.db, next_day)
    assert "of earlier days, known only since" in shown
    assert "-¥7.00" in shown


async def test_nothing_is_closed_over_a_ledger_that_disagrees(day: Day, database: Database) -> None:
    await play(day)
    await day.keep()
    await database.execute(
        "INSERT INTO payment_transaction (id, channel, transaction_no, merchant_code, attempt_id, order_id, role,"
        " amount_fen, source, paid_at, recorded_at) SELECT gen_random_uuid(), channel, 'FORGED', merchant_code,"
        " attempt_id, order_id, 'disputed', 100, 'query', paid_at, recorded_at FROM payment_transaction LIMIT 1"
    )
    with pytest.raises(BooksDoNotBalance) as refused:
        await day.close()
    assert len(refused.value.details["accounts"]) == 1  # type: ignore[arg-type]  # a list
    assert (await get_closing(database, DAY)).status == "matched"


async def test_a_day_without_books_is_not_closed(database: Database) -> None:
    with frozen(MORNING_AFTER), pytest.raises(ClosingNotFound):
        await close_books(database, DAY, by="F0001")
