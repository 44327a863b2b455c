"""The one source of "now".

Instants are timezone-aware UTC; a clinic day is a date in Asia/Shanghai (no daylight saving since 1991).

`now()` is the hospital's time: clinic days, holds, deadlines, waits. `machine_now()` is for what a machine waits for:
leases, the pauses between tries, how old a message is. They differ only in a sandbox whose MOVING_CLOCK lets the
hospital's time run ahead, so that a clinic day can be played in minutes (docs/adr/0170).
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOVING_CLOCK = "MOVING_CLOCK"
LEAD_BYTES = 8

_frozen: ContextVar[datetime | None] = ContextVar("frozen_now", default=None)


def now() -> datetime:
    """Tell the present instant of the hospital, UTC."""
    frozen_at = _frozen.get()
    if frozen_at is not None:
        return frozen_at
    moving = _followed()
    return datetime.now(UTC) if moving is None else moving.now()


def machine_now() -> datetime:
    """Tell the present instant of the machine, UTC: for leases, retries and the age of messages, never for patients."""
    return _frozen.get() or datetime.now(UTC)


def today() -> date:
    """Tell the present clinic day, Asia/Shanghai."""
    return clinic_date(now())


def clinic_date(instant: datetime) -> date:
    """Tell on which clinic day an instant falls."""
    return instant.astimezone(SHANGHAI).date()


def clinic_instant(day: date, at: time) -> datetime:
    """Turn a clinic day and a wall-clock time of Guangzhou into an instant, UTC."""
    return datetime.combine(day, at, SHANGHAI).astimezone(UTC)


def clinic_time(instant: datetime) -> str:
    """Write an instant as a person in Guangzhou reads it, to the second: 2026-11-23 08:30:00."""
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


class MovingClock:
    """How far the hospital's time is ahead of the machine's, in a file that all processes of one sandbox map.

    Eight bytes hold the lead in microseconds, in the machine's own byte order. It only ever grows: time runs on by
    itself, and is moved forward by whoever plays the day.
    """

    def __init__(self, path: Path) -> None:
        path.touch(0o600)
        with path.open("r+b") as file:
            file.truncate(LEAD_BYTES)
            # One aligned word is read and written whole, so no reader sees half a lead.
            self._lead = memoryview(mmap.mmap(file.fileno(), LEAD_BYTES)).cast("q")

    def now(self) -> datetime:
        """Tell the present instant of the hospital, UTC."""
        return datetime.now(UTC) + timedelta(microseconds=self._lead[0])

    def advance_to(self, instant: datetime) -> None:
        """Move the hospital's time forward to an instant; one that has gone by changes nothing.

        One process alone may do so.
        """
        lead = (instant - datetime.now(UTC)) // timedelta(microseconds=1)
        self._lead[0] = max(lead, self._lead[0])


@cache
def _followed() -> MovingClock | None:
    """Give the clock that this process follows; production has none, and refuses the setting when it starts."""
    path = os.environ.get(MOVING_CLOCK)
    return MovingClock(Path(path)) if path and os.environ.get("MODE") != "production" else None


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold the clock still at an instant, for tests; reaches the tasks started inside."""
    token = _frozen.set(at)
    try:
        yield
    finally:
        _frozen.reset(token)
