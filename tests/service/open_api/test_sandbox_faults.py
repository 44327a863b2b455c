"""Faults as an application's own CI meets them: exactly those it asked for, on its own calls, and on no others."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from kernel import clock
from open_api.routing import PREFIX
from partners.sandbox.service import FAULTS_A_DAY_MAX
from tests.factories.open_api import Caller, OpenApi, eventually
from tests.factories.sandbox import FAULTS, GIVEN_BACK, end_faults, see_through, stop_clinic, trigger, wait_in_store
from tests.server import WebServer

FAULT_HEADER = "sandbox-fault"
LOOKS_MAX = 300
OFFERED = "SELECT status = 'offered' FROM stop_case WHERE order_id = $1"
PRODUCTION = {
    "MODE": "production",
    "PUBLIC_URL": "https://open.hospital.example",
    "HIS_MLLP": "127.0.0.1:1",
    "HIS_HTTP_URL": "https://his.hospital.example",
    "HIS_HTTP_TOKEN": "5d1b9c3e7f",
}


async def shown(caller: Caller, fault: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = (await caller.get(f"{FAULTS}/{fault['id']}")).json()
    return answer


# --- calls


async def test_an_error_before_anything_was_done(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=2)
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(await open_api.patient())}
    fault = await trigger(open_api.portal, kind="internal_error", operation="book_appointment")

    answer = await open_api.portal.post("/appointments", body, key="k1")

    assert (answer.status_code, answer.json()["code"]) == (500, "request.internal_error")
    assert answer.headers[FAULT_HEADER] == "internal_error"
    assert await open_api.db.fetchval("SELECT count(*) FROM appointment") == 0
    assert await open_api.db.fetchval("SELECT count(*) FROM idempotency_key") == 0
    again = await open_api.portal.post("/appointments", body, key="k1")
    assert (again.status_code, FAULT_HEADER in again.headers) == (201, False)
    assert (await shown(open_api.portal, fault))["status"] == "used_up"


async def test_an_error_after_the_effect_is_mended_by_the_key(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=2)
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(await open_api.patient())}
    await trigger(open_api.portal, kind="error_after_effect", operation="book_appointment")

    answer = await open_api.portal.post("/appointments", body, key="k1")

    assert (answer.status_code, answer.json()["code"]) == (500, "request.internal_error")
    booked = await open_api.db.fetchval("SELECT id FROM appointment WHERE status = 'booked'")
    assert booked is not None
    without = await open_api.portal.post("/appointments", body)
    assert (without.status_code, without.json()["code"]) == (409, "booking.already_booked")
    again = await open_api.portal.post("/appointments", body, key="k1")
    assert (again.status_code, again.json()["id"]) == (201, str(booked))
    assert await open_api.db.fetchval("SELECT count(*) FROM appointment") == 1


async def test_what_was_refused_is_no_effect_to_lose(open_api: OpenApi) -> None:
    fault = await trigger(open_api.portal, kind="error_after_effect")
    assert (await open_api.portal.post("/holds", {})).status_code == 422
    assert (await open_api.portal.get("/departments")).status_code == 200
    assert (await shown(open_api.portal, fault))["struck"] == 0
    schedule = await open_api.hospital.schedule(seats=2)
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(await open_api.patient(open_api.kiosk))}
    assert (await open_api.portal.post("/holds", body)).status_code == 404
    assert (await shown(open_api.portal, fault))["struck"] == 0


async def test_one_is_asked_to_slow_down(open_api: OpenApi) -> None:
    await trigger(open_api.portal, kind="rate_limited", seconds=7)
    answer = await open_api.portal.get("/departments")
    assert (answer.status_code, answer.json()["code"]) == (429, "gateway.rate_limited")
    assert (answer.headers["retry-after"], answer.json()["retry_after_seconds"]) == ("7", 7)
    assert answer.headers["ratelimit"] == '"sandbox-fault";r=0;t=7'
    again = await open_api.portal.get("/departments")
    assert again.status_code == 200
    assert again.headers["ratelimit"].startswith('"care";')


async def test_a_slow_answer_comes_after_its_seconds(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=2)
    patient = await open_api.patient()
    await trigger(open_api.portal, kind="slow_answer", operation="hold_seat", seconds=1)
    began = time.monotonic()
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(patient)}
    slow = asyncio.ensure_future(open_api.portal.post("/holds", body))
    for _ in range(400):
        if await open_api.db.fetchval("SELECT count(*) FROM hold"):
            break
        await asyncio.sleep(0.01)
    assert not slow.done(), "the seat is held before the answer comes"
    answer = await slow
    assert time.monotonic() - began >= 1
    assert (answer.status_code, answer.headers[FAULT_HEADER]) == (201, "slow_answer")


async def test_so_many_calls_are_hit_and_no_more_however_many_come_at_once(open_api: OpenApi) -> None:
    fault = await trigger(open_api.portal, kind="internal_error", calls=7)
    answers = await asyncio.gather(*(open_api.portal.get("/departments") for _ in range(30)))
    assert Counter(answer.status_code for answer in answers) == {500: 7, 200: 23}
    assert await shown(open_api.portal, fault) == fault | {"struck": 7, "status": "used_up"}


async def test_only_the_named_operation_is_hit(open_api: OpenApi) -> None:
    fault = await trigger(open_api.portal, kind="internal_error", operation="list_clinics")
    assert (await open_api.portal.get("/departments")).status_code == 200
    assert (await shown(open_api.portal, fault))["struck"] == 0
    assert (await open_api.portal.get("/clinics")).status_code == 500


async def test_nobody_else_is_hit(open_api: OpenApi) -> None:
    other = await open_api.client()
    await trigger(open_api.portal, kind="internal_error", calls=50)
    assert (await other.get("/departments")).status_code == 200
    assert (await open_api.kiosk.get("/departments")).status_code == 200
    assert (await open_api.portal.get("/departments")).status_code == 500


async def test_faults_themselves_are_never_hit(open_api: OpenApi) -> None:
    """Else nobody could call one off."""
    fault = await trigger(open_api.portal, kind="internal_error", calls=50)
    assert (await open_api.portal.get(FAULTS)).status_code == 200
    assert (await open_api.portal.send("DELETE", f"{FAULTS}/{fault['id']}")).status_code == 200


async def test_a_fault_ends_by_the_clock_alone(open_api: OpenApi) -> None:
    fault = await trigger(open_api.portal, kind="internal_error", calls=50, minutes=1)
    assert (await open_api.portal.get("/departments")).status_code == 500
    await end_faults(open_api)
    assert (await open_api.portal.get("/departments")).status_code == 200, "though the door still remembers it"
    assert (await shown(open_api.portal, fault))["status"] == "ended"


async def test_the_oldest_fault_hits_first(open_api: OpenApi) -> None:
    await trigger(open_api.portal, kind="rate_limited")
    await trigger(open_api.portal, kind="internal_error")
    assert [(await open_api.portal.get("/departments")).status_code for _ in range(3)] == [429, 500, 200]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"kind": "clinic_stopped"}, "appointment_id"),
        ({"kind": "webhook_lost", "operation": "book_appointment"}, "operation"),
        ({"kind": "internal_error", "event_type": "appointment.moved"}, "event_type"),
        ({"kind": "internal_error", "seconds": 3}, "seconds"),
        ({"kind": "slow_answer", "remedy": "offer"}, "remedy"),
        ({"kind": "slow_answer", "operation": "administration_list_rules"}, "operation"),
        ({"kind": "slow_answer", "operation": "cancel_fault"}, "operation"),
        ({"kind": "error_after_effect", "operation": "list_departments"}, "operation"),
    ],
)
async def test_what_means_nothing_is_refused(open_api: OpenApi, wanted: dict[str, Any], field: str) -> None:
    before = await open_api.fingerprint()
    answer = await open_api.portal.post(FAULTS, wanted)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "sandbox.fault_invalid", field)
    assert await open_api.fingerprint() == before


@pytest.mark.parametrize("more", [{"seconds": 31}, {"seconds": 0}, {"calls": 51}, {"minutes": 61}])
async def test_faults_are_bounded(open_api: OpenApi, more: dict[str, int]) -> None:
    answer = await open_api.portal.post(FAULTS, {"kind": "slow_answer"} | more)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.schema_violation")


async def test_so_many_are_asked_for_in_a_day(open_api: OpenApi) -> None:
    await open_api.db.execute(
        "INSERT INTO sandbox_fault (id, client_id, kind, calls, status, ends_at, created_at)"
        " SELECT gen_random_uuid(), $1, 'internal_error', 1, 'cancelled', $2, $2 FROM generate_series(1, $3)",
        open_api.portal.client_id,
        clock.now() - timedelta(hours=23),
        FAULTS_A_DAY_MAX,
    )
    before = await open_api.fingerprint()
    answer = await open_api.portal.post(FAULTS, {"kind": "internal_error"})
    assert (answer.status_code, answer.json()["code"]) == (409, "sandbox.fault_limit_reached")
    assert answer.json()["limit"] == FAULTS_A_DAY_MAX
    assert await open_api.fingerprint() == before
    await open_api.db.execute("UPDATE sandbox_fault SET created_at = created_at - interval '2 hours'")
    await trigger(open_api.portal, kind="internal_error")


async def test_without_the_scope_nothing_is_asked_for(open_api: OpenApi) -> None:
    partner = await open_api.client(scopes=["catalogue.read"])
    answer = await partner.post(FAULTS, {"kind": "slow_answer"})
    assert (answer.status_code, answer.json()["code"]) == (403, "oauth.insufficient_scope")
    assert await open_api.db.fetchval("SELECT count(*) FROM sandbox_fault") == 0


# --- clinics


async def eventually_told(caller: Caller, kind: str) -> list[str]:
    """Transactions of tests beside this one put the feed off."""
    for _ in range(LOOKS_MAX):
        told = [event["kind"] for event in (await caller.get("/events", params={"limit": 100})).json()["items"]]
        if kind in told:
            return told
        await asyncio.sleep(0.02)
    raise AssertionError(f"{kind} was never told: {told}")


async def test_a_stopped_clinic_is_a_real_one(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=4)
    appointment = await open_api.book(schedule.slots[0], await open_api.patient())

    fault = await stop_clinic(open_api, appointment)

    assert fault["stop_level"] == "schedule"
    shown_stop = await open_api.portal.get(f"/appointments/{appointment}/stop")
    assert (shown_stop.json()["stop_id"], shown_stop.json()["status"]) == (fault["stop_id"], "cancelled")
    assert (await open_api.portal.get(f"/appointments/{appointment}")).json()["status"] == "cancelled"
    told = await eventually_told(open_api.portal, "appointment.stopped")
    assert "schedule.stopped" in told
    free = await open_api.db.fetchval(
        "SELECT count(*) FROM seat WHERE schedule_id = $1 AND status = 'free'", schedule.id
    )
    assert free == 0


async def test_others_keep_their_numbers(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=4)
    other = await open_api.client()
    theirs = await open_api.book(schedule.slots[0], await open_api.patient(other), other)
    ours = await open_api.book(schedule.slots[0], await open_api.patient())

    fault = await stop_clinic(open_api, ours)

    assert fault["stop_level"] == "seat"
    assert (await open_api.portal.get(f"/appointments/{ours}")).json()["status"] == "cancelled"
    assert (await other.get(f"/appointments/{theirs}")).json()["status"] == "booked"
    assert (await other.get(f"/appointments/{theirs}/stop")).status_code == 404
    assert (await open_api.portal.get(f"/schedules/{schedule.id}")).json()["available"] == 2


async def test_a_hold_of_another_is_kept_too(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=4)
    other = await open_api.client()
    hold = await open_api.hold(schedule.slots[0], await open_api.patient(other), other)
    ours = await open_api.book(schedule.slots[0], await open_api.patient())
    assert (await stop_clinic(open_api, ours))["stop_level"] == "seat"
    assert (await other.get(f"/holds/{hold}")).json()["status"] == "active"


async def test_a_stop_is_called_off(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=4)
    await open_api.hospital.schedule(seats=1)
    appointment = await open_api.book(schedule.slots[0], await open_api.patient())
    fault = await stop_clinic(open_api, appointment, remedy="offer", until=OFFERED)

    answer = await open_api.portal.send("DELETE", f"{FAULTS}/{fault['id']}")

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    await see_through(open_api, fault, GIVEN_BACK)
    assert (await open_api.portal.get(f"/schedules/{schedule.id}")).json()["available"] == 3


async def test_no_more_than_a_few_clinics_are_stopped(open_api: OpenApi) -> None:
    for _ in range(3):
        schedule = await open_api.hospital.schedule(seats=2)
        await stop_clinic(open_api, await open_api.book(schedule.slots[0], await open_api.patient()))
    schedule = await open_api.hospital.schedule(seats=2)
    appointment = await open_api.book(schedule.slots[0], await open_api.patient())
    stops = await open_api.db.fetchval("SELECT count(*) FROM stop_order")
    answer = await open_api.portal.post(FAULTS, {"kind": "clinic_stopped", "appointment_id": str(appointment)})
    assert (answer.status_code, answer.json()["code"]) == (409, "sandbox.fault_limit_reached")
    assert await open_api.db.fetchval("SELECT count(*) FROM stop_order") == stops


# --- production


@pytest.fixture(scope="module")
def production(
    tmp_path_factory: pytest.TempPathFactory, web_server: WebServer, database_url: str, redis_url: str
) -> Iterator[WebServer]:
    """A web process of a production, on the database that a sandbox's fault stands in."""
    folder: Path = tmp_path_factory.mktemp("production")
    urls = {"database_url": database_url, "redis_url": redis_url}
    with WebServer.up(folder, **urls, keys_from=web_server.keys_dir, **PRODUCTION) as server:
        yield server


