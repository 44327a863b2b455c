"""Keeping people in step with the core HIS: what is told of them, and what is heard.

The platform and the HIS each number a person themselves; both keep the other's number. The HIS is the
master of the chart: name and telephone follow it once a person is linked.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from integration.his.facts import PatientFacts, Sex
from integration.his.port import (
    Accepted,
    ChangeKind,
    InboundChange,
    InboundKind,
    OutboundChange,
)
from integration.his.subscriptions import InboundSubscription, Intent, OutboundSubscription
from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor
from kernel.outbox import publish
from patients.documents import RESIDENT_ID, Document
from patients.errors import IdentityDisagrees, PatientNotFound
from patients.names import clean_name
from patients.service import Registration, attach_identifier, record_event, register_from_his

HIS_SYSTEM: Final = "his"
"""Under which name the HIS's record number stands in patient_identifier."""
HIS_CHANNEL: Final = "his_window"

# GB/T 2261.1 <-> FHIR; "unspecified" has no word of its own there.
_SEX_TO_FACTS: Final = {0: Sex.UNKNOWN, 1: Sex.MALE, 2: Sex.FEMALE, 9: Sex.UNKNOWN}
_SEX_FROM_FACTS: Final = {Sex.MALE: 1, Sex.FEMALE: 2}


def his_actor(source: str, *, staff_code: str | None = None) -> Actor:
    """Name the HIS as the one who acts; `source` is its sending application."""
    return Actor(client_id=f"his:{source}", channel=HIS_CHANNEL, kind="his", staff_code=staff_code or None)


async def load_patient_facts(db: Database | Transaction, patient_ids: Sequence[UUID]) -> dict[UUID, PatientFacts]:
    """Give people as they stand now, in the words of the port.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT p.*, i.value AS his_number FROM patient p LEFT JOIN patient_identifier i"
        " ON i.patient_id = p.id AND i.system = $2 WHERE p.id = ANY ($1)",
        list(patient_ids),
        HIS_SYSTEM,
    )
    return {row["id"]: _to_facts(row) for row in rows}


async def load_linked_patients(db: Database | Transaction, his_numbers: Sequence[str]) -> dict[str, PatientFacts]:
    """Give the people whom the HIS knows under these record numbers.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT p.*, i.value AS his_number FROM patient_identifier i"
        " JOIN patient p ON p.id = i.patient_id WHERE i.system = $2 AND i.value = ANY ($1)",
        list(his_numbers),
        HIS_SYSTEM,
    )
    return {row["his_number"]: _to_facts(row) for row in rows}


async def find_his_number(db: Database | Transaction, patient_id: UUID) -> str | None:
    """Give the HIS's record number (病历号) of a person; None until it has told us.

    The HIS learns of people with their first appointment. For whoever has to ask the HIS about a person sooner,
    `tell_patient` intends the message whose acknowledgement brings the number.

    Raises:
        DatabaseUnavailable.
    """
    number: str | None = await db.fetchval(
        "SELECT value FROM patient_identifier WHERE patient_id = $1 AND system = $2",
        patient_id,
        HIS_SYSTEM,
    )
    return number


async def take_over_patient(tx: Transaction, told: PatientFacts, *, actor: Actor) -> tuple[UUID, bool]:
    """Find the person whom the HIS means, or register them; keep the HIS's number for them.

    Looked for by the HIS's number, by ours, then by document. Tells whether the two had not been
    linked before.

    Raises:
        PatientNotFound: not known here, and the HIS names no document to register them by.
        IdentityDisagrees: the numbers are one person's and the rest is another's; nobody is overwritten.
        InvalidDocument, DocumentDisagrees: the document cannot be right.
    """
    linked = await find_linked(tx, told)
    patient_id = linked
    if linked is None and told.platform_id is not None:
        patient_id = await tx.fetchval("SELECT id FROM patient WHERE id = $1", told.platform_id)
    if patient_id is not None:
        await _require_same_person(tx, patient_id, told)
    if linked is not None:
        return UUID(str(linked)), False
    if patient_id is None:
        if told.document_type is None or told.document_number is None:
            raise PatientNotFound
        patient_id, is_new = await register_from_his(
            tx,
            Registration(
                name=told.name,
                document_type=told.document_type,
                document_number=told.document_number,
                sex=_SEX_FROM_FACTS.get(told.sex),
                birth_date=told.birth_date,
                phone=told.phone,
            ),
            actor=actor,
        )
        if not is_new:
            await _require_same_person(tx, patient_id, told)
    if told.his_number:
        await attach_identifier(tx, patient_id=patient_id, system=HIS_SYSTEM, value=told.his_number)
    return UUID(str(patient_id)), True


async def find_linked(db: Database | Transaction, told: PatientFacts) -> UUID | None:
    """Give the person here who has the HIS's record number that is told.

    Raises:
        IdentityDisagrees: our own number that is told with it is another person's.
    """
    if not told.his_number:
        return None
    linked: UUID | None = await db.fetchval(
        "SELECT patient_id FROM patient_identifier WHERE system = $1 AND value = $2", HIS_SYSTEM, told.his_number
    )
    if linked is not None and told.platform_id not in (None, linked):
        raise IdentityDisagrees(field="platform_id")
    return linked


