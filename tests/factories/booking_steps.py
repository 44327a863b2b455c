"""The steps of booking, as the portal takes them unless another actor is given; and how a refusal is proved."""

from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import pytest

from booking import service
from booking.facts import Appointment, Hold
from kernel.errors import HospitalError
from kernel.ids import new_id
from tests.factories.booking import PORTAL, HospitalUnderTest, ScheduleUnderTest, books


async def hold(schedule: ScheduleUnderTest, person: UUID, **more: Any) -> Hold:
    """Hold a seat of the first slot."""
    return await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, **({"actor": PORTAL} | more))


async def book(schedule: ScheduleUnderTest, person: UUID, **more: Any) -> Appointment:
    """Book a seat of the first slot."""
    return await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, **({"actor": PORTAL} | more))


async def cancel(appointment: Appointment, **more: Any) -> Appointment:
    """Give a number back."""
    return await service.cancel_appointment(appointment_id=appointment.id, **({"reason": None, "actor": PORTAL} | more))


async def move(appointment: Appointment, to: ScheduleUnderTest, **more: Any) -> Appointment:
    """Move to the first slot of another schedule."""
    return await service.reschedule_appointment(
        appointment_id=appointment.id, slot_id=to.slots[0], **({"actor": PORTAL} | more)
    )


async def require_refused(
    hospital: HospitalUnderTest, action: Awaitable[Any], error: type[HospitalError], **details: object
) -> None:
    """Expect a refusal with exactly these details, and nothing changed."""
    before = await books(hospital.db)
    with pytest.raises(error) as refused:
        await action
    assert refused.value.details == details
    assert await books(hospital.db) == before


async def set_rule(hospital: HospitalUnderTest, **values: object) -> None:
    """Give the clinic under test a rule of its own."""
    names = ", ".join(values)
    marks = ", ".join(f"${n}" for n in range(3, len(values) + 3))
    await hospital.db.execute(
        f"INSERT INTO booking_rule (id, clinic_id, {names}) VALUES ($1, $2, {marks})",
        new_id(),
        hospital.clinic_id,
        *values.values(),
    )
