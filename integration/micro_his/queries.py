"""What the micro-HIS shows over REST: its day, its schedules, its charts."""

from datetime import date
from typing import Any, Final
from uuid import UUID

from integration.micro_his.window import WINDOW_NUMBERS
from kernel.db import Database, Row

PAGE_ROWS: Final = 500
PATIENTS_MAX: Final = 20

_APPOINTMENT: Final = """
SELECT a.*, p.platform_id AS patient_platform_id, s.clinic_code, s.practitioner_code, v.number AS visit_number
FROM appointment a JOIN patient p USING (mr) JOIN schedule s ON s.id = a.schedule_id
LEFT JOIN visit v ON v.appointment_id = a.id
"""


async def list_appointments(db: Database, day: date, *, after: int) -> tuple[list[dict[str, Any]], int | None]:
    """Give a page of a clinic day's appointments, the cancelled ones too, and the cursor behind it.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"{_APPOINTMENT} WHERE a.clinic_date = $1 AND a.id > $2 ORDER BY a.id LIMIT $3", day, after, PAGE_ROWS
    )
    return [_appointment(row) for row in rows], rows[-1]["id"] if len(rows) == PAGE_ROWS else None


async def find_appointment(
    db: Database, *, his_id: str | None = None, platform_id: UUID | None = None
) -> dict[str, Any] | None:
    """Give one appointment by our number or by the platform's; None: there is none.

    Raises:
        DatabaseUnavailable.
    """
    row = await db.fetchrow(f"{_APPOINTMENT} WHERE a.his_id = $1 OR a.platform_id = $2", his_id, platform_id)
    return _appointment(row) if row else None


async def list_schedules(db: Database, day: date, *, after: UUID) -> tuple[list[dict[str, Any]], UUID | None]:
    """Give a page of a clinic day's schedules and the cursor behind it.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT s.*, (SELECT coalesce(sum(t.last_sequence - t.first_sequence + 1), 0) FROM slot t"
        " WHERE t.schedule_id = s.id) AS seats"
        " FROM schedule s WHERE s.clinic_date = $1 AND s.id > $2 ORDER BY s.id LIMIT $3",
        day,
        after,
        PAGE_ROWS,
    )
    return [_schedule(row) for row in rows], rows[-1]["id"] if len(rows) == PAGE_ROWS else None


async def show_schedule(db: Database, schedule_id: UUID) -> dict[str, Any] | None:
    """Give a schedule with the window's numbers in it; None: there is no such one.

    Raises:
        DatabaseUnavailable.
    """
    row = await db.fetchrow(
        "SELECT s.*, (SELECT coalesce(sum(t.last_sequence - t.first_sequence + 1), 0) FROM slot t"
        " WHERE t.schedule_id = s.id) AS seats FROM schedule s WHERE s.id = $1",
        schedule_id,
    )
    if row is None:
        return None
    numbers = await db.fetch(WINDOW_NUMBERS, schedule_id)
    return _schedule(row) | {
        "window": [_number(number) for number in numbers if not number["is_emergency"]],
        "emergency": [_number(number) for number in numbers if number["is_emergency"]],
    }


def _number(row: Row) -> dict[str, Any]:
    return {
        "seq": row["sequence"],
        "free": row["is_free"],
        "start": row["starts_at"].isoformat(),
        "until": row["window_until"].isoformat() if row["window_until"] else None,
    }


async def find_patients(
    db: Database, *, mr: str | None, document_number: str | None, platform_id: UUID | None
) -> list[dict[str, Any]]:
    """Give the charts that answer to any of these numbers.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT * FROM patient WHERE mr = $1 OR document_number = $2 OR platform_id = $3 ORDER BY mr LIMIT $4",
        mr,
        document_number,
        platform_id,
        PATIENTS_MAX,
    )
    return [
        {
            "mr": row["mr"],
            "platform_id": str(row["platform_id"]) if row["platform_id"] else None,
            "name": row["name"],
            "birth_date": row["birth_date"].isoformat() if row["birth_date"] else None,
            "sex": row["sex"],
            "document_type": row["document_type"],
            "document_number": row["document_number"],
            "phone": row["phone"],
        }
        for row in rows
    ]


def _appointment(row: Row) -> dict[str, Any]:
    return {
        "his_id": row["his_id"],
        "platform_id": str(row["platform_id"]) if row["platform_id"] else None,
        "source": row["source"],
        "schedule_id": str(row["schedule_id"]),
        "seq": row["sequence"],
        "patient": {
            "mr": row["mr"],
            "platform_id": str(row["patient_platform_id"]) if row["patient_platform_id"] else None,
        },
        "status": row["status"],
        "version": row["version"],
        "start": row["starts_at"].isoformat(),
        "end": row["ends_at"].isoformat(),
        "date": row["clinic_date"].isoformat(),
        "clinic_code": row["clinic_code"],
        "practitioner_code": row["practitioner_code"],
        "made_by": row["made_by"],
        "channel": row["channel"],
        "reason": row["reason"],
        "platform_state": row["platform_state"],
        "refusal": {"code": row["refusal_code"], "text": row["refusal_text"]} if row["refusal_code"] else None,
        "visit_number": row["visit_number"],
        "updated_at": row["updated_at"].isoformat(),
    }


def _schedule(row: Row) -> dict[str, Any]:
    return {
        "schedule_id": str(row["id"]),
        "clinic_code": row["clinic_code"],
        "room_code": row["room_code"],
        "practitioner_code": row["practitioner_code"],
        "service_type": row["service_type"],
        "date": row["clinic_date"].isoformat(),
        "period": row["period"],
        "status": row["status"],
        "fee_fen": row["fee_fen"],
        "version": row["version"],
        "seats": int(row["seats"]),
    }
