"""What was compiled for WeChat, executed on its component framework in Node, before the real server."""

import pytest

from kernel.ids import format_appointment_number
from tests.factories.booking import require_books_agree
from tests.factories.booking_pages import Cardiology, with_member
from tests.factories.compiled_app import CompiledApp
from tests.factories.front_end import require_build
from tests.factories.mini_program import MiniProgram
from tests.factories.open_api import OpenApi
from tests.factories.wechat import WeChatBeside

pytestmark = pytest.mark.xdist_group("front-end")


async def test_every_screen_opens_without_a_complaint_before_anybody_signs_in(app: CompiledApp) -> None:
    pages = MiniProgram(require_build("mp-weixin")).pages()
    await app.launch()
    await app.settled("home")
    blank = []
    for page in pages:
        await app.open(page)
        await app.is_at(page)
        if not await app.text():
            blank.append(page)
        assert ((await app.seen())["complaints"], page) == ([], page)
    assert blank == []


async def test_a_number_is_found_booked_and_seen(open_api: OpenApi, app: CompiledApp, beside: WeChatBeside) -> None:
    cardiology = await Cardiology.build(open_api)
    number, patient_id = await with_member()
    await app.launch("booking/find/find")
    await app.settled("find")
    await app.tap(f"day-{cardiology.free.clinic_date}")
    await app.shows("有号", "department")
    await app.tap("department", "心血管")
    await app.settled("department")
    await app.tap("to-doctor", "王建国")
    await app.settled("doctor-page")
    await app.tap("session-free")
    await app.settled("seats")
    await app.tap("band")
    await app.settled("confirm", "signed-out")
    await app.tap("to-sign-in")
    await app.sign_in(beside, number)
    await app.settled("confirm")
    await app.shows("37", "fee")
    await app.tap("book")
    await app.settled("result")
    [booked] = await open_api.db.fetch("SELECT * FROM appointment WHERE patient_id = $1", patient_id)
    assert (booked["status"], booked["channel"]) == ("booked", "miniprogram")
    assert format_appointment_number(booked["number"]) == await app.text("number")
    # Each tap led to one screen, and the confirmation cannot be come back to.
    names = ("find", "department", "doctor", "seats", "result")
    assert (await app.seen())["routes"] == [f"booking/{name}/{name}" for name in names]
    await app.tap("to-visits")
    await app.settled("visits")
    await app.shows("王建国", "upcoming-visit")
    await require_books_agree(open_api.db)


async def test_a_button_is_one_tap_wherever_it_stands(app: CompiledApp) -> None:
    """WeChat's own tap climbs out of a component; with the component's own beside it, all would be done twice."""
    await app.launch()
    await app.tap("to-sign-in")
    await app.settled("sign-in")
    assert (await app.seen())["routes"] == ["pages/home/home", "account/sign-in/sign-in"]
    await app.do("back")
    await app.tap("entry-settings")
    await app.settled("settings")
    assert (await app.seen())["routes"] == ["pages/home/home", "account/settings/settings"]


async def test_elder_mode_and_english_change_what_is_shown_and_are_remembered(app: CompiledApp) -> None:
    await app.launch("account/settings/settings")
    await app.settled("settings")
    await app.tap("elder-on")
    await app.tap("language-en")
    await app.shows("Language")
    await app.until("the bars speak English", lambda: _bars_say(app, "Settings", ["Home", "Visits", "Messages", "Me"]))
    await app.open("pages/home/home")
    await app.settled("home")
    await app.until("it says no more than that", lambda: _says(app, "entry-find", "Book a visit"))
    await app.until("it is light and for elders", lambda: _looks(app, {"theme-light", "elder"}, set()))
    assert (await app.do("stored", "settings"))["isElder"] is True
    await app.open("account/settings/settings")
    await app.tap("language-zh")
    await app.tap("elder-off")
    await app.tap("colours-dark")
    await app.open("pages/home/home")
    await app.settled("home")
    await app.until("it says all", lambda: _says(app, "entry-find", "预约挂号"))
    await app.until("it is dark and for everybody", lambda: _looks(app, {"theme-dark"}, {"elder"}))


async def test_without_a_network_what_was_read_is_shown_with_its_time(open_api: OpenApi, app: CompiledApp) -> None:
    await Cardiology.build(open_api)
    await app.launch("booking/find/find")
    await app.settled("find")
    await app.do("network", False)
    await app.open("booking/find/find")
    await app.shows("没有网络，显示的是", "notice")
    await app.shows("心血管内科", "department")
    await app.open("account/help/help")
    await app.open("booking/doctor/doctor", id=str(open_api.hospital.department_id))
    await app.settled("doctor-page", "failed")
    await app.do("network", True)
    await app.open("booking/find/find")
    await app.settled("find")
    await app.until("nothing is old any more", lambda: _is_fresh(app))


async def _bars_say(app: CompiledApp, title: str, tabs: list[str]) -> bool:
    seen = await app.seen()
    return (seen["title"], seen["tabs"]) == (title, tabs)


async def _says(app: CompiledApp, name: str, words: str) -> bool:
    return await app.text(name) == words


async def _looks(app: CompiledApp, some: set[str], none: set[str]) -> bool:
    look = set(await app.do("look"))
    return some <= look and not none & look


async def _is_fresh(app: CompiledApp) -> bool:
    found: list[str] = await app.do("texts", "notice")
    return not found
