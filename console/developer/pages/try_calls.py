"""Trying a call in the sandbox: the portal asks the interface as the application, and shows what it answers.

The call goes over HTTP like any other: the gateway admits, counts and records it. Its token is made for it, opens the
one scope it needs, and ends within a minute. Only readings are tried here; production has no such page.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import httpx
import orjson
from sanic import Request
from sanic.response import HTTPResponse

from console.developer.access import require_own
from console.developer.forms import Form
from console.developer.frame import application_page, facts, heading, lines, paragraph, refused, say, tag
from console.developer.routes import APPLICATION, Tab, do, show
from console.developer.setup import portal
from kernel.errors import HospitalError, Unavailable
from kernel.ids import parse_id
from oauth import tokens
from open_api.application import FEATURES
from open_api.pages.browser import Browser, read_form
from open_api.pages.html import Html
from open_api.routing import PREFIX, Route
from partners.developers import Developer
from partners.errors import ApplicationNotFound, DeveloperInvalid

TAB: Final = Tab("try", "试调用", "Try a call", 25)
SANDBOX_ONLY: Final = True
TOKEN_SECONDS: Final = 60
CALL_SECONDS_MAX: Final = 10.0
SHOWN_BYTES_MAX: Final = 20_000
QUERY_CHARACTERS_MAX: Final = 500
_ID: Final = "<"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the interface answered. body: how it began."""

    status: int
    request_id: str
    milliseconds: float
    address: str
    body: str


