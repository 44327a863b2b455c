"""Stops that race bookings, holds, moves, cancels, answers, each other and the staff's own hand on them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from booking import errors, service
from booking.states import SEAT
from booking.stops import saga
from booking.stops import service as stops
from booking.stops.errors import AlreadyStopped
from kernel.db import Database
from kernel.errors import HospitalError
from tests.factories.booking import PORTAL, HospitalUnderTest, ask, desks, hold_desks, outcomes, require_books_agree
from tests.factories.booking_steps import book
from tests.factories.stops import OFFICE, cases, order_row, seats, stop

pytestmark = pytest.mark.race
ROUNDS = 5


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    return await HospitalUnderTest(database).build()


async def attempt(action: Any) -> Any:
    try:
        return await action
    except HospitalError as refusal:
        return refusal


async def drive_until_over(db: Database, order_id: Any) -> None:
    """Drive again whenever seats were in somebody's hands, as the timetable does."""
    for _ in range(50):
        await saga.drive_order(order_id)
        if (await order_row(db, order_id))["status"] in ("finished", "aborted"):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the stop does not come to its end")


@pytest.mark.parametrize("round_number", range(ROUNDS))
async def test_a_stop_among_bookings_holds_moves_and_cancels(hospital: HospitalUnderTest, round_number: int) -> None:
    """Whoever came before the stop is settled by it; whoever came after is refused; no stopped seat is on sale."""
    db = hospital.db
    schedule = await hospital.schedule(seats=24)
    elsewhere = await hospital.schedule(seats=12, starts_in=timedelta(days=5))
    people = await hospital.patients(40)
    here = [await book(schedule, person) for person in people[:6]]
    there = [
        await service.book_appointment(slot_id=elsewhere.slots[0], patient_id=p, actor=PORTAL) for p in people[6:12]
    ]
    desk, holding = desks(3), hold_desks(3)

    async def stop_it() -> Any:
        await asyncio.sleep(0.002 * round_number)
        order_id = await stop(schedule)
        await drive_until_over(db, order_id)
        return order_id

    order_id, *answers = await asyncio.gather(
        stop_it(),
        *(ask(desk[n % 3], schedule.slots[0], person) for n, person in enumerate(people[12:26])),
        *(ask(holding[n % 3], schedule.slots[0], person) for n, person in enumerate(people[26:])),
        *(attempt(service.cancel_appointment(appointment_id=one.id, reason=None, actor=PORTAL)) for one in here[:3]),
        *(
            attempt(service.reschedule_appointment(appointment_id=one.id, slot_id=schedule.slots[0], actor=PORTAL))
            for one in there
        ),
    )

    await drive_until_over(db, order_id)
    assert not isinstance(order_id, HospitalError)
    allowed = {"Win", "SoldOut", "Appointment", "AppointmentNotActive", "HoldEnded", "DatabaseBusy"}
    assert set(outcomes(answers)) <= allowed, outcomes(answers)
    assert await seats(db, schedule) == ["blocked"] * 24
    assert (
        await db.fetchval("SELECT count(*) FROM appointment WHERE schedule_id = $1 AND status = 'booked'", schedule.id)
        == 0
    )
    assert await db.fetchval("SELECT count(*) FROM hold WHERE status = 'active'") == 0
    assert set(await cases(db, order_id)) <= {"cancelled", "gone"}
    late = await attempt(book(schedule, people[0]))
    assert isinstance(late, errors.SoldOut)
    await require_books_agree(db)


async def test_moves_of_a_stop_race_bookings_for_the_same_seats(hospital: HospitalUnderTest) -> None:
    """Ten patients of a stopped clinic and ten others want ten seats: each seat has one, and nobody is forgotten."""
    db = hospital.db
    schedule = await hospital.schedule(seats=10)
    other = await hospital.schedule(seats=10, starts_in=timedelta(days=3))
    people = await hospital.patients(20)
    for person in people[:10]:
        await book(schedule, person)
    order_id = await stop(schedule, steps=("move", "cancel"))
    desk = desks(3)
    _, *answers = await asyncio.gather(
        drive_until_over(db, order_id),
        *(ask(desk[n % 3], other.slots[0], person) for n, person in enumerate(people[10:])),
    )
    ends = await cases(db, order_id)
    won = outcomes(answers)["Win"]
    assert ends.count("moved") + won == 10
    assert ends.count("moved") + ends.count("cancelled") == 10
    assert await seats(db, other) == ["booked"] * 10
    await require_books_agree(db)


