"""Different actions that cross on the same seats, the same person's day, or the same idempotency key."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import errors, expiry, service
from booking.catalogue import schedules
from booking.facts import Appointment
from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.idempotency import Idempotency
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
from tests.factories.his_window import sell_at_window, window_booking

pytestmark = pytest.mark.race

STUCK_SECONDS_MAX = 60
"""Longer than any of these takes; reached only by callers that wait for one another."""


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    return await HospitalUnderTest(database).build()


async def book(schedule: ScheduleUnderTest, person: UUID) -> Appointment:
    return await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)


async def refused(action: Awaitable[Any]) -> Any:
    """Give the answer, or the refusal itself; anything else is a fault and fails the test."""
    try:
        return await action
    except HospitalError as refusal:
        return refusal


async def move(appointment: Appointment, to: ScheduleUnderTest, key: str | None = None) -> Any:
    idempotency = Idempotency(PORTAL.client_id, key, "POST /reschedule", {"slot_id": str(to.slots[0])}) if key else None
    return await refused(
        service.reschedule_appointment(
            appointment_id=appointment.id, slot_id=to.slots[0], actor=PORTAL, idempotency=idempotency
        )
    )


async def all_at_once(*actions: Awaitable[Any]) -> list[Any]:
    async with asyncio.timeout(STUCK_SECONDS_MAX):
        return list(await asyncio.gather(*actions))


async def end_holds(db: Database, *, after: timedelta) -> None:
    """Let every hold end so long from now."""
    await db.execute("UPDATE hold SET until = $1", clock.now() + after)
    await db.execute("UPDATE seat SET hold_until = h.until FROM hold h WHERE h.id = seat.hold_id")
    await db.execute("UPDATE visit_claim SET until = h.until FROM hold h WHERE h.id = owner_id")


# --- moves


async def test_more_moves_at_once_than_there_are_connections(hospital: HospitalUnderTest) -> None:
    """A move that asked for a second connection while keeping its first would wait here for ever."""
    count = hospital.db.pool.get_max_size() * 2 + 5
    old = await hospital.schedule(seats=count)
    new = await hospital.schedule(seats=count, starts_in=timedelta(days=3))
    appointments = [await book(old, person) for person in await hospital.patients(count)]

    answers = await all_at_once(*(move(entry, new) for entry in appointments))

    assert outcomes(answers) == {"Appointment": count}
    assert await sequence_numbers(hospital.db, new) == list(range(1, count + 1))
    assert await sequence_numbers(hospital.db, old) == []
    await require_books_agree(hospital.db)


async def test_two_who_want_each_others_seat_are_both_refused(hospital: HospitalUnderTest) -> None:
    here = await hospital.schedule(seats=1)
    there = await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    first, second = [
        await book(schedule, person) for schedule, person in zip((here, there), await hospital.patients(2), strict=True)
    ]

    for _ in range(20):
        answers = await all_at_once(move(first, there), move(second, here))
        assert outcomes(answers) == {"SoldOut": 2}

    assert await sequence_numbers(hospital.db, here) == await sequence_numbers(hospital.db, there) == [1]
    await require_books_agree(hospital.db)


async def test_a_ring_of_moves_with_one_free_seat(hospital: HospitalUnderTest) -> None:
    """Each wants the next one's seat; whoever moves frees the seat that the one behind wants."""
    ring = [await hospital.schedule(seats=1, starts_in=timedelta(days=2 + n)) for n in range(7)]
    people = await hospital.patients(6)
    await hospital.db.execute("UPDATE booking_rule SET reschedule_limit = 20 WHERE clinic_id IS NULL")
    try:
        appointments = [await book(schedule, person) for schedule, person in zip(ring, people, strict=False)]
        moved = 0
        for turn in range(15):
            answers = await all_at_once(
                *(move(entry, ring[(n + turn + 1) % 7]) for n, entry in enumerate(appointments))
            )
            seen = outcomes(answers)
            assert set(seen) <= {"Appointment", "SoldOut", "SameSlot"}
            moved += seen["Appointment"]
            await require_books_agree(hospital.db)
        assert moved > 0
        assert [await sequence_numbers(hospital.db, schedule) for schedule in ring].count([1]) == 6
    finally:
        await hospital.db.execute("UPDATE booking_rule SET reschedule_limit = 2 WHERE clinic_id IS NULL")


