"""The statements by which stop orders take seats and cases change hands.

Locks in one order: stop order, payment orders, hold or appointment, seat, visit claim. Seats that somebody has locked
are never waited for: they are being sold or given back just now, and are there at the next turn.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from booking import claims, notices, office_seats, returns
from booking.catalogue.errors import EntryNotFound
from booking.payment import standing
from booking.returns import FreedSeat
from booking.states import HOLD
from booking.stops import errors
from booking.stops.facts import ORDER_STOPPED
from booking.stops.seats import lay_seats_still
from booking.stops.states import OPEN_CASES, STOP_CASE, STOP_ORDER
from booking.waitlist.claims import keep_waiting
from kernel.db import Database, Row, Transaction
from kernel.events import Actor
from payments.orders import Order as PaymentOrder
from payments.orders import lock_orders

SEATS_A_TURN: Final = 200
_WITH_ORDERS: Final = "JOIN hold h ON h.id = s.hold_id JOIN registration_order g ON g.hold_id = h.id WHERE"
CLINIC_STOPPED: Final = "clinic_stopped"
"""Why the order of a hold is closed that a stop has ended."""

# The seats that an order is about, whether it has marked them or not.
_SCOPE: Final = """
FROM stop_order o JOIN slot t ON t.schedule_id = o.schedule_id JOIN seat s ON s.slot_id = t.id
WHERE o.id = $1 AND t.starts_at >= o.effective_at AND (o.slot_ids IS NULL OR t.id = ANY (o.slot_ids))
  AND (o.queue_numbers IS NULL OR s.seq = ANY (o.queue_numbers))
"""


async def lock_order(tx: Transaction, order_id: UUID) -> Row:
    """Lock a stop order.

    Raises:
        EntryNotFound.
    """
    row = await tx.fetchrow("SELECT * FROM stop_order WHERE id = $1 FOR NO KEY UPDATE", order_id)
    if row is None:
        raise EntryNotFound(entity="stop")
    return row


async def take_order(tx: Transaction, order_id: UUID) -> Row | None:
    """Lock a stop order to work on; None: somebody else is at it."""
    return await tx.fetchrow("SELECT * FROM stop_order WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED", order_id)


async def turn_order(tx: Transaction, order: Row, *, to: str, at: datetime) -> None:
    """Move a locked order on.

    Raises:
        StopStatusConflict: the table has no such step.
    """
    turned = await tx.execute(
        "UPDATE stop_order SET status = $2, version = version + 1, updated_at = $4,"
        " finished_at = CASE WHEN $2 IN ('finished', 'aborted', 'restarted') THEN coalesce(finished_at, $4) END"
        " WHERE id = $1 AND status = ANY ($3)",
        order["id"],
        to,
        STOP_ORDER.before(to),
        at,
    )
    if turned != 1:
        raise errors.StopStatusConflict(current_status=order["status"])


async def count_scope(db: Database | Transaction, order_id: UUID) -> Row:
    """Count an order's seats, those that it has marked, and see when the first slot begins."""
    row = await db.fetchrow(
        "SELECT count(*) AS seats, count(*) FILTER (WHERE s.stop_id = o.id) AS frozen, min(t.starts_at) AS begins_at,"
        f" count(*) FILTER (WHERE s.stop_id IS NULL) AS open {_SCOPE}",
        order_id,
    )
    assert row is not None, "a count is always there"
    return row


async def find_rival(tx: Transaction, order_id: UUID) -> UUID | None:
    """Find another order under which every seat of this one is stopped already."""
    rows = await tx.fetch(
        "SELECT (SELECT r.id FROM stop_order r WHERE r.schedule_id = o.schedule_id AND r.id <> o.id"  # noqa: S608  our own constant
        " AND r.status <> 'restarted' AND t.starts_at >= r.effective_at"
        " AND (r.slot_ids IS NULL OR t.id = ANY (r.slot_ids))"
        " AND (r.queue_numbers IS NULL OR s.seq = ANY (r.queue_numbers))"
        # One that ended with a substitute has given its seats back.
        " AND NOT (r.status = 'finished' AND r.substitution IS NOT DISTINCT FROM 'done')"
        f" ORDER BY r.id LIMIT 1) AS rival {_SCOPE}",
        order_id,
    )
    if not rows or any(row["rival"] is None for row in rows):
        return None
    found: UUID = rows[0]["rival"]
    return found


