"""The authorization server over HTTP: what is asked, pushed, given back and registered, and what opens nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc.jwk import ECKey

from kernel import clock
from oauth import keys, par, tokens
from tests.contract.conformity import watch
from tests.factories.grants import (
    REDIRECT,
    VERIFIER,
    assertion,
    challenge_of,
    code_for,
    grant_of,
    keyed_client,
    new_client_id,
    proof,
    redemption,
    web_client,
    with_assertion,
)
from tests.factories.oauth import RegisteredClient, register_client
from tests.factories.open_api import PREFIX, OpenApi, eventually
from tests.server import WebServer

GRANT = {"grant_type": "client_credentials"}
EC = ECKey.generate_key("P-256")
UNPROVED = (401, {"error": "invalid_client"})
SEEN = {"oauth_failed_attempt", "oauth_jti"}


@pytest.fixture(autouse=True)
def _same_server(open_api: OpenApi) -> None:
    """This process signs and reads as the server does."""
    keys.load_signing_keys(open_api.server.keys_dir)
    tokens.set_issuer(open_api.server.base_url)


async def unchanged(api: OpenApi) -> dict[str, Any]:
    return {table: found for table, found in (await api.fingerprint()).items() if table not in SEEN}


async def post(api: OpenApi, path: str, form: dict[str, str], client: RegisteredClient | None = None) -> httpx.Response:
    return await api.http.post(path, data=form, headers=client.basic if client is not None else None)


async def tokens_of(api: OpenApi, client: RegisteredClient, **grant: Any) -> dict[str, Any]:
    """The tokens of a person's grant."""
    form = redemption(await code_for(api.db, await grant_of(api.db, client, **grant)))
    answer = await post(api, "/oauth/token", form, client)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def some_client(api: OpenApi, **columns: Any) -> RegisteredClient:
    usual = {"client_id": new_client_id(), "scopes": ("catalogue.read", "system/Slot.rs")}
    return await register_client(api.db, **(usual | columns))


async def token_of(api: OpenApi, client: RegisteredClient, **form: str) -> str:
    answer = await post(api, "/oauth/token", GRANT | form, client)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


async def campuses(http: httpx.AsyncClient, token: str, **headers: str) -> httpx.Response:
    return await http.get(f"{PREFIX}/campuses", headers={"authorization": f"Bearer {token}"} | headers)


# --- what a token is for


async def test_a_token_for_one_resource_is_refused_at_another(open_api: OpenApi) -> None:
    client = await some_client(open_api)
    base = open_api.server.base_url
    ours = await token_of(open_api, client, resource=f"{base}/open/v1")
    other = await token_of(open_api, client, resource=f"{base}/fhir")

    assert (await campuses(open_api.http, ours)).status_code == 200
    refused = await campuses(open_api.http, other)
    assert (refused.status_code, refused.json()["code"]) == (401, "oauth.invalid_token")
    for wrong in ("https://elsewhere.example", base, f"{base}/open/v2", "/open/v1", ""):
        answer = await post(open_api, "/oauth/token", GRANT | {"resource": wrong}, client)
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_target"})
    both = await post(open_api, "/oauth/token", GRANT | {"scope": "catalogue.read system/Slot.rs"}, client)
    assert (both.status_code, both.json()) == (400, {"error": "invalid_target"})


async def test_a_persons_token_opens_nothing_of_the_open_api(open_api: OpenApi) -> None:
    client = await web_client(open_api.db, scopes=("catalogue.read", "offline_access"))
    body = await tokens_of(
        open_api, client, scopes=("catalogue.read",), resources=[f"{open_api.server.base_url}/open/v1"]
    )
    refused = await campuses(open_api.http, body["access_token"])
    assert (refused.status_code, refused.json()["code"]) == (403, "oauth.insufficient_scope")


