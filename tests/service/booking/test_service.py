"""Hold, book, cancel, move: what each does, what it refuses, and that a refusal changes nothing."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from booking import errors, expiry, service
from kernel import clock
from kernel.ids import new_id
from tests.factories.booking import (
    KIOSK,
    PORTAL,
    HospitalUnderTest,
    ScheduleUnderTest,
    books,
    require_books_agree,
)
from tests.factories.booking_steps import book, cancel, hold, move, require_refused, set_rule
from tests.factories.his_window import sell_at_window, window_booking

STRANGER = type(PORTAL)(client_id="insurer", channel="portal", kind="partner")


# --- what each does


async def test_a_hold_takes_the_lowest_seat_for_the_clinics_hold_time(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, hold_seconds=600)
    schedule = await hospital.schedule(seats=2)
    first, second = await hospital.patients(2)
    at = clock.now()
    with clock.frozen(at):
        one, two = await hold(schedule, first), await hold(schedule, second)

    assert (one.queue_number, two.queue_number) == (1, 2)
    assert one.until == at + timedelta(seconds=600)
    assert (one.status, one.fee_fen, one.patient_id) == ("active", 1000, first)
    await require_books_agree(hospital.db)


async def test_a_booking_is_told_to_the_his_after_its_patient(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    appointment = await book(schedule, person)

    [letter] = await hospital.db.fetch("SELECT handler, event_type, aggregate, depends_on, payload FROM outbox")
    assert tuple(letter.values()) == (
        "his",
        "appointment.booked",
        f"appointment:{appointment.id}",
        f"patient:{person}",
        {"appointment_id": str(appointment.id), "version": 1},
    )
    assert (appointment.status, appointment.his_status, appointment.queue_number) == ("booked", "pending", 1)


async def test_a_confirmed_hold_keeps_its_number(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3)
    first, second = await hospital.patients(2)
    await hold(schedule, first)
    held = await hold(schedule, second)
    appointment = await service.confirm_hold(hold_id=held.id, actor=PORTAL)

    assert appointment.queue_number == held.queue_number == 2
    events = await hospital.db.fetch("SELECT kind FROM booking_event ORDER BY id")
    assert [row["kind"] for row in events] == ["held", "held", "booked"]
    await require_books_agree(hospital.db)


async def test_a_cancelled_number_and_a_moved_ones_are_on_sale_again(hospital: HospitalUnderTest) -> None:
    old, new = await hospital.schedule(seats=1), await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    first, second, third = await hospital.patients(3)
    moved = await move(await book(old, first), new)
    assert (moved.slot_id, moved.version, moved.his_status) == (new.slots[0], 2, "pending")
    assert (await book(old, second)).queue_number == 1
    cancelled = await cancel(moved, reason="better")
    assert (cancelled.status, cancelled.cancel_reason, cancelled.version) == ("cancelled", "better", 3)
    assert (await book(new, third)).queue_number == 1
    await require_books_agree(hospital.db)


async def test_who_asked_is_written_down(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    await book(schedule, person, actor=KIOSK)

    [event] = await hospital.db.fetch("SELECT client_id, channel, staff_code FROM booking_event")
    [row] = await hospital.db.fetch("SELECT client_id, channel, staff_code FROM appointment")
    assert tuple(event.values()) == tuple(row.values()) == ("kiosk", "kiosk", "S0001")


# --- refusals of a claim, for holds and bookings alike

Claim = Callable[..., Awaitable[Any]]
claims = pytest.mark.parametrize("claim", [hold, book])


@claims
async def test_nothing_is_known_of_slots_and_people_that_are_not_the_callers(
    hospital: HospitalUnderTest, claim: Claim
) -> None:
    schedule = await hospital.schedule(seats=1)
    nowhere = ScheduleUnderTest(new_id(), [new_id()], schedule.clinic_date, schedule.starts_at)
    [person] = await hospital.patients(1)

    await require_refused(hospital, claim(nowhere, person), errors.SlotNotFound)
    await require_refused(hospital, claim(schedule, new_id()), errors.PatientUnknown)
    await require_refused(hospital, claim(schedule, person, actor=STRANGER), errors.PatientUnknown)
    await hospital.db.execute("UPDATE schedule SET status = 'withdrawn'")
    await require_refused(hospital, claim(schedule, person), errors.SlotNotFound)


@claims
async def test_a_slot_opens_at_its_instant_and_ends_at_its_start(hospital: HospitalUnderTest, claim: Claim) -> None:
    opens = clock.now() + timedelta(days=1)
    schedule = await hospital.schedule(seats=2, opens_at=opens)
    first, second = await hospital.patients(2)
    moment = timedelta(microseconds=1)

    with clock.frozen(opens - moment):
        await require_refused(hospital, claim(schedule, first), errors.NotReleased, opens_at=opens)
    with clock.frozen(schedule.starts_at):
        await require_refused(hospital, claim(schedule, first), errors.SlotPast, starts_at=schedule.starts_at)
    with clock.frozen(opens):
        await claim(schedule, first)
    with clock.frozen(schedule.starts_at - moment):
        await claim(schedule, second)


@claims
async def test_clinics_for_one_sex_or_age_refuse_others(hospital: HospitalUnderTest, claim: Claim) -> None:
    schedule = await hospital.schedule(seats=3)
    await hospital.db.execute("UPDATE clinic SET sex_allowed = 2, age_years_min = 14, age_years_max = 60")
    day = schedule.clinic_date
    [man] = await hospital.patients(1, sex=1)
    [girl] = await hospital.patients(1, sex=2, born=day.replace(year=day.year - 14) + timedelta(days=1))
    [woman] = await hospital.patients(1, sex=2, born=day.replace(year=day.year - 14))
    [old] = await hospital.patients(1, sex=2, born=day.replace(year=day.year - 61))

    refusal = errors.PatientNotEligible
    await require_refused(hospital, claim(schedule, man), refusal, rule="sex", limit=2)
    await require_refused(hospital, claim(schedule, girl), refusal, rule="age_years_min", limit=14)
    await require_refused(hospital, claim(schedule, old), refusal, rule="age_years_max", limit=60)
    await claim(schedule, woman)


@claims
async def test_who_is_born_on_29_february_grows_older_on_1_march(hospital: HospitalUnderTest, claim: Claim) -> None:
    now = datetime(2027, 2, 26, 1, tzinfo=UTC)
    [person] = await hospital.patients(1, born=date(2012, 2, 29))
    await hospital.db.execute("UPDATE clinic SET age_years_min = 15")
    with clock.frozen(now):
        before = await hospital.schedule(seats=1, starts_in=timedelta(days=2))
        after = await hospital.schedule(seats=1, starts_in=timedelta(days=3))
        assert (before.clinic_date, after.clinic_date) == (date(2027, 2, 28), date(2027, 3, 1))
        await require_refused(
            hospital, claim(before, person), errors.PatientNotEligible, rule="age_years_min", limit=15
        )
        await claim(after, person)


@claims
async def test_a_person_stands_once_in_a_department_and_day(hospital: HospitalUnderTest, claim: Claim) -> None:
    first, second = await hospital.schedule(seats=2), await hospital.schedule(seats=2)
    elsewhere = await hospital.schedule(seats=2, other_department=True)
    tomorrow = await hospital.schedule(seats=2, starts_in=timedelta(days=3))
    booked, holding = await hospital.patients(2)
    appointment = await book(first, booked)
    held = await hold(first, holding)

    await require_refused(hospital, claim(second, booked), errors.AlreadyBooked, appointment_id=str(appointment.id))
    before = await books(hospital.db)
    with pytest.raises(errors.AlreadyHeld) as refused:
        await claim(second, holding)
    assert datetime.fromisoformat(str(refused.value.details["until"])) == held.until
    assert await books(hospital.db) == before
    await claim(elsewhere, booked)
    await claim(tomorrow, booked)
    await require_books_agree(hospital.db)


@claims
async def test_another_clients_appointment_stands_in_the_way_without_being_named(
    hospital: HospitalUnderTest, claim: Claim
) -> None:
    first, second = await hospital.schedule(seats=2), await hospital.schedule(seats=2)
    tomorrow = await hospital.schedule(seats=2, starts_in=timedelta(days=3))
    [person] = await hospital.patients(1)
    theirs = await book(first, person, actor=KIOSK)
    mine = await book(tomorrow, person)

    await require_refused(hospital, claim(second, person), errors.AlreadyBooked)
    await require_refused(hospital, move(mine, second), errors.AlreadyBooked)
    named = errors.AlreadyBooked
    await require_refused(hospital, claim(second, person, actor=KIOSK), named, appointment_id=str(theirs.id))
    await require_refused(hospital, move(mine, second, actor=KIOSK), named, appointment_id=theirs.id)


@claims
async def test_a_person_has_so_many_numbers_a_day(hospital: HospitalUnderTest, claim: Claim) -> None:
    await set_rule(hospital, daily_limit=2, once_per_department_day=False)
    schedules = [await hospital.schedule(seats=2) for _ in range(3)]
    [person] = await hospital.patients(1)
    appointment = await book(schedules[0], person)
    await hold(schedules[1], person)

    await require_refused(hospital, claim(schedules[2], person), errors.DailyLimitReached, limit=2)
    await cancel(appointment)
    await claim(schedules[2], person)
    await require_books_agree(hospital.db)


@claims
async def test_a_full_slot_is_sold_out_until_a_reserve_is_recycled(hospital: HospitalUnderTest, claim: Claim) -> None:
    recycled = clock.now() + timedelta(minutes=10)
    schedule = await hospital.schedule(seats=2, pools={"2": "reserve"}, recycled_at=recycled)
    first, second, third = await hospital.patients(3)
    await claim(schedule, first)

    await require_refused(hospital, claim(schedule, second), errors.SoldOut, next_release_at=recycled)
    with clock.frozen(recycled):
        answer = await claim(schedule, second)
        assert answer.queue_number == 2
        await require_refused(hospital, claim(schedule, third), errors.SoldOut, next_release_at=None)


async def test_the_number_of_places_counts_where_clinics_have_different_limits(hospital: HospitalUnderTest) -> None:
    """A place given back leaves a gap in the person's day; what is behind it still counts."""
    strict = await hospital.schedule(seats=2)
    elsewhere = [await (await HospitalUnderTest(hospital.db).build()).schedule(seats=1) for _ in range(2)]
    tomorrow = await hospital.schedule(seats=2, starts_in=timedelta(days=3))
    await set_rule(hospital, daily_limit=1)
    [person] = await hospital.patients(1)
    given_back, _ = [await book(schedule, person) for schedule in elsewhere]
    await cancel(given_back)
    moving = await book(tomorrow, person)

    for claim in (hold, book):
        await require_refused(hospital, claim(strict, person), errors.DailyLimitReached, limit=1)
    await require_refused(hospital, move(moving, strict), errors.DailyLimitReached, limit=1)
    told = window_booking(his_id="H1", patient_id=person, schedule_id=strict.id, sequence=1)
    before = await books(hospital.db)
    assert type(await sell_at_window(hospital.db, told)) is errors.DailyLimitReached
    assert await books(hospital.db) == before


