"""A seat that comes free goes to whoever waits, in the published order; and to nobody else before."""

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from booking import errors, expiry, openings, service
from booking.catalogue import schedules as office
from booking.states import HOLD
from booking.waitlist import errors as waitlist_errors
from booking.waitlist import queries
from booking.waitlist import service as waitlist
from booking.waitlist.facts import Entry
from kernel import clock
from kernel.idempotency import Idempotency
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest, ScheduleUnderTest, books, require_books_agree
from tests.factories.slot_office import OFFICE
from tests.factories.waitlist import (
    available,
    cancel,
    entry_of,
    join,
    notices,
    offers_of,
    open_offer,
    practitioner_of,
    sell_out,
    set_rule,
)


async def require_sold_out(schedule: ScheduleUnderTest, hospital: HospitalUnderTest, slot: int = 0) -> None:
    """See that a passer-by gets nothing and is shown nothing."""
    [person] = await hospital.patients(1)
    assert (await available(schedule))[slot] == 0
    for claim in (service.book_appointment, service.hold_seat):
        with pytest.raises(errors.SoldOut):
            await claim(slot_id=schedule.slots[slot], patient_id=person, actor=PORTAL)


# --- the ways in which a seat comes free


async def test_a_cancelled_number_is_offered_to_the_first_who_waits(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    sold = await sell_out(hospital, schedule)
    first, second = await hospital.patients(2)
    at = clock.now()
    with clock.frozen(at):
        one, two = await join(first, schedule), await join(second, schedule)
        assert [(entry.position, entry.waiting) for entry in (one, two)] == [(1, 1), (2, 2)]
        await cancel(sold[1])

        offer = await open_offer(one)
        assert (offer.patient_id, offer.queue_number, offer.slot_id) == (first, 2, schedule.slots[0])
        assert (offer.until, offer.seconds_left) == (at + timedelta(minutes=30), 1800)
        assert await offers_of(two) == []
        assert (await entry_of(one)).offer_id == offer.id
        [(subject, facts)] = await notices(hospital, "waitlist.offered")
        assert (subject, facts["offer_id"], facts["queue_number"]) == (one.id, str(offer.id), 2)
        await require_sold_out(schedule, hospital)
    await require_books_agree(hospital.db)


async def test_an_accepted_offer_is_an_appointment_that_the_his_is_told_of(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    [person] = await hospital.patients(1)
    entry = await join(person, schedule)
    await cancel(sold)
    offer = await open_offer(entry)

    appointment = await waitlist.accept_offer(offer_id=offer.id, actor=PORTAL)

    assert (appointment.patient_id, appointment.queue_number, appointment.status) == (person, 1, "booked")
    after = await entry_of(entry)
    assert (after.status, after.appointment_id, after.position, after.waiting) == ("taken", appointment.id, None, 0)
    assert (await offers_of(entry))[0].status == "accepted"
    letters = await hospital.db.fetch(
        "SELECT event_type FROM outbox WHERE aggregate = $1", f"appointment:{appointment.id}"
    )
    assert [letter["event_type"] for letter in letters] == ["appointment.booked"]
    assert [facts["reason"] for _, facts in await notices(hospital, "waitlist.taken")] == ["accepted"]
    await require_books_agree(hospital.db)


async def test_a_number_that_is_moved_away_released_or_unblocked_is_offered(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3)
    elsewhere = await hospital.schedule(seats=1, starts_in=timedelta(days=5))
    await office.block_seats(schedule.slots[0], count=1, actor=OFFICE)
    mover, holder, *waiting = await hospital.patients(5)
    booked = await service.book_appointment(slot_id=schedule.slots[0], patient_id=mover, actor=PORTAL)
    held = await service.hold_seat(slot_id=schedule.slots[0], patient_id=holder, actor=PORTAL)
    entries = [await join(person, schedule) for person in waiting]

    await service.reschedule_appointment(appointment_id=booked.id, slot_id=elsewhere.slots[0], actor=PORTAL)
    assert (await open_offer(entries[0])).queue_number == 1
    await service.release_hold(hold_id=held.id, actor=PORTAL)
    assert (await open_offer(entries[1])).queue_number == 2
    await office.unblock_seats(schedule.slots[0], count=1, actor=OFFICE)
    assert (await open_offer(entries[2])).queue_number == 3
    await require_sold_out(schedule, hospital)
    await require_books_agree(hospital.db)


async def test_a_hold_that_ends_goes_to_whoever_waits_and_to_no_claim(hospital: HospitalUnderTest) -> None:
    """No sweep has run: the claim itself lets those who wait go first."""
    schedule = await hospital.schedule(seats=1)
    holder, person, rival = await hospital.patients(3)
    held = await service.hold_seat(slot_id=schedule.slots[0], patient_id=holder, actor=PORTAL)
    entry = await join(person, schedule)
    with clock.frozen(held.until):
        with pytest.raises(errors.SoldOut):
            await service.book_appointment(slot_id=schedule.slots[0], patient_id=rival, actor=PORTAL)
        assert (await open_offer(entry)).queue_number == 1
        await require_books_agree(hospital.db)
        assert await expiry.expire_holds() == 1
        await require_books_agree(hospital.db)


async def test_a_move_does_not_overtake_those_who_wait(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    elsewhere = await hospital.schedule(seats=1, starts_in=timedelta(days=5))
    holder, person, mover = await hospital.patients(3)
    booked = await service.book_appointment(slot_id=elsewhere.slots[0], patient_id=mover, actor=PORTAL)
    held = await service.hold_seat(slot_id=schedule.slots[0], patient_id=holder, actor=PORTAL)
    entry = await join(person, schedule)
    with clock.frozen(held.until):
        with pytest.raises(errors.SoldOut):
            await service.reschedule_appointment(appointment_id=booked.id, slot_id=schedule.slots[0], actor=PORTAL)
        assert (await open_offer(entry)).queue_number == 1


async def test_availability_and_search_leave_out_what_those_who_wait_will_get(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    holder, person = await hospital.patients(2)
    held = await service.hold_seat(slot_id=schedule.slots[0], patient_id=holder, actor=PORTAL)
    await join(person, schedule)
    with clock.frozen(held.until):
        assert await available(schedule) == [0]
    held_again = await hospital.db.fetchval("SELECT count(*) FROM hold WHERE kind = 'offer'")
    assert held_again == 1


async def test_search_gives_out_what_is_due_before_it_counts(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    holder, person = await hospital.patients(2)
    held = await service.hold_seat(slot_id=schedule.slots[0], patient_id=holder, actor=PORTAL)
    entry = await join(person, schedule)
    with clock.frozen(held.until):
        found = await openings.get_schedule(schedule.id, channel="portal")
        nearest = await openings.nearest_openings(
            openings.ScheduleFilter(department_id=hospital.department_id),
            channel="portal", place=None, closest_first=False, limit=5,
        )  # fmt: skip
        assert found.available == 0
        assert nearest == []
        assert (await open_offer(entry)).queue_number == 1


async def test_recycled_seats_go_to_whoever_waits_first(hospital: HospitalUnderTest) -> None:
    """At T-x the reserve opens to the portal; who waits there is served by the job, or by the first who asks."""
    recycled_at = clock.now() + timedelta(hours=4)
    schedule = await hospital.schedule(seats=2, pools={"2": "reserve"}, recycled_at=recycled_at)
    person, buyer, rival = await hospital.patients(3)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=buyer, actor=PORTAL)
    entry = await join(person, schedule)
    with clock.frozen(recycled_at - timedelta(seconds=1)):
        assert await waitlist.offer_free_seats() == 0
    with clock.frozen(recycled_at):
        with pytest.raises(errors.SoldOut):
            await service.book_appointment(slot_id=schedule.slots[0], patient_id=rival, actor=PORTAL)
        assert (await open_offer(entry)).queue_number == 2
        assert await waitlist.offer_free_seats() == 0
        await require_books_agree(hospital.db)


async def test_the_clock_alone_serves_recycled_seats(hospital: HospitalUnderTest) -> None:
    recycled_at = clock.now() + timedelta(hours=4)
    schedule = await hospital.schedule(seats=2, pools={"2": "reserve"}, recycled_at=recycled_at)
    person, buyer = await hospital.patients(2)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=buyer, actor=PORTAL)
    entry = await join(person, schedule)
    with clock.frozen(recycled_at):
        assert await waitlist.offer_free_seats() == 1
        assert (await open_offer(entry)).queue_number == 2


async def test_a_release_is_a_release_for_everybody(hospital: HospitalUnderTest) -> None:
    """Who waits for a department has no claim on numbers that open for the first time, only on what comes back."""
    opens_at = clock.now() + timedelta(hours=1)
    schedule = await hospital.schedule(seats=1, opens_at=opens_at)
    person, buyer = await hospital.patients(2)
    days = (schedule.clinic_date, schedule.clinic_date)
    entry = await join(person, hospital.department_id, kind="department", days=days)
    with clock.frozen(opens_at):
        assert await waitlist.offer_free_seats() == 0
        booked = await service.book_appointment(slot_id=schedule.slots[0], patient_id=buyer, actor=PORTAL)
        assert await offers_of(entry) == []
        await cancel(booked)
        assert (await open_offer(entry)).queue_number == 1


# --- to whom


async def test_the_published_order_is_class_then_time(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3)
    sold = await sell_out(hospital, schedule)
    early, late, urgent = await hospital.patients(3)
    start = clock.now()
    entries: dict[UUID, Entry] = {}
    for minutes, person in ((2, late), (1, early)):
        with clock.frozen(start + timedelta(minutes=minutes)):
            entries[person] = await join(person, schedule)
    with clock.frozen(start + timedelta(minutes=3)):
        entries[urgent] = await join(urgent, schedule, is_urgent=True, actor=KIOSK)
    places = {person: (await queries.get_entry(entries[person].id, actor=KIOSK)).position for person in entries}
    assert places == {urgent: 1, early: 2, late: 3}

    served = []
    for appointment in sold:
        await cancel(appointment)
        rows = await hospital.db.fetch("SELECT patient_id FROM hold WHERE kind = 'offer' ORDER BY created_at, id")
        served = [row["patient_id"] for row in rows]
    assert served == [urgent, early, late]


async def test_practitioners_and_departments_are_waited_for_over_days(hospital: HospitalUnderTest) -> None:
    near, far = await hospital.schedule(seats=2), await hospital.schedule(seats=2, starts_in=timedelta(days=9))
    sold_near, sold_far = await sell_out(hospital, near), await sell_out(hospital, far)
    of_practitioner, of_department, of_afternoons = await hospital.patients(3)
    week = (clock.today(), clock.today() + timedelta(days=6))
    fortnight = (clock.today(), clock.today() + timedelta(days=13))
    one = await join(of_practitioner, await practitioner_of(hospital, far), kind="practitioner", days=week)
    two = await join(of_department, hospital.department_id, kind="department", days=fortnight)
    three = await join(of_afternoons, hospital.department_id, kind="department", days=fortnight, periods=("afternoon",))

    await cancel(sold_far[0])  # Outside the week of the first, in the morning for the third.
    assert (await open_offer(two)).schedule_id == far.id
    await cancel(sold_near[0])  # Another practitioner's for the first; the second has an offer already.
    assert await offers_of(one) == await offers_of(three) == []
    await require_books_agree(hospital.db)


async def test_a_channel_waits_for_its_own_pools(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2, pools={"1": "reserve"})
    at_kiosk, online, seller = await hospital.patients(3)
    reserve = await service.book_appointment(slot_id=schedule.slots[0], patient_id=seller, actor=KIOSK)
    [other] = await sell_out(hospital, schedule)
    portal, kiosk = await join(online, schedule), await join(at_kiosk, schedule, actor=KIOSK)

    await service.cancel_appointment(appointment_id=reserve.id, reason=None, actor=KIOSK)
    rows = await hospital.db.fetch("SELECT entry_id FROM hold WHERE kind = 'offer'")
    assert [row["entry_id"] for row in rows] == [kiosk.id]
    await cancel(other)
    assert (await open_offer(portal)).queue_number == 2


async def test_whoever_may_not_come_is_passed_over_and_goes_on_waiting(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    days = (schedule.clinic_date, schedule.clinic_date)
    [man] = await hospital.patients(1)
    [child] = await hospital.patients(1, sex=2, born=date(2020, 1, 1))
    [busy] = await hospital.patients(1, sex=2)
    [full] = await hospital.patients(1, sex=2)
    [woman] = await hospital.patients(1, sex=2)
    department = hospital.department_id
    entries = [await join(person, department, kind="department", days=days) for person in (man, child, busy, full)]
    last = await join(woman, schedule)
    await set_rule(hospital, daily_limit=1)
    await hospital.db.execute("UPDATE clinic SET sex_allowed = 2, age_years_min = 14 WHERE id = $1", hospital.clinic_id)
    same_day = await hospital.schedule(seats=1, opens_at=clock.now())
    await service.book_appointment(slot_id=same_day.slots[0], patient_id=busy, actor=KIOSK)
    other = await hospital.schedule(seats=1, other_department=True)
    await service.book_appointment(slot_id=other.slots[0], patient_id=full, actor=PORTAL)

    await cancel(sold)

    assert (await open_offer(last)).patient_id == woman
    for entry in entries:
        assert ((await entry_of(entry)).status, await offers_of(entry)) == ("waiting", [])
    await require_books_agree(hospital.db)


async def test_who_gives_a_number_back_is_not_offered_it(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    days = (clock.today(), clock.today() + timedelta(days=6))
    booked = await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    entry = await join(person, hospital.department_id, kind="department", days=days)
    await cancel(booked)
    assert await offers_of(entry) == []


async def test_an_entry_has_one_open_offer_at_a_time(hospital: HospitalUnderTest) -> None:
    near, far = await hospital.schedule(seats=1), await hospital.schedule(seats=1, starts_in=timedelta(days=4))
    [sold_near], [sold_far] = await sell_out(hospital, near), await sell_out(hospital, far)
    [person] = await hospital.patients(1)
    days = (clock.today(), clock.today() + timedelta(days=6))
    entry = await join(person, hospital.department_id, kind="department", days=days)
    await cancel(sold_near)
    await cancel(sold_far)
    assert [offer.schedule_id for offer in await offers_of(entry)] == [near.id]
    await require_books_agree(hospital.db)


# --- answers


async def test_a_declined_offer_passes_on_and_is_not_made_again(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1, slots=2)
    sold = await sell_out(hospital, schedule)
    first, second = await hospital.patients(2)
    one, two = await join(first, schedule), await join(second, schedule)
    await cancel(sold[0])

    declined = await waitlist.decline_offer(offer_id=(await open_offer(one)).id, actor=PORTAL)

    assert (declined.status, declined.seconds_left) == ("declined", 0)
    assert (await open_offer(two)).queue_number == 1
    assert ((await entry_of(one)).status, (await entry_of(one)).position) == ("waiting", 1)
    await waitlist.decline_offer(offer_id=(await open_offer(two)).id, actor=PORTAL)
    assert await available(schedule) == [1, 0]
    await cancel(sold[1])
    assert (await open_offer(one)).queue_number == 2
    await require_books_agree(hospital.db)


@pytest.mark.parametrize("swept", [True, False])
async def test_an_offer_that_nobody_answers_passes_on_and_ends_the_entry(
    hospital: HospitalUnderTest,
    swept: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    first, second = await hospital.patients(2)
    one, two = await join(first, schedule), await join(second, schedule)
    await cancel(sold)
    offer = await open_offer(one)
    with clock.frozen(offer.until):
        if swept:
            assert await expiry.expire_holds() == 1
        assert (await entry_of(one)).status == "expired"
        assert [other.status for other in await offers_of(one)] == ["expired"]
        with pytest.raises(waitlist_errors.OfferEnded) as refused:
            await waitlist.accept_offer(offer_id=offer.id, actor=PORTAL)
        assert refused.value.details == {"current_status": "expired"}
        await require_sold_out(schedule, hospital)
        assert (await open_offer(two)).queue_number == 1
        await expiry.expire_holds()
        assert [facts["reason"] for _, facts in await notices(hospital, "waitlist.expired")] == ["offer_missed"]
        await require_books_agree(hospital.db)


async def test_taking_one_closes_the_persons_others_in_the_department(hospital: HospitalUnderTest) -> None:
    near, far = await hospital.schedule(seats=1), await hospital.schedule(seats=1, starts_in=timedelta(days=4))
    other = await hospital.schedule(seats=1, other_department=True)
    [sold_near], [sold_far], _ = [await sell_out(hospital, one) for one in (near, far, other)]
    person, behind = await hospital.patients(2)
    days = (clock.today(), clock.today() + timedelta(days=6))
    taken = await join(person, near)
    closed = await join(person, hospital.department_id, kind="department", days=days)
    stays = await join(person, other)
    await cancel(sold_near)
    await cancel(sold_far)
    # The seat of the second offer goes on to whoever waits behind.
    waits = await join(behind, far)
    assert (await open_offer(closed)).schedule_id == far.id

    await waitlist.accept_offer(offer_id=(await open_offer(taken)).id, actor=PORTAL)

    assert [(await entry_of(entry)).status for entry in (taken, closed, stays)] == ["taken", "closed", "waiting"]
    assert (await open_offer(waits)).schedule_id == far.id
    assert [offer.status for offer in await offers_of(closed)] == ["declined"]
    await require_books_agree(hospital.db)


async def test_leaving_the_list_passes_an_open_offer_on(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    first, second = await hospital.patients(2)
    one, two = await join(first, schedule), await join(second, schedule)
    await cancel(sold)

    left = await waitlist.withdraw_entry(entry_id=one.id, actor=PORTAL)

    assert (left.status, left.position, left.offer_id) == ("withdrawn", None, None)
    assert (await open_offer(two)).queue_number == 1
    await require_books_agree(hospital.db)
    before = await books(hospital.db)
    with pytest.raises(waitlist_errors.EntryEnded) as refused:
        await waitlist.withdraw_entry(entry_id=one.id, actor=PORTAL)
    assert refused.value.details == {"current_status": "withdrawn"}
    assert await books(hospital.db) == before


@pytest.mark.parametrize("answer", ["accept", "decline"])
async def test_an_answered_offer_is_not_answered_again(hospital: HospitalUnderTest, answer: str) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    [person] = await hospital.patients(1)
    entry = await join(person, schedule)
    await cancel(sold)
    offer = await open_offer(entry)
    action = {"accept": waitlist.accept_offer, "decline": waitlist.decline_offer}[answer]
    key = Idempotency("portal", "answer-1", f"POST {answer}", {"offer_id": str(offer.id)})
    once = await action(offer_id=offer.id, actor=PORTAL, idempotency=key)
    assert await action(offer_id=offer.id, actor=PORTAL, idempotency=key) == once

    before = await books(hospital.db)
    for again in (waitlist.accept_offer, waitlist.decline_offer):
        with pytest.raises(waitlist_errors.OfferEnded) as refused:
            await again(offer_id=offer.id, actor=PORTAL)
        assert refused.value.details == {"current_status": f"{answer}d".replace("acceptd", "accepted")}
    assert await books(hospital.db) == before


async def test_an_offer_is_no_hold_and_nobody_elses(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    [person] = await hospital.patients(1)
    entry = await join(person, schedule)
    await cancel(sold)
    offer = await open_offer(entry)
    stranger = type(PORTAL)(client_id="insurer", channel="portal", kind="partner")
    before = await books(hospital.db)
    for action in (service.confirm_hold, service.release_hold):
        with pytest.raises(errors.HoldNotFound):
            await action(hold_id=offer.id, actor=PORTAL)
    for answer in (waitlist.accept_offer, waitlist.decline_offer):
        with pytest.raises(waitlist_errors.OfferNotFound):
            await answer(offer_id=offer.id, actor=stranger)
    with pytest.raises(waitlist_errors.EntryNotFound):
        await waitlist.withdraw_entry(entry_id=entry.id, actor=stranger)
    assert await books(hospital.db) == before


# --- the end of waiting


async def test_waiting_ends_at_the_cut_off(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    sold = await sell_out(hospital, schedule)
    [person] = await hospital.patients(1)
    entry = await join(person, schedule)
    cutoff = schedule.starts_at - timedelta(hours=1)
    assert entry.ends_at == cutoff
    with clock.frozen(cutoff - timedelta(seconds=59)):
        await cancel(sold[0])  # In the last minute nobody could still answer.
        assert await offers_of(entry) == []
        assert (await entry_of(entry)).status == "waiting"
        assert await waitlist.end_passed_entries() == 0
    with clock.frozen(cutoff):
        assert (await entry_of(entry)).status == "expired"
        assert await waitlist.end_passed_entries() == 1
        assert await waitlist.end_passed_entries() == 0
        assert [facts["reason"] for _, facts in await notices(hospital, "waitlist.expired")] == ["cutoff"]
        assert await available(schedule) == [1]
        await require_books_agree(hospital.db)


async def test_an_offer_ends_at_the_cut_off_at_the_latest(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    [person] = await hospital.patients(1)
    entry = await join(person, schedule)
    cutoff: datetime = schedule.starts_at - timedelta(hours=1)
    with clock.frozen(cutoff - timedelta(minutes=10)):
        await cancel(sold)
        assert (await open_offer(entry)).until == cutoff


async def test_a_withdrawn_schedule_closes_its_list_and_ends_the_return_delay(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, return_delay_seconds_min=60, return_delay_seconds_max=60)
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    await cancel(sold)
    [person] = await hospital.patients(1)
    entry = await join(person, schedule)

    await office.withdraw_schedule(schedule.id, version=1, actor=OFFICE)

    assert (await entry_of(entry)).status == "closed"
    statuses = await hospital.db.fetch("SELECT kind, status FROM hold")
    assert [tuple(row) for row in statuses] == [("cooling", "released")]
    assert HOLD.allows("active", "released")
    await require_books_agree(hospital.db)