async def test_a_token_in_the_address_or_the_body_opens_nothing(open_api: OpenApi) -> None:
    client = await some_client(open_api)
    token = await token_of(open_api, client)
    for answer in (
        await open_api.http.get(f"{PREFIX}/campuses", params={"access_token": token}),
        await open_api.http.request("GET", f"{PREFIX}/campuses", data={"access_token": token}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "oauth.invalid_token")
    asked = await open_api.http.post("/oauth/token", params={"client_id": client.id}, data=GRANT)
    assert (asked.status_code, asked.json()) == (400, {"error": "invalid_request"})


# --- bound to a key


async def test_a_bound_token_opens_with_its_key_alone(open_api: OpenApi) -> None:
    client = await some_client(open_api)
    base = open_api.server.base_url
    bound = await open_api.http.post(
        "/oauth/token", data=GRANT, auth=(client.id, client.secret),
        headers={"dpop": proof(EC, "POST", f"{base}/oauth/token")},
    )  # fmt: skip
    token = bound.json()["access_token"]
    assert bound.json()["token_type"] == "DPoP"
    place = f"{base}{PREFIX}/campuses"

    async def show(shown: str | list[str] | None, scheme: str = "DPoP") -> int:
        proofs = [shown] if isinstance(shown, str) else shown or []
        headers = [("authorization", f"{scheme} {token}"), *(("dpop", one) for one in proofs)]
        return (await open_api.http.get(f"{PREFIX}/campuses", headers=headers)).status_code

    good = proof(EC, "GET", place, token=token)
    assert await show(good) == 200
    assert await show(good) == 401
    other = ECKey.generate_key("P-256")
    for wrong in (
        None,
        proof(EC, "GET", place),
        proof(other, "GET", place, token=token),
        proof(EC, "POST", place, token=token),
        proof(EC, "GET", f"{base}{PREFIX}/clinics", token=token),
        proof(EC, "GET", place, token=token + "x"),
        [proof(EC, "GET", place, token=token), proof(EC, "GET", place, token=token)],
    ):
        assert await show(wrong) == 401
    assert await show(proof(EC, "GET", place, token=token), "Bearer") == 401
    unbound = await token_of(open_api, client)
    headers = {"authorization": f"DPoP {unbound}", "dpop": proof(EC, "GET", place, token=unbound)}
    assert (await open_api.http.get(f"{PREFIX}/campuses", headers=headers)).status_code == 401


# --- asking and giving back


async def test_who_asks_about_its_own_token_learns_what_it_is_good_for(open_api: OpenApi) -> None:
    client = await some_client(open_api)
    token = await token_of(open_api, client, scope="catalogue.read")
    answer = await post(open_api, "/oauth/introspect", {"token": token}, client)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["active"], body["scope"], body["client_id"], body["token_type"]) == (
        True, "catalogue.read", client.id, "Bearer",
    )  # fmt: skip
    assert body["exp"] - body["iat"] == 1800


async def test_a_persons_tokens_are_told_with_their_patient(open_api: OpenApi) -> None:
    client = await web_client(open_api.db)
    body = await tokens_of(open_api, client)
    for token in (body["access_token"], body["refresh_token"]):
        told = (await post(open_api, "/oauth/introspect", {"token": token}, client)).json()
        assert (told["active"], told["patient"], told["client_id"]) == (True, body["patient"], client.id)
        assert told["exp"] > clock.now().timestamp()


async def test_others_tokens_look_like_none_except_to_resource_servers(open_api: OpenApi) -> None:
    owner, stranger = await some_client(open_api), await some_client(open_api)
    server = await some_client(open_api, scopes=("tokens.introspect",))
    token = await token_of(open_api, owner)
    person = await tokens_of(open_api, await web_client(open_api.db))
    for asked in (token, person["refresh_token"], person["access_token"], "x", "a.b.c", "x" * 4_000):
        told = await post(open_api, "/oauth/introspect", {"token": asked}, stranger)
        assert (told.status_code, told.json()) == (200, {"active": False})
    assert (await post(open_api, "/oauth/introspect", {"token": token}, server)).json()["active"] is True
    nobody = await open_api.http.post("/oauth/introspect", data={"token": token})
    assert (nobody.status_code, nobody.json()) == UNPROVED
    assert (await post(open_api, "/oauth/introspect", {}, owner)).json() == {"error": "invalid_request"}