async def _require_same_person(tx: Transaction, patient_id: UUID, told: PatientFacts) -> None:
    """Check that what is told of a person can be true of the one whom the numbers name.

    The identity number of GB 11643 settles it. A passport is renewed, its number may be another's in another
    country, and a person has several documents: there the birth date tells. A chart that now carries the document of
    somebody else whom we know was merged with theirs, and that is for people to settle here, too (ADR 271).

    Raises:
        IdentityDisagrees.
    """
    if await _is_anothers(tx, patient_id, told):
        raise IdentityDisagrees(field="document")
    row = await tx.fetchrow("SELECT document_type, document_hash, birth_date FROM patient WHERE id = $1", patient_id)
    assert row is not None, "found in this transaction"
    if told.document_type == row["document_type"] == RESIDENT_ID and told.document_number:
        document = Document(RESIDENT_ID, told.document_number.strip().upper())
        if cipher().lookup_hash(document.lookup_text) != row["document_hash"]:
            raise IdentityDisagrees(field="document")
        return
    if told.birth_date not in (None, row["birth_date"]):
        raise IdentityDisagrees(field="birth_date")


async def _is_anothers(tx: Transaction, patient_id: UUID, told: PatientFacts) -> bool:
    """Tell whether the document that is told of a person is another person's here."""
    if told.document_type is None or not told.document_number:
        return False
    document = Document(told.document_type, told.document_number.strip().upper())
    owner = await tx.fetchval(
        "SELECT id FROM patient WHERE document_type = $1 AND document_hash = $2",
        document.type,
        cipher().lookup_hash(document.lookup_text),
    )
    return owner not in (None, patient_id)


async def _load(intents: Sequence[Intent]) -> Mapping[int, OutboundChange]:
    wanted = {intent.id: UUID(intent.payload["patient_id"]) for intent in intents}
    people = await load_patient_facts(database(), list(wanted.values()))
    return {
        intent.id: OutboundChange(
            ChangeKind.PATIENT_REGISTERED if intent.event_type == "patient.registered" else ChangeKind.PATIENT_CHANGED,
            people[wanted[intent.id]],
        )
        for intent in intents
        if wanted[intent.id] in people
    }


async def _note_numbers(tx: Transaction, told: Sequence[tuple[Intent, Accepted]]) -> None:
    """Keep the record numbers that the HIS has answered with."""
    await note_his_numbers(
        tx, {UUID(intent.payload["patient_id"]): outcome.his_id for intent, outcome in told if outcome.his_id}
    )


async def note_his_numbers(tx: Transaction, numbers: Mapping[UUID, str]) -> None:
    """Keep the HIS's record numbers of people, by patient; a number that we have stays as it is."""
    if not numbers:
        return
    await tx.execute(
        "INSERT INTO patient_identifier (patient_id, system, value)"
        " SELECT n.patient_id, $1, n.value FROM unnest($2::uuid[], $3::text[])"
        " AS n (patient_id, value) ORDER BY n.patient_id ON CONFLICT DO NOTHING",
        HIS_SYSTEM,
        list(numbers),
        list(numbers.values()),
    )


async def _apply_patient(tx: Transaction, change: InboundChange) -> None:
    """Take a person over from the HIS, or follow what it says of one who is linked.

    Raises:
        PatientNotFound, IdentityDisagrees, InvalidDocument, DocumentDisagrees: as take_over_patient.
    """
    told = change.facts
    assert isinstance(told, PatientFacts), "the port gives a patient with this kind"
    actor = his_actor(change.source)
    patient_id, newly_linked = await take_over_patient(tx, told, actor=actor)
    if not newly_linked:
        await _follow_chart(tx, patient_id, told, actor=actor)
    if told.platform_id is None:
        await tell_patient(tx, patient_id)


async def tell_patient(tx: Transaction, patient_id: UUID) -> None:
    """Intend the message by which the HIS learns the platform's number of a person of its own."""
    await publish(
        tx,
        handler="his",
        event_type="patient.changed",
        aggregate=f"patient:{patient_id}",
        payload={"patient_id": str(patient_id)},
    )


async def _follow_chart(tx: Transaction, patient_id: UUID, told: PatientFacts, *, actor: Actor) -> None:
    """Follow name and telephone of the HIS's chart, unless a newer version of it has been seen."""
    row = await tx.fetchrow("SELECT * FROM patient WHERE id = $1 FOR UPDATE", patient_id)
    assert row is not None, "found in this transaction"
    seen = await tx.fetchval(
        "SELECT max((details->>'his_version')::integer) FROM patient_event"
        " WHERE patient_id = $1 AND kind = 'changed_by_his'",
        patient_id,
    )
    if seen is not None and told.version <= seen:
        return
    keys, name = cipher(), clean_name(told.name)
    phone = keys.open(row["phone_cipher"]) if row["phone_cipher"] else None
    fields = [
        name
        for name, before, after in (("name", row["name"], name), ("phone", phone, told.phone))
        if after and after != before
    ]
    if not fields:
        return
    new_phone = told.phone or phone
    await tx.execute(
        "UPDATE patient SET name = $2, phone_cipher = $3, phone_hash = $4, updated_at = $5,"
        " version = version + 1 WHERE id = $1",
        patient_id,
        name,
        keys.seal(new_phone) if new_phone else None,
        keys.lookup_hash(new_phone) if new_phone else None,
        clock.now(),
    )
    details = {"fields": fields, "his_version": told.version}
    await record_event(tx, "changed_by_his", patient_id, actor, details)


def _to_facts(row: Row) -> PatientFacts:
    keys = cipher()
    return PatientFacts(
        platform_id=row["id"],
        his_number=row["his_number"],
        name=row["name"],
        birth_date=row["birth_date"],
        sex=_SEX_TO_FACTS[row["sex"]],
        document_type=row["document_type"],
        document_number=keys.open(row["document_cipher"]),
        phone=keys.open(row["phone_cipher"]) if row["phone_cipher"] else None,
        version=row["version"],
    )


OUTBOUND: Final = (
    OutboundSubscription("patient.registered", _load, accepted=_note_numbers),
    OutboundSubscription("patient.changed", _load, accepted=_note_numbers),
)
INBOUND: Final = (InboundSubscription(InboundKind.PATIENT_CHANGED, _apply_patient),)
