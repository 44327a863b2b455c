"""Missed visits, made as they happen: a number that the HIS knows, a day that passes, the count."""

from datetime import timedelta
from uuid import UUID

from booking.fairness.noshows import mark_noshows
from booking.service import book_appointment
from kernel import clock
from kernel.events import Actor
from tests.factories.booking import PORTAL, HospitalUnderTest

OFFICE = Actor(client_id="office", channel="kiosk", kind="internal", staff_code="S0001")


async def book_known(hospital: HospitalUnderTest, patient: UUID, actor: Actor = PORTAL, *, in_days: int = 2) -> UUID:
    """Book a number of a schedule of its own, and let the HIS have confirmed it."""
    schedule = await hospital.schedule(seats=1, starts_in=timedelta(days=in_days))
    booked = await book_appointment(slot_id=schedule.slots[0], patient_id=patient, actor=actor)
    await hospital.db.execute("UPDATE appointment SET his_status = 'confirmed' WHERE id = $1", booked.id)
    return booked.id


async def miss(
    hospital: HospitalUnderTest, patient: UUID, times: int, actor: Actor = PORTAL, *, from_day: int = 2
) -> list[UUID]:
    """Miss visits on consecutive days, all counted at once on the last; give the appointments."""
    missed = [await book_known(hospital, patient, actor, in_days=from_day + n) for n in range(times)]
    with clock.frozen(clock.now() + timedelta(days=from_day + times)):
        assert await mark_noshows() == times
    return missed
