"""The platform really is down, all of it: each window goes on with its emergency quota, and afterwards both merge."""

from typing import Any

import httpx
import pytest

from tests.factories.both_sides import HisWindow, OpenApi, People, eventually, linked, reconcile, workday
from tests.platform import Hospital

pytestmark = pytest.mark.slow

DAYS_AHEAD = 5
PLATFORM = ("web-1", "web-2", "relay", "worker", "his-inbound")


def a_quota(slot_office: OpenApi, his: HisWindow, numbers: int) -> tuple[str, list[int]]:
    """A schedule of the coming days of which the HIS has confirmed so many numbers for its window, and these."""
    day = workday(DAYS_AHEAD)
    listed = eventually("schedules at the HIS", lambda: his.window_schedules(day) or None)
    schedule = listed[0]
    put(slot_office, schedule, numbers)
    eventually("the HIS's confirmation", lambda: quota_of(slot_office, schedule, unconfirmed=0, confirmed=numbers))
    return schedule, [one["seq"] for one in his.get(f"/api/schedules/{schedule}")["emergency"] if one["free"]]


def beside_it(his: HisWindow, schedule: str) -> str:
    """Another schedule of the same clinic that day."""
    listed = his.get("/api/schedules", date=workday(DAYS_AHEAD).isoformat())["schedules"]
    clinic = next(one["clinic_code"] for one in listed if one["schedule_id"] == schedule)
    return next(
        str(one["schedule_id"]) for one in listed if one["clinic_code"] == clinic and one["schedule_id"] != schedule
    )


def put(slot_office: OpenApi, schedule: str, numbers: int) -> None:
    path = f"/open/v1/administration/schedules/{schedule}/emergency-quota"
    answer = slot_office.http.put(path, json={"numbers": numbers}, headers={"idempotency-key": f"{schedule}-{numbers}"})
    assert answer.status_code == 200, answer.text


def quota_of(slot_office: OpenApi, schedule: str, **wanted: int) -> dict[str, Any] | None:
    """The schedule's quota, once it stands as wanted."""
    query: dict[str, str] = {"date": workday(DAYS_AHEAD).isoformat(), "limit": "100"}
    while True:
        page = slot_office.get("/administration/emergency-quotas", **query)
        for one in page["items"]:
            if one["schedule_id"] == schedule:
                found: dict[str, Any] = one
                return found if {name: found[name] for name in wanted} == wanted else None
        if page["next"] is None:
            return None
        query["cursor"] = page["next"]


def test_the_window_goes_on_and_both_merge_without_a_number_used_twice(
    own_hospital: Hospital, slot_office: OpenApi, portal: OpenApi, his: HisWindow
) -> None:
    people = People()
    schedule, numbers = a_quota(slot_office, his, 4)
    assert len(numbers) == 4
    twice = people.invent()
    first = portal.register(twice)
    beside = beside_it(his, schedule)
    slot = next(one for one in portal.get("/slots", schedule_id=beside)["items"] if one["available"])
    portal.done("/appointments", {"slot_id": slot["id"], "patient_id": first})
    held_back = [one["available"] for one in portal.get("/slots", schedule_id=schedule)["items"]]

    present = [name for name in PLATFORM if name in own_hospital.status()]
    for name in present:
        own_hospital.stop(name)
    with pytest.raises(httpx.TransportError):
        portal.http.get("/health/live")
    sold = [his.book(schedule, people.invent().at_window(), seq=seq) for seq in numbers[:2]]
    sold.append(his.book(schedule, twice.at_window(), seq=numbers[2]))
    assert [one.status_code for one in sold] == [201] * 3, [one.text for one in sold]
    assert {one.json()["platform_state"] for one in sold} == {"pending"}
    assert his.book(schedule, people.invent().at_window(), seq=numbers[0]).json()["code"] == "seat_taken"
    for name in present:
        own_hospital.start(name)

    merged = [linked(his, one.json()["his_id"]) for one in sold[:2]]
    for one, seq in zip(merged, numbers, strict=False):
        here = slot_office.get(f"/appointments/{one}")
        assert (here["status"], here["queue_number"], here["his_status"]) == ("booked", seq, "confirmed")
    # Who had a number already keeps the registration until somebody decides; here the slot office refuses it.
    case = eventually(
        "the case", lambda: next(iter(slot_office.get("/administration/window-cases", status="open")["items"]), None)
    )
    assert (case["his_id"], case["queue_number"], case["stands"]) == (sold[2].json()["his_id"], numbers[2], True)
    assert his.appointment(case["his_id"])["status"] == "booked"
    slot_office.done(f"/administration/window-cases/{case['id']}/refuse", {"note": "患者保留原预约"})
    eventually("the HIS to undo it", lambda: his.appointment(case["his_id"])["status"] == "cancelled" or None)

    # The unused part returns, and is on sale.
    put(slot_office, schedule, 0)
    eventually(
        "what was not used", lambda: quota_of(slot_office, schedule, recalled=0, confirmed=0, returned=2, sold=2)
    )
    available = [one["available"] for one in portal.get("/slots", schedule_id=schedule)["items"]]
    assert sum(available) == sum(held_back) + 2
    code, reports = reconcile(own_hospital, workday(DAYS_AHEAD).isoformat())
    assert (code, [one["left"] for one in reports]) == (0, [[], []])
    listed = slot_office.get("/appointments", schedule_id=schedule, limit="100")["items"]
    taken = [one["queue_number"] for one in listed if one["status"] == "booked"]
    assert sorted(taken) == numbers[:2]
    figures = httpx.get(f"{own_hospital.base_url}/metrics", trust_env=False).text.splitlines()
    assert "window_cases_open 0.0" in figures
