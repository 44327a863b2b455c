"""Orders: what is to be paid, for whom, until when.

An order is not its payment: it may be tried by several channels, and only one of them is taken for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from kernel import clock
from kernel.db import Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import format_order_digits, new_id
from payments import errors, events, ports
from payments.states import change_status

PAY_FOR_DEFAULT: Final = timedelta(minutes=15)
"""How long an order can be paid when its feature says nothing else."""

_COLUMNS: Final = (
    "id, order_no, kind, subject_kind, subject_id, patient_id, campus_id, amount_fen, refunded_fen, title, status,"
    " close_reason, client_id, created_at, expires_at, paid_at, settled_at, closed_at, version"
)


class Order(NamedTuple):
    """An order as its owner sees it; amounts in fen, instants in UTC.

    refunded_fen: what has gone back of the payment that was taken for it.
    """

    id: UUID
    order_no: str
    kind: str
    subject_kind: str
    subject_id: str
    patient_id: UUID
    campus_id: UUID | None
    amount_fen: int
    refunded_fen: int
    title: str
    status: str
    close_reason: str | None
    client_id: str
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    settled_at: datetime | None
    closed_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What a feature asks to be paid.

    subject: what is paid for, in the feature's own words (a hold, a snapshot of bills, an admission).
    is_exclusive: the subject may have one order at a time that is open, paid or settled.
    title: what the payer reads in their bank's list; no diagnosis, no name.
    """

    kind: str
    subject_kind: str
    subject_id: str
    patient_id: UUID
    amount_fen: int
    title: str
    campus_id: UUID | None = None
    is_exclusive: bool = True
    expires_at: datetime = field(default_factory=lambda: clock.now() + PAY_FOR_DEFAULT)


async def create_order(new: NewOrder, *, actor: Actor, idempotency: Idempotency | None = None) -> Order:
    """Make an order in a transaction of its own.

    Raises:
        SubjectAlreadyOrdered, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await read_order(tx, UUID(stored["order_id"]), actor)
        order = await open_order(tx, new, actor=actor)
        if idempotency:
            await idempotency.remember(tx, {"order_id": str(order.id)})
        return order


async def open_order(tx: Transaction, new: NewOrder, *, actor: Actor) -> Order:
    """Make an order in the transaction of what it is for.

    Raises:
        SubjectAlreadyOrdered: the subject has an order that is open, paid or settled; `order_id` names it.
    """
    ports.fulfilment_of(new.kind)
    at = clock.now()
    sequence: int = await tx.fetchval("SELECT nextval('payment_order_number')")
    try:
        async with tx.connection.transaction():
            row = await tx.fetchrow(
                "INSERT INTO payment_order (id, order_no, kind, subject_kind, subject_id, is_exclusive, patient_id,"  # noqa: S608  our own list of columns
                " campus_id, amount_fen, title, status, client_id, staff_code, created_at, expires_at, updated_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open', $11, $12, $13, $14, $13)"
                f" RETURNING {_COLUMNS}",
                new_id(),
                _order_no(sequence, at),
                new.kind,
                new.subject_kind,
                new.subject_id,
                new.is_exclusive,
                new.patient_id,
                new.campus_id,
                new.amount_fen,
                new.title,
                actor.client_id,
                actor.staff_code,
                at,
                new.expires_at,
            )
    except asyncpg.UniqueViolationError as error:
        raise errors.SubjectAlreadyOrdered(order_id=await _standing_order(tx, new)) from error
    assert row is not None, "INSERT ... RETURNING gives its row"
    order = _shape(row)
    facts = {"amount_fen": order.amount_fen, "expires_at": order.expires_at.isoformat()}
    await events.append(tx, "payment.created", order.id, facts=facts, actor=actor)
    return order


async def read_order(db: Reader, order_id: UUID, actor: Actor) -> Order:
    """Read an order of this caller.

    Raises:
        OrderNotFound, DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_order WHERE id = $1 AND ($2 OR client_id = $3)",  # noqa: S608  our own list of columns
        order_id,
        actor.sees_all,
        actor.client_id,
    )
    if not rows:
        raise errors.OrderNotFound
    return _shape(rows[0])


async def orders_of_subject(db: Reader, subject_kind: str, subject_id: str) -> list[Order]:
    """List every order that a subject ever had, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_order WHERE subject_kind = $1 AND subject_id = $2 ORDER BY created_at, id",  # noqa: S608  our own list of columns
        subject_kind,
        subject_id,
    )
    return [_shape(row) for row in rows]


async def lock_order(tx: Transaction, order_id: UUID, actor: Actor) -> Order:
    """Read an order of this caller and keep others from changing it until the transaction is over.

    Raises:
        OrderNotFound.
    """
    row = await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM payment_order WHERE id = $1 AND ($2 OR client_id = $3) FOR UPDATE",  # noqa: S608  our own list of columns
        order_id,
        actor.sees_all,
        actor.client_id,
    )
    if row is None:
        raise errors.OrderNotFound
    return _shape(row)


async def lock_orders(tx: Transaction, order_ids: Iterable[UUID]) -> list[Order]:
    """Lock several orders in one order of their ids, and read them; before whatever their feature locks."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM payment_order WHERE id = ANY ($1) ORDER BY id FOR UPDATE",  # noqa: S608  our own list of columns
        list(order_ids),
    )
    return [_shape(row) for row in rows]


