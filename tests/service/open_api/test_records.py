"""What applications asked for is found again, and whom partners looked at is on disk before they see it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import time, timedelta
from typing import Any
from uuid import UUID

import pytest

from kernel import clock
from kernel.db import Database
from kernel.ids import new_id
from partners.request_records import RecordFilter, keep_days, list_records
from patients.access_log import Access, list_accesses
from schema.registry import documents
from tests.contract.conformity import ROUTES
from tests.factories.open_api import Caller, OpenApi

WRITTEN_SECONDS_MAX = 10.0


async def written(read: Callable[[], Awaitable[list[Any]]], count: int) -> list[Any]:
    """Wait for records, which are written beside the requests."""
    loop = asyncio.get_running_loop()
    until = loop.time() + WRITTEN_SECONDS_MAX
    while len(found := await read()) < count and loop.time() < until:
        await asyncio.sleep(0.05)
    return found


async def records_of(caller: Caller, count: int, **wanted: Any) -> list[dict[str, Any]]:
    wanted = {"client_id": caller.client_id} | wanted
    return await written(lambda: list_records(RecordFilter(**wanted), before=None, limit=100), count)


async def accesses_of(patient: UUID) -> list[Access]:
    return await list_accesses(patient_id=patient, limit=100)


async def test_a_request_is_recorded_with_who_what_whose_and_outcome(open_api: OpenApi) -> None:
    partner = await open_api.client()
    patient = await open_api.patient(partner)
    await partner.get(f"/patients/{patient}", headers={"X-Request-Id": "look-00001", "User-Agent": "okhttp/4.9"})
    await partner.get(f"/appointments/{new_id()}")

    missed, looked, registered, token = await records_of(partner, 4)

    assert (looked["operation"], looked["status"], looked["code"]) == ("GET /patients/<patient_id:uuid>", 200, None)
    assert (looked["patient_ids"], looked["request_id"]) == ([patient], "look-00001")
    assert (looked["network"], looked["agent"], looked["staff_code"]) == ("127.0.0.0/24", "app", None)
    assert 0 < looked["latency_microseconds"] < 30_000_000
    assert (token["operation"], token["status"], token["patient_ids"]) == ("POST /oauth/token", 200, [])
    assert (missed["status"], missed["code"]) == (404, "booking.appointment_not_found")
    assert (registered["operation"], registered["patient_ids"]) == ("POST /patients", [patient])
    assert await records_of(partner, 1, status=404) == [missed]
    assert await records_of(partner, 2, patient_id=patient) == [looked, registered]
    assert await records_of(partner, 1, request_id="look-00001") == [looked]
    assert await records_of(partner, 1, operation="POST /patients", until=looked["at"]) == [registered]


async def test_a_record_holds_no_name_number_or_full_address(open_api: OpenApi) -> None:
    partner = await open_api.client()
    await open_api.patient(partner, name="陈大文")
    await records_of(partner, 1)
    kept = str([dict(row) for row in await open_api.db.fetch("SELECT * FROM request_record")])
    assert "陈大文" not in kept
    assert "127.0.0.1" not in kept
    assert "python-httpx" not in kept


async def test_refusals_at_the_door_are_recorded_and_strangers_are_not(open_api: OpenApi) -> None:
    partner = await open_api.client()
    await open_api.db.execute(
        "INSERT INTO application_gate (client_id, stopped, stop_reason, stopped_at) VALUES ($1, true, 'r', now())",
        partner.client_id,
    )
    await partner.get("/campuses")
    await open_api.http.get("/open/v1/campuses", headers={"Authorization": "Bearer nonsense"})
    [refused] = await records_of(partner, 1, status=403)
    assert (refused["status"], refused["code"]) == (403, "gateway.application_stopped")
    assert await open_api.db.fetchval("SELECT count(*) FROM request_record WHERE client_id = ''") == 0


async def test_who_looked_at_a_patient_is_told_to_them(open_api: OpenApi) -> None:
    partner = await open_api.client()
    patient = await open_api.patient(partner)
    schedule = await open_api.hospital.schedule(seats=5)
    appointment = await open_api.book(schedule.slots[0], patient, partner)
    await partner.get(f"/patients/{patient}", headers={"X-Request-Id": "look-00002"})
    await partner.get("/appointments", params={"patient_id": str(patient)})
    await partner.post(f"/appointments/{appointment}/check-in-code")
    # Already there: nobody is answered before.
    found = await accesses_of(patient)
    assert [(entry.source, entry.operation, entry.action) for entry in reversed(found)] == [
        ("access", "POST /patients", "change"),
        ("booking", "booked", "change"),
        ("access", "GET /patients/<patient_id:uuid>", "read"),
        ("access", "GET /appointments", "read"),
        ("access", "POST /appointments/<appointment_id:uuid>/check-in-code", "read"),
    ]
    assert {entry.client_id for entry in found} == {partner.client_id}
    assert "look-00002" in {entry.request_id for entry in found}
    last = found[1]
    assert await list_accesses(patient_id=patient, before=(last.at, last.source, last.id), limit=9) == found[2:]


async def test_holding_is_told_by_its_own_event(open_api: OpenApi) -> None:
    partner = await open_api.client()
    patient = await open_api.patient(partner)
    schedule = await open_api.hospital.schedule(seats=5)
    await open_api.hold(schedule.slots[0], patient, partner)
    newest = (await accesses_of(patient))[0]
    assert (newest.source, newest.operation, newest.action) == ("booking", "held", "change")
    assert newest.client_id == partner.client_id


@pytest.mark.parametrize("path", ["/holds", "/appointments"])
async def test_an_answer_that_is_given_again_is_another_look(open_api: OpenApi, path: str) -> None:
    partner = await open_api.client()
    patient = await open_api.patient(partner)
    schedule = await open_api.hospital.schedule(seats=5)
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(patient)}
    first, again = [await partner.post(path, body, key="the-same-key") for _ in range(2)]
    assert first.json() == again.json()
    second, done, _ = await accesses_of(patient)
    assert (done.source, done.action) == ("booking", "change")
    assert (second.source, second.operation, second.action) == ("access", f"POST {path}", "read")
    assert second.request_id == again.headers["x-request-id"]


async def test_the_hospitals_own_looking_and_refused_looking_are_not_partners_access(open_api: OpenApi) -> None:
    patient = await open_api.patient(open_api.kiosk)
    stranger = await open_api.client()
    assert (await open_api.kiosk.get(f"/patients/{patient}")).status_code == 200
    assert (await stranger.get(f"/patients/{patient}")).status_code == 404
    assert await accesses_of(patient) == []


async def test_what_cannot_be_logged_is_not_shown(open_api: OpenApi) -> None:
    partner = await open_api.client()
    patient = await open_api.patient(partner)
    await open_api.db.execute("ALTER TABLE patient_access_log ADD CONSTRAINT closed CHECK (false) NOT VALID")
    try:
        answer = await partner.get(f"/patients/{patient}")
    finally:
        await open_api.db.execute("ALTER TABLE patient_access_log DROP CONSTRAINT closed")
    assert (answer.status_code, answer.json()["code"]) == (503, "kernel.unavailable")
    assert "name" not in answer.json()


async def test_many_look_at_once_and_each_look_is_logged(open_api: OpenApi) -> None:
    partner = await open_api.client()
    patient = await open_api.patient(partner)
    answers = await asyncio.gather(*(partner.get(f"/patients/{patient}") for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await accesses_of(patient)) == 41


async def test_days_are_made_ahead_and_dropped_after_their_time(database: Database) -> None:
    today = clock.today()
    far = today + timedelta(days=400)

    async def days() -> set[str]:
        rows = await database.fetch("SELECT relname FROM pg_class WHERE relname ~ '^request_record_[0-9]{8}$'")
        return {row[0] for row in rows}

    before = await days()
    assert f"request_record_{today:%Y%m%d}" in before
    late = clock.clinic_instant(far, time.min) + timedelta(hours=5)
    columns = "at, client_id, operation, status, latency_microseconds, request_id, agent, patient_ids"
    await database.execute(
        f"INSERT INTO request_record ({columns}) VALUES ($1, 'c', 'o', 200, 1, 'request-1', 'none', '{{}}')", late
    )
    assert await database.fetchval("SELECT count(*) FROM request_record_default") == 1

    async with database.transaction() as tx:
        made = await tx.fetchval("SELECT keep_request_record_days($1, $1, '2026-01-01')", far)
    assert made == 1
    assert await database.fetchval(f"SELECT count(*) FROM request_record_{far:%Y%m%d}") == 1
    assert await database.fetchval("SELECT count(*) FROM request_record_default") == 0
    async with database.transaction() as tx:
        # The last day goes too when everything before the day after it is old.
        await tx.fetchval("SELECT keep_request_record_days($1, $1, $2)", today, far + timedelta(days=1))
    assert await days() == {f"request_record_{today:%Y%m%d}"} & await days()
    await keep_days()
    assert before <= await days()


def test_every_route_with_somebodys_id_is_known_to_tell_whose() -> None:
    """A new route with such an id shows `patient_id` in its schema, or its handler names the patient."""
    told_by_handler = {
        "POST /patients",
        "POST /patients/lookup",
        "GET /patients/<patient_id:uuid>",
        "GET /appointments/<appointment_id:uuid>/stop",
        "POST /appointments/<appointment_id:uuid>/check-in-code",
        "GET /queue/<entry_id:uuid>/events",
    }
    owned = ("hold_id", "appointment_id", "patient_id", "entry_id", "offer_id", "ban_id")
    silent = {
        route.operation
        for route in ROUTES
        if not route.staff_only
        and any(f"<{name}:" in route.path for name in owned)
        and not _shows_patient(route.response or "")
    }
    assert silent <= told_by_handler


def _shows_patient(name: str) -> bool:
    schema = documents()[name]
    if "patient_id" in schema["properties"]:
        return True
    items = schema["properties"].get("items", {}).get("items", {}).get("$ref")
    return items is not None and "patient_id" in documents()[f"{name.rpartition('/')[0]}/{items}"]["properties"]
