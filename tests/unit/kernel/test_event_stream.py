"""The loop that keeps a stream of events going, with readers quick, slow and gone."""

import asyncio
from collections import deque
from typing import Any

import pytest

from kernel import event_stream
from kernel.event_stream import event, feed, read_event_id, retry_hint


class Counter:
    """A source whose state is a number: only the newest is ever told."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.is_over = False
        self.value = 0
        self.told = -1

    def set(self, value: int, *, over: bool = False) -> None:
        self.value = value
        self.is_over = over
        self.changed.set()

    async def take(self) -> tuple[int, str, object] | None:
        if self.value == self.told:
            return None
        self.told = self.value
        return self.value, "number", {"value": self.value}


class Reader:
    """Keeps what it is sent; while its gate is shut it takes nothing."""

    def __init__(self) -> None:
        self.got: deque[bytes] = deque()
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, data: bytes) -> None:
        await self.gate.wait()
        self.got.append(data)

    def numbers(self) -> list[int]:
        return [int(one.split(b"\n")[0][4:]) for one in self.got if one.startswith(b"id: ")]


async def until(check: Any) -> None:
    async with asyncio.timeout(5):
        while not check():
            await asyncio.sleep(0)


async def test_a_reader_gets_a_hint_each_change_and_the_last() -> None:
    source, reader = Counter(), Reader()
    stream = asyncio.create_task(feed(reader.send, source))
    for value in (1, 2):
        await until(lambda: reader.numbers()[-1:] == [source.value])
        source.set(value)
    await until(lambda: reader.numbers()[-1:] == [2])
    source.set(3, over=True)
    await stream
    assert reader.got[0].startswith(b"retry: ")
    assert reader.numbers() == [0, 1, 2, 3]


async def test_a_slow_reader_gets_the_newest_and_not_all() -> None:
    source, reader = Counter(), Reader()
    stream = asyncio.create_task(feed(reader.send, source))
    await until(lambda: reader.numbers() == [0])
    reader.gate.clear()
    for value in range(1, 1_000):
        source.set(value)
        await asyncio.sleep(0)
    source.set(1_000, over=True)
    reader.gate.set()
    await stream
    assert reader.numbers() == [0, 1, 1_000]


async def test_a_reader_who_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "SEND_SECONDS_MAX", 0.02)
    source, reader = Counter(), Reader()
    reader.gate.clear()
    with pytest.raises(TimeoutError):
        await feed(reader.send, source)


async def test_silence_is_filled_with_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.01)
    source, reader = Counter(), Reader()
    stream = asyncio.create_task(feed(reader.send, source))
    await until(lambda: sum(b"still-here" in one for one in reader.got) >= 3)
    source.set(1, over=True)
    await stream
    assert reader.numbers() == [0, 1]


async def test_a_stream_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "STREAM_SECONDS_MAX", 0.05)
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.01)
    reader = Reader()
    async with asyncio.timeout(5):
        await feed(reader.send, Counter())
    assert reader.numbers() == [0]


def test_an_event_is_one_block_of_lines() -> None:
    assert event(event_id=7, name="place", data={"a": "x\ny"}) == b'id: 7\nevent: place\ndata: {"a":"x\\ny"}\n\n'
    assert retry_hint().endswith(b"\n\n")


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("0", 0), (None, None), ("", None), ("-1", None), ("1e3", None), ("\u0663", None), ("9" * 19, None)],
)
def test_the_id_that_a_reader_gives_back(text: str | None, number: int | None) -> None:
    assert read_event_id(text) == number
