"""What somebody finds who types the hospital's address, or mistypes one; and what a program finds there."""

import re
from typing import Any

import httpx
import pytest
from sanic import Sanic
from sanic.response import HTTPResponse, empty

from open_api.pages.front_door import has_portal
from tests.factories.open_api import OpenApi

# As Chromium and Safari send it.
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}


async def opened(api: OpenApi, path: str, **more: str) -> httpx.Response:
    return await api.http.get(path, headers=BROWSER | {name.replace("_", "-"): value for name, value in more.items()})


async def test_the_front_door_says_what_is_here_and_every_link_leads_somewhere(open_api: OpenApi) -> None:
    page = await opened(open_api, "/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for words in ("患者登录", "医院员工登录", "谁使用过我的信息", "接口文档"):
        assert words in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "set-cookie" not in page.headers
    links = re.findall(r'<a [^>]*href="([^"]+)"', page.text)
    assert len(links) >= 7
    for link in links:
        assert (await opened(open_api, link)).status_code in (200, 303), link


@pytest.mark.parametrize("path", ["/bookings", "/account/consent", "/open/v1/nothing"])
async def test_a_mistyped_address_leads_on_from_a_page(open_api: OpenApi, path: str) -> None:
    page = await opened(open_api, path, accept_language="en-GB")
    assert page.status_code == 404
    assert "There is no such page" in page.text
    assert 'href="/sign-in"' in page.text
    assert page.headers["x-request-id"]


async def test_what_is_refused_for_another_reason_is_said_in_a_sentence(open_api: OpenApi) -> None:
    page = await opened(open_api, "/sign-out")
    assert page.status_code == 405
    assert 'role="alert"' in page.text
    unknown = await opened(open_api, "/open/v9/slots")
    assert unknown.status_code == 404
    assert 'role="alert"' in unknown.text


@pytest.mark.parametrize(
    "headers",
    [{}, {"accept": "*/*"}, {"accept": "application/json"}, {"accept": "application/problem+json, text/html;q=0.5"}],
)
@pytest.mark.parametrize("path", ["/", "/bookings"])
async def test_a_program_gets_a_problem(open_api: OpenApi, path: str, headers: dict[str, str]) -> None:
    answer = await open_api.http.get(path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "request.not_found")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_fhir_stays_fhir(open_api: OpenApi) -> None:
    answer = await opened(open_api, "/fhir/Nothing/1")
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_the_portal_is_led_to_where_there_is_one() -> None:
    app: Sanic[Any, Any] = Sanic("front-door")
    assert not has_portal(app)

    async def portal(_request: object) -> HTTPResponse:
        return empty()

    app.add_route(portal, "/developer", methods=["GET"])
    assert has_portal(app)
