"""Reading patients, always within the caller's scope."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from kernel.db import Reader
from patients.errors import PatientNotFound


class PatientFacts(NamedTuple):
    """What a clinic's rules ask of a person.

    sex: GB/T 2261.1 (0 unknown, 1 male, 2 female, 9 unspecified). banned_until: before then they may not book.
    phone_hash: keyed hash of their telephone, by which claims are limited.
    """

    sex: int
    birth_date: date
    banned_until: datetime | None = None
    phone_hash: bytes | None = None


async def clients_of(db: Reader, patient_id: UUID) -> list[str]:
    """List the partners who have registered a patient."""
    rows = await db.fetch("SELECT client_id FROM patient_access WHERE patient_id = $1 ORDER BY client_id", patient_id)
    return [row["client_id"] for row in rows]


async def billing_name(db: Reader, patient_id: UUID, *, number_system: str) -> tuple[str, str | None]:
    """Give whom receipts of a patient are made out to: their name, and their number in a system of the hospital's.

    Raises:
        PatientNotFound: no such patient.
    """
    rows = await db.fetch(
        "SELECT p.name, i.value FROM patient p LEFT JOIN patient_identifier i ON i.patient_id = p.id AND i.system = $2"
        " WHERE p.id = $1",
        patient_id,
        number_system,
    )
    if not rows:
        raise PatientNotFound
    return rows[0]["name"], rows[0]["value"]


async def eligibility_facts(db: Reader, keys: Sequence[tuple[UUID, str | None]]) -> dict[UUID, PatientFacts]:
    """Read many people's facts in one statement.

    Each key is a patient and the client who asks, or None for one who sees all; a person whom that client has not
    registered is missing from the answer, like one who does not exist.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT p.id, p.sex, p.birth_date, p.banned_until, p.phone_hash"
        " FROM unnest($1::uuid[], $2::text[]) AS k (patient_id, client_id)"
        " JOIN patient p ON p.id = k.patient_id"
        " WHERE k.client_id IS NULL OR EXISTS ("
        " SELECT FROM patient_access x WHERE x.patient_id = k.patient_id AND x.client_id = k.client_id)",
        [patient for patient, _ in keys],
        [client for _, client in keys],
    )
    return {patient_id: PatientFacts(*known) for patient_id, *known in rows}
