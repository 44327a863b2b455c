"""The patients' pages as built, before the real server: they stand in every look, and ask nobody else for anything."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.factories.account_pages import agree_in_dialogue
from tests.factories.front_end import require_build
from tests.factories.patient_pages import ELDER, ENGLISH, LOOKS, SMALL, USUAL, App, Look, open_app, open_browser
from tests.factories.sign_in import Visitor, new_phone
from tests.server import WebServer

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("front-end")]

SCREENS = {
    "home": "pages/home/home",
    "visits": "pages/visits/visits",
    "messages": "pages/messages/messages",
    "mine": "pages/mine/mine",
    "pay": "money/pay/pay",
    "bills": "money/bills/bills",
    "bill": "money/bill/bill",
    "insured": "money/insured/insured",
    "orders": "money/orders/orders",
    "order": "money/order/order",
    "refund": "money/refund/refund",
    "share": "money/share/share",
    "relative": "money/relative/relative",
    "settings": "account/settings/settings",
    "sign-in": "account/sign-in/sign-in",
    "notifications": "account/notifications/notifications",
    "feedback-list": "feedback/list/list",
    "feedback-new": "feedback/new/new",
    "appointment": "visits/appointment/appointment",
    "reschedule": "visits/reschedule/reschedule",
    "follow-up": "visits/follow-up/follow-up",
    "stop": "visits/stop/stop",
}
NEEDS_SESSION = {
    *("visits", "messages", "notifications", "feedback-list", "feedback-new"),
    *("appointment", "reschedule", "follow-up", "stop"),
    *("pay", "bills", "bill", "insured", "orders", "order", "refund", "share"),
}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    require_build("h5")
    async with open_browser() as started:
        yield started


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_every_screen_stands_in_every_look(browser: Browser, web_server: WebServer, look: Look) -> None:
    async with open_app(browser, web_server.base_url, look) as app:
        for screen, path in SCREENS.items():
            await app.open(path)
            await app.settled(screen, "signed-out" if screen in NEEDS_SESSION else "ready")
            assert await app.page.title() != ""
            assert await app.barriers() == []
            assert await app.small_targets() == []
            width = await app.page.evaluate("document.documentElement.scrollWidth")
            assert width <= look.width, f"{screen} is wider than the phone"
            await app.picture(screen)


async def test_the_reader_chooses_language_size_and_colours_and_they_are_kept(
    browser: Browser, web_server: WebServer
) -> None:
    async with open_app(browser, web_server.base_url, USUAL) as app:
        await app.open(SCREENS["settings"])
        await app.tap("language-en")
        await app.tap("elder-on")
        await app.tap("colours-dark")
        await expect(app.part("settings")).to_have_class(r"frame theme-dark elder")
        await app.page.reload()
        await app.settled("settings")
        await expect(app.page).to_have_title("Settings")
        await expect(app.part("settings")).to_have_class(r"frame theme-dark elder")
        assert await app.page.evaluate("getComputedStyle(document.querySelector('.title')).fontSize") == "23.4px"
        await expect(app.part("language-en")).to_have_attribute("aria-pressed", "true")


async def test_large_letters_are_found_on_the_first_screen(browser: Browser, web_server: WebServer) -> None:
    async with open_app(browser, web_server.base_url, SMALL) as app:
        await app.open()
        await app.settled("home")
        await expect(app.part("to-elder")).to_be_in_viewport()
        await app.tap("to-elder")
        await expect(app.part("to-elder")).to_have_text("标准版")
        await expect(app.part("home")).to_have_css("font-size", "20.8px")
        await app.page.reload()
        await app.settled("home")
        await app.tap("to-elder")
        await expect(app.part("home")).to_have_css("font-size", "16px")


async def test_the_language_chosen_is_spoken_on_the_screens_that_were_open_before(
    browser: Browser, web_server: WebServer
) -> None:
    async with open_app(browser, web_server.base_url, USUAL) as app:
        await app.open()
        tabs = app.page.locator(".uni-tabbar__label:visible")
        await expect(tabs).to_have_text(["首页", "就诊", "消息", "我的"])
        await tabs.nth(3).click()
        await app.settled("mine")
        await app.tap("to-settings")
        await app.settled("settings")
        await app.tap("language-en")
        await expect(app.page).to_have_title("Settings")
        await app.page.go_back()
        await app.settled("mine")
        await expect(app.page).to_have_title("Me")
        await expect(tabs).to_have_text(["Home", "Visits", "Messages", "Me"])
        await tabs.nth(0).click()
        await app.settled("home")
        await expect(app.page).to_have_title("Internet Hospital")
        await expect(app.page.locator(".uni-page-head__title:visible")).to_have_text("Internet Hospital")
        await app.tap("entry-find")
        await app.settled("find")
        await expect(app.page).to_have_title("Book a visit")
        await app.page.go_back()
        await expect(app.page).to_have_title("Internet Hospital")
        await expect(tabs).to_have_text(["Home", "Visits", "Messages", "Me"])


async def test_no_screen_is_a_dead_end(browser: Browser, web_server: WebServer) -> None:
    async with open_app(browser, web_server.base_url, USUAL) as app:
        # By a link, with nothing behind it: the browser's pages draw an arrow that leads home.
        await app.open(SCREENS["order"], id="00000000-0000-4000-8000-000000000000")
        await app.settled("order", "signed-out")
        await expect(app.part("way-home")).to_have_count(0)
        # In another's place, as after paying, they draw none, nor after a reload.
        await app.page.evaluate("history.replaceState({ ...history.state, __type__: 'redirectTo' }, '')")
        await app.page.reload()
        await app.settled("order", "signed-out")
        await expect(app.page.locator(".uni-page-head-btn:visible")).to_have_count(0)
        await app.tap("way-home")
        await app.settled("home")
        # A tab has its tabs, and a screen above another the way back.
        await expect(app.part("way-home")).to_have_count(0)
        await app.tap("entry-settings")
        await app.settled("settings")
        await expect(app.part("way-home")).to_have_count(0)
        await app.page.locator(".uni-page-head-btn:visible").click()
        await app.settled("home")


async def test_a_browser_with_larger_letters_gets_larger_letters(browser: Browser, web_server: WebServer) -> None:
    async with open_app(browser, web_server.base_url, ENGLISH) as app:
        devtools = await app.page.context.new_cdp_session(app.page)
        await devtools.send("Page.enable")
        await devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 32}})
        await app.open(SCREENS["sign-in"])
        await app.settled("sign-in")
        size = await app.page.evaluate("getComputedStyle(document.querySelector('[data-testid=sign-in]')).fontSize")
        assert size == "32px"
        assert await app.page.evaluate("document.documentElement.scrollWidth") <= ENGLISH.width
        await app.picture("sign-in-200-percent")


async def test_who_walks_by_keyboard_gets_everywhere(browser: Browser, web_server: WebServer) -> None:
    async with open_app(browser, web_server.base_url, ELDER) as app:
        await app.open()
        await app.settled("home")
        await app.part("to-sign-in").focus()
        await app.page.keyboard.press("Enter")
        await app.settled("sign-in")
        await app.part("agree").focus()
        await app.page.keyboard.press("Space")
        await expect(app.part("agree")).to_have_attribute("aria-checked", "true")


async def test_what_is_wrong_in_a_form_is_said_beside_it(browser: Browser, web_server: WebServer) -> None:
    async with open_app(browser, web_server.base_url, USUAL) as app:
        await app.open(SCREENS["sign-in"])
        await app.settled("sign-in")
        await app.write("phone", "123")
        await app.tap("submit")
        wrong = app.page.get_by_role("alert")
        await expect(wrong).to_have_text(["请填写 11 位手机号。", "请先获取验证码。", "请先同意隐私政策。"])
        await app.picture("sign-in-problem")
        await app.tap("agree")
        await expect(wrong).to_have_count(2)


async def sign_in(app: App) -> None:
    """Sign in with a new number, and see the visits."""
    await app.open(SCREENS["visits"])
    await app.tap("to-sign-in")
    await app.settled("sign-in")
    phone = new_phone()
    await app.write("phone", phone)
    await app.tap("send-code")
    await expect(app.part("sandbox-messages")).to_be_visible()
    async with Visitor(app.base_url) as reader:
        await app.write("code", await reader.code_for(phone))
    await app.tap("agree")
    await app.tap("submit")
    await app.settled("visits")


async def sign_out(app: App) -> None:
    """Leave, and see that the app has let go."""
    await app.open(SCREENS["mine"])
    await app.tap("sign-out")
    await agree_in_dialogue(app)
    await expect(app.part("to-sign-in")).to_be_visible()


async def refresh_status(page: Page) -> int:
    """Do what a thief at this computer would: have the browser's cookie give new tokens."""
    status: int = await page.evaluate(
        "fetch('/app/v1/sessions/refresh', {method: 'POST', headers: {'Content-Type': 'application/json'},"
        " body: JSON.stringify({transport: 'cookie'})}).then((answer) => answer.status)"
    )
    return status


