"""Queues live: one subscription a process, one read a change, and a fan-out in memory to whoever watches.

A room's queues are read when Valkey says that they have changed, or a poll finds that they have; each watcher is
then woken and takes the newest state. Nothing is kept for a watcher but what it was told last.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from booking.queue import errors, queries
from booking.queue.facts import Entry, QueueState
from booking.queue.queries import Missed
from booking.queue.states import OVER
from booking.queue.wakes import CHANNEL
from kernel import clock
from kernel.db import Database, DatabaseUnavailable
from kernel.log import get_logger
from kernel.metrics import Gauge
from kernel.redis import GONE, subscribed

POLL_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 1.0
READS_AT_ONCE_MAX: Final = 4
WATCHERS_MAX: Final = 20_000
# Screens need no account: they must not take the places of those who wait.
SCREENS_MAX: Final = 1_000
MISSED_MAX: Final = 50
DRAIN_SECONDS_MAX: Final = 8.0

WATCHING = Gauge("hospital_queue_watchers", "Live views of queues that this process serves.", ["kind"])

log = get_logger("booking.queue")

EntryRenderer = Callable[[Entry, list[Missed]], object]
RoomRenderer = Callable[[list[QueueState]], dict[str, object]]


@dataclass(slots=True, eq=False)
class Room:
    """What is known of a watched room: today's queues, everybody in them, and who watches."""

    id: UUID
    watchers: "set[Watcher]" = field(default_factory=set)
    states: list[QueueState] = field(default_factory=list)
    entries: dict[UUID, Entry] = field(default_factory=dict)
    day: date | None = None
    read_at: datetime | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_stale: bool = True

    @property
    def last_event(self) -> int:
        """The newest event of its queues."""
        return max((state.place.last_event for state in self.states), default=0)


class Watcher(ABC):
    """One reader of one room; see `kernel.event_stream.Source`."""

    __slots__ = ("changed", "hub", "is_over", "room", "told")

    def __init__(self, hub: "Hub", room: Room) -> None:
        self.hub = hub
        self.room = room
        self.changed = asyncio.Event()
        self.is_over = False
        self.told: object = None

    @abstractmethod
    async def take(self) -> tuple[int, str, object] | None:
        """Give what is new, if anything is."""

    def close(self) -> None:
        """Let go of the room."""
        self.hub.forget(self)


class EntryWatcher(Watcher):
    """A phone that watches one person's place."""

    __slots__ = ("entry_id", "render", "resumes_after", "told_event")

    def __init__(self, hub: "Hub", room: Room, *, entry_id: UUID, render: EntryRenderer, after: int | None) -> None:
        super().__init__(hub, room)
        self.entry_id = entry_id
        self.render = render
        self.resumes_after = after
        self.told_event = -1

    async def take(self) -> tuple[int, str, object] | None:
        """Give the person's place if it is another than last told, and first what a returning phone has missed.

        A room that was read twice for one event differs by the seconds between: that is no news.

        Raises:
            EntryNotFound, DatabaseUnavailable.
        """
        entry = self.room.entries.get(self.entry_id)
        if entry is None:
            entry = await self._look_elsewhere()
        if entry.status in OVER:
            self.is_over = True
            self.changed.set()
        after, self.resumes_after = self.resumes_after, None
        missed: list[Missed] = []
        known = _unchanging(entry)
        if after is not None:
            missed = await queries.events_after(self.entry_id, after=after, limit=MISSED_MAX)
            if not missed and after >= entry.last_event:
                self.told = known
        if known == self.told or entry.last_event == self.told_event:
            return None
        self.told, self.told_event = known, entry.last_event
        return entry.last_event, "place", self.render(entry, missed)

    async def _look_elsewhere(self) -> Entry:
        """Find somebody who is through, or has been sent to another room: then the watching goes there."""
        entry = await queries.read_entry(self.hub.db, self.entry_id, at=clock.now())
        if entry.room_id != self.room.id:
            await self.hub.move(self, entry.room_id)
        return entry


class RoomWatcher(Watcher):
    """A screen that shows one room."""

    __slots__ = ("render",)

    def __init__(self, hub: "Hub", room: Room, *, render: RoomRenderer) -> None:
        super().__init__(hub, room)
        self.render = render

    async def take(self) -> tuple[int, str, object] | None:
        """Give what the room shows if it is another than last told."""
        shown = self.render(self.room.states)
        if shown == self.told:
            return None
        self.told = shown
        # A screen's own clock may be wrong: it goes by ours.
        return self.room.last_event, "room", shown | {"at": clock.now()}


