"""What applications ask of the authorization server is recorded like all they ask; what they sent is not."""

import asyncio
from typing import Any

import pytest

from oauth import keys, tokens
from partners.request_records import RecordFilter, list_records
from tests.factories.grants import (
    PERSON_SCOPES,
    REDIRECT,
    VERIFIER,
    challenge_of,
    code_for,
    grant_of,
    public_client,
    redemption,
    web_client,
)
from tests.factories.oauth import RegisteredClient, register_client
from tests.factories.open_api import OpenApi

PUSHED = {
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "scope": " ".join(PERSON_SCOPES),
    "state": "secret-state",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}


@pytest.fixture(autouse=True)
def _same_server(open_api: OpenApi) -> None:
    keys.load_signing_keys(open_api.server.keys_dir)
    tokens.set_issuer(open_api.server.base_url)


async def records_of(client_id: str) -> list[dict[str, Any]]:
    return await list_records(RecordFilter(client_id=client_id), before=None, limit=50)


async def written(client_id: str, count: int) -> list[dict[str, Any]]:
    """The records of an application, once there are so many: they are written beside the requests."""
    for _ in range(200):
        if len(found := await records_of(client_id)) >= count:
            break
        await asyncio.sleep(0.05)
    assert len(found) == count, found
    return found


async def test_each_call_is_recorded_with_its_outcome_and_nothing_that_was_sent(open_api: OpenApi) -> None:
    client = await web_client(open_api.db)

    async def post(path: str, **form: str) -> Any:
        return await open_api.http.post(f"/oauth/{path}", data=form, headers=client.basic)

    code = await code_for(open_api.db, await grant_of(open_api.db, client))
    body = (await post("token", **redemption(code))).json()
    await post("token", **redemption("no-such-code"))
    await post("introspect", token=body["access_token"])
    await post("par", **PUSHED)
    await open_api.http.get("/oauth/userinfo", headers={"authorization": f"Bearer {body['access_token']}"})
    await post("revoke", token=body["refresh_token"])

    found = await written(client.id, 6)

    assert [(one["operation"], one["status"], one["code"]) for one in reversed(found)] == [
        ("POST /oauth/token", 200, None),
        ("POST /oauth/token", 400, "oauth.invalid_grant"),
        ("POST /oauth/introspect", 200, None),
        ("POST /oauth/par", 201, None),
        ("GET /oauth/userinfo", 200, None),
        ("POST /oauth/revoke", 200, None),
    ]
    assert all(one["latency_microseconds"] > 0 and one["network"] == "127.0.0.0/24" for one in found)
    kept = str(await open_api.db.fetch("SELECT * FROM request_record WHERE client_id = $1", client.id))
    for secret in (code, body["access_token"], body["refresh_token"], client.secret, "secret-state"):
        assert secret not in kept


async def test_who_has_proved_nothing_is_not_recorded_in_anothers_name(open_api: OpenApi) -> None:
    confidential = await register_client(open_api.db, client_id="test-named-by-others")
    public = await public_client(open_api.db)
    wrong = {"grant_type": "client_credentials", "client_id": confidential.id, "client_secret": "wrong"}
    assert (await open_api.http.post("/oauth/token", data=wrong)).status_code == 401
    guessed = redemption("guessed", redirect_uri="http://127.0.0.1/callback") | {"client_id": public.id}
    assert (await open_api.http.post("/oauth/token", data=guessed)).status_code == 400
    right = await code_for(open_api.db, await grant_of(open_api.db, public), redirect_uri="http://127.0.0.1/callback")
    answer = await open_api.http.post("/oauth/token", data=guessed | {"code": right})
    assert answer.status_code == 200, answer.text

    [issued] = await written(public.id, 1)

    assert (issued["status"], issued["code"]) == (200, None)
    assert await records_of(confidential.id) == []


async def test_a_stopped_application_is_recorded_as_turned_away(open_api: OpenApi) -> None:
    client: RegisteredClient = await register_client(open_api.db, client_id="test-stopped-and-recorded")
    await open_api.db.execute(
        "INSERT INTO application_gate (client_id, stopped, stop_reason, stopped_at) VALUES ($1, true, 'r', now())",
        client.id,
    )
    form = {"grant_type": "client_credentials"}
    assert (await open_api.http.post("/oauth/token", data=form, headers=client.basic)).status_code == 401
    [refused] = await written(client.id, 1)
    assert (refused["operation"], refused["status"]) == ("POST /oauth/token", 401)
    assert refused["code"] == "oauth.invalid_client"
