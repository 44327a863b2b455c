"""Waiting, as patients hold it in their hands: for a number that may come free, and before the doctor's door.

The real server answers; the other patient, the kiosk and the doctor act through the open API.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta

import pytest
from playwright.async_api import Browser, Geolocation, Route, expect

from tests.factories.front_end import require_build
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone, open_to_app
from tests.factories.patient_pages import DARK, ELDER, ENGLISH, SMALL, USUAL, App, Look, open_app, open_browser
from tests.factories.signed_in_pages import browser_phone, enter
from tests.factories.waiting_rooms import CAMPUS, FullClinic, Visitor, name_places

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("front-end")]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    require_build("h5")
    async with open_browser() as started:
        yield started


@pytest.fixture
async def api(open_api: OpenApi) -> OpenApi:
    await name_places(open_api)
    return open_api


@pytest.fixture
async def phone(api: OpenApi) -> Phone:
    return await browser_phone(api)


def held(browser: Browser, api: OpenApi, look: Look = USUAL) -> AbstractAsyncContextManager[App]:
    return open_app(browser, api.server.base_url, look)


async def stands(app: App, name: str) -> None:
    """Ask of a screen what every screen has to fulfil, and keep its picture."""
    # A sentence that fades is no ground to judge colours by.
    await expect(app.page.locator("uni-toast:visible")).to_have_count(0)
    await app.picture(name)
    assert await app.barriers() == []
    assert await app.small_targets() == []
    width = await app.page.evaluate("document.documentElement.scrollWidth")
    assert width <= app.look.width, f"{name} is wider than the phone"


def stood(north: float = 0.0) -> Geolocation:
    """Stand on the campus, or so many degrees north of it."""
    return {"latitude": CAMPUS["latitude"] + north, "longitude": CAMPUS["longitude"], "accuracy": 20}


async def refuse_place(app: App) -> None:
    """Refuse the page to know where the phone is, as its owner may."""
    devtools = await app.page.context.new_cdp_session(app.page)
    refused = {"permission": {"name": "geolocation"}, "setting": "denied", "origin": app.base_url}
    await devtools.send("Browser.setPermission", refused)


async def answer_dialogue(app: App, word: str) -> None:
    await app.page.locator(".uni-modal__btn").get_by_text(word, exact=True).click()


async def test_a_number_comes_free_and_is_taken(browser: Browser, api: OpenApi, phone: Phone) -> None:
    full = await FullClinic.of(api)
    own = await phone.add_member()
    async with held(browser, api) as app:
        await enter(app, phone)
        await app.open("visits/waitlist/waitlist")
        await expect(app.part("empty")).to_be_visible()
        await stands(app, "waitlist-empty")
        await app.open("visits/join/join", schedule=str(full.schedule.id))
        await app.settled("join")
        await stands(app, "join")
        await app.tap("join-waitlist")
        await app.settled("waitlist")
        await expect(app.part("position")).to_have_text("排在第 1 位")
        await stands(app, "waitlist")
        await app.open("visits/join/join", schedule=str(full.schedule.id))
        await expect(app.part("in")).to_be_visible()
        await full.give_back()
        await app.tap("to-list")
        await app.tap("to-offer")
        await app.settled("offer")
        await expect(app.part("left")).to_contain_text(re.compile("还剩 2[5-9]:"))
        await stands(app, "offer")
        await app.tap("take")
        await expect(app.part("offer-accepted")).to_be_visible()
        await stands(app, "offer-accepted")
        await app.open("visits/waitlist/waitlist")
        await expect(app.part("status")).to_have_text("已约到")
        await app.picture("waitlist-taken")
    booked = await api.db.fetchrow("SELECT patient_id, status, channel FROM appointment WHERE patient_id = $1", own)
    assert booked is not None
    assert tuple(booked) == (own, "booked", "miniprogram")


async def test_a_mother_has_her_child_wait(browser: Browser, api: OpenApi, phone: Phone) -> None:
    full = await FullClinic.of(api)
    await phone.add_member(name="王建国")
    child = await phone.add_member("child", born=date(2019, 6, 1), name="王小明")
    async with held(browser, api) as app:
        await enter(app, phone)
        await app.open("visits/join/join", schedule=str(full.schedule.id))
        await app.settled("join")
        await app.tap("member-switcher")
        people = app.page.locator(".uni-actionsheet__cell:visible")
        await expect(people).to_contain_text(["✓ 王建国（本人）", "王小明（子女）", "＋ 添加就诊人"])
        await people.get_by_text("王小明").click()
        await expect(app.part("member-switcher")).to_contain_text("王小明")
        await app.tap("join-waitlist")
        await app.settled("waitlist")
        await expect(app.part("member-switcher")).to_contain_text("王小明")
        await expect(app.part("position")).to_have_text("排在第 1 位")
        await app.tap("member-switcher")
        await people.get_by_text("添加就诊人").click()
        await app.settled("add-member-screen")
    assert await api.db.fetchval("SELECT patient_id FROM waitlist_entry WHERE status = 'waiting'") == child


async def test_an_offer_is_let_go_and_the_place_stays_until_it_is_given_up(
    browser: Browser, api: OpenApi, phone: Phone
) -> None:
    full = await FullClinic.of(api)
    waiting = await full.offered(phone)
    async with held(browser, api, ELDER) as app:
        await enter(app, phone)
        await app.open("visits/offer/offer", id=waiting.offer_id)
        await app.settled("offer")
        await stands(app, "offer")
        await app.tap("decline")
        await app.is_asked("就诊人 陈大文。", "王建国")
        await app.picture("offer-decline")
        await answer_dialogue(app, "再想想")
        await expect(app.part("left")).to_be_visible()
        await app.tap("decline")
        await answer_dialogue(app, "不要")
        await expect(app.part("offer-declined")).to_be_visible()
        await stands(app, "offer-declined")
        assert await api.db.fetchval("SELECT status FROM waitlist_entry") == "waiting"
        await app.tap("to-list")
        await app.settled("waitlist")
        await stands(app, "waitlist")
        await app.tap("withdraw")
        await app.is_asked("就诊人 陈大文。", "王建国")
        await answer_dialogue(app, "退出候补")
        await expect(app.part("status")).to_have_text("已退出")
        await app.picture("waitlist-withdrawn")
    assert await api.db.fetchval("SELECT status FROM waitlist_entry") == "withdrawn"


async def test_an_offer_whose_time_is_over_says_what_became_of_it(browser: Browser, api: OpenApi, phone: Phone) -> None:
    waiting = await (await FullClinic.of(api)).offered(phone)
    async with held(browser, api, SMALL) as app:
        await enter(app, phone)
        await app.open("visits/offer/offer", id=waiting.offer_id)
        await app.settled("offer")
        await stands(app, "offer")
        for table, column in (("hold", "until"), ("waitlist_entry", "offer_until"), ("seat", "hold_until")):
            await api.db.execute(f"UPDATE {table} SET {column} = now() - interval '1 second'")
        await app.tap("take")
        await expect(app.part("offer-expired")).to_be_visible()
        await stands(app, "offer-expired")


async def test_a_doctor_is_waited_for_over_some_days_and_refusals_are_plain(
    browser: Browser, api: OpenApi, phone: Phone
) -> None:
    full = await FullClinic.of(api)
    await phone.add_member()
    doctor = await api.db.fetchval("SELECT practitioner_id FROM schedule WHERE id = $1", full.schedule.id)
    async with held(browser, api) as app:
        await enter(app, phone)
        await app.open("visits/join/join", practitioner=str(doctor))
        await app.settled("join")
        await app.tap("days-14")
        await app.tap("period-afternoon")
        await stands(app, "join-doctor")
        await app.tap("join-waitlist")
        await app.settled("waitlist")
        await stands(app, "waitlist-doctor")
        entry = await api.db.fetchrow("SELECT date_until - date_from AS days, periods FROM waitlist_entry")
        assert entry is not None
        assert tuple(entry) == (13, ["afternoon"])
        free = await open_to_app(api.hospital, await api.hospital.schedule(seats=1))
        await api.db.execute("UPDATE practitioner SET name = '李秀英' WHERE name = 'n'")
        await app.open("visits/join/join", schedule=str(free.id))
        await app.settled("join")
        await app.tap("join-waitlist")
        await expect(app.part("refusal")).to_contain_text("目前仍有号源，请直接预约")
        await stands(app, "join-refused")


async def test_a_code_is_read_and_the_queue_moves_until_the_visit_is_over(
    browser: Browser, api: OpenApi, phone: Phone
) -> None:
    visitor = await Visitor.of(api, phone)
    kiosk = await api.client("internal", channel="kiosk", scopes=("checkin.write",))
    async with held(browser, api) as app:
        await enter(app, phone)
        await app.open("visits/checkin/checkin", id=str(visitor.appointment_id))
        await app.settled("checkin")
        await stands(app, "checkin")
        await app.tap("by-code")
        code = await app.part("code").get_attribute("data-text")
        await stands(app, "checkin-code")
        assert (await kiosk.post("/check-ins", {"way": "code", "code": code})).status_code == 201
        # The screen goes on by itself once a scanner has read the code.
        await app.settled("queue")
        await expect(app.part("label")).to_have_text("A01")
        await expect(app.part("fresh")).to_contain_text("更新")
        await stands(app, "queue-next")
        row = await api.db.fetchval(
            "SELECT id FROM visit_queue_entry WHERE appointment_id = $1", visitor.appointment_id
        )
        visitor.entry_id = str(row)
        await visitor.step("call")
        await expect(app.part("room")).to_contain_text("1 诊室")
        await stands(app, "queue-called")
        await visitor.step("pass")
        await expect(app.part("is-passed")).to_contain_text("请到分诊台说一声")
        await stands(app, "queue-passed")
        await visitor.step("return", "call", "start")
        await expect(app.part("is-in-consultation")).to_be_visible()
        await stands(app, "queue-inside")
        await visitor.step("finish")
        await expect(app.part("is-finished")).to_be_visible()
        await stands(app, "queue-finished")
        await app.tap("to-bills")
        await expect(app.part("bills")).to_be_visible()
    status = await api.db.fetchval("SELECT status FROM appointment WHERE id = $1", visitor.appointment_id)
    assert status == "fulfilled"


@pytest.mark.parametrize("look", [SMALL, ELDER, DARK, ENGLISH], ids=lambda look: look.name)
async def test_who_waits_sees_how_many_are_before_them(
    browser: Browser, api: OpenApi, phone: Phone, look: Look
) -> None:
    visitor = await Visitor.in_queue(api, phone, behind=4)
    async with held(browser, api, look) as app:
        await enter(app, phone)
        await app.open("visits/queue/queue", id=str(visitor.appointment_id))
        await app.settled("queue")
        await expect(app.part("before")).to_contain_text("4")
        await expect(app.part("wait")).to_be_visible()
        await stands(app, "queue-waiting")
        await visitor.see_first()
        await expect(app.part("before")).to_contain_text("3")
        await visitor.step("call")
        await expect(app.part("is-called")).to_be_visible()
        await stands(app, "queue-called")


async def test_a_lost_line_is_said_and_mends_itself(browser: Browser, api: OpenApi, phone: Phone) -> None:
    visitor = await Visitor.in_queue(api, phone, behind=1)
    async with held(browser, api) as app:
        await enter(app, phone)
        is_lost = asyncio.Event()

        async def lose(route: Route) -> None:
            await is_lost.wait()
            await route.abort()

        await app.page.route("**/events", lose)
        await app.open("visits/queue/queue", id=visitor.entry_id)
        await app.settled("queue")
        # One that is only being opened is not lost.
        await expect(app.part("fresh")).to_contain_text("更新")
        await expect(app.part("refresh")).to_have_count(0)
        is_lost.set()
        await expect(app.part("fresh")).to_contain_text("没连上")
        await expect(app.part("refresh")).to_be_visible()
        await app.picture("queue-lost")
        # Without a stream the state is read every few seconds all the same.
        await visitor.see_first()
        await expect(app.part("is-waiting")).to_contain_text("下一位就是您")
        await app.page.unroute("**/events")
        await expect(app.part("fresh")).not_to_contain_text("没连上", timeout=30_000)


async def test_checking_in_by_place_says_why_not_and_then_leads_on(
    browser: Browser, api: OpenApi, phone: Phone
) -> None:
    visitor = await Visitor.of(api, phone)
    async with held(browser, api) as app:
        await enter(app, phone)
        await app.open("visits/checkin/checkin", id=str(visitor.appointment_id))
        await app.settled("checkin")
        await refuse_place(app)
        await app.tap("by-place")
        await expect(app.part("refusal")).to_contain_text("请允许定位，或出示签到码")
        await stands(app, "checkin-no-place")
        await app.page.context.grant_permissions(["geolocation"])
        await app.page.context.set_geolocation(stood(north=0.1))
        await app.tap("by-place")
        await expect(app.part("refusal")).to_contain_text("您还不在院区范围内")
        await stands(app, "checkin-too-far")
        assert await api.db.fetchval("SELECT count(*) FROM visit_queue_entry") == 0
        await api.db.execute("DELETE FROM check_in_fix")
        await app.page.context.set_geolocation(stood())
        await app.tap("by-place")
        await app.settled("queue")
        await expect(app.part("label")).to_have_text("A01")
    assert await api.db.fetchval("SELECT way FROM visit_queue_entry") == "place"


@pytest.mark.parametrize(
    ("starts_in", "standing", "look"),
    [(timedelta(days=1), "early", USUAL), (timedelta(days=-1), "late", ELDER)],
    ids=["early", "late"],
)
async def test_too_early_and_too_late_are_said_with_what_to_do(
    browser: Browser, api: OpenApi, phone: Phone, starts_in: timedelta, standing: str, look: Look
) -> None:
    visitor = await Visitor.of(api, phone, starts_in=starts_in)
    async with held(browser, api, look) as app:
        await enter(app, phone)
        await app.open("visits/checkin/checkin", id=str(visitor.appointment_id))
        await expect(app.part(standing)).to_be_visible()
        await expect(app.part("by-place")).to_have_count(0)
        await stands(app, f"checkin-{standing}")


async def test_who_is_not_signed_in_is_asked_to(browser: Browser, api: OpenApi, phone: Phone) -> None:
    visitor = await Visitor.in_queue(api, phone)
    async with held(browser, api) as app:
        for screen in ("waitlist", "offer", "checkin", "queue", "join"):
            await app.open(f"visits/{screen}/{screen}", id=visitor.entry_id)
            await app.settled(screen, "signed-out")
