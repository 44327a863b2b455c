"""Who gets a seat when many want it at the same moment, from several processes' desks at once."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from booking import errors, expiry, service
from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from kernel.ids import new_id
from tests.factories.booking import (
    KIOSK,
    PORTAL,
    HospitalUnderTest,
    ask,
    desks,
    hold_desks,
    outcomes,
    require_books_agree,
    sequence_numbers,
)

pytestmark = pytest.mark.race


@pytest.fixture
async def hospital(clean_database: str, database: Database) -> HospitalUnderTest:
    return await HospitalUnderTest(database).build()


@pytest.mark.parametrize("slots", [1, 6])
async def test_thirty_seats_go_to_thirty_of_fifty_callers(hospital: HospitalUnderTest, slots: int) -> None:
    schedule = await hospital.schedule(seats=30 // slots, slots=slots)
    people = await hospital.patients(50)
    counters = desks()

    answers = await asyncio.gather(
        *(ask(counters[n % 4], schedule.slots[n % slots], patient) for n, patient in enumerate(people))
    )
    # With several slots the callers of a full one look at the others, as people do.
    for slot in schedule.slots:
        answers = await asyncio.gather(
            *(
                ask(counters[n % 4], slot, people[n]) if isinstance(answer, errors.SoldOut) else _same(answer)
                for n, answer in enumerate(answers)
            )
        )

    assert outcomes(answers) == {"Win": 30, "SoldOut": 20}
    assert await sequence_numbers(hospital.db, schedule) == list(range(1, 31))
    await require_books_agree(hospital.db)


async def _same(answer: Any) -> Any:
    return answer


@pytest.mark.parametrize(
    "rounds",
    [20, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
async def test_round_after_round_thirty_of_fifty_win(hospital: HospitalUnderTest, rounds: int) -> None:
    """The same fifty people, a new schedule on a new day each round, desks as of four processes."""
    people = await hospital.patients(50)
    counters = desks()
    for n in range(rounds):
        schedule = await hospital.schedule(seats=30, starts_in=timedelta(days=2 + n))
        answers = await asyncio.gather(
            *(ask(counters[(n + i) % 4], schedule.slots[0], person) for i, person in enumerate(people))
        )
        assert outcomes(answers) == {"Win": 30, "SoldOut": 20}, f"round {n}"
        assert await sequence_numbers(hospital.db, schedule) == list(range(1, 31)), f"round {n}"
    await require_books_agree(hospital.db)


async def test_one_person_asking_everywhere_at_once_stands_once_in_a_department(hospital: HospitalUnderTest) -> None:
    schedules = [await hospital.schedule(seats=5) for _ in range(8)]
    [person] = await hospital.patients(1)
    counters = desks(8)

    answers = await asyncio.gather(
        *(ask(counters[n], schedule.slots[0], person) for n, schedule in enumerate(schedules))
    )

    assert outcomes(answers) == {"Win": 1, "AlreadyBooked": 7}
    winner = next(answer for answer in answers if not isinstance(answer, Exception))
    assert {a.details["appointment_id"] for a in answers if isinstance(a, HospitalError)} == {str(winner.id)}
    await require_books_agree(hospital.db)


async def test_the_daily_limit_holds_against_parallel_bookings(hospital: HospitalUnderTest) -> None:
    day = [await hospital.schedule(seats=5, other_department=n % 2 == 0) for n in range(2)]
    extra = []
    for _ in range(4):
        more = await HospitalUnderTest(hospital.db).build()
        extra.append(await more.schedule(seats=5))
    [person] = await hospital.patients(1)
    counters = desks(6)

    answers = await asyncio.gather(
        *(ask(counters[n], schedule.slots[0], person) for n, schedule in enumerate([*day, *extra]))
    )

    assert outcomes(answers) == {"Win": 3, "DailyLimitReached": 3}
    rows = await hospital.db.fetch("SELECT ordinal FROM visit_claim WHERE patient_id = $1 ORDER BY 1", person)
    assert [row["ordinal"] for row in rows] == [1, 2, 3]
    await require_books_agree(hospital.db)


async def test_the_same_key_asked_many_times_at_once_books_once(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=30)
    [person] = await hospital.patients(1)
    counters = desks(8)

    answers = await asyncio.gather(*(ask(counters[n % 8], schedule.slots[0], person, key="k1") for n in range(24)))

    assert outcomes(answers) == {"Win": 24}
    first = [answer for answer in answers if answer.replayed is None]
    assert len(first) == 1
    stored = {answer.replayed["id"] for answer in answers if answer.replayed is not None}
    assert stored == {str(first[0].id)}
    assert await sequence_numbers(hospital.db, schedule) == [1]
    await require_books_agree(hospital.db)


async def test_hold_expiry_races_confirmation(hospital: HospitalUnderTest) -> None:
    """At the very end of a hold either the confirmation or the next person gets the seat, never both or neither."""
    schedule = await hospital.schedule(seats=10)
    holders = await hospital.patients(10)
    rivals = await hospital.patients(10)
    holds = [
        await service.hold_seat(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL) for patient in holders
    ]
    await hospital.db.execute("UPDATE hold SET until = $1", clock.now() + timedelta(milliseconds=30))
    await hospital.db.execute("UPDATE seat SET hold_until = h.until FROM hold h WHERE h.id = seat.hold_id")
    await hospital.db.execute("UPDATE visit_claim SET until = h.until FROM hold h WHERE h.id = owner_id")
    counters = desks()

    async def confirm(n: int) -> Any:
        await asyncio.sleep(0.025 + n * 0.001)
        try:
            return await service.confirm_hold(hold_id=holds[n].id, actor=PORTAL)
        except errors.HoldEnded as ended:
            return ended

    async def rival(n: int) -> Any:
        await asyncio.sleep(0.026 + n * 0.001)
        return await ask(counters[n % 4], schedule.slots[0], rivals[n])

    answers = await asyncio.gather(*(confirm(n) for n in range(10)), *(rival(n) for n in range(10)), _sweep())

    confirmed = outcomes(answers[:10])
    assert set(confirmed) <= {"Appointment", "HoldEnded"}
    # Who came too early found everything held; asked again now, they get exactly what is left.
    late = [await ask(counters[0], schedule.slots[0], patient) for patient in await hospital.patients(10)]
    won = confirmed["Appointment"] + outcomes(answers[10:20])["Win"] + outcomes(late)["Win"]
    assert won == 10
    assert await sequence_numbers(hospital.db, schedule) == list(range(1, 11))
    await require_books_agree(hospital.db)


async def _sweep() -> None:
    for _ in range(10):
        await asyncio.sleep(0.005)
        await expiry.expire_holds()


async def test_cancellation_races_booking(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=10)
    first = await hospital.patients(10)
    booked = [
        await service.book_appointment(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL) for patient in first
    ]
    rivals = await hospital.patients(20)
    counters = desks()

    async def cancel(n: int) -> Any:
        return await service.cancel_appointment(appointment_id=booked[n].id, reason=None, actor=PORTAL)

    async def insist(n: int) -> Any:
        for _ in range(200):
            answer = await ask(counters[n % 4], schedule.slots[0], rivals[n])
            if not isinstance(answer, errors.SoldOut):
                return answer
            await asyncio.sleep(0)
        return answer

    answers = await asyncio.gather(*(insist(n) for n in range(20)), *(cancel(n) for n in range(10)))

    assert outcomes(answers)["Appointment"] == 10
    left = [await ask(counters[0], schedule.slots[0], rivals[n]) for n in range(20)]
    assert outcomes(answers)["Win"] + outcomes(left)["Win"] == 10
    assert await sequence_numbers(hospital.db, schedule) == list(range(1, 11))
    await require_books_agree(hospital.db)


async def test_two_cancellations_of_one_appointment_free_its_seat_once(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    appointment = await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)

    answers = await asyncio.gather(
        *(service.cancel_appointment(appointment_id=appointment.id, reason=None, actor=PORTAL) for _ in range(8)),
        return_exceptions=True,
    )

    assert outcomes(answers) == {"Appointment": 1, "AppointmentNotActive": 7}
    events = await hospital.db.fetch("SELECT kind FROM booking_event ORDER BY id")
    assert [row["kind"] for row in events] == ["booked", "cancelled", "returned"]
    await require_books_agree(hospital.db)


async def test_two_reschedules_onto_one_seat(hospital: HospitalUnderTest) -> None:
    old = await hospital.schedule(seats=8)
    new = await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    people = await hospital.patients(8)
    appointments = [
        await service.book_appointment(slot_id=old.slots[0], patient_id=patient, actor=PORTAL) for patient in people
    ]

    answers = await asyncio.gather(
        *(
            service.reschedule_appointment(appointment_id=entry.id, slot_id=new.slots[0], actor=PORTAL)
            for entry in appointments
        ),
        return_exceptions=True,
    )

    assert outcomes(answers) == {"Appointment": 1, "SoldOut": 7}
    assert await sequence_numbers(hospital.db, new) == [1]
    assert len(await sequence_numbers(hospital.db, old)) == 7
    await require_books_agree(hospital.db)


async def test_quota_recycling_races_the_pools_own_channel_and_the_common_one(hospital: HospitalUnderTest) -> None:
    recycled_at = clock.now() + timedelta(milliseconds=40)
    reserve = {str(n): "reserve" for n in range(6, 11)}
    schedule = await hospital.schedule(seats=10, pools=reserve, recycled_at=recycled_at)
    portal_people, kiosk_people = await hospital.patients(20), await hospital.patients(10)
    counters = desks()
    early: list[int] = []

    async def portal(n: int) -> Any:
        await asyncio.sleep(n * 0.004)
        asked_at = clock.now()
        answer = await ask(counters[n % 4], schedule.slots[0], portal_people[n])
        if not isinstance(answer, Exception) and asked_at < recycled_at and clock.now() < recycled_at:
            early.append(answer.queue_number)
        return answer

    async def kiosk(n: int) -> Any:
        await asyncio.sleep(n * 0.008)
        return await ask(counters[n % 4], schedule.slots[0], kiosk_people[n], KIOSK)

    answers = await asyncio.gather(*(portal(n) for n in range(20)), *(kiosk(n) for n in range(10)))

    assert outcomes(answers) == {"Win": 10, "SoldOut": 20}
    assert all(number <= 5 for number in early), "the portal took a reserved number before its time"
    assert await sequence_numbers(hospital.db, schedule) == list(range(1, 11))
    await require_books_agree(hospital.db)


async def test_a_thousand_rounds_of_holding_booking_cancelling_and_moving(hospital: HospitalUnderTest) -> None:
    """A mixed crowd on two small schedules; after each of fifty waves all books agree."""
    schedules = [await hospital.schedule(seats=3, slots=2, starts_in=timedelta(days=2 + n)) for n in range(2)]
    slots = [slot for schedule in schedules for slot in schedule.slots]
    people = await hospital.patients(12)
    booking, holding = desks(3), hold_desks(3)
    seen: Counter[str] = Counter()

    async def act(wave: int, n: int) -> Any:
        person, slot = people[n % 12], slots[(wave * 7 + n * 5) % len(slots)]
        mine = await hospital.db.fetch(
            "SELECT id FROM appointment WHERE patient_id = $1 AND status = 'booked' ORDER BY id", person
        )
        try:
            match (wave + n) % 5:
                case 0 if mine:
                    return await service.cancel_appointment(appointment_id=mine[0]["id"], reason=None, actor=PORTAL)
                case 1 if mine:
                    return await service.reschedule_appointment(
                        appointment_id=mine[0]["id"], slot_id=slot, actor=PORTAL
                    )
                case 2:
                    held = await ask(holding[n % 3], slot, person)
                    if isinstance(held, Exception):
                        return held
                    if n % 2:
                        return await service.release_hold(hold_id=held.id, actor=PORTAL)
                    return await service.confirm_hold(hold_id=held.id, actor=PORTAL)
                case _:
                    return await ask(booking[n % 3], slot, person)
        except HospitalError as refusal:
            return refusal

    for wave in range(50):
        seen.update(outcomes(list(await asyncio.gather(*(act(wave, n) for n in range(20))))))
        await require_books_agree(hospital.db)
    assert sum(seen.values()) == 1000
    assert {"Win", "Appointment", "Hold", "SoldOut"} <= set(seen), f"too tame: {seen}"


async def test_a_patient_of_nobody_books_nothing(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)

    answer = await ask(desks(1)[0], schedule.slots[0], new_id())

    assert type(answer) is errors.PatientUnknown
    assert await hospital.db.fetchval("SELECT count(*) FROM booking_event") == 0
