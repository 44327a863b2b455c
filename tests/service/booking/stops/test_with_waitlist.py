"""Stops, extra seats and those who wait: nobody is overtaken, and nobody is offered a stopped number."""

from datetime import timedelta
from uuid import UUID

import pytest

from booking import queries, service
from booking.extra_seats.service import approve_extra_seat, request_extra_seat
from booking.stops import saga
from booking.stops import service as stops
from kernel import clock
from kernel.db import Database
from kernel.events import Actor
from tests.factories.booking import PORTAL, HospitalUnderTest, require_books_agree
from tests.factories.booking_steps import book, hold
from tests.factories.stops import OFFICE, cases, seats, stop_and_finish
from tests.factories.waitlist import cancel, entry_of, join, offers_of, open_offer, sell_out

CHIEF = Actor("slot-office", "kiosk", "internal", staff_code="S0002")


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    return await HospitalUnderTest(database).build()


async def test_an_offer_of_a_stopped_number_ends_and_the_person_goes_on_waiting(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    [waiting] = await hospital.patients(1)
    entry = await join(waiting, schedule)
    await cancel(sold)
    await open_offer(entry)

    await stop_and_finish(schedule)

    assert await seats(hospital.db, schedule) == ["blocked"]
    assert (await entry_of(entry)).status == "waiting"
    assert [offer.status for offer in await offers_of(entry)] != ["open"]
    await require_books_agree(hospital.db)


async def test_a_stopped_number_is_not_offered(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    [waiting] = await hospital.patients(1)
    entry = await join(waiting, schedule)
    await stop_and_finish(schedule, steps=("keep",))
    await service.cancel_appointment(appointment_id=sold.id, reason=None, actor=PORTAL)
    assert await seats(hospital.db, schedule) == ["blocked"]
    assert await offers_of(entry) == []
    await require_books_agree(hospital.db)


async def test_a_move_of_the_hospitals_does_not_overtake_who_waits(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    other = await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    patient, holder, waiting = await hospital.patients(3)
    await book(schedule, patient)
    await hold(other, holder)
    entry = await join(waiting, other)
    with clock.frozen(clock.now() + timedelta(hours=1)):
        order_id = await stop_and_finish(schedule, steps=("move", "cancel"))
        assert await cases(hospital.db, order_id) == ["cancelled"]
        await open_offer(entry)
        await require_books_agree(hospital.db)


async def test_an_extra_number_is_offered_to_who_waits(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    await sell_out(hospital, schedule)
    [waiting] = await hospital.patients(1)
    entry = await join(waiting, schedule)
    wanted = await request_extra_seat(
        slot_id=schedule.slots[0], pool="common", patient_id=None, reason="加号", actor=OFFICE
    )
    await approve_extra_seat(UUID(wanted["id"]), actor=CHIEF)
    await open_offer(entry)
    assert await seats(hospital.db, schedule) == ["booked", "held"]
    await require_books_agree(hospital.db)


async def test_numbers_of_a_restarted_clinic_are_offered_to_who_waits(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    [waiting] = await hospital.patients(1)
    entry = await join(waiting, schedule)
    order_id = await stop_and_finish(schedule)
    assert (await queries.get_appointment(sold.id, actor=PORTAL)).status == "cancelled"
    await stops.restart_clinic(order_id, actor=OFFICE)
    await saga.drive_orders()
    await open_offer(entry)
    assert await seats(hospital.db, schedule) == ["held"]
    await require_books_agree(hospital.db)
