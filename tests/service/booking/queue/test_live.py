"""The hub: who watches is told of what changes, with Valkey or without, and nobody takes all the places."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import time, timedelta
from typing import Any

import pytest

from booking.queue import live, service
from booking.queue.errors import TooManyWatchers
from booking.queue.facts import Entry, QueueState
from booking.queue.live import EntryWatcher, Hub, RoomWatcher
from booking.queue.queries import Missed
from kernel import clock
from kernel.redis import close_redis, open_redis
from tests.factories.queue import NURSE, ClinicDay

TOLD_SECONDS_MAX = 8


@asynccontextmanager
async def opened(day: ClinicDay, redis_url: str | None) -> AsyncIterator[Hub]:
    if redis_url is not None:
        open_redis(redis_url)
    made = Hub(day.db, redis_url=redis_url)
    made.start()
    yield made
    await made.close()
    await close_redis()


@pytest.fixture
async def hub(day: ClinicDay, clean_redis_url: str) -> AsyncIterator[Hub]:
    async with opened(day, clean_redis_url) as made:
        yield made


def shown(entry: Entry, missed: list[Missed]) -> dict[str, Any]:
    return {"label": entry.label, "status": entry.status, "before": entry.people_before, "room": entry.room_id,
            "missed": [one.kind for one in missed]}  # fmt: skip


def room_shown(states: list[QueueState]) -> dict[str, Any]:
    return {
        "waiting": [one.label for state in states for one in state.waiting],
        "others": [(one.label, one.status, one.masked_name) for state in states for one in state.others],
    }


async def watch(hub: Hub, entry: Entry, after: int | None = None) -> EntryWatcher:
    return await hub.watch_entry(entry.id, room_id=entry.room_id, render=shown, after=after)


async def told(watcher: EntryWatcher | RoomWatcher) -> tuple[int, Any]:
    """Wait for the next thing that is new."""
    async with asyncio.timeout(TOLD_SECONDS_MAX):
        while True:
            watcher.changed.clear()
            found = await watcher.take()
            if found is not None:
                return found[0], found[2]
            await watcher.changed.wait()


async def test_a_phone_is_told_of_every_change_of_its_place(day: ClinicDay, hub: Hub) -> None:
    await follow_a_visit(day, hub)


async def test_without_valkey_a_poll_finds_the_changes(day: ClinicDay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_SECONDS", 0.05)
    async with opened(day, None) as made:
        await follow_a_visit(day, made)


async def follow_a_visit(day: ClinicDay, hub: Hub) -> None:
    """Two people come, and the phone of the second is watched until they have been seen."""
    door = await day.door()
    first, second = await day.waiting(2, door=door)
    watcher = await watch(hub, second)
    assert (await told(watcher))[1]["before"] == 1

    await service.call_next(actor=NURSE, **door.key)
    event, place = await told(watcher)
    assert (place["status"], place["before"]) == ("waiting", 0)
    await service.start_consultation(entry_id=first.id, actor=NURSE)
    await service.call_next(actor=NURSE, **door.key)
    while place["status"] == "waiting":
        later, place = await told(watcher)
        assert later > event
        event = later
    assert place["status"] == "called"
    assert not watcher.is_over
    await day.bring_to_end(second)
    while place["status"] != "finished":
        _, place = await told(watcher)
    assert watcher.is_over
    watcher.close()


async def test_a_phone_follows_its_person_to_another_room(day: ClinicDay, hub: Hub) -> None:
    door, other = await day.door(), await day.door()
    [entry] = await day.waiting(1, door=door)
    watcher = await watch(hub, entry)
    await told(watcher)
    await service.transfer_entry(entry_id=entry.id, reason="平衡", actor=NURSE, **other.key)
    assert (await told(watcher))[1]["room"] == other.room_id
    await service.call_next(actor=NURSE, **other.key)
    assert (await told(watcher))[1]["status"] == "called"
    watcher.close()


async def test_who_comes_back_is_told_what_they_missed(day: ClinicDay, hub: Hub) -> None:
    door = await day.door()
    [entry] = await day.waiting(1, door=door)
    watcher = await watch(hub, entry)
    last, _ = await told(watcher)
    watcher.close()

    # Nothing has happened: nothing is told.
    watcher = await watch(hub, entry, after=last)
    assert await watcher.take() is None
    watcher.close()

    await day.bring_to(entry, "passed")
    watcher = await watch(hub, entry, after=last)
    event, place = await told(watcher)
    assert (place["status"], place["missed"]) == ("passed", ["called", "passed"])
    assert event > last
    watcher.close()


async def test_a_room_read_twice_for_one_event_is_told_once(day: ClinicDay, hub: Hub) -> None:
    """Time goes on, so the second reading has another estimate."""
    noon = clock.clinic_instant(clock.today(), time(12))
    with clock.frozen(noon):
        door = await day.door(starts_in=timedelta(minutes=30))
        _, entry = await day.waiting(2, door=door)
        watcher = await watch(hub, entry)
        await told(watcher)
        first = watcher.room.entries[entry.id].estimate_seconds
    with clock.frozen(noon + timedelta(minutes=1)):
        await hub._read(watcher.room)
    assert watcher.room.entries[entry.id].estimate_seconds != first
    assert await watcher.take() is None
    watcher.close()


async def test_a_screen_shows_the_room(day: ClinicDay, hub: Hub) -> None:
    door = await day.door()
    await day.waiting(2, door=door)
    watcher = await hub.watch_room(door.room_id, render=room_shown)
    assert (await told(watcher))[1]["waiting"] == ["A01", "A02"]
    await service.call_next(actor=NURSE, **door.key)
    _, room = await told(watcher)
    assert (room["waiting"], room["others"]) == (["A02"], [("A01", "called", "n*")])
    watcher.close()


async def test_a_room_that_nobody_has_come_to_is_watched_all_the_same(day: ClinicDay, hub: Hub) -> None:
    door = await day.door()
    watcher = await hub.watch_room(door.room_id, render=room_shown)
    assert (await told(watcher))[1]["waiting"] == []
    await day.waiting(1, door=door)
    assert (await told(watcher))[1]["waiting"] == ["A01"]
    watcher.close()


async def test_the_places_are_bounded_and_given_back(day: ClinicDay, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "WATCHERS_MAX", 2)
    monkeypatch.setattr(live, "SCREENS_MAX", 1)
    [entry] = await day.waiting(1)
    phones = [await watch(hub, entry) for _ in range(2)]
    screen = await hub.watch_room(entry.room_id, render=room_shown)
    with pytest.raises(TooManyWatchers):
        await watch(hub, entry)
    with pytest.raises(TooManyWatchers):
        await hub.watch_room(entry.room_id, render=room_shown)
    phones.pop().close()
    phones.append(await watch(hub, entry))
    for one in (*phones, screen):
        one.close()
    assert hub._rooms == {}


async def test_a_hub_that_closes_ends_its_streams_and_takes_no_more(day: ClinicDay, hub: Hub) -> None:
    [entry] = await day.waiting(1)
    watcher = await watch(hub, entry)
    closing = asyncio.create_task(hub.close())
    async with asyncio.timeout(TOLD_SECONDS_MAX):
        await watcher.changed.wait()
        assert watcher.is_over
        with pytest.raises(TooManyWatchers):
            await watch(hub, entry)
        watcher.close()
        await closing
