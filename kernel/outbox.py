"""Intents for the outside world, written in the transaction of the change they tell of.

Order is kept per (handler, aggregate): a row waits for the earlier ones of its aggregate, and for those of the
aggregate that it depends on. A dead letter holds up its own aggregate only, until a person replays or skips it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kernel import clock
from kernel.db import Database, Transaction
from kernel.errors import NotFound
from kernel.log import get_logger
from kernel.redis import GONE, redis_client

WAKE_CHANNEL = "outbox"
ERROR_CHARACTERS_MAX = 500

log = get_logger("kernel")


class OutboxRowNotFound(NotFound):
    """No dead letter with this number."""

    code = "outbox.row_not_found"
    zh = "没有这条死信"
    en = "There is no such dead letter."


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One leased intent. `message_id` stays the same over every try, so that receivers can tell a repeat."""

    id: int
    handler: str
    event_type: str
    aggregate: str
    message_id: UUID
    payload: dict[str, Any]
    attempts: int
    created_at: datetime


async def publish(
    tx: Transaction,
    *,
    handler: str,
    event_type: str,
    aggregate: str,
    payload: Mapping[str, object],
    depends_on: str | None = None,
) -> None:
    """Intend a message; it is sent after the commit, at least once, in order within its aggregate."""
    await tx.execute(
        "INSERT INTO outbox (handler, event_type, aggregate, depends_on, payload) VALUES ($1, $2, $3, $4, $5)",
        handler,
        event_type,
        aggregate,
        depends_on,
        dict(payload),
    )
    tx.after_commit(wake)


_CLAIM = """
WITH ready AS (
    SELECT o.id FROM outbox o
    WHERE o.handler = $1 AND o.status = 'pending' AND o.due_at <= $4 AND o.lease_until <= $4
      AND NOT EXISTS (
          SELECT 1 FROM outbox e WHERE e.handler = o.handler AND e.status IN ('pending', 'dead')
             AND e.aggregate = o.aggregate AND e.id < o.id)
      AND (o.depends_on IS NULL OR NOT EXISTS (
          SELECT 1 FROM outbox e WHERE e.handler = o.handler AND e.status IN ('pending', 'dead')
             AND e.aggregate = o.depends_on AND e.id < o.id))
    ORDER BY o.id LIMIT $2 FOR UPDATE SKIP LOCKED)
UPDATE outbox o SET lease_until = $4 + make_interval(secs => $3), attempts = attempts + 1
FROM ready WHERE o.id = ready.id
RETURNING o.id, o.handler, o.event_type, o.aggregate, o.message_id, o.payload, o.attempts, o.created_at
"""


async def claim_batch(db: Database, handler: str, *, limit: int, lease_seconds: float) -> list[OutboxRow]:
    """Lease the rows that may go now, oldest first; a lease that ends lets another worker have the row."""
    rows = await db.fetch(_CLAIM, handler, limit, lease_seconds, clock.now())
    return sorted((OutboxRow(**dict(row)) for row in rows), key=lambda row: row.id)


async def mark_done(db: Database | Transaction, ids: Sequence[int]) -> int:
    """Record that the receiver has taken the messages; a row already finished stays as it is."""
    return await db.execute(
        "UPDATE outbox SET status = 'done', finished_at = $2, last_error = NULL"
        " WHERE id = ANY($1) AND status = 'pending'",
        list(ids),
        clock.now(),
    )


async def postpone(db: Database | Transaction, row_id: int, *, error: str, delay: timedelta) -> None:
    """Record that it could not be delivered now and try again after `delay`."""
    now = clock.now()
    await db.execute(
        "UPDATE outbox SET due_at = $2, lease_until = '-infinity', last_error = $3 WHERE id = $1 AND status = 'pending'",
        row_id,
        now + delay,
        error[:ERROR_CHARACTERS_MAX],
    )


async def bury(db: Database | Transaction, row_id: int, *, error: str) -> None:
    """Make it a dead letter: it waits, visibly, for a person, and holds up its own aggregate only."""
    await db.execute(
        "UPDATE outbox SET status = 'dead', last_error = $2 WHERE id = $1 AND status = 'pending'",
        row_id,
        error[:ERROR_CHARACTERS_MAX],
    )


def wake() -> None:
    """Tell the relay that rows are waiting; a lost wake costs two seconds, never a message."""
    global _waking  # noqa: PLW0603  wakes that fall together become one
    if redis_client() is None or _waking is not None:
        return
    _waking = asyncio.get_running_loop().create_task(_publish_wake())


_waking: "asyncio.Task[None] | None" = None


async def _publish_wake() -> None:
    global _waking  # noqa: PLW0603  see wake
    client = redis_client()
    try:
        if client is not None:
            await client.publish(WAKE_CHANNEL, b"1")
    except GONE as error:
        log.debug("outbox_wake_lost", error=type(error).__name__)
    finally:
        _waking = None
