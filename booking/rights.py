"""What booking has of an account: the appointments and waits of those it acts for, and what is still to come."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.db import Reader
from patients.rights.ports import ROWS_MAX, Obstacle, Part


async def _appointments(db: Reader, _account_id: UUID, patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT a.id, a.patient_id, a.status, a.clinic_date, a.starts_at, d.name_zh AS department,"
        " a.seq AS queue_number, a.fee_fen, a.created_at FROM appointment a JOIN department d ON d.id = a.department_id"
        " WHERE a.patient_id = ANY($1) ORDER BY a.id DESC LIMIT $2",
        list(patients),
        ROWS_MAX + 1,
    )
    return [dict(row) for row in rows]


async def _places_on_waitlists(db: Reader, _account_id: UUID, patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT w.id, w.patient_id, w.status, d.name_zh AS department, w.date_from, w.date_until, w.created_at"
        " FROM waitlist_entry w JOIN department d ON d.id = w.department_id"
        " WHERE w.patient_id = ANY($1) ORDER BY w.id DESC LIMIT $2",
        list(patients),
        ROWS_MAX + 1,
    )
    return [dict(row) for row in rows]


async def find_coming_visits(db: Reader, account_id: UUID) -> list[Obstacle]:
    """List the visits to come that an account made: nobody would be told of a stopped clinic."""
    rows = await db.fetch(
        "SELECT id, patient_id FROM appointment WHERE client_id = $1 AND status IN ('booked', 'arrived')"
        " AND starts_at > $2 ORDER BY starts_at LIMIT 50",
        f"account:{account_id}",
        clock.now(),
    )
    return [Obstacle("appointment", row["id"], row["patient_id"]) for row in rows]


async def find_places_on_waitlists(db: Reader, account_id: UUID) -> list[Obstacle]:
    """List the places on waitlists that an account took: an offer would go to nobody, and its number stand empty.

    They are left by whoever took them, as visits are cancelled; one whose time is over stands in nobody's way.
    """
    rows = await db.fetch(
        "SELECT id, patient_id FROM waitlist_entry WHERE client_id = $1 AND status = 'waiting' AND ends_at > $2"
        " AND (offer_until IS NULL OR offer_until > $2) ORDER BY id LIMIT 50",
        f"account:{account_id}",
        clock.now(),
    )
    return [Obstacle("waitlist_entry", row["id"], row["patient_id"]) for row in rows]


PARTS: Final = (
    Part("appointments", "预约挂号", "Appointments", _appointments),
    Part("waitlist", "候补", "Places on waitlists", _places_on_waitlists),
)
