"""Thousands of patients' telephones before a release: each asks for its place as it is told, and books in its turn.

Started by `benchmarks.rush` with `_run` as the only argument; talks to it over standard input and output, one JSON line
each. A latency counts from the instant at which the telephone was to ask, so that whoever has to wait shows.
"""

import asyncio
import heapq
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks.histogram import Histogram

CONNECTIONS = 48
HEAD_END = b"\r\n\r\n"


@dataclass
class Phones:
    """Everybody's telephones. `due` says who asks next and when; all instants are of the wall clock, in seconds.

    tickets: with each its patient and slot. unwilling: who does not use their turn.
    """

    port: int
    token: str
    tickets: list[dict[str, str]]
    release: float
    until: float
    unwilling_share: float
    think_seconds: float
    dice: random.Random
    due: list[tuple[float, int, str]] = field(default_factory=list)
    waiting: asyncio.Condition = field(default_factory=asyncio.Condition)
    open_ones: int = 0
    before: Histogram = field(default_factory=Histogram)
    after: Histogram = field(default_factory=Histogram)
    bookings: Histogram = field(default_factory=Histogram)
    booked: list[int] = field(default_factory=list)
    booked_at: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    async def run(self) -> dict[str, Any]:
        """Ask until everybody knows how it ended, or the time is over."""
        now = time.time()
        for number in range(len(self.tickets)):
            # As they joined: spread over the time between two questions.
            heapq.heappush(self.due, (now + self.dice.uniform(0, 20), number, "ask"))
        self.open_ones = len(self.tickets)
        await asyncio.gather(*(self._work() for _ in range(CONNECTIONS)))
        return {
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "bookings": self.bookings.to_json(),
            "booked": self.booked,
            "booked_after": [at - self.release for at in self.booked_at],
            "ends": dict(self.ends),
            "faults": dict(self.faults),
            "unfinished": self.open_ones,
        }

    async def _work(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            while self.open_ones and time.time() < self.until:
                if not self.due or self.due[0][0] > time.time():
                    pause = min(self.due[0][0] - time.time(), 0.05) if self.due else 0.05
                    await asyncio.sleep(max(pause, 0.0))
                    continue
                at, number, what = heapq.heappop(self.due)
                if what == "ask":
                    await self._ask(reader, writer, at, number)
                else:
                    await self._book(reader, writer, at, number)
        finally:
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, at: float, number: int) -> None:
        status, body = await self._send(reader, writer, "GET", f"/rush-tickets/{self.tickets[number]['id']}")
        now = time.time()
        (self.before if at < self.release else self.after).record(int((now - at) * 1e6))
        if status != 200:
            self.faults[body.get("code", str(status))] += 1
            heapq.heappush(self.due, (now + 2, number, "ask"))
        elif body["status"] == "waiting":
            heapq.heappush(self.due, (now + body["ask_again_seconds"], number, "ask"))
        elif body["status"] == "turn" and self.dice.random() >= self.unwilling_share:
            heapq.heappush(self.due, (now + self.dice.uniform(0.5, self.think_seconds), number, "book"))
        else:
            self._end(number, body["status"])

    async def _book(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, at: float, number: int) -> None:
        ticket = self.tickets[number]
        wanted = {"slot_id": ticket["slot_id"], "patient_id": ticket["patient_id"]}
        status, body = await self._send(reader, writer, "POST", "/appointments", wanted)
        now = time.time()
        self.bookings.record(int((now - at) * 1e6))
        if status == 201:
            self.booked.append(number)
            self.booked_at.append(now)
            self._end(number, "booked")
        else:
            self._end(number, body.get("code", str(status)))

    def _end(self, _number: int, how: str) -> None:
        self.ends[how] += 1
        self.open_ones -= 1

    async def _send(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        path: str,
        body: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} /open/v1{path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {self.token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content)
        answer = await reader.readuntil(HEAD_END)
        fields = answer.lower()
        at = fields.index(b"content-length:") + len(b"content-length:")
        length = int(fields[at : fields.index(b"\r\n", at)])
        found: dict[str, Any] = json.loads(await reader.readexactly(length))
        return int(answer[9:12]), found


if __name__ == "__main__" and sys.argv[1:] == ["_run"]:
    _asked = json.loads(sys.stdin.readline())
    _dice = random.Random(_asked.pop("seed"))
    print(json.dumps(asyncio.run(Phones(dice=_dice, **_asked).run())), flush=True)
