"""The statements by which the slot office takes numbers off sale, puts them back, and gives them to another pool.

It wants many seats at once and waits for none of them: whoever has one locked is selling it. The order of locks is that
of `booking.claims`.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from booking.catalogue.errors import ScheduleHasBookings
from booking.states import HOLD, SEAT
from kernel.db import Row, Transaction
from kernel.events import Actor


async def lock_free_seats(
    tx: Transaction, *, schedule_id: UUID, slot_id: UUID | None, pool: str | None, count: int, at: datetime
) -> list[int]:
    """Lock up to `count` free seats of coming slots for the slot office, the last numbers first; give their ids.

    A seat that somebody has locked is being sold just now and is not waited for. The emergency quota of the HIS's
    windows is left alone: it comes back by another way (booking/windows/numbers.py). An ended hold is written down, as
    a claim would.
    """
    rows = await tx.fetch(
        "SELECT s.id, s.hold_id FROM seat s JOIN slot t ON t.id = s.slot_id"
        " WHERE s.schedule_id = $1 AND ($2::uuid IS NULL OR s.slot_id = $2) AND ($3::text IS NULL OR s.pool = $3)"
        " AND s.pool <> 'emergency' AND t.starts_at > $4"
        " AND s.status IN ('free', 'held') AND (s.status = 'free' OR s.hold_until <= $4)"
        " ORDER BY s.seq DESC LIMIT $5 FOR UPDATE OF s SKIP LOCKED",
        schedule_id,
        slot_id,
        pool,
        at,
        count,
    )
    await end_stale_holds(tx, [row["id"] for row in rows if row["hold_id"] is not None], at=at)
    return [row["id"] for row in rows]


async def lock_blocked_seats(tx: Transaction, *, slot_id: UUID, count: int) -> list[int]:
    """Lock up to `count` seats of a slot that the slot office has blocked, the first numbers first; give their ids.

    Those that a stop order has taken come back with it alone.
    """
    rows = await tx.fetch(
        "SELECT id FROM seat WHERE slot_id = $1 AND status = 'blocked' AND stop_id IS NULL"
        " ORDER BY seq LIMIT $2 FOR UPDATE",
        slot_id,
        count,
    )
    return [row["id"] for row in rows]


async def lock_unsold_schedule(tx: Transaction, schedule_id: UUID, *, at: datetime) -> list[int]:
    """Lock every seat of a schedule that nobody has or is just taking; give the ids of the free ones.

    Seats are not waited for (NOWAIT): whoever has one locked is selling it, and must not lose to this.

    Raises:
        ScheduleHasBookings: with the number of seats that are booked or held.
        asyncpg.LockNotAvailableError: a seat is being sold just now; `Database.transaction` says it is busy.
    """
    rows = await tx.fetch(
        "SELECT s.id, s.status, s.hold_id, s.hold_until, k.kind FROM seat s LEFT JOIN hold k ON k.id = s.hold_id"
        " WHERE s.schedule_id = $1 ORDER BY s.id FOR UPDATE OF s NOWAIT",
        schedule_id,
    )
    running = [row for row in rows if row["status"] == "held" and row["hold_until"] > at]
    cooling = [row for row in running if row["kind"] == "cooling"]
    taken = sum(row["status"] == "booked" for row in rows) + len(running) - len(cooling)
    if taken:
        raise ScheduleHasBookings(seats=taken)
    await _end_cooling(tx, cooling)
    await end_stale_holds(tx, [row["id"] for row in rows if row["hold_id"] is not None], at=at)
    return [row["id"] for row in rows if row["status"] != "blocked"]


async def _end_cooling(tx: Transaction, seats: Sequence[Row]) -> None:
    """Let the return delay of locked seats end now. A hold that the sweep has in hand has ended by itself."""
    assert HOLD.allows("active", "released")
    await tx.execute(
        "UPDATE hold SET status = 'released' WHERE id IN ("
        " SELECT id FROM hold WHERE id = ANY ($1) AND status = 'active' FOR UPDATE SKIP LOCKED)",
        [seat["hold_id"] for seat in seats],
    )
    await tx.execute(
        "UPDATE seat SET hold_until = '-infinity' WHERE id = ANY ($1) AND status = 'held'",
        [seat["id"] for seat in seats],
    )


async def end_stale_holds(tx: Transaction, seat_ids: list[int], *, at: datetime) -> None:
    """Free locked seats whose holds have ended, and tell of it; the holds' own rows are left to the sweep."""
    if not seat_ids:
        return
    assert SEAT.allows("held", "free")
    await tx.execute(
        "INSERT INTO booking_event (at, kind, seat_id, schedule_id, patient_id, hold_id, channel, client_id)"
        " SELECT $2, CASE h.kind WHEN 'cooling' THEN 'reopened' ELSE 'hold_expired' END, s.id, s.schedule_id,"
        " h.patient_id, h.id, h.channel, 'system:expiry'"
        " FROM seat s JOIN hold h ON h.id = s.hold_id WHERE s.id = ANY ($1)",
        seat_ids,
        at,
    )
    freed = await tx.execute(
        "UPDATE seat SET status = 'free', hold_id = NULL, hold_until = NULL"
        " WHERE id = ANY ($1) AND status = 'held' AND hold_until <= $2",
        seat_ids,
        at,
    )
    assert freed == len(seat_ids), "they are locked"


async def block_seats(tx: Transaction, seat_ids: list[int], *, actor: Actor, at: datetime) -> None:
    """Take locked free seats out of sale."""
    assert SEAT.allows("free", "blocked")
    await _turn_seats(tx, seat_ids, "free", "blocked")
    await _tell_of_seats(tx, "blocked", seat_ids, actor=actor, at=at)


async def unblock_seats(tx: Transaction, seat_ids: list[int], *, actor: Actor, at: datetime) -> None:
    """Put locked blocked seats back on sale."""
    assert SEAT.allows("blocked", "free")
    await _turn_seats(tx, seat_ids, "blocked", "free")
    await _tell_of_seats(tx, "unblocked", seat_ids, actor=actor, at=at)


async def move_seats_to_pool(tx: Transaction, seat_ids: list[int], pool: str) -> None:
    """Give locked free seats to another pool."""
    moved = await tx.execute("UPDATE seat SET pool = $2 WHERE id = ANY ($1) AND status = 'free'", seat_ids, pool)
    assert moved == len(seat_ids), "they are locked and free"


async def _turn_seats(tx: Transaction, seat_ids: list[int], before: str, after: str) -> None:
    turned = await tx.execute(
        "UPDATE seat SET status = $3 WHERE id = ANY ($1) AND status = $2", seat_ids, before, after
    )
    assert turned == len(seat_ids), "they are locked"


async def _tell_of_seats(tx: Transaction, kind: str, seat_ids: list[int], *, actor: Actor, at: datetime) -> None:
    await tx.execute(
        "INSERT INTO booking_event (at, kind, seat_id, schedule_id, channel, client_id, staff_code, request_id)"
        " SELECT $2, $3, id, schedule_id, $4, $5, $6, $7 FROM seat WHERE id = ANY ($1) ORDER BY id",
        seat_ids,
        at,
        kind,
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
    )
