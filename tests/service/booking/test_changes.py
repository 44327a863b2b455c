"""Every state, deadline and limit of holds and appointments, and what a repeated key is answered."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from booking import errors, service
from booking.states import APPOINTMENT, HOLD
from kernel import clock
from kernel.idempotency import Idempotency, IdempotencyMismatch
from tests.factories.booking import (
    PORTAL,
    HospitalUnderTest,
    books,
    require_books_agree,
)
from tests.factories.booking_steps import book, cancel, hold, move, require_refused, set_rule

STRANGER = type(PORTAL)(client_id="insurer", channel="portal", kind="partner")


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
