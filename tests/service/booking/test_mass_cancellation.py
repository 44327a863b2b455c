"""Many cancellations at once do what as many single ones would."""

from collections import Counter
from uuid import UUID

import pytest

from booking import service
from booking.mass_cancellation import APPOINTMENTS_A_TURN_MAX, cancel_many
from kernel.ids import new_id
from tests.factories.booking import HospitalUnderTest, require_books_agree
from tests.factories.slot_office import OFFICE
from tests.factories.waitlist import cancel, entry_of, join, sell_out


async def cancel_at_once(hospital: HospitalUnderTest, appointments: list[UUID]) -> list[UUID]:
    async with hospital.db.transaction() as tx:
        return await cancel_many(tx, appointments, actor=OFFICE, reason="stopped", handlers=service.HANDLERS)


async def test_everybody_is_told_and_everybody_who_waits_is_served(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3, slots=3)
    sold = await sell_out(hospital, schedule)
    await cancel(sold[0])
    people = await hospital.patients(7)
    [buyer] = await hospital.patients(1)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=buyer, actor=OFFICE_AT_PORTAL)
    entries = [await join(person, schedule) for person in people]
    wanted = [appointment.id for appointment in sold] + [new_id()]

    cancelled = await cancel_at_once(hospital, wanted)

    assert set(cancelled) == {appointment.id for appointment in sold[1:]}
    assert [(await entry_of(entry)).offer_id is not None for entry in entries] == [True] * 7
    numbers = await hospital.db.fetch("SELECT s.seq FROM hold h JOIN seat s ON s.id = h.seat_id ORDER BY h.id")
    assert sorted(row["seq"] for row in numbers) == [2, 3, 4, 5, 6, 7, 8]
    kinds = Counter(row["kind"] for row in await hospital.db.fetch("SELECT kind FROM booking_event"))
    assert kinds == {"booked": 10, "cancelled": 9, "offered": 7, "returned": 2}
    letters = await hospital.db.fetchval(
        "SELECT count(*) FROM outbox WHERE event_type = 'appointment.cancelled' AND payload ->> 'version' = '2'"
    )
    assert letters == 9
    await require_books_agree(hospital.db)
    assert await cancel_at_once(hospital, wanted) == []


async def test_one_transaction_has_a_bound(hospital: HospitalUnderTest) -> None:
    with pytest.raises(AssertionError):
        await cancel_at_once(hospital, [new_id() for _ in range(APPOINTMENTS_A_TURN_MAX + 1)])


OFFICE_AT_PORTAL = type(OFFICE)("slot-office", "portal", "internal", staff_code="S0001")
