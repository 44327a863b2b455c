"""What the HIS's window tells, in the order in which its clerks act."""

from dataclasses import replace
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from integration.his.facts import AppointmentFacts, AppointmentStatus
from integration.his.inbox import Answer
from integration.his.intake import Intake
from integration.his.port import InboundChange, InboundKind
from kernel import clock
from kernel.crypto import FieldCipher
from runtime.subscriptions import build_subscriptions
from tests.factories.booking import HospitalUnderTest, require_books_agree
from tests.factories.his_window import window_booking

HIS = "MICROHIS"


@pytest.fixture
def intake(hospital: HospitalUnderTest) -> Intake:
    return Intake(hospital.db, build_subscriptions(), cipher=FieldCipher(1, {1: AESGCM(bytes(32))}, bytes(32)))


async def hear(intake: Intake, kind: InboundKind, told: AppointmentFacts, control_id: str) -> Answer:
    """Take one message of the HIS in, as the listener does."""
    change = InboundChange(kind, HIS, control_id, f"his-appointment:{HIS}:{told.his_id}", None, clock.now(), told)
    return await intake.receive([change])


async def test_a_number_taken_back_at_the_window_can_be_sold_again_with_the_next_message(
    hospital: HospitalUnderTest, intake: Intake
) -> None:
    schedule = await hospital.schedule(seats=1)
    people: list[UUID] = await hospital.patients(3)
    for n, person in enumerate(people):
        sale = window_booking(his_id=f"H{n}", patient_id=person, schedule_id=schedule.id, sequence=1)
        assert (await hear(intake, InboundKind.APPOINTMENT_BOOKED, sale, f"b{n}")).accepted
        taken_back = replace(sale, status=AppointmentStatus.CANCELLED, version=2)
        assert (await hear(intake, InboundKind.APPOINTMENT_CANCELLED, taken_back, f"c{n}")).accepted

    rows = await hospital.db.fetch("SELECT status, cancel_reason FROM appointment ORDER BY created_at")
    assert [tuple(row.values()) for row in rows] == [("cancelled", "cancelled_at_his")] * 3
    await require_books_agree(hospital.db)


async def test_a_number_that_is_taken_is_refused_at_once_and_a_repeat_hears_the_same(
    hospital: HospitalUnderTest, intake: Intake
) -> None:
    schedule = await hospital.schedule(seats=1)
    first, second = await hospital.patients(2)
    sale = window_booking(his_id="H1", patient_id=first, schedule_id=schedule.id, sequence=1)
    rival = window_booking(his_id="H2", patient_id=second, schedule_id=schedule.id, sequence=1)

    taken = await hear(intake, InboundKind.APPOINTMENT_BOOKED, sale, "m1")
    refused = await hear(intake, InboundKind.APPOINTMENT_BOOKED, rival, "m2")

    assert taken.accepted
    assert (refused.accepted, refused.code) == (False, "seat_taken")
    assert await hear(intake, InboundKind.APPOINTMENT_BOOKED, sale, "m1") == taken
    assert await hear(intake, InboundKind.APPOINTMENT_BOOKED, rival, "m2") == refused
    assert await hospital.db.fetchval("SELECT count(*) FROM appointment") == 1
    await require_books_agree(hospital.db)


async def test_a_number_given_back_that_was_never_ours_is_acknowledged(
    hospital: HospitalUnderTest, intake: Intake
) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    unknown = window_booking(
        his_id="H9",
        patient_id=person,
        schedule_id=schedule.id,
        sequence=1,
        status=AppointmentStatus.CANCELLED,
        version=2,
    )

    assert (await hear(intake, InboundKind.APPOINTMENT_CANCELLED, unknown, "m1")).accepted
    assert await hospital.db.fetchval("SELECT count(*) FROM appointment") == 0
