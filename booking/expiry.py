"""Holds and offers whose time is over: written down by the clock, and their numbers given back."""

from uuid import UUID

from booking import claims, returns
from booking.returns import FreedSeat
from booking.waitlist import claims as waitlist
from kernel import clock
from kernel.db import Row, Transaction, database


async def expire_holds(limit: int = 500) -> int:
    """Write down the end of holds and offers whose time is over and return their seats; give the number of them.

    Only book-keeping: a hold is over when its time is, whether this has run or not.
    """
    at = clock.now()
    async with database().transaction() as tx:
        rows = await tx.fetch(
            "SELECT id FROM hold WHERE status = 'active' AND until <= $1 ORDER BY until LIMIT $2"
            " FOR UPDATE SKIP LOCKED",
            at,
            limit,
        )
        await _expire(tx, [row["id"] for row in rows])
    return len(rows)


async def _expire(tx: Transaction, hold_ids: list[UUID]) -> None:
    at = clock.now()
    rows = await tx.fetch(
        "UPDATE hold SET status = 'expired' WHERE id = ANY ($1) AND status = 'active' AND until <= $2 RETURNING *",
        hold_ids,
        at,
    )
    holds = {row["id"]: row for row in rows}
    freed = await returns.free_ended_seats(tx, rows, at=at)
    await waitlist.end_missed_offers(tx, [row for row in rows if row["kind"] == "offer"], at=at)
    await claims.release_visits(tx, list(holds))
    await returns.return_seats(tx, [_returned(seat["id"], holds[seat["hold_id"]]) for seat in freed], at=at)


def _returned(seat_id: int, hold: Row) -> FreedSeat:
    if hold["kind"] == "cooling":
        return FreedSeat(seat_id, "reopened", since=hold["until"], cools=False)
    return FreedSeat(seat_id, "hold_expired", hold["patient_id"], hold["until"])
