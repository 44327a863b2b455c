"""The record of who asked for what, and what became of it."""

from datetime import datetime
from uuid import UUID

from kernel.db import Transaction


async def note(
    tx: Transaction, action: str, *, account_id: UUID, subject_id: UUID, at: datetime, request_id: str | None = None
) -> None:
    """Append a step of an export or a deletion."""
    await tx.execute(
        "INSERT INTO account_right_event (account_id, subject_id, at, action, request_id) VALUES ($1, $2, $3, $4, $5)",
        account_id,
        subject_id,
        at,
        action,
        request_id,
    )
