"""Seats that a stop order has taken out of use: they never come back on sale while the order stands."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from booking import office_seats
from kernel.db import Row, Transaction
from kernel.events import Actor


async def lay_seats_still(tx: Transaction, seats: Sequence[Row], *, stop_id: UUID, actor: Actor, at: datetime) -> None:
    """Mark locked seats as stopped by an order and take those that nobody has out of sale; none of them is held.

    A marked seat never comes back on sale: see `keep_stopped`.
    """
    ids = [row["id"] for row in seats]
    await office_seats.end_stale_holds(tx, [row["id"] for row in seats if row["hold_id"] is not None], at=at)
    marked = await tx.execute("UPDATE seat SET stop_id = $2 WHERE id = ANY ($1) AND stop_id IS NULL", ids, stop_id)
    assert marked == len(ids), "they are locked"
    await office_seats.block_seats(
        tx, [row["id"] for row in seats if row["status"] in ("free", "held")], actor=actor, at=at
    )


async def keep_stopped(tx: Transaction, seat_ids: Sequence[int], *, actor: Actor, at: datetime) -> set[int]:
    """Block those of the seats that this transaction has just freed on which a stop order lies; give their ids."""
    rows = await tx.fetch(
        "SELECT id FROM seat WHERE id = ANY ($1) AND status = 'free' AND stop_id IS NOT NULL ORDER BY id", seat_ids
    )
    stopped = [row["id"] for row in rows]
    if stopped:
        await office_seats.block_seats(tx, stopped, actor=actor, at=at)
    return set(stopped)
