import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integration.emulators.common import faults
from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.faults import Faults
from integration.emulators.common.notifier import Notifier, Outgoing
from integration.emulators.common.settings import EmulatorSettings
from integration.emulators.common.store import Store
from kernel.settings import SettingsError

SCHEDULE = (timedelta(seconds=15), timedelta(minutes=3))


def open_store(folder: Path) -> Store:
    return Store(folder / "memory.sqlite3", schema="CREATE TABLE IF NOT EXISTS thing (name TEXT PRIMARY KEY);")


@dataclass
class Listener:
    """A merchant's address: what came, and what it answers."""

    url: str = ""
    came: list[str] = field(default_factory=list)
    status: int = 200

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        self.came.append((await reader.readexactly(length)).decode())
        writer.write(b"HTTP/1.1 %d OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % self.status)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@dataclass
class Emulated:
    store: Store
    clock: EmulatorClock
    faults: Faults
    notifier: Notifier
    listener: Listener

    def tell(self, name: str) -> None:
        with self.store.transaction():
            self.notifier.add(name, url=self.listener.url, kind="KIND", content=f'"{name}"')
        self.notifier.wake()

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)
        self.notifier.wake()

    def states(self) -> dict[str, tuple[str, int]]:
        return {row["id"]: (row["state"], row["tries"]) for row in self.notifier.list_latest(50)}


@pytest.fixture
async def emulated(tmp_path: Path) -> AsyncIterator[Emulated]:
    store, listener = open_store(tmp_path), Listener()
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    clock, switches = EmulatorClock(store), Faults(store)
    notifier = Notifier(
        store,
        clock,
        switches,
        schedule=SCHEDULE,
        compose=lambda waiting: Outgoing({"x-kind": waiting.kind}, waiting.content.encode()),
        is_accepted=lambda status, _body: status == 200,
    )
    notifier.start()
    yield Emulated(store, clock, switches, notifier, listener)
    await notifier.stop()
    server.close()
    await server.wait_closed()
    store.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_an_accepted_notification_is_sent_once(emulated: Emulated) -> None:
    emulated.tell("one")
    await until(lambda: emulated.states()["one"] == ("accepted", 1))
    emulated.advance(timedelta(days=1))
    await asyncio.sleep(0)
    assert emulated.listener.came == ['"one"']


async def test_a_refused_notification_follows_the_schedule_and_is_given_up(emulated: Emulated) -> None:
    emulated.listener.status = 500
    emulated.tell("one")
    await until(lambda: emulated.states()["one"] == ("waiting", 1))
    emulated.advance(timedelta(seconds=15))
    await until(lambda: emulated.states()["one"] == ("waiting", 2))
    emulated.advance(timedelta(minutes=3))
    await until(lambda: emulated.states()["one"] == ("given_up", 3))
    assert emulated.listener.came == ['"one"'] * 3


async def test_a_dropped_sending_comes_with_the_next_try(emulated: Emulated) -> None:
    emulated.faults.set(faults.NOTIFICATION_DROPPED, times=1, parameters={})
    emulated.tell("one")
    await until(lambda: emulated.states()["one"] == ("waiting", 1))
    assert emulated.listener.came == []
    emulated.advance(timedelta(seconds=15))
    await until(lambda: emulated.states()["one"] == ("accepted", 2))
    assert emulated.listener.came == ['"one"']


async def test_a_doubled_sending_comes_twice(emulated: Emulated) -> None:
    emulated.faults.set(faults.NOTIFICATION_DOUBLED, times=1, parameters={})
    emulated.tell("one")
    await until(lambda: emulated.states()["one"] == ("accepted", 1))
    assert emulated.listener.came == ['"one"'] * 2


async def test_a_reordered_sending_comes_after_the_next(emulated: Emulated) -> None:
    emulated.faults.set(faults.NOTIFICATION_REORDERED, times=1, parameters={})
    emulated.tell("one")
    await until(lambda: emulated.faults.list_all() == {})
    emulated.tell("two")
    await until(lambda: len(emulated.listener.came) == 2)
    assert emulated.listener.came == ['"two"', '"one"']


