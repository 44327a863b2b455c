"""Registering people by real name, once each, and letting clients see those whom they registered."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from kernel.outbox import publish
from patients.documents import Document, check_document, mask_number
from patients.errors import DocumentDisagrees, InvalidDocument, NameMismatch, PatientNotFound
from patients.names import clean_name, is_same_name

HANDLERS: Final = ("his",)


@dataclass(frozen=True, slots=True)
class Patient:
    """A person as its client may see them. sex: GB/T 2261.1; document_number is masked."""

    id: UUID
    name: str
    sex: int
    birth_date: date
    document_type: str
    document_number: str
    phone: str | None
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Registration:
    """What a client tells of a person; birth date and sex may be left out where the document tells them."""

    name: str
    document_type: str
    document_number: str
    sex: int | None = None
    birth_date: date | None = None
    phone: str | None = None


async def register_patient(
    wanted: Registration, *, actor: Actor, idempotency: Idempotency | None = None
) -> tuple[Patient, bool]:
    """Register a person by real name, or let the client see one registered before; tell whether they are new.

    The same document with the same name is the same person, whoever registers.

    Raises:
        InvalidDocument: the number cannot be one of its type, or birth date and sex are needed.
        DocumentDisagrees: the number tells otherwise, or the person who has it here is another.
        NameMismatch: the document is registered under another name; nothing of it is revealed.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    checked = _check(wanted)
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await _read(tx, UUID(stored["patient_id"])), bool(stored["created"])
        row, new = await _recognise(tx, wanted, checked)
        await tx.execute(
            "INSERT INTO patient_access (client_id, patient_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            actor.client_id,
            row["id"],
        )
        await record_event(tx, "registered" if new else "access_given", row["id"], actor)
        if new:
            await announce(tx, row["id"])
        if idempotency:
            await idempotency.remember(tx, {"patient_id": row["id"], "created": new})
        return _shape(row), new


async def recognise_patient(tx: Transaction, wanted: Registration, *, actor: Actor) -> Patient:
    """Give the person of a name and document who is here already, or register them, for a patient's own account.

    Raises:
        InvalidDocument, DocumentDisagrees, NameMismatch: as register_patient.
    """
    row, new = await _recognise(tx, wanted, _check(wanted))
    if new:
        await record_event(tx, "registered", row["id"], actor)
        await announce(tx, row["id"])
    return _shape(row)


