"""The portal's pages that look after and watch: keys replaced, endpoints, requests, and how the platform is."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable
from typing import Any, cast

import httpx
import pytest
from joserfc.jwk import ECKey
from sanic.response import HTTPResponse

from console.developer.pages import status as status_page
from console.developer.pages.requests import operations
from console.developer.pages.webhooks import GROUPS
from console.developer.setup import Portal, configure_portal
from integration.his.inbox import HANDLER
from integration.his.link import note_contact, note_silence
from kernel import crypto
from kernel.db import Database, DatabaseUnavailable
from oauth.clients import REMEMBER_SECONDS
from oauth.sign_in.subjects import Visit
from open_api.pages.browser import Browser
from schema.registry import documents
from tests.factories.developers import DeveloperAtBrowser
from tests.factories.grants import assertion, with_assertion
from tests.factories.oauth import basic
from tests.factories.open_api import eventually
from tests.factories.webhooks import Message, Receiver, deliveries, send_due, status
from tests.server import WebServer


@pytest.fixture
async def developer(web_server: WebServer, database: Database) -> AsyncIterator[DeveloperAtBrowser]:
    crypto.load_cipher(web_server.keys_dir)
    async with DeveloperAtBrowser(web_server.base_url) as one:
        yield await one.sign_up()


# --- public keys


def key_set(*keys: ECKey) -> str:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]})


async def token_by(developer: DeveloperAtBrowser, client_id: str, key: ECKey) -> httpx.Response:
    statement = assertion(client_id, key, "ES256", aud=developer.base_url)
    return await developer.http.post("/oauth/token", data=with_assertion(statement, client_id=client_id))


async def seconds_pass() -> None:
    """Wait as long as a process may remember a client's keys; asking again and again would lock it out."""
    await asyncio.sleep(REMEMBER_SECONDS + 0.1)


async def test_public_keys_are_replaced_as_a_whole(developer: DeveloperAtBrowser, database: Database) -> None:
    old, new = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("old", "new"))
    made = await developer.make(auth_method="private_key_jwt", jwks=key_set(old))
    client_id, keys = made["client_id"], f"/developer/applications/{made['id']}/keys"
    assert (await token_by(developer, client_id, old)).status_code == 200
    assert (await token_by(developer, client_id, new)).status_code == 401

    await developer.get(keys)
    await developer.post(f"{keys}/replace", jwks=key_set(old, new))
    assert developer.says("公钥已更换")
    await seconds_pass()
    assert (await token_by(developer, client_id, new)).status_code == 200
    assert (await token_by(developer, client_id, old)).status_code == 200

    await developer.post(f"{keys}/replace", jwks=key_set(new))
    await seconds_pass()
    assert (await token_by(developer, client_id, old)).status_code == 401
    assert (await token_by(developer, client_id, new)).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        json.dumps(ECKey.generate_key("P-256", {"kid": "mine"}).as_dict(private=True)),
        '{"kty": "oct", "k": "c2hhcmVk", "kid": "shared"}',
        "no JSON",
        "[]",
    ],
)
async def test_nothing_but_public_keys_is_taken(developer: DeveloperAtBrowser, database: Database, wrong: str) -> None:
    key = ECKey.generate_key("P-256", {"kid": "good"})
    made = await developer.make(auth_method="private_key_jwt", jwks=key_set(key))
    keys = f"/developer/applications/{made['id']}/keys"
    before = await database.fetch("SELECT * FROM oauth_client")
    await developer.get(keys)
    answer = await developer.post(f"{keys}/replace", jwks=wrong)
    assert (answer.status_code, developer.says("只含公钥")) == (422, True)
    assert await database.fetch("SELECT * FROM oauth_client") == before


async def test_what_proves_itself_by_a_secret_gets_no_keys(developer: DeveloperAtBrowser, database: Database) -> None:
    made = await developer.make()
    keys = f"/developer/applications/{made['id']}/keys"
    await developer.get(keys)
    form = {"form_token": developer.hidden(f"{keys}/rotate")["form_token"]}
    form["jwks"] = key_set(ECKey.generate_key("P-256", {"kid": "mine"}))
    answer = await developer.http.post(f"{keys}/replace", data=form, headers={"origin": developer.base_url})
    assert answer.status_code == 422
    assert await database.fetchval("SELECT jwks FROM oauth_client WHERE id = $1", made["client_id"]) is None


# --- webhooks


