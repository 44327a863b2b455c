"""Searching patients by criteria, for callers who say themselves whom they may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from kernel.criteria import Criterion, Where
from kernel.crypto import cipher
from kernel.db import Row, database
from patients.documents import mask_number

# What may be searched: criteria's fields, with the conditions that they mean.
CONDITIONS: Final = {
    "id": "p.id = ANY({}::uuid[])",
    "patient": "p.id = ANY({}::uuid[])",
    "registered_by": "EXISTS (SELECT FROM patient_access x WHERE x.patient_id = p.id"
    " AND x.client_id = ANY({}::text[]))",
    "document_hash": "p.document_hash = ANY({}::bytea[])",
    "identifier": "EXISTS (SELECT FROM patient_identifier i WHERE i.patient_id = p.id"
    " AND i.system || '|' || i.value = ANY({}::text[]))",
    "name": "EXISTS (SELECT FROM unnest({}::text[]) AS f (beginning) WHERE starts_with(lower(p.name), f.beginning))",
    "updated_at": "p.updated_at",
}
_READ: Final = """
SELECT p.id, p.name, p.sex, p.birth_date, p.document_type, p.document_cipher, p.version, p.updated_at,
       (SELECT coalesce(array_agg(i.system || '|' || i.value ORDER BY i.system), '{}')
        FROM patient_identifier i WHERE i.patient_id = p.id) AS identifiers
FROM patient p
"""


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """A person as a search finds them. sex: GB/T 2261.1. identifiers: system and value of each number elsewhere."""

    id: UUID
    name: str
    sex: int
    birth_date: date
    document_type: str
    document_number_masked: str
    identifiers: tuple[tuple[str, str], ...]
    version: int
    updated_at: datetime


async def search_patients(
    criteria: Sequence[Criterion], *, after: Sequence[object] | None, limit: int
) -> list[PatientRecord]:
    """List the patients who fit, in the order in which they were registered; `after`: the last id of the page before.

    Raises:
        DatabaseUnavailable.
    """
    where = Where(CONDITIONS)
    condition = f"{where.all_of(criteria)} AND {where.after(['p.id'], after)}"
    rows = await database().fetch(
        f"{_READ} WHERE {condition} ORDER BY p.id LIMIT {where.place(limit)}",
        *where.values,
    )
    return [_shape(row) for row in rows]


async def count_patients(criteria: Sequence[Criterion], *, up_to: int) -> int:
    """Count the patients who fit, no further than `up_to`.

    Raises:
        DatabaseUnavailable.
    """
    where = Where(CONDITIONS)
    condition = where.all_of(criteria)
    return int(
        await database().fetchval(
            f"SELECT count(*) FROM (SELECT FROM patient p WHERE {condition} LIMIT {where.place(up_to)}) AS found",  # noqa: S608  our own conditions
            *where.values,
        )
    )


def _shape(row: Row) -> PatientRecord:
    return PatientRecord(
        id=row["id"],
        name=row["name"],
        sex=row["sex"],
        birth_date=row["birth_date"],
        document_type=row["document_type"],
        document_number_masked=mask_number(cipher().open(row["document_cipher"])),
        identifiers=tuple((system, value) for system, _, value in (one.partition("|") for one in row["identifiers"])),
        version=row["version"],
        updated_at=row["updated_at"],
    )
