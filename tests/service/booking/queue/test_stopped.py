"""A clinic is stopped while some of its patients are in the waiting room already."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from booking import queries as booking_queries
from booking.queue import queries
from booking.queue.facts import Entry
from booking.stops import saga
from kernel import clock
from tests.factories.booking import PORTAL
from tests.factories.queue import NURSE, ClinicDay
from tests.factories.stops import add_substitute, cases, seats, stop_and_finish

NOON = datetime(2027, 3, 1, 4, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def _noon() -> AsyncIterator[None]:
    with clock.frozen(NOON):
        yield


async def status_of(entry: Entry) -> tuple[str, str]:
    """Where the person is, and how their appointment stands."""
    assert entry.appointment_id is not None
    now = await queries.get_entry(entry.id, actor=NURSE)
    return now.status, (await booking_queries.get_appointment(entry.appointment_id, actor=PORTAL)).status


@pytest.mark.parametrize("status", ["waiting", "called", "passed"])
async def test_who_has_come_leaves_the_queue_with_a_cancelled_number(day: ClinicDay, status: str) -> None:
    """Neither moved nor asked, although there would be another time."""
    [entry] = await day.waiting(1)
    [door] = day.doors
    await day.door()
    await day.bring_to(entry, status)
    before = await day.events(entry)
    order_id = await stop_and_finish(door.schedule, steps=("move", "offer", "cancel"))
    assert await cases(day.db, order_id) == ["cancelled"]
    assert await status_of(entry) == ("left", "cancelled")
    assert await day.events(entry) == [*before, "left"]
    assert set(await seats(day.db, door.schedule)) == {"blocked"}


@pytest.mark.parametrize(("status", "stands"), [("in-consultation", "arrived"), ("finished", "fulfilled")])
async def test_who_is_being_seen_or_was_is_not_sent_away(day: ClinicDay, status: str, stands: str) -> None:
    [entry] = await day.waiting(1)
    await day.bring_to(entry, status)
    await stop_and_finish(day.doors[0].schedule, steps=("cancel",))
    assert await status_of(entry) == (status, stands)


async def test_who_has_come_waits_for_the_substitute(day: ClinicDay) -> None:
    first, second = await day.waiting(2)
    [door] = day.doors
    await day.bring_to(second, "called")
    substitute = await add_substitute(day.hospital)
    order_id = await stop_and_finish(door.schedule, steps=("substitute", "cancel"), substitute_id=substitute)
    assert await cases(day.db, order_id) == ["substituted"] * 2
    for entry in (first, second):
        assert await status_of(entry) == ("waiting", "arrived")
        now = await queries.get_entry(entry.id, actor=NURSE)
        assert (now.practitioner_id, now.room_id) == (substitute, door.room_id)
        assert (await day.events(entry))[-1] == "transferred"


async def test_who_comes_with_an_offer_open_goes_on_to_the_next_step(day: ClinicDay) -> None:
    door = await day.door()
    await day.door()
    [appointment] = await day.book(door)
    order_id = await stop_and_finish(door.schedule, steps=("offer", "cancel"))
    assert await cases(day.db, order_id) == ["offered"]
    entry = await day.come(appointment)
    await saga.drive_order(order_id)
    assert await cases(day.db, order_id) == ["cancelled"]
    assert await status_of(entry) == ("left", "cancelled")