async def test_two_appointments_of_one_person_move_to_the_same_day(hospital: HospitalUnderTest) -> None:
    target = await hospital.schedule(seats=10, starts_in=timedelta(days=9))
    early = await hospital.schedule(seats=5, starts_in=timedelta(days=2))
    late = await hospital.schedule(seats=5, starts_in=timedelta(days=3))
    people = await hospital.patients(5)
    pairs = [(await book(early, person), await book(late, person)) for person in people]

    answers = await all_at_once(*(move(entry, target) for pair in pairs for entry in pair))

    assert outcomes(answers) == {"Appointment": 5, "AlreadyBooked": 5}
    assert len(await sequence_numbers(hospital.db, target)) == 5
    await require_books_agree(hospital.db)


async def test_holding_booking_and_moving_for_one_persons_day(hospital: HospitalUnderTest) -> None:
    """Whatever the way, a person stands once in a department and day."""
    before = await hospital.schedule(seats=3, starts_in=timedelta(days=4))
    day = [await hospital.schedule(seats=3) for _ in range(3)]
    [person] = await hospital.patients(1)
    appointment = await book(before, person)

    answers = await all_at_once(
        move(appointment, day[0]),
        ask(desks(1)[0], day[1].slots[0], person),
        ask(hold_desks(1)[0], day[2].slots[0], person),
    )

    won = [answer for answer in answers if not isinstance(answer, HospitalError)]
    assert len(won) == 1
    assert set(outcomes(answers)) <= {"Appointment", "Win", "AlreadyBooked", "AlreadyHeld"}
    assert (
        await hospital.db.fetchval("SELECT count(*) FROM visit_claim WHERE clinic_date = $1", day[0].clinic_date) == 1
    )
    await require_books_agree(hospital.db)


async def test_cancelling_and_moving_one_appointment(hospital: HospitalUnderTest) -> None:
    old = await hospital.schedule(seats=10)
    new = await hospital.schedule(seats=10, starts_in=timedelta(days=3))
    appointments = [await book(old, person) for person in await hospital.patients(10)]

    answers = await all_at_once(
        *(
            action
            for entry in appointments
            for action in (
                move(entry, new),
                refused(service.cancel_appointment(appointment_id=entry.id, reason=None, actor=PORTAL)),
            )
        )
    )

    cancelled = [answer for answer in answers[1::2] if isinstance(answer, Appointment)]
    assert len(cancelled) == 10
    assert set(outcomes(answers[0::2])) <= {"Appointment", "AppointmentNotActive"}
    assert await sequence_numbers(hospital.db, old) == await sequence_numbers(hospital.db, new) == []
    await require_books_agree(hospital.db)


# --- the HIS's window


async def test_the_window_and_the_platform_sell_the_same_seats(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=20)
    at_window, online = await hospital.patients(20), await hospital.patients(20)
    counters = desks()

    answers = await all_at_once(
        *(
            sell_at_window(
                hospital.db,
                window_booking(his_id=f"H{n}", patient_id=person, schedule_id=schedule.id, sequence=20 - n),
            )
            for n, person in enumerate(at_window)
        ),
        *(ask(counters[n % 4], schedule.slots[0], person) for n, person in enumerate(online)),
    )

    sold, booked = outcomes(answers[:20]), outcomes(answers[20:])
    assert set(sold) <= {"UUID", "SeatTaken"}
    assert set(booked) <= {"Win", "SoldOut"}
    assert sold["UUID"] + booked["Win"] == 20
    assert await sequence_numbers(hospital.db, schedule) == list(range(1, 21))
    await require_books_agree(hospital.db)


