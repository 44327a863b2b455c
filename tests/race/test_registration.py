"""Payers, patients who cancel, clocks and other buyers at once: one winner of each seat, and every fen explained."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from booking import expiry, service
from booking.errors import AppointmentNotActive, HoldEnded, SoldOut
from booking.facts import Appointment, Hold
from booking.payment.errors import PaymentUnderWay
from booking.payment.orders import order_appointment, order_hold
from booking.stops import saga
from kernel import clock
from kernel.db import Database, DatabaseBusy
from kernel.errors import HospitalError
from payments import expiry as payment_expiry
from payments.facts import Applied
from payments.orders import Order, close_order
from tests.factories.booking import PORTAL, ScheduleUnderTest
from tests.factories.registration import FEE_FEN, NOON, RegistrationUnderTest
from tests.factories.stops import stop_and_finish

pytestmark = pytest.mark.race

SEATS = 8
STUCK_SECONDS_MAX = 60


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.frozen(NOON):
        yield


@pytest.fixture
async def clinic(database: Database) -> RegistrationUnderTest:
    return await RegistrationUnderTest(database).build()


async def refused(action: Awaitable[Any]) -> Any:
    """Give the answer, or the refusal itself; anything else is a fault and fails the test."""
    try:
        return await action
    except HospitalError as refusal:
        return refusal


async def at_once(*actions: Awaitable[Any]) -> list[Any]:
    async with asyncio.timeout(STUCK_SECONDS_MAX):
        answers = list(await asyncio.gather(*(refused(action) for action in actions)))
    assert [one for one in answers if isinstance(one, DatabaseBusy)] == [], "nobody waits for another in a circle"
    return answers


async def heal(clinic: RegistrationUnderTest) -> None:
    """Let three workers finish what there is, and the timetable what they left."""
    await at_once(*(clinic.payments.settle_down() for _ in range(3)))
    await clinic.pass_time(timedelta(minutes=20), step=timedelta(minutes=2))
    with clock.frozen(NOON + timedelta(hours=2)):
        await expiry.expire_holds()
        await clinic.payments.settle_down()


async def begun(clinic: RegistrationUnderTest, schedule: ScheduleUnderTest, count: int) -> list[tuple[Hold, Order]]:
    """Hold numbers, order them, and let their patients come as far as the password."""
    begun = []
    for patient in await clinic.hospital.patients(count):
        hold = await clinic.held(schedule, patient)
        order = await order_hold(hold.id, actor=PORTAL)
        await clinic.payments.attempt(order)
        begun.append((hold, order))
    return begun


def facts(clinic: RegistrationUnderTest) -> list[Any]:
    """Let everybody pay, and give what the channel tells of it."""
    return [clinic.payments.wechat.pay(number) for number in clinic.payments.wechat.tried]


async def require_one_end_each(clinic: RegistrationUnderTest, orders: list[Order], *, seats: int) -> Counter[str]:
    """See that each paid order has its number or its money back, that no seat is sold twice, and no fen is lost."""
    ends: Counter[str] = Counter()
    for one in orders:
        order = await clinic.payments.look(one)
        ends[order.status] += 1
        row = await clinic.db.fetchrow(
            "SELECT a.id, a.status, a.payment FROM registration_order r JOIN appointment a ON a.id = r.appointment_id"
            " WHERE r.order_id = $1",
            order.id,
        )
        if order.status == "settled":
            assert row is not None
            assert (row["status"], row["payment"]) == ("booked", "paid")
            assert clinic.billing.net_fen(row["id"]) == FEE_FEN
        elif row is not None:
            assert (order.status, row["status"]) in (("refunded", "cancelled"), ("closed", "cancelled"))
            assert clinic.billing.net_fen(row["id"]) == 0
    booked = await clinic.db.fetchval("SELECT count(*) FROM appointment WHERE status = 'booked'")
    assert booked <= seats
    assert clinic.payments.wechat.held_fen == ends["settled"] * FEE_FEN
    assert ends.keys() <= {"settled", "refunded", "closed"}
    with clock.frozen(NOON + timedelta(hours=2)):
        await clinic.require_sound()
    return ends


async def test_paying_against_the_end_of_the_hold_and_other_buyers(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule(seats=SEATS)
    waiting = await begun(clinic, schedule, SEATS)
    orders = [order for _, order in waiting]
    buyers = await clinic.hospital.patients(SEATS)
    paid = facts(clinic)

    with clock.frozen(waiting[-1][0].until + timedelta(minutes=15)):
        answers = await at_once(
            payment_expiry.expire_orders(),
            expiry.expire_holds(),
            *(clinic.payments.tell(fact) for fact in paid),
            clinic.payments.settle_down(),
            *(service.book_appointment(slot_id=schedule.slots[0], patient_id=one, actor=PORTAL) for one in buyers),
            clinic.payments.settle_down(),
        )
        await clinic.payments.settle_down()
    await heal(clinic)

    bought = [one for one in answers if isinstance(one, Appointment)]
    assert all(isinstance(one, (Appointment, SoldOut)) for one in answers[-1 - SEATS : -1])
    ends = await require_one_end_each(clinic, orders, seats=SEATS)
    assert len(bought) + ends["settled"] == SEATS
    assert ends["settled"] + ends["refunded"] == SEATS


async def test_paying_against_releasing(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule(seats=SEATS)
    waiting = await begun(clinic, schedule, SEATS)
    paid = facts(clinic)

    answers = await at_once(
        *(
            action
            for (hold, _), fact in zip(waiting, paid, strict=True)
            for action in (service.release_hold(hold_id=hold.id, actor=PORTAL), clinic.payments.tell(fact))
        )
    )
    await heal(clinic)

    assert all(one is Applied.PAID for one in answers[1::2])
    assert all(isinstance(one, (Hold, HoldEnded)) for one in answers[::2])
    await require_one_end_each(clinic, [order for _, order in waiting], seats=SEATS)


async def test_paying_against_closing_the_order(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule(seats=SEATS)
    waiting = await begun(clinic, schedule, SEATS)
    paid = facts(clinic)

    await at_once(
        *(
            action
            for (_, order), fact in zip(waiting, paid, strict=True)
            for action in (close_order(order.id, reason="cancelled", actor=PORTAL), clinic.payments.tell(fact))
        ),
        clinic.payments.settle_down(),
        clinic.payments.settle_down(),
    )
    await heal(clinic)

    ends = await require_one_end_each(clinic, [order for _, order in waiting], seats=SEATS)
    assert ends["closed"] == 0


async def test_the_same_payment_told_many_times_books_once(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule(seats=SEATS)
    waiting = await begun(clinic, schedule, 2)
    paid = facts(clinic)

    answers = await at_once(
        *(clinic.payments.tell(fact) for fact in paid * 6), *(clinic.payments.settle_down() for _ in range(3))
    )
    await heal(clinic)

    assert Counter(one for one in answers if one is not None) == {Applied.PAID: 2, Applied.REPEATED: 10}
    ends = await require_one_end_each(clinic, [order for _, order in waiting], seats=SEATS)
    assert ends == {"settled": 2}


async def test_one_hold_is_ordered_once(clinic: RegistrationUnderTest) -> None:
    hold = await clinic.held(await clinic.schedule())

    answers = await at_once(*(order_hold(hold.id, actor=PORTAL) for _ in range(8)))

    assert Counter(type(one).__name__ for one in answers) == {"Order": 1, "SubjectAlreadyOrdered": 7}
    assert await clinic.db.fetchval("SELECT count(*) FROM payment_order") == 1


async def test_cancelling_against_paying_settling_and_moving(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule(seats=SEATS)
    there = await clinic.schedule(seats=SEATS, fee_fen=700, starts_in=timedelta(days=4))
    booked = [await clinic.booked(schedule) for _ in range(SEATS)]
    orders = [await order_appointment(one.id, actor=PORTAL) for one in booked]
    for order in orders:
        await clinic.payments.attempt(order)
    paid = facts(clinic)

    answers = await at_once(
        *(clinic.payments.tell(fact) for fact in paid),
        clinic.payments.settle_down(),
        *(service.cancel_appointment(appointment_id=one.id, reason=None, actor=PORTAL) for one in booked[::2]),
        *(
            service.reschedule_appointment(appointment_id=one.id, slot_id=there.slots[0], actor=PORTAL)
            for one in booked
        ),
        clinic.payments.settle_down(),
    )
    await heal(clinic)

    refusals = {type(one) for one in answers if isinstance(one, HospitalError)}
    assert refusals <= {AppointmentNotActive, PaymentUnderWay}
    with clock.frozen(NOON + timedelta(hours=2)):
        await clinic.require_sound()
    for one, order in zip(booked, orders, strict=True):
        now = await clinic.look(one)
        money = await clinic.payments.look(order)
        owed = 0 if now.status == "cancelled" or now.payment in ("none", "refunded") else now.fee_fen
        assert money.amount_fen - money.refunded_fen == owed or money.status == "closed"
        assert clinic.billing.net_fen(one.id) == owed
    assert {(await clinic.look(one)).status for one in booked[::2]} == {"cancelled"}


async def test_a_stop_against_paying(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule(seats=SEATS)
    waiting = await begun(clinic, schedule, SEATS)
    paid = facts(clinic)

    *_, order_id = await at_once(
        *(clinic.payments.tell(fact) for fact in paid),
        clinic.payments.settle_down(),
        clinic.payments.settle_down(),
        stop_and_finish(schedule),
    )
    # A saga passes by what somebody has locked just then, and is driven on by the timetable.
    await saga.drive_order(order_id)
    await heal(clinic)

    assert await clinic.db.fetchval("SELECT count(*) FROM appointment WHERE status <> 'cancelled'") == 0
    ends = await require_one_end_each(clinic, [order for _, order in waiting], seats=0)
    assert ends == {"refunded": SEATS}
