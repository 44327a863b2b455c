"""What payments have of an account: the orders of those it acts for, and money of its own that is on its way."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from kernel.db import Reader
from patients.rights.ports import ROWS_MAX, Obstacle, Part


async def _orders(db: Reader, _account_id: UUID, patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT id, order_no, kind, patient_id, amount_fen, refunded_fen, status, created_at, paid_at"
        " FROM payment_order WHERE patient_id = ANY($1) ORDER BY id DESC LIMIT $2",
        list(patients),
        ROWS_MAX + 1,
    )
    return [dict(row) for row in rows]


async def find_open_money(db: Reader, account_id: UUID) -> list[Obstacle]:
    """List the orders of an account that are not paid and settled yet, and those whose money is on its way back."""
    rows = await db.fetch(
        "SELECT o.id, o.patient_id FROM payment_order o WHERE o.client_id = $1"
        " AND (o.status IN ('open', 'closing', 'paid', 'rejected') OR EXISTS (SELECT FROM payment_refund r"
        " WHERE r.order_id = o.id AND r.status IN ('requested', 'reversing', 'ready', 'processing', 'abnormal')))"
        " ORDER BY o.id LIMIT 50",
        f"account:{account_id}",
    )
    return [Obstacle("payment", row["id"], row["patient_id"]) for row in rows]


PARTS: Final = (Part("orders", "缴费", "Orders and payments", _orders),)
