"""A stop order from the freeze to the report: what becomes of seats, holds, patients, partners and the HIS."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import errors, office_seats, queries, service
from booking.stops import saga
from booking.stops import service as stops
from booking.stops.errors import OfferEnded
from kernel import clock
from kernel.db import Database
from tests.factories.booking import PORTAL, HospitalUnderTest, require_books_agree
from tests.factories.booking_steps import book, hold, require_refused
from tests.factories.stops import OFFICE, add_substitute, cases, order_row, seats, stop, stop_and_finish


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    return await HospitalUnderTest(database).build()


async def letters(db: Database) -> list[str]:
    return [row["event_type"] for row in await db.fetch("SELECT event_type FROM outbox ORDER BY id")]


async def notices(db: Database, kind: str) -> list[dict[str, Any]]:
    rows = await db.fetch("SELECT client_id, facts FROM booking_notice WHERE kind = $1 ORDER BY id", kind)
    return [{"client_id": row["client_id"]} | row["facts"] for row in rows]


async def test_stopping_a_clinic_ends_sale_holds_and_appointments(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3)
    booked, held, late = await hospital.patients(3)
    appointment = await book(schedule, booked)
    kept = await hold(schedule, held)

    order_id = await stop_and_finish(schedule)

    assert await seats(hospital.db, schedule) == ["blocked"] * 3
    shown = await queries.get_appointment(appointment.id, actor=PORTAL)
    assert (shown.status, shown.cancel_reason) == ("cancelled", "stopped")
    ended = await queries.get_hold(kept.id, actor=PORTAL)
    assert ended.status == "released"
    await require_refused(hospital, book(schedule, late), errors.SoldOut, next_release_at=None)
    assert await cases(hospital.db, order_id) == ["cancelled"]
    assert (await order_row(hospital.db, order_id))["status"] == "finished"
    assert await letters(hospital.db) == ["appointment.booked", "schedule.changed", "appointment.cancelled"]
    [everybody] = await notices(hospital.db, "schedule.stopped")
    assert (everybody["client_id"], everybody["opType"], everybody["stopType"]) == (None, "stop", 2)
    [mine] = await notices(hospital.db, "appointment.stopped")
    assert (mine["client_id"], mine["outcome"], mine["stopType"]) == ("portal", "cancelled", 1)
    assert len(await notices(hospital.db, "hold.stopped")) == 1
    await require_books_agree(hospital.db)


async def test_only_what_begins_later_is_stopped(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1, slots=4)
    await stop_and_finish(schedule, effective_at=schedule.starts_at + timedelta(hours=1))
    assert await seats(hospital.db, schedule) == ["free", "free", "blocked", "blocked"]


async def test_slots_and_single_numbers_are_stopped(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2, slots=2)
    await stop_and_finish(schedule, slot_ids=[schedule.slots[1]])
    await stop_and_finish(schedule, queue_numbers=[1])
    assert await seats(hospital.db, schedule) == ["blocked", "free", "blocked", "blocked"]


async def test_patients_are_moved_to_equal_slots_without_using_up_their_moves(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    later = await hospital.schedule(seats=3, starts_in=timedelta(days=4))
    nearer = await hospital.schedule(seats=1, starts_in=timedelta(days=2, minutes=1))
    people = await hospital.patients(2)
    first, second = [await book(schedule, person) for person in people]

    order_id = await stop_and_finish(schedule, steps=("move", "cancel"))

    assert await cases(hospital.db, order_id) == ["moved", "moved"]
    one = await queries.get_appointment(first.id, actor=PORTAL)
    two = await queries.get_appointment(second.id, actor=PORTAL)
    assert (one.schedule_id, two.schedule_id) == (nearer.id, later.id)
    assert await hospital.db.fetch("SELECT moves FROM appointment WHERE moves > 0") == []
    assert await seats(hospital.db, schedule) == ["blocked", "blocked"]
    assert [told["opType"] for told in await notices(hospital.db, "appointment.stopped")] == ["change", "change"]
    await require_books_agree(hospital.db)


async def test_a_substitute_takes_the_clinic_over_for_no_more_than_was_agreed(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    [person] = await hospital.patients(1)
    appointment = await book(schedule, person)
    substitute = await add_substitute(hospital, amount_fen=800)

    order_id = await stop_and_finish(schedule, steps=("substitute", "cancel"), substitute_id=substitute)

    assert await cases(hospital.db, order_id) == ["substituted"]
    shown = await queries.get_appointment(appointment.id, actor=PORTAL)
    assert (shown.practitioner_id, shown.fee_fen, shown.status, shown.version) == (substitute, 800, "booked", 2)
    # The clinic goes on, so what was free is on sale again.
    assert await seats(hospital.db, schedule) == ["booked", "free"]
    assert await hospital.db.fetchval("SELECT count(*) FROM seat WHERE stop_id IS NOT NULL") == 0
    assert "appointment.changed" in await letters(hospital.db)
    await require_books_agree(hospital.db)


async def test_a_substitute_who_cannot_come_any_more_is_passed_over(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    await book(schedule, person)
    substitute = await add_substitute(hospital)
    order_id = await stop(schedule, steps=("substitute", "cancel"), substitute_id=substitute)
    await hospital.db.execute("UPDATE practitioner SET active = false WHERE id = $1", substitute)

    await saga.drive_order(order_id)

    assert await cases(hospital.db, order_id) == ["cancelled"]
    assert (await order_row(hospital.db, order_id))["substitution"] == "impossible"
    assert await seats(hospital.db, schedule) == ["blocked"]


async def offered(hospital: HospitalUnderTest) -> tuple[UUID, UUID, Any, Any]:
    """A stopped appointment with an open offer, and where it could go."""
    schedule = await hospital.schedule(seats=1)
    other = await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    [person] = await hospital.patients(1)
    appointment = await book(schedule, person)
    order_id = await stop_and_finish(schedule, steps=("offer", "cancel"), offer_minutes=60)
    assert await cases(hospital.db, order_id) == ["offered"]
    return order_id, appointment.id, schedule, other


async def test_a_patient_chooses_another_time_beyond_deadline_and_limit(hospital: HospitalUnderTest) -> None:
    order_id, appointment_id, schedule, other = await offered(hospital)
    await hospital.db.execute("UPDATE appointment SET moves = 20 WHERE id = $1", appointment_id)

    answer = await stops.choose_slot(appointment_id=appointment_id, slot_id=other.slots[0], actor=PORTAL)
    await saga.drive_order(order_id)

    assert (answer.schedule_id, answer.status) == (other.id, "booked")
    assert await hospital.db.fetchval("SELECT moves FROM appointment") == 20
    assert await cases(hospital.db, order_id) == ["chosen"]
    assert (await order_row(hospital.db, order_id))["status"] == "finished"
    assert await seats(hospital.db, schedule) == ["blocked"]
    again = stops.choose_slot(appointment_id=appointment_id, slot_id=other.slots[0], actor=PORTAL)
    await require_refused(hospital, again, OfferEnded, current_status="chosen")
    await require_books_agree(hospital.db)


async def test_a_ban_does_not_keep_a_patient_from_choosing(hospital: HospitalUnderTest) -> None:
    """Another time in place of what the hospital has stopped is no new booking."""
    order_id, appointment_id, _, other = await offered(hospital)
    await hospital.db.execute("UPDATE patient SET banned_until = 'infinity'")
    answer = await stops.choose_slot(appointment_id=appointment_id, slot_id=other.slots[0], actor=PORTAL)
    assert (answer.schedule_id, answer.status) == (other.id, "booked")
    assert await cases(hospital.db, order_id) == ["chosen"]


async def test_a_patient_declines_and_the_number_is_cancelled(hospital: HospitalUnderTest) -> None:
    order_id, appointment_id, _, _ = await offered(hospital)
    answer = await stops.decline_offer(appointment_id=appointment_id, actor=PORTAL)
    await saga.drive_order(order_id)
    assert (answer.status, answer.cancel_reason) == ("cancelled", "stopped")
    assert await cases(hospital.db, order_id) == ["cancelled"]
    assert (await order_row(hospital.db, order_id))["status"] == "finished"
    await require_books_agree(hospital.db)


async def test_an_offer_that_nobody_took_goes_to_the_next_step(hospital: HospitalUnderTest) -> None:
    order_id, appointment_id, _, other = await offered(hospital)
    with clock.frozen(clock.now() + timedelta(minutes=61)):
        late = stops.choose_slot(appointment_id=appointment_id, slot_id=other.slots[0], actor=PORTAL)
        await require_refused(hospital, late, OfferEnded, current_status="expired")
        await saga.drive_order(order_id)
    assert await cases(hospital.db, order_id) == ["cancelled"]
    assert (await order_row(hospital.db, order_id))["status"] == "finished"


async def test_a_patient_who_cancels_by_the_usual_way_closes_the_case(hospital: HospitalUnderTest) -> None:
    order_id, appointment_id, schedule, _ = await offered(hospital)
    await service.cancel_appointment(appointment_id=appointment_id, reason=None, actor=PORTAL)
    assert await seats(hospital.db, schedule) == ["blocked"], "a stopped seat never goes back on sale"
    await saga.drive_order(order_id)
    assert await cases(hospital.db, order_id) == ["gone"]
    await require_books_agree(hospital.db)


async def test_a_stop_rests_and_goes_on(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    people = await hospital.patients(2)
    for person in people:
        await book(schedule, person)
    order_id = await stop(schedule)
    assert await saga.take_step(order_id) is saga.Turn.MORE
    assert await saga.take_step(order_id) is saga.Turn.MORE
    assert await cases(hospital.db, order_id) == ["cancelled", "pending"]

    assert (await stops.pause_stop(order_id, actor=OFFICE))["status"] == "paused"
    assert await saga.drive_orders() == 0
    assert await saga.take_step(order_id) is saga.Turn.OVER
    assert await cases(hospital.db, order_id) == ["cancelled", "pending"]

    await stops.resume_stop(order_id, actor=OFFICE)
    await saga.drive_orders()
    assert await cases(hospital.db, order_id) == ["cancelled", "cancelled"]
    assert (await order_row(hospital.db, order_id))["status"] == "finished"


async def test_an_aborted_stop_leaves_the_rest_to_people(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    [person] = await hospital.patients(1)
    appointment = await book(schedule, person)
    order_id = await stop(schedule)
    await saga.take_step(order_id)
    shown = await stops.abort_stop(order_id, actor=OFFICE)
    await saga.drive_orders()
    assert (shown["status"], shown["report"]["kept"]) == ("aborted", 1)
    assert (await queries.get_appointment(appointment.id, actor=PORTAL)).status == "booked"
    assert await seats(hospital.db, schedule) == ["booked", "blocked"]


async def test_a_restarted_clinic_is_on_sale_as_it_was(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3)
    [person] = await hospital.patients(1)
    await book(schedule, person)
    [last] = await hospital.db.fetch("SELECT id FROM seat WHERE schedule_id = $1 AND seq = 3", schedule.id)
    async with hospital.db.transaction() as tx:
        await office_seats.block_seats(tx, [last["id"]], actor=OFFICE, at=clock.now())
    order_id = await stop(schedule, steps=("keep",))
    await saga.drive_order(order_id)
    assert await seats(hospital.db, schedule) == ["booked", "blocked", "blocked"]

    await stops.restart_clinic(order_id, actor=OFFICE)
    await saga.drive_orders()

    # What the slot office had blocked before stays blocked.
    assert await seats(hospital.db, schedule) == ["booked", "free", "blocked"]
    assert await hospital.db.fetchval("SELECT count(*) FROM seat WHERE stop_id IS NOT NULL") == 0
    assert len(await notices(hospital.db, "schedule.restarted")) == 1
    assert await saga.drive_orders() == 0
    await require_books_agree(hospital.db)
