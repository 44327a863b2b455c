"""A day is closed because somebody asked: the timetable does it and says how it went; what keeps one open is seen."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from kernel import clock
from kernel.clock import frozen
from kernel.secrets import Secrets
from payments import errors as payment_errors
from payments.books import errors, keeping, requests
from payments.books.closings import get_closing
from payments.books.late import list_late_entries
from payments.gateways.errors import BillNotReady
from payments.gateways.port import Bill, BillKind, Gateway, Merchant
from payments.merchants import Gateways, set_gateways
from payments.metrics import UNCLOSED, UNCLOSED_AGE, refresh_gauges
from tests.factories.payments import CASHIER, PORTAL, PaymentsUnderTest
from tests.service.payments.books.test_closing import DAY, MORNING_AFTER, NOON, Billing, Day


@pytest.fixture
async def day(payments: PaymentsUnderTest, tmp_path: Path) -> AsyncIterator[Day]:
    """A day whose channels write their bills, as the process that keeps books reaches them."""
    found = Day(payments)

    def build(merchant: Merchant, _secrets: Secrets) -> Gateway:
        return payments.wechat if merchant.code == payments.wechat.merchant.code else payments.alipay

    class Fresh(Gateways):
        """Asks for each gateway anew, as tests exchange them."""

        def of(self, merchant: Merchant) -> Gateway:
            return build(merchant, Secrets(tmp_path))

    set_gateways(Fresh(Secrets(tmp_path), {}))
    yield found
    set_gateways(None)


async def request() -> requests.ClosingRequest:
    return await requests.request_closing(DAY, actor=CASHIER)


async def test_a_requested_day_is_closed_in_the_name_of_who_asked(day: Day) -> None:
    db = day.payments.db
    with frozen(NOON):
        await day.payments.paid(2_500)
    with frozen(MORNING_AFTER):
        with pytest.raises(payment_errors.StaffRequired):
            await requests.request_closing(DAY, actor=PORTAL)
        with pytest.raises(errors.ClosingNotRequested):
            await requests.read_request(db, DAY)
        asked = await request()
        with pytest.raises(errors.ClosingAlreadyRequested):
            await request()
        assert (asked.status, asked.requested_by) == ("waiting", "S0001")
        assert await requests.work_requests(db) == 1
        done = await requests.read_request(db, DAY)
        assert (done.id, done.status, done.reason) == (asked.id, "closed", None)
        closing = await get_closing(db, DAY)
        assert (closing.status, closing.closed_by) == ("closed", "S0001")
        with pytest.raises(errors.DayAlreadyClosed):
            await request()
        with pytest.raises(errors.DayNotOver):
            await requests.request_closing(clock.today(), actor=CASHIER)
        assert await requests.work_requests(db) == 0


class NotReady(Billing):
    """A channel whose bill is not made yet."""

    async def fetch_bill(self, day: object, kind: BillKind) -> Bill:
        raise BillNotReady("creating")


async def test_a_day_that_stays_open_says_why_until_it_is_closed(day: Day) -> None:
    db = day.payments.db
    told = day.payments.wechat
    day.payments.wechat = NotReady(told.merchant)
    with frozen(MORNING_AFTER):
        first = await request()
        assert await requests.work_requests(db) == 0
        failed = await requests.read_request(db, DAY)
        assert (failed.status, failed.reason) == ("failed", "books.not_ready")
        assert failed.facts == {"waiting_for": "wechat-main"}
    with frozen(MORNING_AFTER + timedelta(hours=2)):
        assert await keeping.close_past_days(db) == 0
        await refresh_gauges(db)
        assert UNCLOSED.labels("books.not_ready")._value.get() >= 1
        assert UNCLOSED_AGE._value.get() == timedelta(hours=2).total_seconds()
        found = await keeping.read_obstacle(db, DAY)
        assert found is not None
        assert (found.reason, found.facts) == ("books.not_ready", {"waiting_for": "wechat-main"})
        day.payments.wechat = told
        second = await request()
        assert second.id != first.id
        assert await requests.work_requests(db) == 1
        assert await keeping.read_obstacle(db, DAY) is None


async def test_work_that_was_cut_off_is_begun_anew_and_only_once(day: Day) -> None:
    db = day.payments.db
    with frozen(MORNING_AFTER):
        await request()
        await db.execute("UPDATE book_request SET status = 'working', started_at = $1", clock.now())
        assert await requests.work_requests(db) == 0
    with frozen(MORNING_AFTER + requests.WORK_MAX + timedelta(seconds=1)):
        done = await asyncio.gather(*(requests.work_requests(db) for _ in range(3)))
        assert sum(done) == 1
        assert (await requests.read_request(db, DAY)).status == "closed"


async def test_what_comes_after_closing_is_listed_with_both_days(day: Day) -> None:
    db = day.payments.db
    with frozen(NOON):
        order = await day.payments.order(700)
        attempt = await day.payments.attempt(order)
    with frozen(MORNING_AFTER):
        closing = await keeping.keep_and_close(db, DAY, by="F0001")
        assert await list_late_entries(db, closing) == []
    with frozen(NOON):
        fact = day.payments.wechat.pay(attempt.attempt_no)
    with frozen(MORNING_AFTER + timedelta(minutes=5)):
        await day.payments.tell(fact)
    late = await list_late_entries(db, await get_closing(db, DAY))
    assert [(one.is_of_this_day, one.account, one.amount_fen) for one in late] == [
        (True, "clearing:wechat-main", 700),
        (True, "orders_unsettled", -700),
    ]
    next_day = DAY + timedelta(days=1)
    with frozen(MORNING_AFTER + timedelta(days=1)):
        closing = await keeping.keep_and_close(db, next_day, by="F0001")
    seen_next = await list_late_entries(db, closing)
    assert [(one.is_of_this_day, one.business_key, one.recorded_at) for one in seen_next] == [
        (False, one.business_key, one.recorded_at) for one in late
    ]
