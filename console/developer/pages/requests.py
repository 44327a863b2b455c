"""What an application asked for: each request with its outcome, found by time, route and outcome."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from console.developer.access import require_own
from console.developer.forms import Form
from console.developer.frame import (
    NOTHING,
    actions,
    address_of_application,
    application_page,
    code,
    link,
    paragraph,
    say,
    table,
    tag,
    time_of,
)
from console.developer.routes import APPLICATION, Tab, show
from kernel.clock import SHANGHAI
from open_api.application import FEATURES
from open_api.fhir import application as fhir
from open_api.oauth.endpoints import OPERATIONS
from open_api.pages.browser import Browser
from open_api.pages.html import Html, html, join
from open_api.paging import read_cursor, write_cursor
from partners.errors import ApplicationNotFound
from partners.request_records import KEPT, RecordFilter, list_records

TAB: Final = Tab("requests", "请求记录", "Requests", 30)
SHOWN_MAX: Final = 50
YEARS: Final = range(2000, 2101)
"""Of these there may be records; at the calendar's ends another zone's time is none."""
_LIST: Final = "developer.requests"
_PLACE: Final = re.compile(r"<(\w+):\w+>")
OUTCOMES: Final[dict[str, tuple[tuple[int, int] | None, tuple[str, str]]]] = {
    "": (None, ("全部", "All")),
    "ok": ((100, 399), ("成功", "Served")),
    "refused": ((400, 499), ("被拒绝（4xx）", "Refused (4xx)")),
    "failed": ((500, 599), ("医院方出错（5xx）", "Failed on our side (5xx)")),
}


async def show_requests(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Search an application's requests, the newest first."""
    developer, application = await require_own(browser, application_id)
    if application["client_id"] is None:
        raise ApplicationNotFound
    asked = {name: request.args.get(name, "")[:200] for name in ("since", "until", "operation", "outcome", "request")}
    cursor = request.args.get("cursor")
    place = read_cursor(_LIST, cursor) if cursor else None
    outcome = OUTCOMES.get(asked["outcome"], OUTCOMES[""])[0]
    found = await list_records(
        RecordFilter(
            client_id=application["client_id"],
            operation=asked["operation"] if asked["operation"] in operations() else None,
            request_id=asked["request"].strip().replace("\x00", "") or None,
            since=read_instant(asked["since"]),
            until=read_instant(asked["until"]),
            statuses=outcome,
        ),
        before=(datetime.fromisoformat(str(place[0])), int(place[1])) if place else None,
        limit=SHOWN_MAX + 1,
    )
    base = address_of_application(application_id, "requests")
    parts = [
        _search(browser, base, asked),
        _table(browser, found[:SHOWN_MAX]),
        _more(browser, base, asked, found),
        paragraph(
            say(
                browser,
                "保存{days}天；来访地址只留网段，不记录请求内容和患者身份。",
                "Kept for {days} days. Of callers the network alone is kept; contents and patients are not shown.",
                days=KEPT.days,
            ),
            "hint",
        ),
    ]
    return application_page(browser, developer, application, parts, tab="requests")


PAGES: Final = (show(f"{APPLICATION}/requests", show_requests),)


def operations() -> list[str]:
    """Name what a partner's application may call, as records name it."""
    served = [route.operation for routes in FEATURES for route in routes if not route.staff_only]
    return [*sorted(served), *sorted(fhir.operations()), *sorted(OPERATIONS)]


def as_written(operation: str) -> str:
    """Write an operation as the reference does: `GET /holds/{hold_id}`."""
    return _PLACE.sub(r"{\1}", operation)


def read_instant(text: str) -> datetime | None:
    """Read a time of Guangzhou as a browser's field gives it; what is none is passed over."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.year not in YEARS:
        return None
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def _search(browser: Browser, base: str, asked: Mapping[str, str]) -> Html:
    form = Form(browser, asked)
    every = say(browser, "全部", "All")
    fields = [
        form.text("since", say(browser, "从", "From"), most=30, kind="datetime-local"),
        form.text("until", say(browser, "到", "Until"), most=30, kind="datetime-local"),
        form.select(
            "operation",
            say(browser, "接口", "Operation"),
            [("", every), *((name, as_written(name)) for name in operations())],
        ),
        form.select(
            "outcome",
            say(browser, "结果", "Outcome"),
            [(value, say(browser, *words)) for value, (_, words) in OUTCOMES.items()],
        ),
        form.text("request", say(browser, "请求编号", "Request id"), most=100),
    ]
    return html(
        '<form method="get" action="{base}" class="search">{fields}<div class="row"><button class="quiet">{go}</button>'
        "</div></form>",
        base=base,
        fields=join(fields),
        go=say(browser, "查询", "Search"),
    )


def _table(browser: Browser, found: list[dict[str, Any]]) -> Html:
    rows = [
        (
            time_of(one["at"]),
            code(as_written(one["operation"])),
            _outcome(one),
            f"{one['latency_microseconds'] / 1000:,.1f} ms",
            say(browser, "{n} 人", "{n}", n=len(one["patient_ids"])) if one["patient_ids"] else "-",
            code(one["request_id"]),
            one["network"] or "-",
        )
        for one in found
    ]
    names = (
        say(browser, "时间", "Time"),
        say(browser, "接口", "Operation"),
        say(browser, "结果", "Outcome"),
        say(browser, "耗时", "Took"),
        say(browser, "涉及患者", "Patients"),
        say(browser, "请求编号", "Request id"),
        say(browser, "来自", "From"),
    )
    nothing = say(
        browser,
        "没有符合条件的请求。新的请求约一秒后出现在这里。",
        "There are no such requests. A new one appears after about a second.",
    )
    return table(names, rows, empty=nothing)


def _outcome(record: dict[str, Any]) -> Html:
    status = record["status"]
    kind = "good" if status < 400 else "warn" if status < 500 else "bad"
    shown = tag(str(status), kind)
    return shown if record["code"] is None else html("{shown} {code}", shown=shown, code=code(record["code"]))


def _more(browser: Browser, base: str, asked: Mapping[str, str], found: list[dict[str, Any]]) -> Html:
    if len(found) <= SHOWN_MAX:
        return NOTHING
    last = found[SHOWN_MAX - 1]
    place = {"cursor": write_cursor(_LIST, last["at"].isoformat(), last["id"])}
    query = urlencode({name: value for name, value in asked.items() if value} | place)
    return actions(link(f"{base}?{query}", say(browser, "更早的", "Earlier")))
