"""The sign-in pages in a real browser: without a mouse, at a phone's width, with a real authenticator's protocol.

HOSPITAL_SCREENSHOTS names a folder in which pictures of each state are kept, to be looked at.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pyotp
import pytest

from kernel.db import Database
from patients.accounts import bind_member
from tests.factories.browser import Page, browser_page
from tests.factories.patients import registration
from tests.factories.sign_in import Visitor, new_phone
from tests.factories.staff import PASSWORD, employ, invite, prepare
from tests.server import WebServer

pytestmark = pytest.mark.browser

SIZES = ((390, 844), (1280, 800))
TARGET_PIXELS_MIN = 44
# WCAG 2.2, 1.4.3: text against what stands behind it, in what is seen of the page.
CONTRASTS = """(() => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('h1, h2, p, a, button, label, li, span, strong')]
    .filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((e) => {
      const both = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))];
      const [one, other] = both.sort((a, b) => b - a);
      return [(one + 0.05) / (other + 0.05), e.innerText.slice(0, 30)];
    })
    .filter(([ratio, text]) => ratio < 4.5 && text !== '＋');
})()"""
SMALL_TARGETS = (
    "[...document.querySelectorAll('a, button, input:not([type=hidden])')].filter(e => e.checkVisibility())"
    f".filter(e => e.getBoundingClientRect().height < {TARGET_PIXELS_MIN}).map(e => e.outerHTML.slice(0, 80))"
)
OUTSIDE = (
    "[...document.querySelectorAll('main *')].filter(e => { const r = e.getBoundingClientRect();"
    " return r.width && (r.left < 0 || r.right > innerWidth + 1); }).map(e => e.outerHTML.slice(0, 80))"
)
UNLABELLED = (
    "[...document.querySelectorAll('input:not([type=hidden], [hidden])')]"
    ".filter((e) => !e.labels.length).map((e) => e.outerHTML)"
)
FOCUSED = "document.activeElement && document.activeElement.id"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str) -> Iterator[WebServer]:
    """A server under a name: browsers make no passkeys for numbers."""
    folder = tmp_path_factory.mktemp("passkeys")
    with WebServer.up(folder, database_url=database_url, redis_url=redis_url, public_host="localhost") as one:
        yield one


@pytest.fixture
async def page(server: WebServer, database: Database) -> AsyncIterator[Page]:
    prepare(server.keys_dir, server.base_url)
    async with browser_page() as one:
        await speak(one, "zh-CN")
        yield one


async def speak(page: Page, language: str) -> None:
    """Set the browser's language."""
    await page.ask("Network.enable")
    await page.ask("Network.setExtraHTTPHeaders", headers={"accept-language": language})


async def look(page: Page, name: str) -> None:
    """Check that a page can be read and used at both sizes, and keep pictures where somebody wants to look."""
    folder = os.environ.get("HOSPITAL_SCREENSHOTS")
    for width, height in SIZES:
        await page.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        assert await page.evaluate(OUTSIDE) == [], name
        assert await page.evaluate(SMALL_TARGETS) == [], name
        if folder:
            await page.screenshot(Path(folder) / f"{name}-{width}.png")
    assert await page.evaluate(UNLABELLED) == [], name
    assert (
        await page.evaluate("parseFloat(getComputedStyle(document.querySelector('main p, main label')).fontSize)") >= 18
    )
    for scheme in ("dark", "light"):
        await page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert await page.evaluate(CONTRASTS) == [], f"{name} {scheme}"
        if folder and scheme == "dark":
            await page.screenshot(Path(folder) / f"{name}-dark.png")


async def at(page: Page, path: str) -> None:
    """Wait until the browser stands at a page of ours."""
    await page.until(f"location.pathname === '{path}' && document.readyState === 'complete'")


async def type_in(page: Page, text: str) -> None:
    """Type where the focus is."""
    await page.ask("Input.insertText", text=text)


async def press(page: Page, key: str) -> None:
    """Press a key."""
    text = {"Enter": "\r"}.get(key, "")
    for kind in ("keyDown", "keyUp"):
        await page.ask(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            code=key,
            windowsVirtualKeyCode={"Enter": 13, "Tab": 9}[key],
            **({"text": text} if text and kind == "keyDown" else {}),
        )


async def sign_in_by_phone(page: Page, server: WebServer, phone: str) -> None:
    await page.open(f"{server.base_url}/sign-in")
    await at(page, "/sign-in")
    # What is typed before the field has the focus is lost.
    await page.until(f"({FOCUSED}) === 'phone'")
    await type_in(page, phone)
    await press(page, "Enter")
    await at(page, "/sign-in/code")
    await page.until(f"({FOCUSED}) === 'code'")
    async with Visitor(server.base_url) as reader:
        await type_in(page, await reader.code_for(phone))
    await press(page, "Enter")
    await at(page, "/account/sessions")


