"""Finding a doctor and booking in a browser, before the real server: every screen in every look, and what says no."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from playwright.async_api import Browser, Route, expect

from kernel import clock
from tests.factories.account_pages import let_codes_be_asked_again
from tests.factories.booking import require_books_agree
from tests.factories.booking_pages import Cardiology, sign_in_at, with_member
from tests.factories.front_end import require_build
from tests.factories.notifications import Centre
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.patient_pages import LOOKS, USUAL, App, Look, open_app, open_browser
from tests.factories.sign_in import new_phone

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("front-end")]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    require_build("h5")
    async with open_browser() as started:
        yield started


async def faults_of(app: App, screen: str) -> list[str]:
    """Name what a screen should not be: hard to read, out of reach, wider than the phone; and keep a picture of it."""
    await app.settled(screen)
    await expect(app.page.locator("uni-toast:visible")).to_have_count(0)
    found = await app.barriers() + await app.small_targets()
    width = await app.page.evaluate("document.documentElement.scrollWidth")
    if width > app.look.width:
        found.append(f"{width} px wide")
    await app.picture(f"booking-{screen}")
    return [f"{screen}: {one}" for one in found]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_every_screen_of_booking_stands_in_every_look(browser: Browser, open_api: OpenApi, look: Look) -> None:
    cardiology = await Cardiology.build(open_api)
    number, _ = await with_member()
    faults: list[str] = []
    async with open_app(browser, open_api.server.base_url, look) as app:
        await app.open("booking/find/find")
        faults += await faults_of(app, "find")
        await app.tap(f"day-{cardiology.free.clinic_date}")
        entry = app.part("department").filter(has_text="Cardio" if look.language == "en" else "心血管")
        await expect(entry).to_contain_text("Available" if look.language == "en" else "有号")
        await entry.click()
        faults += await faults_of(app, "department")
        await app.tap("to-doctor")
        faults += await faults_of(app, "doctor-page")
        await app.tap("session-free")
        faults += await faults_of(app, "seats")
        await app.part("band").first.click()
        await app.settled("confirm", "signed-out")
        await app.tap("to-sign-in")
        await sign_in_at(app, number)
        faults += await faults_of(app, "confirm")
        await app.tap("book")
        faults += await faults_of(app, "result")
        # Paying is what comes next, wherever the screen has been moved to.
        await expect(app.part("pay-fee")).to_be_in_viewport()
        # The values stand in one column, whatever is longer: their names or the language's words for them.
        edges = await app.page.evaluate(
            "[...document.querySelectorAll('[data-testid=result] .fact .value')].map(one => one.offsetLeft)"
        )
        assert len(edges) >= 6
        assert len(set(edges)) == 1, edges
        await expect(app.part("pay-fee")).to_contain_text("Go to payment" if look.language == "en" else "去支付")
        booked = await app.part("number").text_content()
        await expect(app.part("code")).to_have_attribute("data-text", booked or "")
        await app.tap("place")
        copied = "Address copied" if look.language == "en" else "地址已复制"
        await expect(app.page.locator(".uni-simple-toast__text:visible")).to_contain_text(copied)
        assert await open_api.db.fetchval("SELECT count(*) FROM appointment WHERE status = 'booked'") == 2
        # Back does not book again.
        await app.page.go_back()
        await app.settled("seats")
    assert faults == []
    await require_books_agree(open_api.db)


async def test_what_is_typed_finds_by_pinyin_and_nothing_found_is_said(browser: Browser, open_api: OpenApi) -> None:
    await Cardiology.build(open_api)
    async with open_app(browser, open_api.server.base_url) as app:
        await app.open("booking/find/find")
        await app.settled("find")
        search = app.part("search").locator("input")
        await search.fill("xxgnk")
        await expect(app.part("found-department")).to_have_count(1)
        await search.fill("wangjg")
        await expect(app.part("nothing-found")).to_be_visible()
        await app.picture("booking-nothing-found")
        await app.tap("all-departments")
        await expect(app.part("department").first).to_be_visible()
        search = app.part("search").locator("input")
        await search.fill("gaoxueya")
        await search.fill("高血压")
        await expect(app.part("found-doctor")).to_contain_text("王建国")
        await app.picture("booking-found")
        await app.tap("found-doctor")
        await app.settled("doctor-page")


async def test_a_full_day_and_one_that_is_not_open_say_so(browser: Browser, open_api: OpenApi) -> None:
    cardiology = await Cardiology.build(open_api)
    async with open_app(browser, open_api.server.base_url) as app:
        await app.open("booking/doctor/doctor", id=str(cardiology.doctor))
        await app.settled("doctor-page")
        await app.tap(f"day-{cardiology.closed.clinic_date}")
        await expect(app.part("session-soon")).to_contain_text("开始放号")
        await app.picture("booking-soon")
        await app.tap(f"day-{cardiology.full.clinic_date}")
        await app.tap("session-full")
        await expect(app.part("no-seat")).to_contain_text("约满")
        await app.picture("booking-full")
        await app.tap("other-days")
        await app.settled("doctor-page")
        await app.open("booking/department/department", id=str(cardiology.department), date=str(clock.today()))
        await app.settled("department")
        await expect(app.part("none-that-day")).to_be_visible()
        await app.tap("next-date")
        await app.settled("doctor-page")
        await expect(app.part("session-free")).to_have_count(1)


async def test_a_session_of_another_day_than_the_chosen_one_is_not_there_to_be_tapped(
    browser: Browser, open_api: OpenApi
) -> None:
    cardiology = await Cardiology.build(open_api)
    free, full, closed = (one.clinic_date for one in (cardiology.free, cardiology.full, cardiology.closed))
    is_there = asyncio.Event()

    async def late(route: Route) -> None:
        await is_there.wait()
        await route.continue_()

    async with open_app(browser, open_api.server.base_url) as app:
        await app.open("booking/department/department", id=str(cardiology.department), date=str(free))
        await expect(app.part("session-free")).to_have_count(1)
        await app.page.route(re.compile(f"departments/.*date={full}"), late)
        await app.tap(f"day-{full}")
        await expect(app.part("doctor")).to_have_count(0)
        await app.picture("booking-department-other-day")
        is_there.set()
        await expect(app.part("session-full")).to_have_count(1)
        # A day that could not be read is not chosen.
        await app.page.route(re.compile(f"departments/.*date={closed}"), lambda route: route.abort())
        await app.tap(f"day-{closed}")
        await expect(app.part("notice")).to_be_visible()
        await expect(app.part(f"day-{full}")).to_have_attribute("aria-pressed", "true")
        await expect(app.part("session-full")).to_have_count(1)


async def at_confirmation(app: App, cardiology: Cardiology, number: str) -> None:
    await app.open("booking/confirm/confirm", slot=str(cardiology.free.slots[0]))
    await app.settled("confirm", "signed-out")
    await app.tap("to-sign-in")
    await sign_in_at(app, number)
    await app.settled("confirm")


async def test_who_may_not_book_is_told_why_before_anything_is_taken(browser: Browser, open_api: OpenApi) -> None:
    cardiology = await Cardiology.build(open_api)
    number, own = await with_member(born=date(1980, 5, 17))
    await open_api.db.execute("UPDATE clinic SET age_years_min = 60")
    async with open_app(browser, open_api.server.base_url) as app:
        await at_confirmation(app, cardiology, number)
        await expect(app.part("refusal")).to_contain_text("60 岁及以上")
        await expect(app.part("book")).to_have_attribute("aria-disabled", "true")
        await app.picture("booking-wrong-age")
        await open_api.db.execute("UPDATE clinic SET age_years_min = NULL")
        until = clock.now() + timedelta(days=30)
        await open_api.db.execute("UPDATE patient SET banned_until = $2 WHERE id = $1", own, until)
        await app.page.reload()
        await app.settled("confirm")
        await expect(app.part("refusal")).to_contain_text("多次预约后没有来")
        await app.picture("booking-banned")
    assert await open_api.db.fetchval("SELECT count(*) FROM hold") == 0


async def test_a_seat_that_was_taken_meanwhile_is_said_so(browser: Browser, open_api: OpenApi) -> None:
    cardiology = await Cardiology.build(open_api)
    number, _ = await with_member()
    async with open_app(browser, open_api.server.base_url) as app:
        await at_confirmation(app, cardiology, number)
        for _ in range(3):
            rival = await open_api.patient(open_api.kiosk)
            await open_api.book(cardiology.free.slots[0], rival, open_api.kiosk)
        await app.tap("book")
        await expect(app.part("refusal")).to_contain_text("刚刚约满")
    await require_books_agree(open_api.db)


async def test_a_family_sees_whose_each_visit_and_message_is(browser: Browser, open_api: OpenApi) -> None:
    cardiology = await Cardiology.build(open_api)
    number = new_phone()
    phone = await Phone.signed_in(open_api.http, number=number)
    await phone.add_member(name="陈大文")
    daughter = await phone.add_member("child", sex=2, born=date(2015, 6, 1), name="陈晓芳")
    hold = await phone.post(f"/members/{daughter}/holds", {"slot_id": str(cardiology.free.slots[0])})
    booked = (await phone.post(f"/members/{daughter}/holds/{hold.json()['id']}/confirm")).json()["appointment"]["id"]
    assert await Centre(open_api.db).tell("bill.new", daughter) == 1
    await let_codes_be_asked_again(open_api.db)
    async with open_app(browser, open_api.server.base_url) as app:
        await app.open("booking/result/result", appointment=booked)
        await app.tap("to-sign-in")
        await sign_in_at(app, number)
        await app.settled("result")
        await expect(app.part("whose")).to_have_text("就诊人 陈晓芳")
        await expect(app.part("patient")).to_contain_text("陈晓芳")
        await app.open("visits/appointment/appointment", id=booked)
        await app.settled("appointment")
        await expect(app.part("whose")).to_have_text("就诊人 陈晓芳")
        await expect(app.part("facts").locator("[data-testid]").first).to_contain_text("陈晓芳")
        await app.tap("cancel")
        await expect(app.page.locator(".uni-modal__bd:visible")).to_have_text(re.compile("^就诊人 陈晓芳。"))
        await app.page.get_by_text("先不取消", exact=True).click()
        await app.open()
        await app.settled("home")
        await expect(app.part("notices")).to_contain_text("陈晓芳")
        await app.tap("member-switcher")
        people = app.page.locator(".uni-actionsheet__cell:visible", has_text="陈")
        await expect(people).to_have_text(["✓ 陈大文（本人）", "陈晓芳（子女）"])
        await app.page.get_by_text("取消", exact=True).click()
        await app.open("pages/messages/messages")
        await app.settled("messages")
        await expect(app.part("whose")).to_have_text("陈晓芳")
        await app.picture("messages-whose")


async def test_two_taps_at_once_take_one_seat_and_the_fee_is_ordered_once(browser: Browser, open_api: OpenApi) -> None:
    cardiology = await Cardiology.build(open_api)
    await open_api.db.execute("UPDATE registration_payment_rule SET policy = 'at-booking'")
    number, own = await with_member()
    async with open_app(browser, open_api.server.base_url, USUAL) as app:
        await at_confirmation(app, cardiology, number)
        button = app.part("book")
        await expect(button).to_contain_text("去支付")
        await asyncio.gather(*(button.dispatch_event("click") for _ in range(3)))
        await expect(app.page).to_have_url(re.compile("order="))
        held = await open_api.db.fetch("SELECT patient_id FROM hold WHERE status = 'active'")
        assert [row["patient_id"] for row in held] == [own]
        assert await open_api.db.fetchval("SELECT count(*) FROM payment_order WHERE status = 'open'") == 1
        # Who comes back finds the seat kept, and may give it up.
        await app.open("booking/confirm/confirm", slot=str(cardiology.free.slots[0]))
        await app.settled("confirm")
        await expect(app.part("count-down")).to_contain_text("还剩")
        await app.picture("booking-kept")
        await app.tap("release")
        await app.is_asked("就诊人 李秀英。", "王建国")
        await app.page.get_by_text("放弃这个号", exact=True).last.click()
        await expect(app.part("kept")).to_have_count(0)
    assert await open_api.db.fetchval("SELECT count(*) FROM hold WHERE status = 'active'") == 0
    await require_books_agree(open_api.db)
