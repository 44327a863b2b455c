"""Registrations of an outage that no rule can merge: they are kept for staff, and settled."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from booking import errors as booking_errors
from booking.catalogue.errors import EntryNotFound
from booking.his.outbound import OUTBOUND
from booking.windows import errors, numbers, queries, service
from integration.his.facts import AppointmentFacts, AppointmentStatus
from integration.his.subscriptions import Intent
from kernel import clock
from kernel.db import Database
from kernel.events import Actor
from kernel.ids import new_id
from tests.factories.booking import HospitalUnderTest, ScheduleUnderTest, require_books_agree
from tests.factories.booking_steps import book
from tests.factories.stops import stop_and_finish
from tests.factories.windows import Window, a_stranger

CLERK = Actor("slot-office", "kiosk", "internal", staff_code="S0001", request_id="request-0001")


async def a_quota(hospital: HospitalUnderTest, window: Window, *, seats: int = 6) -> ScheduleUnderTest:
    """A schedule of whose numbers the window has 3 and 6."""
    schedule = await hospital.schedule(seats=seats)
    await service.set_quota(schedule.id, count=2, actor=CLERK)
    await window.told(schedule.id)
    return schedule


async def a_second_number(hospital: HospitalUnderTest, window: Window) -> ScheduleUnderTest:
    """Somebody has a number in the department that day, and registers for another at the window in the outage."""
    schedule, other = await a_quota(hospital, window), await hospital.schedule(seats=2)
    person = a_stranger("MR-1")
    assert (await window.registers(other, 1, "H1", patient=person)).note == ""
    answer = await window.registers(schedule, 3, "H2", patient=person)
    assert (answer.accepted, answer.note) == (True, "accepted=later")
    return schedule


async def the_case(status: str = "open") -> dict[str, object]:
    [case] = await queries.list_cases(status=status, clinic_id=None, before=None, limit=10)
    return case


async def refusals_told(database: Database) -> list[AppointmentFacts]:
    """What the HIS is told of registrations that cannot stand."""
    rows = await database.fetch("SELECT * FROM outbox WHERE event_type = 'his_booking.refused' ORDER BY id")
    intents = [
        Intent(row["id"], row["event_type"], row["aggregate"], row["message_id"], row["payload"], row["created_at"])
        for row in rows
    ]
    [subscription] = [one for one in OUTBOUND if one.event_type == "his_booking.refused"]
    changes = await subscription.load(intents)
    return [facts for one in intents if isinstance(facts := changes[one.id].facts, AppointmentFacts)]


async def test_a_person_with_a_number_that_day_keeps_the_registration_until_somebody_decides(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    schedule = await a_second_number(hospital, window)

    case = await the_case()
    assert (case["his_id"], case["queue_number"], case["reason"], case["stands"], case["clerk"]) == (
        "H2", 3, "booking.already_booked", True, "W001",
    )  # fmt: skip
    assert case["patient_id"] is not None
    assert await refusals_told(database) == []
    # Nobody else gets the number meanwhile, asked back or not.
    with clock.frozen(schedule.starts_at - timedelta(minutes=30)):
        await numbers.recall_due()
    await window.hands_back(schedule, unsold=(6,), sold={3: "H2"}, version=await window.version(schedule))
    assert (await window.statuses(schedule))[3] == ("recalled", "emergency", "free")


async def test_accepted_it_is_an_appointment_with_its_own_number(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    schedule = await a_second_number(hospital, window)
    case = await the_case()

    settled = await service.accept_case(UUID(str(case["id"])), slot_id=None, patient_id=None, actor=CLERK)

    row = await database.fetchrow("SELECT id, seq, his_id, his_status, version FROM appointment WHERE his_id = 'H2'")
    assert row is not None
    assert tuple(row)[1:] == (3, "H2", "confirmed", 1)
    assert (settled["status"], settled["appointment_id"], settled["settled_by"]) == (
        "accepted",
        str(row["id"]),
        "S0001",
    )
    assert await database.fetchval("SELECT count(*) FROM outbox WHERE event_type = 'appointment.linked'") == 2
    with pytest.raises(errors.CaseSettled) as refused:
        await service.refuse_case(UUID(str(case["id"])), note="n", actor=CLERK)
    assert refused.value.details == {"current_status": "accepted"}
    assert (await window.statuses(schedule))[3] == ("confirmed", "emergency", "booked")
    await require_books_agree(database)


async def test_accepted_in_another_slot_the_his_is_told_to_follow(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    await a_second_number(hospital, window)
    elsewhere = await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    case = await the_case()

    await service.accept_case(UUID(str(case["id"])), slot_id=elsewhere.slots[0], patient_id=None, actor=CLERK)

    row = await database.fetchrow("SELECT schedule_id, seq, his_status FROM appointment WHERE his_id = 'H2'")
    assert row is not None
    assert tuple(row) == (elsewhere.id, 1, "pending")
    assert await database.fetchval("SELECT count(*) FROM outbox WHERE event_type = 'appointment.moved'") == 1


async def test_refused_the_his_undoes_it_and_the_number_comes_back(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    schedule = await a_second_number(hospital, window)
    case = await the_case()
    with clock.frozen(schedule.starts_at - timedelta(minutes=30)):
        await numbers.recall_due()
    await window.hands_back(schedule, sold={3: "H2"}, version=await window.version(schedule))

    await service.refuse_case(UUID(str(case["id"])), note="患者选择原号", actor=CLERK)

    [told] = await refusals_told(database)
    assert (told.his_id, told.status, told.reason_code) == ("H2", AppointmentStatus.CANCELLED, "refused_by_staff")
    with clock.frozen(schedule.starts_at - timedelta(minutes=29)):
        assert await numbers.recall_due() == 1
    await window.hands_back(schedule, unsold=(3,), version=await window.version(schedule))
    assert (await window.statuses(schedule))[3] == ("returned", "common", "free")
    assert (await the_case("refused"))["note"] == "患者选择原号"


async def test_given_back_at_the_window_it_needs_nobody(hospital: HospitalUnderTest, window: Window) -> None:
    schedule = await a_second_number(hospital, window)
    answer = await window.registers(schedule, 3, "H2", status=AppointmentStatus.CANCELLED, version=2)
    assert answer.accepted
    assert (await the_case("withdrawn"))["his_id"] == "H2"


async def test_a_stopped_number_is_a_case_and_stands(hospital: HospitalUnderTest, window: Window) -> None:
    schedule = await a_quota(hospital, window)
    await stop_and_finish(schedule, steps=("cancel",))

    assert (await window.registers(schedule, 3, "H1")).note == "accepted=later"

    case = await the_case()
    assert (case["reason"], case["stands"]) == ("stopped", True)
    with pytest.raises(errors.NumberTaken):
        await service.accept_case(UUID(str(case["id"])), slot_id=None, patient_id=None, actor=CLERK)
    elsewhere = await hospital.schedule(seats=1)
    await service.accept_case(UUID(str(case["id"])), slot_id=elsewhere.slots[0], patient_id=None, actor=CLERK)


async def test_a_number_that_is_anothers_is_undone_at_the_window_and_the_person_is_not_forgotten(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    """The window's ordinary share went back by the clock while the platform was away; somebody was faster."""
    schedule = await hospital.schedule(seats=2)
    [faster] = await hospital.patients(1)
    await book(schedule, faster)

    answer = await window.registers(schedule, 1, "H2")

    assert (answer.accepted, answer.code) == (False, "seat_taken")
    case = await the_case()
    assert (case["his_id"], case["reason"], case["stands"]) == ("H2", "booking.seat_taken", False)
    with pytest.raises(errors.NumberTaken):
        await service.accept_case(UUID(str(case["id"])), slot_id=None, patient_id=None, actor=CLERK)
    await service.accept_case(UUID(str(case["id"])), slot_id=schedule.slots[0], patient_id=None, actor=CLERK)
    rows = await database.fetch("SELECT seq, his_id, his_status FROM appointment ORDER BY seq")
    assert [tuple(row) for row in rows] == [(1, None, "pending"), (2, None, "pending")]
    assert await refusals_told(database) == []


