"""Neutral notices of what concerns a partner's patients, kept for the partner to read in order."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from kernel.db import Database, Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.outbox import wake

KEPT: Final = timedelta(days=30)
"""How long a notice can be read."""


class Place(NamedTuple):
    """A place in the feed. Ids are given out in one order and transactions are over in another: both are needed."""

    transaction_id: int
    notice_id: int


START: Final = Place(0, 0)


class Notice(NamedTuple):
    """A notice as its reader gets it. client_id: whom it concerns; None: everybody."""

    place: Place
    at: datetime
    client_id: str | None
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
    # The relay hands it on to those who want to be told.
    tx.after_commit(wake)


async def post_to_owner(
    tx: Transaction, kind: str, appointment: Row, *, actor: Actor, facts: Mapping[str, object], at: datetime
) -> None:
    """Post a notice to the application that booked an appointment, unless it made the change itself."""
    client_id = appointment["client_id"]
    if actor.client_id != client_id:
        whose = {"appointment_id": str(appointment["id"]), "patient_id": str(appointment["patient_id"])}
        await post(tx, client_id=client_id, kind=kind, subject_id=appointment["id"], facts=whose | dict(facts), at=at)


# What was restored from a dump has transactions of another life, which this database has yet to come to; it stands
# before everything of this one.
_READ: Final = """
WITH asked AS (
    SELECT snapshot, CASE WHEN $1::xid8 >= pg_snapshot_xmax(snapshot) THEN '0' ELSE $1::xid8 END AS transaction_id
    FROM pg_current_snapshot() AS now (snapshot))
(SELECT '0'::xid8 AS transaction_id, n.id, n.at, n.client_id, n.kind, n.subject_id, n.facts
 FROM booking_notice n, asked a
 WHERE n.transaction_id >= pg_snapshot_xmax(a.snapshot) AND a.transaction_id = '0' AND n.id > $2 {whose}
 ORDER BY n.id LIMIT $3)
UNION ALL
(SELECT n.transaction_id, n.id, n.at, n.client_id, n.kind, n.subject_id, n.facts
 FROM booking_notice n, asked a
 WHERE (n.transaction_id, n.id) > (a.transaction_id, $2::bigint)
   AND n.transaction_id < pg_snapshot_xmin(a.snapshot) {whose}
 ORDER BY n.transaction_id, n.id LIMIT $3)
ORDER BY transaction_id, id LIMIT $3
"""
_READ_OWN: Final = _READ.format(whose="AND (n.client_id = $4 OR n.client_id IS NULL)")
_READ_ALL: Final = _READ.format(whose="")


async def read_notices(client_id: str, *, after: Place, limit: int) -> Sequence[Notice]:
    """Read what concerns a client or everybody, in order, from behind a place in the feed.

    A notice is shown once every transaction that began to write before its own is over, and in the order of these
    transactions: none that is still running can put one behind a place that was read already. One that takes long puts
    the newest off by as long.

    Raises:
        DatabaseUnavailable.
    """
    return _notices(await database().fetch(_READ_OWN, after.transaction_id, after.notice_id, limit, client_id))


async def read_all_notices(db: Reader, *, after: Place, limit: int) -> Sequence[Notice]:
    """Read what concerns anybody, in the same way.

    Raises:
        DatabaseUnavailable.
    """
    return _notices(await db.fetch(_READ_ALL, after.transaction_id, after.notice_id, limit))


def _notices(rows: Sequence[Row]) -> list[Notice]:
    """Give a page in the order of its ids: of one subject that is the order in which things happened to it."""
    found = [Notice(Place(transaction_id, notice_id), *rest) for transaction_id, notice_id, *rest in rows]
    return sorted(found, key=lambda notice: notice.place.notice_id)


def place_behind(found: Sequence[Notice], *, after: Place) -> Place:
    """Give the place to read on from when a page was read from a place."""
    return max((notice.place for notice in found), default=after)


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
