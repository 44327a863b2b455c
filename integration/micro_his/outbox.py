"""What we tell: one table that is the sender's queue and the change feed in one.

Numbers follow the order of commits, so that a reader of the feed who has seen number N has missed none before.
"""

import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from integration.micro_his.wire_out import Draft
from kernel import clock
from kernel.db import Database, Row, Transaction

LANES: Final = 4
"""Order is kept within a lane. A schedule stays in one, so what happens to its numbers arrives as it happened."""

_wakers: Final[list[Callable[[], None]]] = []


def on_commit_call(waker: Callable[[], None]) -> None:
    """Let the sender be told when a message was committed."""
    _wakers.append(waker)


def forget_waker(waker: Callable[[], None]) -> None:
    """The sender has ended."""
    _wakers.remove(waker)


async def append(tx: Transaction, draft: Draft) -> None:
    """Queue a message in the transaction of the change that it tells of.

    The counter's row is locked until the commit: whoever appends next gets a higher number, later.
    """
    await tx.execute(
        "WITH next AS (UPDATE message_counter SET last = last + 1 RETURNING last)"
        " INSERT INTO message (seq, control_id, lane, event, mr, appointment_id, body, created_at)"
        " SELECT last, $1, $2, $3, $4, $5, $6, $7 FROM next",
        draft.control_id,
        zlib.crc32(draft.in_order_with.encode()) % LANES,
        draft.event,
        draft.mr,
        draft.appointment_id,
        draft.body,
        clock.now(),
    )
    for waker in _wakers:
        tx.after_commit(waker)


async def next_message(db: Database, lane: int) -> Row | None:
    """Give the oldest message of a lane that still has to be told."""
    return await db.fetchrow(
        "SELECT seq, control_id, event, appointment_id, body FROM message"
        " WHERE lane = $1 AND status = 'waiting' ORDER BY seq LIMIT 1",
        lane,
    )


async def finish(tx: Transaction, seq: int, *, status: str, answer: str) -> bool:
    """Note what became of a message; False when that was noted before."""
    return bool(
        await tx.execute(
            "UPDATE message SET status = $2, answer = $3, finished_at = $4 WHERE seq = $1 AND status = 'waiting'",
            seq,
            status,
            answer,
            clock.now(),
        )
    )


async def void_messages(tx: Transaction, *, appointment_id: int) -> None:
    """Do not tell any more of a number that the platform has refused."""
    await tx.execute(
        "UPDATE message SET status = 'void', finished_at = $2 WHERE appointment_id = $1 AND status = 'waiting'",
        appointment_id,
        clock.now(),
    )


async def read_feed(db: Database, *, after: int, limit: int) -> list[Row]:
    """Give what was told since a number, in order; what was never to be told is left out."""
    return await db.fetch(
        "SELECT seq, control_id, created_at, body FROM message WHERE seq > $1 AND status <> 'void'"
        " ORDER BY seq LIMIT $2",
        after,
        limit,
    )


async def outcome_of(db: Database, control_id: UUID) -> Row | None:
    """Tell what became of a message."""
    return await db.fetchrow("SELECT status, answer FROM message WHERE control_id = $1", control_id)


async def count_waiting(db: Database) -> tuple[int, datetime | None]:
    """Tell how many messages wait, and since when the oldest does."""
    row = await db.fetchrow("SELECT count(*) AS n, min(created_at) AS oldest FROM message WHERE status = 'waiting'")
    assert row is not None, "an aggregate without GROUP BY gives one row"
    return row["n"], row["oldest"]
