"""Coming to a visit by phone: when and where, by place and by code, and the place in the queue as it moves."""

from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from schema.registry import violations
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.waiting_rooms import Visitor
from tests.service.open_api.test_queue_events import reading


async def test_checking_in_by_place_leads_into_the_queue(open_api: OpenApi, phone: Phone) -> None:
    visitor = await Visitor.of(open_api, phone)
    before = (await phone.get(visitor.check_in)).json()
    assert (before["standing"], before["queue_entry_id"], before["room"]) == ("open", None, "1 诊室")
    came = await visitor.come()
    assert came.status_code == 201, came.text
    place = came.json()
    assert (place["label"], place["status"], place["people_before"]) == ("A01", "waiting", 0)
    after = (await phone.get(visitor.check_in)).json()
    assert (after["standing"], after["queue_entry_id"]) == ("done", place["id"])
    again = await visitor.come()
    assert (again.status_code, again.json()["code"]) == (409, "queue.already_checked_in")
    assert again.json()["entry_id"] == place["id"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"latitude": 23.3}, "queue.place_too_far"),
        ({"accuracy_meters": 5000}, "queue.place_inaccurate"),
        ({"is_mock": True}, "queue.place_mocked"),
        ({"fixed_at": "2020-01-01T00:00:00Z"}, "queue.place_outdated"),
    ],
)
async def test_a_place_that_will_not_do_is_refused(
    open_api: OpenApi, phone: Phone, more: dict[str, Any], code: str
) -> None:
    visitor = await Visitor.of(open_api, phone)
    answer = await visitor.come(**more)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert (await phone.get(visitor.check_in)).json()["standing"] == "open"


async def test_checking_in_has_its_time(open_api: OpenApi, phone: Phone) -> None:
    early = await Visitor.of(open_api, phone, starts_in=timedelta(days=1))
    told = (await phone.get(early.check_in)).json()
    refused = (await early.come()).json()
    assert (told["standing"], refused["code"]) == ("early", "queue.check_in_not_open")
    assert refused["opens_at"] >= told["opens_at"] or told["opens_at"] > clock.now().isoformat()
    late = await Visitor.of(open_api, phone, starts_in=timedelta(days=-1), relationship="parent")
    assert (await phone.get(late.check_in)).json()["standing"] == "late"
    assert (await late.come()).json()["code"] == "queue.check_in_closed"
    await open_api.db.execute("UPDATE appointment SET status = 'noshow' WHERE id = $1", late.appointment_id)
    assert (await phone.get(late.check_in)).json()["standing"] == "off"


async def test_the_code_that_a_phone_shows_is_taken_by_a_kiosk_alone(open_api: OpenApi, phone: Phone) -> None:
    visitor = await Visitor.of(open_api, phone)
    code = (await phone.post(f"{visitor.check_in}-code")).json()["code"]
    kiosk = await open_api.client("internal", channel="kiosk", scopes=("checkin.write",))
    came = await kiosk.post("/check-ins", {"way": "code", "code": code})
    assert came.status_code == 201, came.text
    assert (await phone.get(visitor.check_in)).json()["queue_entry_id"] == came.json()["id"]


async def test_a_place_is_found_by_its_appointment_too_and_tells_how_it_stands(open_api: OpenApi, phone: Phone) -> None:
    visitor = await Visitor.in_queue(open_api, phone)
    by_visit = await phone.get(f"/members/{visitor.patient_id}/queue/{visitor.appointment_id}")
    assert by_visit.json() == (await phone.get(visitor.place)).json()
    await visitor.step("call")
    called = (await phone.get(visitor.place)).json()
    assert (called["status"], called["people_before"], called["estimate"]) == ("called", None, None)
    await visitor.step("pass")
    missed = (await phone.get(visitor.place)).json()
    assert (missed["status"], missed["pass_places"]) == ("passed", 3)


async def test_another_members_visit_is_absent(open_api: OpenApi, phone: Phone) -> None:
    visitor = await Visitor.in_queue(open_api, phone)
    other = await phone.add_member("parent")
    for path in (f"queue/{visitor.entry_id}", f"queue/{visitor.appointment_id}", f"queue/{visitor.entry_id}/events"):
        answer = await phone.get(f"/members/{other}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "queue.entry_not_found")
    answer = await phone.get(f"/members/{other}/appointments/{visitor.appointment_id}/check-in")
    assert (answer.status_code, answer.json()["code"]) == (404, "booking.appointment_not_found")


async def test_a_phone_that_watches_hears_of_each_step_until_the_end(open_api: OpenApi, phone: Phone) -> None:
    visitor = await Visitor.in_queue(open_api, phone)
    seen: list[str] = []
    steps = ["call", "start", "finish"]
    address = f"{open_api.server.base_url}/app/v1{visitor.place}/events"
    async with reading(address, phone.headers()) as events:
        while (told := await events.next()) is not None:
            assert (told[1], violations("app/queue_place.json", told[2])) == ("place", [])
            seen.append(told[2]["status"])
            if steps:
                await visitor.step(steps.pop(0))
    assert seen == ["waiting", "called", "in-consultation", "finished"]
