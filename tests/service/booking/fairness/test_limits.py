"""How many holds an hour and bookings a day one telephone, account and device may make."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import errors, service
from booking.fairness.limits import purge_uses
from kernel import clock
from kernel.idempotency import Idempotency
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest, books, require_books_agree
from tests.factories.slot_office import restore_reference_data

NOON = datetime(2027, 3, 1, 4, 20, tzinfo=UTC)
OTHER = replace(PORTAL, client_id="other")


@pytest.fixture(autouse=True)
async def _usual_limits(hospital: HospitalUnderTest) -> AsyncIterator[None]:
    await restore_reference_data(hospital.db)
    with clock.frozen(NOON):
        yield
    await restore_reference_data(hospital.db)


async def limit(hospital: HospitalUnderTest, subject: str, claim: str, count: int) -> None:
    await hospital.db.execute(
        "UPDATE claim_limit SET active = true, count_max = $3 WHERE subject = $1 AND claim = $2", subject, claim, count
    )


async def family(hospital: HospitalUnderTest, count: int, phone: bytes = b"one") -> list[UUID]:
    """People of one telephone, whom two applications may book for."""
    people = await hospital.patients(count)
    await hospital.db.execute("UPDATE patient SET phone_hash = $2 WHERE id = ANY ($1)", people, phone)
    await hospital.db.execute("INSERT INTO patient_access SELECT 'other', unnest($1::uuid[])", people)
    return people


async def refused(hospital: HospitalUnderTest, claim: Any, **details: Any) -> None:
    """See that a claim is refused by a limit, and that nothing has changed."""
    before = await used(hospital), await books(hospital.db)
    with pytest.raises(errors.LimitReached) as error:
        await claim
    assert error.value.details == details
    assert (await used(hospital), await books(hospital.db)) == before


async def used(hospital: HospitalUnderTest) -> list[tuple[str, str, int]]:
    rows = await hospital.db.fetch("SELECT subject, claim, used FROM claim_use WHERE used > 0 ORDER BY 1, 2, 3")
    return [tuple(row.values()) for row in rows]


async def test_no_limit_counts_until_the_slot_office_says_so(hospital: HospitalUnderTest) -> None:
    people = await family(hospital, 12)
    schedule = await hospital.schedule(seats=12)
    for person in people:
        await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    assert await used(hospital) == []


async def test_a_telephone_holds_so_many_an_hour_across_applications(hospital: HospitalUnderTest) -> None:
    people = await family(hospital, 4)
    (stranger,) = await family(hospital, 1, b"two")
    await limit(hospital, "phone", "hold", 2)
    slot = (await hospital.schedule(seats=8)).slots[0]
    for person, actor in ((people[0], PORTAL), (people[1], OTHER)):
        hold = await service.hold_seat(slot_id=slot, patient_id=person, actor=actor)
        # Giving it back does not give the use back: holding and releasing is what is counted.
        await service.release_hold(hold_id=hold.id, actor=actor)
    again = NOON.replace(minute=0) + timedelta(hours=1)
    claim = service.hold_seat(slot_id=slot, patient_id=people[2], actor=PORTAL)
    await refused(hospital, claim, subject="phone", limit=2, again_at=again)
    await service.hold_seat(slot_id=slot, patient_id=stranger, actor=PORTAL)
    await service.hold_seat(slot_id=slot, patient_id=people[2], actor=KIOSK)
    with clock.frozen(again):
        await service.hold_seat(slot_id=slot, patient_id=people[3], actor=PORTAL)


async def test_an_account_is_a_telephone_within_an_application(hospital: HospitalUnderTest) -> None:
    people = await family(hospital, 3)
    await limit(hospital, "account", "appointment", 1)
    slot = (await hospital.schedule(seats=4)).slots[0]
    await service.book_appointment(slot_id=slot, patient_id=people[0], actor=PORTAL)
    # The day is Guangzhou's: it ends at 16:00 UTC.
    claim = service.book_appointment(slot_id=slot, patient_id=people[1], actor=PORTAL)
    again = datetime(2027, 3, 1, 16, tzinfo=UTC)
    await refused(hospital, claim, subject="account", limit=1, again_at=again)
    await service.book_appointment(slot_id=slot, patient_id=people[1], actor=OTHER)
    with clock.frozen(again):
        await service.book_appointment(slot_id=slot, patient_id=people[2], actor=PORTAL)
    await require_books_agree(hospital.db)


async def test_a_device_is_limited_where_it_is_named(hospital: HospitalUnderTest) -> None:
    people = await hospital.patients(4)
    await limit(hospital, "device", "hold", 1)
    slot = (await hospital.schedule(seats=4)).slots[0]
    device = replace(PORTAL, device_hash=b"device")
    await service.hold_seat(slot_id=slot, patient_id=people[0], actor=device)
    again = NOON.replace(minute=0) + timedelta(hours=1)
    claim = service.hold_seat(slot_id=slot, patient_id=people[1], actor=device)
    await refused(hospital, claim, subject="device", limit=1, again_at=again)
    await service.hold_seat(slot_id=slot, patient_id=people[2], actor=replace(PORTAL, device_hash=b"another"))
    await service.hold_seat(slot_id=slot, patient_id=people[3], actor=PORTAL)


async def test_what_wins_nothing_uses_nothing(hospital: HospitalUnderTest) -> None:
    """Neither who is refused by a later limit, nor who finds the day taken; nor is a repeat counted twice."""
    people = await family(hospital, 3)
    device = replace(PORTAL, device_hash=b"device")
    for subject, count in (("account", 3), ("phone", 2), ("device", 9)):
        await limit(hospital, subject, "appointment", count)
    slot = (await hospital.schedule(seats=4)).slots[0]
    key = Idempotency("portal", "key", "POST /appointments", {"slot_id": "x"})
    for _ in range(2):
        await service.book_appointment(slot_id=slot, patient_id=people[0], actor=device, idempotency=key)
    with pytest.raises(errors.AlreadyBooked):
        await service.book_appointment(slot_id=slot, patient_id=people[0], actor=device)
    one = [("account", "appointment", 1), ("device", "appointment", 1), ("phone", "appointment", 1)]
    assert await used(hospital) == one
    await service.book_appointment(slot_id=slot, patient_id=people[1], actor=device)
    claim = service.book_appointment(slot_id=slot, patient_id=people[2], actor=device)
    await refused(hospital, claim, subject="phone", limit=2, again_at=datetime(2027, 3, 1, 16, tzinfo=UTC))
    # Who was served hears it again, whatever the limit has become.
    repeat = await service.book_appointment(slot_id=slot, patient_id=people[0], actor=device, idempotency=key)
    assert repeat.patient_id == people[0]


async def test_a_booking_from_a_hold_counts_as_a_booking(hospital: HospitalUnderTest) -> None:
    people = await family(hospital, 2)
    await limit(hospital, "phone", "appointment", 1)
    slot = (await hospital.schedule(seats=2)).slots[0]
    holds = [await service.hold_seat(slot_id=slot, patient_id=person, actor=PORTAL) for person in people]
    await service.confirm_hold(hold_id=holds[0].id, actor=PORTAL)
    claim = service.confirm_hold(hold_id=holds[1].id, actor=PORTAL)
    await refused(hospital, claim, subject="phone", limit=1, again_at=datetime(2027, 3, 1, 16, tzinfo=UTC))


async def test_counts_of_days_gone_by_are_purged(hospital: HospitalUnderTest) -> None:
    (person,) = await family(hospital, 1)
    await limit(hospital, "phone", "hold", 1)
    slot = (await hospital.schedule(seats=2)).slots[0]
    await service.hold_seat(slot_id=slot, patient_id=person, actor=PORTAL)
    assert await purge_uses(hospital.db) == 0
    with clock.frozen(NOON + timedelta(days=3)):
        assert await purge_uses(hospital.db) == 1