async def read_orders(db: Reader, order_ids: Iterable[UUID]) -> list[Order]:
    """Read several orders as they stand, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_order WHERE id = ANY ($1) ORDER BY created_at, id",  # noqa: S608  our own list of columns
        list(order_ids),
    )
    return [_shape(row) for row in rows]


async def extend_order(tx: Transaction, order_id: UUID, *, until: datetime, actor: Actor) -> None:
    """Let an open order be paid for longer; the caller holds its row lock, and nothing else depends on its time."""
    await tx.execute(
        "UPDATE payment_order SET expires_at = $2, updated_at = $3, version = version + 1"
        " WHERE id = $1 AND status = 'open' AND expires_at < $2",
        order_id,
        until,
        clock.now(),
    )
    await events.append(tx, "payment.extended", order_id, facts={"expires_at": until.isoformat()}, actor=actor)


async def close_order(order_id: UUID, *, reason: str, actor: Actor, idempotency: Idempotency | None = None) -> Order:
    """Give an order up before its time: the channels are asked, then told, and what was paid meanwhile still counts.

    reason: a code (`cancelled`, `superseded`), for the record.

    Raises:
        OrderNotFound, OrderNotOpen, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await read_order(tx, UUID(stored["order_id"]), actor)
        order = await begin_closing(tx, order_id, reason=reason, actor=actor)
        if idempotency:
            await idempotency.remember(tx, {"order_id": str(order.id)})
        return order


async def begin_closing(tx: Transaction, order_id: UUID, *, reason: str, actor: Actor) -> Order:
    """Take an order out of payment, in the transaction of the reason for it; one without an attempt is closed at once.

    Raises:
        OrderNotFound.
        OrderNotOpen: it is paid, closed, or being closed already.
    """
    order = await lock_order(tx, order_id, actor)
    row = await change_status(
        tx, "payment_order", order.id, to="closing", sets="close_reason = $4, updated_at = $5, version = version + 1",
        values=(reason, clock.now()),
    )  # fmt: skip
    if row is None:
        raise errors.OrderNotOpen(current_status=order.status)
    kind = "payment.expired" if reason == "expired" else "payment.closing"
    await events.append(tx, kind, order.id, facts={"reason": reason}, actor=actor)
    for attempt_id in await _unfinished_attempts(tx, order.id):
        await events.ask_worker(tx, "attempt.close", "attempt", attempt_id)
    await finish_closing(tx, order.id)
    return await read_order(tx, order.id, actor)


async def finish_closing(tx: Transaction, order_id: UUID) -> bool:
    """Close an order whose attempts have all ended unpaid; the caller holds its row lock. Tells whether it did."""
    if await _unfinished_attempts(tx, order_id):
        return False
    at = clock.now()
    row = await tx.fetchrow(
        "UPDATE payment_order SET status = 'closed', closed_at = $2, updated_at = $2, version = version + 1"
        " WHERE id = $1 AND status = 'closing' RETURNING close_reason",
        order_id,
        at,
    )
    if row is None:
        return False
    await events.append(tx, "payment.closed", order_id, facts={"reason": row["close_reason"]})
    return True


async def _unfinished_attempts(tx: Transaction, order_id: UUID) -> list[UUID]:
    rows = await tx.fetch(
        "SELECT id FROM payment_attempt WHERE order_id = $1 AND status IN ('created', 'prepared') ORDER BY id", order_id
    )
    return [row["id"] for row in rows]


async def _standing_order(tx: Transaction, new: NewOrder) -> UUID | None:
    found: UUID | None = await tx.fetchval(
        "SELECT id FROM payment_order WHERE kind = $1 AND subject_kind = $2 AND subject_id = $3 AND is_exclusive"
        " AND status IN ('open', 'closing', 'paid', 'settled')",
        new.kind,
        new.subject_kind,
        new.subject_id,
    )
    return found


def _order_no(sequence: int, at: datetime) -> str:
    """Write an order's number: P, the clinic day, and a running number with a check digit.

    Attempts (A01), refunds (R01) and the settlement (S) append to it, so that whoever reads a bill finds the order.
    """
    return f"P{clock.clinic_date(at):%y%m%d}{format_order_digits(sequence)}"


def _shape(row: Row | dict[str, Any]) -> Order:
    return Order(*row.values())
