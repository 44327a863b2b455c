"""The stage of the day: things happen in the order of the hospital's time, which moves on as fast as they get done."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from kernel.clock import MovingClock

UNDER_WAY_MAX: Final = 12
# Nothing new begins while something older than this is still being done: so late is anybody's clock at most.
BEHIND_MAX: Final = timedelta(seconds=15)

Scene = Callable[[], Awaitable[None]]


class Stage:
    """Plays scenes at their times, a bounded number beside each other."""

    def __init__(self, clock: MovingClock) -> None:
        self._clock = clock
        self._coming: list[tuple[datetime, int, Scene]] = []
        self._numbers = count()
        self._under_way: dict[asyncio.Future[None], datetime] = {}

    def now(self) -> datetime:
        """Tell the hospital's time."""
        return self._clock.now()

    def at(self, instant: datetime, scene: Scene) -> None:
        """Play a scene at an instant; one that has gone by means at once."""
        heapq.heappush(self._coming, (instant, next(self._numbers), scene))

    def after(self, seconds: float, scene: Scene) -> None:
        """Play a scene so many seconds of the hospital's time from now."""
        self.at(self.now() + timedelta(seconds=seconds), scene)

    async def play(self, until: datetime) -> None:
        """Play everything that happens before an instant, and move the clock there.

        What a scene raises ends the day.
        """
        try:
            while True:
                due = self._coming[0][0] if self._coming else until
                if due >= until and not self._under_way:
                    break
                if due >= until or self._must_wait(due):
                    await self._wait_for_one()
                    continue
                instant, _, scene = heapq.heappop(self._coming)
                self._clock.advance_to(instant)
                self._under_way[asyncio.ensure_future(scene())] = instant
        finally:
            for one in self._under_way:
                one.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            self._under_way.clear()
        self._clock.advance_to(until)

    def _must_wait(self, due: datetime) -> bool:
        if len(self._under_way) >= UNDER_WAY_MAX:
            return True
        return bool(self._under_way) and min(self._under_way.values()) < due - BEHIND_MAX

    async def _wait_for_one(self) -> None:
        done, _ = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            del self._under_way[one]
            one.result()
