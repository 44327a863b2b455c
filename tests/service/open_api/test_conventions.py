"""What holds for every route alike: tags, cursors, request ids, languages, methods and sizes."""

import gzip
from typing import Any

import pytest

from integration.his.errors import HisUnavailable
from open_api.application import BODY_BYTES_MAX
from open_api.errors import RouteNotFound
from open_api.routing import PREFIX, Route
from tests.contract.conformity import ROUTES
from tests.contract.requests import address_of, body_of, query_of
from tests.factories.open_api import OpenApi, registration

READS = [route for route in ROUTES if route.method == "GET"]
LISTS = [route for route in READS if "invalid_cursor" in {error.code.partition(".")[2] for error in route.errors}]
WITH_BODY = [route for route in ROUTES if route.request]


# --- ETag and If-None-Match


@pytest.mark.parametrize(
    "route",
    # What the core HIS is asked each time has nothing to keep, and the list of requests grows by asking for it.
    [
        route
        for route in READS
        if "<" not in route.path and HisUnavailable not in route.errors and route.path != "/administration/requests"
    ],
    ids=lambda route: route.operation,
)
async def test_an_unchanged_answer_is_not_sent_again(open_api: OpenApi, route: Route) -> None:
    await open_api.hospital.schedule(seats=1)
    caller = await open_api.client_for(route)
    first = await caller.get(route.path, params=query_of(route))
    assert first.status_code == 200, first.text
    tag = first.headers["etag"]
    for sent in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = await caller.get(route.path, params=query_of(route), headers={"if-none-match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await caller.get(route.path, params=query_of(route), headers={"if-none-match": '"x"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_a_changed_answer_has_another_tag(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=2)
    first = await open_api.portal.get(f"/schedules/{schedule.id}")
    await open_api.book(schedule.slots[0], await open_api.patient())
    again = await open_api.portal.get(f"/schedules/{schedule.id}", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.json()["available"]) == (200, 1)


# --- cursors


async def test_pages_hold_everything_once_and_in_order(open_api: OpenApi) -> None:
    for _ in range(5):
        schedule = await open_api.hospital.schedule(seats=1)
        await open_api.book(schedule.slots[0], await open_api.patient())
    for path, size in (("/departments", 1), ("/practitioners", 2), ("/appointments", 2)):
        whole = (await open_api.portal.get(path)).json()
        assert whole["next"] is None
        seen: list[str] = []
        query: dict[str, Any] = {"limit": size}
        while True:
            part = (await open_api.portal.get(path, params=query)).json()
            assert 0 < len(part["items"]) <= size
            seen += [entry["id"] for entry in part["items"]]
            if part["next"] is None:
                break
            query["cursor"] = part["next"]
        assert seen == [entry["id"] for entry in whole["items"]]


@pytest.mark.parametrize("route", LISTS, ids=lambda route: route.operation)
async def test_a_cursor_that_is_not_of_this_list_is_refused(open_api: OpenApi, route: Route) -> None:
    for _ in range(2):
        await open_api.hospital.schedule(seats=1)
    borrowed = "/departments" if route.path != "/departments" else "/clinics"
    other = (await open_api.portal.get(borrowed, params={"limit": 1})).json()["next"]
    caller = await open_api.client_for(route)
    changed = ("A" if other[0] != "A" else "B") + other[1:]
    for cursor in (other, changed, other[:-2], "A", "A" * 500):
        answer = await caller.get(address_of(route), params=query_of(route) | {"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid_cursor"), cursor
    for cursor in ("", "ä", "a b", "A" * 501, "../..", "%00"):
        answer = await caller.get(address_of(route), params=query_of(route) | {"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "request.schema_violation"), cursor


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1.5", "ten", "99999999999999999999999", "1e2", "٣", ""])
async def test_a_page_has_a_sane_size(open_api: OpenApi, limit: str) -> None:
    answer = await open_api.portal.get("/departments", params={"limit": limit})
    assert (answer.status_code, answer.json()["violations"][0]["pointer"]) == (422, "/limit")


# --- request ids and languages


@pytest.mark.parametrize("name", ["order-17.retry_2", "a" * 64])
async def test_a_request_id_is_given_back(open_api: OpenApi, name: str) -> None:
    for path in ("/campuses", "/nowhere", f"/campuses/{'0' * 36}"):
        answer = await open_api.portal.get(path, headers={"x-request-id": name})
        assert answer.headers["x-request-id"] == name
    assert answer.json()["request_id"] == name


@pytest.mark.parametrize("name", ["short", "a" * 65, "a b c d e f", "<script>alert(1)</script>"])
async def test_a_request_id_that_is_none_is_replaced(open_api: OpenApi, name: str) -> None:
    answer = await open_api.portal.get("/nowhere", headers={"x-request-id": name})
    assert answer.headers["x-request-id"] != name
    assert len(answer.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "zh-CN"),
        ("en", "en"),
        ("en-GB,zh;q=0.5", "en"),
        ("EN", "en"),
        ("zh-CN,en;q=0.8", "zh-CN"),
        ("fr", "zh-CN"),
    ],
)
async def test_sentences_come_in_the_language_asked_for(open_api: OpenApi, accepted: str | None, language: str) -> None:
    headers = {"accept-language": accepted} if accepted else {"accept-language": ""}
    answer = await open_api.portal.get("/nowhere", headers=headers)
    assert answer.headers["content-language"] == language
    assert answer.json()["detail"] == {"en": RouteNotFound.en, "zh-CN": RouteNotFound.zh}[language]


# --- addresses, methods, media types, sizes


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/holds", "/campuses/not-an-id", "/campuses/1/2", "/%00", "/..%2f..", "/ä"]
)
async def test_nothing_is_at_other_addresses(open_api: OpenApi, path: str) -> None:
    answer = await open_api.portal.get(path)
    expected = (405, "request.method_not_allowed") if path == "/holds" else (404, "request.not_found")
    assert (answer.status_code, answer.json()["code"]) == expected


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"])
async def test_other_methods_are_refused(open_api: OpenApi, method: str) -> None:
    before = await open_api.fingerprint()
    answer = await open_api.portal.send(method, "/patients", body=registration())
    assert answer.status_code in (400, 405)
    assert await open_api.fingerprint() == before


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: route.operation)
async def test_a_body_is_json_of_a_sane_size(open_api: OpenApi, route: Route) -> None:
    caller = await open_api.client_for(route)
    before = await open_api.fingerprint()
    json_type = "application/json"
    for content, content_type, status, code in (
        (b"{}", "text/plain", 415, "request.unsupported_media_type"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "request.unsupported_media_type"),
        (b"{}", "", 415, "request.unsupported_media_type"),
        (b"", json_type, 400, "request.malformed"),
        (b"{", json_type, 400, "request.malformed"),
        (b'{"a": 1,}', json_type, 400, "request.malformed"),
        (b"{'a': 1}", json_type, 400, "request.malformed"),
        (b'{"a": NaN}', json_type, 400, "request.malformed"),
        (b'{"a": "\xff\xfe"}', json_type, 400, "request.malformed"),
        (b'{"a": "\\ud800"}', json_type, 400, "request.malformed"),
        ('{"a": "é"}'.encode("utf-16"), json_type, 400, "request.malformed"),
        (b"\xef\xbb\xbf{}", json_type, 400, "request.malformed"),
        (gzip.compress(b"{}"), json_type, 400, "request.malformed"),
        (b"[" * 20_000, json_type, 400, "request.malformed"),
        (b"[" * 2_000 + b"]" * 2_000, json_type, None, None),
        (b"null", json_type, 422, "request.schema_violation"),
        (b"[]", json_type, 422, "request.schema_violation"),
        (b'"text"', json_type, 422, "request.schema_violation"),
        (b"0", json_type, 422, "request.schema_violation"),
        (b" " * (BODY_BYTES_MAX + 1), json_type, 413, "request.too_large"),
    ):
        headers = caller.headers(more={"content-type": content_type})
        answer = await open_api.http.request(route.method, PREFIX + address_of(route), content=content, headers=headers)
        if status is None:
            assert answer.status_code in (400, 422), content[:40]
        else:
            assert (answer.status_code, answer.json()["code"]) == (status, code), content[:40]
    assert await open_api.fingerprint() == before


async def test_a_charset_beside_the_media_type_is_fine(open_api: OpenApi) -> None:
    answer = await open_api.portal.post(
        "/patients", registration(), headers={"content-type": "Application/JSON; charset=utf-8"}
    )
    assert answer.status_code == 201


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
async def test_unknown_and_repeated_parameters_are_refused(open_api: OpenApi, route: Route) -> None:
    caller = await open_api.client_for(route)
    before = await open_api.fingerprint()
    for query in ("unknown=1", "a=1&a=2", "limit=1&limit=2", "%00=1", "q=%ff%fe", "x=" + "y" * 3_000):
        answer = await caller.send(route.method, f"{address_of(route)}?{query}", body=body_of(route))
        expected = (413, "request.too_large") if len(query) > 2_000 else (422, "request.schema_violation")
        assert (answer.status_code, answer.json()["code"]) == expected, query
    assert await open_api.fingerprint() == before


async def test_a_very_long_address_is_refused(open_api: OpenApi) -> None:
    answer = await open_api.portal.get("/" + "x" * 20_000)
    assert answer.status_code in (400, 404, 413, 414)


# --- the documentation


async def test_the_documentation_is_served(open_api: OpenApi) -> None:
    page = await open_api.http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none';")
    assert 'id="booking.sold_out"' in page.text
    document = await open_api.http.get(f"{PREFIX}/openapi.json")
    assert document.json()["openapi"] == "3.1.0"
    again = await open_api.http.get("/docs", headers={"if-none-match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_problem_leads_to_its_explanation(open_api: OpenApi) -> None:
    answer = await open_api.portal.get("/nowhere")
    path, _, anchor = answer.json()["type"].partition("#")
    assert f'id="{anchor}"' in (await open_api.http.get(path)).text


async def test_times_reach_no_further_than_dates(open_api: OpenApi) -> None:
    department = str(open_api.hospital.department_id)
    for day, status in (("0000-01-01", 422), ("9999-12-31", 422), ("2026-02-30", 422), ("2999-12-31", 200)):
        answer = await open_api.portal.get("/schedules", params={"department_id": department, "date_from": day})
        assert answer.status_code == status, day
