"""Server-sent events (HTML Living Standard, section 9.2): their text, and the loop that keeps one stream going.

Knows no HTTP server: a surface hands over how to send bytes. What is sent is always the newest state, so a slow
reader is told less often and never later; one that takes nothing at all is dropped.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import orjson

CONTENT_TYPE: Final = "text/event-stream; charset=utf-8"
# A proxy must neither keep events nor wait for more of them.
HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
HEARTBEAT_SECONDS: Final = 15.0
# Looked at as often, so a reader who takes nothing is dropped within twice that.
SEND_SECONDS_MAX: Final = 10.0
# After so long a stream ends and is opened anew, which asks again who is listening.
STREAM_SECONDS_MAX: Final = 1800.0
# Whoever has to come back does so within these, not all at once.
RETRY_MILLISECONDS: Final = (1_000, 8_000)

Send = Callable[[bytes], Awaitable[None]]
# An event rather than a comment: a browser's page hears of it, and can tell silence from a dead connection.
HEARTBEAT: Final = b"event: still-here\ndata: {}\n\n"


class Source(Protocol):
    """Something that changes and is watched by one reader."""

    @property
    def is_over(self) -> bool:
        """Tell whether there will be nothing more: the stream ends after what it has taken."""
        ...

    @property
    def changed(self) -> asyncio.Event:
        """Set when there is something to take, or when the source is over."""
        ...

    async def take(self) -> tuple[int, str, object] | None:
        """Give what is new: an event's id, its name and its data (for JSON); None when nothing is."""
        ...


def event(*, event_id: int, name: str, data: object) -> bytes:
    """Write one event. The data is one line, for JSON has no bare line ends."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event_id, name.encode(), orjson.dumps(data, default=str))


def retry_hint() -> bytes:
    """Tell a reader when to come back, should the stream end: at an instant of its own."""
    return b"retry: %d\n\n" % random.randint(*RETRY_MILLISECONDS)  # noqa: S311  spread, not secret


def read_event_id(text: str | None) -> int | None:
    """Read a Last-Event-ID of ours; None when there is none, or it is another's."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


async def feed(send: Send, source: Source) -> None:
    """Tell a reader of every change until the source is over, the reader is gone, or it is time to ask anew.

    Raises:
        TimeoutError: the reader takes nothing any more.
        Whatever `send` raises for a reader that is gone.
    """
    async with asyncio.timeout(None) as limit:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + STREAM_SECONDS_MAX * random.uniform(0.8, 1.0)  # noqa: S311  spread
        watch = _Watch(source.changed, limit)
        try:
            await watch.send(send, retry_hint())
            while True:
                source.changed.clear()
                is_over = source.is_over
                found = await source.take()
                if found is not None:
                    event_id, name, data = found
                    await watch.send(send, event(event_id=event_id, name=name, data=data))
                if is_over or loop.time() >= ends_at:
                    return
                await source.changed.wait()
                if watch.is_silent:
                    await watch.send(send, HEARTBEAT)
        finally:
            watch.stop()


class _Watch:
    """Sees that a stream is neither silent nor stuck for too long.

    One timer a stream, which looks again some seconds after it has looked: timers for each event and each send cost
    half of what the rest of an event does, and a thousand phones before one room are told of each step.
    """

    def __init__(self, changed: asyncio.Event, limit: asyncio.Timeout) -> None:
        self.is_silent = False
        self._changed = changed
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._is_sending = False
        self._since = self._loop.time()  # the last sending began or ended
        self._timer = self._loop.call_later(self._pause(), self._look)

    async def send(self, send: Send, data: bytes) -> None:
        """Send, and note that it was."""
        self._since, self._is_sending = self._loop.time(), True
        await send(data)
        self._since, self._is_sending, self.is_silent = self._loop.time(), False, False

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        passed = self._loop.time() - self._since
        if self._is_sending and passed >= SEND_SECONDS_MAX:
            self._limit.reschedule(self._loop.time())
            return
        rest = HEARTBEAT_SECONDS - passed
        if not self._is_sending and rest <= 0:
            self.is_silent = True
            self._changed.set()
        self._timer = self._loop.call_later(min(rest, self._pause()) if rest > 0 else self._pause(), self._look)

    @staticmethod
    def _pause() -> float:
        return min(HEARTBEAT_SECONDS, SEND_SECONDS_MAX)
