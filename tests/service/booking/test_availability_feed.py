"""The feed of availability: what changes for a channel is found, each schedule once, by its latest place."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from booking import service
from booking.availability_feed import (
    KEPT,
    FeedPlace,
    purge_changes,
    read_changes,
    watch_availability,
)
from booking.errors import FeedCursorExpired
from kernel import clock
from kernel.db import Database
from tests.factories.booking import PORTAL, HospitalUnderTest


@pytest.fixture
async def hospital(database: Database) -> AsyncIterator[HospitalUnderTest]:
    """A hospital at noon: what is hours away is the same day."""
    noon = clock.now().replace(hour=4, minute=0, second=0, microsecond=0)
    with clock.frozen(noon):
        yield await HospitalUnderTest(database).build()


class Reader:
    """A channel that reads on from where it was."""

    def __init__(self, channel: str = "portal", *, limit: int = 100) -> None:
        self.channel, self.limit = channel, limit
        self.place: FeedPlace | None = None

    async def read(self) -> list[UUID]:
        page = await read_changes(self.channel, after=self.place, limit=self.limit)
        self.place = page.next
        return page.schedule_ids


async def test_a_schedule_is_told_of_once_however_often_it_changed(
    database: Database, hospital: HospitalUnderTest
) -> None:
    first, second = await hospital.schedule(seats=5), await hospital.schedule(seats=5)
    await watch_availability(database)
    portal = Reader()
    assert sorted(await portal.read()) == sorted([first.id, second.id])
    people = await hospital.patients(4)
    for person in people[:3]:
        await service.book_appointment(slot_id=first.slots[0], patient_id=person, actor=PORTAL)
        await watch_availability(database)
    assert await portal.read() == [first.id]
    assert await portal.read() == []
    assert await watch_availability(database) == 0, "nothing is new, so nothing moves"


async def test_only_channels_that_see_a_difference_are_told(database: Database, hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3, pools={"3": "reserve"})
    await watch_availability(database)
    portal, kiosk = Reader(), Reader("kiosk")
    assert await portal.read() == await kiosk.read() == [schedule.id]
    await database.execute(
        "UPDATE seat SET status = 'blocked' WHERE schedule_id = $1 AND pool = 'reserve'", schedule.id
    )
    await watch_availability(database)
    assert (await portal.read(), await kiosk.read()) == ([], [schedule.id])


async def test_what_changes_by_the_clock_alone_is_found(database: Database, hospital: HospitalUnderTest) -> None:
    now = clock.now()
    soon = await hospital.schedule(seats=2, opens_at=now + timedelta(minutes=10))
    starting = await hospital.schedule(seats=2, starts_in=timedelta(minutes=5))
    held = await hospital.schedule(seats=2)
    [person] = await hospital.patients(1)
    await service.hold_seat(slot_id=held.slots[0], patient_id=person, actor=PORTAL)
    await watch_availability(database)
    portal = Reader()
    assert len(await portal.read()) == 3
    with clock.frozen(now + timedelta(minutes=6)):
        await watch_availability(database)
        assert await portal.read() == [starting.id]
    with clock.frozen(now + timedelta(minutes=11)):
        await watch_availability(database)
        assert await portal.read() == [soon.id]
    with clock.frozen(now + timedelta(minutes=16)):
        await watch_availability(database)
        assert await portal.read() == [held.id], "the hold has ended, whether a timer has run or not"


async def test_pages_lead_through_everything_and_then_on(database: Database, hospital: HospitalUnderTest) -> None:
    schedules = [await hospital.schedule(seats=1) for _ in range(5)]
    await watch_availability(database)
    portal = Reader(limit=2)
    pages = [await portal.read() for _ in range(4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert {one for page in pages for one in page} == {schedule.id for schedule in schedules}
    await database.execute("UPDATE schedule SET status = 'withdrawn' WHERE id = $1", schedules[2].id)
    await watch_availability(database)
    assert await portal.read() == [schedules[2].id]


async def test_a_cursor_that_is_too_old_is_refused(database: Database, hospital: HospitalUnderTest) -> None:
    today = clock.today()
    with pytest.raises(FeedCursorExpired):
        await read_changes("portal", after=FeedPlace(1, today - KEPT - timedelta(days=1)), limit=10)
    with pytest.raises(FeedCursorExpired):
        await read_changes("portal", after=FeedPlace(10**12, today), limit=10)
    assert (await read_changes("portal", after=FeedPlace(0, today - KEPT), limit=10)).next.given_on == today


async def test_schedules_that_are_over_are_forgotten_later(database: Database, hospital: HospitalUnderTest) -> None:
    await hospital.schedule(seats=1)
    await watch_availability(database)
    later = clock.now() + timedelta(days=2) + KEPT
    with clock.frozen(later):
        assert await purge_changes(database) == 0
    with clock.frozen(later + timedelta(days=2)):
        assert await purge_changes(database) == 2