async def endpoint_at(developer: DeveloperAtBrowser, url: str) -> tuple[str, str]:
    """Name an endpoint on the page; gives the address of its own page, and its secret."""
    made = await developer.make()
    new = f"/developer/applications/{made['id']}/webhooks/new"
    await developer.get(new)
    form: dict[str, Any] = {"url": url, "event:appointment": "yes"}
    answer = await developer.post(new, **form)
    assert answer.status_code == 200, answer.text
    return found(r'href="(/developer/[^"]+/webhooks/[0-9a-f-]{36})"', answer.text), secret_of(answer)


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, pattern
    return match[1]


def secret_of(answer: httpx.Response) -> str:
    return found(r'id="webhook-secret"[^>]*>(whsec_[^<]+)<', answer.text)


async def state_of(database: Database) -> Any:
    return await database.fetchval("SELECT status FROM webhook_endpoint")


async def test_an_endpoint_is_tried_paused_and_removed(developer: DeveloperAtBrowser, database: Database) -> None:
    answers = iter([status(204), status(500, "boom")])
    async with Receiver(answer=lambda _message: next(answers)).listening() as receiver:
        page, _ = await endpoint_at(developer, receiver.url)
        await developer.get(page)
        await developer.post(f"{page}/test")
        assert developer.says("测试事件已安排")
        await send_due(database)
        assert await deliveries(database) == [("webhook.test", "delivered", 1)]

        shown = await developer.get(page)
        delivery = found(rf'href="({page}/deliveries/[0-9a-f-]{{36}})"', shown.text)
        await developer.get(delivery)
        await developer.post(f"{delivery}/replay")
        assert developer.says("已安排重新推送")
        await send_due(database)
        assert await deliveries(database) == [("webhook.test", "pending", 1)]
        await developer.get(delivery)
        assert developer.says("boom")
        # It is tried again by itself.
        assert (await developer.post(f"{delivery}/replay")).status_code == 409

        await developer.get(page)
        await developer.post(f"{page}/status/paused")
        assert (await state_of(database), developer.says("已暂停")) == ("paused", True)
        # One that is paused is sent no test, and says so.
        await developer.get(page)
        form = {"form_token": developer.hidden(f"{page}/remove")["form_token"]}
        test = await developer.http.post(f"{page}/test", data=form, headers={"origin": developer.base_url})
        assert test.status_code == 409
        await developer.post(f"{page}/status/active")
        assert await state_of(database) == "active"
        await developer.post(f"{page}/remove")
        assert (await state_of(database), developer.says("推送地址已删除")) == (None, True)


async def test_a_signing_secret_is_changed_with_an_overlap(developer: DeveloperAtBrowser, database: Database) -> None:
    messages: list[Message] = []

    def take(message: Message) -> bytes:
        messages.append(message)
        return status(204)

    async with Receiver(answer=take).listening() as receiver:
        page, first = await endpoint_at(developer, receiver.url)
        await developer.get(f"{page}/secret")
        second = secret_of(await developer.post(f"{page}/secret"))
        assert second != first
        for address in (page, f"{page}/secret"):
            assert second not in (await developer.get(address)).text
        await developer.get(page)
        await developer.post(f"{page}/test")
        await send_due(database)
        [message] = messages
        assert len(message.headers["webhook-signature"].split()) == 2


async def test_a_form_that_is_sent_twice_shows_no_signing_secret_again(
    developer: DeveloperAtBrowser, database: Database
) -> None:
    made = await developer.make()
    new = f"/developer/applications/{made['id']}/webhooks/new"
    async with Receiver().listening() as receiver:
        await developer.get(new)
        form = developer.hidden(new) | {"url": receiver.url, "event:appointment": "yes"}
        first, again = [await sent(developer, new, form) for _ in range(2)]
        page = found(r'href="(/developer/[^"]+/webhooks/[0-9a-f-]{36})"', first.text)
        assert secret_of(first)
        assert (again.status_code, again.headers["location"], again.content) == (303, page, b"")
        await developer.get(f"{page}/secret")
        form = developer.hidden(f"{page}/secret")
        first, again = [await sent(developer, f"{page}/secret", form) for _ in range(2)]
        assert secret_of(first)
        assert (again.status_code, again.headers["location"], again.content) == (303, page, b"")
    assert await database.fetchval("SELECT count(*) FROM webhook_secret") == 2


async def sent(developer: DeveloperAtBrowser, path: str, form: dict[str, str]) -> httpx.Response:
    """Send a form once more, as a browser that is told to load its page again."""
    return await developer.http.post(path, data=form, headers={"origin": developer.base_url})


