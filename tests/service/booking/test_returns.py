"""Returned seats that nobody waits for: the return delay, and the log that proves it."""

from datetime import date, timedelta
from typing import Any

import pytest

from booking import errors, expiry, rules, service
from booking.catalogue import schedules as office
from booking.catalogue.errors import ScheduleHasBookings
from booking.release_log import Return, ReturnFilter, list_returns
from kernel import clock
from kernel.ids import new_id
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest, ScheduleUnderTest, books, require_books_agree
from tests.factories.slot_office import OFFICE
from tests.factories.waitlist import available, cancel, entry_of, join, open_offer, sell_out, set_rule

DELAY: dict[str, Any] = {"return_delay_seconds_min": 60, "return_delay_seconds_max": 600}


async def log_of(schedule: ScheduleUnderTest, **more: Any) -> list[Return]:
    """Read a schedule's release log, newest first."""
    return await list_returns(ReturnFilter(schedule_id=schedule.id, **more), before=None, limit=100)


async def book(hospital: HospitalUnderTest, schedule: ScheduleUnderTest) -> Any:
    """Book for somebody new."""
    [person] = await hospital.patients(1)
    return await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)


async def test_a_returned_seat_is_kept_back_for_a_random_while(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, **DELAY)
    schedule = await hospital.schedule(seats=40)
    sold = await sell_out(hospital, schedule)
    at = clock.now()
    with clock.frozen(at):
        for appointment in sold:
            await cancel(appointment)
        assert await available(schedule) == [0]
        with pytest.raises(errors.SoldOut):
            await book(hospital, schedule)
        await require_books_agree(hospital.db)
    opens = sorted(entry.reopens_at for entry in await log_of(schedule) if entry.reopens_at)
    assert all(at + timedelta(seconds=60) <= instant <= at + timedelta(seconds=600) for instant in opens)
    # Forty draws of 541 values: fewer than 25 different ones would be no chance.
    assert len(set(opens)) > 25
    with clock.frozen(opens[0] - timedelta(microseconds=1)):
        assert await available(schedule) == [0]
    with clock.frozen(opens[0]):
        assert await available(schedule) == [opens.count(opens[0])]
        booked = await book(hospital, schedule)
        await require_books_agree(hospital.db)
    [proof] = [entry for entry in await log_of(schedule) if entry.queue_number == booked.queue_number]
    assert (proof.outcome, proof.because, proof.returned_at, proof.reopens_at) == (
        "kept_back",
        "cancelled",
        at,
        opens[0],
    )
    assert (proof.next_kind, proof.next_at) == ("booked", opens[0])


async def test_the_sweep_only_writes_down_that_a_delay_is_over(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, return_delay_seconds_min=90, return_delay_seconds_max=90)
    schedule = await hospital.schedule(seats=1)
    at = clock.now()
    with clock.frozen(at):
        await cancel(await book(hospital, schedule))
    with clock.frozen(at + timedelta(seconds=89)):
        assert await expiry.expire_holds() == 0
    with clock.frozen(at + timedelta(seconds=90)):
        assert await available(schedule) == [1]
        assert await expiry.expire_holds() == 1
        assert await available(schedule) == [1]
        await require_books_agree(hospital.db)
    kinds = await hospital.db.fetch("SELECT kind FROM booking_event ORDER BY id")
    assert [row["kind"] for row in kinds] == ["booked", "cancelled", "returned", "reopened"]


async def test_who_comes_to_wait_gets_what_is_kept_back_when_its_time_comes(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, return_delay_seconds_min=90, return_delay_seconds_max=90)
    schedule = await hospital.schedule(seats=1)
    at = clock.now()
    with clock.frozen(at):
        await cancel(await book(hospital, schedule))
        [person] = await hospital.patients(1)
        entry = await join(person, schedule)
        assert (await entry_of(entry)).offer_id is None
    with clock.frozen(at + timedelta(seconds=90)):
        with pytest.raises(errors.SoldOut):
            await book(hospital, schedule)
        assert (await open_offer(entry)).patient_id == person
        await require_books_agree(hospital.db)


@pytest.mark.parametrize("how", ["claimed", "swept"])
async def test_a_hold_that_runs_out_is_kept_back_from_its_end_on(hospital: HospitalUnderTest, how: str) -> None:
    """Else a hold would be the scalper's way to hand a number over at a known second."""
    await set_rule(hospital, return_delay_seconds_min=90, return_delay_seconds_max=90)
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    held = await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    with clock.frozen(held.until + timedelta(seconds=5)):
        if how == "swept":
            assert await expiry.expire_holds() == 1
        with pytest.raises(errors.SoldOut):
            await book(hospital, schedule)
        assert await available(schedule) == [0]
        await require_books_agree(hospital.db)
    with clock.frozen(held.until + timedelta(seconds=90)):
        await book(hospital, schedule)
        await expiry.expire_holds()
        await require_books_agree(hospital.db)
    [proof] = await log_of(schedule)
    assert (proof.because, proof.returned_at) == ("hold_expired", held.until)
    assert proof.reopens_at == held.until + timedelta(seconds=90)


