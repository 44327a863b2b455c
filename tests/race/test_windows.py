"""Numbers of the windows' emergency quota in everybody's hands at once: never on both sides, never lost."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from booking.windows import numbers, service
from integration.his.facts import AppointmentStatus
from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from tests.factories.booking import (
    HospitalUnderTest,
    ScheduleUnderTest,
    ask,
    desks,
    outcomes,
    require_books_agree,
    sequence_numbers,
)
from tests.factories.slot_office import OFFICE, restore_reference_data
from tests.factories.waitlist import join, offers_of
from tests.factories.windows import Window, open_window

pytestmark = pytest.mark.race
ROUNDS = 6


@pytest.fixture
async def window(database: Database, tmp_path: Path) -> Window:
    await restore_reference_data(database)
    return open_window(database, tmp_path)


@pytest.fixture
async def hospital(window: Window) -> HospitalUnderTest:
    return await HospitalUnderTest(window.db).build()


async def a_recalled_quota(hospital: HospitalUnderTest, window: Window) -> tuple[ScheduleUnderTest, int]:
    """Six numbers, of which the window has been asked for 3 and 6; and the version that it answers with."""
    schedule = await hospital.schedule(seats=6)
    await service.set_quota(schedule.id, count=2, actor=OFFICE)
    await window.told(schedule.id)
    await service.set_quota(schedule.id, count=0, actor=OFFICE)
    return schedule, await window.version(schedule)


async def attempt(action: Any) -> Any:
    try:
        return await action
    except HospitalError as refusal:
        return refusal


@pytest.mark.parametrize("round_number", range(ROUNDS))
async def test_a_hand_back_among_a_late_sale_and_a_rush(
    hospital: HospitalUnderTest, window: Window, round_number: int
) -> None:
    """The window sold 3 and not 6: 3 is its person's, and 6 is one person's at most."""
    schedule, version = await a_recalled_quota(hospital, window)
    people = await hospital.patients(7)
    counters = desks(3)

    async def late(action: Any, steps: int) -> Any:
        await asyncio.sleep(0.003 * steps)
        return await action

    answers = await asyncio.gather(
        late(window.registers(schedule, 3, "H1"), round_number % 3),
        late(window.hands_back(schedule, unsold=(6,), sold={3: "H1"}, version=version), round_number // 2),
        *(ask(counters[n % 3], schedule.slots[0], person) for n, person in enumerate(people)),
    )

    assert (answers[0].accepted, answers[0].note) == (True, "")
    won = outcomes(answers[2:])["Win"]
    assert won in (4, 5)
    # Who came too early for 6 finds it afterwards.
    if won == 4:
        await ask(counters[0], schedule.slots[0], people[-1])
    sold = await sequence_numbers(hospital.db, schedule)
    assert sorted(sold) == sorted(set(sold))
    assert await hospital.db.fetchval("SELECT seq FROM appointment WHERE his_id = 'H1'") == 3
    # The sale may have been merged before or after the answer; asked again, the HIS names it once more.
    await hospital.db.execute("UPDATE window_number SET asked_at = '-infinity' WHERE status = 'recalled'")
    if await numbers.recall_due():
        await window.hands_back(schedule, sold={3: "H1"}, version=await window.version(schedule))
    assert {status for status, *_ in (await window.statuses(schedule)).values()} <= {"used", "returned"}
    assert {pool for _, pool, _ in (await window.statuses(schedule)).values()} == {"common"}
    await require_books_agree(hospital.db)


@pytest.mark.parametrize("round_number", range(ROUNDS))
async def test_a_hand_back_races_the_number_being_given_back(
    hospital: HospitalUnderTest, window: Window, round_number: int
) -> None:
    schedule, version = await a_recalled_quota(hospital, window)
    await window.registers(schedule, 3, "H1")

    gave_back = window.registers(schedule, 3, "H1", status=AppointmentStatus.CANCELLED, version=2)
    handed = window.hands_back(schedule, unsold=(3, 6), version=version)
    await asyncio.gather(*((gave_back, handed) if round_number % 2 else (handed, gave_back)))

    statuses = await window.statuses(schedule)
    assert {(pool, seat) for _, pool, seat in statuses.values()} == {("common", "free")}
    assert {status for status, *_ in statuses.values()} <= {"used", "returned"}
    await require_books_agree(hospital.db)


@pytest.mark.parametrize("round_number", range(ROUNDS))
async def test_setting_numbers_aside_races_booking(
    hospital: HospitalUnderTest, window: Window, round_number: int
) -> None:
    """Whoever is booked has a number that is not the window's, and two colleagues do not set aside more than asked."""
    schedule = await hospital.schedule(seats=12)
    people = await hospital.patients(12)
    counters = desks(3)

    answers = await asyncio.gather(
        *(attempt(service.set_quota(schedule.id, count=2, actor=OFFICE)) for _ in range(2)),
        *(ask(counters[n % 3], schedule.slots[0], person) for n, person in enumerate(people)),
    )

    held = await window.statuses(schedule)
    sold = await sequence_numbers(hospital.db, schedule)
    assert set(held).isdisjoint(sold)
    assert outcomes(answers[2:])["Win"] == len(sold) == 12 - len(held)
    assert len(held) == 2 or any(isinstance(answer, HospitalError) for answer in answers[:2])
    assert len(held) <= 2
    await require_books_agree(hospital.db)


async def test_what_is_handed_back_is_offered_to_those_who_wait(hospital: HospitalUnderTest, window: Window) -> None:
    schedule, version = await a_recalled_quota(hospital, window)
    people = await hospital.patients(6)
    counters = desks(3)
    for person in people[:4]:
        await ask(counters[0], schedule.slots[0], person)
    entry = await join(people[4], schedule)

    answers = await asyncio.gather(
        window.hands_back(schedule, unsold=(6,), sold={3: "H1"}, version=version),
        *(ask(counters[n], schedule.slots[0], people[5]) for n in range(3)),
    )

    assert outcomes(list(answers[1:])) == {"SoldOut": 3}
    [offer] = await offers_of(entry)
    assert offer.queue_number == 6
    await require_books_agree(hospital.db)


async def test_two_relays_ask_back_once(hospital: HospitalUnderTest, window: Window) -> None:
    schedule = await hospital.schedule(seats=6)
    await service.set_quota(schedule.id, count=2, actor=OFFICE)
    with clock.frozen(schedule.starts_at - timedelta(minutes=30)):
        asked = await asyncio.gather(*(numbers.recall_due() for _ in range(4)))
    assert sum(asked) == 2
    assert {status for status, *_ in (await window.statuses(schedule)).values()} == {"recalled"}
