"""Reading patients, always within the caller's scope."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from kernel.db import Reader


class PatientFacts(NamedTuple):
    """What a clinic's rules ask of a person. sex: GB/T 2261.1 (0 unknown, 1 male, 2 female, 9 unspecified)."""

    sex: int
    birth_date: date


async def eligibility_facts(db: Reader, keys: Sequence[tuple[UUID, str | None]]) -> dict[UUID, PatientFacts]:
    """Read many people's facts in one statement.

    Each key is a patient and the client who asks, or None for one who sees all; a person whom that client has not
    registered is missing from the answer, like one who does not exist.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT p.id, p.sex, p.birth_date FROM unnest($1::uuid[], $2::text[]) AS k (patient_id, client_id)"
        " JOIN patient p ON p.id = k.patient_id"
        " WHERE k.client_id IS NULL OR EXISTS ("
        " SELECT FROM patient_access x WHERE x.patient_id = k.patient_id AND x.client_id = k.client_id)",
        [patient for patient, _ in keys],
        [client for _, client in keys],
    )
    return {row["id"]: PatientFacts(row["sex"], row["birth_date"]) for row in rows}
