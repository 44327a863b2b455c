"""What happened to orders: kept in the change's transaction, and told to whoever subscribes.

The letter of an event goes through the outbox, in order for each order; subscribers (booking, the feed of the
webhooks) do their part in one transaction with the letter's end, so that each event reaches them once.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.db import Row, Transaction
from kernel.events import Actor
from kernel.outbox import publish

HANDLER: Final = "payments"
"""Whose letters have somebody asked: a channel, or the HIS."""
EVENTS_HANDLER: Final = "payment-events"
"""Whose letters tell subscribers; apart, so that a silent channel holds up nobody who only wants to hear."""
SYSTEM: Final = Actor(client_id="system:payments", channel="system", kind="system")


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """One event as its subscribers get it; facts hold ids, codes, instants and amounts.

    client_id: the application that made the order.
    """

    id: int
    at: datetime
    kind: str
    order_id: UUID
    order_no: str
    order_kind: str
    subject_kind: str
    subject_id: str
    patient_id: UUID
    client_id: str
    amount_fen: int
    facts: Mapping[str, Any]


Subscriber = Callable[[Transaction, PaymentEvent], Awaitable[None]]


async def append(
    tx: Transaction, kind: str, order_id: UUID, *, facts: Mapping[str, object] | None = None, actor: Actor = SYSTEM
) -> None:
    """Keep an event of an order (`payment.settled` ...) and see to it that subscribers hear of it."""
    event_id = await tx.fetchval(
        "INSERT INTO payment_event (at, order_id, kind, facts, client_id, staff_code, request_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        clock.now(),
        order_id,
        kind,
        dict(facts or {}),
        actor.client_id,
        actor.staff_code,
        actor.request_id,
    )
    await publish(
        tx,
        handler=EVENTS_HANDLER,
        event_type="event.tell",
        aggregate=f"payment-event:{order_id}",
        payload={"event_id": event_id},
    )


async def ask_worker(tx: Transaction, what: str, table: str, row_id: UUID) -> None:
    """Have the worker drive an attempt, refund or settlement on, once this transaction is committed.

    what: `attempt.query`, `attempt.close`, `settlement.drive`, `refund.drive` or `discharge.drive`.
    """
    await publish(
        tx,
        handler=HANDLER,
        event_type=what,
        aggregate=aggregate_of(table, row_id),
        payload={"id": str(row_id)},
    )


def aggregate_of(table: str, row_id: UUID) -> str:
    """Name an attempt, settlement or refund as its letters do; one of its steps is taken at a time."""
    return f"payment-{table}:{row_id}"


async def read_event(tx: Transaction, event_id: int) -> PaymentEvent:
    """Load an event with its order, for the subscribers."""
    row: Row | None = await tx.fetchrow(
        "SELECT e.id, e.at, e.kind, o.id AS order_id, o.order_no, o.kind AS order_kind, o.subject_kind, o.subject_id,"
        " o.patient_id, o.client_id, o.amount_fen, e.facts"
        " FROM payment_event e JOIN payment_order o ON o.id = e.order_id WHERE e.id = $1",
        event_id,
    )
    assert row is not None, "an event is never removed"
    return PaymentEvent(*row.values())
