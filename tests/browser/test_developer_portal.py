"""The developer portal in a real browser, from signing up to a key that was revoked.

HOSPITAL_SCREENSHOTS names a folder in which pictures of each state are kept, to be looked at.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from kernel import crypto
from kernel.db import Database
from tests.factories.browser import Page, browser_page
from tests.factories.developers import DeveloperAtBrowser
from tests.factories.oauth import basic
from tests.factories.pages import at, look, speak
from tests.factories.sign_in import Visitor, new_phone
from tests.factories.webhooks import Receiver, send_due, status
from tests.server import WebServer

pytestmark = pytest.mark.browser

LONG = "广东省人民政府卫生健康委员会互联网医院开放平台联合体验项目合作方（第三期）科技有限公司"


@pytest.fixture
async def page(web_server: WebServer, database: Database) -> AsyncIterator[Page]:
    async with browser_page() as one:
        await speak(one, "zh-CN")
        yield one


async def go(page: Page, server: WebServer, path: str) -> None:
    await page.ask("Page.navigate", url=f"{server.base_url}{path}")
    await at(page, path.partition("?")[0])


async def fill_in(page: Page, action: str, **fields: str | bool) -> None:
    """Fill in the form that leads to an action and send it, as a press of its button does."""
    await page.evaluate(
        f"""(() => {{
            window.before = true;
            const form = document.querySelector(`form[action="{action}"]`);
            for (const [name, value] of Object.entries({json.dumps(fields)})) {{
                const field = form.elements[name];
                if (field.type === 'checkbox') field.checked = value; else field.value = value;
            }}
            form.querySelector('button').click();
        }})()"""
    )
    await page.until("!window.before && document.readyState === 'complete'")


async def sign_in(page: Page, server: WebServer) -> None:
    phone = new_phone()
    await page.open(f"{server.base_url}/developer")
    await at(page, "/developer")
    await page.evaluate("document.querySelector('main a.button').click()")
    await at(page, "/sign-in")
    await fill_in(page, "/sign-in", phone=phone)
    async with Visitor(server.base_url) as reader:
        await fill_in(page, "/sign-in/code", code=await reader.code_for(phone))
    await at(page, "/developer")


async def sign_up(page: Page, server: WebServer, organisation: str) -> None:
    await sign_in(page, server)
    await fill_in(
        page, "/developer/sign-up", organisation=organisation, contact_name="李工", email="li@a.example", terms=True
    )
    await page.until("!!document.querySelector('a[href=\"/developer/applications/new\"]')")


async def make(page: Page, server: WebServer, name: str) -> tuple[str, str, str]:
    """Make an application; gives its address, client and secret as the page shows them."""
    await go(page, server, "/developer/applications/new")
    await fill_in(
        page, "/developer/applications/new", name=name, purpose="为社区居民预约挂号", **{"scope:webhooks.manage": True}
    )
    secret = await page.evaluate("document.getElementById('client-secret').textContent")
    client = await page.evaluate("document.querySelector('.facts code').textContent")
    address = await page.evaluate("document.querySelector('.tabs a').getAttribute('href')")
    return address, client, secret


async def token(server: WebServer, client: str, secret: str) -> tuple[int, Any]:
    async with httpx.AsyncClient(base_url=server.base_url) as http:
        answer = await http.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, headers=basic(client, secret)
        )
        return answer.status_code, answer.json()


async def settled(server: WebServer, client: str, secret: str, *, wanted: int) -> int:
    """Ask until a process has read a client anew, after a second; seldom, since ten wrong proofs shut one out."""
    found = 0
    for _ in range(40):
        found = (await token(server, client, secret))[0]
        if found == wanted:
            break
        await asyncio.sleep(0.3)
    return found


async def test_from_signing_up_to_a_revoked_secret(page: Page, web_server: WebServer, database: Database) -> None:
    server = web_server
    await page.open(f"{server.base_url}/developer")
    await at(page, "/developer")
    await look(page, "portal-welcome")
    await sign_in(page, server)
    await look(page, "portal-sign-up")
    await fill_in(page, "/developer/sign-up", organisation="", contact_name="李工", email="li@a.example", terms=True)
    await page.until("!!document.querySelector('.wrong')")
    await look(page, "portal-sign-up-wrong")
    await fill_in(page, "/developer/sign-up", organisation=LONG)
    await page.until("!!document.querySelector('.empty')")
    await look(page, "portal-no-applications")
    await go(page, server, "/developer/applications/new")
    await look(page, "portal-new")
    await fill_in(page, "/developer/applications/new", name="x", auth_method="none")
    await page.until("document.querySelectorAll('.wrong').length > 0")
    await look(page, "portal-new-wrong")
    address, client, secret = await make(page, server, "晨星预约助手（社区版）")
    await look(page, "portal-secret")
    assert (await token(server, client, secret))[0] == 200

    # Shown once: no page has it any more, and the form sent again makes nothing.
    await go(page, server, f"{address}/keys")
    assert secret not in await page.evaluate("document.documentElement.outerHTML")
    await look(page, "portal-keys")

    await fill_in(page, f"{address}/keys/rotate", overlap="24")
    newer = await page.evaluate("document.getElementById('client-secret').textContent")
    await look(page, "portal-rotated")
    assert newer != secret
    assert await settled(server, client, newer, wanted=200) == 200
    assert (await token(server, client, secret))[0] == 200
    # The newest stands first; the last row is the old one, with its end.
    assert "失效" in await page.evaluate("document.querySelector('tbody tr:last-child').innerText")
    await page.evaluate("window.before = true; document.querySelector('tbody tr:last-child form button').click()")
    await page.until("!window.before && location.search === '?done=revoked'")
    await look(page, "portal-revoked")
    assert await settled(server, client, secret, wanted=401) == 401
    assert (await token(server, client, newer))[0] == 200
    assert await database.fetchval("SELECT count(*) FROM oauth_client_secret WHERE client_id = $1", client) == 1
    assert page.problems == [] or all("422" in one or "409" in one for one in page.problems)


async def test_requests_and_webhooks_are_watched(page: Page, web_server: WebServer, database: Database) -> None:
    server = web_server
    await sign_up(page, server, "晨星科技有限公司")
    address, client, secret = await make(page, server, "晨星预约助手")
    await go(page, server, address)
    await look(page, "portal-overview")
    await go(page, server, f"{address}/requests")
    await look(page, "portal-no-requests")
    access = (await token(server, client, secret))[1]["access_token"]
    async with httpx.AsyncClient(base_url=server.base_url, headers={"authorization": f"Bearer {access}"}) as http:
        assert (await http.get("/open/v1/departments", headers={"x-request-id": "look-for-me"})).status_code == 200
        assert (await http.get("/open/v1/patients?limit=1")).status_code in (403, 404, 405)
        assert (await http.get("/open/v1/slots/00000000-0000-7000-8000-000000000000")).status_code in (403, 404)
    for _ in range(100):
        await go(page, server, f"{address}/requests")
        if await page.evaluate("document.body.innerText.includes('look-for-me')"):
            break
    assert await page.evaluate("document.querySelector('tbody').innerText.includes('look-for-me')")
    await look(page, "portal-requests")
    await go(page, server, f"{address}/requests?outcome=failed")
    assert not await page.evaluate("document.body.innerText.includes('look-for-me')")
    await go(page, server, f"{address}/requests?outcome=ok&request=look-for-me")
    assert await page.evaluate("document.querySelectorAll('tbody tr').length") == 1

    await go(page, server, f"{address}/webhooks")
    await look(page, "portal-no-webhooks")
    await go(page, server, f"{address}/webhooks/new")
    await fill_in(page, f"{address}/webhooks/new", url="http://10.0.0.1/")
    await page.until("!!document.querySelector('#url-wrong')")
    await look(page, "portal-webhook-wrong")
    async with Receiver(answer=lambda _message: status(500, "boom")).listening() as receiver:
        await fill_in(page, f"{address}/webhooks/new", url=receiver.url)
        await look(page, "portal-webhook-secret")
        endpoint = await page.evaluate("document.querySelector('main .row a').getAttribute('href')")
        await go(page, server, endpoint)
        await look(page, "portal-webhook")
        await fill_in(page, f"{endpoint}/test")
        crypto.load_cipher(server.keys_dir)
        assert await send_due(database) is not None
        await go(page, server, endpoint)
        await look(page, "portal-deliveries")
        await page.evaluate("window.before = true; document.querySelector('tbody a').click()")
        await page.until("!window.before && document.readyState === 'complete'")
        await look(page, "portal-attempts")
        assert await page.evaluate("document.querySelector('tbody').innerText.includes('boom')")


async def test_every_other_page_is_good_to_look_at(page: Page, web_server: WebServer, database: Database) -> None:
    server = web_server
    await sign_up(page, server, LONG)
    address, _, _ = await make(page, server, LONG)
    for path in ("/developer", "/developer/members", "/developer/guide", "/developer/status", "/developer/terms"):
        await go(page, server, path)
        await look(page, "portal" + path.replace("/", "-"))
    await speak(page, "en")
    for path in ("/developer", address, f"{address}/keys", f"{address}/requests", "/developer/status"):
        await go(page, server, path)
        await look(page, "portal-en" + re.sub(r"[^a-z]+", "-", path.removeprefix(address)))


async def test_another_organisation_sees_nothing(page: Page, web_server: WebServer, database: Database) -> None:
    async with DeveloperAtBrowser(web_server.base_url) as other:
        await other.sign_up("别家科技有限公司")
        made = await other.make()
    await sign_up(page, web_server, "晨星科技有限公司")
    for path in ("", "/keys", "/requests", "/webhooks", "/change", "/live"):
        await go(page, web_server, f"/developer/applications/{made['id']}{path}")
        assert "未找到该合作方应用" in await page.evaluate("document.body.innerText")
        assert made["client_id"] not in await page.evaluate("document.documentElement.outerHTML")
    await look(page, "portal-not-found")
