"""What a channel reads of schedules: its own free seats, its own opening hours, the nearest first."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest

from booking import service
from booking.catalogue.errors import EntryNotFound, RangeTooLong
from booking.openings import (
    Place,
    ScheduleFilter,
    ScheduleOpening,
    SlotOpening,
    distance_metres,
    get_schedule,
    list_schedules,
    nearest_openings,
)
from kernel import clock
from kernel.db import Database
from tests.factories.booking import PORTAL, HospitalUnderTest, ScheduleUnderTest
from tests.factories.catalogue import add_campus, switch_off

GUANGZHOU = Place(23.1331, 113.2644)


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    return await HospitalUnderTest(database).build()


async def schedules(
    hospital: HospitalUnderTest, *, channel: str = "portal", after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[ScheduleOpening]:
    wanted = ScheduleFilter(department_id=hospital.department_id)
    return await list_schedules(wanted, channel=channel, first=None, last=None, after=after, limit=limit)


async def nearest(
    hospital: HospitalUnderTest,
    *,
    channel: str = "portal",
    place: Place | None = None,
    closest_first: bool = False,
    limit: int = 50,
) -> list[SlotOpening]:
    wanted = ScheduleFilter(department_id=hospital.department_id)
    return await nearest_openings(wanted, channel=channel, place=place, closest_first=closest_first, limit=limit)


async def move_to(hospital: HospitalUnderTest, schedule: ScheduleUnderTest, campus: UUID) -> None:
    await hospital.db.execute("UPDATE schedule SET campus_id = $2 WHERE id = $1", schedule.id, campus)


async def test_free_seats_are_those_of_the_channels_own_pools(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3, slots=2, pools={"1": "reserve", "6": "reserve"})
    [patient] = await hospital.patients(1)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL)

    assert [(entry.id, entry.available, entry.opens_at) for entry in await schedules(hospital)] == [
        (schedule.id, 3, None)
    ]
    assert [entry.available for entry in await schedules(hospital, channel="kiosk")] == [5]


async def test_a_schedule_before_its_release_says_when_it_opens(hospital: HospitalUnderTest) -> None:
    opens_at = clock.now().replace(microsecond=0) + timedelta(hours=5)
    schedule = await hospital.schedule(seats=3, opens_at=opens_at)

    found = await get_schedule(schedule.id, channel="portal")

    assert (found.available, found.opens_at) == (0, opens_at)
    assert await nearest(hospital) == []


async def test_a_schedule_that_the_channel_never_gets_is_absent(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3)
    await hospital.db.execute("DELETE FROM schedule_release WHERE channel = 'portal'")

    assert await schedules(hospital) == []
    assert await nearest(hospital) == []
    with pytest.raises(EntryNotFound):
        await get_schedule(schedule.id, channel="portal")
    assert [entry.id for entry in await schedules(hospital, channel="kiosk")] == [schedule.id]


@pytest.mark.parametrize("change", ["withdrawn", "clinic off"])
async def test_what_is_not_on_sale_is_absent(hospital: HospitalUnderTest, change: str) -> None:
    schedule = await hospital.schedule(seats=3)
    if change == "withdrawn":
        await hospital.db.execute("UPDATE schedule SET status = 'withdrawn'")
    else:
        await switch_off(hospital.db, "clinic", hospital.clinic_id)

    assert await schedules(hospital) == []
    assert await nearest(hospital) == []
    with pytest.raises(EntryNotFound):
        await get_schedule(schedule.id, channel="portal")


async def test_pages_follow_one_another_without_gap_or_repeat(hospital: HospitalUnderTest) -> None:
    made = [await hospital.schedule(seats=1, starts_in=timedelta(days=1 + n // 2)) for n in range(5)]
    expected = [entry.id for entry in await schedules(hospital)]
    assert {entry.id for entry in made} == set(expected)

    seen: list[UUID] = []
    after = None
    while part := await schedules(hospital, after=after, limit=2):
        seen += [entry.id for entry in part]
        after = (part[-1].starts_at, part[-1].id)

    assert seen == expected


@pytest.mark.parametrize(("days", "refused"), [(-1, True), (0, False), (30, False), (31, True)])
async def test_a_range_of_days_is_bounded(hospital: HospitalUnderTest, days: int, refused: bool) -> None:  # noqa: FBT001  a table of cases
    wanted = ScheduleFilter(department_id=hospital.department_id)
    first = clock.today()
    question = list_schedules(
        wanted, channel="portal", first=first, last=first + timedelta(days=days), after=None, limit=10
    )
    if refused:
        with pytest.raises(RangeTooLong) as raised:
            await question
        assert raised.value.details == {"days_max": 31}
    else:
        assert await question == []


async def test_the_nearest_openings_are_bookable_now_and_in_order(hospital: HospitalUnderTest) -> None:
    # No clinic goes on over midnight, so the test is at noon whenever it runs.
    with clock.frozen(clock.clinic_instant(clock.today(), time(12))):
        later = await hospital.schedule(seats=1, slots=2, starts_in=timedelta(days=20))
        sooner = await hospital.schedule(seats=2, slots=2, starts_in=timedelta(days=1))
        await hospital.schedule(seats=1, starts_in=timedelta(days=1), other_department=True)
        sold_out = await hospital.schedule(seats=1, starts_in=timedelta(hours=20))
        begun = await hospital.schedule(seats=1, slots=2, starts_in=timedelta(minutes=-10))
        people = await hospital.patients(2)
        for schedule, patient in ((sold_out, people[0]), (sooner, people[1])):
            await service.hold_seat(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL)

        found = await nearest(hospital)

        assert [(entry.slot_id, entry.available) for entry in found] == [
            (begun.slots[1], 1),
            (sooner.slots[0], 1),
            (sooner.slots[1], 2),
            (later.slots[0], 1),
            (later.slots[1], 1),
        ]
        assert await nearest(hospital, limit=2) == found[:2]


async def test_a_hold_whose_time_is_over_counts_as_free(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [patient] = await hospital.patients(1)
    hold = await service.hold_seat(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL)

    assert (await get_schedule(schedule.id, channel="portal")).available == 0
    with clock.frozen(hold.until):
        assert (await get_schedule(schedule.id, channel="portal")).available == 1
        assert [entry.slot_id for entry in await nearest(hospital)] == [schedule.slots[0]]


async def test_the_closest_campus_comes_first_if_asked(hospital: HospitalUnderTest) -> None:
    near = await add_campus(hospital.db, "near", latitude=23.1289, longitude=113.3315)
    far = await add_campus(hospital.db, "far", latitude=22.9376, longitude=113.4103)
    soon = await hospital.schedule(seats=1, starts_in=timedelta(days=1))
    late = await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    await move_to(hospital, soon, far)
    await move_to(hospital, late, near)

    by_time = await nearest(hospital, place=GUANGZHOU)
    by_distance = await nearest(hospital, place=GUANGZHOU, closest_first=True)

    assert [(entry.campus_id, entry.distance_metres) for entry in by_time] == [(far, 26_372), (near, 6_877)]
    assert [entry.campus_id for entry in by_distance] == [near, far]
    assert [entry.distance_metres for entry in await nearest(hospital)] == [None, None]


def test_distances() -> None:
    assert distance_metres(GUANGZHOU, GUANGZHOU) == 0
    # A degree of latitude, and half the way round the world.
    assert distance_metres(Place(0, 0), Place(1, 0)) == 111_195
    assert distance_metres(Place(0, 0), Place(0, 180)) == 20_015_115


async def test_instants_are_utc(hospital: HospitalUnderTest) -> None:
    await hospital.schedule(seats=1)
    [found] = await schedules(hospital)
    assert found.starts_at.tzinfo == UTC


async def test_the_nearest_openings_begin_with_the_day_that_is_asked_for(hospital: HospitalUnderTest) -> None:
    soon = await hospital.schedule(seats=1)
    later = await hospital.schedule(seats=1, starts_in=timedelta(days=5))
    wanted = ScheduleFilter(department_id=hospital.department_id)

    async def first_from(day: date | None) -> list[UUID]:
        found = await nearest_openings(
            wanted, channel="portal", place=None, closest_first=False, limit=5, first_day=day
        )
        return [entry.schedule_id for entry in found]

    assert await first_from(None) == await first_from(date(2000, 1, 1)) == [soon.id, later.id]
    assert await first_from(soon.clinic_date + timedelta(days=1)) == [later.id]
    assert await first_from(later.clinic_date + timedelta(days=1)) == []
