"""The slot office at work on seats that patients are booking: every seat goes one way, and the books agree."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from booking import expiry, service
from booking.catalogue import schedules
from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from tests.factories.booking import (
    KIOSK,
    PORTAL,
    HospitalUnderTest,
    ask,
    desks,
    outcomes,
    require_books_agree,
)
from tests.factories.slot_office import OFFICE

pytestmark = pytest.mark.race


@pytest.fixture
async def hospital(clean_database: str, database: Database) -> HospitalUnderTest:
    return await HospitalUnderTest(database).build()


async def states(hospital: HospitalUnderTest) -> Counter[str]:
    """How many seats are in which state."""
    rows = await hospital.db.fetch("SELECT status, count(*) AS n FROM seat GROUP BY status")
    return Counter({row["status"]: row["n"] for row in rows})


async def _answer(attempt: Awaitable[Any]) -> Any:
    """What an attempt gives, or the refusal itself."""
    try:
        return await attempt
    except HospitalError as refusal:
        return refusal


async def test_a_seat_is_blocked_or_booked(hospital: HospitalUnderTest) -> None:
    counters = desks()
    for n in range(10):
        schedule = await hospital.schedule(seats=12, starts_in=timedelta(days=2 + n))
        people = await hospital.patients(12)
        before = await states(hospital)
        answers = await asyncio.gather(
            *(ask(counters[i % 4], schedule.slots[0], person) for i, person in enumerate(people)),
            *(_answer(schedules.block_seats(schedule.slots[0], count=2, actor=OFFICE)) for _ in range(3)),
        )
        found = outcomes(answers)
        blocked = 2 * found["dict"]
        assert found["Win"] + found["SoldOut"] == 12
        assert found["dict"] + found["SeatsNotFree"] == 3
        change = await states(hospital)
        change.subtract(before)
        assert (change["booked"], change["blocked"]) == (found["Win"], blocked)
        assert found["Win"] + blocked <= 12
        await require_books_agree(hospital.db)


async def test_seats_change_pools_while_they_are_sold(hospital: HospitalUnderTest) -> None:
    """The portal may take common seats only; whatever is moved when, it never has more than were common at once."""
    reserve = {str(seq): "reserve" for seq in range(7, 13)}
    counters = desks()
    for n in range(10):
        schedule = await hospital.schedule(seats=12, pools=reserve, starts_in=timedelta(days=2 + n))
        people = await hospital.patients(12)
        answers = await asyncio.gather(
            *(ask(counters[i % 4], schedule.slots[0], person, actor=PORTAL) for i, person in enumerate(people[:9])),
            *(ask(counters[i % 4], schedule.slots[0], person, actor=KIOSK) for i, person in enumerate(people[9:])),
            _answer(schedules.move_seats(schedule.id, from_pool="reserve", to_pool="common", count=3, actor=OFFICE)),
            _answer(schedules.move_seats(schedule.id, from_pool="common", to_pool="reserve", count=3, actor=OFFICE)),
        )
        assert set(outcomes(answers)) <= {"Win", "SoldOut", "dict", "SeatsNotFree"}
        rows = await hospital.db.fetch(
            "SELECT count(*) FILTER (WHERE status = 'booked') AS booked, count(*) AS seats FROM seat"
            " WHERE schedule_id = $1",
            schedule.id,
        )
        assert (rows[0]["booked"], rows[0]["seats"]) == (outcomes(answers)["Win"], 12)
        await require_books_agree(hospital.db)


async def test_a_schedule_is_withdrawn_or_booked(hospital: HospitalUnderTest) -> None:
    counters = desks()
    for n in range(20):
        schedule = await hospital.schedule(seats=4, starts_in=timedelta(days=2 + n))
        people = await hospital.patients(3)
        withdrawal = _answer(schedules.withdraw_schedule(schedule.id, version=1, actor=OFFICE))
        claims = [ask(counters[i % 4], schedule.slots[0], person) for i, person in enumerate(people)]
        # Now the slot office is first, now the patients.
        calls = [withdrawal, *claims] if n % 2 else [*claims, withdrawal]
        found = outcomes(await asyncio.gather(*calls))
        if found["dict"]:
            assert found["Win"] == 0
            assert found["SoldOut"] + found["SlotNotFound"] == 3
        else:
            assert found["Win"] == 3
            assert found["ScheduleHasBookings"] + found["DatabaseBusy"] == 1
        await require_books_agree(hospital.db)


async def test_an_ended_hold_is_taken_over_once(hospital: HospitalUnderTest) -> None:
    """The sweep, the slot office and patients all want a seat whose hold has just ended."""
    counters = desks()
    for n in range(10):
        schedule = await hospital.schedule(seats=1, starts_in=timedelta(days=2 + n))
        holder, *people = await hospital.patients(4)
        hold = await service.hold_seat(slot_id=schedule.slots[0], patient_id=holder, actor=PORTAL)
        with clock.frozen(hold.until + timedelta(seconds=1)):
            answers = await asyncio.gather(
                expiry.expire_holds(),
                _answer(schedules.block_seats(schedule.slots[0], count=1, actor=OFFICE)),
                *(ask(counters[i % 4], schedule.slots[0], person) for i, person in enumerate(people)),
            )
            await expiry.expire_holds()
            found = outcomes(answers)
            assert found["dict"] + found["Win"] <= 1
            await require_books_agree(hospital.db)
        ends = await hospital.db.fetchval(
            "SELECT count(*) FROM booking_event WHERE hold_id = $1 AND kind = 'hold_expired'", hold.id
        )
        assert ends == 1
