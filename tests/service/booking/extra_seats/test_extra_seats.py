"""Extra seats: four eyes, quota, who gets the number, and what the HIS is told."""

import asyncio
import itertools
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import errors, queries
from booking.catalogue.announcing import load_schedules
from booking.catalogue.errors import DayPast, EntryNotFound, ReferenceUnknown
from booking.extra_seats import quotas, service
from booking.extra_seats.errors import (
    ExtraSeatDecided,
    ExtraSeatQuotaReached,
    ExtraSeatStopped,
    SecondPersonNeeded,
)
from booking.extra_seats.states import EXTRA_SEAT
from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.ids import new_id
from tests.factories.booking import HospitalUnderTest, ScheduleUnderTest, outcomes, require_books_agree
from tests.factories.booking_steps import book, require_refused
from tests.factories.slot_office import restore_reference_data
from tests.factories.stops import OFFICE, stop_and_finish

CHIEF = Actor("slot-office", "kiosk", "internal", staff_code="S0002", request_id="request-0002")


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    await restore_reference_data(database)
    return await HospitalUnderTest(database).build()


async def ask(schedule: ScheduleUnderTest, *, slot: int = 0, **more: Any) -> UUID:
    wanted: dict[str, Any] = {"pool": "common", "patient_id": None, "reason": "外地复诊患者", "actor": OFFICE}
    asked = await service.request_extra_seat(slot_id=schedule.slots[slot], **(wanted | more))
    return UUID(asked["id"])


async def attempt(action: Any) -> Any:
    try:
        return await action
    except HospitalError as refusal:
        return refusal


def test_every_pair_of_states() -> None:
    pairs = itertools.product(EXTRA_SEAT.steps, repeat=2)
    assert {pair for pair in pairs if EXTRA_SEAT.allows(*pair)} == {
        ("requested", "approved"),
        ("requested", "refused"),
    }


async def test_an_approved_seat_has_the_next_number_and_is_on_sale(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2, slots=2)
    approved = await service.approve_extra_seat(await ask(schedule), actor=CHIEF)
    assert (approved["status"], approved["queue_number"], approved["decided_by"]) == ("approved", 5, "S0002")
    people = await hospital.patients(3)
    numbers = [(await book(schedule, person)).queue_number for person in people]
    assert numbers == [1, 2, 5]
    # The HIS hears of two runs of numbers for the first half hour.
    [facts] = await load_schedules(hospital.db, [schedule.id])
    assert [(slot.first_sequence, slot.last_sequence) for slot in facts.slots] == [(1, 2), (5, 5), (3, 4)]
    assert facts.version == 2
    await require_books_agree(hospital.db)


