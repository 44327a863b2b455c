import asyncio
import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

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


def test_a_moving_clock_runs_ahead_and_never_back(tmp_path: Path) -> None:
    moving = clock.MovingClock(tmp_path / "clock")
    began = datetime.now(UTC)
    there = began + timedelta(days=3)

    moving.advance_to(there)
    told = moving.now()
    moving.advance_to(began)

    assert there <= told <= moving.now()


def test_every_process_of_a_sandbox_has_the_same_moving_time(tmp_path: Path) -> None:
    """Two maps of one file stand for two processes; one that maps it later finds the lead that there is."""
    driver, follower = (clock.MovingClock(tmp_path / "clock") for _ in range(2))
    there = datetime.now(UTC) + timedelta(hours=5)

    driver.advance_to(there)

    assert follower.now() >= there
    assert clock.MovingClock(tmp_path / "clock").now() >= there


FOLLOWS = "from kernel import clock; print((clock.now() - clock.machine_now()).total_seconds() > 3000)"


@pytest.mark.parametrize(("mode", "follows"), [("sandbox", "True"), ("production", "False")])
def test_a_process_follows_the_moving_clock_unless_it_serves_patients(mode: str, follows: str, tmp_path: Path) -> None:
    clock.MovingClock(tmp_path / "clock").advance_to(datetime.now(UTC) + timedelta(hours=1))
    environment = {**os.environ, "MODE": mode, clock.MOVING_CLOCK: str(tmp_path / "clock")}

    told = subprocess.run([sys.executable, "-c", FOLLOWS], env=environment, capture_output=True, text=True, check=True)

    assert told.stdout.strip() == follows


def test_a_frozen_clock_holds_the_machines_time_too() -> None:
    at = datetime(2026, 11, 25, 4, tzinfo=UTC)
    with clock.frozen(at):
        assert (clock.now(), clock.machine_now()) == (at, at)
