"""One person per document, by real name, and seen by those who registered them."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database
from kernel.events import Actor
from kernel.idempotency import Idempotency, IdempotencyMismatch
from kernel.ids import new_id
from patients.errors import DocumentDisagrees, InvalidDocument, NameMismatch, PatientNotFound
from patients.queries import PatientFacts, eligibility_facts
from patients.service import Registration, find_patient, get_patient, register_patient
from tests.factories.patients import KIOSK, OTHER_PORTAL, PORTAL, registration, resident_id

TABLES = ("patient", "patient_access", "patient_event", "patient_identifier", "outbox", "idempotency_key")


async def contents(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that registering may change."""
    return {
        table: [tuple(row.values()) for row in await db.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")]
        for table in TABLES
    }


async def counts(db: Database) -> dict[str, int]:
    return {table: len(rows) for table, rows in (await contents(db)).items()}


async def test_a_new_person_is_kept_sealed_seen_by_their_client_and_told_to_the_his(database: Database) -> None:
    number = resident_id(born=date(1990, 3, 7), sequence=18)
    patient, new = await register_patient(registration(number=number, phone="13900000001"), actor=PORTAL)

    assert new
    assert (patient.name, patient.sex, patient.birth_date) == ("张三", 2, date(1990, 3, 7))
    assert (patient.document_type, patient.document_number) == ("CN-ID", f"44{'*' * 14}{number[-2:]}")
    assert patient.phone == "13*******01"
    [row] = await database.fetch("SELECT * FROM patient")
    assert cipher().open(row["document_cipher"]) == number
    assert number.encode() not in row["document_cipher"]
    [letter] = await database.fetch("SELECT handler, event_type, aggregate, payload FROM outbox")
    assert tuple(letter.values()) == (
        "his", "patient.registered", f"patient:{patient.id}", {"patient_id": str(patient.id)}
    )  # fmt: skip
    [event] = await database.fetch("SELECT kind, client_id, details FROM patient_event")
    assert tuple(event.values()) == ("registered", "portal", {})


async def test_the_same_document_and_name_are_the_same_person_whoever_registers(database: Database) -> None:
    first, _ = await register_patient(registration(), actor=PORTAL)
    again, again_new = await register_patient(registration(name="  张三 "), actor=PORTAL)
    other, other_new = await register_patient(registration(), actor=OTHER_PORTAL)

    assert (again.id, again_new, other.id, other_new) == (first.id, False, first.id, False)
    seen = await counts(database)
    assert (seen["patient"], seen["patient_access"], seen["outbox"]) == (1, 2, 1)


async def test_the_same_document_under_another_name_reveals_and_changes_nothing(database: Database) -> None:
    await register_patient(registration(), actor=PORTAL)
    before = await contents(database)

    with pytest.raises(NameMismatch) as refused:
        await register_patient(registration(name="李四"), actor=OTHER_PORTAL)

    assert refused.value.details == {}
    assert await contents(database) == before
    with pytest.raises(PatientNotFound):
        await find_patient(document_type="CN-ID", document_number=resident_id(), actor=OTHER_PORTAL)


@pytest.mark.parametrize(
    ("wanted", "error", "details"),
    [
        (registration(number=resident_id()[:-1]), InvalidDocument, {"rule": "form"}),
        (registration(birth_date=date(1990, 3, 8)), DocumentDisagrees, {"field": "birth_date"}),
        (registration(sex=2), DocumentDisagrees, {"field": "sex"}),
        (
            registration(document_type="PPN", number="E12345678", sex=1),
            InvalidDocument,
            {"rule": "birth_date_and_sex_required"},
        ),
        (
            registration(document_type="PPN", number="E12345678", birth_date=date(1990, 1, 1)),
            InvalidDocument,
            {"rule": "birth_date_and_sex_required"},
        ),
        (
            registration(document_type="PPN", number="E12345678", sex=1, birth_date=date(2026, 11, 26)),
            InvalidDocument,
            {"rule": "birth_date"},
        ),
    ],
)
async def test_what_cannot_be_right_is_refused_and_nothing_is_kept(
    database: Database, wanted: Registration, error: type[Exception], details: dict[str, str]
) -> None:
    # Half past midnight in Guangzhou on the 25th, still the 24th in UTC.
    with clock.frozen(datetime(2026, 11, 24, 16, 30, tzinfo=UTC)), pytest.raises(error) as refused:
        await register_patient(wanted, actor=PORTAL)

    assert getattr(refused.value, "details", None) == details
    assert set((await counts(database)).values()) == {0}


async def test_another_document_is_another_person_as_far_as_anybody_knows(database: Database) -> None:
    by_id, _ = await register_patient(registration(), actor=PORTAL)
    by_passport, new = await register_patient(
        registration(document_type="PPN", number="e12345678", sex=1, birth_date=date(1990, 3, 7)), actor=PORTAL
    )

    assert new
    assert by_passport.id != by_id.id
    found = await find_patient(document_type="PPN", document_number=" E12345678", actor=PORTAL)
    assert found == by_passport


async def test_many_who_register_one_document_at_once_get_one_person(database: Database) -> None:
    actors = [PORTAL, OTHER_PORTAL, KIOSK]
    answers = await asyncio.gather(*(register_patient(registration(), actor=actors[n % 3]) for n in range(12)))

    assert len({patient.id for patient, _ in answers}) == 1
    assert [new for _, new in answers].count(True) == 1
    seen = await counts(database)
    assert (seen["patient"], seen["patient_access"], seen["patient_event"], seen["outbox"]) == (1, 3, 12, 1)


async def test_two_names_for_one_document_at_once_leave_one_person(database: Database) -> None:
    answers = await asyncio.gather(
        *(register_patient(registration(name=name), actor=PORTAL) for name in ("张三", "李四") * 4),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers].count(NameMismatch) == 4
    [row] = await database.fetch("SELECT name FROM patient")
    assert {answer[0].name for answer in answers if isinstance(answer, tuple)} == {row["name"]}


async def test_a_repeated_key_gives_the_first_answer(database: Database) -> None:
    def asked(hashes: dict[str, str]) -> Idempotency:
        return Idempotency("portal", "k1", "POST /patients", hashes)

    first = await register_patient(registration(), actor=PORTAL, idempotency=asked({"name": "a"}))
    before = await contents(database)
    again = await register_patient(registration(), actor=PORTAL, idempotency=asked({"name": "a"}))
    with pytest.raises(IdempotencyMismatch) as refused:
        await register_patient(registration(name="李四"), actor=PORTAL, idempotency=asked({"name": "b"}))

    assert again == first
    assert first[1]
    assert refused.value.details == {"field": "name"}
    assert await contents(database) == before


async def test_people_are_seen_by_those_who_registered_them_and_by_the_hospital(database: Database) -> None:
    patient, _ = await register_patient(registration(), actor=PORTAL)

    for actor in (PORTAL, KIOSK):
        assert await get_patient(patient.id, actor=actor) == patient
        assert await find_patient(document_type="CN-ID", document_number=resident_id(), actor=actor) == patient
    for ask in (
        get_patient(patient.id, actor=OTHER_PORTAL),
        find_patient(document_type="CN-ID", document_number=resident_id(), actor=OTHER_PORTAL),
        get_patient(new_id(), actor=KIOSK),
        find_patient(document_type="CN-ID", document_number=resident_id(sequence=3), actor=KIOSK),
    ):
        with pytest.raises(PatientNotFound):
            await ask


async def test_the_facts_that_clinics_ask_for_keep_to_the_same_scope(database: Database) -> None:
    patient, _ = await register_patient(registration(), actor=PORTAL)
    facts = {patient.id: PatientFacts(1, date(1990, 3, 7))}

    assert await eligibility_facts(database, [(patient.id, "portal")]) == facts
    assert await eligibility_facts(database, [(patient.id, None), (new_id(), None)]) == facts
    assert await eligibility_facts(database, [(patient.id, "insurer")]) == {}


async def test_an_internal_client_leaves_the_name_of_its_member_of_staff(database: Database) -> None:
    actor = Actor("kiosk", "kiosk", "internal", staff_code="S0001", request_id="request-1")
    await register_patient(registration(), actor=actor)

    [event] = await database.fetch("SELECT client_id, channel, staff_code, request_id FROM patient_event")
    assert tuple(event.values()) == ("kiosk", "kiosk", "S0001", "request-1")


async def test_a_name_is_the_same_by_every_keyboard(database: Database) -> None:
    first, _ = await register_patient(registration(name="阿卜杜拉\u00b7买买提"), actor=PORTAL)

    again, is_new = await register_patient(registration(name="阿卜杜拉\u2022买买提"), actor=OTHER_PORTAL)

    assert (again.id, is_new, again.name) == (first.id, False, "阿卜杜拉\u00b7买买提")


@pytest.mark.parametrize(
    ("sex", "birth_date", "field"), [(2, date(1990, 3, 7), "sex"), (1, date(1971, 1, 1), "birth_date")]
)
async def test_who_shares_name_and_passport_number_is_not_taken_for_the_other(
    database: Database, sex: int, birth_date: date, field: str
) -> None:
    await register_patient(Registration("Kim Lee", "PPN", "M1234567", 1, date(1990, 3, 7)), actor=PORTAL)
    before = await contents(database)

    with pytest.raises(DocumentDisagrees) as refused:
        await register_patient(Registration("Kim Lee", "PPN", "M1234567", sex, birth_date), actor=OTHER_PORTAL)

    assert refused.value.details == {"field": field}
    assert await contents(database) == before
    _, is_new = await register_patient(
        Registration("Kim Lee", "PPN", "M1234567", 0, date(1990, 3, 7)), actor=OTHER_PORTAL
    )
    assert not is_new
