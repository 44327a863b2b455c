"""An application that the hospital has stopped: nothing of it opens anything at the authorization server either."""

import asyncio

import httpx
import pytest

from kernel.crypto import load_cipher
from kernel.ids import new_id
from oauth import keys, tokens
from tests.factories.authorization import Holder, new_holder, post_token
from tests.factories.grants import web_client
from tests.factories.oauth import RegisteredClient, register_client
from tests.factories.open_api import OpenApi
from tests.factories.sign_in import Visitor

GRANT = {"grant_type": "client_credentials"}
REMEMBERED_SECONDS = 1.1


@pytest.fixture(autouse=True)
def _same_server(open_api: OpenApi) -> None:
    load_cipher(open_api.server.keys_dir)
    keys.load_signing_keys(open_api.server.keys_dir)
    tokens.set_issuer(open_api.server.base_url)


async def stop(api: OpenApi, client: RegisteredClient, *, by: str = "door") -> None:
    if by == "door":
        await api.db.execute(
            "INSERT INTO application_gate (client_id, stopped, stop_reason, stopped_at) VALUES ($1, true, 'r', now())",
            client.id,
        )
    else:
        await api.db.execute(
            "INSERT INTO partner_application (id, name, organisation, purpose, contacts, scopes, status, reason,"
            " client_id, created_at, updated_at)"
            " VALUES ($1, 'n', 'o', 'p', '', '{slots.read}', 'suspended', 'r', $2, now(), now())",
            new_id(),
            client.id,
        )
    # As long as a process may remember the door as it was.
    await asyncio.sleep(REMEMBERED_SECONDS)


async def post(api: OpenApi, path: str, client: RegisteredClient, form: dict[str, str]) -> httpx.Response:
    return await api.http.post(path, data=form, headers=client.basic)


@pytest.mark.parametrize("by", ["door", "application"])
async def test_a_stopped_application_gets_no_token(open_api: OpenApi, by: str) -> None:
    client = await register_client(open_api.db, client_id=f"test-{new_id().hex[:12]}")
    assert (await post(open_api, "/oauth/token", client, GRANT)).status_code == 200
    await stop(open_api, client, by=by)
    for path in ("/oauth/token", "/oauth/introspect", "/oauth/par"):
        answer = await post(open_api, path, client, GRANT | {"token": "x"})
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


async def test_a_person_s_tokens_are_worth_nothing_once_their_application_is_stopped(open_api: OpenApi) -> None:
    async with Visitor(open_api.server.base_url) as visitor:
        holder = await new_holder(visitor, open_api.db)
        client = await web_client(open_api.db)
        body = await holder.tokens_for(client)
        watcher = await register_client(
            open_api.db, client_id=f"test-{new_id().hex[:12]}", kind="internal", scopes=("tokens.introspect",)
        )
        shown = {"token": body["access_token"]}
        assert (await post(open_api, "/oauth/introspect", watcher, shown)).json()["active"] is True
        bearer = {"authorization": f"Bearer {body['access_token']}"}
        assert (await open_api.http.get("/oauth/userinfo", headers=bearer)).status_code == 200

        await stop(open_api, client)

        for token in (body["access_token"], body["refresh_token"]):
            assert (await post(open_api, "/oauth/introspect", watcher, {"token": token})).json() == {"active": False}
        info = await open_api.http.get("/oauth/userinfo", headers=bearer)
        assert (info.status_code, info.json()["code"]) == (403, "gateway.application_stopped")
        refresh = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
        refused = await post_token(open_api.server.base_url, client, refresh)
        assert (refused.status_code, refused.json()) == (401, {"error": "invalid_client"})


async def test_nobody_is_asked_to_allow_anything_to_a_stopped_application(open_api: OpenApi) -> None:
    async with Visitor(open_api.server.base_url) as visitor:
        holder: Holder = await new_holder(visitor, open_api.db)
        client = await web_client(open_api.db)
        assert (await holder.open(client)).status_code == 200
        await stop(open_api, client)
        refused = await holder.allow()
        assert (refused.status_code, refused.headers.get("location")) == (400, None)
        again = await holder.open(client, prompt="none")
        assert (again.status_code, again.headers.get("location")) == (400, None)
        assert await open_api.db.fetchval("SELECT count(*) FROM oauth_grant") == 0


async def test_tokens_are_given_to_an_application_in_its_own_networks_alone_and_as_often_as_it_may(
    open_api: OpenApi,
) -> None:
    elsewhere, often = [await register_client(open_api.db, client_id=f"test-{new_id().hex[:12]}") for _ in range(2)]
    await open_api.db.execute(
        "INSERT INTO application_gate (client_id, networks) VALUES ($1, '{203.0.113.0/24}')", elsewhere.id
    )
    answer = await post(open_api, "/oauth/token", elsewhere, GRANT)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
    await open_api.db.execute(
        "INSERT INTO rate_policy (id, client_id, covers, window_seconds, requests)"
        " VALUES ($1, $2, 'POST /oauth/token', 60, 2)",
        new_id(),
        often.id,
    )
    answers = [await post(open_api, "/oauth/token", often, GRANT) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 66
