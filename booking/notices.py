"""Neutral notices of what concerns a partner's patients, kept for the partner to read in order."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from kernel.db import Transaction


async def post(
    tx: Transaction,
    *,
    client_id: str | None,
    kind: str,
    subject_id: UUID,
    facts: Mapping[str, object],
    at: datetime,
) -> None:
    """Keep a notice in the transaction of what it tells.

    client_id: whom it concerns; None: everybody. subject_id: the appointment, entry or order it is about.
    facts: ids, codes and instants; never personal data.
    """
    await tx.execute(
        "INSERT INTO booking_notice (at, client_id, kind, subject_id, facts) VALUES ($1, $2, $3, $4, $5)",
        at,
        client_id,
        kind,
        subject_id,
        dict(facts),
    )