async def freeze_some(tx: Transaction, order: Row, *, actor: Actor, at: datetime) -> bool:
    """Take some more of an order's seats out of sale and end the holds on them; tell whether all are.

    Nobody can have a marked seat who has it not by now: it is booked, or blocked.
    """
    await _end_holds(tx, order, actor=actor, at=at)
    seats = await tx.fetch(
        f"SELECT s.id, s.seq, s.status, s.hold_id {_SCOPE} AND s.stop_id IS NULL"
        " AND (s.status <> 'held' OR s.hold_until <= $2) ORDER BY s.id LIMIT $3 FOR UPDATE OF s SKIP LOCKED",
        order["id"],
        at,
        SEATS_A_TURN,
    )
    await lay_seats_still(tx, seats, stop_id=order["id"], actor=actor, at=at)
    blocked = [row["seq"] for row in seats if row["status"] == "blocked"]
    if blocked:
        await tx.execute(
            "UPDATE stop_order SET blocked_before = blocked_before || $2::integer[] WHERE id = $1", order["id"], blocked
        )
    return bool((await count_scope(tx, order["id"]))["open"] == 0)


async def _end_holds(tx: Transaction, order: Row, *, actor: Actor, at: datetime) -> None:
    """End running holds on an order's seats, and tell whose they were."""
    assert HOLD.allows("active", "released")
    paying = await _lock_orders_of_holds(tx, order["id"], at=at)
    holds = await tx.fetch(
        "UPDATE hold SET status = 'released' WHERE status = 'active' AND until > $2 AND id IN ("  # noqa: S608  our own constant
        f" SELECT h.id {_SCOPE.replace('WHERE', 'JOIN hold h ON h.id = s.hold_id WHERE', 1)}"
        " AND s.stop_id IS NULL AND s.status = 'held' AND s.hold_until > $2 AND h.status = 'active'"
        # One that is being paid for just now is looked at again at the next turn.
        " AND NOT EXISTS (SELECT FROM registration_order g JOIN payment_order p ON p.id = g.order_id"
        "                 WHERE g.hold_id = h.id AND p.status = 'open' AND p.id <> ALL ($4))"
        " ORDER BY h.id LIMIT $3 FOR UPDATE OF h SKIP LOCKED) RETURNING *",
        order["id"],
        at,
        SEATS_A_TURN,
        [one.id for one in paying],
    )
    ended = {str(hold["id"]) for hold in holds}
    await standing.close_unpaid(tx, [one for one in paying if one.subject_id in ended], reason=CLINIC_STOPPED)
    for hold in sorted(holds, key=lambda row: row["seat_id"]):
        if not await claims.free_held_seat(tx, seat_id=hold["seat_id"], hold_id=hold["id"]):
            continue
        await claims.tell(
            tx,
            "hold_released",
            actor=actor,
            at=at,
            seat_id=hold["seat_id"],
            schedule_id=hold["schedule_id"],
            patient_id=hold["patient_id"],
            hold_id=hold["id"],
            details={"stop_id": str(order["id"])},
        )
        if hold["kind"] == "offer":
            await keep_waiting(tx, hold, actor=actor, at=at)
        if hold["kind"] == "cooling":
            continue
        facts = {"hold_id": str(hold["id"]), "stop_id": str(order["id"]), "opType": "stop", "stopType": ORDER_STOPPED}
        await notices.post(
            tx, client_id=hold["client_id"], kind="hold.stopped", subject_id=hold["id"], facts=facts, at=at
        )
    await claims.release_visits(tx, [hold["id"] for hold in holds])


async def _lock_orders_of_holds(tx: Transaction, order_id: UUID, *, at: datetime) -> list[PaymentOrder]:
    """Lock the open orders by which running holds on a stop order's seats are being paid for, before those holds.

    An order that somebody has locked, to take money say, is left out.
    """
    rows = await tx.fetch(
        "SELECT id FROM payment_order WHERE status = 'open' AND id IN (SELECT g.order_id"  # noqa: S608  our own constant
        f" {_SCOPE.replace('WHERE', _WITH_ORDERS, 1)}"
        " AND s.stop_id IS NULL AND s.status = 'held' AND s.hold_until > $2 AND h.status = 'active')"
        " ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED",
        order_id,
        at,
        SEATS_A_TURN,
    )
    return await lock_orders(tx, [row["id"] for row in rows]) if rows else []


class Thaw(NamedTuple):
    """How many seats were given back at one turn, and whether some are left."""

    seats: int
    is_partial: bool


