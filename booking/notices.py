"""Neutral notices of what concerns a partner's patients, kept for the partner to read in order."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor

KEPT: Final = timedelta(days=30)
"""How long a notice can be read."""


class Notice(NamedTuple):
    """A notice as its reader gets it; `id` is its place in the feed."""

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
    """Keep a notice in the transaction of what it tells, after the change itself.

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


async def post_to_owner(
    tx: Transaction, kind: str, appointment: Row, *, actor: Actor, facts: Mapping[str, object], at: datetime
) -> None:
    """Post a notice to the application that booked an appointment, unless it made the change itself."""
    client_id = appointment["client_id"]
    if actor.client_id != client_id:
        whose = {"appointment_id": str(appointment["id"]), "patient_id": str(appointment["patient_id"])}
        await post(tx, client_id=client_id, kind=kind, subject_id=appointment["id"], facts=whose | dict(facts), at=at)


async def read_notices(client_id: str, *, after: int, limit: int) -> Sequence[Notice]:
    """Read what concerns a client or everybody, oldest first, from behind a place in the feed.

    A notice is shown once every transaction that began to write before its own is over: a transaction has its number
    before its notice has one, so none can appear behind a place that was read already. One that takes long puts the
    newest off by as long. Notices of another life of the database (a restored dump) are of transactions to come.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT id, at, kind, subject_id, facts FROM booking_notice, pg_current_snapshot() AS now (snapshot)"
        " WHERE (client_id = $1 OR client_id IS NULL) AND id > $2 AND (transaction_id < pg_snapshot_xmin(snapshot)"
        " OR transaction_id >= pg_snapshot_xmax(snapshot)) ORDER BY id LIMIT $3",
        client_id,
        after,
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
