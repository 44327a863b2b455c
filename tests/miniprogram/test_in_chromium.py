"""The compiled output on WeChat's component framework with a real screen: tapped with a finger, before the real server.

It is not WeChat: how a phone draws and what DevTools say is looked at by hand (patient_app/miniprogram/README.md).
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from kernel.ids import format_appointment_number
from tests.factories.booking import require_books_agree
from tests.factories.booking_pages import Cardiology, with_member
from tests.factories.compiled_pages import CompiledPages, compiled_pages, pack
from tests.factories.open_api import OpenApi
from tests.factories.patient_pages import ELDER, ENGLISH, open_browser
from tests.factories.wechat import WeChatBeside

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("front-end")]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(tmp_path_factory.mktemp("compiled"))


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with open_browser() as started:
        yield started


async def fits(app: CompiledPages, screen: str) -> None:
    """A screen is not wider than the phone; keep a picture of it."""
    width = await app.page.evaluate("document.documentElement.scrollWidth")
    assert width <= app.look.width, f"{screen} is {width} px wide"
    await app.picture(f"compiled-{screen}")


async def test_a_number_is_booked_with_a_finger(
    open_api: OpenApi, packed: Path, browser: Browser, beside: WeChatBeside
) -> None:
    cardiology = await Cardiology.build(open_api)
    number, patient_id = await with_member()
    openid = (await beside.person(phone=number))["openid"]
    async with compiled_pages(browser, open_api.server.base_url, packed) as app:
        await app.answer_wechat(beside, openid)
        await app.open()
        await app.settled("home")
        await fits(app, "home")
        await app.tap("entry-find")
        await app.settled("find")
        await app.tap(f"day-{cardiology.free.clinic_date}")
        entry = app.part("department").filter(has_text="心血管")
        await expect(entry).to_contain_text("有号")
        await fits(app, "find")
        await entry.tap()
        await app.is_at("booking/department/department")
        await app.settled("department")
        await fits(app, "department")
        await app.tap("to-doctor")
        await app.settled("doctor-page")
        await fits(app, "doctor")
        await app.tap("session-free")
        await app.settled("seats")
        await fits(app, "seats")
        await app.tap("band")
        await app.settled("confirm", "signed-out")
        await app.tap("to-sign-in")
        await app.settled("sign-in")
        await fits(app, "sign-in")
        await app.tap("agree-wechat")
        await app.tap("wechat")
        await app.tap("wechat-phone")
        await app.settled("confirm")
        await fits(app, "confirm")
        # No element of WeChat's lies between the bar and its button, which fills it.
        box = await app.part("book").bounding_box()
        assert box is not None
        assert box["width"] > app.look.width * 0.9
        await app.tap("book")
        await app.settled("result")
        await fits(app, "result")
        [booked] = await open_api.db.fetch("SELECT * FROM appointment WHERE patient_id = $1", patient_id)
        assert (booked["status"], booked["channel"]) == ("booked", "miniprogram")
        await expect(app.part("number")).to_have_text(format_appointment_number(booked["number"]))
        await app.tap("to-visits")
        await app.settled("visits")
        await expect(app.part("upcoming-visit")).to_contain_text("王建国")
        await fits(app, "visits")
    await require_books_agree(open_api.db)


async def test_what_is_typed_is_found(open_api: OpenApi, packed: Path, browser: Browser) -> None:
    await Cardiology.build(open_api)
    async with compiled_pages(browser, open_api.server.base_url, packed) as app:
        await app.open("booking/find/find")
        await app.settled("find")
        await app.part("search").locator("input").press_sequentially("xxgnk")
        await expect(app.part("found-department")).to_have_count(1)
        await fits(app, "found")
        await app.tap("clear")
        await expect(app.part("found-department")).to_have_count(0)


async def test_elder_mode_and_english_are_chosen_with_a_finger(
    open_api: OpenApi, packed: Path, browser: Browser
) -> None:
    async with compiled_pages(browser, open_api.server.base_url, packed, ELDER) as app:
        await app.open("account/settings/settings")
        await app.settled("settings")
        await app.choose("elder-on")
        await app.choose("language-en")
        await expect(app.page.locator("header")).to_have_text("Settings")
        await fits(app, "settings")
        await app.page.evaluate("phone.reopen('pages/home/home')")
        await app.settled("home")
        await expect(app.part("entry-find")).to_have_text("Book a visit")
        await expect(app.page.locator("[data-testid^=entry-]:visible")).to_have_count(4)
        await fits(app, "home")
    async with compiled_pages(browser, open_api.server.base_url, packed, ENGLISH) as app:
        await app.open()
        await app.settled("home")
        await expect(app.part("entry-find")).to_contain_text("Book a visit")
