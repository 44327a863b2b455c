"""What the HIS's window tells of numbers, decided and applied as the listener does it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from integration.his.facts import AppointmentFacts, AppointmentStatus, PatientFacts, Sex, VisitFacts
from integration.his.intake import Intake
from integration.his.port import InboundChange, InboundKind
from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from kernel.outbox import INBOX
from runtime.subscriptions import build_subscriptions
from tests.factories.booking import HospitalUnderTest

SOURCE = "MICROHIS"


@pytest.fixture
def intake(hospital: HospitalUnderTest, database: Database, tmp_path: Path) -> Intake:
    (tmp_path / "field_key").write_text("11" * 32)
    (tmp_path / "lookup_key").write_text("22" * 32)
    return Intake(database, build_subscriptions(), cipher=load_cipher(tmp_path))


def a_person(number: str) -> PatientFacts:
    return PatientFacts(
        platform_id=None,
        his_number=number,
        name="程甲",
        birth_date=clock.today() - timedelta(days=9000),
        sex=Sex.MALE,
        document_type="PPN",
        document_number=f"E{uuid4().int % 10**9:09d}",
        phone=None,
    )


def a_sale(schedule_id: UUID, sequence: int, his_id: str) -> AppointmentFacts:
    return AppointmentFacts(
        platform_id=None,
        his_id=his_id,
        status=AppointmentStatus.BOOKED,
        version=1,
        schedule_id=schedule_id,
        sequence=sequence,
        patient=a_person(f"MR-{his_id}"),
        starts_at=None,
        ends_at=None,
        made_by="W001",
    )


def told(kind: InboundKind, facts: Any, aggregate: str) -> InboundChange:
    return InboundChange(kind, SOURCE, str(uuid4()), aggregate, None, clock.now(), facts)


async def hear_sale(intake: Intake, sale: AppointmentFacts) -> str:
    answer = await intake.receive(
        [told(InboundKind.APPOINTMENT_BOOKED, sale, f"his-appointment:{SOURCE}:{sale.his_id}")]
    )
    return "" if answer.accepted and not answer.note else answer.code or answer.note


async def hear_return(intake: Intake, sale: AppointmentFacts) -> str:
    back = replace(sale, status=AppointmentStatus.CANCELLED, version=2)
    answer = await intake.receive(
        [told(InboundKind.APPOINTMENT_CANCELLED, back, f"his-appointment:{SOURCE}:{sale.his_id}")]
    )
    return "" if answer.accepted and not answer.note else answer.code or answer.note


async def test_a_number_given_back_can_be_sold_again_at_once(
    hospital: HospitalUnderTest, database: Database, intake: Intake
) -> None:
    schedule = await hospital.schedule(seats=2)
    first, second = a_sale(schedule.id, 1, "H1"), a_sale(schedule.id, 1, "H2")
    assert await hear_sale(intake, first) == ""
    assert await hear_sale(intake, second) == "seat_taken"

    assert await hear_return(intake, first) == ""
    third = a_sale(schedule.id, 1, "H3")
    assert await hear_sale(intake, third) == ""

    rows = await database.fetch("SELECT his_id, status, version FROM appointment ORDER BY his_id")
    assert [tuple(row) for row in rows] == [("H1", "cancelled", 2), ("H3", "booked", 1)]


async def test_a_visit_to_a_number_that_was_refused_is_the_his_own(
    hospital: HospitalUnderTest, database: Database, intake: Intake
) -> None:
    schedule = await hospital.schedule(seats=2)
    await hear_sale(intake, a_sale(schedule.id, 1, "H1"))
    refused = a_sale(schedule.id, 1, "H2")
    await hear_sale(intake, refused)
    for his_id in ("H2", "H9"):
        visit = VisitFacts("MR-H2", f"V-{his_id}", a_person("MR-H2"), None, his_id, "C", "D", clock.now())
        await intake.receive([told(InboundKind.VISIT_REGISTERED, visit, f"his-visit:{SOURCE}:{visit.visit_number}")])

    lease = await INBOX.claim(database, "his", limit=10, lease_seconds=30)
    assert lease is not None
    await intake.apply_batch(lease)

    rows = await database.fetch(
        "SELECT aggregate, status, last_error FROM inbox WHERE event_type = 'his.visit_registered' ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("his-visit:MICROHIS:V-H2", "done", None),
        ("his-visit:MICROHIS:V-H9", "pending", "his.disagrees"),
    ]
    assert await database.fetchval("SELECT count(*) FROM appointment") == 1
