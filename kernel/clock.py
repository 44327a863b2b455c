"""The one source of "now".

Instants are timezone-aware UTC; a clinic day is a date in Asia/Shanghai (no daylight saving since 1991).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_frozen: ContextVar[datetime | None] = ContextVar("frozen_now", default=None)


def now() -> datetime:
    """Tell the present instant, UTC."""
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


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold the clock still at an instant, for tests; reaches the tasks started inside."""
    token = _frozen.set(at)
    try:
        yield
    finally:
        _frozen.reset(token)
