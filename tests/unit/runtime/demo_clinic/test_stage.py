import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kernel.clock import MovingClock
from runtime.demo_clinic.stage import BEHIND_MAX, UNDER_WAY_MAX, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(MovingClock(tmp_path / "clock"))


def begin() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


async def test_scenes_are_played_in_the_order_of_their_times_and_never_early(stage: Stage) -> None:
    first, played = begin(), []

    def scene(hours: int) -> None:
        async def play() -> None:
            played.append(hours)
            assert stage.now() >= first + timedelta(hours=hours)

        stage.at(first + timedelta(hours=hours), play)

    for hours in (3, 1, 2, 9):
        scene(hours)
    await stage.play(first + timedelta(hours=5))

    assert played == [1, 2, 3]
    assert first + timedelta(hours=5) <= stage.now() < first + timedelta(hours=6)


async def test_what_a_scene_plans_is_played_in_its_turn(stage: Stage) -> None:
    first, played = begin(), []

    async def later() -> None:
        played.append("later")

    async def now() -> None:
        played.append("now")
        stage.after(60, later)

    stage.at(first, now)
    await stage.play(first + timedelta(hours=1))

    assert played == ["now", "later"]


async def test_no_more_is_under_way_than_the_limit(stage: Stage) -> None:
    first, running, most = begin(), 0, 0

    async def scene() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    for _ in range(UNDER_WAY_MAX * 3):
        stage.at(first, scene)
    await stage.play(first + timedelta(hours=1))

    assert most == UNDER_WAY_MAX


async def test_time_waits_for_what_is_still_being_done(stage: Stage) -> None:
    first, ended = begin(), asyncio.Event()
    seen: list[bool] = []

    async def slow() -> None:
        await asyncio.sleep(0.05)
        ended.set()

    async def next_one() -> None:
        seen.append(ended.is_set())

    stage.at(first, slow)
    stage.at(first + BEHIND_MAX / 2, next_one)
    stage.at(first + BEHIND_MAX * 3, next_one)
    await stage.play(first + timedelta(hours=1))

    assert seen == [False, True]


async def test_what_breaks_a_scene_ends_the_day(stage: Stage) -> None:
    async def broken() -> None:
        raise ValueError("no such day")

    stage.at(begin(), broken)

    with pytest.raises(ValueError, match="no such day"):
        await stage.play(begin() + timedelta(hours=1))