async def test_a_delayed_sending_waits(emulated: Emulated) -> None:
    emulated.faults.set(faults.NOTIFICATION_DELAYED, times=1, parameters={"seconds": 600})
    emulated.tell("one")
    await until(lambda: emulated.faults.list_all() == {})
    assert emulated.states()["one"] == ("waiting", 0)
    emulated.advance(timedelta(seconds=600))
    await until(lambda: emulated.states()["one"] == ("accepted", 1))


async def test_an_accepted_notification_may_be_sent_again(emulated: Emulated) -> None:
    emulated.tell("one")
    await until(lambda: emulated.states()["one"] == ("accepted", 1))
    assert emulated.notifier.send_again("one")
    await until(lambda: emulated.states()["one"] == ("accepted", 2))
    assert not emulated.notifier.send_again("two")


def insert_things(store: Store, *names: str) -> None:
    with store.transaction():
        for name in names:
            store.execute("INSERT INTO thing VALUES (?)", name)


def test_a_store_forgets_what_was_not_finished_and_nothing_else(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    insert_things(store, "kept")
    with pytest.raises(sqlite3.IntegrityError):
        insert_things(store, "forgotten", "kept")
    assert [store.next_number("paper"), store.next_number("paper")] == [1, 2]
    store.close()
    again = open_store(tmp_path)
    assert [row["name"] for row in again.rows("SELECT name FROM thing")] == ["kept"]
    assert again.next_number("paper") == 3
    assert again.row("PRAGMA synchronous")["synchronous"] == 2  # type: ignore[index]  # a pragma has a row
    again.close()


def test_a_clock_runs_ahead_only_and_remembers(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    before = datetime.now(UTC)
    EmulatorClock(store).advance(timedelta(hours=6))
    assert EmulatorClock(store).now() - before >= timedelta(hours=6)
    for wrong in (timedelta(seconds=-1), timedelta(days=401)):
        with pytest.raises(ControlRefused):
            EmulatorClock(store).advance(wrong)
    assert EmulatorClock(store).lead == timedelta(hours=6)
    store.close()


def test_a_fault_happens_as_often_as_was_asked(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    switches = Faults(store, own=frozenset({"odd"}))
    switches.set("odd", times=2, parameters={"amount": 3})
    assert [switches.take("odd") for _ in range(3)] == [{"amount": 3}, {"amount": 3}, None]
    switches.set("odd", times=None, parameters={})
    assert [switches.take("odd") for _ in range(3)] == [{}, {}, {}]
    switches.clear("odd")
    assert switches.take("odd") is None
    for name, times, parameters in (("even", 1, {}), ("odd", 0, {}), ("odd", 1, {"seconds": "much"})):
        with pytest.raises(ControlRefused):
            switches.set(name, times=times, parameters=parameters)
    assert switches.list_all() == {}
    store.close()


ENVIRONMENT = {"X_HTTP": "127.0.0.1:1", "X_DIR": "/tmp/x", "EMULATORS_TOKEN": "t" * 16}  # noqa: S108  never opened


def test_an_emulator_reads_its_settings() -> None:
    settings = EmulatorSettings.from_environment("X", ENVIRONMENT)
    assert (str(settings.http), settings.folder, settings.token) == ("127.0.0.1:1", Path("/tmp/x"), "t" * 16)  # noqa: S108  never opened


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"MODE": "production"}, "sandboxes only"),
        ({"X_DIR": ""}, "X_DIR"),
        ({"EMULATORS_TOKEN": "short"}, "16 characters"),
        ({"X_HTTP": "nowhere"}, "host:port"),
    ],
)
def test_an_emulator_refuses_settings_that_cannot_be_meant(changed: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        EmulatorSettings.from_environment("X", ENVIRONMENT | changed)
