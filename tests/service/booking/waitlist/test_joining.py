"""Who may wait for what, how often, and what a repeated or refused request changes."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from booking import errors as booking_errors
from booking import expiry, service
from booking.waitlist import errors
from booking.waitlist import service as waitlist
from booking.waitlist.states import ENTRY
from kernel import clock
from kernel.errors import HospitalError
from kernel.idempotency import Idempotency, IdempotencyMismatch
from kernel.ids import new_id
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest, books, require_books_agree
from tests.factories.waitlist import cancel, entry_of, join, open_offer, sell_out, set_rule

WEEK = timedelta(days=6)


async def require_refused(
    hospital: HospitalUnderTest, action: Awaitable[Any], error: type[HospitalError], **details: object
) -> None:
    """Expect a refusal with exactly these details, and nothing changed."""
    before = await books(hospital.db)
    with pytest.raises(error) as refused:
        await action
    assert refused.value.details == details
    assert await books(hospital.db) == before


async def test_a_repeated_request_joins_once(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    await sell_out(hospital, schedule)
    [person] = await hospital.patients(1)
    key = Idempotency("portal", "join-1", "POST /waitlist", {"patient_id": "a"})
    first = await join(person, schedule, idempotency=key)
    assert await join(person, schedule, idempotency=key) == first
    other = Idempotency("portal", "join-1", "POST /waitlist", {"patient_id": "b"})
    await require_refused(hospital, join(person, schedule, idempotency=other), IdempotencyMismatch, field="patient_id")
    assert await hospital.db.fetchval("SELECT count(*) FROM waitlist_entry") == 1


async def test_joining_is_refused_with_the_reason_and_changes_nothing(hospital: HospitalUnderTest) -> None:
    full, other = await hospital.schedule(seats=1), await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    await sell_out(hospital, full)
    [appointment] = await sell_out(hospital, other)
    free = await hospital.schedule(seats=1, other_department=True)
    closed = await hospital.schedule(seats=1, starts_in=timedelta(minutes=59))
    unopened = await hospital.schedule(seats=1, opens_at=clock.now() + timedelta(hours=3))
    withdrawn = await hospital.schedule(seats=1)
    await hospital.db.execute("UPDATE schedule SET status = 'withdrawn' WHERE id = $1", withdrawn.id)
    opens_at = await hospital.db.fetchval("SELECT opens_at FROM schedule_release WHERE schedule_id = $1", unopened.id)
    [person] = await hospital.patients(1)
    entry = await join(person, full)
    today = clock.today()
    department = hospital.department_id
    refusals: list[tuple[Any, type[HospitalError], dict[str, Any]]] = [
        (join(person, new_id()), errors.TargetNotFound, {}),
        (join(person, withdrawn), errors.TargetNotFound, {}),
        (join(person, new_id(), kind="practitioner", days=(today, today)), errors.TargetNotFound, {}),
        (join(person, department, kind="department", days=(today, today + timedelta(days=31))), errors.DatesInvalid,
         {"days_max": 31}),
        (join(person, closed), errors.WaitlistClosed, {"closed_at": closed.starts_at - timedelta(hours=1)}),
        (join(person, unopened), booking_errors.NotReleased, {"opens_at": opens_at}),
        (join(person, free), errors.SeatsAvailable, {"schedule_id": free.id}),
        (join(person, full), errors.AlreadyWaiting, {"entry_id": entry.id}),
        (join(person, other, is_urgent=True), errors.PriorityNotAllowed, {}),
        (join(new_id(), other), booking_errors.PatientUnknown, {}),
        (join(appointment.patient_id, other), booking_errors.AlreadyBooked, {"appointment_id": appointment.id}),
    ]  # fmt: skip
    for action, error, details in refusals:
        await require_refused(hospital, action, error, **details)


async def test_another_clients_appointment_is_not_named(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=KIOSK)
    await require_refused(hospital, join(person, schedule), booking_errors.AlreadyBooked)


async def test_a_person_waits_for_so_many_things(hospital: HospitalUnderTest) -> None:
    schedules = [await hospital.schedule(seats=1, starts_in=timedelta(days=2 + n)) for n in range(4)]
    for schedule in schedules:
        await sell_out(hospital, schedule)
    [person] = await hospital.patients(1)
    entries = [await join(person, schedule) for schedule in schedules[:3]]
    await require_refused(hospital, join(person, schedules[3]), errors.LimitReached, limit=3)
    await waitlist.withdraw_entry(entry_id=entries[0].id, actor=PORTAL)
    await join(person, schedules[3])
    await set_rule(hospital, waitlist_limit=0)
    [other] = await hospital.patients(1)
    await require_refused(hospital, join(other, schedules[3]), errors.LimitReached, limit=0)


async def test_what_has_ended_by_the_clock_counts_no_longer(hospital: HospitalUnderTest) -> None:
    """No sweep has run, and the person may wait again all the same."""
    await set_rule(hospital, waitlist_limit=1)
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    [person] = await hospital.patients(1)
    entry = await join(person, schedule)
    await cancel(sold)
    with clock.frozen((await open_offer(entry)).until):
        [buyer] = await hospital.patients(1)
        await service.book_appointment(slot_id=schedule.slots[0], patient_id=buyer, actor=PORTAL)
        again = await join(person, schedule)
        assert ((await entry_of(entry)).status, again.status, again.position) == ("expired", "waiting", 1)
        await expiry.expire_holds()
        await require_books_agree(hospital.db)


async def test_seats_that_are_due_to_others_keep_nobody_from_joining(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    holder, first, second = await hospital.patients(3)
    held = await service.hold_seat(slot_id=schedule.slots[0], patient_id=holder, actor=PORTAL)
    await join(first, schedule)
    with clock.frozen(held.until):
        assert (await join(second, schedule)).position == 2


async def test_waiting_over_days_ends_with_the_last_of_them(hospital: HospitalUnderTest) -> None:
    [person] = await hospital.patients(1)
    today = clock.today()
    entry = await join(person, hospital.department_id, kind="department", days=(today, today + WEEK))
    assert clock.clinic_date(entry.ends_at - timedelta(microseconds=1)) == today + WEEK
    assert clock.clinic_date(entry.ends_at) == today + WEEK + timedelta(days=1)


@pytest.mark.parametrize("before", ENTRY.steps)
@pytest.mark.parametrize("after", ENTRY.steps)
def test_only_a_waiting_entry_moves_on(before: str, after: str) -> None:
    assert ENTRY.allows(before, after) == (before == "waiting" and after != "waiting")