async def test_a_token_given_back_is_worth_nothing_at_once(open_api: OpenApi) -> None:
    client = await some_client(open_api)
    token, other = await token_of(open_api, client), await token_of(open_api, client)
    assert (await post(open_api, "/oauth/revoke", {"token": token}, client)).status_code == 200
    assert (await campuses(open_api.http, token)).status_code == 401
    assert (await campuses(open_api.http, other)).status_code == 200
    assert (await post(open_api, "/oauth/introspect", {"token": token}, client)).json() == {"active": False}


async def test_a_refresh_token_given_back_ends_the_grant(open_api: OpenApi) -> None:
    client = await web_client(open_api.db)
    body = await tokens_of(open_api, client)
    form = {"token": body["refresh_token"], "token_type_hint": "refresh_token"}
    assert (await post(open_api, "/oauth/revoke", form, client)).status_code == 200
    refresh = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert (await post(open_api, "/oauth/token", refresh, client)).json() == {"error": "invalid_grant"}
    for token in (body["access_token"], body["refresh_token"]):
        assert (await post(open_api, "/oauth/introspect", {"token": token}, client)).json() == {"active": False}


async def test_nobody_gives_back_what_is_anothers(open_api: OpenApi) -> None:
    owner, stranger = await web_client(open_api.db), await some_client(open_api)
    body = await tokens_of(open_api, owner)
    own = await token_of(open_api, stranger)
    before = await unchanged(open_api)
    for token in (body["access_token"], body["refresh_token"], "x", "a.b.c"):
        answer = await post(open_api, "/oauth/revoke", {"token": token}, stranger)
        assert (answer.status_code, answer.json()) == (200, {})
        assert (await open_api.http.post("/oauth/revoke", data={"token": token})).status_code == 401
    in_query = await open_api.http.post("/oauth/revoke", params={"token": own}, auth=(stranger.id, stranger.secret))
    assert in_query.status_code == 400
    assert await unchanged(open_api) == before


# --- two processes


