"""What this room has of an account: what it has filed and said of visits; its free texts go with it."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from kernel.crypto import cipher
from kernel.db import Reader, Transaction
from patients.rights.ports import ROWS_MAX, Part


async def _cases(db: Reader, account_id: UUID, _patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT c.id, c.patient_id, c.kind, c.category, c.status, m.at, m.author, m.body_cipher FROM feedback_case c"
        " JOIN feedback_message m ON m.case_id = c.id WHERE c.account_id = $1 ORDER BY m.id LIMIT $2",
        account_id,
        ROWS_MAX + 1,
    )
    shown = [dict(row) for row in rows]
    return [row | {"text": cipher().open(row.pop("body_cipher"))} for row in shown]


async def _ratings(db: Reader, account_id: UUID, _patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT appointment_id, patient_id, marks, comment_cipher, created_at, updated_at FROM satisfaction_rating"
        " WHERE account_id = $1 ORDER BY created_at LIMIT $2",
        account_id,
        ROWS_MAX + 1,
    )
    shown = [dict(row) for row in rows]
    return [
        row | {"comment": sealed and cipher().open(sealed)} for row in shown for sealed in [row.pop("comment_cipher")]
    ]


async def erase_comments(tx: Transaction, account_id: UUID) -> None:
    """Take an account's free texts out of its ratings; marks stay, as figures are made of them."""
    await tx.execute("UPDATE satisfaction_rating SET comment_cipher = NULL WHERE account_id = $1", account_id)


PARTS: Final = (
    Part("feedback", "投诉与建议", "Complaints and suggestions", _cases),
    Part("ratings", "就诊评价", "Ratings of visits", _ratings),
)
