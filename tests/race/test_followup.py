"""One free follow-up for one visit, however many ask for it at once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import followup, service
from kernel.db import Database
from kernel.errors import HospitalError
from tests.factories.booking import PORTAL, HospitalUnderTest, outcomes, require_books_agree
from tests.factories.slot_office import restore_reference_data

pytestmark = pytest.mark.race

ROUNDS = 5


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


async def first_visit(hospital: HospitalUnderTest, patient: UUID) -> UUID:
    schedule = await hospital.schedule(seats=1)
    booked = await service.book_appointment(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL)
    await hospital.db.execute("UPDATE appointment SET status = 'fulfilled' WHERE id = $1", booked.id)
    return booked.id


async def test_two_follow_ups_for_one_visit(hospital: HospitalUnderTest) -> None:
    """Directly and from a hold, on several days."""
    for patient in await hospital.patients(ROUNDS):
        first = await first_visit(hospital, patient)
        slots = [(await hospital.schedule(seats=2, starts_in=timedelta(days=2 + n))).slots[0] for n in (1, 2, 3)]
        hold = await service.hold_seat(slot_id=slots[0], patient_id=patient, actor=PORTAL)
        answers = await asyncio.gather(
            attempt(service.confirm_hold(hold_id=hold.id, first_id=first, actor=PORTAL)),
            *(
                attempt(followup.book_follow_up(slot_id=slot, patient_id=patient, first_id=first, actor=PORTAL))
                for slot in slots
            ),
        )
        assert outcomes(answers) == {"Appointment": 1, "FollowUpUsed": 3}
    await require_books_agree(hospital.db)


async def test_a_cancelled_follow_up_against_a_new_one(hospital: HospitalUnderTest) -> None:
    """Whoever comes first, never two that stand."""
    for patient in await hospital.patients(ROUNDS):
        first = await first_visit(hospital, patient)
        slots = [(await hospital.schedule(seats=1, starts_in=timedelta(days=2 + n))).slots[0] for n in (1, 2)]
        booked = await followup.book_follow_up(slot_id=slots[0], patient_id=patient, first_id=first, actor=PORTAL)
        cancelled, again = await asyncio.gather(
            attempt(service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)),
            attempt(followup.book_follow_up(slot_id=slots[1], patient_id=patient, first_id=first, actor=PORTAL)),
        )
        assert cancelled.status == "cancelled"
        assert type(again).__name__ in ("Appointment", "FollowUpUsed")
        standing = await hospital.db.fetchval(
            "SELECT count(*) FROM appointment WHERE follow_up_of = $1 AND status = 'booked'", first
        )
        assert standing == (1 if type(again).__name__ == "Appointment" else 0)
    await require_books_agree(hospital.db)