async def thaw_some(tx: Transaction, order: Row, *, actor: Actor, at: datetime) -> Thaw:
    """Give some more of an order's seats back to sale, as they were before it."""
    seats = await tx.fetch(
        "SELECT id, seq, status FROM seat WHERE stop_id = $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED",
        order["id"],
        SEATS_A_TURN,
    )
    await tx.execute("UPDATE seat SET stop_id = NULL WHERE id = ANY ($1)", [row["id"] for row in seats])
    back = [row["id"] for row in seats if row["status"] == "blocked" and row["seq"] not in order["blocked_before"]]
    await office_seats.unblock_seats(tx, back, actor=actor, at=at)
    await returns.return_seats(tx, [FreedSeat(seat, "unblocked", cools=False) for seat in back], at=at)
    is_partial: bool = await tx.fetchval("SELECT EXISTS (SELECT FROM seat WHERE stop_id = $1)", order["id"])
    return Thaw(len(seats), is_partial)


async def gather_cases(tx: Transaction, order: Row, *, at: datetime) -> None:
    """Open a case for every appointment on the order's seats that has none."""
    await tx.execute(
        "INSERT INTO stop_case (order_id, appointment_id, created_at, updated_at)"
        " SELECT $1, a.id, $2, $2 FROM seat s JOIN appointment a ON a.seat_id = s.id"
        " WHERE s.stop_id = $1 AND a.status IN ('booked', 'arrived') ORDER BY s.seq ON CONFLICT DO NOTHING",
        order["id"],
        at,
    )


async def next_case(tx: Transaction, order: Row, *, at: datetime) -> Row | None:
    """Find the case to work on: one not begun, an offer whose time is over, or one that has settled itself."""
    return await tx.fetchrow(
        "SELECT c.* FROM stop_case c JOIN appointment a ON a.id = c.appointment_id JOIN seat s ON s.id = a.seat_id"
        " WHERE c.order_id = $1 AND (c.status = 'pending' OR c.status = 'offered' AND (c.deadline_at <= $2"
        " OR a.status <> 'booked' OR s.stop_id IS DISTINCT FROM $1)) ORDER BY c.position LIMIT 1",
        order["id"],
        at,
    )


async def has_open_cases(tx: Transaction, order_id: UUID) -> bool:
    """Tell whether a case of the order waits for a step or an answer."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM stop_case WHERE order_id = $1 AND status = ANY ($2))", order_id, OPEN_CASES
        )
    )


async def lock_offer(tx: Transaction, appointment_id: UUID, *, at: datetime) -> Row:
    """Read the open offer of an appointment that this transaction has locked.

    Raises:
        OfferNotFound: none was ever made.
        OfferEnded: the time is over, or it was answered.
    """
    row = await tx.fetchrow(
        "SELECT * FROM stop_case WHERE appointment_id = $1 ORDER BY (status = 'offered') DESC, position DESC LIMIT 1"
        " FOR UPDATE",
        appointment_id,
    )
    if row is None:
        raise errors.OfferNotFound
    if row["status"] != "offered":
        raise errors.OfferEnded(current_status=row["status"])
    if row["deadline_at"] <= at:
        raise errors.OfferEnded(current_status="expired")
    return row


async def turn_case(
    tx: Transaction, case: Row, *, to: str, step: int, at: datetime, deadline_at: datetime | None = None
) -> None:
    """Move a case on from where it was read, or be told that somebody has.

    Raises:
        OfferEnded: it was answered or ended meanwhile.
    """
    turned = await tx.execute(
        "UPDATE stop_case SET status = $3, step = $4, deadline_at = $5, updated_at = $6"
        " WHERE order_id = $1 AND appointment_id = $2 AND status = ANY ($7) AND status = $8 AND step = $9",
        case["order_id"],
        case["appointment_id"],
        to,
        step,
        deadline_at,
        at,
        STOP_CASE.before(to),
        case["status"],
        case["step"],
    )
    if turned != 1:
        raise errors.OfferEnded(current_status=case["status"])


async def keep_open_cases(tx: Transaction, order_id: UUID, *, at: datetime) -> Sequence[Row]:
    """Leave the appointments of all open cases as they are; give the cases."""
    return await tx.fetch(
        "UPDATE stop_case c SET status = 'kept', deadline_at = NULL, updated_at = $3 FROM appointment a"
        " WHERE a.id = c.appointment_id AND c.order_id = $1 AND c.status = ANY ($2)"
        " RETURNING c.appointment_id, a.client_id, a.patient_id, a.schedule_id, a.slot_id",
        order_id,
        STOP_CASE.before("kept"),
        at,
    )
