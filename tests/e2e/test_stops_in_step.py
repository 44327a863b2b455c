"""Stopped clinics and extra numbers on the running platform: carried out in the background, and shown by the HIS."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories.both_sides import HisWindow, OpenApi, People, at_his, book, eventually
from tests.platform import Hospital

pytestmark = pytest.mark.slow

DAYS_AHEAD = 5
ADMINISTRATION = "/administration"
REFUSED_SUBSTITUTES = ("catalogue.schedule_clash", "catalogue.value_not_allowed", "catalogue.fee_missing")


def stop_and_wait(slot_office: OpenApi, schedule_id: str, **more: Any) -> dict[str, Any]:
    body = {"schedule_id": schedule_id, "reason": "医生临时停诊"} | more
    stop = slot_office.done(f"{ADMINISTRATION}/stops", body)

    def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = slot_office.get(f"{ADMINISTRATION}/stops/{stop['id']}")
        return shown if shown["status"] == "finished" else None

    return eventually("the stop finished", look)


def test_a_stopped_clinic_is_empty_on_both_sides(
    portal: OpenApi, slot_office: OpenApi, his: HisWindow, schedules: Iterator[str]
) -> None:
    people, schedule_id = People(), next(schedules)
    booked = [book(portal, people, schedule_id) for _ in range(3)]
    for one in booked:
        at_his(his, one["id"], status="booked")

    report = stop_and_wait(slot_office, schedule_id, steps=["cancel"])["report"]

    assert (report["cases"], report["cancelled"], report["seats_frozen"]) == (3, 3, report["seats"])
    for one in booked:
        at_his(his, one["id"], status="cancelled")
    sold = eventually("the window sells no number of it", lambda: _refused(his, people, schedule_id))
    assert sold == 409
    eventually("the events of all three", lambda: _stopped_events(portal) == 3 or None)


def _stopped_events(portal: OpenApi) -> int:
    kinds = [event["kind"] for event in portal.get("/events", limit="100")["items"]]
    return kinds.count("appointment.stopped")


def _refused(his: HisWindow, people: People, schedule_id: str) -> int | None:
    status = his.book(schedule_id, people.invent().at_window()).status_code
    return status if status != 201 else None


def test_an_appointment_is_with_the_substitute_on_both_sides(
    portal: OpenApi, slot_office: OpenApi, his: HisWindow, schedules: Iterator[str]
) -> None:
    people, schedule_id = People(), next(schedules)
    booked = book(portal, people, schedule_id)
    at_his(his, booked["id"], status="booked")
    codes = {
        one["id"]: one["code"]
        for one in slot_office.get(
            f"{ADMINISTRATION}/practitioners", department_id=booked["department_id"], limit="100"
        )["items"]
    }
    substitute = None
    for candidate in codes:
        body = {"schedule_id": schedule_id, "reason": "替诊", "steps": ["substitute", "keep"]}
        answer = slot_office.post(f"{ADMINISTRATION}/stops", body | {"substitute_practitioner_id": candidate})
        if answer.status_code == 201:
            substitute = candidate
            break
        # Busy at that hour, the same person, or of a title that does not give this service: the next one is asked.
        assert answer.json()["code"] in REFUSED_SUBSTITUTES, answer.text
    if substitute is None:
        pytest.skip("every practitioner of the department has a clinic at that hour")

    at_his(his, booked["id"], status="booked", practitioner_code=codes[substitute], version=2)
    shown = eventually(
        "the appointment confirmed",
        lambda: (found := slot_office.get(f"/appointments/{booked['id']}"))["his_status"] == "confirmed" and found,
    )
    assert shown["practitioner_id"] == substitute


def test_an_extra_number_is_known_to_the_his(
    portal: OpenApi, slot_office: OpenApi, his: HisWindow, own_hospital: Hospital, schedules: Iterator[str]
) -> None:
    schedule_id = next(schedules)
    patient_id = portal.register(People().invent())
    slot = portal.get("/slots", schedule_id=schedule_id)["items"][0]
    body = {"pool": "common", "patient_id": patient_id, "reason": "外地复诊患者"}
    asked = slot_office.done(f"{ADMINISTRATION}/slots/{slot['id']}/extra-seats", body)
    second = OpenApi.of(own_hospital, "slot_office", staff="S0002")
    approved = second.done(f"{ADMINISTRATION}/extra-seats/{asked['id']}/approve", {})
    second.http.close()
    there = at_his(his, approved["appointment_id"], status="booked")
    assert (there["schedule_id"], there["seq"]) == (schedule_id, approved["queue_number"])
