"""Bans against bookings in flight, counting against corrections, pardons against appeals."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from booking.fairness import bans
from booking.fairness.noshows import correct_noshow, mark_noshows
from kernel.db import Database
from kernel.errors import HospitalError
from tests.factories.booking import HospitalUnderTest, ask, desks, outcomes, require_books_agree
from tests.factories.fairness import OFFICE, book_known
from tests.factories.slot_office import restore_reference_data

pytestmark = pytest.mark.race

PEOPLE = 12


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    await restore_reference_data(database)
    return await HospitalUnderTest(database).build()


async def attempt(work: Any) -> Any:
    """Give what came of it: the answer, or the refusal itself."""
    try:
        return await work
    except HospitalError as refusal:
        return refusal


async def missed_visits(hospital: HospitalUnderTest, people: list[UUID], count: int) -> dict[UUID, list[UUID]]:
    """Give each so many visits that lie days back and that nobody has counted yet."""
    found = {person: [await book_known(hospital, person, in_days=2 + n) for n in range(count)] for person in people}
    for table in ("appointment", "schedule"):
        ends = ", ends_at = ends_at - interval '8 d'" if table == "schedule" else ""
        await hospital.db.execute(
            f"UPDATE {table} SET clinic_date = clinic_date - 8, starts_at = starts_at - interval '8 d'{ends}"
        )
    await hospital.db.execute("UPDATE visit_claim SET clinic_date = clinic_date - 8")
    return found


async def test_a_ban_against_bookings_in_flight(hospital: HospitalUnderTest) -> None:
    people = await hospital.patients(PEOPLE)
    await missed_visits(hospital, people, 3)
    schedule = await hospital.schedule(seats=3 * PEOPLE, starts_in=timedelta(days=20))
    late = await hospital.schedule(seats=3 * PEOPLE, starts_in=timedelta(days=21))
    four = desks()

    async def book_after_a_while(n: int, person: UUID) -> Any:
        await asyncio.sleep(n * 0.01)
        return await ask(four[n % 4], schedule.slots[0], person)

    marked, *answers = await asyncio.gather(
        mark_noshows(), *(book_after_a_while(n, person) for n, person in enumerate(people))
    )
    assert marked == 3 * PEOPLE
    assert set(outcomes(answers)) <= {"Win", "PatientBanned"}
    # Who asks once the ban stands is refused, whichever process they ask.
    after = await asyncio.gather(*(ask(four[n % 4], late.slots[0], person) for n, person in enumerate(people)))
    assert outcomes(after) == {"PatientBanned": PEOPLE}
    won = await hospital.db.fetchval("SELECT count(*) FROM appointment WHERE schedule_id = $1", schedule.id)
    assert won == outcomes(answers)["Win"]
    await require_books_agree(hospital.db)


async def test_counting_against_corrections(hospital: HospitalUnderTest) -> None:
    """Whichever comes first, two right no-shows and one wrong one are no ban in the end."""
    people = await hospital.patients(PEOPLE)
    visits = await missed_visits(hospital, people, 3)
    due = [missed[2] for missed in visits.values()]
    await hospital.db.execute("UPDATE appointment SET his_status = 'pending' WHERE id = ANY ($1)", due)
    assert await mark_noshows() == 2 * PEOPLE
    await hospital.db.execute("UPDATE appointment SET his_status = 'confirmed'")

    async def correct(n: int, appointment: UUID) -> Any:
        await asyncio.sleep(n * 0.005)
        return await correct_noshow(appointment_id=appointment, reason="x", actor=OFFICE)

    await asyncio.gather(mark_noshows(), *(correct(n, missed[0]) for n, missed in enumerate(visits.values())))
    assert await hospital.db.fetchval("SELECT count(*) FROM patient WHERE banned_until IS NOT NULL") == 0
    assert await hospital.db.fetchval("SELECT count(*) FROM booking_ban_evidence") == 0
    assert (
        await hospital.db.fetchval("SELECT count(*) FROM booking_ban WHERE lifted_by IS DISTINCT FROM 'recount'") == 0
    )
    assert await hospital.db.fetchval("SELECT count(*) FROM appointment WHERE status = 'noshow'") == 2 * PEOPLE
    await require_books_agree(hospital.db)


async def test_two_counts_at_once_ban_once(hospital: HospitalUnderTest) -> None:
    people = await hospital.patients(PEOPLE)
    await missed_visits(hospital, people, 3)
    marked = await asyncio.gather(*(mark_noshows(5) for _ in range(4)))
    while (more := await mark_noshows(5)) > 0:
        marked.append(more)
    assert sum(marked) == 3 * PEOPLE
    rows = await hospital.db.fetch("SELECT patient_id FROM booking_ban")
    assert sorted(row["patient_id"] for row in rows) == sorted(people)


async def test_a_ban_is_lifted_once(hospital: HospitalUnderTest) -> None:
    (person,) = await hospital.patients(1)
    visits = await missed_visits(hospital, [person], 3)
    await mark_noshows()
    (ban,) = await bans.list_bans(actor=OFFICE, before=None, limit=2)
    ban_id: Any = ban["id"]
    answer: Any = await bans.appeal(ban_id=ban_id, reason="x", actor=OFFICE)
    appeal_id = UUID(answer["appeals"][0]["id"])
    answers = await asyncio.gather(
        *(attempt(bans.lift_ban(ban_id=ban_id, reason="x", actor=OFFICE)) for _ in range(3)),
        *(
            attempt(bans.decide_appeal(appeal_id=appeal_id, decision="granted", reason="x", actor=OFFICE))
            for _ in range(3)
        ),
        *(attempt(correct_noshow(appointment_id=visits[person][0], reason="x", actor=OFFICE)) for _ in range(3)),
    )
    counted = outcomes(answers)
    assert counted["Appointment"] == 1
    assert counted["NotNoShow"] == 2
    assert counted["dict"] <= 1
    assert counted["BanNotActive"] + counted["AppealDecided"] + counted["dict"] == 6
    assert await hospital.db.fetchval("SELECT count(*) FROM booking_ban_event WHERE kind = 'lifted'") == 1
    assert await hospital.db.fetchval("SELECT banned_until FROM patient") is None
