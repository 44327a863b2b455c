"""The visits of a person that they may have something to say about, with names instead of ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from kernel.db import database


@dataclass(frozen=True, slots=True)
class RecentVisit:
    """An appointment as a person remembers it: when, where and with whom."""

    id: UUID
    status: str
    clinic_date: date
    starts_at: datetime
    practitioner: str
    department_zh: str
    department_en: str


_VISIT: Final = """
SELECT a.id, a.status, a.clinic_date, a.starts_at, p.name, d.name_zh, d.name_en
FROM appointment a
JOIN schedule sc ON sc.id = a.schedule_id
JOIN practitioner p ON p.id = sc.practitioner_id
JOIN department d ON d.id = a.department_id
WHERE a.patient_id = $1
"""


async def list_recent_visits(patient_id: UUID, *, since: date, limit: int) -> Sequence[RecentVisit]:
    """List a person's appointments from a day on, whoever made them, the latest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"{_VISIT} AND a.clinic_date >= $2 ORDER BY a.starts_at DESC, a.id DESC LIMIT $3", patient_id, since, limit
    )
    return [RecentVisit(*row.values()) for row in rows]


async def find_visit(patient_id: UUID, appointment_id: UUID) -> RecentVisit | None:
    """Give one appointment of a person, or None where it is another's.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(f"{_VISIT} AND a.id = $2", patient_id, appointment_id)
    return None if row is None else RecentVisit(*row.values())
