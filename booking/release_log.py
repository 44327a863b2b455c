"""The release log: what became of each seat when it came free, and that nobody had it before its time.

It is read from the events that the return path writes (booking/returns.py), which nobody can rewrite.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kernel.db import database

# `next`: the first thing that happened to the seat afterwards. `reopened` and `hold_expired` only write an end down.
_READ: Final = """
SELECT e.id, e.at, e.seat_id, s.seq AS queue_number, s.slot_id, e.schedule_id, s.pool,
       e.details ->> 'because' AS because, (e.details ->> 'since')::timestamptz AS returned_at,
       CASE WHEN e.kind = 'offered' THEN 'offered' WHEN e.hold_id IS NOT NULL THEN 'kept_back' ELSE 'reopened'
            END AS outcome,
       CASE WHEN e.kind = 'returned' THEN (e.details ->> 'opens_at')::timestamptz END AS reopens_at,
       CASE WHEN e.kind = 'offered' THEN e.hold_id END AS offer_id, (e.details ->> 'entry_id')::uuid AS entry_id,
       (e.details ->> 'until')::timestamptz AS offered_until, n.kind AS next_kind, n.at AS next_at
FROM booking_event e JOIN seat s ON s.id = e.seat_id
LEFT JOIN LATERAL (
    SELECT kind, at FROM booking_event WHERE seat_id = e.seat_id AND id > e.id AND kind <> 'reopened'
    ORDER BY id LIMIT 1) n ON true
WHERE e.kind IN ('returned', 'offered')
  AND ($1::uuid IS NULL OR e.schedule_id = $1) AND ($2::bigint IS NULL OR e.seat_id = $2)
  AND ($3::timestamptz IS NULL OR e.at >= $3) AND ($4::timestamptz IS NULL OR e.at < $4)
  AND ($5::bigint IS NULL OR e.id < $5)
ORDER BY e.id DESC LIMIT $6
"""


@dataclass(frozen=True, slots=True)
class Return:
    """One coming free of one seat; `id` grows with time.

    because:    the kind of what freed it. returned_at: when it came free (UTC).
    outcome:    offered to somebody who waits, kept_back for a random while, or reopened at once.
    reopens_at: when it is on sale again; None while it is somebody's offer.
    next_kind, next_at: what happened to the seat afterwards, such as `booked`; None: nothing yet.
    """

    id: int
    at: datetime
    seat_id: int
    queue_number: int
    slot_id: UUID
    schedule_id: UUID
    pool: str
    because: str
    returned_at: datetime
    outcome: str
    reopens_at: datetime | None
    offer_id: UUID | None
    entry_id: UUID | None
    offered_until: datetime | None
    next_kind: str | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnFilter:
    """Which returns to list; None leaves a filter off. `since` is included, `until` is not."""

    schedule_id: UUID | None = None
    seat_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


async def list_returns(wanted: ReturnFilter, *, before: int | None, limit: int) -> list[Return]:
    """List what became of seats that came free, newest first; `before` is the id of the last one of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(_READ, wanted.schedule_id, wanted.seat_id, wanted.since, wanted.until, before, limit)
    return [Return(*row.values()) for row in rows]