async def test_a_named_patient_has_the_number_at_once(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    first, second = await hospital.patients(2)
    await book(schedule, first)
    approved = await service.approve_extra_seat(await ask(schedule, patient_id=second), actor=CHIEF)
    shown = await queries.get_appointment(UUID(approved["appointment_id"]), actor=CHIEF)
    assert (shown.patient_id, shown.queue_number, shown.status) == (second, 2, "booked")
    letters = await hospital.db.fetch("SELECT event_type FROM outbox ORDER BY id")
    assert [letter["event_type"] for letter in letters] == ["appointment.booked"] * 2 + ["schedule.changed"]
    await require_books_agree(hospital.db)


async def test_four_eyes_decide_once(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    request = await ask(schedule)
    await require_refused(hospital, service.approve_extra_seat(request, actor=OFFICE), SecondPersonNeeded)
    await require_refused(hospital, service.refuse_extra_seat(request, actor=OFFICE), SecondPersonNeeded)
    await service.refuse_extra_seat(request, actor=CHIEF)
    again = service.approve_extra_seat(request, actor=CHIEF)
    await require_refused(hospital, again, ExtraSeatDecided, current_status="refused")
    nothing = service.approve_extra_seat(new_id(), actor=CHIEF)
    await require_refused(hospital, nothing, EntryNotFound, entity="extra_seat")


async def test_what_is_refused_at_the_request(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    past = await hospital.schedule(seats=1, starts_in=timedelta(minutes=-5))
    stopped = await hospital.schedule(seats=1)
    order_id = await stop_and_finish(stopped)
    await require_refused(hospital, ask(past), DayPast, date=past.clinic_date.isoformat())
    await require_refused(hospital, ask(stopped), ExtraSeatStopped, stop_id=str(order_id))
    await require_refused(hospital, ask(schedule, pool="nowhere"), ReferenceUnknown, field="pool")
    await require_refused(hospital, ask(schedule, patient_id=new_id()), errors.PatientUnknown)
    assert await hospital.db.fetch("SELECT FROM extra_seat") == []


async def test_a_patient_who_is_booked_that_day_gets_no_second_number(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    appointment = await book(schedule, person)
    request = await ask(schedule, patient_id=person)
    again = service.approve_extra_seat(request, actor=CHIEF)
    await require_refused(hospital, again, errors.AlreadyBooked, appointment_id=appointment.id)


async def test_approving_races_a_stop_and_no_seat_is_left_on_sale(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    request = await ask(schedule)
    answer, order_id = await asyncio.gather(
        attempt(service.approve_extra_seat(request, actor=CHIEF)), stop_and_finish(schedule)
    )
    if isinstance(answer, HospitalError):
        assert isinstance(answer, ExtraSeatStopped)
    left = await hospital.db.fetchval("SELECT count(*) FROM seat WHERE stop_id IS DISTINCT FROM $1", order_id)
    assert left == 0
    await require_books_agree(hospital.db)


@pytest.mark.race
async def test_the_quota_holds_under_a_rush_of_requests_and_approvals(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    practitioner = await hospital.db.fetchval("SELECT practitioner_id FROM schedule WHERE id = $1", schedule.id)
    await quotas.set_quota(practitioner, per_half_day=4, version=0, actor=CHIEF)

    answers = await asyncio.gather(*(attempt(ask(schedule)) for _ in range(12)))
    assert outcomes(answers) == {"UUID": 4, "ExtraSeatQuotaReached": 8}
    requests = [answer for answer in answers if not isinstance(answer, HospitalError)]
    decided = await asyncio.gather(
        *(attempt(service.approve_extra_seat(request, actor=CHIEF)) for request in requests for _ in range(2))
    )
    assert outcomes(decided) == {"dict": 4, "ExtraSeatDecided": 4}
    numbers = await hospital.db.fetch("SELECT seq FROM seat WHERE schedule_id = $1 ORDER BY seq", schedule.id)
    assert [row["seq"] for row in numbers] == [1, 2, 3, 4, 5]


async def test_a_refused_request_gives_its_place_in_the_quota_back(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    await quotas.set_quota(None, per_half_day=1, version=1, actor=CHIEF)
    request = await ask(schedule)
    await require_refused(hospital, ask(schedule), ExtraSeatQuotaReached, limit=1)
    await service.refuse_extra_seat(request, actor=CHIEF)
    await ask(schedule)


async def test_a_ban_counts_for_a_named_patient(hospital: HospitalUnderTest) -> None:
    """When it is asked for, and when it is approved; nothing is added for somebody who may not have it."""
    schedule = await hospital.schedule(seats=1)
    first, second = await hospital.patients(2)
    until = clock.now() + timedelta(days=5)
    asked = await ask(schedule, patient_id=second)
    await hospital.db.execute("UPDATE patient SET banned_until = $1", until)
    await require_refused(hospital, ask(schedule, patient_id=first), errors.PatientBanned, until=until)
    approval = service.approve_extra_seat(asked, actor=CHIEF)
    await require_refused(hospital, approval, errors.PatientBanned, until=until)
    assert await hospital.db.fetchval("SELECT status FROM extra_seat") == "requested"
    await hospital.db.execute("UPDATE clinic SET is_emergency = true")
    assert (await service.approve_extra_seat(asked, actor=CHIEF))["status"] == "approved"


async def test_staff_give_a_number_in_spite_of_a_ban_and_say_why(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    (patient,) = await hospital.patients(1)
    await hospital.db.execute("UPDATE patient SET banned_until = 'infinity'")
    asked = await ask(schedule, patient_id=patient, pass_reason="病情需要")
    assert await hospital.db.fetchval("SELECT count(*) FROM booking_ban_event") == 0
    approved = await service.approve_extra_seat(asked, actor=CHIEF)
    assert approved["ban_pass_reason"] == "病情需要"
    row = await hospital.db.fetchrow(
        "SELECT kind, patient_id, appointment_id, reason, staff_code FROM booking_ban_event"
    )
    assert row is not None
    appointment = UUID(approved["appointment_id"])
    assert tuple(row.values()) == ("passed", patient, appointment, "病情需要", "S0002")
    await require_books_agree(hospital.db)
