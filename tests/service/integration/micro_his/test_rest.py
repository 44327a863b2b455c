"""The micro-HIS's REST side: guarded, bounded, and just what the platform's adapter pulls."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from integration.exchange.hl7v2.profile import Hl7Profile
from integration.his.adapters.hl7v2_mllp import Hl7MllpHis
from integration.his.adapters.rest import RestHisPull
from integration.his.errors import HisUnavailable
from integration.his.facts import AppointmentStatus
from integration.his.port import ChangeKind, InboundKind
from integration.micro_his import queries
from tests.factories.both_sides import People
from tests.service.integration.micro_his.conftest import (
    DAY,
    TOKEN,
    MicroHisProcess,
    a_schedule,
    an_appointment,
    tell,
    tell_schedule,
)

GUARDED = (
    ("GET", f"/api/appointments?date={DAY}"),
    ("GET", "/api/appointments/H00000001"),
    ("GET", f"/api/schedules?date={DAY}"),
    ("GET", f"/api/schedules/{uuid.UUID(int=1)}"),
    ("GET", "/api/changes?after=0"),
    ("GET", "/api/patients?mr=MR00000001"),
    ("POST", "/api/window/bookings"),
    ("POST", "/api/window/bookings/H00000001/cancel"),
    ("POST", "/api/window/registrations"),
)


@pytest.fixture
async def pull(micro_his: MicroHisProcess) -> AsyncIterator[RestHisPull]:
    """The platform's own adapter, asking this micro-HIS."""
    adapter = RestHisPull(
        source="MICROHIS", base_url=str(micro_his.http.base_url), token=TOKEN, profile=Hl7Profile("MICROHIS")
    )
    yield adapter
    await adapter.close()


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("given", ["", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"])
async def test_nothing_is_shown_or_done_without_the_token(
    micro_his: MicroHisProcess, method: str, path: str, given: str
) -> None:
    before = await micro_his.everything()

    answer = await micro_his.http.request(method, path, headers={b"authorization": given.encode()})

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert await micro_his.everything() == before


@pytest.mark.parametrize(
    "path",
    [
        "/api/appointments",
        "/api/appointments?date=yesterday",
        "/api/appointments?date=2026-02-30",
        f"/api/appointments?date={DAY}&cursor=-1",
        f"/api/appointments?date={DAY}&cursor=99999999999999999999",
        "/api/appointments?platform_id=1",
        "/api/appointments/x'--",
        f"/api/schedules?date={DAY}&cursor=1",
        "/api/schedules/none",
        "/api/changes?after=x",
        "/api/patients",
        "/api/patients?mr=" + "x" * 100,
    ],
)
async def test_what_cannot_be_meant_is_refused(micro_his: MicroHisProcess, path: str) -> None:
    answer = await micro_his.http.get(path)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b'{"clerk": "W1", "more": 1}'])
