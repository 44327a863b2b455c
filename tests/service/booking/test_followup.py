"""The free follow-up of a paid visit: once, within the days, in the department's scope, and free."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import errors, expiry, followup, queries, service
from booking.facts import Appointment
from booking.states import APPOINTMENT
from kernel import clock
from kernel.errors import HospitalError
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest, ScheduleUnderTest, books, require_books_agree
from tests.factories.slot_office import restore_reference_data


@pytest.fixture(autouse=True)
async def _usual_rule(hospital: HospitalUnderTest) -> None:
    await restore_reference_data(hospital.db)


async def visit(
    hospital: HospitalUnderTest, patient: UUID, *, status: str = "fulfilled", slots: int = 1
) -> tuple[UUID, ScheduleUnderTest]:
    """A visit two days ahead, as if it had come to this status."""
    schedule = await hospital.schedule(seats=2, slots=slots)
    booked = await service.book_appointment(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL)
    await hospital.db.execute("UPDATE appointment SET status = $2 WHERE id = $1", booked.id, status)
    return booked.id, schedule


async def slot_in(hospital: HospitalUnderTest, days: int, **more: Any) -> UUID:
    return (await hospital.schedule(seats=1, starts_in=timedelta(days=days), **more)).slots[0]


async def follow_up(slot: UUID, patient: UUID, first: UUID, **more: Any) -> Appointment:
    return await followup.book_follow_up(slot_id=slot, patient_id=patient, first_id=first, actor=PORTAL, **more)


async def refused(
    hospital: HospitalUnderTest, slot: UUID, patient: UUID, first: UUID, refusal: type[HospitalError], **details: Any
) -> None:
    """See that it is refused so, and that nothing has changed."""
    before = await books(hospital.db)
    with pytest.raises(refusal) as error:
        await follow_up(slot, patient, first)
    assert error.value.details == details
    assert await books(hospital.db) == before


@pytest.mark.parametrize("status", ["arrived", "fulfilled"])
async def test_a_follow_up_is_free_and_names_its_visit(hospital: HospitalUnderTest, status: str) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient, status=status)
    booked = await follow_up(await slot_in(hospital, 5), patient, first)
    assert (booked.status, booked.fee_fen, booked.follow_up_of) == ("booked", 0, first)
    assert await queries.get_appointment(booked.id, actor=PORTAL) == booked
    letters = await hospital.db.fetch("SELECT event_type, aggregate FROM outbox ORDER BY id")
    assert tuple(letters[-1].values()) == ("appointment.booked", f"appointment:{booked.id}")
    await require_books_agree(hospital.db)


async def test_the_same_day_will_do_but_not_an_earlier_hour(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, schedule = await visit(hospital, patient, slots=2)
    last = schedule.clinic_date + timedelta(days=3)
    await refused(hospital, schedule.slots[0], patient, first, errors.FollowUpWindowPassed, last_date=last)
    booked = await follow_up(schedule.slots[1], patient, first)
    assert booked.clinic_date == schedule.clinic_date
    await require_books_agree(hospital.db)


@pytest.mark.parametrize("days", [1, 6])
async def test_outside_the_days_it_is_refused(hospital: HospitalUnderTest, days: int) -> None:
    (patient,) = await hospital.patients(1)
    first, schedule = await visit(hospital, patient)
    last = schedule.clinic_date + timedelta(days=3)
    slot = await slot_in(hospital, days)
    await refused(hospital, slot, patient, first, errors.FollowUpWindowPassed, last_date=last)


async def test_the_days_are_the_hospitals(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient)
    await hospital.db.execute("UPDATE followup_rule SET days = 4")
    assert (await follow_up(await slot_in(hospital, 6), patient, first)).fee_fen == 0


@pytest.mark.parametrize("status", sorted(set(APPOINTMENT.steps) - {"arrived", "fulfilled"}))
async def test_a_visit_that_did_not_take_place_gives_none(hospital: HospitalUnderTest, status: str) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient, status=status)
    slot = await slot_in(hospital, 3)
    await refused(hospital, slot, patient, first, errors.FollowUpNotDue, current_status=status)


async def test_the_hospital_may_ask_that_the_visit_is_over(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient, status="arrived")
    await hospital.db.execute("UPDATE followup_rule SET accepts_arrived = false")
    slot = await slot_in(hospital, 3)
    await refused(hospital, slot, patient, first, errors.FollowUpNotDue, current_status="arrived")
    await hospital.db.execute("UPDATE appointment SET status = 'fulfilled' WHERE id = $1", first)
    await follow_up(slot, patient, first)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("followup_rule SET active = false", "active"),
        ("appointment SET fee_fen = 0", "paid"),
        ("service_type SET gives_followup = false", "service_type"),
        ("service_type SET takes_followup = false", "service_type"),
    ],
)
async def test_what_the_rule_does_not_meet_is_named(hospital: HospitalUnderTest, change: str, rule: str) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient)
    slot = await slot_in(hospital, 3)
    await hospital.db.execute(f"UPDATE {change}")
    try:
        await refused(hospital, slot, patient, first, errors.FollowUpNotAllowed, rule=rule)
    finally:
        await hospital.db.execute("UPDATE service_type SET gives_followup = true, takes_followup = true")


async def test_another_department_only_within_a_group(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient)
    slot = await slot_in(hospital, 3, other_department=True)
    await refused(hospital, slot, patient, first, errors.FollowUpNotAllowed, rule="department")
    await hospital.db.execute("UPDATE department SET followup_group = 'chest'")
    assert (await follow_up(slot, patient, first)).department_id == hospital.other_department_id


async def test_nobody_else_follows_up(hospital: HospitalUnderTest) -> None:
    patient, other = await hospital.patients(2)
    first, _ = await visit(hospital, patient)
    slot = await slot_in(hospital, 3)
    await refused(hospital, slot, other, first, errors.FollowUpNotAllowed, rule="patient")
    await hospital.db.execute("UPDATE appointment SET client_id = 'stranger'")
    await refused(hospital, slot, patient, first, errors.AppointmentNotFound)
    booked = await followup.book_follow_up(slot_id=slot, patient_id=patient, first_id=first, actor=KIOSK)
    assert booked.follow_up_of == first


async def test_a_follow_up_has_no_follow_up(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient)
    second = await follow_up(await slot_in(hospital, 3), patient, first)
    await hospital.db.execute("UPDATE appointment SET status = 'fulfilled'")
    slot = await slot_in(hospital, 4)
    await refused(hospital, slot, patient, second.id, errors.FollowUpNotAllowed, rule="first_visit")


@pytest.mark.parametrize("status", sorted(APPOINTMENT.steps))
async def test_only_one_that_stands_uses_the_right(hospital: HospitalUnderTest, status: str) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient)
    second = await follow_up(await slot_in(hospital, 3), patient, first)
    slot = await slot_in(hospital, 4)
    if status == "cancelled":
        await service.cancel_appointment(appointment_id=second.id, reason=None, actor=PORTAL)
    else:
        await hospital.db.execute("UPDATE appointment SET status = $2 WHERE id = $1", second.id, status)
    if status in ("cancelled", "entered-in-error"):
        assert (await follow_up(slot, patient, first)).follow_up_of == first
    else:
        await refused(hospital, slot, patient, first, errors.FollowUpUsed)


async def test_a_hold_becomes_a_follow_up(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient)
    late = await service.hold_seat(slot_id=await slot_in(hospital, 6), patient_id=patient, actor=PORTAL)
    before = await books(hospital.db)
    with pytest.raises(errors.FollowUpWindowPassed):
        await service.confirm_hold(hold_id=late.id, first_id=first, actor=PORTAL)
    assert await books(hospital.db) == before
    hold = await service.hold_seat(slot_id=await slot_in(hospital, 4), patient_id=patient, actor=PORTAL)
    booked = await service.confirm_hold(hold_id=hold.id, first_id=first, actor=PORTAL)
    assert (booked.fee_fen, booked.follow_up_of) == (0, first)
    assert (await service.confirm_hold(hold_id=late.id, actor=PORTAL)).fee_fen == 1000
    await require_books_agree(hospital.db)


async def test_a_follow_up_is_held_on_the_day_of_the_visit(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, schedule = await visit(hospital, patient, slots=2)
    held: dict[str, Any] = {"patient_id": patient, "first_id": first, "actor": PORTAL}
    hold = await followup.hold_follow_up(slot_id=schedule.slots[1], **held)
    assert (hold.fee_fen, hold.follow_up_of, hold.status) == (0, first, "active")
    assert await queries.get_hold(hold.id, actor=PORTAL) == hold
    another = await slot_in(hospital, 3)
    before = await books(hospital.db)
    with pytest.raises(errors.AlreadyHeld) as again:
        await followup.hold_follow_up(slot_id=another, **held)
    assert again.value.details == {"until": hold.until}
    with pytest.raises(errors.FollowUpNotAllowed) as other:
        await service.confirm_hold(hold_id=hold.id, first_id=new_id(), actor=PORTAL)
    assert other.value.details == {"rule": "hold"}
    assert await books(hospital.db) == before

    booked = await service.confirm_hold(hold_id=hold.id, actor=PORTAL)
    assert (booked.fee_fen, booked.follow_up_of, booked.schedule_id) == (0, first, schedule.id)
    with pytest.raises(errors.FollowUpUsed):
        await followup.hold_follow_up(slot_id=another, **held)
    await require_books_agree(hospital.db)


async def test_a_held_follow_up_that_is_let_go_leaves_nothing_behind(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient)
    slot = await slot_in(hospital, 3)
    held: dict[str, Any] = {"slot_id": slot, "patient_id": patient, "first_id": first, "actor": PORTAL}
    released = await followup.hold_follow_up(**held)
    await service.release_hold(hold_id=released.id, actor=PORTAL)
    ended = await followup.hold_follow_up(**held)
    await require_books_agree(hospital.db)
    with clock.frozen(ended.until):
        hold = await followup.hold_follow_up(**held)
        await require_books_agree(hospital.db)
        assert (await service.confirm_hold(hold_id=hold.id, first_id=first, actor=PORTAL)).follow_up_of == first
        await expiry.expire_holds()
        await require_books_agree(hospital.db)


async def test_a_moved_follow_up_stays_free_and_within_its_terms(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient)
    booked = await follow_up(await slot_in(hospital, 3), patient, first)
    late = await slot_in(hospital, 6)
    before = await books(hospital.db)
    with pytest.raises(errors.FollowUpWindowPassed):
        await service.reschedule_appointment(appointment_id=booked.id, slot_id=late, actor=PORTAL)
    assert await books(hospital.db) == before
    moved = await service.reschedule_appointment(
        appointment_id=booked.id, slot_id=await slot_in(hospital, 4), actor=PORTAL
    )
    assert (moved.fee_fen, moved.follow_up_of) == (0, first)
    await require_books_agree(hospital.db)


async def test_a_repeat_hears_the_same(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, _ = await visit(hospital, patient)
    slot = await slot_in(hospital, 3)
    key = Idempotency("portal", "key", "POST /appointments", {"slot_id": "x"})
    booked = await follow_up(slot, patient, first, idempotency=key)
    before = await books(hospital.db)
    assert await follow_up(slot, patient, first, idempotency=key) == booked
    assert await books(hospital.db) == before


async def test_a_follow_up_counts_among_the_days_numbers(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    first, schedule = await visit(hospital, patient, slots=2)
    await hospital.db.execute("UPDATE booking_rule SET daily_limit = 1")
    await refused(hospital, schedule.slots[1], patient, first, errors.DailyLimitReached, limit=1)