async def test_a_hold_that_ended_longer_ago_than_the_delay_is_free(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, return_delay_seconds_min=90, return_delay_seconds_max=90)
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    held = await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    with clock.frozen(held.until + timedelta(seconds=91)):
        await book(hospital, schedule)
        await expiry.expire_holds()
        await require_books_agree(hospital.db)


async def test_without_a_delay_a_seat_is_on_sale_at_once(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    at = clock.now()
    with clock.frozen(at):
        await cancel(await book(hospital, schedule))
        await book(hospital, schedule)
    [proof] = await log_of(schedule)
    assert (proof.outcome, proof.reopens_at, proof.next_kind, proof.next_at) == ("reopened", at, "booked", at)


async def test_what_the_window_sells_itself_and_what_begins_soon_is_not_kept_back(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, **DELAY)
    window = await hospital.schedule(seats=1, pools={"1": "reserve"})
    await hospital.db.execute("INSERT INTO pool (code, name_zh, name_en) VALUES ('window', 'w', 'w')")
    await hospital.db.execute("UPDATE schedule_release SET pool = 'window' WHERE pool = 'reserve'")
    await hospital.db.execute("UPDATE seat SET pool = 'window'")
    soon = await hospital.schedule(seats=1, starts_in=timedelta(minutes=31))
    await set_rule(hospital, **(DELAY | {"return_delay_seconds_min": 600, "cancel_minutes_before": 0}))
    [first, second] = await hospital.patients(2)
    at_window = await service.book_appointment(slot_id=window.slots[0], patient_id=first, actor=KIOSK)
    booked = await service.book_appointment(slot_id=soon.slots[0], patient_id=second, actor=PORTAL)
    await service.cancel_appointment(appointment_id=at_window.id, reason=None, actor=KIOSK)
    with clock.frozen(soon.starts_at - timedelta(minutes=9)):
        await cancel(booked)
    assert [entry.outcome for entry in await log_of(window) + await log_of(soon)] == ["reopened", "reopened"]


async def test_what_the_slot_office_puts_back_is_on_sale_at_once(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, **DELAY)
    schedule = await hospital.schedule(seats=1)
    await office.block_seats(schedule.slots[0], count=1, actor=OFFICE)
    await office.unblock_seats(schedule.slots[0], count=1, actor=OFFICE)
    assert await available(schedule) == [1]


async def test_an_offer_stands_in_the_way_of_a_withdrawal_and_a_delay_does_not(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, **DELAY)
    schedule = await hospital.schedule(seats=2)
    one, two = await sell_out(hospital, schedule)
    await cancel(one)
    [person] = await hospital.patients(1)
    await join(person, schedule)
    await cancel(two)
    before = await books(hospital.db)
    with pytest.raises(ScheduleHasBookings) as refused:
        await office.withdraw_schedule(schedule.id, version=1, actor=OFFICE)
    assert refused.value.details == {"seats": 1}
    assert await books(hospital.db) == before


async def test_the_log_says_to_whom_a_seat_was_offered(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    one, two = await sell_out(hospital, schedule)
    [person] = await hospital.patients(1)
    entry = await join(person, schedule)
    start = clock.now()
    with clock.frozen(start):
        await cancel(one)
    with clock.frozen(start + timedelta(seconds=1)):
        await cancel(two)

    newest, oldest = await log_of(schedule)
    offer = await open_offer(entry)
    assert (oldest.outcome, oldest.entry_id, oldest.offer_id, oldest.offered_until) == (
        "offered", entry.id, offer.id, offer.until,
    )  # fmt: skip
    assert (newest.outcome, newest.entry_id, newest.queue_number) == ("reopened", None, two.queue_number)
    assert await log_of(schedule, since=start + timedelta(seconds=1)) == [newest]
    assert await log_of(schedule, until=start + timedelta(seconds=1)) == [oldest]
    assert await log_of(schedule, seat_id=oldest.seat_id) == [oldest]
    paged = await list_returns(ReturnFilter(schedule_id=schedule.id), before=newest.id, limit=1)
    assert paged == [oldest]
    assert await list_returns(ReturnFilter(schedule_id=new_id()), before=None, limit=9) == []


async def test_the_database_counts_years_as_the_desk_does(hospital: HospitalUnderTest) -> None:
    born = [date(2004, 2, 29), date(2004, 3, 1), date(2004, 2, 28), date(1999, 12, 31), date(2026, 1, 1)]
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2028, 2, 29), date(2026, 12, 31), date(2027, 1, 1)]
    for birth in born:
        for day in days:
            counted = await hospital.db.fetchval("SELECT completed_years($1, $2)", birth, day)
            assert counted == rules.completed_years(birth, day), (birth, day)


async def test_ids_made_in_the_database_are_in_order_of_time(hospital: HospitalUnderTest) -> None:
    ours = new_id()
    made = await hospital.db.fetchval("SELECT time_ordered_id($1)", clock.now() + timedelta(milliseconds=5))
    assert (made.version, made.variant) == (7, ours.variant)
    assert ours < made < await hospital.db.fetchval("SELECT time_ordered_id($1)", clock.now() + timedelta(seconds=1))
