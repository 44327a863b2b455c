"""A seat that comes free has one taker: whoever waits. Nobody overtakes, nothing is offered and sold as well."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import expiry, service
from booking.facts import Appointment
from booking.waitlist import service as waitlist
from booking.waitlist.facts import Entry
from kernel import clock
from kernel.db import Database, DatabaseBusy
from kernel.errors import HospitalError
from tests.factories.booking import (
    PORTAL,
    HospitalUnderTest,
    ScheduleUnderTest,
    ask,
    desks,
    hold_desks,
    outcomes,
    require_books_agree,
    sequence_numbers,
)
from tests.factories.waitlist import cancel, entry_of, join, open_offer, sell_out, set_rule

pytestmark = pytest.mark.race

STUCK_SECONDS_MAX = 60


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    return await HospitalUnderTest(database).build()


async def refused(action: Awaitable[Any]) -> Any:
    """Give the answer, or the refusal itself; anything else is a fault and fails the test."""
    try:
        return await action
    except HospitalError as refusal:
        return refusal


async def at_once(*actions: Awaitable[Any]) -> list[Any]:
    async with asyncio.timeout(STUCK_SECONDS_MAX):
        return list(await asyncio.gather(*(refused(action) for action in actions)))


async def offered_to(hospital: HospitalUnderTest) -> Counter[UUID]:
    """Count the offers that each person was ever made."""
    rows = await hospital.db.fetch("SELECT patient_id FROM hold WHERE kind = 'offer'")
    return Counter(row["patient_id"] for row in rows)


async def require_one_taker(hospital: HospitalUnderTest) -> None:
    """See that no seat has both an open offer and an appointment, and that the books agree."""
    twice = await hospital.db.fetch(
        "SELECT h.seat_id FROM hold h JOIN appointment a ON a.seat_id = h.seat_id AND a.status = 'booked'"
        " WHERE h.kind = 'offer' AND h.status = 'active' AND h.until > $1",
        clock.now(),
    )
    assert twice == []
    await require_books_agree(hospital.db)


async def test_a_freed_seat_goes_to_the_one_who_waits_and_to_none_of_fifty_claimers(
    hospital: HospitalUnderTest,
) -> None:
    counters, holds = desks(), hold_desks()
    for _ in range(6):
        schedule = await hospital.schedule(seats=1)
        [sold] = await sell_out(hospital, schedule)
        [person], rivals = await hospital.patients(1), await hospital.patients(50)
        entry = await join(person, schedule)

        answers = await at_once(
            *(ask(counters[n % 4], schedule.slots[0], rival) for n, rival in enumerate(rivals[:20])),
            cancel(sold),
            *(ask(holds[n % 4], schedule.slots[0], rival) for n, rival in enumerate(rivals[20:])),
        )

        assert outcomes(answers) == {"SoldOut": 50, "Appointment": 1}
        assert (await open_offer(entry)).patient_id == person
        await require_one_taker(hospital)


async def test_an_ended_hold_is_nobodys_before_those_who_wait(hospital: HospitalUnderTest) -> None:
    """No timer runs: many claimers, readers and the sweep come at the same instant."""
    counters, holds = desks(), hold_desks()
    for _ in range(6):
        schedule = await hospital.schedule(seats=2)
        holders, waiting, rivals = [await hospital.patients(count) for count in (2, 2, 40)]
        held = [
            await service.hold_seat(slot_id=schedule.slots[0], patient_id=holder, actor=PORTAL) for holder in holders
        ]
        entries = [await join(person, schedule) for person in waiting]
        with clock.frozen(max(hold.until for hold in held)):
            answers = await at_once(
                *(ask(counters[n % 4], schedule.slots[0], rival) for n, rival in enumerate(rivals[:20])),
                expiry.expire_holds(),
                waitlist.offer_free_seats(),
                *(ask(holds[n % 4], schedule.slots[0], rival) for n, rival in enumerate(rivals[20:])),
            )
            assert {type(answer).__name__ for answer in answers} == {"SoldOut", "int"}
            assert {(await open_offer(entry)).queue_number for entry in entries} == {1, 2}
            await require_one_taker(hospital)


async def test_a_storm_of_cancellations_serves_fifty_who_wait_in_their_order(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=60)
    sold = await sell_out(hospital, schedule)
    people = await hospital.patients(50)
    entries = [await join(person, schedule) for person in people]

    answers = await at_once(*(cancel(appointment) for appointment in sold[:30]))
    assert outcomes(answers) == {"Appointment": 30}
    # Thirty at once: who is first among them is nobody's guess, but nobody behind is served before them.
    assert set(await offered_to(hospital)) == set(people[:30])
    await require_one_taker(hospital)

    answers = await at_once(*(cancel(appointment) for appointment in sold[30:]))
    assert outcomes(answers) == {"Appointment": 30}
    assert await offered_to(hospital) == dict.fromkeys(people, 1)
    free = await hospital.db.fetchval("SELECT count(*) FROM seat WHERE status = 'free'")
    assert free == 10
    accepted = await at_once(
        *[waitlist.accept_offer(offer_id=(await open_offer(entry)).id, actor=PORTAL) for entry in entries]
    )
    assert outcomes(accepted) == {"Appointment": 50}
    assert len(await sequence_numbers(hospital.db, schedule)) == 50
    await require_one_taker(hospital)


async def test_accepting_declining_expiring_and_leaving_at_the_same_moment(hospital: HospitalUnderTest) -> None:
    for round_ in range(10):
        schedule = await hospital.schedule(seats=1)
        [sold] = await sell_out(hospital, schedule)
        people = await hospital.patients(3)
        entries = [await join(person, schedule) for person in people]
        await cancel(sold)
        offer = await open_offer(entries[0])
        at = offer.until - timedelta(microseconds=1) if round_ % 2 else offer.until
        with clock.frozen(at):
            answers = await at_once(
                *(waitlist.accept_offer(offer_id=offer.id, actor=PORTAL) for _ in range(3)),
                waitlist.decline_offer(offer_id=offer.id, actor=PORTAL),
                expiry.expire_holds(),
                waitlist.withdraw_entry(entry_id=entries[0].id, actor=PORTAL),
            )
            won = [answer for answer in answers[:4] if not isinstance(answer, HospitalError)]
            assert len(won) <= (1 if round_ % 2 else 0)
            status = (await entry_of(entries[0])).status
            assert status == ("taken" if any(isinstance(answer, Appointment) for answer in won) else status)
            if status != "taken":
                await expiry.expire_holds()  # The first sweep may have left the offer to a caller who had it locked.
                assert (await open_offer(entries[1])).queue_number == 1
            await require_one_taker(hospital)


async def test_an_offer_that_ends_while_it_is_accepted(hospital: HospitalUnderTest) -> None:
    """Accepted a moment before, swept a moment after: one of the two, never both."""
    for _ in range(10):
        schedule = await hospital.schedule(seats=1)
        [sold] = await sell_out(hospital, schedule)
        first, second = await hospital.patients(2)
        one, two = await join(first, schedule), await join(second, schedule)
        await cancel(sold)
        offer = await open_offer(one)
        end = clock.now() + timedelta(milliseconds=15)
        await hospital.db.execute("UPDATE hold SET until = $1 WHERE id = $2", end, offer.id)
        await hospital.db.execute("UPDATE seat SET hold_until = $1 WHERE hold_id = $2", end, offer.id)
        await hospital.db.execute("UPDATE visit_claim SET until = $1 WHERE owner_id = $2", end, offer.id)
        await hospital.db.execute("UPDATE waitlist_entry SET offer_until = $1 WHERE offer_id = $2", end, offer.id)

        async def accept_soon(offer_id: UUID = offer.id) -> Any:
            await asyncio.sleep(0.012)
            return await waitlist.accept_offer(offer_id=offer_id, actor=PORTAL)

        async def sweep() -> int:
            swept = 0
            for _ in range(6):
                swept += await expiry.expire_holds()
                await asyncio.sleep(0.004)
            return swept

        accepted, _ = await at_once(accept_soon(), sweep())
        if isinstance(accepted, Appointment):
            assert (await entry_of(one)).status == "taken"
            assert await offered_to(hospital) == {first: 1} or second not in await offered_to(hospital)
        else:
            await asyncio.sleep(0.01)
            await expiry.expire_holds()
            assert (await entry_of(one)).status == "expired"
            assert (await open_offer(two)).queue_number == 1
        await require_one_taker(hospital)


async def test_one_person_on_two_lists_of_a_day_is_offered_one_number(hospital: HospitalUnderTest) -> None:
    for _ in range(8):
        one, other = await hospital.schedule(seats=1), await hospital.schedule(seats=1)
        [sold_one], [sold_other] = await sell_out(hospital, one), await sell_out(hospital, other)
        person, behind = await hospital.patients(2)
        entries = [await join(person, one), await join(person, other)]
        behind_entries = [await join(behind, one), await join(behind, other)]

        answers = await at_once(cancel(sold_one), cancel(sold_other))

        assert {type(answer) for answer in answers} <= {Appointment, DatabaseBusy}
        if outcomes(answers) == {"Appointment": 2}:
            offers = [(await entry_of(entry)).offer_id for entry in (*entries, *behind_entries)]
            assert [sum(offer is not None for offer in pair) for pair in (offers[:2], offers[2:])] == [1, 1]
        await require_one_taker(hospital)


async def test_recycled_seats_with_people_waiting_and_buyers_at_the_gate(hospital: HospitalUnderTest) -> None:
    recycled_at = clock.now() + timedelta(hours=4)
    schedule = await hospital.schedule(
        seats=6, pools={str(n): "reserve" for n in (2, 3, 4, 5, 6)}, recycled_at=recycled_at
    )
    [buyer], waiting, rivals = await hospital.patients(1), await hospital.patients(3), await hospital.patients(40)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=buyer, actor=PORTAL)
    entries = [await join(person, schedule) for person in waiting]
    counters = desks()
    with clock.frozen(recycled_at):
        answers = await at_once(
            *(ask(counters[n % 4], schedule.slots[0], rival) for n, rival in enumerate(rivals)),
            waitlist.offer_free_seats(),
        )
        assert outcomes(answers[:-1]) == {"Win": 2, "SoldOut": 38}
        assert len({(await open_offer(entry)).queue_number for entry in entries}) == 3
        await require_one_taker(hospital)


async def test_a_seat_that_is_kept_back_is_sold_to_nobody_before_its_time(hospital: HospitalUnderTest) -> None:
    await set_rule(hospital, return_delay_seconds_min=60, return_delay_seconds_max=600)
    schedule = await hospital.schedule(seats=5)
    sold = await sell_out(hospital, schedule)
    rivals = await hospital.patients(60)
    counters = desks()
    at = clock.now()
    with clock.frozen(at):
        answers = await at_once(
            *(ask(counters[n % 4], schedule.slots[0], rival) for n, rival in enumerate(rivals[:30])),
            *(cancel(appointment) for appointment in sold),
        )
        assert outcomes(answers) == {"SoldOut": 30, "Appointment": 5}
        rows = await hospital.db.fetch("SELECT until FROM hold WHERE kind = 'cooling' ORDER BY until")
        opens = [row["until"] for row in rows]
        assert all(timedelta(seconds=60) <= instant - at <= timedelta(seconds=600) for instant in opens)
        assert len(opens) == 5
    with clock.frozen(opens[2]):
        open_now = sum(instant <= opens[2] for instant in opens)
        answers = await at_once(
            *(ask(counters[n % 4], schedule.slots[0], rival) for n, rival in enumerate(rivals[30:])),
            expiry.expire_holds(),
        )
        assert outcomes(answers[:-1]) == {"Win": open_now, "SoldOut": 30 - open_now}
        await require_one_taker(hospital)


async def test_many_join_and_leave_while_seats_come_and_go(hospital: HospitalUnderTest) -> None:
    """Everything at once for a while; whatever happened, the books agree and nothing is stuck."""
    schedule: ScheduleUnderTest = await hospital.schedule(seats=8, slots=2)
    sold = await sell_out(hospital, schedule)
    people = await hospital.patients(24)
    entries: list[Entry] = [await join(person, schedule) for person in people[:12]]
    counters = desks()

    async def leave(entry: Entry) -> Any:
        return await waitlist.withdraw_entry(entry_id=entry.id, actor=PORTAL)

    async def answer_any(entry: Entry, *, accept: bool) -> Any:
        known = await entry_of(entry)
        if known.offer_id is None:
            return None
        act = waitlist.accept_offer if accept else waitlist.decline_offer
        return await act(offer_id=known.offer_id, actor=PORTAL)

    for turn in range(4):
        answers = await at_once(
            *(cancel(appointment) for appointment in sold[turn * 4 : turn * 4 + 4]),
            *(join(person, schedule) for person in people[12 + turn * 3 : 15 + turn * 3]),
            *(answer_any(entry, accept=n % 2 == 0) for n, entry in enumerate(entries)),
            leave(entries[turn]),
            *(ask(counters[n % 4], schedule.slots[n % 2], person) for n, person in enumerate(people[18:])),
            expiry.expire_holds(),
        )
        faults = {type(answer).__name__ for answer in answers if isinstance(answer, HospitalError)}
        allowed = {"SoldOut", "SeatsAvailable", "AlreadyWaiting", "AlreadyBooked", "AlreadyHeld", "OfferEnded",
                   "EntryEnded", "DatabaseBusy"}  # fmt: skip
        assert faults <= allowed
        await require_one_taker(hospital)
