"""Waiting for a number by phone: what it means, joining, one's place, and answering what is offered."""

from datetime import timedelta
from uuid import UUID

import pytest

from kernel import clock
from kernel.ids import new_id
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.waiting_rooms import FullClinic


async def test_what_joining_means_is_told_before_and_after(open_api: OpenApi, phone: Phone) -> None:
    full = await FullClinic.of(open_api)
    await open_api.db.execute("UPDATE department SET name_zh = '心内科', name_en = 'Cardiology'")
    own = await phone.add_member()
    before = (await phone.get(f"/members/{own}/waitlist/prospect", params=full.target)).json()
    assert (before["standing"], before["waiting"], before["entry_id"]) == ("open", 0, None)
    assert (before["department"], before["date"]) == ("心内科", full.schedule.clinic_date.isoformat())
    assert (before["offer_minutes"], before["days_max"]) == (30, 31)
    joined = (await phone.post(f"/members/{own}/waitlist", full.target)).json()
    # What is told beforehand is what the list then does.
    assert joined["ends_at"] == before["closes_at"]
    phone.language = "en"
    after = (await phone.get(f"/members/{own}/waitlist/prospect", params=full.target)).json()
    assert (after["standing"], after["waiting"], after["entry_id"]) == ("waiting", 1, joined["id"])
    assert after["department"] == "Cardiology"


async def test_a_clinic_that_is_about_to_begin_has_no_list(open_api: OpenApi, phone: Phone) -> None:
    full = await FullClinic.of(open_api)
    await open_api.db.execute(
        "UPDATE schedule SET starts_at = $2 WHERE id = $1", full.schedule.id, clock.now() + timedelta(minutes=30)
    )
    own = await phone.add_member()
    asked = await phone.get(f"/members/{own}/waitlist/prospect", params=full.target)
    assert asked.json()["standing"] == "closed"
    refused = await phone.post(f"/members/{own}/waitlist", full.target)
    assert (refused.status_code, refused.json()["code"]) == (409, "waitlist.closed")


@pytest.mark.parametrize("kind", ["schedule", "practitioner", "department"])
async def test_what_is_named_by_the_wrong_kind_is_absent(open_api: OpenApi, phone: Phone, kind: str) -> None:
    full = await FullClinic.of(open_api)
    own = await phone.add_member()
    for target in (new_id(), open_api.hospital.department_id if kind != "department" else full.schedule.id):
        asked = {"target_kind": kind, "target_id": str(target)}
        answer = await phone.get(f"/members/{own}/waitlist/prospect", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (404, "waitlist.target_not_found")


async def test_a_doctor_is_waited_for_over_some_days(open_api: OpenApi, phone: Phone) -> None:
    full = await FullClinic.of(open_api)
    doctor = await open_api.db.fetchval("SELECT practitioner_id FROM schedule WHERE id = $1", full.schedule.id)
    own = await phone.add_member()
    target = {"target_kind": "practitioner", "target_id": str(doctor)}
    assert (await phone.get(f"/members/{own}/waitlist/prospect", params=target)).json()["closes_at"] is None
    days = {"date_from": clock.today().isoformat(), "date_until": full.schedule.clinic_date.isoformat()}
    joined = await phone.post(f"/members/{own}/waitlist", target | days | {"periods": ["morning"]})
    assert joined.status_code == 201, joined.text
    assert (joined.json()["practitioner"], joined.json()["date"], joined.json()["periods"]) == (
        "王建国",
        None,
        ["morning"],
    )


async def test_the_places_of_a_person_alone_are_listed_and_can_be_given_up(open_api: OpenApi, phone: Phone) -> None:
    full = await FullClinic.of(open_api)
    first, second = await full.joined(phone), await full.joined(phone, "parent")
    [entry] = (await phone.get(f"/members/{second.patient_id}/waitlist")).json()["items"]
    assert (entry["id"], entry["position"], entry["waiting"], entry["offer"]) == (second.entry_id, 2, 2, None)
    foreign = await phone.post(f"/members/{second.patient_id}/waitlist/{first.entry_id}/withdraw")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "waitlist.entry_not_found")

    gone = await phone.post(f"/members/{first.patient_id}/waitlist/{first.entry_id}/withdraw")
    assert (gone.json()["status"], gone.json()["position"]) == ("withdrawn", None)
    [entry] = (await phone.get(f"/members/{second.patient_id}/waitlist")).json()["items"]
    assert (entry["position"], entry["waiting"]) == (1, 1)