async def add_authenticator(page: Page) -> None:
    """Give the browser an authenticator that knows its user."""
    await page.ask("WebAuthn.enable")
    await page.ask(
        "WebAuthn.addVirtualAuthenticator",
        options={
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        },
    )


async def test_a_patient_signs_in_by_keyboard_alone_and_without_any_script(
    page: Page, server: WebServer, database: Database
) -> None:
    phone = new_phone()
    await page.ask("Emulation.setScriptExecutionDisabled", value=True)
    await page.open(f"{server.base_url}/sign-in")
    await at(page, "/sign-in")
    await page.until(f"({FOCUSED}) === 'phone'")
    await look(page, "phone")
    await type_in(page, "1390000")
    await page.evaluate("document.querySelector('form').noValidate = true")
    await press(page, "Enter")
    await page.until("!!document.querySelector('.notice.bad')")
    await page.until(f"({FOCUSED}) === 'phone'")
    await look(page, "phone-refused")
    await page.evaluate("document.getElementById('phone').select()")
    await type_in(page, phone)
    await press(page, "Enter")
    await at(page, "/sign-in/code")
    await page.until(f"({FOCUSED}) === 'code'")
    field = "document.getElementById('code')"
    assert await page.evaluate(f"[{field}.inputMode, {field}.autocomplete]") == ["numeric", "one-time-code"]
    await look(page, "code")
    await type_in(page, "000000")
    await press(page, "Enter")
    await page.until("!!document.querySelector('.notice.bad')")
    await look(page, "code-refused")
    async with Visitor(server.base_url) as reader:
        await type_in(page, await reader.code_for(phone))
    await press(page, "Enter")
    await at(page, "/account/sessions")
    account = await database.fetchval("SELECT id FROM patient_account")
    await bind_member(account, registration(name="李秀英"), relationship="self")
    await page.ask("Page.reload")
    await page.until("document.body?.innerText.includes('李秀英')")
    await look(page, "sessions")
    await page.evaluate("document.querySelector('form[action=\"/sign-out\"] button').click()")
    await at(page, "/sign-in")
    await page.until("document.body?.innerText.includes('您已退出登录')")
    await look(page, "signed-out")


async def test_a_patient_adds_a_passkey_and_signs_in_with_it(page: Page, server: WebServer, database: Database) -> None:
    await add_authenticator(page)
    await sign_in_by_phone(page, server, new_phone())
    await page.evaluate("document.querySelector('[data-passkey]').click()")
    await page.until("location.search === '?done=passkey_is_there' && document.readyState === 'complete'")
    await look(page, "passkey-added")
    await page.evaluate("document.querySelector('form[action=\"/sign-out\"] button').click()")
    await at(page, "/sign-in")

    await page.ask("Page.navigate", url=f"{server.base_url}/sign-in/passkey")
    await at(page, "/sign-in/passkey")
    await look(page, "passkey")
    await page.evaluate("document.querySelector('[data-passkey]').click()")
    await at(page, "/account/sessions")
    row = await database.fetchrow("SELECT * FROM sign_in_session WHERE ended_at IS NULL")
    assert row is not None
    assert (row["subject_kind"], row["methods"], row["acr"]) == ("account", ["hwk", "user", "mfa"], "aal2")
    assert await database.fetchval("SELECT sign_count FROM sign_in_passkey") >= 1
    assert page.problems == []


async def test_a_passkey_that_is_not_known_any_more_is_refused_in_words(
    page: Page, server: WebServer, database: Database
) -> None:
    await add_authenticator(page)
    await sign_in_by_phone(page, server, new_phone())
    await page.evaluate("document.querySelector('[data-passkey]').click()")
    await page.until("location.search === '?done=passkey_is_there' && document.readyState === 'complete'")
    await database.execute("DELETE FROM sign_in_passkey")
    await page.ask("Page.navigate", url=f"{server.base_url}/sign-in/passkey")
    await at(page, "/sign-in/passkey")
    await page.evaluate("document.querySelector('[data-passkey]').click()")
    await page.until("document.getElementById('passkey-get').innerText.includes('登录信息不正确')")
    assert await page.evaluate("!document.querySelector('[data-passkey]').disabled")
    await look(page, "passkey-refused")


