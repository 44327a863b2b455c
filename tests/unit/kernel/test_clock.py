import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest

from kernel import clock


def test_now_is_the_present_instant_in_utc() -> None:
    before = datetime.now(UTC)
    told = clock.now()

    assert told.tzinfo is UTC
    assert before <= told <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-11-25T15:59:59.999999+00:00", date(2026, 11, 25)),
        ("2026-11-25T16:00:00+00:00", date(2026, 11, 26)),
        ("2026-12-31T16:00:00+00:00", date(2027, 1, 1)),
        ("2026-11-26T00:30:00+08:00", date(2026, 11, 26)),
    ],
)
def test_a_clinic_day_begins_at_midnight_in_guangzhou(instant: str, day: date) -> None:
    at = datetime.fromisoformat(instant)

    assert clock.clinic_date(at) == day
    with clock.frozen(at):
        assert clock.today() == day


def test_a_wall_clock_time_becomes_an_instant() -> None:
    assert clock.clinic_instant(date(2026, 11, 25), time(7)) == datetime(2026, 11, 24, 23, tzinfo=UTC)
    # The last summer of daylight saving in China: eight o'clock was an hour earlier in UTC.
    assert clock.clinic_instant(date(1991, 7, 1), time(8)) == datetime(1991, 6, 30, 23, tzinfo=UTC)
    assert clock.clinic_instant(date(1992, 7, 1), time(8)) == datetime(1992, 7, 1, tzinfo=UTC)


async def test_a_held_clock_reaches_tasks_started_inside_and_nothing_outside() -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)

    async def read() -> datetime:
        return clock.now()

    with clock.frozen(at):
        inside = asyncio.create_task(read())
        with clock.frozen(at + timedelta(days=1)):
            assert clock.now() == at + timedelta(days=1)
        assert clock.now() == at
    assert await inside == at
    assert clock.now() < at