async def test_ended_holds_go_to_the_window_the_desk_or_back_on_sale(hospital: HospitalUnderTest) -> None:
    """The sweep, the window's named seat, the desk's lowest and the holder's late confirmation cross on each seat."""
    schedule = await hospital.schedule(seats=12)
    holders = await hospital.patients(12)
    holds = [await service.hold_seat(slot_id=schedule.slots[0], patient_id=one, actor=PORTAL) for one in holders]
    window, online = await hospital.patients(12), await hospital.patients(12)
    counters = desks()
    await end_holds(hospital.db, after=timedelta(milliseconds=20))

    async def sweep() -> None:
        for _ in range(8):
            await asyncio.sleep(0.006)
            await expiry.expire_holds(5)

    async def late(n: int, action: Awaitable[Any]) -> Any:
        await asyncio.sleep(0.014 + n * 0.002)
        return await action

    answers = await all_at_once(
        *(late(n, refused(service.confirm_hold(hold_id=hold.id, actor=PORTAL))) for n, hold in enumerate(holds)),
        *(
            late(
                n,
                sell_at_window(
                    hospital.db,
                    window_booking(his_id=f"H{n}", patient_id=person, schedule_id=schedule.id, sequence=12 - n),
                ),
            )
            for n, person in enumerate(window)
        ),
        *(late(n, ask(counters[n % 4], schedule.slots[0], person)) for n, person in enumerate(online)),
        sweep(),
    )

    confirmed, sold, booked = outcomes(answers[:12]), outcomes(answers[12:24]), outcomes(answers[24:36])
    assert set(confirmed) <= {"Appointment", "HoldEnded"}
    assert set(sold) <= {"UUID", "SeatTaken"}
    assert set(booked) <= {"Win", "SoldOut"}
    numbers = await sequence_numbers(hospital.db, schedule)
    assert len(numbers) == len(set(numbers)) == confirmed["Appointment"] + sold["UUID"] + booked["Win"]
    await expiry.expire_holds()
    await require_books_agree(hospital.db)


async def test_the_same_person_at_the_window_and_online(hospital: HospitalUnderTest) -> None:
    both = [await hospital.schedule(seats=4) for _ in range(2)]
    people = await hospital.patients(4)
    counters = desks()

    answers = await all_at_once(
        *(
            sell_at_window(
                hospital.db,
                window_booking(his_id=f"H{n}", patient_id=person, schedule_id=both[0].id, sequence=n + 1),
            )
            for n, person in enumerate(people)
        ),
        *(ask(counters[n % 4], both[1].slots[0], person) for n, person in enumerate(people)),
    )

    seen = outcomes(answers)
    assert seen["UUID"] + seen["Win"] == 4
    assert seen["AlreadyBooked"] == 4
    await require_books_agree(hospital.db)


# --- the slot office

OFFICE = Actor(client_id="slot-office", channel="window", kind="internal", staff_code="S0001")


async def test_withdrawing_a_schedule_races_booking_in_it(hospital: HospitalUnderTest) -> None:
    """Either nobody has a number of a withdrawn schedule, or it stays."""
    seen: Counter[str] = Counter()
    people = await hospital.patients(4)
    counters = desks()
    for n in range(12):
        schedule = await hospital.schedule(seats=3, starts_in=timedelta(days=2 + n))
        asking = [ask(counters[i], schedule.slots[0], person) for i, person in enumerate(people)]
        withdrawing = refused(schedules.withdraw_schedule(schedule.id, version=1, actor=OFFICE))
        # Who is first differs from round to round.
        answers = await all_at_once(*asking[: n % 4], withdrawing, *asking[n % 4 :])

        withdrawn, asked = answers[n % 4], [answer for i, answer in enumerate(answers) if i != n % 4]
        sold = await sequence_numbers(hospital.db, schedule)
        assert len(sold) == outcomes(asked)["Win"]
        if isinstance(withdrawn, HospitalError):
            assert type(withdrawn).__name__ in ("ScheduleHasBookings", "DatabaseBusy")
        else:
            assert sold == []
            assert set(outcomes(asked)) <= {"SoldOut", "SlotNotFound"}
        seen[type(withdrawn).__name__] += 1
        await require_books_agree(hospital.db)
    assert sum(seen.values()) == 12


async def test_blocking_and_giving_back_seats_race_booking(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=20)
    slot = schedule.slots[0]
    people = await hospital.patients(20)
    counters = desks()

    answers = await all_at_once(
        *(ask(counters[n % 4], slot, person) for n, person in enumerate(people)),
        *(refused(schedules.block_seats(slot, count=2, actor=OFFICE)) for _ in range(4)),
        *(refused(schedules.unblock_seats(slot, count=1, actor=OFFICE)) for _ in range(4)),
    )

    assert set(outcomes(answers[:20])) <= {"Win", "SoldOut"}
    assert set(outcomes(answers[20:])) <= {"dict", "SeatsNotFree", "SeatsNotBlocked", "DatabaseBusy"}
    blocked = await hospital.db.fetchval("SELECT count(*) FROM seat WHERE status = 'blocked'")
    done = outcomes(answers[20:24])["dict"] * 2 - outcomes(answers[24:])["dict"]
    assert blocked == done
    assert len(await sequence_numbers(hospital.db, schedule)) == outcomes(answers[:20])["Win"] <= 20 - blocked
    await require_books_agree(hospital.db)


# --- ends of holds