async def get_patient(patient_id: UUID, *, actor: Actor) -> Patient:
    """Read a patient of the caller's.

    Raises:
        PatientNotFound: absent, or not registered by this client.
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT p.* FROM patient p WHERE p.id = $1 AND ($2 OR EXISTS ("
        "SELECT FROM patient_access a WHERE a.patient_id = p.id AND a.client_id = $3))",
        patient_id,
        actor.sees_all,
        actor.client_id,
    )
    if row is None:
        raise PatientNotFound
    return _shape(row)


async def find_patient(*, document_type: str, document_number: str, actor: Actor) -> Patient:
    """Find a patient of the caller's by document.

    Raises:
        InvalidDocument: the number cannot be one of its type.
        PatientNotFound: absent, or not registered by this client.
        DatabaseUnavailable.
    """
    document = check_document(document_type, document_number, today=clock.today())
    patient_id = await database().fetchval(
        "SELECT id FROM patient WHERE document_type = $1 AND document_hash = $2",
        document.type,
        cipher().lookup_hash(document.lookup_text),
    )
    if patient_id is None:
        raise PatientNotFound
    return await get_patient(patient_id, actor=actor)


async def register_from_his(tx: Transaction, wanted: Registration, *, actor: Actor) -> tuple[UUID, bool]:
    """Take over a person whom the HIS's window registered; one with the same document is the same person.

    Raises:
        InvalidDocument, DocumentDisagrees: the message cannot be right.
    """
    checked = _check(wanted)
    row, new = await _insert_or_find(
        tx, checked.name, checked.sex, checked.birth_date, checked.document, wanted.phone, origin="his"
    )
    if new:
        await record_event(tx, "registered", row["id"], actor)
    return row["id"], new


async def set_banned_until(tx: Transaction, patient_id: UUID, until: datetime | None) -> None:
    """Note until when a person may not book; None: they may. Who decides it also writes down why."""
    await tx.execute("UPDATE patient SET banned_until = $2 WHERE id = $1", patient_id, until)


async def attach_identifier(tx: Transaction, *, patient_id: UUID, system: str, value: str) -> None:
    """Keep another system's number for a person; a newer number of the same system takes the older one's place."""
    await tx.execute("DELETE FROM patient_identifier WHERE patient_id = $1 AND system = $2", patient_id, system)
    await tx.execute(
        "INSERT INTO patient_identifier (patient_id, system, value) VALUES ($1, $2, $3)"
        " ON CONFLICT (system, value) DO UPDATE SET patient_id = excluded.patient_id",
        patient_id,
        system,
        value,
    )


async def announce(tx: Transaction, patient_id: UUID) -> None:
    """Intend the messages that tell others of a new person."""
    for handler in HANDLERS:
        await publish(
            tx,
            handler=handler,
            event_type="patient.registered",
            aggregate=f"patient:{patient_id}",
            payload={"patient_id": str(patient_id)},
        )


async def record_event(
    tx: Transaction, kind: str, patient_id: UUID, actor: Actor, details: dict[str, Any] | None = None
) -> None:
    """Append what happened to a person's record, in the change's transaction."""
    await tx.execute(
        "INSERT INTO patient_event (kind, patient_id, client_id, channel, staff_code, request_id, details)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        kind,
        patient_id,
        actor.client_id,
        actor.channel,
        actor.staff_code,
        actor.request_id,
        details or {},
    )


@dataclass(frozen=True, slots=True)
class _Checked:
    """What a registration tells, once it has been found to agree with its document."""

    document: Document
    birth_date: date
    sex: int
    name: str


def _check(wanted: Registration) -> _Checked:
    document = check_document(wanted.document_type, wanted.document_number, today=clock.today())
    birth_date, sex = _agree(wanted, document)
    return _Checked(document, birth_date, sex, clean_name(wanted.name))


async def _recognise(tx: Transaction, wanted: Registration, checked: _Checked) -> tuple[Row, bool]:
    row, new = await _insert_or_find(
        tx, checked.name, checked.sex, checked.birth_date, checked.document, wanted.phone, origin="platform"
    )
    if not new:
        _require_known_person(row, checked.name, wanted)
    return row, new


def _require_known_person(row: Row, name: str, wanted: Registration) -> None:
    """Let only who knows the person by name see them, and take nobody for another of the same passport number.

    Raises:
        NameMismatch, DocumentDisagrees.
    """
    if not is_same_name(row["name"], name):
        raise NameMismatch
    if wanted.birth_date not in (None, row["birth_date"]):
        raise DocumentDisagrees(field="birth_date")
    if {wanted.sex, row["sex"]} == {1, 2}:
        raise DocumentDisagrees(field="sex")


def _agree(wanted: Registration, document: Document) -> tuple[date, int]:
    birth_date = document.birth_date or wanted.birth_date
    sex = wanted.sex if document.sex is None else document.sex
    if birth_date is None or sex is None:
        raise InvalidDocument(rule="birth_date_and_sex_required")
    if wanted.birth_date not in (None, birth_date):
        raise DocumentDisagrees(field="birth_date")
    if wanted.sex not in (None, sex):
        raise DocumentDisagrees(field="sex")
    if birth_date > clock.today():
        raise InvalidDocument(rule="birth_date")
    return birth_date, sex


async def _insert_or_find(
    tx: Transaction, name: str, sex: int, birth_date: date, document: Document, phone: str | None, *, origin: str
) -> tuple[Row, bool]:
    keys = cipher()
    document_hash = keys.lookup_hash(document.lookup_text)
    row = await tx.fetchrow(
        "INSERT INTO patient (id, name, sex, birth_date, document_type, document_cipher, document_hash, phone_cipher,"
        " phone_hash, origin) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT ON CONSTRAINT patient_document DO NOTHING RETURNING *",
        new_id(),
        name,
        sex,
        birth_date,
        document.type,
        keys.seal(document.number),
        document_hash,
        keys.seal(phone) if phone else None,
        keys.lookup_hash(phone) if phone else None,
        origin,
    )
    if row is not None:
        return row, True
    row = await tx.fetchrow(
        "SELECT * FROM patient WHERE document_type = $1 AND document_hash = $2", document.type, document_hash
    )
    assert row is not None, "the conflict was with a committed row"
    return row, False


async def _read(tx: Transaction, patient_id: UUID) -> Patient:
    row = await tx.fetchrow("SELECT * FROM patient WHERE id = $1", patient_id)
    assert row is not None, "stored with the key"
    return _shape(row)


def _shape(row: Row) -> Patient:
    keys = cipher()
    phone = keys.open(row["phone_cipher"]) if row["phone_cipher"] else None
    return Patient(
        id=row["id"],
        name=row["name"],
        sex=row["sex"],
        birth_date=row["birth_date"],
        document_type=row["document_type"],
        document_number=mask_number(keys.open(row["document_cipher"])),
        phone=phone and mask_number(phone),
        version=row["version"],
        created_at=row["created_at"],
    )
