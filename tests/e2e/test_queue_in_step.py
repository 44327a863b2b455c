"""Who was registered at the HIS's window waits before the doctor's door, is called and seen; and the HIS knows."""

from collections.abc import Iterator
from datetime import time
from functools import partial
from typing import Any

import pytest

from tests.factories.both_sides import HisWindow, OpenApi, People, at_his, eventually, linked, sell_at_window
from tests.platform import Hospital

pytestmark = pytest.mark.slow

MORNING = time(6, 30)
"""The windows' own share goes back an hour before a clinic begins."""


@pytest.fixture(scope="module")
def own_hospital() -> Iterator[Hospital]:
    """A platform on the morning of a clinic day, whatever hour it really is."""
    with Hospital.up(at=MORNING) as hospital:
        yield hospital


@pytest.fixture(scope="module")
def clinics(own_hospital: Hospital, his: HisWindow) -> Iterator[dict[str, Any]]:
    """Today's clinics of which the window sells numbers, each for one test."""
    today = own_hospital.today()
    listed = eventually("schedules at the HIS", lambda: his.window_schedules(today) or None)
    return iter([his.get(f"/api/schedules/{one}") for one in listed[:4]])


def door_of(slot_office: OpenApi, schedule_id: str) -> dict[str, str]:
    """Who is seen there, and where: what a nurse's screen knows of its own door."""
    schedule = slot_office.get(f"/schedules/{schedule_id}")
    return {"practitioner_id": schedule["practitioner_id"], "room_id": schedule["room_id"]}


def waiting_at(slot_office: OpenApi, door: dict[str, str]) -> list[dict[str, Any]]:
    queues = slot_office.get("/queues", room_id=door["room_id"])["items"]
    return [
        entry for queue in queues if queue["practitioner_id"] == door["practitioner_id"] for entry in queue["waiting"]
    ]


def see(slot_office: OpenApi, door: dict[str, str], entry_id: str) -> dict[str, Any]:
    """Call whose turn it is, and see them to the end."""
    called = slot_office.done("/queues/call-next", door)
    assert (called["id"], called["status"]) == (entry_id, "called")
    assert slot_office.done(f"/queue/{entry_id}/start", {})["status"] == "in-consultation"
    finished: dict[str, Any] = slot_office.done(f"/queue/{entry_id}/finish", {})
    assert finished["status"] == "finished"
    return finished


def test_a_number_of_the_window_is_called_and_the_his_knows_that_it_was_seen(
    slot_office: OpenApi, his: HisWindow, people: People, clinics: Iterator[dict[str, Any]]
) -> None:
    clinic = next(clinics)
    door = door_of(slot_office, clinic["schedule_id"])
    sold = sell_at_window(his, people, clinic["schedule_id"])
    appointment_id = linked(his, sold["his_id"])
    assert waiting_at(slot_office, door) == []

    assert his.register(sold["his_id"]).status_code == 201
    [entry] = eventually("a place in the queue", lambda: waiting_at(slot_office, door) or None)
    assert (entry["appointment_id"], entry["way"], entry["people_before"]) == (appointment_id, "his", 0)
    assert slot_office.get(f"/appointments/{appointment_id}")["status"] == "arrived"
    see(slot_office, door, entry["id"])

    seen = at_his(his, appointment_id, status="fulfilled")
    assert seen["his_id"] == sold["his_id"]
    assert slot_office.get(f"/appointments/{appointment_id}")["status"] == "fulfilled"
    assert waiting_at(slot_office, door) == []


def _has_waiting(slot_office: OpenApi, door: dict[str, str], count: int) -> bool | None:
    return len(waiting_at(slot_office, door)) == count or None


def test_who_walks_in_without_a_number_is_called_after_those_who_came_first(
    slot_office: OpenApi, his: HisWindow, people: People, clinics: Iterator[dict[str, Any]]
) -> None:
    clinic = next(clinics)
    door = door_of(slot_office, clinic["schedule_id"])
    told = {"clinic_code": clinic["clinic_code"], "practitioner_code": clinic["practitioner_code"], "clerk": "W001"}
    for count in (1, 2):
        answer = his.http.post("/api/window/registrations", json={**told, "patient": people.invent().at_window()})
        assert (answer.status_code, answer.json()["appointment"]) == (201, None)
        eventually("a place in the queue", partial(_has_waiting, slot_office, door, count))

    first, second = waiting_at(slot_office, door)
    assert [(one["appointment_id"], one["way"], one["people_before"]) for one in (first, second)] == [
        (None, "his", 0),
        (None, "his", 1),
    ]
    see(slot_office, door, first["id"])
    see(slot_office, door, second["id"])
    assert slot_office.post("/queues/call-next", door).json()["code"] == "queue.nobody_waiting"


def test_who_was_registered_while_the_listener_was_away_still_gets_a_place(
    own_hospital: Hospital, slot_office: OpenApi, his: HisWindow, people: People, clinics: Iterator[dict[str, Any]]
) -> None:
    clinic = next(clinics)
    door = door_of(slot_office, clinic["schedule_id"])
    sold = sell_at_window(his, people, clinic["schedule_id"])
    own_hospital.stop("his-inbound")
    assert his.register(sold["his_id"]).status_code == 201
    assert waiting_at(slot_office, door) == []
    own_hospital.start("his-inbound")

    [entry] = eventually("a place in the queue", lambda: waiting_at(slot_office, door) or None)
    see(slot_office, door, entry["id"])
    at_his(his, entry["appointment_id"], status="fulfilled")