# --- ends of holds


async def test_a_hold_ends_at_its_instant_without_any_timer(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    first, second = await hospital.patients(2)
    held = await hold(schedule, first)
    moment = timedelta(microseconds=1)

    with clock.frozen(held.until - moment):
        await require_refused(hospital, book(schedule, second), errors.SoldOut, next_release_at=None)
    with clock.frozen(held.until):
        confirm = service.confirm_hold(hold_id=held.id, actor=PORTAL)
        await require_refused(hospital, confirm, errors.HoldEnded, current_status="expired")
        give_back = service.release_hold(hold_id=held.id, actor=PORTAL)
        await require_refused(hospital, give_back, errors.HoldEnded, current_status="expired")
        appointment = await book(schedule, second)
        assert appointment.queue_number == 1
        # Whose hold has ended may take another number at once.
        elsewhere = await hospital.schedule(seats=1)
        assert (await hold(elsewhere, first)).queue_number == 1
        assert await expiry.expire_holds() == 1
        await require_books_agree(hospital.db)
    events = await hospital.db.fetch("SELECT kind FROM booking_event WHERE schedule_id = $1 ORDER BY id", schedule.id)
    assert [row["kind"] for row in events] == ["held", "hold_expired", "booked"]


async def test_a_hold_does_not_outlive_the_beginning_of_its_slot(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    with clock.frozen(schedule.starts_at - timedelta(minutes=5)):
        held = await hold(schedule, person)

    assert held.until == schedule.starts_at
    with clock.frozen(schedule.starts_at):
        confirm = service.confirm_hold(hold_id=held.id, actor=PORTAL)
        await require_refused(hospital, confirm, errors.HoldEnded, current_status="expired")


async def test_the_sweep_writes_ended_holds_down_once(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3)
    people = await hospital.patients(3)
    holds = [await hold(schedule, person) for person in people]
    await service.confirm_hold(hold_id=holds[2].id, actor=PORTAL)

    assert await expiry.expire_holds() == 0
    with clock.frozen(holds[1].until):
        assert await expiry.expire_holds(1) == 1
        assert await expiry.expire_holds() == 1
        assert await expiry.expire_holds() == 0
    seats = await hospital.db.fetch("SELECT status FROM seat ORDER BY seq")
    assert [row["status"] for row in seats] == ["free", "free", "booked"]
    assert await hospital.db.fetchval("SELECT count(*) FROM visit_claim") == 1


async def test_others_holds_and_appointments_do_not_exist(hospital: HospitalUnderTest) -> None:
    schedule, other = await hospital.schedule(seats=2), await hospital.schedule(seats=2, starts_in=timedelta(days=3))
    first, second = await hospital.patients(2)
    held, appointment = await hold(schedule, first), await book(schedule, second)

    for action in (service.confirm_hold, service.release_hold):
        await require_refused(hospital, action(hold_id=held.id, actor=STRANGER), errors.HoldNotFound)
        await require_refused(hospital, action(hold_id=new_id(), actor=PORTAL), errors.HoldNotFound)
    await require_refused(hospital, cancel(appointment, actor=STRANGER), errors.AppointmentNotFound)
    await require_refused(hospital, move(appointment, other, actor=STRANGER), errors.AppointmentNotFound)
    # The hospital's own desks see every one.
    assert (await move(appointment, other, actor=KIOSK)).version == 2
