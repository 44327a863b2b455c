import json
from typing import Any

from booking import availability, service
from kernel.db import Database
from tests.factories.booking import PORTAL, HospitalUnderTest, ScheduleUnderTest


async def slots(schedule: ScheduleUnderTest, channel: str = "portal") -> list[dict[str, Any]]:
    answers = await availability.slots_of_schedules([schedule.id], channel)
    found: list[dict[str, Any]] = json.loads(f"[{','.join(answers)}]")
    return found


async def test_each_slot_counts_what_the_channel_may_take(clean_database: str, database: Database) -> None:
    hospital = await HospitalUnderTest(database).build()
    schedule = await hospital.schedule(seats=3, slots=2, pools={"3": "reserve"})
    [person] = await hospital.patients(1)
    await service.book_appointment(slot_id=schedule.slots[1], patient_id=person, actor=PORTAL)

    assert [slot["available"] for slot in await slots(schedule)] == [2, 2]
    assert [slot["available"] for slot in await slots(schedule, "kiosk")] == [3, 2]


async def test_a_clinic_that_is_switched_off_shows_nothing(clean_database: str, database: Database) -> None:
    hospital = await HospitalUnderTest(database).build()
    schedule = await hospital.schedule(seats=3)
    assert len(await slots(schedule)) == 1

    await database.execute("UPDATE clinic SET active = false")

    assert await slots(schedule) == []
