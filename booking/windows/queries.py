"""Reading the windows' emergency quota and the registrations that wait for a member of staff."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from booking.catalogue.entries import Values, plain
from booking.catalogue.errors import EntryNotFound
from kernel.db import Database, Transaction, database

_QUOTAS: Final = """
SELECT sc.id AS schedule_id, sc.clinic_id, c.code AS clinic_code, sc.practitioner_id, sc.clinic_date AS date, sc.period,
       count(*) FILTER (WHERE n.status = 'set_aside') AS unconfirmed,
       count(*) FILTER (WHERE n.status = 'confirmed') AS confirmed,
       count(*) FILTER (WHERE n.status = 'recalled') AS recalled,
       count(*) FILTER (WHERE n.status = 'returned') AS returned,
       count(*) FILTER (WHERE n.status = 'used' OR n.closed_at IS NULL AND e.status = 'booked') AS sold,
       count(n.seat_id) AS numbers,
       min(n.returns_at) FILTER (WHERE n.status IN ('set_aside', 'confirmed')) AS returns_at
FROM schedule sc
JOIN clinic c ON c.id = sc.clinic_id
LEFT JOIN window_number n ON n.schedule_id = sc.id
LEFT JOIN seat e ON e.id = n.seat_id
WHERE {conditions}
GROUP BY sc.id, c.code
"""
_CASES: Final = (
    "k.id, k.source, k.his_id, k.schedule_id, sc.clinic_id, sc.clinic_date AS date, k.seq AS queue_number,"
    " k.patient_id, k.his_number, k.clerk, k.reason, k.stands, k.status, k.appointment_id, k.note, k.created_at,"
    " k.settled_at, k.settled_by"
)


async def list_quotas(
    *,
    on: date,
    clinic_id: UUID | None,
    unconfirmed_only: bool,
    after: UUID | None,
    limit: int,
) -> list[Values]:
    """List a clinic day's schedules that have an emergency quota, with what the HIS has confirmed of it.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"SELECT * FROM ({_QUOTAS.format(conditions='sc.clinic_date = $1')}) q"  # noqa: S608  our own constants
        " WHERE numbers > 0 AND ($2::uuid IS NULL OR clinic_id = $2) AND (NOT $3 OR unconfirmed > 0)"
        " AND ($4::uuid IS NULL OR schedule_id > $4) ORDER BY schedule_id LIMIT $5",
        on,
        clinic_id,
        unconfirmed_only,
        after,
        limit,
    )
    return [plain(dict(row)) for row in rows]


async def show_quota(db: Database | Transaction, schedule_id: UUID) -> Values:
    """Read the emergency quota of one schedule.

    Raises:
        EntryNotFound: no such schedule.
        DatabaseUnavailable.
    """
    row = await db.fetchrow(_QUOTAS.format(conditions="sc.id = $1"), schedule_id)
    if row is None:
        raise EntryNotFound(entity="schedule")
    return plain(dict(row))


async def list_cases(*, status: str | None, clinic_id: UUID | None, before: UUID | None, limit: int) -> list[Values]:
    """List registrations of outages that could not be merged, the newest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"SELECT {_CASES} FROM window_case k LEFT JOIN schedule sc ON sc.id = k.schedule_id"  # noqa: S608  our own names
        " WHERE ($1::text IS NULL OR k.status = $1) AND ($2::uuid IS NULL OR sc.clinic_id = $2)"
        " AND ($3::uuid IS NULL OR k.id < $3) ORDER BY k.id DESC LIMIT $4",
        status,
        clinic_id,
        before,
        limit,
    )
    return [plain(dict(row)) for row in rows]


async def get_case(case_id: UUID) -> Values:
    """Read one.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    return await show_case(database(), case_id)


async def show_case(db: Database | Transaction, case_id: UUID) -> Values:
    """Read one, with what became of it.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    row = await db.fetchrow(
        f"SELECT {_CASES} FROM window_case k LEFT JOIN schedule sc ON sc.id = k.schedule_id"  # noqa: S608  our own names
        " WHERE k.id = $1",
        case_id,
    )
    if row is None:
        raise EntryNotFound(entity="window_case")
    return plain(dict(row))


async def count_open(db: Database) -> tuple[dict[str, int], int, datetime | None]:
    """Count numbers at the windows by status, and open cases with the time of the oldest.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch("SELECT status, count(*) AS n FROM window_number WHERE closed_at IS NULL GROUP BY status")
    cases = await db.fetchrow("SELECT count(*) AS n, min(created_at) AS oldest FROM window_case WHERE status = 'open'")
    assert cases is not None, "an aggregate without GROUP BY gives one row"
    return {row["status"]: row["n"] for row in rows}, cases["n"], cases["oldest"]