async def test_a_number_sold_twice_at_the_window_waits_for_the_first_to_be_given_back(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    """Sold, given back and sold again in the outage: the messages may be applied in another order."""
    schedule = await a_quota(hospital, window)
    await window.registers(schedule, 3, "H1")

    assert (await window.registers(schedule, 3, "H2")).note == "accepted=later"

    assert await queries.list_cases(status=None, clinic_id=None, before=None, limit=10) == []
    await window.registers(schedule, 3, "H1", status=AppointmentStatus.CANCELLED, version=2)
    await window.applies()
    rows = await database.fetch("SELECT his_id, status FROM appointment ORDER BY his_id")
    assert [tuple(row) for row in rows] == [("H1", "cancelled"), ("H2", "booked")]


async def test_a_sale_while_the_platform_answers_is_refused_to_the_clerks_face(
    hospital: HospitalUnderTest, window: Window
) -> None:
    schedule = await hospital.schedule(seats=2)
    await window.registers(schedule, 1, "H1")
    answer = await window.registers(schedule, 1, "H2", channel="his_window")
    assert (answer.accepted, answer.code) == (False, "seat_taken")
    assert await queries.list_cases(status=None, clinic_id=None, before=None, limit=10) == []


async def test_somebody_who_cannot_be_told_apart_has_to_be_named(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    schedule = await a_quota(hospital, window)
    somebody = a_stranger("MR-1")
    await window.registers(schedule, 3, "H1", patient=somebody)
    other = replace(somebody, his_number="MR-1", birth_date=clock.today() - timedelta(days=20000), document_number="E1")

    assert (await window.registers(schedule, 6, "H2", patient=other)).note == "accepted=later"

    case = await the_case()
    assert (case["patient_id"], case["reason"]) == (None, "patients.identity_disagrees")
    case_id = UUID(str(case["id"]))
    with pytest.raises(errors.PersonUnknown):
        await service.accept_case(case_id, slot_id=None, patient_id=None, actor=CLERK)
    with pytest.raises(booking_errors.PatientUnknown):
        await service.accept_case(case_id, slot_id=None, patient_id=new_id(), actor=CLERK)
    [person] = await hospital.patients(1)
    settled = await service.accept_case(case_id, slot_id=None, patient_id=person, actor=CLERK)
    assert settled["patient_id"] == str(person)
    assert await database.fetchval("SELECT patient_id FROM appointment WHERE his_id = 'H2'") == person


async def test_nothing_is_settled_that_is_not_there() -> None:
    with pytest.raises(EntryNotFound):
        await service.refuse_case(new_id(), note="n", actor=CLERK)
