"""Whoever drives a stop may die at any write; whoever comes next ends it as if nothing had happened."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from booking.stops import saga
from booking.stops import service as stops
from kernel.db import Database, DatabaseUnavailable
from tests.database_state import EMPTY_EVERY_TABLE
from tests.factories.booking import HospitalUnderTest, require_books_agree
from tests.factories.booking_steps import book, hold
from tests.factories.stops import OFFICE, Crash, add_substitute, stop, story

RUNS_MAX = 20
POLICIES = ("move", "substitute", "restart")


@pytest.fixture
async def crash(database: Database, database_url: str) -> AsyncIterator[Crash]:
    trap = Crash(database_url)
    await trap.install()
    yield trap
    await trap.remove()


async def play(database: Database, crash: Crash, *, policy: str, at_write: int) -> tuple[int, dict[str, list[Any]]]:
    """Stop a clinic with a crash at a write of the saga (0: none); give the crashes, and how everything ends.

    The clinic has a free seat, a held one, and three patients of whom one finds an equal slot.
    """
    await crash.run(EMPTY_EVERY_TABLE)
    hospital = await HospitalUnderTest(database).build()
    schedule = await hospital.schedule(seats=5)
    elsewhere = await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    people = await hospital.patients(4)
    for person in people[:3]:
        await book(schedule, person)
    await hold(schedule, people[3])
    if policy == "substitute":
        substitute = await add_substitute(hospital)
        order_id = await stop(schedule, steps=("substitute", "cancel"), substitute_id=substitute)
    else:
        order_id = await stop(schedule, steps=("move", "cancel"))
    if policy == "restart":
        await saga.take_step(order_id)
        await saga.take_step(order_id)
        await stops.restart_clinic(order_id, actor=OFFICE)
    await crash.set(at_write)
    crashes = 0
    for _ in range(RUNS_MAX):
        try:
            if await saga.drive_orders() == 0:
                break
        except (DatabaseUnavailable, asyncpg.PostgresConnectionError):
            crashes += 1
    await require_books_agree(database)
    return crashes, await story(database, [schedule, elsewhere], people)


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_kill_at_some_writes_changes_nothing_of_the_end(database: Database, crash: Crash, policy: str) -> None:
    await _compare(database, crash, policy, every=8)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("policy", POLICIES)
async def test_a_kill_at_any_write_changes_nothing_of_the_end(database: Database, crash: Crash, policy: str) -> None:
    await _compare(database, crash, policy, every=1)


async def _compare(database: Database, crash: Crash, policy: str, *, every: int) -> None:
    crashes, usual = await play(database, crash, policy=policy, at_write=0)
    writes = await crash.writes()
    assert crashes == 0
    assert writes >= 6, "there is little to kill"
    for n in range(1, writes + 1, every):
        crashes, end = await play(database, crash, policy=policy, at_write=n)
        assert crashes == 1, f"write {n} of {writes} was not made"
        assert end == usual, f"a kill at write {n} of {writes} has changed the end"
