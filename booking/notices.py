"""Neutral notices of what concerns a partner's patients, kept for the partner to read in order."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from kernel.db import Database, Transaction, database

KEPT: Final = timedelta(days=30)
"""How long a notice can be read."""


class Notice(NamedTuple):
    """A notice as its reader gets it; (transaction, id) is its place in the feed."""

    transaction: int
    id: int
    at: datetime
    kind: str
    subject_id: UUID
    facts: dict[str, Any]


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


async def read_notices(client_id: str, *, after: tuple[int, int], limit: int) -> Sequence[Notice]:
    """Read what concerns a client or everybody, oldest first, from behind a place in the feed.

    A notice is shown once every transaction that began before its own is over, so that none can appear behind a
    place that was read already; a transaction that takes long puts the newest off by as long.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT transaction_id::text::bigint AS transaction, id, at, kind, subject_id, facts FROM booking_notice"
        " WHERE (client_id = $1 OR client_id IS NULL) AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())"
        " AND (transaction_id, id) > ($2::text::xid8, $3) ORDER BY transaction_id, id LIMIT $4",
        client_id,
        str(after[0]),
        after[1],
        limit,
    )
    return [Notice(*row.values()) for row in rows]


async def purge_notices(db: Database, *, before: datetime, limit: int = 5_000) -> int:
    """Forget notices from before an instant, a bounded number at a time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM booking_notice WHERE id IN (SELECT id FROM booking_notice WHERE at < $1 ORDER BY at LIMIT $2)",
        before,
        limit,
    )