class Hub:
    """This process's live views. `run` keeps them fed; `close` ends them all."""

    def __init__(self, db: Database, *, redis_url: str | None) -> None:
        self.db = db
        self._redis_url = redis_url
        self._rooms: dict[UUID, Room] = {}
        self._reads = asyncio.Semaphore(READS_AT_ONCE_MAX)
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = {EntryWatcher: 0, RoomWatcher: 0}
        self._is_closing = False
        self._is_empty = asyncio.Event()

    def start(self) -> None:
        """Begin to listen and to poll."""
        self._spawn(self._poll())
        if self._redis_url is not None:
            self._spawn(self._listen())

    async def close(self) -> None:
        """End all streams, wait a little until they have ended, and stop listening."""
        self._is_closing = True
        for room in list(self._rooms.values()):
            for watcher in list(room.watchers):
                watcher.is_over = True
                watcher.changed.set()
        if any(self._count.values()):
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_SECONDS_MAX):
                    await self._is_empty.wait()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def watch_entry(
        self, entry_id: UUID, *, room_id: UUID, render: EntryRenderer, after: int | None
    ) -> EntryWatcher:
        """Watch one person's place; after: the last event that the reader has had.

        Raises:
            TooManyWatchers, DatabaseUnavailable.
        """
        room = await self._enter(room_id, EntryWatcher, WATCHERS_MAX)
        watcher = EntryWatcher(self, room, entry_id=entry_id, render=render, after=after)
        room.watchers.add(watcher)
        return watcher

    async def watch_room(self, room_id: UUID, *, render: RoomRenderer) -> RoomWatcher:
        """Watch one room.

        Raises:
            TooManyWatchers, DatabaseUnavailable.
        """
        room = await self._enter(room_id, RoomWatcher, SCREENS_MAX)
        watcher = RoomWatcher(self, room, render=render)
        room.watchers.add(watcher)
        return watcher

    async def move(self, watcher: Watcher, room_id: UUID) -> None:
        """Let a watcher follow its person to another room."""
        self._leave(watcher)
        watcher.room = self._rooms.setdefault(room_id, Room(room_id))
        watcher.room.watchers.add(watcher)
        await self._read(watcher.room)

    def forget(self, watcher: Watcher) -> None:
        """Let a watcher go."""
        self._leave(watcher)
        self._change_count(type(watcher), -1)

    def _leave(self, watcher: Watcher) -> None:
        room = watcher.room
        room.watchers.discard(watcher)
        if not room.watchers and self._rooms.get(room.id) is room:
            del self._rooms[room.id]

    async def _enter(self, room_id: UUID, kind: type[Watcher], most: int) -> Room:
        if self._is_closing or self._count[kind] >= most:
            raise errors.TooManyWatchers
        self._change_count(kind, 1)
        try:
            room = self._rooms.get(room_id) or Room(room_id)
            if room.read_at is None:
                await self._read(room)
            return self._rooms.setdefault(room_id, room)
        except BaseException:
            self._change_count(kind, -1)
            raise

    def _change_count(self, kind: type[Watcher], by: int) -> None:
        self._count[kind] += by
        if self._is_closing and not any(self._count.values()):
            self._is_empty.set()
        WATCHING.labels("phone" if kind is EntryWatcher else "screen").set(self._count[kind])

    async def _read(self, room: Room) -> None:
        """Read a room anew; those who ask while it is being read wait, and are content with what is read then.

        Raises:
            DatabaseUnavailable.
        """
        room.is_stale = True
        async with room.reading:
            if not room.is_stale:
                return
            async with self._reads:
                room.is_stale = False
                at = clock.now()
                states = await queries.read_room(self.db, room.id, at=at)
            room.states, room.read_at, room.day = states, at, clock.clinic_date(at)
            room.entries = {entry.id: entry for state in states for entry in state.entries_at(at)}

    async def _refresh(self, room: Room) -> None:
        try:
            await self._read(room)
        except DatabaseUnavailable:
            log.warning("queue_not_read", room=str(room.id))
            return
        for watcher in room.watchers:
            watcher.changed.set()

    async def _poll(self) -> None:
        """Find changed rooms without being told: Valkey may be away, and a new day has new queues."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            watched = list(self._rooms.values())
            if not watched:
                continue
            try:
                rows = await self.db.fetch(
                    "SELECT room_id, max(last_event) AS newest FROM visit_queue"
                    " WHERE room_id = ANY ($1) AND clinic_date = $2 GROUP BY room_id",
                    [room.id for room in watched],
                    clock.today(),
                )
            except DatabaseUnavailable:
                log.warning("queues_not_polled")
                continue
            newest = {row["room_id"]: row["newest"] for row in rows}
            for room in watched:
                if newest.get(room.id, 0) > room.last_event or room.day != clock.today():
                    self._spawn(self._refresh(room))

    async def _listen(self) -> None:
        assert self._redis_url is not None, "start() has looked"
        while True:
            try:
                async with subscribed(self._redis_url, CHANNEL) as channel:
                    async for message in channel.listen():
                        if message["type"] == "message" and len(message["data"]) == 16:
                            self._hear(UUID(bytes=message["data"]))
            except GONE as error:
                log.warning("queue_wakes_lost", fault=type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)

    def _hear(self, room_id: UUID) -> None:
        room = self._rooms.get(room_id)
        if room is not None:
            self._spawn(self._refresh(room))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_hub: Hub | None = None


def open_hub(db: Database, *, redis_url: str | None) -> Hub:
    """Make this process's hub and start it."""
    global _hub  # noqa: PLW0603  one hub a process, set at start-up
    _hub = Hub(db, redis_url=redis_url)
    _hub.start()
    return _hub


def hub() -> Hub:
    """Give this process's hub.

    Raises:
        TooManyWatchers: this process serves no live views.
    """
    if _hub is None:
        raise errors.TooManyWatchers
    return _hub


def _unchanging(entry: Entry) -> tuple[object, ...]:
    """Give what makes an entry another for whoever watches: not the count of events in its queue."""
    return tuple(entry)[:-1]
