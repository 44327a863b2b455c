"""What the slot office changes over the API counts for the next patient, without anything being restarted."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract.conftest import SlotOffice
from tests.factories.booking import ScheduleUnderTest
from tests.factories.open_api import OpenApi

BASE = "/administration"


@pytest.fixture
async def schedule(open_api: OpenApi) -> ScheduleUnderTest:
    """Two half hours of three seats, the last of each slot the reserve's; on sale to the portal."""
    return await open_api.hospital.schedule(seats=3, slots=2, pools={"3": "reserve", "6": "reserve"})


async def claim(
    open_api: OpenApi, schedule: ScheduleUnderTest, *, kind: str = "appointments", slot: int = 0, sex: int = 1,
    patient: Any = None,
) -> Any:  # fmt: skip
    """Have the portal hold or book a seat for somebody; gives the answer."""
    patient_id = patient or await open_api.patient(sex=sex)
    return await open_api.portal.post(f"/{kind}", {"slot_id": str(schedule.slots[slot]), "patient_id": str(patient_id)})


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def clinics_rule(open_api: OpenApi, office: SlotOffice, **values: Any) -> Any:
    """Give the clinic a rule of its own."""
    return await office.add(f"{BASE}/booking-rules", clinic_id=str(open_api.hospital.clinic_id), **values)


async def test_holds_last_as_long_as_the_clinic_says(
    open_api: OpenApi, office: SlotOffice, schedule: ScheduleUnderTest
) -> None:
    def seconds(hold: Any) -> float:
        return (datetime.fromisoformat(hold["until"]) - datetime.fromisoformat(hold["created_at"])).total_seconds()

    assert seconds((await claim(open_api, schedule, kind="holds")).json()) == 900
    rule = await clinics_rule(open_api, office, hold_seconds=120)
    assert seconds((await claim(open_api, schedule, kind="holds")).json()) == 120
    await office.ask("DELETE", f"{BASE}/booking-rules/{rule['id']}?version=1", status=200)
    assert seconds((await claim(open_api, schedule, kind="holds", slot=1)).json()) == 900


async def test_a_persons_day_is_as_full_as_the_rules_say(
    open_api: OpenApi, office: SlotOffice, schedule: ScheduleUnderTest
) -> None:
    patient = await open_api.patient()
    assert (await claim(open_api, schedule, patient=patient)).status_code == 201
    later = await open_api.hospital.schedule(seats=3)
    assert refusal(await claim(open_api, later, patient=patient)) == (409, "booking.already_booked")
    rule = await clinics_rule(open_api, office, once_per_department_day=False, daily_limit=1)
    assert refusal(await claim(open_api, later, patient=patient)) == (409, "booking.daily_limit_reached")
    await office.ask("PATCH", f"{BASE}/booking-rules/{rule['id']}", {"version": 1, "daily_limit": 5}, status=200)
    # Who stands in the day by the stricter rule keeps that place; a new person comes twice.
    other = await open_api.patient()
    for one in (schedule, later):
        assert (await claim(open_api, one, patient=other)).status_code == 201


async def test_cancelling_and_moving_end_when_the_rules_say(
    open_api: OpenApi, office: SlotOffice, schedule: ScheduleUnderTest
) -> None:
    appointment = (await claim(open_api, schedule)).json()
    path = f"/appointments/{appointment['id']}"
    move = {"slot_id": str(schedule.slots[1])}
    rule = await clinics_rule(open_api, office, cancel_minutes_before=7 * 24 * 60)
    assert refusal(await open_api.portal.post(f"{path}/cancel", {})) == (409, "booking.cancel_deadline_passed")
    change = {"version": 1, "cancel_minutes_before": 0, "reschedule_limit": 0}
    await office.ask("PATCH", f"{BASE}/booking-rules/{rule['id']}", change, status=200)
    answer = await open_api.portal.post(f"{path}/reschedule", move)
    assert refusal(answer) == (409, "booking.reschedule_limit_reached")
    change = {"version": 2, "reschedule_limit": 1}
    await office.ask("PATCH", f"{BASE}/booking-rules/{rule['id']}", change, status=200)
    assert (await open_api.portal.post(f"{path}/reschedule", move)).status_code == 200
    assert (await open_api.portal.post(f"{path}/cancel", {})).status_code == 200


async def test_a_clinic_admits_whom_it_says(open_api: OpenApi, office: SlotOffice, schedule: ScheduleUnderTest) -> None:
    path = f"{BASE}/clinics/{open_api.hospital.clinic_id}"
    await office.ask("PATCH", path, {"version": 1, "sex_allowed": 2}, status=200)
    answer = await claim(open_api, schedule, sex=1)
    assert (*refusal(answer), answer.json()["rule"]) == (409, "booking.patient_not_eligible", "sex")
    assert (await claim(open_api, schedule, sex=2)).status_code == 201
    await office.ask("PATCH", path, {"version": 2, "sex_allowed": None, "age_years_min": 120}, status=200)
    answer = await claim(open_api, schedule)
    assert (*refusal(answer), answer.json()["rule"]) == (409, "booking.patient_not_eligible", "age_years_min")


async def test_seats_open_when_the_rules_say(
    open_api: OpenApi, office: SlotOffice, schedule: ScheduleUnderTest
) -> None:
    """Nobody sells without a rule; a rule opens at its hour; what is left of a pool becomes common at T-x."""
    rule = await office.add(
        f"{BASE}/release-rules", channel="portal", pool="common", kind="days_ahead", days_ahead=0, at_time="00:00",
        clinic_id=str(open_api.hospital.clinic_id),
    )  # fmt: skip
    answer = await claim(open_api, schedule)
    assert refusal(answer) == (409, "booking.not_released")
    opens_at = datetime.fromisoformat(answer.json()["opens_at"])
    assert opens_at == datetime.fromisoformat(f"{schedule.clinic_date}T00:00:00+08:00")

    path = f"{BASE}/release-rules/{rule['id']}"
    await office.ask("PATCH", path, {"version": 1, "days_ahead": 30}, status=200)
    assert await available(open_api, schedule) == [2, 2]
    pool = f"{BASE}/pools/reserve"
    await office.ask("PATCH", pool, {"version": 1, "recycle_minutes_before": 7 * 24 * 60}, status=200)
    assert await available(open_api, schedule) == [3, 3]
    await office.ask("PATCH", path, {"version": 2, "active": False}, status=200)
    assert refusal(await claim(open_api, schedule)) == (404, "booking.slot_not_found")


async def available(open_api: OpenApi, schedule: ScheduleUnderTest) -> list[int]:
    """What the portal may book in each slot now."""
    shown = (await open_api.portal.get("/slots", params={"schedule_id": str(schedule.id)})).json()
    return [slot["available"] for slot in sorted(shown["items"], key=lambda slot: str(slot["starts_at"]))]


async def test_a_fixed_instant_opens_seats(open_api: OpenApi, office: SlotOffice, schedule: ScheduleUnderTest) -> None:
    soon = schedule.starts_at - timedelta(hours=1)
    rule = await office.add(
        f"{BASE}/release-rules", channel="portal", pool="common", kind="fixed", fixed_at=soon.isoformat("T", "seconds")
    )
    assert refusal(await claim(open_api, schedule)) == (409, "booking.not_released")
    past = {"version": 1, "fixed_at": "2026-01-01T00:00:00Z"}
    await office.ask("PATCH", f"{BASE}/release-rules/{rule['id']}", past, status=200)
    assert (await claim(open_api, schedule)).status_code == 201
