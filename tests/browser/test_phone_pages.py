"""A new telephone number: changing the account's own, and being asked whether an account of it is one's own."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from playwright.async_api import Browser, expect

from kernel import clock
from kernel.crypto import cipher
from tests.factories.account_pages import (
    agree_in_dialogue,
    ask_for_code,
    code_on_phone,
    enter_with_code,
    let_codes_be_asked_again,
    sign_in_at_mine,
)
from tests.factories.front_end import require_build
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.patient_pages import DARK, ELDER, ENGLISH, SMALL, USUAL, App, Look, open_app, open_browser
from tests.factories.sign_in import new_phone

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("front-end")]

ELDER_DARK = Look("elder-dark", 360, 640, is_elder=True, is_dark=True)
LOOKS = [USUAL, SMALL, ELDER, DARK, ENGLISH, ELDER_DARK]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    require_build("h5")
    # A busy machine is no fault of the pages.
    expect.set_options(timeout=25_000)
    async with open_browser() as started:
        yield started


async def stands(app: App, screen: str) -> None:
    """Whatever the look: nothing keeps anybody out, all can be tapped, nothing is cut or wider than the phone."""
    assert await app.barriers() == []
    assert await app.small_targets() == []
    assert await app.cut_words() == []
    assert await app.page.evaluate("document.documentElement.scrollWidth") <= app.look.width
    await app.picture(screen)


def masked(number: str) -> str:
    return f"{number[:3]}****{number[-4:]}"


async def family(api: OpenApi, number: str) -> Phone:
    """A family in an account that was opened on another phone."""
    phone = await Phone.signed_in(api.http, number=number)
    await phone.add_member(name="王建国")
    await phone.add_member("parent", sex=2, born=date(1954, 3, 1), name="李秀英")
    await let_codes_be_asked_again(api.db)
    return phone


async def long_ago(api: OpenApi) -> None:
    """As if the numbers of all accounts had been proved ninety-one days ago."""
    await api.db.execute("UPDATE patient_account SET phone_proved_at = $1", clock.now() - timedelta(days=91))


async def ending(api: OpenApi, name: str) -> str:
    sealed = await api.db.fetchval("SELECT document_cipher FROM patient WHERE name = $1", name)
    return cipher().open(sealed)[-4:]


async def test_the_number_is_changed_step_by_step(browser: Browser, open_api: OpenApi) -> None:
    former, new = new_phone(), new_phone()
    phone = await family(open_api, former)
    async with open_app(browser, open_api.server.base_url, USUAL) as app:
        await sign_in_at_mine(app, former)
        await app.tap("to-settings")
        await app.settled("settings")
        await app.tap("to-phone")
        await app.settled("phone-page")
        await expect(app.part("phone-now")).to_contain_text(masked(former))
        await app.tap("submit")
        await expect(app.page.get_by_role("alert").locator("visible=true")).to_have_count(2)
        # It was a while ago that they signed in: they confirm first, and the code goes out when they are back.
        await open_api.db.execute("UPDATE sign_in_session SET auth_time = auth_time - interval '11 minutes'")
        await let_codes_be_asked_again(open_api.db)
        await app.write("phone", new)
        await app.tap("send-code")
        await app.settled("confirm")
        await expect(app.part("lost-number")).to_contain_text("微信小程序")
        await ask_for_code(app)
        await app.write("code", await code_on_phone(former))
        await app.tap("submit")
        await app.settled("phone-page")
        await expect(app.part("sandbox-messages")).to_be_visible()
        await app.write("code", await code_on_phone(new))
        await app.picture("phone-filled")
        await app.tap("submit")
        await expect(app.part("phone-changed")).to_contain_text(masked(new))
        await expect(app.part("phone-changed")).to_contain_text("其他设备都已退出登录")
        await stands(app, "phone-changed")
        await app.tap("phone-done")
        await app.settled("settings")
        await app.open("pages/mine/mine")
        await app.settled("mine")
        await expect(app.part("who")).to_contain_text(masked(new))
    assert (await phone.get("/account")).status_code == 401


async def test_a_number_in_use_says_what_to_do(browser: Browser, open_api: OpenApi) -> None:
    number, theirs = new_phone(), new_phone()
    await family(open_api, theirs)
    async with open_app(browser, open_api.server.base_url, SMALL) as app:
        await sign_in_at_mine(app, number)
        await let_codes_be_asked_again(open_api.db)
        await app.open("account/phone/phone")
        await app.settled("phone-page")
        await app.write("phone", theirs)
        await ask_for_code(app)
        await app.write("code", await code_on_phone(theirs))
        await app.tap("submit")
        await expect(app.page.get_by_role("alert").locator("visible=true")).to_contain_text("已经有一个在用的账户")
        await stands(app, "phone-in-use")
        await app.open("pages/mine/mine")
        await app.settled("mine")
        await expect(app.part("who")).to_contain_text(masked(number))


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_who_names_a_document_of_the_family_is_in(browser: Browser, open_api: OpenApi, look: Look) -> None:
    number = new_phone()
    await family(open_api, number)
    await long_ago(open_api)
    async with open_app(browser, open_api.server.base_url, look) as app:
        await app.open("account/members/members")
        await app.settled("members", "signed-out")
        await app.tap("to-sign-in")
        await enter_with_code(app, number)
        await expect(app.part("holder-question")).to_be_visible()
        await stands(app, "holder-question")
        alert = app.page.get_by_role("alert").locator("visible=true")
        await app.tap("answer")
        await expect(alert).to_be_visible()
        right = await ending(open_api, "李秀英")
        await app.write("ending", "0000" if right != "0000" else "0001")
        await app.tap("answer")
        await expect(alert).to_contain_text("4")
        await app.picture("holder-wrong")
        await app.write("ending", right.lower())
        await app.tap("answer")
        await app.settled("members")
        await expect(app.part("members")).to_contain_text("李秀英")


async def test_the_numbers_next_owner_begins_anew_and_the_former_gives_a_new_one(
    browser: Browser, open_api: OpenApi
) -> None:
    number, new = new_phone(), new_phone()
    await family(open_api, number)
    async with open_app(browser, open_api.server.base_url, USUAL) as former:
        await sign_in_at_mine(former, number)
        await long_ago(open_api)
        await let_codes_be_asked_again(open_api.db)
        async with open_app(browser, open_api.server.base_url, ELDER) as owner:
            await owner.open("account/members/members")
            await owner.settled("members", "signed-out")
            await owner.tap("to-sign-in")
            await enter_with_code(owner, number)
            await owner.tap("begin-anew")
            await expect(owner.page.locator(".uni-modal:visible")).to_contain_text("没有这个手机号")
            await owner.picture("begin-anew")
            await agree_in_dialogue(owner)
            await owner.settled("members")
            await expect(owner.part("members-empty")).to_be_visible()
        await former.page.reload()
        await former.settled("mine")
        await former.tap("phone-gone")
        await former.settled("phone-page")
        await stands(former, "phone-gone")
        await former.write("phone", new)
        await ask_for_code(former)
        await former.write("code", await code_on_phone(new))
        await former.tap("submit")
        await expect(former.part("phone-changed")).to_contain_text(masked(new))


async def test_who_has_guessed_too_often_is_shown_the_other_ways(browser: Browser, open_api: OpenApi) -> None:
    number = new_phone()
    await family(open_api, number)
    await long_ago(open_api)
    right = {await ending(open_api, name) for name in ("王建国", "李秀英")}
    guess = next(f"{n:04d}" for n in range(100) if f"{n:04d}" not in right)
    async with open_app(browser, open_api.server.base_url, SMALL) as app:
        await app.open("account/sign-in/sign-in")
        await enter_with_code(app, number)
        await app.write("ending", guess)
        for left in (4, 3, 2, 1):
            await app.tap("answer")
            await expect(app.page.get_by_role("alert").locator("visible=true")).to_contain_text(f"{left} 次")
        await app.tap("answer")
        await expect(app.part("no-tries")).to_be_visible()
        await expect(app.part("answer")).to_have_count(0)
        await stands(app, "holder-no-tries")
        # Back to the beginning, with another number.
        await app.tap("other-number")
        await expect(app.part("send-code")).to_be_visible()