async def test_people_whose_holds_ended_book_again_while_the_sweep_runs(hospital: HospitalUnderTest) -> None:
    """The sweep and the desk clear the same places in the day, and must take them in the same order."""
    schedule = await hospital.schedule(seats=80)
    people = await hospital.patients(40)
    counters = desks(2)
    for _ in range(4):
        held = await asyncio.gather(*(ask(hold_desks(1)[0], schedule.slots[0], person) for person in people))
        assert outcomes(list(held)) == {"Win": 40}
        await end_holds(hospital.db, after=timedelta(seconds=-1))
        answers = await all_at_once(
            *(ask(counters[n % 2], schedule.slots[0], person) for n, person in enumerate(reversed(people))),
            *(expiry.expire_holds() for _ in range(3)),
        )
        assert outcomes(answers[:40]) == {"Win": 40}
        await require_books_agree(hospital.db)
        mine = await hospital.db.fetch("SELECT id FROM appointment WHERE status = 'booked'")
        for row in mine:
            await service.cancel_appointment(appointment_id=row["id"], reason=None, actor=PORTAL)
    assert await hospital.db.fetchval("SELECT count(*) FROM visit_claim") == 0


async def test_giving_a_hold_back_races_its_confirmation(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=10)
    people = await hospital.patients(10)
    holds = [await service.hold_seat(slot_id=schedule.slots[0], patient_id=one, actor=PORTAL) for one in people]

    answers = await all_at_once(
        *(
            refused(action(hold_id=hold.id, actor=PORTAL))
            for hold in holds
            for action in (service.release_hold, service.confirm_hold)
        )
    )

    for released, confirmed in zip(answers[0::2], answers[1::2], strict=True):
        assert isinstance(released, errors.HoldEnded) != isinstance(confirmed, errors.HoldEnded)
    booked = [answer for answer in answers[1::2] if isinstance(answer, Appointment)]
    assert len(await sequence_numbers(hospital.db, schedule)) == len(booked)
    await require_books_agree(hospital.db)


# --- idempotency keys


async def test_a_key_asked_many_times_at_once_moves_once(hospital: HospitalUnderTest) -> None:
    old = await hospital.schedule(seats=1)
    new = await hospital.schedule(seats=5, starts_in=timedelta(days=3))
    appointment = await book(old, (await hospital.patients(1))[0])

    answers = await all_at_once(*(move(appointment, new, key="k1") for _ in range(12)))

    assert {(answer.id, answer.version, answer.queue_number) for answer in answers} == {(appointment.id, 2, 1)}
    kinds = await hospital.db.fetch("SELECT kind FROM booking_event ORDER BY id")
    assert [row["kind"] for row in kinds] == ["booked", "moved_away", "moved_here", "returned"]
    await require_books_agree(hospital.db)


async def test_a_key_asked_at_once_for_two_different_requests_serves_one(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=5)
    people = await hospital.patients(2)
    counters = desks(2)

    answers = await all_at_once(
        *(ask(counters[n], schedule.slots[0], person, key="k1") for n, person in enumerate(people))
    )

    assert outcomes(answers) == {"Win": 1, "IdempotencyMismatch": 1}
    [mismatch] = [answer for answer in answers if isinstance(answer, HospitalError)]
    assert mismatch.details == {"field": "patient_id"}
    assert await sequence_numbers(hospital.db, schedule) == [1]
    await require_books_agree(hospital.db)


async def test_where_a_clinic_lets_people_come_twice_one_schedule_has_them_once(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=10)
    people = await hospital.patients(4)
    await hospital.db.execute("UPDATE booking_rule SET once_per_department_day = false WHERE clinic_id IS NULL")
    counters = desks(4)
    try:
        answers = await all_at_once(
            *(ask(counters[n % 4], schedule.slots[0], person) for n, person in enumerate(people * 3))
        )
    finally:
        await hospital.db.execute("UPDATE booking_rule SET once_per_department_day = true WHERE clinic_id IS NULL")

    assert outcomes(answers) == {"Win": 4, "AlreadyBooked": 8}
    # Whoever is refused may have kept a number locked for a moment, so that the next one took the number behind it.
    numbers = await sequence_numbers(hospital.db, schedule)
    assert (len(numbers), len(set(numbers))) == (4, 4)
    free = "SELECT count(*) FROM seat WHERE schedule_id = $1 AND status = 'free'"
    assert await hospital.db.fetchval(free, schedule.id) == 6
    await require_books_agree(hospital.db)
