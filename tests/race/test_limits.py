"""The last uses of a limit, asked for at once from several processes' desks."""

import asyncio

import pytest

from kernel.db import Database
from tests.factories.booking import HospitalUnderTest, ask, desks, outcomes, require_books_agree
from tests.factories.slot_office import restore_reference_data

pytestmark = pytest.mark.race

PEOPLE = 24


async def test_exactly_as_many_as_allowed(database: Database) -> None:
    """Four desks, one telephone, seats enough for some: the allowed number wins, and no use is lost or lent."""
    await restore_reference_data(database)
    hospital = await HospitalUnderTest(database).build()
    people = await hospital.patients(PEOPLE)
    await database.execute("UPDATE patient SET phone_hash = 'one'")
    await database.execute(
        "UPDATE claim_limit SET active = true, count_max = CASE subject WHEN 'phone' THEN 5 ELSE 9 END"
        " WHERE claim = 'appointment'"
    )
    try:
        small, large = await hospital.schedule(seats=2), await hospital.schedule(seats=PEOPLE)
        four = desks()
        slots = [small.slots[0] if n % 2 else large.slots[0] for n in range(PEOPLE)]
        answers = await asyncio.gather(*(ask(four[n % 4], slots[n], person) for n, person in enumerate(people)))
        # Who was refused while a use was lent to one who then found no seat may ask again.
        won = outcomes(answers)["Win"]
        for n, person in enumerate(people):
            if won < 5 and type(answers[n]).__name__ == "LimitReached":
                won += type(await ask(four[0], large.slots[0], person)).__name__ == "Win"
        assert won == 5
        assert set(outcomes(answers)) <= {"Win", "LimitReached", "SoldOut"}
        rows = await database.fetch("SELECT subject, used FROM claim_use ORDER BY subject")
        assert [tuple(row.values()) for row in rows] == [("account", 5), ("phone", 5)]
        await require_books_agree(database)
    finally:
        await restore_reference_data(database)