async def kept_answers(page: Page) -> list[str]:
    """Name what of the hospital's answers still lies in a tab."""
    names: list[str] = await page.evaluate("Object.keys(sessionStorage).filter((name) => name.startsWith('read:'))")
    return names


async def has_forgotten(app: App) -> None:
    """Wait until nothing of the hospital's answers lies in a tab."""
    await app.comes_true("!Object.keys(sessionStorage).some((name) => name.startsWith('read:'))")


async def test_somebody_signs_in_stays_so_over_a_reload_and_leaves(browser: Browser, web_server: WebServer) -> None:
    async with open_app(browser, web_server.base_url, USUAL) as app:
        await sign_in(app)
        await app.picture("visits-signed-in")
        # The access token is gone with the page; the cookie that no script reads brings another.
        await app.page.reload()
        await app.settled("visits")
        await sign_out(app)
        await app.open(SCREENS["visits"])
        await app.settled("visits", "signed-out")


async def test_leaving_without_a_network_ends_the_session_when_there_is_one_again(
    browser: Browser, web_server: WebServer
) -> None:
    async with open_app(browser, web_server.base_url, USUAL) as app:
        await sign_in(app)
        assert await kept_answers(app.page) != []
        await app.open(SCREENS["mine"])
        await app.page.route("**/app/v1/session", lambda route: route.abort())
        await sign_out(app)
        await has_forgotten(app)
        await app.page.unroute("**/app/v1/session")
        await app.page.reload()
        await app.comes_true("localStorage.getItem('sign-out-owed') === null")
        assert await refresh_status(app.page) == 401