async def test_a_body_that_is_no_request_is_refused(micro_his: MicroHisProcess, body: bytes) -> None:
    answer = await micro_his.http.post("/api/window/registrations", content=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_huge_body_is_refused(micro_his: MicroHisProcess) -> None:
    answer = await micro_his.http.post("/api/window/bookings", content=b'{"clerk": "' + b"x" * 100_000 + b'"}')

    assert answer.status_code == 413
    assert await micro_his.serves()


async def test_there_is_nothing_elsewhere(micro_his: MicroHisProcess) -> None:
    assert (await micro_his.http.get("/api/nothing")).json()["code"] == "not_found"
    assert (await micro_his.http.delete("/api/changes")).json()["code"] == "not_found"


async def test_the_day_is_pulled_by_the_platforms_adapter(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis, pull: RestHisPull
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    kept, given_back = an_appointment(schedule, 1), an_appointment(schedule, 3)
    for one in (kept, given_back):
        await tell(platform_port, ChangeKind.APPOINTMENT_BOOKED, one)
    cancelled = replace(given_back, status=AppointmentStatus.CANCELLED, version=2)
    await tell(platform_port, ChangeKind.APPOINTMENT_CANCELLED, cancelled)

    found = {one.platform_id: one for one in await pull.fetch_appointments(DAY)}

    there = found[kept.platform_id]
    assert (there.schedule_id, there.sequence, there.status, there.version, there.patient_id) == (
        schedule.schedule_id, 1, AppointmentStatus.BOOKED, 1, kept.patient.platform_id,
    )  # fmt: skip
    assert (there.starts_at, there.booked_by_his) == (kept.starts_at, False)
    assert found[given_back.platform_id].status is AppointmentStatus.CANCELLED
    (listed,) = (one for one in await pull.fetch_schedules(DAY) if one.schedule_id == schedule.schedule_id)
    assert (listed.clinic_code, listed.practitioner_code, listed.status, listed.version, listed.seats) == (
        "YX0301", "D0001", "active", 1, 10,
    )  # fmt: skip


async def test_a_day_of_several_pages_is_pulled_whole(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis, pull: RestHisPull
) -> None:
    day = DAY + timedelta(days=40)
    await micro_his.db.execute(
        "INSERT INTO schedule SELECT gen_random_uuid(), 'C', 'R', 'D', 'general', $1, 'morning', 'active', 0, 1, now()"
        " FROM generate_series(1, $2)",
        day,
        2 * queries.PAGE_ROWS + 7,
    )

    found = await pull.fetch_schedules(day)

    assert len({one.schedule_id for one in found}) == len(found) == 2 * queries.PAGE_ROWS + 7


async def test_the_feed_tells_what_the_wire_told_in_order(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis, pull: RestHisPull
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    start = await micro_his.db.fetchval("SELECT last FROM message_counter")
    person = People().invent().at_window()
    body = {"schedule_id": str(schedule.schedule_id), "patient": person, "clerk": "W001"}
    sold = (await micro_his.http.post("/api/window/bookings", json=body, timeout=30)).json()
    await micro_his.http.post(f"/api/window/bookings/{sold['his_id']}/cancel", json={"clerk": "W001"})

    page = await pull.fetch_changes(start)

    assert [item.position for item in page.items] == [start + 1, start + 2]
    changes = [change for item in page.items for change in item.changes]
    assert [change.kind for change in changes] == [InboundKind.APPOINTMENT_BOOKED, InboundKind.APPOINTMENT_CANCELLED]
    told = [change.control_id for change in changes]
    async with asyncio.timeout(30):
        while [one for _, one in micro_his.platform.told if one in told] != told:
            await asyncio.sleep(0.02)
    assert page.complete


async def test_a_his_that_does_not_know_the_token_is_unavailable(micro_his: MicroHisProcess) -> None:
    stranger = RestHisPull(
        source="MICROHIS", base_url=str(micro_his.http.base_url), token="wrong", profile=Hl7Profile("MICROHIS")
    )
    with pytest.raises(HisUnavailable):
        await stranger.fetch_appointments(DAY)
    await stranger.close()


async def test_a_chart_is_found_by_any_of_its_numbers(micro_his: MicroHisProcess, platform_port: Hl7MllpHis) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    one = an_appointment(schedule, 1)
    await tell(platform_port, ChangeKind.APPOINTMENT_BOOKED, one)

    by_platform = (
        await micro_his.http.get("/api/patients", params={"platform_id": str(one.patient.platform_id)})
    ).json()
    (chart,) = by_platform["patients"]
    assert chart["document_number"] == one.patient.document_number
    for query in ({"mr": chart["mr"]}, {"document_number": chart["document_number"]}):
        assert (await micro_his.http.get("/api/patients", params=query)).json() == by_platform
    nobody = await micro_his.http.get("/api/patients", params={"mr": "MR99999999"})
    assert nobody.json() == {"patients": []}


async def test_machines_see_the_queue(micro_his: MicroHisProcess) -> None:
    await micro_his.everything()

    text = (await micro_his.http.get("/metrics")).text

    assert "micro_his_waiting_messages 0.0" in text
    assert "micro_his_platform_up 1.0" in text