@pytest.fixture
async def second(open_api: OpenApi, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Another process of the same platform: the same database, keys and public address."""
    environment = open_api.server.environment
    with WebServer.up(
        tmp_path,
        database_url=environment["DATABASE_URL"],
        redis_url=environment["REDIS_URL"],
        keys_from=Path(environment["KEYS_DIR"]),
        PUBLIC_URL=environment["PUBLIC_URL"],
    ) as server:
        async with httpx.AsyncClient(base_url=server.base_url, timeout=30, event_hooks={"response": [watch]}) as http:
            yield http


async def test_a_token_given_back_here_is_worth_nothing_there(open_api: OpenApi, second: httpx.AsyncClient) -> None:
    client = await some_client(open_api)
    token = await token_of(open_api, client)
    assert (await campuses(second, token)).status_code == 200
    assert (await post(open_api, "/oauth/revoke", {"token": token}, client)).status_code == 200
    await eventually(lambda: campuses(second, token), 401)


async def test_an_assertion_and_a_proof_used_here_are_used_there(open_api: OpenApi, second: httpx.AsyncClient) -> None:
    key = ECKey.generate_key("P-384")
    client = await keyed_client(open_api.db, key, scopes=("catalogue.read",))
    form = with_assertion(assertion(client.id, key))
    at_once = await asyncio.gather(
        *(http.post("/oauth/token", data=form) for http in (open_api.http, second) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in at_once) == [200] + [401] * 7
    answers = [await http.post("/oauth/token", data=form) for http in (open_api.http, second)]
    assert [answer.status_code for answer in answers] == [401, 401]


async def test_a_new_signing_key_is_known_everywhere_without_a_restart(
    open_api: OpenApi, second: httpx.AsyncClient
) -> None:
    before = {key["kid"] for key in (await second.get("/oauth/jwks")).json()["keys"]}
    path = open_api.server.keys_dir / "oauth_signing.next.pem"
    path.write_bytes(EC.as_pem(private=True))
    try:
        for _ in range(200):
            found = {key["kid"] for key in (await second.get("/oauth/jwks")).json()["keys"]}
            if found != before:
                break
            await asyncio.sleep(0.05)
        assert found == before | {EC.thumbprint()}
    finally:
        path.unlink()


async def test_after_a_restart_an_assertion_is_still_used(open_api: OpenApi, tmp_path: Path) -> None:
    environment = open_api.server.environment
    key = ECKey.generate_key("P-384")
    client = await keyed_client(open_api.db, key, scopes=("catalogue.read",))
    with WebServer.up(tmp_path, database_url=environment["DATABASE_URL"], redis_url=environment["REDIS_URL"]) as server:
        audience = f"{server.base_url}/oauth/token"
        form = with_assertion(assertion(client.id, key, aud=audience, exp=int(clock.now().timestamp()) + 290))
        async with httpx.AsyncClient(base_url=server.base_url, timeout=30) as http:
            assert (await http.post("/oauth/token", data=form)).status_code == 200
        server.terminate()
        server.wait_end()
        server.start()
        async with httpx.AsyncClient(base_url=server.base_url, timeout=30) as http:
            assert (await http.post("/oauth/token", data=form)).status_code == 401


# --- pushed requests


def request_of(**changes: str | None) -> dict[str, str]:
    form = {
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "openid patient/Patient.r",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "state": "s",
        "nonce": "n",
    } | changes
    return {name: value for name, value in form.items() if value is not None}


async def test_a_pushed_request_is_named_and_taken_once(open_api: OpenApi) -> None:
    client = await web_client(open_api.db)
    answer = await post(open_api, "/oauth/par", request_of(), client)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    name = answer.json()["request_uri"]
    assert (name.startswith("urn:ietf:params:oauth:request_uri:"), answer.json()["expires_in"]) == (True, 90)
    assert name not in str(await open_api.db.fetch("SELECT p::text FROM oauth_pushed_request p"))

    async def take(client_id: str, request_uri: str) -> Any:
        async with open_api.db.transaction() as tx:
            return await par.take(tx, client_id=client_id, request_uri=request_uri)

    assert await take("somebody-else", name) is None
    assert await take(client.id, name + "x") is None
    with clock.frozen(clock.now() + timedelta(seconds=91)):
        assert await take(client.id, name) is None
    taken = await take(client.id, name)
    assert (taken.redirect_uri, taken.state, taken.nonce) == (REDIRECT, "s", "n")
    assert taken.scopes == {"openid", "patient/Patient.r"}
    assert taken.resources == (f"{open_api.server.base_url}/fhir",)
    assert await take(client.id, name) is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "https://app.example/callback/"}, "invalid_request"),
        ({"redirect_uri": "https://app.example/callback?x=1"}, "invalid_request"),
        ({"redirect_uri": "https://app.example:443/callback"}, "invalid_request"),
        ({"redirect_uri": "https://APP.example/callback"}, "invalid_request"),
        ({"redirect_uri": "https://app.example/%63allback"}, "invalid_request"),
        ({"redirect_uri": "https://app.example@evil.example/callback"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid administration.write"}, "invalid_scope"),
        ({"scope": "patient/*.cruds"}, "invalid_scope"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"aud": "https://elsewhere.example/fhir"}, "invalid_target"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"request": "a.b.c"}, "invalid_request"),
        ({"client_id": "somebody-else"}, "invalid_client"),
        ({"state": "s" * 1_001}, "invalid_request"),
    ],
)
async def test_a_request_against_the_rules_is_not_kept(
    open_api: OpenApi, changes: dict[str, str | None], error: str
) -> None:
    client = await web_client(open_api.db)
    before = await unchanged(open_api)
    answer = await post(open_api, "/oauth/par", request_of(**changes), client)
    assert answer.json() == {"error": error}
    assert await unchanged(open_api) == before


# --- what it says of itself


async def test_what_is_said_of_the_server_is_well_formed(open_api: OpenApi) -> None:
    said = (await open_api.http.get("/.well-known/oauth-authorization-server")).json()
    assert said == (await open_api.http.get("/.well-known/openid-configuration")).json()
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    assert said["grant_types_supported"] == ["client_credentials", "authorization_code", "refresh_token", exchange]
    # Authlib insists on https, which a sandbox on this machine has not.
    secure = {name: _secure(value) for name, value in said.items()}
    AuthorizationServerMetadata(secure).validate()
    OpenIDProviderMetadata(secure).validate()
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint", "registration_endpoint"):
        assert (await open_api.http.post(said[name], data={})).status_code in (400, 401)


def _secure(value: Any) -> Any:
    return value.replace("http://", "https://") if isinstance(value, str) else value
