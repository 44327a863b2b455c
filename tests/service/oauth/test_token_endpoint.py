"""POST /oauth/token after RFC 6749 sections 2.3, 4.4 and 5."""

import httpx
import pytest

from kernel.db import Database
from oauth import tokens
from oauth.server import answer_token_request
from tests.factories.oauth import SECRET, authorization, basic, register_client

GRANT = {"grant_type": "client_credentials"}


async def test_a_client_that_proves_who_it_is_gets_a_token_for_all_its_scopes(database: Database) -> None:
    client = await register_client(database)
    status, body, headers = await answer_token_request(GRANT, client.basic)

    assert status == 200
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 1800, "appointments.write slots.read")
    assert "refresh_token" not in body
    assert (headers["cache-control"], headers["pragma"]) == ("no-store", "no-cache")
    grant = tokens.verify(body["access_token"])
    assert (grant.client_id, grant.scopes) == (client.id, frozenset(client.scopes))


async def test_the_secret_may_come_in_the_body(database: Database) -> None:
    client = await register_client(database, auth_method="client_secret_post")
    status, body, _ = await answer_token_request(
        GRANT | {"client_id": client.id, "client_secret": client.secret, "scope": "slots.read"}, {}
    )

    assert (status, body["scope"]) == (200, "slots.read")
    assert tokens.verify(body["access_token"]).scopes == {"slots.read"}


async def test_a_secret_of_any_characters_goes_through_basic_encoded(database: Database) -> None:
    await register_client(database, secret="p%3A w:ä+/&=")
    headers = basic("portal-app", "p%253A%20w%3A%C3%A4%2B%2F%26%3D")

    assert (await answer_token_request(GRANT, headers))[0] == 200


@pytest.mark.parametrize(
    ("form", "error", "expected"),
    [
        ({}, "invalid_request", 400),
        ({"grant_type": ""}, "invalid_request", 400),
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"grant_type": "implicit"}, "unsupported_grant_type", 400),
        ({"grant_type": "authorization_code"}, "unauthorized_client", 400),
        ({"grant_type": "refresh_token"}, "unauthorized_client", 400),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 500}, "unauthorized_client", 400),
        (GRANT | {"scope": "administration.write"}, "invalid_scope", 400),
        (GRANT | {"scope": "slots.read administration.write"}, "invalid_scope", 400),
        (GRANT | {"scope": "x" * 2_001}, "invalid_request", 400),
        (GRANT | {"client_secret": SECRET}, "invalid_request", 400),
    ],
)
async def test_each_refusal_has_its_error(database: Database, form: dict[str, str], error: str, expected: int) -> None:
    client = await register_client(database)
    status, body, headers = await answer_token_request(form, client.basic)

    assert (status, body["error"]) == (expected, error)
    assert "access_token" not in body
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        httpx.Headers(),
        basic("portal-app", "wrong"),
        basic("portal-app", ""),
        basic("nobody", SECRET),
        basic("portal-app' OR '1'='1", SECRET),
        basic("portal-app\x00", SECRET),
        authorization("Basic"),
        authorization("Basic !!!"),
        authorization("Basic gIGC"),
        httpx.Headers({b"authorization": b"Basic \xff\xfe"}),
        authorization("Bearer x"),
        authorization("Digest x"),
    ],
)
async def test_wrong_secrets_and_unknown_clients_look_alike(database: Database, headers: httpx.Headers) -> None:
    await register_client(database)
    status, body, extra = await answer_token_request(GRANT, headers)

    assert (status, body) == (401, {"error": "invalid_client"})
    assert extra["www-authenticate"].startswith("Basic ")
    assert extra["cache-control"] == "no-store"


async def test_a_suspended_client_gets_nothing(database: Database) -> None:
    client = await register_client(database, status="suspended")

    assert (await answer_token_request(GRANT, client.basic))[:2] == (401, {"error": "invalid_client"})


async def test_one_clients_secret_does_not_open_another(database: Database) -> None:
    await register_client(database, client_id="portal-app", secret="first")
    await register_client(database, client_id="other-app", secret="second")
    headers = basic("portal-app", "second")

    assert (await answer_token_request(GRANT, headers))[0] == 401