async def test_a_production_knows_nothing_of_faults(open_api: OpenApi, production: WebServer) -> None:
    await wait_in_store(open_api, open_api.portal, "internal_error", calls=50)
    here = await eventually(lambda: open_api.portal.get("/departments"), 500)
    assert here.headers[FAULT_HEADER] == "internal_error"
    struck = await open_api.db.fetchval("SELECT struck FROM sandbox_fault")
    async with httpx.AsyncClient(base_url=production.base_url, timeout=30) as http:
        form, auth = {"grant_type": "client_credentials"}, (open_api.portal.client_id, open_api.portal.secret)
        token = (await http.post("/oauth/token", data=form, auth=auth)).json()["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        for _ in range(3):
            answer = await http.get(f"{PREFIX}/departments", headers=bearer)
            assert (answer.status_code, FAULT_HEADER in answer.headers) == (200, False)
        for method, path in (("GET", FAULTS), ("POST", FAULTS), ("DELETE", f"{FAULTS}/{struck}")):
            answer = await http.request(method, PREFIX + path, headers=bearer)
            assert (answer.status_code, answer.json()["code"]) == (404, "request.not_found")
        document = (await http.get(f"{PREFIX}/openapi.json")).json()
        assert not [path for path in document["paths"] if "/sandbox/" in path]
        metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
        assert "sandbox.manage" not in metadata["scopes_supported"]
    assert await open_api.db.fetchval("SELECT struck FROM sandbox_fault") == struck
