"""Whose pages may read what: anybody's the public documents, registered applications' tokens and data."""

import secrets

import httpx
import pytest

from tests.factories.grants import public_client
from tests.factories.open_api import OpenApi, eventually

PUBLIC = (
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/fhir/.well-known/smart-configuration",
    "/oauth/jwks",
    "/fhir/metadata",
)
OWN = (("POST", "/oauth/token"), ("POST", "/oauth/revoke"), ("POST", "/oauth/par"), ("GET", "/oauth/userinfo"),
       ("GET", "/fhir/Patient"), ("POST", "/fhir/Patient/_search"))  # fmt: skip


async def preflight(open_api: OpenApi, path: str, origin: str, method: str) -> httpx.Response:
    headers = {"origin": origin, "access-control-request-method": method,
               "access-control-request-headers": "authorization, content-type"}  # fmt: skip
    return await open_api.http.options(path, headers=headers)


@pytest.mark.parametrize("path", PUBLIC)
async def test_anybody_s_page_reads_what_is_public(open_api: OpenApi, path: str) -> None:
    answer = await open_api.http.get(path, headers={"origin": "https://anybody.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    asked = await preflight(open_api, path, "https://anybody.example", "GET")
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("method", "path"), OWN)
async def test_only_a_registered_application_s_page_reads_tokens_and_data(
    open_api: OpenApi, method: str, path: str
) -> None:
    origin = f"https://{secrets.token_hex(4)}.example"
    await public_client(open_api.db, application_type="browser", redirect_uris=[f"{origin}/callback"])
    await public_client(open_api.db, application_type="native", redirect_uris=["https://native.example/callback"])

    async def ask() -> httpx.Response:
        found = await preflight(open_api, path, origin, method)
        # What the server remembers, it remembers for a second.
        found.status_code = 200 if "access-control-allow-origin" in found.headers else 204
        return found

    asked = await eventually(ask, 200)
    assert asked.headers["access-control-allow-origin"] == origin
    assert method in asked.headers["access-control-allow-methods"]
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in asked.headers
    answer = await open_api.http.request(method, path, headers={"origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["vary"] == "Origin"
    for stranger in (
        "https://stranger.example",
        "https://native.example",
        f"{origin}.evil.example",
        "null",
        f"{origin}:444",
    ):
        assert "access-control-allow-origin" not in (await preflight(open_api, path, stranger, method)).headers
        refused = await open_api.http.request(method, path, headers={"origin": stranger})
        assert "access-control-allow-origin" not in refused.headers


async def test_nobody_s_page_reads_the_open_api_or_our_pages(open_api: OpenApi) -> None:
    for path in ("/open/v1/appointments", "/sign-in", "/account/consents"):
        answer = await open_api.http.get(path, headers={"origin": "https://anybody.example"})
        assert "access-control-allow-origin" not in answer.headers
