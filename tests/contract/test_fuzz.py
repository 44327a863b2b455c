"""Whatever is sent to whichever route: never a 5xx, always an answer that fits its schema or a declared problem.

Every answer is held against its route by `conformity.watch`; here only the requests are made up.
"""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from integration.his.errors import HisUnavailable
from kernel.ids import new_id
from open_api.oauth.scopes import SCOPES
from open_api.routing import PREFIX, Route
from tests.contract.conformity import ROUTES
from tests.contract.generate import HOSTILE_TEXTS, tampered, values_of
from tests.factories.open_api import Caller, OpenApi

REQUESTS_A_ROUTE = 15
SECONDS_MAX = 30
FUZZED = settings(
    max_examples=REQUESTS_A_ROUTE,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
OWNED = ("slot", "hold", "appointment", "patient", "schedule", "department", "clinic", "campus", "practitioner")


async def _known_ids(api: OpenApi) -> list[str]:
    """A small hospital in which something of each kind stands."""
    first = await api.hospital.schedule(seats=3, slots=2)
    other = await api.hospital.schedule(seats=3, other_department=True)
    patient, second = await api.patient(), await api.patient()
    await api.hold(first.slots[0], patient)
    await api.book(other.slots[0], second)
    found: list[str] = []
    for table in OWNED:
        found += [str(row["id"]) for row in await api.db.fetch(f"SELECT id FROM {table} LIMIT 3")]
    return found


def _segments(route: Route, known_ids: list[str]) -> st.SearchStrategy[str]:
    """Fill a path with ids of things that exist, of nothing, or with something else altogether."""
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


def _query_string(values: dict[str, Any]) -> str:
    parts = []
    for name, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value)
        parts.append("=".join(quote(each.encode("utf-8", "surrogatepass"), safe="") for each in (str(name), text)))
    return "&".join(parts)


async def _send(caller: Caller, route: Route, path: str, query: dict[str, Any], body: bytes, key: str) -> int:
    headers = caller.headers(key=key or None)
    if route.request is not None or body:
        headers["content-type"] = "application/json"
    address = f"{PREFIX}{path}?{_query_string(query)}"
    answer = await caller.http.request(route.method, address, content=body, headers=headers)
    return answer.status_code


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
async def test_no_request_breaks_a_route(open_api: OpenApi, route: Route) -> None:
    known_ids = [*await _known_ids(open_api), str(new_id())]
    scopes = [scope for scope in SCOPES if route.staff_only or not scope.startswith("administration.")]
    callers = [open_api.portal, await open_api.client("internal", channel="kiosk", scopes=scopes)]
    seen: list[int] = []
    loop = asyncio.get_running_loop()

    @FUZZED
    @given(
        caller=st.sampled_from(callers),
        path=_segments(route, known_ids),
        query=_queries(route, known_ids),
        body=_bodies(route, known_ids),
        key=st.sampled_from(["", "k1", "k2"]),
    )
    def fuzz(caller: Caller, path: str, query: dict[str, Any], body: bytes, key: str) -> None:
        sending = _send(caller, route, path, query, body, key)
        seen.append(asyncio.run_coroutine_threadsafe(sending, loop).result(SECONDS_MAX))

    # Hypothesis knows no event loop; it draws in a thread, and the requests are sent from here.
    await asyncio.to_thread(fuzz)

    assert len(seen) >= REQUESTS_A_ROUTE // 2
    # A route that asks the HIS may say that it is away; nothing else goes wrong.
    expected = {503} if HisUnavailable in route.errors else set()
    assert [status for status in seen if status >= 500 and status not in expected] == []
    assert "request_failed" not in open_api.server.log()
