"""Booking when the network is slow, or goes, and when the person taps twice, goes back, or has a clock that is wrong.

Each test ends with what the hospital holds: one wish is one seat, however often it was said.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page, Route, expect

from kernel import clock
from kernel.db import Database
from tests.factories.booking import require_books_agree
from tests.factories.booking_pages import Cardiology, sign_in_at, with_member
from tests.factories.front_end import require_build
from tests.factories.open_api import OpenApi
from tests.factories.patient_pages import App, open_app, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("front-end")]

LATENCY_MILLISECONDS: Final = 400
BYTES_A_SECOND: Final = 400_000 // 8
LAYOUT_SHIFT_MAX: Final = 0.1
"""https://web.dev/articles/cls: below this a page counts as still."""
HOLD_MINUTES: Final = 15
_SLOW_MILLISECONDS: Final = 30_000

_WATCH_SHIFTS: Final = """
window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach((one) => {
  const moved = one.sources.map(({ node }) => node?.outerHTML?.slice(0, 120));
  if (!one.hadRecentInput) window.shifts.push([location.hash, one.value, moved]);
})).observe({ type: 'layout-shift', buffered: true });
window.statuses = [];
new MutationObserver(() => document.querySelectorAll('[data-status]').forEach((node) => {
  const said = `${node.dataset.testid} ${node.dataset.status}`;
  if (!window.statuses.includes(said)) window.statuses.push(said);
})).observe(document, { childList: true, subtree: true, attributes: true });
"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    require_build("h5")
    async with open_browser() as started:
        yield started


async def slow_down(page: Page) -> None:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")
    conditions = {
        "offline": False,
        "latency": LATENCY_MILLISECONDS,
        "downloadThroughput": BYTES_A_SECOND,
        "uploadThroughput": BYTES_A_SECOND,
    }
    await devtools.send("Network.emulateNetworkConditions", conditions)


async def depth(app: App) -> int:
    """Tell how many screens the way back has."""
    found: int = await app.page.evaluate("history.length")
    return found


async def at_confirmation(app: App, cardiology: Cardiology, number: str) -> None:
    """Come to the confirmation as people do, so that there is a way back."""
    await app.open("booking/seats/seats", session=str(cardiology.free.id))
    await app.settled("seats")
    await app.part("band").first.click()
    await app.settled("confirm", "signed-out")
    await app.tap("to-sign-in")
    await sign_in_at(app, number)
    await app.settled("confirm")


async def booked_by(db: Database, patient: object) -> int:
    found: int = await db.fetchval(
        "SELECT count(*) FROM appointment WHERE patient_id = $1 AND status = 'booked'", patient
    )
    return found


async def test_a_slow_network_shows_what_comes_and_nothing_jumps(browser: Browser, open_api: OpenApi) -> None:
    cardiology = await Cardiology.build(open_api)
    async with open_app(browser, open_api.server.base_url) as app:
        app.page.set_default_timeout(_SLOW_MILLISECONDS)
        await app.page.add_init_script(_WATCH_SHIFTS)
        await slow_down(app.page)
        await app.open("booking/find/find")
        await app.part("department").first.wait_for()
        await app.tap(f"day-{cardiology.free.clinic_date}")
        for name, screen in (("department", "department"), ("to-doctor", "doctor-page"), ("session-free", "seats")):
            before = await depth(app)
            target = app.part(name).filter(has_text="心血管" if name == "department" else "").first
            await target.wait_for()
            # Who sees nothing happen taps again.
            await target.evaluate("(node) => { for (let taps = 0; taps < 3; taps += 1) node.click(); }")
            await app.part(screen).wait_for()
            await expect(app.part(screen)).to_have_attribute("data-status", "ready", timeout=_SLOW_MILLISECONDS)
            assert await depth(app) == before + 1, f"{name} opened more than one screen"
        await app.part("band").first.wait_for()
        statuses: list[str] = await app.page.evaluate("window.statuses")
        shifts: list[Any] = await app.page.evaluate("window.shifts")
    for screen in ("find", "department", "doctor-page", "seats"):
        assert statuses.index(f"{screen} loading") < statuses.index(f"{screen} ready")
    by_screen: dict[str, float] = {}
    for address, value, _ in shifts:
        by_screen[address] = by_screen.get(address, 0) + value
    assert {address: value for address, value in by_screen.items() if value >= LAYOUT_SHIFT_MAX} == {}, shifts


async def test_without_a_network_what_was_read_is_shown_with_its_time(browser: Browser, open_api: OpenApi) -> None:
    await Cardiology.build(open_api)
    async with open_app(browser, open_api.server.base_url) as app:
        await app.open("booking/find/find")
        await app.settled("find")
        await app.part("department").filter(has_text="心血管").click()
        await app.settled("department")
        await app.page.context.set_offline(offline=True)
        await app.page.go_back()
        await app.settled("find")
        await expect(app.part("notice")).to_contain_text(re.compile(r"没有网络，显示的是 .*\d{2}:\d{2} 的内容"))
        await app.part("department").filter(has_text="心血管").click()
        await app.settled("department")
        await expect(app.part("notice")).to_contain_text("没有网络")
        await app.picture("resilience-offline")
        await app.page.context.set_offline(offline=False)
        # Read anew by itself.
        await expect(app.part("notice")).to_have_count(0)


async def test_a_booking_without_a_network_says_so_and_is_tried_again(browser: Browser, open_api: OpenApi) -> None:
    cardiology = await Cardiology.build(open_api)
    number, own = await with_member()
    async with open_app(browser, open_api.server.base_url) as app:
        await at_confirmation(app, cardiology, number)
        await app.page.context.set_offline(offline=True)
        await app.tap("book")
        await expect(app.page.locator("uni-toast:visible")).to_contain_text("连不上网络")
        await app.settled("confirm")
        assert await open_api.db.fetchval("SELECT count(*) FROM hold WHERE patient_id = $1", own) == 0
        await app.page.context.set_offline(offline=False)
        await expect(app.part("notice")).to_have_count(0)
        await app.tap("book")
        await app.settled("result")
    assert await booked_by(open_api.db, own) == 1
    await require_books_agree(open_api.db)


@pytest.mark.parametrize("lost", ["holds", "confirm"])
async def test_an_answer_that_is_lost_on_its_way_books_once(browser: Browser, open_api: OpenApi, lost: str) -> None:
    """The hospital did it, and the phone does not know."""
    cardiology = await Cardiology.build(open_api)
    number, own = await with_member()
    losses: list[int] = []

    async def lose_first(route: Route) -> None:
        if losses or route.request.method != "POST":
            await route.continue_()
            return
        answer = await route.fetch()
        losses.append(answer.status)
        await route.abort("connectionreset")

    async with open_app(browser, open_api.server.base_url) as app:
        await at_confirmation(app, cardiology, number)
        await app.page.route(re.compile(rf"/app/v1/.*{lost}$"), lose_first)
        await app.tap("book")
        await expect(app.page.locator("uni-toast:visible")).to_contain_text("连不上网络")
        await app.settled("confirm")
        assert [status // 100 for status in losses] == [2]
        await app.tap("book")
        await app.settled("result")
    assert await booked_by(open_api.db, own) == 1
    assert await open_api.db.fetchval("SELECT count(*) FROM hold WHERE patient_id = $1", own) == 1
    await require_books_agree(open_api.db)


async def test_many_taps_book_once_and_back_books_nothing_more(browser: Browser, open_api: OpenApi) -> None:
    cardiology = await Cardiology.build(open_api)
    number, own = await with_member()
    async with open_app(browser, open_api.server.base_url) as app:
        await at_confirmation(app, cardiology, number)
        await asyncio.gather(*(app.part("book").dispatch_event("click") for _ in range(5)))
        await app.settled("result")
        await app.page.go_back()
        await app.settled("seats")
        await app.page.go_forward()
        await app.settled("result")
        await app.page.reload()
        await app.settled("result")
        await app.page.go_back()
        await app.settled("seats")
        # The same half hour once more is known for what it is.
        await app.part("band").first.click()
        await app.settled("confirm")
        await app.tap("book")
        await expect(app.part("to-booked")).to_be_visible()
        await expect(app.part("book")).to_have_attribute("aria-disabled", "true")
    assert await booked_by(open_api.db, own) == 1
    assert await open_api.db.fetchval("SELECT count(*) FROM hold WHERE patient_id = $1", own) == 1
    await require_books_agree(open_api.db)


async def test_back_from_paying_keeps_the_one_seat(browser: Browser, open_api: OpenApi) -> None:
    cardiology = await Cardiology.build(open_api)
    await open_api.db.execute("UPDATE registration_payment_rule SET policy = 'at-booking'")
    number, own = await with_member()
    async with open_app(browser, open_api.server.base_url) as app:
        await at_confirmation(app, cardiology, number)
        await app.tap("book")
        await expect(app.page).to_have_url(re.compile("money/pay/pay.*order="))
        await app.page.go_back()
        await app.settled("seats")
        await app.part("band").first.click()
        await app.settled("confirm")
        await expect(app.part("kept")).to_be_visible()
        await app.tap("book")
        await expect(app.page).to_have_url(re.compile("money/pay/pay.*order="))
        await app.page.reload()
        await expect(app.page).to_have_url(re.compile("money/pay/pay.*order="))
    assert await open_api.db.fetchval("SELECT count(*) FROM hold WHERE patient_id = $1", own) == 1
    assert await open_api.db.fetchval("SELECT count(*) FROM payment_order") == 1
    await require_books_agree(open_api.db)


async def test_a_session_that_ended_leads_to_sign_in_and_back_to_the_screen(
    browser: Browser, open_api: OpenApi
) -> None:
    cardiology = await Cardiology.build(open_api)
    number, own = await with_member()
    other_number, other = await with_member(born=date(1990, 2, 3))
    async with open_app(browser, open_api.server.base_url) as app:
        await at_confirmation(app, cardiology, number)
        address = app.page.url
        await open_api.db.execute("UPDATE sign_in_session SET ended_at = $1, ended_by = 'signed_out'", clock.now())
        await app.tap("book")
        await app.settled("confirm", "signed-out")
        assert await open_api.db.fetchval("SELECT count(*) FROM hold WHERE patient_id = $1", own) == 0
        # Whoever signs in now comes back to the screen; it is a relative, and nothing is booked for who was here.
        await app.tap("to-sign-in")
        await sign_in_at(app, other_number)
        await app.settled("confirm")
        assert app.page.url == address
        await app.tap("book")
        await app.settled("result")
    assert (await booked_by(open_api.db, own), await booked_by(open_api.db, other)) == (0, 1)


@pytest.mark.parametrize("hours", [-3, 3, 26])
async def test_a_phone_whose_clock_is_wrong_goes_by_the_hospitals(
    browser: Browser, open_api: OpenApi, hours: int
) -> None:
    cardiology = await Cardiology.build(open_api)
    await open_api.db.execute("UPDATE registration_payment_rule SET policy = 'at-booking'")
    number, _ = await with_member()
    async with open_app(browser, open_api.server.base_url) as app:
        await app.page.add_init_script(_wrong_by(timedelta(hours=hours)))
        today = {str(clock.today())}
        await app.open("booking/find/find")
        await app.settled("find")
        first = app.page.locator('[data-testid^="day-2"]:visible').first
        await expect(first).to_contain_text("今天")
        today.add(str(clock.today()))
        assert (await first.get_attribute("data-testid") or "").removeprefix("day-") in today
        await at_confirmation(app, cardiology, number)
        await app.tap("book")
        await expect(app.page).to_have_url(re.compile("order="))
        await app.open("booking/confirm/confirm", slot=str(cardiology.free.slots[0]))
        await app.settled("confirm")
        await expect(app.part("count-down")).to_contain_text("还剩")
        said = await app.part("count-down").text_content() or ""
        left = re.search(r"还剩 (\d{2}):\d{2}$", said)
        assert left is not None, said
        assert HOLD_MINUTES - 2 <= int(left[1]) <= HOLD_MINUTES
    assert await open_api.db.fetchval("SELECT count(*) FROM hold WHERE status = 'active'") == 1


def _wrong_by(difference: timedelta) -> str:
    milliseconds = int(difference.total_seconds() * 1_000)
    return f"""
const Right = Date;
Date = class extends Right {{
  constructor(...given) {{ given.length ? super(...given) : super(Right.now() + {milliseconds}); }}
  static now() {{ return Right.now() + {milliseconds}; }}
}};
"""
