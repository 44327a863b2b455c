"""Events of bookings, stops, offers and queues become messages: each once, also when transactions cross."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import cast
from uuid import UUID

import asyncpg
import pytest

from booking import service
from booking.mass_cancellation import cancel_many
from booking.stops import service as stops
from booking.telling import SOURCES
from kernel import clock
from kernel.db import Database, Transaction
from kernel.events import Actor
from notifications.feeds import Source, tell_events
from tests.factories.booking import PORTAL, HospitalUnderTest
from tests.factories.notifications import NOON, Centre
from tests.factories.queue import ClinicDay
from tests.factories.stops import OFFICE, stop_and_finish
from tests.factories.waitlist import cancel, join, sell_out

LOOKS_MAX = 500
WINDOW = Actor("his:MAIN", "kiosk", "his")


@pytest.fixture
async def hospital(database: Database, centre: Centre) -> HospitalUnderTest:
    return await HospitalUnderTest(database).build()


async def kinds(centre: Centre, account: UUID, *, count: int, sources: Sequence[Source] = SOURCES) -> list[str]:
    """Tell until an account has so many messages: tests beside this one have transactions on the same server."""
    found: list[str] = []
    for _ in range(LOOKS_MAX):
        await tell_events(centre.db, sources)
        found = [one["kind"] for one in await centre.inbox(account)]
        if len(found) >= count:
            break
        await asyncio.sleep(0.02)
    return found


async def test_an_appointment_of_a_partner_or_the_window_is_told(centre: Centre, hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3, slots=2)
    by_partner, at_window, nobody = await hospital.patients(3)
    accounts = [await centre.account(by_partner), await centre.account(at_window)]
    for person, actor in ((by_partner, PORTAL), (at_window, WINDOW), (nobody, PORTAL)):
        await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=actor)

    for account in accounts:
        assert await kinds(centre, account, count=1) == ["appointment.booked"]
    assert await centre.db.fetchval("SELECT count(*) FROM notification") == 2
    (message,) = await centre.inbox(accounts[1])
    assert message["facts"]["queue_number"] == 2
    assert message["facts"]["starts_at"] == {"at": schedule.starts_at.isoformat()}


async def test_moves_and_cancellations_are_told_once_each(centre: Centre, hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=3, slots=2)
    [person] = await hospital.patients(1)
    account = await centre.account(person)
    made = await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    await service.reschedule_appointment(appointment_id=made.id, slot_id=schedule.slots[1], actor=PORTAL)
    await service.cancel_appointment(appointment_id=made.id, reason=None, actor=PORTAL)

    told = ["appointment.booked", "appointment.moved", "appointment.cancelled"]
    assert await kinds(centre, account, count=3) == told
    for _ in range(3):
        await tell_events(centre.db, SOURCES)
    assert len(await centre.inbox(account)) == 3


async def test_a_stop_is_told_as_a_stop_with_what_is_there_instead(centre: Centre, hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    other = await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    people = await hospital.patients(2)
    accounts = [await centre.account(one) for one in people]
    for person in people:
        await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    for account in accounts:
        await kinds(centre, account, count=1)
    await stop_and_finish(schedule, steps=("move", "cancel"))

    told = [await kinds(centre, account, count=2) for account in accounts]
    assert sorted(one[1] for one in told) == ["stop.cancelled", "stop.moved"]
    moved = accounts[[one[1] for one in told].index("stop.moved")]
    message = (await centre.inbox(moved))[1]
    assert message["facts"]["was_at"] == {"at": schedule.starts_at.isoformat()}
    assert message["facts"]["starts_at"] == {"at": other.starts_at.isoformat()}


async def test_a_choice_is_told_with_its_end(centre: Centre, hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    [person] = await hospital.patients(1)
    account = await centre.account(person)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    await stop_and_finish(schedule, steps=("offer", "cancel"), offer_minutes=60)
    # Two feeds tell of it, and either may be a moment behind.
    assert sorted(await kinds(centre, account, count=2)) == ["appointment.booked", "stop.offered"]
    until = await centre.db.fetchval("SELECT until FROM notification WHERE kind = 'stop.offered'")
    assert until == NOON + timedelta(minutes=60)


@pytest.mark.parametrize(("end", "kind"), [(stops.restart_clinic, "stop.kept"), (stops.abort_stop, "stop.pending")])
async def test_what_was_left_as_it_is_is_told_by_why(
    centre: Centre, hospital: HospitalUnderTest, end: Callable[..., Awaitable[object]], kind: str
) -> None:
    schedule = await hospital.schedule(seats=1)
    await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    [person] = await hospital.patients(1)
    account = await centre.account(person)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    order_id = await stop_and_finish(schedule, steps=("offer", "cancel"), offer_minutes=60)
    await end(order_id, actor=OFFICE)
    assert await kinds(centre, account, count=3) == ["appointment.booked", "stop.offered", kind]
    facts = (await centre.inbox(account))[2]["facts"]
    assert (facts["starts_at"], facts["queue_number"]) == ({"at": schedule.starts_at.isoformat()}, 1)


async def test_an_offer_of_the_waitlist_is_told_with_its_end(centre: Centre, hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [sold] = await sell_out(hospital, schedule)
    [person] = await hospital.patients(1)
    account = await centre.account(person)
    await join(person, schedule)
    await cancel(sold)

    assert await kinds(centre, account, count=1) == ["waitlist.offered"]
    until = await centre.db.fetchval("SELECT offer_until FROM waitlist_entry WHERE patient_id = $1", person)
    assert await centre.db.fetchval("SELECT until FROM notification") == until
    offer = await centre.db.fetchval("SELECT offer_id FROM waitlist_entry WHERE patient_id = $1", person)
    subject = await centre.db.fetchrow("SELECT subject_kind, subject_id FROM notification")
    assert subject is not None
    assert tuple(subject.values()) == ("waitlist_offer", str(offer))
    # Urgent, so the telephone is told where WeChat is not.
    await centre.send()
    assert len(centre.gateways.texts) == 1


async def test_the_first_of_a_queue_hear_once_that_it_is_nearly_their_turn(centre: Centre, database: Database) -> None:
    day = ClinicDay(await HospitalUnderTest(database).build())
    entries = await day.waiting(5)
    accounts = {entry.id: await centre.account(entry.patient_id) for entry in entries}
    third, fourth, last = (accounts[entries[place].id] for place in (2, 3, 4))
    assert await kinds(centre, third, count=1) == ["queue.near"]
    assert await centre.inbox(fourth) == []

    await day.bring_to(entries[0], "called")
    assert await kinds(centre, accounts[entries[0].id], count=2) == ["queue.near", "queue.called"]
    assert await kinds(centre, fourth, count=1) == ["queue.near"]
    (message,) = await centre.inbox(fourth)
    assert message["facts"]["ahead"] == 2
    assert await centre.inbox(last) == []
    assert await kinds(centre, third, count=1) == ["queue.near"]


async def test_events_are_told_once_however_many_relays_read(centre: Centre, hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=30)
    people = await hospital.patients(30)
    accounts = [await centre.account(one) for one in people]
    for person in people:
        await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    for _ in range(LOOKS_MAX):
        await asyncio.gather(*(tell_events(centre.db, SOURCES) for _ in range(4)))
        if await centre.db.fetchval("SELECT count(*) FROM notification") == 30:
            break
        await asyncio.sleep(0.02)
    assert sorted([len(await centre.inbox(account)) for account in accounts]) == [1] * 30


async def test_a_commit_that_comes_late_is_not_passed_by(centre: Centre, hospital: HospitalUnderTest) -> None:
    """The older number is committed after the newer one was seen, and is told all the same, in its place."""
    schedule = await hospital.schedule(seats=2)
    late, early = await hospital.patients(2)
    accounts = [await centre.account(late), await centre.account(early)]
    made = [
        await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
        for person in (late, early)
    ]
    for account in accounts:
        await kinds(centre, account, count=1)
    async with hospital.db.pool.acquire() as proxy, proxy.transaction():
        slow = Transaction(cast(asyncpg.Connection, proxy))
        await cancel_many(slow, [made[0].id], reason="late", actor=PORTAL, handlers=())
        async with hospital.db.transaction() as quick:
            await cancel_many(quick, [made[1].id], reason="early", actor=PORTAL, handlers=())
        for _ in range(5):
            await tell_events(centre.db, SOURCES)
        assert [len(await centre.inbox(account)) for account in accounts] == [1, 1], "the newer one waits for the older"
    assert await kinds(centre, accounts[0], count=2) == ["appointment.booked", "appointment.cancelled"]
    assert await kinds(centre, accounts[1], count=2) == ["appointment.booked", "appointment.cancelled"]


async def test_a_mark_of_another_life_is_made_anew(centre: Centre, hospital: HospitalUnderTest) -> None:
    await centre.db.execute(
        "UPDATE notification_feed SET horizon = 1, horizon_xid = '9000000000000000' WHERE source = 'booking_event'"
    )
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    account = await centre.account(person)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    assert await kinds(centre, account, count=1) == ["appointment.booked"]


async def test_an_event_that_cannot_be_read_holds_up_no_other(centre: Centre, hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    [person] = await hospital.patients(1)
    account = await centre.account(person)
    facts = {"patient_id": str(person), "outcome": "cancelled", "was": {"slot_id": str(person)}}
    await centre.db.execute(
        "INSERT INTO booking_notice (at, kind, subject_id, facts) VALUES ($1, 'appointment.stopped', $2, $3)",
        clock.now(),
        person,
        facts,
    )
    await centre.db.execute(
        "INSERT INTO booking_notice (at, kind, subject_id, facts) VALUES ($1, 'waitlist.expired', $2, $3)",
        clock.now(),
        schedule.id,
        {"patient_id": str(person)},
    )
    assert await kinds(centre, account, count=1) == ["waitlist.ended"]


async def test_long_backlogs_are_read_in_turns(centre: Centre, hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    account = await centre.account(person)
    made = await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    await centre.db.execute(
        "INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, appointment_id, channel, client_id)"
        " SELECT $1, 'booked', seat_id, schedule_id, patient_id, id, channel, client_id FROM appointment,"
        " generate_series(1, 450) WHERE id = $2",
        clock.now(),
        made.id,
    )
    assert len(await kinds(centre, account, count=451)) == 451