async def show_try(_request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Ask which call to try."""
    developer, application = await _usable(browser, application_id)
    if not _calls_for_itself(application):
        text = say(
            browser,
            "这种应用只在患者登录授权后读取该患者的数据，不能以自己的名义试调用。",
            "It reads patients' data once they have signed in and allowed it; it makes no calls for itself.",
        )
        return application_page(browser, developer, application, [paragraph(text, "empty")], tab=TAB.path)
    return _page(browser, developer, application, Form(browser, {"query": "limit=5"}))


async def try_call(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Try a call, and show what was answered."""
    developer, application = await _usable(browser, application_id)
    form = read_form(request, browser)
    if not _calls_for_itself(application):
        raise ApplicationNotFound
    try:
        route, address = _read(application, form)
        answer = await _call(request, application["client_id"], route, address)
    except HospitalError as error:
        return refused(_page(browser, developer, application, Form(browser, form, error)), error)
    return _page(browser, developer, application, Form(browser, form), answer)


PAGES: Final = (show(f"{APPLICATION}/try", show_try), do(f"{APPLICATION}/try", try_call))


async def _usable(browser: Browser, application_id: UUID) -> tuple[Developer, dict[str, Any]]:
    """Give an application that has a client.

    Raises:
        NotSignedIn, DeveloperRequired, ApplicationNotFound, DatabaseUnavailable.
    """
    developer, application = await require_own(browser, application_id)
    if application["client_id"] is None or application["status"] != "live":
        raise ApplicationNotFound
    return developer, application


def _calls_for_itself(application: dict[str, Any]) -> bool:
    said = application["registration"]
    return said is not None and said["application_type"] == "service"


def _routes(application: dict[str, Any]) -> dict[str, Route]:
    """Give the readings that an application may try, by name: those of its scopes, with one id in the path at most."""
    return {
        route.operation: route
        for routes in FEATURES
        for route in routes
        if route.method == "GET"
        and not (route.staff_only or route.is_stream)
        and route.scope in application["scopes"]
        and route.path.count(_ID) <= 1
    }


def _read(application: dict[str, Any], form: Mapping[str, str]) -> tuple[Route, str]:
    """Read which call is asked for, and its address.

    Raises:
        DeveloperInvalid: `field` says what cannot be.
    """
    route = _routes(application).get(form.get("operation", ""))
    if route is None:
        raise DeveloperInvalid(field="operation")
    path = route.path
    if _ID in path:
        try:
            found = parse_id(form.get("id", "").strip())
        except ValueError as error:
            raise DeveloperInvalid(field="id") from error
        path = f"{path.partition(_ID)[0]}{found}{path.partition('>')[2]}"
    query = form.get("query", "").strip().lstrip("?")
    if len(query) > QUERY_CHARACTERS_MAX:
        raise DeveloperInvalid(field="query")
    # Written anew, so that it stays a query whatever was typed.
    asked = urlencode(parse_qsl(query, keep_blank_values=True))
    return route, f"{PREFIX}{path}" + (f"?{asked}" if asked else "")


async def _call(request: Request, client_id: str, route: Route, address: str) -> _Answer:
    """Ask this very deployment, at the address by which the browser has reached it.

    Raises:
        Unavailable: it does not answer in time.
    """
    token, _ = tokens.issue(client_id, frozenset({route.scope}), lifetime_seconds=TOKEN_SECONDS)
    transport: Any = request.transport
    host, port = transport.get_extra_info("sockname")[:2]
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    started, body = time.monotonic(), b""
    headers = {"authorization": f"Bearer {token}", "user-agent": "hospital-portal", "accept-encoding": "identity"}
    try:
        async with (
            httpx.AsyncClient(base_url=base, timeout=CALL_SECONDS_MAX, trust_env=False) as http,
            http.stream("GET", address, headers=headers) as answer,
        ):
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > SHOWN_BYTES_MAX:
                    break
    except httpx.HTTPError as error:
        raise Unavailable from error
    milliseconds = (time.monotonic() - started) * 1_000
    return _Answer(answer.status_code, answer.headers.get("x-request-id", ""), milliseconds, address, _readable(body))


def _readable(body: bytes) -> str:
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()[:SHOWN_BYTES_MAX]
    except orjson.JSONDecodeError:
        return body[:SHOWN_BYTES_MAX].decode(errors="replace")


def _page(
    browser: Browser, developer: Developer, application: dict[str, Any], form: Form, answer: _Answer | None = None
) -> HTTPResponse:
    names = _routes(application)
    fields = [
        form.select("operation", say(browser, "接口", "Operation"), [(name, name) for name in names]),
        form.text(
            "id",
            say(browser, "地址中的编号", "The id in the address"),
            most=50,
            hint=say(browser, "接口地址里有 <..._id> 时填写", "Where the operation has <..._id>"),
        ),
        form.text(
            "query",
            say(browser, "查询参数", "Query"),
            most=QUERY_CHARACTERS_MAX,
            hint=say(browser, "例如 limit=5", "For example limit=5"),
        ),
    ]
    lead = say(
        browser,
        "以这个应用的身份读取沙箱；和真实调用一样计入限额和请求记录。",
        "Reads the sandbox as this application; it counts, and is recorded, like any other call.",
    )
    parts = [
        form.told,
        paragraph(lead, "lead"),
        form.send(f"/developer/applications/{application['id']}/try", fields, go=say(browser, "发送", "Send")),
        *(_shown(browser, answer) if answer is not None else []),
    ]
    return application_page(browser, developer, application, parts, tab=TAB.path)


def _shown(browser: Browser, answer: _Answer) -> list[Html]:
    kind = "good" if answer.status < 400 else "warn" if answer.status < 500 else "bad"
    command = f'curl -H "Authorization: Bearer $TOKEN" "{portal().base_url}{answer.address}"'
    return [
        heading(say(browser, "回答", "The answer")),
        facts(
            [
                (say(browser, "状态", "Status"), tag(str(answer.status), kind)),
                (say(browser, "耗时", "Took"), f"{answer.milliseconds:,.1f} ms"),
                (say(browser, "请求编号", "Request id"), answer.request_id),
            ]
        ),
        lines(answer.body),
        heading(say(browser, "用命令行", "By hand")),
        lines(command),
    ]
