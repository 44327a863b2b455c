"""Platform and HIS in step, from both ends of the wire: what one side does, the other shows."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from tests.factories.both_sides import (
    HisWindow,
    OpenApi,
    People,
    at_his,
    at_platform,
    book,
    eventually,
    linked,
    reconcile,
    sell_at_window,
    workday,
)
from tests.platform import Hospital

pytestmark = pytest.mark.slow

DAYS_AHEAD = 4


def test_a_booking_over_the_open_api_is_shown_by_the_his(
    portal: OpenApi, slot_office: OpenApi, his: HisWindow, people: People, schedules: Iterator[str]
) -> None:
    booked = book(portal, people, next(schedules))

    there = at_his(his, booked["id"], status="booked")

    assert (there["schedule_id"], there["seq"], there["source"], there["version"]) == (
        booked["schedule_id"], booked["queue_number"], "platform", booked["version"],
    )  # fmt: skip
    assert there["patient"]["platform_id"] == booked["patient_id"]
    at_platform(slot_office, booked["id"], his_status="confirmed")


def test_a_moved_and_then_cancelled_appointment_is_so_at_the_his(
    portal: OpenApi, his: HisWindow, people: People, schedules: Iterator[str]
) -> None:
    schedule = next(schedules)
    booked = book(portal, people, schedule)
    slots = [one for one in portal.get("/slots", schedule_id=schedule)["items"] if one["available"] > 0]
    moved = portal.done(f"/appointments/{booked['id']}/reschedule", {"slot_id": slots[-1]["id"]})

    def moved_there() -> dict[str, Any] | None:
        found = his.find(platform_id=booked["id"])
        return found if found and found["version"] == moved["version"] else None

    there = eventually("the move at the HIS", moved_there)
    assert (there["status"], there["seq"]) == ("booked", moved["queue_number"])

    portal.done(f"/appointments/{booked['id']}/cancel", {"reason": "changed my mind"})
    assert at_his(his, booked["id"], status="cancelled")["seq"] == moved["queue_number"]


def test_a_number_sold_at_the_window_is_shown_by_the_open_api(
    slot_office: OpenApi, his: HisWindow, people: People, schedules: Iterator[str]
) -> None:
    sold = sell_at_window(his, people, next(schedules))

    assert (sold["platform_state"], sold["source"]) == ("confirmed", "window")
    here = slot_office.get(f"/appointments/{linked(his, sold['his_id'])}")
    assert (here["status"], here["schedule_id"], here["queue_number"], here["channel"], here["his_status"]) == (
        "booked", sold["schedule_id"], sold["seq"], "his_window", "confirmed",
    )  # fmt: skip


def test_a_number_given_back_at_the_window_is_cancelled_at_the_platform(
    portal: OpenApi, slot_office: OpenApi, his: HisWindow, people: People, schedules: Iterator[str]
) -> None:
    schedule = next(schedules)
    sold = sell_at_window(his, people, schedule)
    booked = book(portal, people, schedule)
    there = at_his(his, booked["id"], status="booked")

    for his_id in (sold["his_id"], there["his_id"]):
        assert his.cancel(his_id).json()["status"] == "cancelled"

    at_platform(slot_office, linked(his, sold["his_id"]), status="cancelled", cancel_reason="cancelled_at_his")
    at_platform(slot_office, booked["id"], status="cancelled", cancel_reason="cancelled_at_his")
    # The number is on sale again, to the window as before.
    again = sell_at_window(his, people, schedule, seq=sold["seq"])
    assert again["platform_state"] == "confirmed"


def test_who_is_registered_at_the_window_has_arrived_at_the_platform(
    portal: OpenApi, slot_office: OpenApi, his: HisWindow, people: People, schedules: Iterator[str]
) -> None:
    booked = book(portal, people, next(schedules))
    there = at_his(his, booked["id"], status="booked")

    answer = his.register(there["his_id"])

    assert answer.status_code == 201
    assert answer.json()["visit_number"].startswith("V")
    at_platform(slot_office, booked["id"], status="arrived")
    assert his.register(there["his_id"]).json()["code"] == "appointment_not_active"
    assert his.complete(there["his_id"]).json()["status"] == "fulfilled"
    at_platform(slot_office, booked["id"], status="fulfilled")


def test_a_number_that_the_platform_sold_is_not_the_windows(
    portal: OpenApi, his: HisWindow, people: People, schedules: Iterator[str]
) -> None:
    schedule = next(schedules)
    booked = book(portal, people, schedule)

    answer = his.book(schedule, people.invent().at_window(), seq=booked["queue_number"])

    assert (answer.status_code, answer.json()["code"]) == (409, "not_for_window")
    assert at_his(his, booked["id"], status="booked")["patient"]["platform_id"] == booked["patient_id"]


def test_bookings_go_on_while_the_his_is_down_and_it_catches_up(
    own_hospital: Hospital, portal: OpenApi, slot_office: OpenApi, his: HisWindow, people: People,
    schedules: Iterator[str],
) -> None:  # fmt: skip
    schedule = next(schedules)
    own_hospital.stop("micro-his")
    with pytest.raises(httpx.TransportError):
        his.get("/health")
    booked = [book(portal, people, schedule) for _ in range(5)]
    kept, given_back = booked[:4], booked[4]
    portal.done(f"/appointments/{given_back['id']}/cancel", {})
    assert {slot_office.get(f"/appointments/{one['id']}")["his_status"] for one in booked} == {"pending"}
    own_hospital.start("micro-his")

    for one in kept:
        assert at_his(his, one["id"], status="booked")["seq"] == one["queue_number"]
        at_platform(slot_office, one["id"], his_status="confirmed")
    at_his(his, given_back["id"], status="cancelled")


def test_the_window_goes_on_while_the_platform_is_down_and_it_catches_up(
    own_hospital: Hospital, slot_office: OpenApi, his: HisWindow, people: People, schedules: Iterator[str]
) -> None:
    schedule = next(schedules)
    own_hospital.stop("his-inbound")
    sold = sell_at_window(his, people, schedule)
    assert sold["platform_state"] == "pending"
    own_hospital.start("his-inbound")

    def confirmed() -> dict[str, Any] | None:
        found = his.appointment(sold["his_id"])
        return found if found["platform_state"] == "confirmed" and found["platform_id"] else None

    there = eventually("the window's number at the platform", confirmed)
    here = slot_office.get(f"/appointments/{there['platform_id']}")
    assert (here["status"], here["queue_number"]) == ("booked", sold["seq"])


def test_a_killed_his_loses_nothing_that_it_acknowledged(
    own_hospital: Hospital, portal: OpenApi, slot_office: OpenApi, his: HisWindow, people: People,
    schedules: Iterator[str],
) -> None:  # fmt: skip
    schedule = next(schedules)
    booked = [book(portal, people, schedule) for _ in range(3)]
    own_hospital.kill("micro-his")
    booked += [book(portal, people, schedule) for _ in range(3)]

    for one in booked:
        assert at_his(his, one["id"], status="booked")["seq"] == one["queue_number"]
        at_platform(slot_office, one["id"], his_status="confirmed")


def test_both_sides_agree_in_the_end(own_hospital: Hospital) -> None:
    day = workday(DAYS_AHEAD).isoformat()

    def agree() -> list[dict[str, Any]] | None:
        code, reports = reconcile(own_hospital, day)
        return reports if code == 0 else None

    reports = eventually("agreement", agree)

    by_name = {one["comparer"]: one for one in reports}
    assert by_name.keys() == {"appointments", "schedules"}
    assert by_name["appointments"]["compared"] == by_name["appointments"]["equal"] > 0
    assert by_name["schedules"]["compared"] == by_name["schedules"]["equal"] > 0
    assert [one["left"] for one in reports] == [[], []]
    figures = httpx.get(f"{own_hospital.base_url}/metrics", trust_env=False).text.splitlines()
    for line in (
        "his_link_up 1.0",
        'his_backlog_letters{box="outbox"} 0.0',
        'his_lag_seconds{box="inbox"} 0.0',
        'his_dead_letters{box="outbox"} 0.0',
        'his_divergence_records{comparer="appointments"} 0.0',
    ):
        assert line in figures


async def test_what_the_his_lost_is_told_again(
    own_hospital: Hospital, portal: OpenApi, his: HisWindow, people: People, schedules: Iterator[str]
) -> None:
    """Its database is damaged behind its back: the difference is found, repaired, and gone at the next run."""
    booked = book(portal, people, next(schedules))
    there = at_his(his, booked["id"], status="booked")
    day = workday(DAYS_AHEAD).isoformat()
    await forget(own_hospital, there["his_id"])

    code, reports = reconcile(own_hospital, day)

    (appointments,) = (one for one in reports if one["comparer"] == "appointments")
    assert code == 0
    assert [(one["key"], one["kind"], one["rule"]) for one in appointments["repaired"]] == [
        (booked["id"], "missing_in_his", "told_again")
    ]
    assert at_his(his, booked["id"], status="booked")["seq"] == booked["queue_number"]


async def forget(hospital: Hospital, his_id: str) -> None:
    """Lose an appointment out of the HIS's own database, as a bad restore would."""
    secrets = json.loads((hospital.data / "state.json").read_text())["secrets"]
    here = urlsplit(hospital.run["database_url"])
    where = f"micro_his:{secrets['his_database']}@{here.hostname}:{here.port}"
    connection = await asyncpg.connect(here._replace(netloc=where, path="/micro_his").geturl())
    try:
        assert await connection.execute("DELETE FROM appointment WHERE his_id = $1", his_id) == "DELETE 1"
    finally:
        await connection.close()