async def test_a_signing_secret_is_seen_to_by_whoever_has_just_signed_in(
    developer: DeveloperAtBrowser, database: Database
) -> None:
    async with Receiver(answer=lambda _message: status(204)).listening() as receiver:
        page, _ = await endpoint_at(developer, receiver.url)
        before = await database.fetch("SELECT * FROM webhook_secret")
        await developer.get(f"{page}/secret")
        await database.execute("UPDATE sign_in_session SET auth_time = auth_time - interval '11 minutes'")
        await developer.post(f"{page}/secret")
        assert developer.path == "/sign-in"
        assert await database.fetch("SELECT * FROM webhook_secret") == before


def test_every_kind_of_event_can_be_chosen() -> None:
    pattern = documents()["webhooks/event_types.json"]["items"]["pattern"]
    kinds = set(found(r"\(\\\*\|\(([a-z|]+)\)", pattern).split("|"))
    # The tests that one asks for come without being chosen.
    assert set(GROUPS) == kinds - {"webhook"}


# --- requests


async def test_what_was_asked_of_the_authorization_server_is_found(
    developer: DeveloperAtBrowser, database: Database
) -> None:
    made = await developer.make()
    answer = await developer.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "scope": "administration.write"},
        headers={**basic(made["client_id"], made["secret"]), "x-request-id": "look-for-me"},
    )
    assert answer.status_code == 400

    def ask(operation: str) -> Awaitable[httpx.Response]:
        requests = f"/developer/applications/{made['id']}/requests"
        return developer.http.get(requests, params={"operation": operation})

    async def until_written() -> httpx.Response:
        page = await ask("POST /oauth/token")
        return page if "look-for-me" in page.text else httpx.Response(404)

    assert "oauth.invalid_scope" in (await eventually(until_written, 200)).text
    assert "look-for-me" not in (await ask("POST /oauth/par")).text


def test_fhir_can_be_searched_for_too() -> None:
    assert {"GET /fhir/Patient", "POST /fhir/Slot/_search", "GET /fhir/Slot/<resource_id:str>"} < set(operations())


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "0001-01-01T00:00"},
        {"since": "0001-01-01T00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"since": "yesterday", "until": "2026-13-41"},
        {"outcome": "x", "operation": "'", "request": "\x00\x01"},
    ],
)
async def test_a_search_for_what_cannot_be_finds_all(
    developer: DeveloperAtBrowser, database: Database, asked: dict[str, str]
) -> None:
    made = await developer.make()
    answer = await developer.http.get(f"/developer/applications/{made['id']}/requests", params=asked)
    assert answer.status_code == 200


async def test_a_cursor_that_is_not_ours_is_refused(developer: DeveloperAtBrowser, database: Database) -> None:
    made = await developer.make()
    for cursor in ("abc", "中", "A" * 400):
        answer = await developer.http.get(f"/developer/applications/{made['id']}/requests", params={"cursor": cursor})
        assert answer.status_code == 400


# --- status


async def until_says(http: httpx.AsyncClient, words: str) -> None:
    """Look until the page says something; what it has read it remembers for five seconds."""

    async def ask() -> httpx.Response:
        page = await http.get("/developer/status")
        return page if words in page.text else httpx.Response(404, text=page.text)

    await eventually(ask, 200)


async def test_the_status_page_tells_that_the_his_is_down(web_server: WebServer, database: Database) -> None:
    async with httpx.AsyncClient(base_url=web_server.base_url) as nobody:
        await note_silence(database, HANDLER)
        await until_says(nobody, "起没有应答。预约照常进行，恢复后自动补送。")
        await note_contact(database, HANDLER)
        await until_says(nobody, "同步正常。")


async def test_who_looks_while_the_database_is_gone_is_told_so_without_waiting_for_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, asked = status_page._Looks(), 0
    monkeypatch.setattr(status_page, "_looks", looks)
    configure_portal(Portal(is_sandbox=True, base_url="http://127.0.0.1", other_url=None, channel="city_portal"))
    visit = Visit(token="v" * 43, address="127.0.0.1", device="", request_id="r", language="zh")
    browser = Browser(visit, None, None, is_new=False)

    async def gone(*_given: object) -> None:
        nonlocal asked
        asked += 1
        raise DatabaseUnavailable

    async def look() -> HTTPResponse:
        return await status_page.show_status(cast(Any, None), browser)

    with monkeypatch.context() as outage:
        outage.setattr(database, "fetchrow", gone)
        pages = await asyncio.gather(*(look() for _ in range(20)))
    assert {page.status for page in pages} == {503}
    assert "数据库没有应答，接口暂时不能服务。".encode() in (pages[0].body or b"")
    assert asked == 1
    looks.until = 0.0
    assert (await look()).status == 200