async def test_two_drivers_of_one_order_do_its_work_once(hospital: HospitalUnderTest) -> None:
    db = hospital.db
    schedule = await hospital.schedule(seats=12)
    for person in await hospital.patients(12):
        await book(schedule, person)
    order_id = await stop(schedule)
    await asyncio.gather(*(saga.drive_order(order_id) for _ in range(4)))
    await drive_until_over(db, order_id)
    assert await cases(db, order_id) == ["cancelled"] * 12
    assert await db.fetchval("SELECT count(*) FROM outbox WHERE event_type = 'appointment.cancelled'") == 12
    assert await db.fetchval("SELECT count(*) FROM booking_notice WHERE kind = 'appointment.stopped'") == 12


async def test_two_members_of_staff_stop_overlapping_things(hospital: HospitalUnderTest) -> None:
    """Each seat is one order's; who would stop nothing new is told by whom it was stopped."""
    db = hospital.db
    schedule = await hospital.schedule(seats=4, slots=3)
    people = await hospital.patients(6)
    for n, person in enumerate(people):
        await service.book_appointment(slot_id=schedule.slots[n // 2], patient_id=person, actor=PORTAL)
    answers = await asyncio.gather(
        *(attempt(stop(schedule, slot_ids=schedule.slots[:2])) for _ in range(2)),
        attempt(stop(schedule, slot_ids=schedule.slots[1:])),
    )
    orders = [answer for answer in answers if not isinstance(answer, HospitalError)]
    assert outcomes(answers)["AlreadyStopped"] == 1
    await asyncio.gather(*(saga.drive_order(order_id) for order_id in orders))
    for order_id in orders:
        await drive_until_over(db, order_id)
    found = [end for order_id in orders for end in await cases(db, order_id)]
    assert found == ["cancelled"] * 6
    assert await seats(db, schedule) == ["blocked"] * 12
    refusal = await attempt(stop(schedule))
    assert isinstance(refusal, AlreadyStopped)
    await require_books_agree(db)


async def test_an_answer_races_the_end_of_its_offer(hospital: HospitalUnderTest) -> None:
    """The patient's choice, a second one, their refusal and the staff's abort: one of them counts."""
    db = hospital.db
    schedule = await hospital.schedule(seats=6)
    other = await hospital.schedule(seats=12, starts_in=timedelta(days=3))
    booked = [await book(schedule, person) for person in await hospital.patients(6)]
    order_id = await stop(schedule, steps=("offer", "cancel"), offer_minutes=60)
    await saga.drive_order(order_id)
    answers = await asyncio.gather(
        *(attempt(stops.choose_slot(appointment_id=one.id, slot_id=other.slots[0], actor=PORTAL)) for one in booked),
        *(attempt(stops.choose_slot(appointment_id=one.id, slot_id=other.slots[0], actor=PORTAL)) for one in booked),
        *(attempt(stops.decline_offer(appointment_id=one.id, actor=PORTAL)) for one in booked),
        attempt(stops.abort_stop(order_id, actor=OFFICE)),
    )
    won = [answer for answer in answers if not isinstance(answer, HospitalError)]
    ends = await cases(db, order_id)
    assert set(ends) <= {"chosen", "cancelled", "kept"}
    assert len(won) == 6 - ends.count("kept") + 1, "the abort is one of them"
    assert SEAT.allows("booked", "free")
    assert "free" not in await seats(db, schedule)
    await require_books_agree(db)


async def test_staff_pause_and_resume_while_it_runs(hospital: HospitalUnderTest) -> None:
    db = hospital.db
    schedule = await hospital.schedule(seats=16)
    for person in await hospital.patients(16):
        await book(schedule, person)
    order_id = await stop(schedule)

    async def hand() -> None:
        for _ in range(6):
            await attempt(stops.pause_stop(order_id, actor=OFFICE))
            before = await cases(db, order_id)
            await saga.drive_order(order_id)
            status = (await order_row(db, order_id))["status"]
            assert status != "paused" or await cases(db, order_id) == before, "it worked on while it should rest"
            await attempt(stops.resume_stop(order_id, actor=OFFICE))

    await asyncio.gather(hand(), *(saga.drive_order(order_id) for _ in range(3)))
    await drive_until_over(db, order_id)
    assert await cases(db, order_id) == ["cancelled"] * 16
    await require_books_agree(db)
