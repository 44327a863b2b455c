"""Which orders of payments pay for which hold and appointment.

Orders are locked before the hold or appointment that they pay for, as whoever takes money does: idempotency key, order,
hold or appointment, seat, waitlist entry, place in the day.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kernel.db import Database, Reader, Row, Transaction
from payments import orders as payments
from payments.orders import Order


async def keep_order_of_hold(tx: Transaction, order: Order, hold: Row, *, at: datetime) -> None:
    """Note which hold an order pays for."""
    await tx.execute(
        "INSERT INTO registration_order (order_id, hold_id, hold_until, created_at) VALUES ($1, $2, $3, $4)",
        order.id,
        hold["id"],
        hold["until"],
        at,
    )


async def keep_order_of_appointment(tx: Transaction, order: Order, *, at: datetime) -> None:
    """Note which appointment an order pays for."""
    await tx.execute(
        "INSERT INTO registration_order (order_id, appointment_id, created_at) VALUES ($1, $2, $3)",
        order.id,
        UUID(order.subject_id),
        at,
    )


async def hand_to_appointment(tx: Transaction, hold_id: UUID, appointment_id: UUID) -> bool:
    """Let the orders of a hold be those of the appointment that it has become; tell whether there are any."""
    moved = await tx.execute(
        "UPDATE registration_order SET appointment_id = $2 WHERE hold_id = $1", hold_id, appointment_id
    )
    return moved > 0


async def read_link(tx: Transaction, order_id: UUID) -> Row | None:
    """Read what an order pays for."""
    return await tx.fetchrow("SELECT * FROM registration_order WHERE order_id = $1", order_id)


async def appointment_of_order(db: Database, order_id: UUID) -> UUID | None:
    """Give the appointment whose fee an order pays; None while it is a hold's, and for an order of anything else.

    Raises:
        DatabaseUnavailable.
    """
    found: UUID | None = await db.fetchval(
        "SELECT appointment_id FROM registration_order WHERE order_id = $1", order_id
    )
    return found


async def was_ordered(tx: Transaction, hold_id: UUID) -> bool:
    """Tell whether a hold ever had an order, and so its longer time."""
    return bool(await tx.fetchval("SELECT EXISTS (SELECT FROM registration_order WHERE hold_id = $1)", hold_id))


async def note_settled(tx: Transaction, order_id: UUID, *, at: datetime) -> None:
    """Note that the HIS has the payment."""
    await tx.execute("UPDATE registration_order SET settled_at = $2 WHERE order_id = $1", order_id, at)


async def is_settled(tx: Transaction, appointment_id: UUID) -> bool:
    """Tell whether an appointment's fee was paid here, and the HIS has it."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM registration_order r JOIN appointment a ON a.id = r.appointment_id"
            " WHERE a.id = $1 AND a.payment = 'paid' AND r.settled_at IS NOT NULL)",
            appointment_id,
        )
    )


async def orders_of_hold(db: Reader, hold_id: UUID) -> list[Order]:
    """Read the orders of a hold, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    return await _read(db, await _ids(db, "hold_id", [hold_id]))


async def orders_of_appointment(db: Reader, appointment_id: UUID) -> list[Order]:
    """Read the orders of an appointment, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    return await _read(db, await _ids(db, "appointment_id", [appointment_id]))


async def lock_orders_of_hold(tx: Transaction, hold_id: UUID) -> list[Order]:
    """Lock the orders of a hold, before the hold."""
    return await _lock(tx, await _ids(tx, "hold_id", [hold_id]))


async def lock_orders_of_appointments(tx: Transaction, *appointment_ids: UUID) -> list[Order]:
    """Lock the orders of appointments, before the appointments."""
    return await _lock(tx, await _ids(tx, "appointment_id", appointment_ids))


async def _ids(db: Reader, column: str, row_ids: Sequence[UUID]) -> list[UUID]:
    rows = await db.fetch(
        f"SELECT order_id FROM registration_order WHERE {column} = ANY ($1)",  # noqa: S608  one of the two columns above
        list(row_ids),
    )
    return [row["order_id"] for row in rows]


async def _read(db: Reader, order_ids: list[UUID]) -> list[Order]:
    return await payments.read_orders(db, order_ids) if order_ids else []


async def _lock(tx: Transaction, order_ids: list[UUID]) -> list[Order]:
    return await payments.lock_orders(tx, order_ids) if order_ids else []
