"""What sdk/python does when the way to the hospital is bad: both clients, before a pretended hospital."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from hospital_openapi import (
    AsyncHospitalClient,
    Conflict,
    ConnectionFailed,
    HospitalClient,
    Problem,
    RetryPolicy,
    TokenRefused,
    Unauthenticated,
    UnexpectedAnswer,
    problems,
)
from hospital_openapi.retries import read_retry_after
from tests.factories.sdk import BASE_URL, KINDS, SECRET, Both, Hospital, Kind, client_of, problem

HOLD = {"slot_id": "0198c0de-0000-7000-8000-00000000c0de", "patient_id": "0198c0de-0000-7000-8000-00000000c0df"}
OK: dict[str, Any] = {"items": [], "next": None}


@pytest.fixture
def hospital() -> Hospital:
    return Hospital()


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, hospital: Hospital) -> Both:
    kind: Kind = request.param
    return client_of(kind, hospital)


# --- tokens


async def test_one_token_serves_many_calls(both: Both, hospital: Hospital) -> None:
    hospital.answers = [httpx.Response(200, json=OK), httpx.Response(200, json=OK)]
    await both.call("list_events")
    await both.call("list_events")
    assert hospital.header("authorization") == ["Bearer token-1"] * 2
    [asked] = hospital.token_requests
    assert asked.content == b"grant_type=client_credentials"
    # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
    assert httpx.BasicAuth("app", "s3cret%3A%2B%C3%BC")._auth_header == asked.headers["authorization"]


async def test_a_token_is_replaced_before_it_ends(both: Both, hospital: Hospital) -> None:
    hospital.expires_in = 0
    hospital.answers = [httpx.Response(200, json=OK), httpx.Response(200, json=OK)]
    await both.call("list_events")
    await both.call("list_events")
    assert hospital.header("authorization") == ["Bearer token-1", "Bearer token-2"]


async def test_a_refused_token_is_replaced_once(both: Both, hospital: Hospital) -> None:
    hospital.answers = [problem(401, "oauth.invalid_token"), httpx.Response(201, json={"id": "h"})]
    assert await both.call("hold_seat", HOLD) == {"id": "h"}
    assert hospital.header("authorization") == ["Bearer token-1", "Bearer token-2"]
    keys = hospital.header("idempotency-key")
    assert keys[0] is not None
    assert keys[0] == keys[1]


async def test_a_fresh_token_that_is_refused_too_is_told(both: Both, hospital: Hospital) -> None:
    hospital.answers = [problem(401, "oauth.invalid_token"), problem(401, "oauth.invalid_token")]
    with pytest.raises(problems.OauthInvalidToken) as raised:
        await both.call("list_events")
    assert isinstance(raised.value, Unauthenticated)
    assert len(hospital.asked) == 2


async def test_an_unknown_application_is_told_at_once(both: Both, hospital: Hospital) -> None:
    hospital.token_answers = [httpx.Response(401, json={"error": "invalid_client"}, headers={"x-request-id": "r-2"})]
    with pytest.raises(TokenRefused) as raised:
        await both.call("list_events")
    assert (raised.value.error, raised.value.status, raised.value.request_id) == ("invalid_client", 401, "r-2")
    assert len(hospital.token_requests) == 1
    assert hospital.asked == []


async def test_the_token_endpoint_is_asked_again_when_it_is_away(both: Both, hospital: Hospital) -> None:
    hospital.token_answers = [httpx.ConnectError("refused"), problem(503, "kernel.database_unavailable")]
    hospital.answers = [httpx.Response(200, json=OK)]
    await both.call("list_events")
    assert len(hospital.token_requests) == 3


async def test_no_token_to_be_had_is_told(both: Both, hospital: Hospital) -> None:
    hospital.token_answers = [httpx.ConnectError("refused")] * 4
    with pytest.raises(ConnectionFailed) as raised:
        await both.call("list_events")
    assert raised.value.attempts == 4
    assert raised.value.idempotency_key is None


def test_threads_wait_for_one_token() -> None:
    hospital = Hospital(answers=[httpx.Response(200, json=OK) for _ in range(8)])
    together = threading.Barrier(8)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            time.sleep(0.05)
        return hospital(request)

    with HospitalClient(BASE_URL, SECRET, transport=httpx.MockTransport(answer)) as client:

        def read(_number: int) -> None:
            together.wait(10)
            client.list_events()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(read, range(8)))
    assert len(hospital.token_requests) == 1
    assert len(hospital.asked) == 8


async def test_tasks_wait_for_one_token() -> None:
    hospital = Hospital(answers=[httpx.Response(200, json=OK) for _ in range(8)])

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        return hospital(request)

    async with AsyncHospitalClient(BASE_URL, SECRET, transport=httpx.MockTransport(answer)) as client:
        await asyncio.gather(*(client.list_events() for _ in range(8)))
    assert len(hospital.token_requests) == 1
    assert len(hospital.asked) == 8


# --- retries


@pytest.mark.parametrize(
    "failure",
    [
        lambda: problem(429, "gateway.rate_limited", headers={"retry-after": "0"}),
        lambda: problem(503, "kernel.database_busy", headers={"retry-after": "0"}),
        lambda: httpx.Response(502, text="<html>"),
        lambda: httpx.ReadTimeout("slow"),
        lambda: httpx.ConnectError("refused"),
        lambda: httpx.RemoteProtocolError("cut"),
    ],
    ids=["429", "503", "502", "timeout", "connect", "cut"],
)
async def test_what_may_pass_is_asked_again_under_one_key(
    both: Both, hospital: Hospital, failure: Callable[[], httpx.Response | httpx.TransportError]
) -> None:
    hospital.answers = [failure(), failure(), httpx.Response(201, json={"id": "h"})]
    assert await both.call("hold_seat", HOLD) == {"id": "h"}
    for name in ("idempotency-key", "x-request-id"):
        assert len(set(hospital.header(name))) == 1
        assert hospital.header(name)[0]
    assert len({request.content for request in hospital.asked}) == 1


async def test_changes_have_keys_of_their_own_and_reads_none(both: Both, hospital: Hospital) -> None:
    hospital.answers = [httpx.Response(201, json={}), httpx.Response(201, json={}), httpx.Response(201, json={})]
    hospital.answers += [httpx.Response(200, json=OK), httpx.Response(200, json={"id": "p"})]
    await both.call("hold_seat", HOLD)
    await both.call("hold_seat", HOLD)
    await both.call("hold_seat", HOLD, idempotency_key="order-17", device_id="installation-1")
    await both.call("list_events")
    await both.call("find_patient", {"document": {"type": "PPN", "number": "E12345678"}})
    keys = hospital.header("idempotency-key")
    assert keys[2:] == ["order-17", None, None]
    assert None not in keys[:2]
    assert keys[0] != keys[1]
    assert hospital.header("device-id") == [None, None, "installation-1", None, None]


@pytest.mark.parametrize("status", [500, 409, 422])
async def test_what_will_not_pass_is_told_at_once(both: Both, hospital: Hospital, status: int) -> None:
    hospital.answers = [problem(status, "later.code")]
    with pytest.raises(Problem) as raised:
        await both.call("hold_seat", HOLD)
    assert raised.value.status == status
    assert len(hospital.asked) == 1


async def test_a_longer_wait_than_one_is_willing_to_is_raised(both: Both, hospital: Hospital) -> None:
    hospital.answers = [problem(429, "gateway.quota_used_up", headers={"retry-after": "3600"})]
    with pytest.raises(problems.GatewayQuotaUsedUp) as raised:
        await both.call("list_events")
    assert raised.value.retry_after_seconds == 3600
    assert len(hospital.asked) == 1


async def test_attempts_come_to_an_end(both: Both, hospital: Hospital) -> None:
    hospital.answers = [httpx.ReadTimeout("slow")] * 4
    with pytest.raises(ConnectionFailed) as raised:
        await both.call("hold_seat", HOLD, idempotency_key="order-18")
    assert (raised.value.attempts, raised.value.idempotency_key) == (4, "order-18")
    assert raised.value.request_id == hospital.header("x-request-id")[0]
    assert len(hospital.asked) == 4


def test_waits_grow_are_capped_and_never_sooner_than_asked() -> None:
    policy = RetryPolicy(attempts=9, first_seconds=0.5, longest_seconds=4)
    for attempt, whole in ((1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (8, 4.0)):
        waits = [policy.wait_seconds(attempt=attempt) for _ in range(200)]
        assert all(wait is not None and whole / 2 <= wait <= whole for wait in waits)
        assert len(set(waits)) > 100
    assert policy.wait_seconds(attempt=9) is None
    asked = [policy.wait_seconds(attempt=1, retry_after_seconds=3) for _ in range(200)]
    assert all(wait is not None and 3 <= wait <= 3.5 for wait in asked)
    assert policy.wait_seconds(attempt=1, retry_after_seconds=4.1) is None


def test_retry_after_is_seconds_or_an_instant() -> None:
    assert read_retry_after("7") == 7
    assert read_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert read_retry_after("soon") is None
    assert read_retry_after(None) is None


# --- answers


async def test_a_refusal_has_a_class_of_its_own(both: Both, hospital: Hospital) -> None:
    hospital.answers = [problem(409, "booking.already_booked", appointment_id="a-1")]
    with pytest.raises(problems.BookingAlreadyBooked) as raised:
        await both.call("hold_seat", HOLD)
    found = raised.value
    assert isinstance(found, Conflict)
    assert (found.code, found.status, found.detail, found.request_id) == ("booking.already_booked", 409, "d", "r-1")
    assert found.details == {"appointment_id": "a-1"}


async def test_a_code_of_tomorrow_is_told_by_its_status(both: Both, hospital: Hospital) -> None:
    hospital.answers = [problem(409, "booking.of_tomorrow")]
    with pytest.raises(Conflict) as raised:
        await both.call("hold_seat", HOLD)
    assert type(raised.value) is Conflict


@pytest.mark.parametrize("status", [200, 404])
async def test_a_proxys_page_is_not_taken_for_the_hospital(both: Both, hospital: Hospital, status: int) -> None:
    hospital.answers = [httpx.Response(status, text="<html>Sign in to the guest network</html>")]
    with pytest.raises(UnexpectedAnswer) as raised:
        await both.call("list_events")
    assert raised.value.status == status


async def test_the_directory_is_kept_and_asked_for_by_its_tag(both: Both, hospital: Hospital) -> None:
    tree = {"items": [{"id": "d"}]}
    hospital.answers = [
        httpx.Response(200, json=tree, headers={"etag": '"1"'}),
        httpx.Response(304),
        httpx.Response(200, json={"items": []}, headers={"etag": '"2"'}),
        httpx.Response(304),
    ]
    first = await both.call("get_department_tree")
    first["items"].clear()
    assert await both.call("get_department_tree") == tree
    assert await both.call("get_department_tree") == {"items": []}
    assert await both.call("get_department_tree") == {"items": []}
    assert hospital.header("if-none-match") == [None, '"1"', '"1"', '"2"']


async def test_what_concerns_patients_is_not_kept(both: Both, hospital: Hospital) -> None:
    hospital.answers = [httpx.Response(200, json={"id": "p"}, headers={"etag": '"1"'}) for _ in range(2)]
    await both.call("get_patient", HOLD["patient_id"])
    await both.call("get_patient", HOLD["patient_id"])
    assert hospital.header("if-none-match") == [None, None]


async def test_pages_are_turned_until_the_last(both: Both, hospital: Hospital) -> None:
    hospital.answers = [
        httpx.Response(200, json={"items": [{"id": "1"}, {"id": "2"}], "next": "c1"}),
        httpx.Response(200, json={"items": [{"id": "3"}], "next": None}),
    ]
    assert await both.call("iterate_campuses", limit=2) == [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    assert [str(request.url.query, "ascii") for request in hospital.asked] == ["limit=2", "limit=2&cursor=c1"]


async def test_a_feed_ends_with_an_empty_page(both: Both, hospital: Hospital) -> None:
    hospital.answers = [
        httpx.Response(200, json={"items": [{"id": "1"}], "next": "c1"}),
        httpx.Response(200, json={"items": [], "next": "c1"}),
    ]
    assert await both.call("iterate_events") == [{"id": "1"}]


async def test_a_list_that_goes_in_circles_is_told(both: Both, hospital: Hospital) -> None:
    hospital.answers = [httpx.Response(200, json={"items": [{"id": "1"}], "next": "c1"}) for _ in range(2)]
    with pytest.raises(UnexpectedAnswer):
        await both.call("iterate_events")


async def test_a_watch_goes_on_where_it_broke_off(both: Both, hospital: Hospital) -> None:
    begun = b'retry: 1\n\nid: 7\nevent: place\ndata: {"n": 1}\n\nevent: still-here\ndata: {}\n\nid: 8\ndata: {"half'
    more = b'id: 8\nevent: place\r\ndata: {"n":\ndata: 2}\n\n'
    hospital.answers = [
        httpx.Response(200, content=begun),
        httpx.ReadError("cut"),
        problem(401, "oauth.invalid_token"),
        httpx.Response(200, content=more),
        httpx.Response(204),
    ]
    assert await both.call("watch_queue_entry", HOLD["slot_id"]) == [{"n": 1}, {"n": 2}]
    assert hospital.header("last-event-id") == [None, "7", "7", "7", "8"]


@pytest.mark.parametrize("entry_id", ["", ".", ".."])
async def test_an_id_cannot_lead_to_another_path(both: Both, hospital: Hospital, entry_id: str) -> None:
    with pytest.raises(ValueError, match="An id is needed"):
        await both.call("get_queue_entry", entry_id)
    assert hospital.asked == []


async def test_an_id_stays_one_segment(both: Both, hospital: Hospital) -> None:
    hospital.answers = [problem(404, "request.not_found")]
    with pytest.raises(problems.RequestNotFound):
        await both.call("get_queue_entry", "../patients/1?x=y")
    assert hospital.asked[0].url.raw_path == b"/open/v1/queue/..%2Fpatients%2F1%3Fx%3Dy"


@pytest.mark.parametrize(
    "address",
    [
        "http://hospital.example",
        "hospital.example",
        "ftp://hospital.example",
        "https://u:p@h.example",
        "https://h.example/x",
    ],
)
def test_an_address_that_would_leak_or_mislead_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"hospital|https"):
        HospitalClient(address, SECRET)


def test_secrets_do_not_show() -> None:
    assert "s3cret" not in repr(SECRET)


async def test_what_is_no_path_of_the_hospital_gets_no_token(both: Both, hospital: Hospital) -> None:
    for path in ("https://evil.example/", "evil.example/", ""):
        with pytest.raises(ValueError, match="begins with a slash"):
            await both.call("request", "GET", path)
    assert hospital.asked == []


async def test_no_token_appears_where_it_is_logged(both: Both) -> None:
    token = await both.call("token")
    assert token.value == "token-1"
    assert "token-1" not in repr(token)