async def test_an_offer_is_shown_and_becomes_an_appointment(open_api: OpenApi, phone: Phone) -> None:
    full = await FullClinic.of(open_api)
    waiting = await full.offered(phone)
    offer = (await phone.get(waiting.address)).json()
    assert (offer["status"], offer["fee_fen"], offer["pays_first"], offer["order_id"]) == ("open", 1000, False, None)
    taken = await phone.post(f"{waiting.address}/accept", key="once")
    assert taken.status_code == 201, taken.text
    again = await phone.post(f"{waiting.address}/accept", key="once")
    assert (again.status_code, again.json()) == (201, taken.json())
    appointment = taken.json()["appointment_id"]
    booked = await open_api.db.fetchrow("SELECT patient_id, status FROM appointment WHERE id = $1", UUID(appointment))
    assert booked is not None
    assert tuple(booked) == (waiting.patient_id, "booked")
    after = (await phone.get(waiting.address)).json()
    assert (after["status"], after["appointment_id"]) == ("accepted", appointment)
    late = await phone.post(f"{waiting.address}/decline")
    assert (late.status_code, late.json()["code"]) == (409, "waitlist.offer_ended")


async def test_an_offer_whose_fee_is_paid_first_becomes_one_order(open_api: OpenApi, phone: Phone) -> None:
    full = await FullClinic.of(open_api)
    waiting = await full.offered(phone)
    await open_api.db.execute("UPDATE registration_payment_rule SET policy = 'at-booking'")
    assert (await phone.get(waiting.address)).json()["pays_first"] is True
    taken = [await phone.post(f"{waiting.address}/accept", key=key) for key in ("one", "two")]
    assert [one.status_code for one in taken] == [201, 201], taken[0].text
    [order_id] = {one.json()["order_id"] for one in taken}
    assert taken[0].json()["appointment_id"] is None
    order = await open_api.db.fetchrow(
        "SELECT patient_id, amount_fen, status FROM payment_order WHERE id = $1", UUID(order_id)
    )
    assert order is not None
    assert tuple(order) == (waiting.patient_id, 1000, "open")
    assert (await phone.get(waiting.address)).json()["order_id"] == order_id


async def test_an_offer_that_is_declined_passes_on_and_the_place_stays(open_api: OpenApi, phone: Phone) -> None:
    full = await FullClinic.of(open_api)
    first, second = await full.joined(phone), await full.joined(phone, "parent")
    await full.give_back()
    [entry] = (await phone.get(f"/members/{first.patient_id}/waitlist")).json()["items"]
    declined = await phone.post(f"/members/{first.patient_id}/offers/{entry['offer']['id']}/decline")
    assert declined.json()["status"] == "declined"
    [mine] = (await phone.get(f"/members/{first.patient_id}/waitlist")).json()["items"]
    [theirs] = (await phone.get(f"/members/{second.patient_id}/waitlist")).json()["items"]
    assert (mine["status"], mine["position"], mine["offer"]) == ("waiting", 1, None)
    assert theirs["offer"] is not None


async def test_another_members_offer_is_absent(open_api: OpenApi, phone: Phone) -> None:
    waiting = await (await FullClinic.of(open_api)).offered(phone)
    other = await phone.add_member("parent")
    for method, path in (("GET", ""), ("POST", "/accept"), ("POST", "/decline")):
        answer = await phone.send(method, f"/members/{other}/offers/{waiting.offer_id}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "waitlist.offer_not_found")
    assert (await phone.get(waiting.address)).json()["status"] == "open"
