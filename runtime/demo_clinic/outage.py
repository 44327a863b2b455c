"""The HIS of the day, and its outage: killed in the middle of the morning, and started an hour later."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kernel import clock
from kernel.db import Database
from runtime.demo_clinic.day import Day
from runtime.demo_clinic.plan import OUTAGE
from runtime.own_hospital import Platform

LOOK_SECONDS: Final = 60.0
DRAINED_BELOW: Final = 25


@dataclass(slots=True)
class Backlog:
    """How many messages waited for the HIS, at instants of the hospital's time."""

    seen: list[tuple[datetime, int]] = field(default_factory=list)
    down_at: datetime | None = None
    up_at: datetime | None = None

    @property
    def peak(self) -> int:
        """The most that waited while the HIS was away and until it had caught up."""
        return max((n for at, n in self.seen if self.down_at and at >= self.down_at), default=0)

    @property
    def drained_at(self) -> datetime | None:
        """When after the outage hardly anything waited any more."""
        return next((at for at, n in self.seen if self.up_at and at > self.up_at and n < DRAINED_BELOW), None)


class Outage:
    """Watches what waits for the HIS, and takes the HIS away for a while."""

    def __init__(self, day: Day, platform: Platform, db: Database) -> None:
        self._day, self._platform, self._db = day, platform, db
        self.backlog = Backlog()

    def plan(self) -> None:
        """Plan the outage, and looks at the backlog all day long."""
        begins, ends = (clock.clinic_instant(self._day.world.day, one) for one in OUTAGE)
        stage = self._day.stage
        stage.at(begins, self._go_down)
        stage.at(ends, self._come_up)
        stage.after(0, self._look)

    async def _go_down(self) -> None:
        self._day.his_is_up = False
        await asyncio.to_thread(self._platform.kill_his)
        self.backlog.down_at = self._day.stage.now()

    async def _come_up(self) -> None:
        await asyncio.to_thread(self._platform.start_his)
        self.backlog.up_at = self._day.stage.now()
        self._day.his_is_up = True

    async def _look(self) -> None:
        self.backlog.seen.append((self._day.stage.now(), await waiting_messages(self._db)))
        self._day.stage.after(LOOK_SECONDS, self._look)


async def waiting_messages(db: Database) -> int:
    """Count messages to and from the HIS that are not done.

    Raises:
        DatabaseUnavailable.
    """
    waiting: int = await db.fetchval(
        "SELECT (SELECT count(*) FROM outbox WHERE status = 'pending')"
        " + (SELECT count(*) FROM inbox WHERE status = 'pending')"
    )
    return waiting
