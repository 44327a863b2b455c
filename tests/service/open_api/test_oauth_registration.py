"""Applications that register themselves and look after that (RFC 7591, RFC 7592), and what the hospital makes of it."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any

import httpx
import pytest

from kernel import clock
from kernel.events import Actor
from oauth.dynamic_registration import hand_out_token
from tests.factories.open_api import OpenApi

GRANT = {"grant_type": "client_credentials"}
UNPROVED = (401, {"error": "invalid_client"})
SEEN = {"oauth_failed_attempt", "oauth_jti"}


async def unchanged(api: OpenApi) -> dict[str, Any]:
    return {table: found for table, found in (await api.fingerprint()).items() if table not in SEEN}


OFFICE = Actor(client_id="system:access:test", channel="system", kind="system")


async def initial_token(api: OpenApi, **changes: Any) -> str:
    usual: dict[str, Any] = {
        "note": "City portal", "channel": "portal", "scopes": frozenset({"catalogue.read", "slots.read"}),
        "lifetime": timedelta(days=1),
    }  # fmt: skip
    async with api.db.transaction() as tx:
        return await hand_out_token(tx, actor=OFFICE, **(usual | changes))


async def register(api: OpenApi, token: str | None, **metadata: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    return await api.http.post("/oauth/register", json={"client_name": "City app"} | metadata, headers=headers)


async def test_an_application_registers_itself_and_waits_for_its_review(open_api: OpenApi) -> None:
    token = await initial_token(open_api)
    answer = await register(open_api, token, scope="slots.read", contacts=["it@app.example"])

    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["scope"], body["grant_types"]) == ("pending", "slots.read", ["client_credentials"])
    grant = await open_api.http.post("/oauth/token", data=GRANT, auth=(body["client_id"], body["client_secret"]))
    assert (grant.status_code, grant.json()) == UNPROVED
    kept = str(await open_api.db.fetch("SELECT c::text FROM oauth_client c UNION SELECT l::text FROM change_log l"))
    for secret in (body["client_secret"], body["registration_access_token"], token):
        assert secret not in kept
    row = await open_api.db.fetchrow("SELECT kind, channel FROM oauth_client WHERE id = $1", body["client_id"])
    assert row is not None
    assert tuple(row) == ("partner", "portal")


async def test_an_initial_token_is_good_once_and_for_its_time(open_api: OpenApi) -> None:
    token = await initial_token(open_api)
    assert (await register(open_api, token, scope="administration.write")).status_code == 400
    answers = await asyncio.gather(*(register(open_api, token) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 4
    with clock.frozen(clock.now() - timedelta(days=2)):
        old = await initial_token(open_api)
    before = await unchanged(open_api)
    for wrong in (None, "x", old, "x" * 200):
        assert (await register(open_api, wrong)).status_code == 401
    assert await unchanged(open_api) == before


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"client_name": ""}, "invalid_client_metadata"),
        ({"client_name": 7}, "invalid_client_metadata"),
        ({"scope": "slots.read patients.read"}, "invalid_client_metadata"),
        ({"redirect_uris": ["http://app.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example/#x"]}, "invalid_redirect_uri"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"profile": "fapi2"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "x"}]}}, "invalid_client_metadata"),
    ],
)
async def test_an_application_against_the_rules_is_not_registered(
    open_api: OpenApi, metadata: dict[str, Any], error: str
) -> None:
    token = await initial_token(open_api)
    before = await unchanged(open_api)
    answer = await register(open_api, token, **metadata)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert await unchanged(open_api) == before


async def test_an_application_looks_after_its_registration_while_it_waits(open_api: OpenApi) -> None:
    made = (await register(open_api, await initial_token(open_api))).json()
    own = made["registration_client_uri"]
    headers = {"authorization": f"Bearer {made['registration_access_token']}"}

    async def put(**metadata: Any) -> httpx.Response:
        return await open_api.http.put(own, json=metadata, headers=headers)

    assert (await open_api.http.get(own, headers=headers)).json()["client_name"] == "City app"
    changed = await put(client_name="City portal", scope="slots.read")
    assert (changed.status_code, changed.json()["client_name"]) == (200, "City portal")
    assert (await put(client_name="x", scope="administration.write")).status_code == 400
    assert (await put(client_name="x", client_id="somebody-else")).status_code == 400

    await open_api.db.execute("UPDATE oauth_client SET status = 'active' WHERE id = $1", made["client_id"])
    assert (await put(client_name="Evil twin")).status_code == 403
    assert (await open_api.http.get(own, headers=headers)).json()["status"] == "active"

    assert (await open_api.http.delete(own, headers=headers)).status_code == 204
    assert await open_api.db.fetchval("SELECT status FROM oauth_client WHERE id = $1", made["client_id"]) == "suspended"
    assert (await open_api.http.get(own, headers=headers)).status_code == 401


async def test_nobody_reads_or_changes_anothers_registration(open_api: OpenApi) -> None:
    first, second = [(await register(open_api, await initial_token(open_api))).json() for _ in range(2)]
    before = await unchanged(open_api)
    for token in (second["registration_access_token"], "x", secrets.token_urlsafe(32)):
        headers = {"authorization": f"Bearer {token}"}
        for method, body in (("GET", None), ("PUT", {"client_name": "x"}), ("DELETE", None)):
            answer = await open_api.http.request(method, first["registration_client_uri"], json=body, headers=headers)
            assert answer.status_code == 401
    assert await unchanged(open_api) == before