async def test_an_answer_that_comes_after_leaving_is_not_kept(browser: Browser, web_server: WebServer) -> None:
    async with open_app(browser, web_server.base_url, USUAL) as app:
        await sign_in(app)
        asked, left = asyncio.Event(), asyncio.Event()

        async def hold_back(route: Route) -> None:
            answer = await route.fetch()
            asked.set()
            await left.wait()
            await route.fulfill(response=answer)

        await app.page.route("**/app/v1/account", hold_back)
        await app.open(SCREENS["mine"])
        await asked.wait()
        async with app.page.expect_response("**/app/v1/account") as late:
            await sign_out(app)
            left.set()
        await (await late.value).finished()
        await app.open(SCREENS["visits"])
        await app.settled("visits", "signed-out")
        assert [name for name in await kept_answers(app.page) if name.endswith("/account")] == []


async def test_whoever_leaves_in_one_tab_leaves_in_all(browser: Browser, web_server: WebServer) -> None:
    async with open_app(browser, web_server.base_url, USUAL) as app:
        await sign_in(app)
        beside = App(await app.page.context.new_page(), app.base_url, app.look)
        await beside.open(SCREENS["visits"])
        await beside.settled("visits")
        assert await kept_answers(beside.page) != []
        await sign_out(app)
        await beside.settled("visits", "signed-out")
        await has_forgotten(beside)


async def test_a_tab_that_finds_another_session_forgets_what_it_knew(browser: Browser, web_server: WebServer) -> None:
    async with open_app(browser, web_server.base_url, USUAL) as app:
        await sign_in(app)
        beside = App(await app.page.context.new_page(), app.base_url, app.look)
        # A tab that slept hears of nothing.
        await beside.page.add_init_script("addEventListener('storage', (event) => event.stopImmediatePropagation())")
        await beside.open(SCREENS["mine"])
        await beside.settled("mine")
        first = await beside.part("who").inner_text()
        await sign_out(app)
        await sign_in(app)
        assert "/account" in "".join(await kept_answers(beside.page))
        await beside.open(SCREENS["visits"])
        await beside.settled("home")
        await beside.open(SCREENS["mine"])
        await beside.settled("mine")
        await expect(beside.part("who")).not_to_have_text(first)
        kept = await beside.page.evaluate("sessionStorage.getItem('reads-are-of')")
        assert kept == await app.page.evaluate("sessionStorage.getItem('reads-are-of')")