async def test_an_answer_of_an_authenticator_is_worth_something_once(
    page: Page, server: WebServer, database: Database
) -> None:
    await add_authenticator(page)
    await sign_in_by_phone(page, server, new_phone())
    await page.evaluate("document.querySelector('[data-passkey]').click()")
    await page.until("location.search === '?done=passkey_is_there' && document.readyState === 'complete'")
    await page.ask("Page.navigate", url=f"{server.base_url}/sign-in/passkey")
    await at(page, "/sign-in/passkey")
    sessions = "SELECT count(*) FROM sign_in_session"
    script = """(async () => {
        const button = document.querySelector('[data-passkey]'), headers = {
            'content-type': 'application/json', 'x-form-token': button.dataset.token };
        const bytes = (t) => Uint8Array.from(atob(t.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
        const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\\+/g, '-').replace(/\\//g, '_')
            .replace(/=+$/, '');
        const post = (a, b) => fetch(a, { method: 'POST', headers, body: JSON.stringify(b) });
        const begin = async () => (await post('/sign-in/passkey/options', {})).json();
        const one = await begin(), other = await begin();
        const found = await navigator.credentials.get({ publicKey: {
            ...one.options, challenge: bytes(one.options.challenge), allowCredentials: [] } });
        const answer = { id: found.id, rawId: text(found.rawId), type: found.type, response: {
            clientDataJSON: text(found.response.clientDataJSON), signature: text(found.response.signature),
            authenticatorData: text(found.response.authenticatorData), userHandle: text(found.response.userHandle) } };
        const tampered = structuredClone(answer);
        tampered.response.userHandle = text(new TextEncoder().encode('account:00000000-0000-0000-0000-000000000000'));
        window.statuses = [];
        const send = async (id, given) =>
            window.statuses.push((await post('/sign-in/passkey', { ceremony: id, answer: given })).status);
        for (const [id, given] of [[other.id, answer], [other.id, answer], ['x', answer], [one.id, answer]])
            await send(id, given);
        // Who is signed in now has forms of their own: nothing is refused for an old one.
        const page = await (await fetch('/sign-in/passkey')).text();
        headers['x-form-token'] = page.match(/data-token="([^"]+)"/)[1];
        for (const given of [tampered, {}, { id: '%', response: 5 }]) await send((await begin()).id, given);
        await send(one.id, answer);
        window.done = true;
    })()"""
    await database.execute("DELETE FROM sign_in_session WHERE ended_at IS NOT NULL")
    before = await database.fetchval(sessions)
    await page.evaluate(script)
    await page.until("window.done")
    # Another challenge; that one again; none; the right one; another's handle; nonsense; the right one again.
    assert await page.evaluate("window.statuses") == [403, 403, 403, 200, 403, 403, 403, 403]
    assert await database.fetchval(sessions) == before
    refused = "SELECT count(*) FROM sign_in_event WHERE kind = 'refused' AND method = 'passkey'"
    assert await database.fetchval(refused) == 6


async def test_staff_set_up_a_password_and_sign_in(page: Page, server: WebServer, database: Database) -> None:
    code = await employ(database)
    invitation = await invite(database, code)
    await page.open(invitation.link)
    path = urlsplit(invitation.link).path
    await at(page, path)
    await look(page, "set-up-code")
    await type_in(page, invitation.code)
    await press(page, "Enter")
    await page.until("!!document.querySelector('.secret')")
    await look(page, "set-up-choice")
    secret = (await page.evaluate("document.querySelector('.secret').textContent")).replace(" ", "")
    scanned = await page.evaluate("document.querySelector('.scan svg').getBoundingClientRect().width")
    assert scanned >= 180
    for field, text in (("password", PASSWORD), ("again", PASSWORD), ("second", pyotp.TOTP(secret).now())):
        await page.evaluate(f"document.getElementById('{field}').focus()")
        await type_in(page, text)
    await press(page, "Enter")
    await page.until("document.querySelectorAll('.codes li').length === 10")
    await look(page, "set-up-done")
    recovery = await page.evaluate("document.querySelector('.codes li').textContent")
    await page.evaluate("document.querySelector('a.button').click()")
    await at(page, "/staff/sign-in")
    await page.until(f"({FOCUSED}) === 'code'")
    await look(page, "staff")
    for text in (code, "not the password", recovery):
        await type_in(page, text)
        await press(page, "Tab")
    await page.evaluate("document.querySelector('form').requestSubmit()")
    await page.until("!!document.querySelector('.notice.bad')")
    await look(page, "staff-refused")
    for field, text in (("password", PASSWORD), ("second", recovery)):
        await page.evaluate(f"document.getElementById('{field}').focus()")
        await type_in(page, text)
    await press(page, "Enter")
    await at(page, "/account/sessions")
    assert page.problems == [] or all("403" in one for one in page.problems)


async def test_staff_set_up_a_passkey_and_sign_in(page: Page, server: WebServer, database: Database) -> None:
    await add_authenticator(page)
    code = await employ(database)
    invitation = await invite(database, code)
    await page.open(invitation.link)
    await at(page, urlsplit(invitation.link).path)
    await type_in(page, invitation.code)
    await press(page, "Enter")
    await page.until("!!document.querySelector('[data-passkey]')")
    await page.evaluate("document.querySelector('[data-passkey]').click()")
    await at(page, "/sign-in/passkey")
    await page.evaluate("document.querySelector('[data-passkey]').click()")
    await at(page, "/account/sessions")
    row = await database.fetchrow("SELECT * FROM sign_in_session")
    assert row is not None
    assert (row["subject_kind"], row["acr"]) == ("staff", "aal2")
    assert page.problems == []
