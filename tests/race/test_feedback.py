"""One case, one visit, many hands at once: each step is taken once, and the history agrees."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from feedback import queries, service
from kernel.crypto import load_cipher
from kernel.db import Database
from kernel.errors import HospitalError
from tests.factories.booking import HospitalUnderTest
from tests.factories.feedback import Feedback, actor_of
from tests.factories.keys import write_keys
from tests.factories.slot_office import restore_reference_data

pytestmark = pytest.mark.race
CALLERS = 8


@pytest.fixture
async def feedback(database: Database, tmp_path: Path) -> Feedback:
    load_cipher(write_keys(tmp_path / "keys"))
    await restore_reference_data(database)
    return Feedback(await HospitalUnderTest(database).build())


async def outcome(work: Any) -> str:
    try:
        await work
    except HospitalError as refusal:
        return refusal.code
    return "won"


async def test_a_case_goes_to_one_office_and_is_answered_once(feedback: Feedback) -> None:
    made, overseer = await feedback.file(await feedback.author()), await feedback.holder("complaints_office")
    offices = [one.code for one in await queries.list_offices(feedback.db) if one.code != "charges_office"]
    steps = [service.transfer_case(made.case.id, office=one, reason="x", actor=overseer) for one in offices]
    steps += [service.answer_case(made.case.id, "x", actor=overseer) for _ in range(CALLERS)]
    found = Counter(await asyncio.gather(*map(outcome, steps)))
    whole = await queries.get_case(made.case.id)
    actions = Counter(event.action for event in whole.events)
    assert actions["answered"] == 1
    assert found["won"] == actions["answered"] + actions["transferred"]
    assert sum(found.values()) - found["won"] == found["feedback.status_conflict"]
    passed = [event.office for event in whole.events if event.action == "transferred"]
    assert whole.case.office.code == (passed[-1] if passed else "charges_office")


async def test_an_answer_is_contested_once(feedback: Feedback) -> None:
    author, overseer = await feedback.author(), await feedback.holder("complaints_office")
    made = await feedback.file(author)
    await service.answer_case(made.case.id, "x", actor=overseer)
    actor = actor_of(author.account_id)
    steps = [service.reopen_case(made.case.id, author, "x", actor=actor) for _ in range(CALLERS)]
    steps += [service.close_case(made.case.id, actor=overseer)]
    found = Counter(await asyncio.gather(*map(outcome, steps)))
    assert found["feedback.reopened_before"] == CALLERS - 1
    actions = Counter(event.action for event in (await queries.get_case(made.case.id)).events)
    assert actions["reopened"] == 1


async def test_a_visit_is_rated_by_one_of_a_family(feedback: Feedback) -> None:
    first = await feedback.author()
    family = [first, *[await feedback.author(first.patient_id) for _ in range(CALLERS - 1)]]
    visit = await feedback.visit(first.patient_id)
    found = Counter(await asyncio.gather(*(outcome(feedback.rate(one, visit)) for one in family)))
    assert found == {"won": 1, "feedback.rated_before": CALLERS - 1}
    assert await feedback.db.fetchval("SELECT count(*) FROM satisfaction_rating_event") == 1


async def test_two_phones_of_one_account_leave_one_rating(feedback: Feedback) -> None:
    author = await feedback.author()
    visit = await feedback.visit(author.patient_id)
    found = Counter(await asyncio.gather(*(outcome(feedback.rate(author, visit)) for _ in range(CALLERS))))
    assert found == {"won": CALLERS}
    assert await feedback.db.fetchval("SELECT version FROM satisfaction_rating") == CALLERS


async def test_an_account_files_no_more_than_its_day_has_room_for(feedback: Feedback) -> None:
    author = await feedback.author()
    found = Counter(await asyncio.gather(*(outcome(feedback.file(author)) for _ in range(CALLERS))))
    assert found == {"won": 5, "feedback.too_many_cases": CALLERS - 5}
