"""Hold, book, cancel, move: what each does, what it refuses, and that a refusal changes nothing."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import errors, service
from booking.facts import Appointment, Hold
from booking.states import APPOINTMENT, HOLD
from kernel import clock
from kernel.errors import HospitalError
from kernel.idempotency import Idempotency, IdempotencyMismatch
from kernel.ids import new_id
from tests.factories.booking import (
    KIOSK,
    PORTAL,
    HospitalUnderTest,
    ScheduleUnderTest,
    books,
    require_books_agree,
)
from tests.factories.his_window import sell_at_window, window_booking

STRANGER = type(PORTAL)(client_id="insurer", channel="portal", kind="partner")


async def hold(schedule: ScheduleUnderTest, person: UUID, **more: Any) -> Hold:
    return await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, **({"actor": PORTAL} | more))


async def book(schedule: ScheduleUnderTest, person: UUID, **more: Any) -> Appointment:
    return await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, **({"actor": PORTAL} | more))


async def cancel(appointment: Appointment, **more: Any) -> Appointment:
    return await service.cancel_appointment(appointment_id=appointment.id, **({"reason": None, "actor": PORTAL} | more))


async def move(appointment: Appointment, to: ScheduleUnderTest, **more: Any) -> Appointment:
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
        assert await service.expire_holds() == 1
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

    assert await service.expire_holds() == 0
    with clock.frozen(holds[1].until):
        assert await service.expire_holds(1) == 1
        assert await service.expire_holds() == 1
        assert await service.expire_holds() == 0
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


# --- every state


@pytest.mark.parametrize("status", sorted(HOLD.steps))
@pytest.mark.parametrize("action", [service.confirm_hold, service.release_hold])
async def test_a_hold_ends_once(
    hospital: HospitalUnderTest, status: str, action: Callable[..., Awaitable[Any]]
) -> None:
    schedule = await hospital.schedule(seats=1)
    held = await hold(schedule, (await hospital.patients(1))[0])
    if status == "active":
        await action(hold_id=held.id, actor=PORTAL)
        return
    await hospital.db.execute("UPDATE hold SET status = $1", status)

    await require_refused(hospital, action(hold_id=held.id, actor=PORTAL), errors.HoldEnded, current_status=status)


@pytest.mark.parametrize("status", sorted(APPOINTMENT.steps))
async def test_only_a_booked_appointment_is_cancelled_or_moved_by_its_client(
    hospital: HospitalUnderTest, status: str
) -> None:
    schedule, other = await hospital.schedule(seats=1), await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    appointment = await book(schedule, (await hospital.patients(1))[0])
    if status == "booked":
        assert (await cancel(await move(appointment, other))).status == "cancelled"
        return
    await hospital.db.execute("UPDATE appointment SET status = $1", status)

    await require_refused(hospital, cancel(appointment), errors.AppointmentNotActive, current_status=status)
    await require_refused(hospital, move(appointment, other), errors.AppointmentNotActive, current_status=status)


# --- deadlines and limits


async def test_cancelling_and_moving_end_at_the_deadline(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, cancel_minutes_before=90)
    schedule, other = await hospital.schedule(seats=2), await hospital.schedule(seats=2, starts_in=timedelta(days=3))
    first, second = [await book(schedule, person) for person in await hospital.patients(2)]
    deadline = schedule.starts_at - timedelta(minutes=90)

    with clock.frozen(deadline + timedelta(microseconds=1)):
        late = errors.CancelDeadlinePassed
        await require_refused(hospital, cancel(first), late, deadline_at=deadline)
        await require_refused(hospital, move(first, other), late, deadline_at=deadline)
    with clock.frozen(deadline):
        await cancel(first)
        await move(second, other)


async def test_an_appointment_moves_so_many_times(hospital: HospitalUnderTest) -> None:
    days = [await hospital.schedule(seats=1, starts_in=timedelta(days=2 + n)) for n in range(4)]
    appointment = await book(days[0], (await hospital.patients(1))[0])
    for day in days[1:3]:
        await move(appointment, day)

    await require_refused(hospital, move(appointment, days[3]), errors.RescheduleLimitReached, limit=2)


async def test_a_move_keeps_to_the_department_and_to_every_rule_of_booking(hospital: HospitalUnderTest) -> None:
    soon = clock.now() + timedelta(hours=2)
    old = await hospital.schedule(seats=2)
    appointment = await book(old, (await hospital.patients(1))[0])
    elsewhere = await hospital.schedule(seats=1, other_department=True)
    closed = await hospital.schedule(seats=1, opens_at=soon)
    full = await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    await book(full, (await hospital.patients(1))[0])
    begun = await hospital.schedule(seats=1, starts_in=timedelta(minutes=-1))

    await require_refused(hospital, move(appointment, old), errors.SameSlot)
    await require_refused(hospital, move(appointment, elsewhere), errors.OtherDepartment)
    await require_refused(hospital, move(appointment, closed), errors.NotReleased, opens_at=soon)
    await require_refused(hospital, move(appointment, full), errors.SoldOut, next_release_at=None)
    await require_refused(hospital, move(appointment, begun), errors.SlotPast, starts_at=begun.starts_at)
    await hospital.db.execute("UPDATE clinic SET sex_allowed = 2")
    better = await hospital.schedule(seats=1)
    await require_refused(hospital, move(appointment, better), errors.PatientNotEligible, rule="sex", limit=2)


async def test_a_move_within_the_day_keeps_the_persons_place_in_it(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, daily_limit=1)
    first, second = await hospital.schedule(seats=1), await hospital.schedule(seats=1)
    appointment = await book(first, (await hospital.patients(1))[0])

    assert (await move(appointment, second)).slot_id == second.slots[0]
    assert await hospital.db.fetchval("SELECT ordinal FROM visit_claim") == 1
    await require_books_agree(hospital.db)


async def test_a_move_onto_another_booking_of_the_same_day_is_refused(hospital: HospitalUnderTest) -> None:
    monday, tuesday = await hospital.schedule(seats=2), await hospital.schedule(seats=2, starts_in=timedelta(days=3))
    again = await hospital.schedule(seats=2)
    [person] = await hospital.patients(1)
    standing, moving = await book(monday, person), await book(tuesday, person)

    await require_refused(hospital, move(moving, again), errors.AlreadyBooked, appointment_id=standing.id)


# --- keys


def key(name: str, operation: str, **fields: str) -> Idempotency:
    return Idempotency("portal", name, operation, fields)


async def test_each_action_answers_a_repeated_key_as_it_did_whatever_has_changed_since(
    hospital: HospitalUnderTest,
) -> None:
    schedule, other = await hospital.schedule(seats=3), await hospital.schedule(seats=3, starts_in=timedelta(days=3))
    first, second, third = await hospital.patients(3)
    held = await hold(schedule, first, idempotency=key("hold", "hold"))
    released = await service.release_hold(hold_id=held.id, actor=PORTAL, idempotency=key("release", "release"))
    kept = await hold(schedule, second)
    confirmed = await service.confirm_hold(hold_id=kept.id, actor=PORTAL, idempotency=key("confirm", "confirm"))
    booked = await book(schedule, third, idempotency=key("book", "book"))
    moved = await move(booked, other, idempotency=key("move", "move"))
    cancelled = await cancel(booked, idempotency=key("cancel", "cancel"))
    # Since then the rules have turned against all of it.
    await hospital.db.execute("UPDATE clinic SET active = false, sex_allowed = 2")
    before = await books(hospital.db)

    with clock.frozen(other.starts_at + timedelta(days=1)):
        assert await hold(schedule, first, idempotency=key("hold", "hold")) == held
        assert (
            await service.release_hold(hold_id=held.id, actor=PORTAL, idempotency=key("release", "release")) == released
        )
        assert (
            await service.confirm_hold(hold_id=kept.id, actor=PORTAL, idempotency=key("confirm", "confirm"))
            == confirmed
        )
        assert await book(schedule, third, idempotency=key("book", "book")) == booked
        assert await move(booked, other, idempotency=key("move", "move")) == moved
        assert await cancel(booked, idempotency=key("cancel", "cancel")) == cancelled
        with pytest.raises(IdempotencyMismatch) as refused:
            await book(schedule, third, idempotency=key("book", "book", slot_id="other"))
    assert refused.value.details == {"field": "slot_id"}
    assert await books(hospital.db) == before


async def test_a_refusal_is_not_kept_under_its_key(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    first, second = await hospital.patients(2)
    appointment = await book(schedule, first)
    again = key("k", "book", patient_id="second")
    await require_refused(hospital, book(schedule, second, idempotency=again), errors.SoldOut, next_release_at=None)
    await cancel(appointment)

    assert (await book(schedule, second, idempotency=again)).queue_number == 1


# --- the calendar


async def test_the_clinic_day_is_guangzhous(hospital: HospitalUnderTest) -> None:
    """Half past midnight in Guangzhou belongs to the new day, though UTC still has the old one."""
    late = datetime.combine(date(2027, 5, 3), time(16, 30), UTC)
    with clock.frozen(late - timedelta(days=1)):
        night = await hospital.schedule(seats=1, starts_in=timedelta(days=1))
        evening = await hospital.schedule(seats=1, starts_in=timedelta(days=1, hours=-2))
        [person] = await hospital.patients(1)
        assert (evening.clinic_date, night.clinic_date) == (date(2027, 5, 3), date(2027, 5, 4))
        await book(night, person)
        await book(evening, person)
