"""An account in its owner's hands: signing in, family, consents, who used what, devices, a copy, and its end."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, expect

from booking.service import book_appointment
from kernel.events import Actor
from oauth.grants import find_grant
from oauth.tokens import set_issuer
from patients.access_log import access_log
from patients.rights.exports import make_exports
from patients.rights.ports import set_holdings
from runtime.rights import build_holdings
from tests.factories.account_pages import (
    agree_in_dialogue,
    ask_for_code,
    code_on_phone,
    enter_with_code,
    let_codes_be_asked_again,
    sign_in_at_mine,
)
from tests.factories.consents import consented
from tests.factories.front_end import require_build
from tests.factories.grants import code_for, redemption, web_client
from tests.factories.open_api import OpenApi, registration
from tests.factories.patient_app import Phone
from tests.factories.patient_pages import DARK, ELDER, ENGLISH, SMALL, USUAL, App, Look, open_app, open_browser
from tests.factories.patients import resident_id
from tests.factories.paying import Till
from tests.factories.sign_in import new_phone
from tests.server import WebServer

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("front-end")]

SCREENS = {
    "mine": "pages/mine/mine",
    "members": "account/members/members",
    "add-member-screen": "account/add-member/add-member",
    "consents": "account/consents/consents",
    "accesses": "account/accesses/accesses",
    "devices": "account/devices/devices",
    "help": "account/help/help",
    "privacy": "account/privacy/privacy",
    "export": "account/export/export",
    "deletion": "account/deletion/deletion",
    "confirm": "account/confirm/confirm",
    "phone-page": "account/phone/phone",
}
ELDER_DARK = Look("elder-dark", 360, 640, is_elder=True, is_dark=True)
STALE = timedelta(minutes=11)
HOTLINE = "020-8765 4321"
OFF_IN_THE_DARK = "rgb(17, 26, 27)"
TOAST = ".uni-toast:visible, .uni-simple-toast__text:visible"


@pytest.fixture(scope="module")
def with_hotline(tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str) -> Iterator[WebServer]:
    """A hospital that has given a number to ring; up before there is a browser, whose threads bear no fork."""
    folder = tmp_path_factory.mktemp("hotline")
    with WebServer.up(folder, database_url=database_url, redis_url=redis_url, HOTLINE=HOTLINE) as server:
        yield server


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    require_build("h5")
    async with open_browser() as started:
        yield started


async def stands(app: App, screen: str) -> None:
    """Whatever the look: nothing keeps anybody out, all can be tapped, nothing is wider than the phone."""
    assert await app.barriers() == []
    assert await app.small_targets() == []
    width = await app.page.evaluate("document.documentElement.scrollWidth")
    assert width <= app.look.width, f"{screen} is wider than the phone"
    await app.picture(screen)


async def members_of(api: OpenApi) -> list[tuple[object, ...]]:
    """Who is bound how, as the hospital has it."""
    rows = await api.db.fetch(
        "SELECT p.name, m.relationship, m.is_default, m.consent_note, m.ended_at IS NULL"
        " FROM patient_account_member m JOIN patient p ON p.id = m.patient_id ORDER BY m.bound_at"
    )
    return [tuple(row.values()) for row in rows]


async def account_of(phone: Phone) -> UUID:
    return UUID((await phone.get("/account")).json()["id"])


@pytest.mark.parametrize("look", [USUAL, SMALL, ELDER, DARK, ENGLISH, ELDER_DARK], ids=lambda look: look.name)
async def test_the_accounts_screens_stand_in_every_look(browser: Browser, open_api: OpenApi, look: Look) -> None:
    number = new_phone()
    phone = await Phone.signed_in(open_api.http, number=number)
    own = await phone.add_member(name="王建国")
    await phone.add_member("parent", sex=2, born=date(1954, 3, 1), name="李秀英")
    client = await web_client(open_api.db, name="健康助手")
    await consented(open_api.db, client, await account_of(phone), own)
    for operation in ("GET /fhir/Appointment", "GET /fhir/Patient/<resource_id:str>"):
        await access_log().record([own], client_id=client.id, operation=operation, action="read", request_id="r")
    await phone.post("/account/exports")
    await let_codes_be_asked_again(open_api.db)
    async with open_app(browser, open_api.server.base_url, look) as app:
        await sign_in_at_mine(app, number)
        for screen, path in SCREENS.items():
            await app.open(path)
            await app.settled(screen)
            await stands(app, screen)
        await app.open("account/member/member", id=str(own))
        await app.settled("member")
        await stands(app, "member")


async def test_signing_in_says_what_is_wrong_and_leads_back(browser: Browser, open_api: OpenApi) -> None:
    number = new_phone()
    async with open_app(browser, open_api.server.base_url, USUAL) as app:
        await app.open("account/members/members")
        await app.settled("members", "signed-out")
        await app.tap("to-sign-in")
        await app.settled("sign-in")
        await app.write("phone", number)
        await ask_for_code(app)
        await expect(app.part("send-code")).to_have_attribute("aria-disabled", "true")
        await expect(app.part("send-code")).to_contain_text("秒后可重发")
        code = await code_on_phone(number)
        await app.write("code", f"{(int(code) + 1) % 10**6:06d}")
        await app.tap("agree")
        await app.tap("submit")
        await expect(app.page.get_by_role("alert")).to_contain_text("验证码不对，或已经过期")
        await app.picture("sign-in-wrong-code")
        await app.tap("read-privacy")
        await app.settled("privacy")
        await expect(app.part("privacy-version")).to_contain_text("2026-11 版")
        # The bar above names the screen; it is not named again below.
        await expect(app.page.get_by_text("隐私政策", exact=True).locator("visible=true")).to_have_count(1)
        await app.page.go_back()
        await app.settled("sign-in")
        await app.write("code", code)
        await app.tap("submit")
        await app.settled("members")
        await expect(app.part("members-empty")).to_be_visible()
        await app.picture("members-empty")
        # The first screen leads there too, until somebody is added.
        await app.open("pages/home/home")
        await app.settled("home")
        await app.picture("home-nobody-added")
        await app.tap("to-add-member")
        await app.settled("add-member-screen")
    agreed = await open_api.db.fetch("SELECT text, version FROM patient_account_agreement")
    assert [tuple(row) for row in agreed] == [("privacy", "2026-11")]


async def test_where_the_message_can_be_read_is_shown_in_a_sandbox(browser: Browser, open_api: OpenApi) -> None:
    number = new_phone()
    async with open_app(browser, open_api.server.base_url, DARK) as app:
        await app.open("account/sign-in/sign-in")
        await app.settled("sign-in")
        await app.write("phone", number)
        await ask_for_code(app)
        # What is off for a minute is as dark as everything else.
        await expect(app.part("send-code")).to_have_css("background-color", OFF_IN_THE_DARK)
        async with app.page.context.expect_page() as opened:
            await app.tap("sandbox-messages")
        messages = await opened.value
        await expect(messages.locator("body")).to_contain_text(await code_on_phone(number))


async def add(app: App, **fields: str) -> None:
    """Fill in what there is to say of somebody, and send it."""
    for name, text in fields.items():
        await app.write(name, text)
    await app.tap("submit")


async def test_a_child_is_added_after_its_guardian(browser: Browser, open_api: OpenApi) -> None:
    async with open_app(browser, open_api.server.base_url, USUAL) as app:
        await sign_in_at_mine(app, new_phone())
        await app.tap("to-members")
        await app.settled("members")
        await app.tap("add-member")
        await app.settled("add-member-screen")
        await app.tap("relationship-child")
        await app.write("number", resident_id(born=date(2019, 6, 1), sequence=23))
        await expect(app.part("minor-note")).to_contain_text("请先添加您本人")
        await expect(app.part("consent")).to_contain_text("父母或法定监护人")
        await app.picture("add-child")
        await app.tap("agree")
        await add(app, name="王小明")
        await expect(app.page.locator(TOAST)).to_contain_text("请先添加您本人")
        assert await open_api.db.fetchval("SELECT count(*) FROM patient_account_member") == 0
        await app.tap("relationship-self")
        await expect(app.part("consent")).to_have_count(0)
        await add(app, name="王建国", number="12345")
        await expect(app.page.get_by_role("alert").first).to_contain_text("18 位")
        await app.picture("add-member-wrong-number")
        await add(app, number=resident_id(born=date(1980, 5, 17), sequence=11))
        await app.settled("members")
        await app.tap("add-member")
        await app.settled("add-member-screen")
        await expect(app.part("relationship-self")).to_have_count(0)
        await app.tap("relationship-child")
        await app.tap("type-BCT")
        await app.tap("agree")
        await add(app, name="王小明", number="t440123456", born="20230230")
        await expect(app.page.get_by_role("alert").first).to_contain_text("8 位数字")
        await add(app, born="20230228")
        await app.settled("members")
        await expect(app.part("members")).to_contain_text("王小明")
    assert await members_of(open_api) == [
        ("王建国", "self", True, None, True),
        ("王小明", "child", False, "miniprogram:2026-11", True),
    ]


async def test_a_parent_is_added_by_the_name_on_the_document(browser: Browser, open_api: OpenApi) -> None:
    number = new_phone()
    phone = await Phone.signed_in(open_api.http, number=number)
    await phone.add_member(name="王建国")
    mother = registration(name="李秀英", sex=2, born=date(1954, 3, 1))
    known = await open_api.portal.post("/patients", mother)
    assert known.status_code == 201, known.text
    await let_codes_be_asked_again(open_api.db)
    async with open_app(browser, open_api.server.base_url, ELDER) as app:
        await sign_in_at_mine(app, number)
        await app.tap("to-members")
        await app.settled("members")
        await app.tap("add-member")
        await app.settled("add-member-screen")
        await add(app, name="李秀荣", number=mother["document"]["number"])
        # On a small phone it stands below the foot, and is brought into sight; then what is above the top.
        wrong = app.page.get_by_role("alert").first
        await expect(wrong).to_contain_text("请先阅读并同意")
        await expect(wrong).to_be_in_viewport()
        await app.tap("agree")
        await app.tap("submit")
        await expect(wrong).to_contain_text("另一个姓名")
        await expect(wrong).to_be_in_viewport()
        await app.picture("add-parent-other-name")
        await add(app, name="李秀英")
        await app.settled("members")
        await expect(app.part("members")).to_contain_text("李秀英")
        await app.picture("members-two")
    assert (await members_of(open_api))[1] == ("李秀英", "parent", False, "miniprogram:2026-11", True)


async def test_another_is_shown_first_and_one_is_let_go(browser: Browser, open_api: OpenApi) -> None:
    number = new_phone()
    phone = await Phone.signed_in(open_api.http, number=number)
    await phone.add_member(name="王建国")
    mother = await phone.add_member("parent", sex=2, born=date(1954, 3, 1), name="李秀英")
    child = await phone.add_member("child", born=date(2019, 6, 1), name="王小明")
    await let_codes_be_asked_again(open_api.db)
    async with open_app(browser, open_api.server.base_url, DARK) as app:
        await sign_in_at_mine(app, number)
        await app.tap("to-members")
        await app.settled("members")
        await app.tap(f"member-{mother}")
        await app.settled("member")
        await app.tap("make-default")
        await expect(app.part("make-default")).to_have_count(0)
        await app.page.go_back()
        await app.settled("members")
        await expect(app.part(f"member-{mother}")).to_contain_text("默认")
        await app.tap(f"member-{child}")
        await app.settled("member")
        await app.tap("remove")
        await expect(app.page.locator(".uni-modal:visible")).to_contain_text("已经约好的号仍然有效")
        await app.picture("remove-member")
        await agree_in_dialogue(app)
        await app.settled("members")
        await expect(app.part("members")).not_to_contain_text("王小明")
    assert await members_of(open_api) == [
        ("王建国", "self", False, None, True),
        ("李秀英", "parent", True, "miniprogram:2026-11", True),
        ("王小明", "child", False, "miniprogram:2026-11", False),
    ]


async def test_a_consent_is_taken_back_and_counts_at_once(browser: Browser, open_api: OpenApi) -> None:
    set_issuer(open_api.server.base_url)
    number = new_phone()
    phone = await Phone.signed_in(open_api.http, number=number)
    own = await phone.add_member(name="王建国")
    client = await web_client(open_api.db, name="健康助手")
    consent_id = await consented(open_api.db, client, await account_of(phone), own)
    grant_id = await open_api.db.fetchval("SELECT id FROM oauth_grant WHERE consent_id = $1", consent_id)
    grant = await find_grant(grant_id)
    assert grant is not None
    form = redemption(await code_for(open_api.db, grant))
    given = await open_api.http.post("/oauth/token", data=form, headers=client.basic)
    assert given.status_code == 200, given.text
    bearer = {"authorization": f"Bearer {given.json()['access_token']}"}
    assert (await open_api.http.get(f"/fhir/Patient/{own}", headers=bearer)).status_code == 200
    await let_codes_be_asked_again(open_api.db)
    async with open_app(browser, open_api.server.base_url, ELDER_DARK) as app:
        await sign_in_at_mine(app, number)
        # Who used it is told by name, in plain words.
        await app.tap("to-accesses")
        await app.settled("accesses")
        await expect(app.part("access").first).to_contain_text("健康助手")
        await expect(app.part("access").first).to_contain_text("查看基本信息")
        await expect(app.part("accesses")).not_to_contain_text("您自己")
        await app.tap("with-own")
        await expect(app.part("accesses")).to_contain_text("您自己")
        await app.picture("accesses-with-own")
        await app.page.go_back()
        await app.tap("to-consents")
        await app.settled("consents")
        await expect(app.part(f"consent-{consent_id}")).to_contain_text("查看预约挂号记录")
        await app.tap(f"withdraw-{consent_id}")
        await app.picture("withdraw")
        await agree_in_dialogue(app)
        await expect(app.part("consents-ended")).to_contain_text("健康助手")
        await expect(app.part("consents-none")).to_be_visible()
        await app.picture("consents-withdrawn")
    assert (await open_api.http.get(f"/fhir/Patient/{own}", headers=bearer)).status_code == 401
    ended = await open_api.db.fetchrow("SELECT status, ended_because FROM patient_consent WHERE id = $1", consent_id)
    assert ended is not None
    assert tuple(ended) == ("withdrawn", "withdrawn")


async def test_who_used_what_is_read_page_by_page(browser: Browser, open_api: OpenApi) -> None:
    number = new_phone()
    phone = await Phone.signed_in(open_api.http, number=number)
    own = await phone.add_member(name="王建国")
    await phone.add_member("child", born=date(2019, 6, 1), name="王小明")
    client = await web_client(open_api.db, name="健康助手")
    for count in range(25):
        await access_log().record(
            [own], client_id=client.id, operation="GET /fhir/Appointment", action="read", request_id=f"{count}"
        )
    await let_codes_be_asked_again(open_api.db)
    async with open_app(browser, open_api.server.base_url, USUAL) as app:
        await sign_in_at_mine(app, number)
        await app.tap("to-accesses")
        await app.settled("accesses")
        await expect(app.part("access")).to_have_count(20)
        await app.tap("earlier")
        await expect(app.part("access")).to_have_count(25)
        await expect(app.part("earlier")).to_have_count(0)
        child = await open_api.db.fetchval("SELECT id FROM patient WHERE name = '王小明'")
        await app.tap(f"whose-{child}")
        await expect(app.part("accesses-none")).to_contain_text("没有别人看过王小明的信息")
        await app.picture("accesses-none")


async def test_a_lost_phone_is_signed_out(browser: Browser, open_api: OpenApi) -> None:
    number = new_phone()
    lost = await Phone.signed_in(open_api.http, number=number)
    await let_codes_be_asked_again(open_api.db)
    async with open_app(browser, open_api.server.base_url, USUAL) as app:
        await sign_in_at_mine(app, number)
        await app.tap("to-devices")
        await app.settled("devices")
        await expect(app.part("device-other")).to_have_count(1)
        await app.tap("end-device")
        await app.is_asked("那台设备")
        await app.picture("end-device")
        await agree_in_dialogue(app)
        await expect(app.part("device-other")).to_have_count(0)
        await expect(app.part("device-this")).to_have_count(1)
        assert (await lost.get("/account")).status_code == 401
        # Many at once, and this one goes on.
        for _ in range(2):
            await let_codes_be_asked_again(open_api.db)
            lost = await Phone.signed_in(open_api.http, number=number)
        await app.page.reload()
        await expect(app.part("device-other")).to_have_count(2)
        await app.tap("end-others")
        await agree_in_dialogue(app)
        await expect(app.part("device-other")).to_have_count(0)
        assert (await lost.get("/account")).status_code == 401
        await app.page.go_back()
        await app.settled("mine")


async def test_a_copy_is_asked_for_by_the_owner_and_downloaded(
    browser: Browser, open_api: OpenApi, tmp_path: Path
) -> None:
    set_holdings(build_holdings())
    number = new_phone()
    async with open_app(browser, open_api.server.base_url, USUAL) as app:
        await sign_in_at_mine(app, number)
        await open_api.db.execute("UPDATE sign_in_session SET auth_time = auth_time - $1::interval", STALE)
        await let_codes_be_asked_again(open_api.db)
        await app.tap("to-export")
        await app.settled("export")
        await app.tap("ask-export")
        await app.settled("confirm")
        await ask_for_code(app)
        await expect(app.part("sent-to")).to_contain_text(f"{number[:3]}****{number[-4:]}")
        await app.picture("confirm-sent")
        await app.write("code", await code_on_phone(number))
        await app.tap("submit")
        # What was wanted is done without being asked for again.
        await expect(app.part("export-status")).to_contain_text("生成中")
        await app.picture("export-making")
        assert await make_exports() == 1
        await expect(app.part("download")).to_be_visible()
        await app.picture("export-ready")
        async with app.page.expect_download() as downloading:
            await app.tap("download")
        file = tmp_path / "copy.json"
        await (await downloading.value).save_as(file)
        copy = json.loads(file.read_text(encoding="utf-8"))
        assert copy["data"]["account"][0]["phone"] == number
        kept = await app.page.evaluate("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")
        assert number not in kept
    assert await open_api.db.fetchval("SELECT count(*) FROM account_export WHERE status = 'ready'") == 1


async def test_an_account_is_given_up_and_taken_back(browser: Browser, open_api: OpenApi) -> None:
    number = new_phone()
    async with open_app(browser, open_api.server.base_url, USUAL) as app:
        await sign_in_at_mine(app, number)
        await app.tap("to-deletion")
        await app.settled("deletion")
        await expect(app.part("deletion")).to_contain_text("按国家规定的年限保存")
        await app.tap("ask-deletion")
        await expect(app.page.locator(TOAST)).to_contain_text("请先阅读")
        assert await open_api.db.fetchval("SELECT count(*) FROM account_deletion") == 0
        await app.tap("read")
        await app.tap("ask-deletion")
        await expect(app.page.locator(".uni-modal:visible")).to_contain_text("15 天后注销")
        await agree_in_dialogue(app)
        await expect(app.part("under-way")).to_contain_text("账户将于")
        await app.picture("deletion-under-way")
        assert await open_api.db.fetchval("SELECT status FROM account_deletion") == "waiting"
        await app.tap("withdraw-deletion")
        await expect(app.part("under-way")).to_have_count(0)
    assert await open_api.db.fetchval("SELECT status FROM account_deletion") == "withdrawn"


async def test_what_stands_in_the_way_is_named_and_led_to(browser: Browser, open_api: OpenApi) -> None:
    number = new_phone()
    phone = await Phone.signed_in(open_api.http, number=number)
    own = await phone.add_member(name="王建国")
    schedule = await open_api.hospital.schedule(seats=1)
    actor = Actor(f"account:{await account_of(phone)}", "portal", "account")
    await book_appointment(slot_id=schedule.slots[0], patient_id=own, actor=actor)
    order = await (await Till.open(open_api)).order(patient_id=own)
    await open_api.db.execute("UPDATE payment_order SET client_id = $2 WHERE id = $1", order.id, actor.client_id)
    await let_codes_be_asked_again(open_api.db)
    async with open_app(browser, open_api.server.base_url, ELDER) as app:
        await sign_in_at_mine(app, number)
        await app.tap("to-deletion")
        await app.settled("deletion")
        await expect(app.part("obstacle-appointment")).to_contain_text("王建国")
        await expect(app.part("ask-deletion")).to_have_count(0)
        await app.picture("deletion-obstacles")
        await app.tap("obstacle-appointment")
        await app.settled("appointment")
        await app.page.go_back()
        await app.settled("deletion")
        await app.tap("obstacle-payment")
        await app.settled("order")
        await expect(app.part("go-pay")).to_be_visible()


async def test_help_answers_and_says_whom_to_ring(with_hotline: WebServer, browser: Browser) -> None:
    async with open_app(browser, with_hotline.base_url, USUAL) as app:
        await app.open("account/help/help")
        await app.settled("help")
        await app.tap("question-6")
        await expect(app.part("answer-6")).to_contain_text("出生医学证明")
        await expect(app.part("hotline")).to_contain_text(HOTLINE)
        await app.picture("help-open")
        await app.tap("question-6")
        await expect(app.part("answer-6")).to_have_count(0)


async def test_who_is_signed_out_elsewhere_is_led_back_to_where_they_were(browser: Browser, open_api: OpenApi) -> None:
    number = new_phone()
    async with open_app(browser, open_api.server.base_url, USUAL) as app:
        await sign_in_at_mine(app, number)
        await open_api.db.execute("UPDATE sign_in_session SET ended_at = now(), ended_by = 'revoked'")
        await let_codes_be_asked_again(open_api.db)
        await app.tap("to-devices")
        await app.settled("devices", "signed-out")
        await app.tap("to-sign-in")
        await enter_with_code(app, number)
        await app.settled("devices")
