"""What the patient surface promises: each operation succeeds as it says, and nothing that is sent breaks one.

Every answer is held against its route by `conformity.watch`.
"""

import asyncio
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.his.errors import HisUnavailable
from kernel.ids import new_id
from oauth.sign_in.errors import WeChatUnavailable
from patient_app.application import FEATURES
from patient_app.openapi import build_app_document
from patient_app.routing import PREFIX, Route
from tests.contract import app_message_cases, app_visit_cases, app_wechat_cases  # noqa: F401  they declare cases
from tests.contract.app_cases import APP_CASES
from tests.contract.app_money_cases import HIS_APP_CASES
from tests.contract.cases import HisBeside
from tests.contract.conformity import APP_ROUTES
from tests.contract.generate import HOSTILE_TEXTS, tampered, values_of
from tests.contract.test_fuzz import FUZZED, REQUESTS_A_ROUTE, SECONDS_MAX
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone


def by_operation(route: Route) -> str:
    return route.operation


def test_every_operation_has_a_case_and_a_name_of_its_own() -> None:
    assert APP_CASES.keys() | HIS_APP_CASES.keys() == {route.operation for route in APP_ROUTES}
    assert APP_CASES.keys() & HIS_APP_CASES.keys() == set()
    assert len({route.name for route in APP_ROUTES}) == len(APP_ROUTES)
    assert build_app_document(FEATURES)["openapi"] == "3.1.0"


@pytest.mark.parametrize("route", [route for route in APP_ROUTES if route.operation in APP_CASES], ids=by_operation)
async def test_an_operation_does_what_it_promises(open_api: OpenApi, phone: Phone, route: Route) -> None:
    answer = await APP_CASES[route.operation](open_api, phone)
    assert answer.status_code in route.statuses, answer.text
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer.headers["date"])


@pytest.mark.parametrize("operation", HIS_APP_CASES)
async def test_an_operation_that_asks_the_his_does_what_it_promises(
    open_api: OpenApi, phone: Phone, his_beside: HisBeside, operation: str
) -> None:
    answer = await HIS_APP_CASES[operation](open_api, phone, his_beside)
    assert answer.is_success, answer.text


@pytest.mark.parametrize(
    "route",
    [one for one in APP_ROUTES if one.method == "GET" and not one.is_stream and one.operation in APP_CASES],
    ids=by_operation,
)
async def test_a_read_that_has_not_changed_is_not_sent_again(open_api: OpenApi, phone: Phone, route: Route) -> None:
    first = await APP_CASES[route.operation](open_api, phone)
    address = first.request.url.raw_path.decode()
    again = await open_api.http.get(address, headers=phone.headers({"if-none-match": first.headers["etag"]}))
    assert (again.status_code, again.content) == (304, b"")


async def test_sentences_are_in_the_language_that_is_asked_for(open_api: OpenApi) -> None:
    told = {}
    for language in ("zh-CN", "en"):
        answer = await Phone(open_api.http, language=language).get("/account")
        told[language] = (answer.status_code, answer.json()["detail"])
    assert told == {"zh-CN": (401, "请先登录"), "en": (401, "Please sign in first.")}


def _segments(route: Route, known_ids: list[str]) -> st.SearchStrategy[str]:
    hostile = st.sampled_from(HOSTILE_TEXTS).map(lambda text: quote(text.encode("utf-8", "surrogatepass"), safe=""))
    filled = st.one_of(st.sampled_from(known_ids), st.uuids().map(str), st.sampled_from(["1", "2026-12-01"]), hostile)
    parts = [filled if part.startswith("<") else st.just(part) for part in route.path.split("/")]
    return st.tuples(*parts).map("/".join)


def _queries(route: Route, known_ids: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    if route.query is None:
        return st.one_of(st.just({}), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
    fitting = values_of(route.query, known_ids)
    return st.one_of(fitting, fitting, tampered(fitting).filter(lambda value: isinstance(value, dict)))


def _bodies(route: Route, known_ids: list[str]) -> st.SearchStrategy[bytes]:
    if route.request is None:
        return st.sampled_from([b"", b"{}", b"null", b"\xff"])
    fitting = values_of(route.request, known_ids)
    return st.one_of(fitting, fitting, tampered(fitting), tampered(fitting)).map(
        lambda value: json.dumps(value).encode()
    )


async def _send(phone: Phone, route: Route, path: str, query: dict[str, Any], body: bytes, key: str) -> int:
    headers = phone.headers(key=key or None)
    if route.request is not None or body:
        headers["content-type"] = "application/json"
    asked = []
    for name, value in query.items():
        text = value if isinstance(value, str) else json.dumps(value)
        asked.append("=".join(quote(each.encode("utf-8", "surrogatepass"), safe="") for each in (str(name), text)))
    address = f"{PREFIX}{path}?{'&'.join(asked)}"
    answer = await phone.http.request(route.method, address, content=body, headers=headers)
    return answer.status_code


@pytest.mark.parametrize("route", APP_ROUTES, ids=by_operation)
async def test_no_request_breaks_a_route(open_api: OpenApi, phone: Phone, route: Route) -> None:
    member = str(await phone.add_member())
    schedule = await open_api.hospital.schedule(seats=2, slots=2)
    ids = [member, *map(str, schedule.slots), str(schedule.id), str(open_api.hospital.clinic_id), str(new_id())]
    seen: list[int] = []
    loop = asyncio.get_running_loop()

    @FUZZED
    @given(
        path=_segments(route, [member, member, *ids]),
        query=_queries(route, ids),
        body=_bodies(route, ids),
        key=st.sampled_from(["", "k1", "k2"]),
    )
    def fuzz(path: str, query: dict[str, Any], body: bytes, key: str) -> None:
        sending = _send(phone, route, path, query, body, key)
        seen.append(asyncio.run_coroutine_threadsafe(sending, loop).result(SECONDS_MAX))

    # Hypothesis knows no event loop; it draws in a thread, and the requests are sent from here.
    await asyncio.to_thread(fuzz)

    assert len(seen) >= REQUESTS_A_ROUTE // 2
    # Nobody plays the HIS or WeChat here.
    expected = {503} if {HisUnavailable, WeChatUnavailable} & set(route.errors) else set()
    assert [status for status in seen if status >= 500 and status not in expected] == []
    assert "request_failed" not in open_api.server.log()
