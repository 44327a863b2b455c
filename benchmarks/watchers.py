"""Thousands of phones in one process: each opens a stream, reads every event, and notes when it came.

Started by `benchmarks.queue` with `_run` as the only argument; talks to it over standard input and output, one JSON
line each. Instants are CLOCK_MONOTONIC, which all processes of a machine share.
"""

import asyncio
import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

OPENING_AT_ONCE = 200
HEAD_BYTES_MAX = 4_096


class Phone(asyncio.Protocol):
    """One stream. Events are cut at empty lines; of each only its id and its time are kept."""

    def __init__(self, request: bytes, opened: Callable[[], None], told: dict[int, list[int]]) -> None:
        self.request = request
        self.opened = opened
        self.told = told
        self.rest = b""
        self.is_open = False
        self.has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Note the events that are whole."""
        now = time.monotonic_ns()
        *whole, self.rest = (self.rest + data).split(b"\n\n")
        for block in whole:
            # Behind the line that tells the chunk's length; a header's name may end with the same letters.
            at = block.find(b"\nid: ")
            if at < 0:
                continue
            number = int(block[at + 5 : block.index(b"\n", at + 1)])
            if self.is_open:
                self.told[number].append(now)
            else:
                self.is_open = True
                self.opened()

    def connection_lost(self, _error: Exception | None) -> None:
        """Note that the stream has ended."""
        self.has_ended = True


async def watch(asked: dict[str, Any]) -> dict[str, Any]:
    """Open all streams, say so, and give what came until standard input ends."""
    loop = asyncio.get_running_loop()
    told: dict[int, list[int]] = defaultdict(list)
    gate = asyncio.Semaphore(OPENING_AT_ONCE)
    phones: list[Phone] = []

    async def open_one(entry: str) -> None:
        request = (
            f"GET /open/v1/queue/{entry}/events HTTP/1.1\r\nhost: bench\r\n"
            f"authorization: Bearer {asked['token']}\r\naccept: text/event-stream\r\n\r\n"
        )
        async with gate:
            done = asyncio.Event()
            phone = Phone(request.encode(), done.set, told)
            await loop.create_connection(lambda: phone, "127.0.0.1", asked["port"])
            async with asyncio.timeout(60):
                await done.wait()
            phones.append(phone)

    started = time.monotonic()
    await asyncio.gather(*(open_one(entry) for entry in asked["entries"]))
    say({"opened": len(phones), "seconds": time.monotonic() - started})
    await loop.run_in_executor(None, sys.stdin.readline)
    return {"events": told, "ended": sum(phone.has_ended for phone in phones)}


def say(told: dict[str, Any]) -> None:
    """Tell the one who asked."""
    print(json.dumps(told), flush=True)


if __name__ == "__main__" and sys.argv[1:] == ["_run"]:
    _, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))
    say(asyncio.run(watch(json.loads(sys.stdin.readline()))))
