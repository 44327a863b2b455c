"""The sign-in pages in a real browser: without a mouse, at a phone's width, with a real authenticator's protocol."""

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pyotp
import pytest

from kernel.db import Database
from patients.accounts import bind_member
from tests.factories.browser import Page, browser_page
from tests.factories.pages import FOCUSED, at, look, press, sign_in_by_phone, speak, type_in
from tests.factories.patients import registration
from tests.factories.sign_in import Visitor, new_phone
from tests.factories.staff import PASSWORD, employ, invite, prepare
from tests.server import WebServer

pytestmark = pytest.mark.browser


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
    await sign_in_by_phone(page, server.base_url, new_phone())
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
    await sign_in_by_phone(page, server.base_url, new_phone())
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
    await sign_in_by_phone(page, server.base_url, new_phone())
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
    await page.until("!!document.querySelector('[data-passkey]') && document.readyState === 'complete'")
    await page.evaluate("document.querySelector('[data-passkey]').click()")
    await at(page, "/sign-in/passkey")
    await page.evaluate("document.querySelector('[data-passkey]').click()")
    await at(page, "/account/sessions")
    row = await database.fetchrow("SELECT * FROM sign_in_session")
    assert row is not None
    assert (row["subject_kind"], row["acr"]) == ("staff", "aal2")
    assert page.problems == []
