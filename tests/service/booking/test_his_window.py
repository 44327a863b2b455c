"""What the HIS's window tells of numbers, decided and applied as the listener does it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from booking.fairness.noshows import mark_noshows
from booking.his.outbound import CANCELLED_AT_HIS, REJECTED_BY_HIS, load_appointment_facts
from integration.his.facts import AppointmentFacts, AppointmentStatus, PatientFacts, Sex, VisitFacts
from integration.his.intake import Intake
from integration.his.port import InboundChange, InboundKind
from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from kernel.outbox import INBOX
from patients.documents import check_character
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


async def test_a_visit_that_is_heard_of_late_takes_the_no_show_back(
    hospital: HospitalUnderTest, database: Database, intake: Intake
) -> None:
    schedule = await hospital.schedule(seats=2)
    sale = a_sale(schedule.id, 1, "H1")
    await hear_sale(intake, sale)
    with clock.frozen(schedule.starts_at + timedelta(hours=3)):
        assert await mark_noshows() == 1
    visit = VisitFacts("MR-H1", "V-H1", sale.patient, None, "H1", "C", "D", clock.now())
    await intake.receive([told(InboundKind.VISIT_REGISTERED, visit, f"his-visit:{SOURCE}:V-H1")])
    lease = await INBOX.claim(database, "his", limit=10, lease_seconds=30)
    assert lease is not None
    await intake.apply_batch(lease)
    row = await database.fetchrow("SELECT status FROM inbox WHERE event_type = 'his.visit_registered'")
    assert row is not None
    assert row["status"] == "done"
    assert await database.fetchval("SELECT status FROM appointment") == "entered-in-error"
    assert await database.fetchval("SELECT reason FROM booking_ban_event WHERE kind = 'corrected'") == "visit V-H1"


@pytest.mark.parametrize("code", [CANCELLED_AT_HIS, REJECTED_BY_HIS])
async def test_a_patients_words_go_as_words_and_our_own_reasons_as_codes(
    hospital: HospitalUnderTest, database: Database, intake: Intake, code: str
) -> None:
    schedule = await hospital.schedule(seats=1)
    await hear_sale(intake, a_sale(schedule.id, 1, "H1"))
    appointment_id = await database.fetchval("SELECT id FROM appointment")
    words = "家里有急事" * 40

    for reason, expected in ((None, ("", "")), (words, ("", words)), (code, (code, ""))):
        await database.execute("UPDATE appointment SET cancel_reason = $1", reason)
        told = (await load_appointment_facts(database, [appointment_id]))[appointment_id]
        assert (told.reason_code, told.reason_text) == expected


async def hear_patient(intake: Intake, database: Database, person: PatientFacts) -> str | None:
    """Let the HIS tell of a person; give what is wrong with it, if anything."""
    await intake.receive([told(InboundKind.PATIENT_CHANGED, person, f"his-patient:{SOURCE}:{person.his_number}")])
    lease = await INBOX.claim(database, "his", limit=10, lease_seconds=30)
    assert lease is not None
    await intake.apply_batch(lease)
    fault: str | None = await database.fetchval("SELECT last_error FROM inbox ORDER BY id DESC LIMIT 1")
    return fault


@pytest.fixture
async def chart(intake: Intake, database: Database, hospital: HospitalUnderTest) -> PatientFacts:
    """A person of the HIS, registered here under their number."""
    person = replace(a_person("MR-1"), document_type="CN-ID", document_number=resident_id(1))
    assert await hear_patient(intake, database, person) is None
    return person


def resident_id(serial: int) -> str:
    first = f"440104{clock.today() - timedelta(days=9000):%Y%m%d}{serial * 2 + 1:03d}"
    return first + check_character(first)


async def test_a_chart_is_followed_whatever_else_identifies_its_person(
    intake: Intake, database: Database, chart: PatientFacts
) -> None:
    renewed = replace(chart, name="程乙", version=2, document_type="PPN", document_number="E12345678")

    assert await hear_patient(intake, database, renewed) is None

    assert [row["name"] for row in await database.fetch("SELECT name FROM patient")] == ["程乙"]


@pytest.mark.parametrize("other", ["identity number", "birth date", "platform number"])
async def test_a_chart_of_somebody_else_overwrites_nobody(
    intake: Intake, database: Database, chart: PatientFacts, other: str
) -> None:
    stranger = replace(a_person("MR-2"), name="梅丙")
    assert await hear_patient(intake, database, stranger) is None
    strangers_id = await database.fetchval("SELECT id FROM patient WHERE name = '梅丙'")
    no_document = replace(chart, name="梅丙", version=9, document_type=None, document_number=None)
    mixed_up = {
        "identity number": replace(no_document, document_type="CN-ID", document_number=resident_id(2)),
        "birth date": replace(no_document, birth_date=clock.today() - timedelta(days=20_000)),
        "platform number": replace(no_document, platform_id=strangers_id),
    }[other]

    assert await hear_patient(intake, database, mixed_up) == "patients.identity_disagrees"

    rows = await database.fetch(
        "SELECT p.name, i.value FROM patient p JOIN patient_identifier i ON i.patient_id = p.id ORDER BY i.value"
    )
    assert [tuple(row) for row in rows] == [("程甲", "MR-1"), ("梅丙", "MR-2")]


async def test_a_chart_is_not_linked_to_another_persons_number_of_ours(
    intake: Intake, database: Database, chart: PatientFacts
) -> None:
    ours = await database.fetchval("SELECT id FROM patient")
    wrong = replace(
        a_person("MR-2"), platform_id=ours, document_type="CN-ID", document_number=resident_id(2), version=2
    )

    assert await hear_patient(intake, database, wrong) == "patients.identity_disagrees"

    assert await database.fetchval("SELECT value FROM patient_identifier") == "MR-1"


async def test_two_people_of_one_passport_number_are_not_linked_to_one_record(
    intake: Intake, database: Database, hospital: HospitalUnderTest
) -> None:
    first = replace(a_person("MR-1"), document_number="M1234567")
    second = replace(first, his_number="MR-2", birth_date=clock.today() - timedelta(days=20_000))
    assert await hear_patient(intake, database, first) is None

    assert await hear_patient(intake, database, second) == "patients.identity_disagrees"

    assert await database.fetchval("SELECT value FROM patient_identifier") == "MR-1"


async def test_a_number_sold_under_a_mixed_up_chart_is_refused_to_the_clerk(
    intake: Intake, database: Database, hospital: HospitalUnderTest, chart: PatientFacts
) -> None:
    schedule = await hospital.schedule(seats=1)
    mixed_up = replace(chart, document_number=resident_id(2))

    word = await hear_sale(intake, replace(a_sale(schedule.id, 1, "H1"), patient=mixed_up))

    assert word == "identity_disagrees"
    assert await database.fetchval("SELECT count(*) FROM appointment") == 0


async def test_nobody_elses_message_ends_or_uses_an_appointment(
    intake: Intake, database: Database, hospital: HospitalUnderTest
) -> None:
    schedule = await hospital.schedule(seats=2)
    mine, theirs = a_sale(schedule.id, 1, "H1"), a_sale(schedule.id, 2, "H2")
    assert [await hear_sale(intake, sale) for sale in (mine, theirs)] == ["", ""]
    appointment_id = await database.fetchval("SELECT id FROM appointment WHERE his_id = 'H1'")

    back = replace(theirs, platform_id=appointment_id, status=AppointmentStatus.CANCELLED, version=2)
    assert await hear_return(intake, back) == "accepted=later"
    visit = VisitFacts("MR-H2", "V-1", theirs.patient, appointment_id, None, "C", "D", clock.now())
    await intake.receive([told(InboundKind.VISIT_REGISTERED, visit, f"his-visit:{SOURCE}:V-1")])
    lease = await INBOX.claim(database, "his", limit=10, lease_seconds=30)
    assert lease is not None
    await intake.apply_batch(lease)

    rows = await database.fetch("SELECT his_id, status FROM appointment ORDER BY his_id")
    assert [tuple(row) for row in rows] == [("H1", "booked"), ("H2", "booked")]
    waiting = await database.fetch("SELECT last_error FROM inbox WHERE status = 'pending'")
    assert [row["last_error"] for row in waiting] == ["his.disagrees"] * 2
