"""Holds against a cool-down being set, findings against each other, and decisions against decisions."""

import asyncio
from typing import Any

import pytest

from booking import service
from booking.fairness import flags, patterns
from kernel.db import Database
from kernel.errors import HospitalError
from tests.factories.booking import (
    PORTAL,
    HospitalUnderTest,
    ask,
    books,
    hold_desks,
    outcomes,
    require_books_agree,
)
from tests.factories.fairness import OFFICE
from tests.factories.slot_office import restore_reference_data

pytestmark = pytest.mark.race

PEOPLE = 24


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    await restore_reference_data(database)
    hospital = await HospitalUnderTest(database).build()
    await database.execute("UPDATE hold_pattern_rule SET active = (pattern, subject) = ('unbooked-holds', 'phone')")
    await database.execute("UPDATE hold_pattern_rule SET count_min = 2 WHERE active")
    return hospital


async def let_go_twice(hospital: HospitalUnderTest) -> None:
    (person,) = await hospital.patients(1)
    await hospital.db.execute("UPDATE patient SET phone_hash = 'one'")
    schedule = await hospital.schedule(seats=1)
    for _ in range(2):
        hold = await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
        await service.release_hold(hold_id=hold.id, actor=PORTAL)


async def attempt(work: Any) -> Any:
    try:
        return await work
    except HospitalError as refusal:
        return refusal


async def test_a_cool_down_against_holds_in_flight(hospital: HospitalUnderTest) -> None:
    people = await hospital.patients(PEOPLE)
    await let_go_twice(hospital)
    await patterns.look_for_patterns()
    (flag,) = await flags.list_flags(status="open", before=None, limit=2)
    schedule = await hospital.schedule(seats=2 * PEOPLE)
    four = hold_desks()

    async def hold_after_a_while(n: int) -> Any:
        await asyncio.sleep(n * 0.002)
        return await ask(four[n % 4], schedule.slots[0], people[n])

    confirm = flags.confirm_flag(flag_id=flag["id"], reason="x", cool_down_minutes=60, actor=OFFICE)
    _, *answers = await asyncio.gather(confirm, *(hold_after_a_while(n) for n in range(PEOPLE)))
    assert set(outcomes(answers)) <= {"Win", "HoldsPaused"}
    # Who asks once the cool-down stands is refused, whichever process they ask, and nothing has changed.
    before = await books(hospital.db)
    after = await asyncio.gather(*(ask(four[n % 4], schedule.slots[0], person) for n, person in enumerate(people)))
    assert outcomes(after) == {"HoldsPaused": PEOPLE}
    assert await books(hospital.db) == before
    won = await hospital.db.fetchval("SELECT count(*) FROM hold WHERE schedule_id = $1", schedule.id)
    assert won == outcomes(answers)["Win"]
    await require_books_agree(hospital.db)


async def test_two_looks_at_once_find_it_once(hospital: HospitalUnderTest) -> None:
    await let_go_twice(hospital)
    found = await asyncio.gather(*(patterns.look_for_patterns() for _ in range(6)))
    assert sorted(found) == [0, 0, 0, 0, 0, 1]
    assert len(await flags.list_flags(status=None, before=None, limit=9)) == 1


async def test_of_many_decisions_one_counts(hospital: HospitalUnderTest) -> None:
    await let_go_twice(hospital)
    await patterns.look_for_patterns()
    (flag,) = await flags.list_flags(status="open", before=None, limit=2)
    answers = await asyncio.gather(
        *(
            attempt(flags.confirm_flag(flag_id=flag["id"], reason="x", cool_down_minutes=None, actor=OFFICE))
            for _ in range(4)
        ),
        *(attempt(flags.dismiss_flag(flag_id=flag["id"], reason="x", actor=OFFICE)) for _ in range(4)),
    )
    assert outcomes(answers) == {"dict": 1, "PatternFlagDecided": 7}
    rows = await hospital.db.fetch("SELECT kind FROM hold_pattern_event WHERE kind <> 'raised'")
    assert len(rows) == 1
