"""Reading orders, attempts and refunds, always within the caller's scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel.db import Reader
from kernel.events import Actor
from payments import errors
from payments.attempts import Attempt
from payments.orders import Order
from payments.refunds import Refund

_ORDER: Final = ", ".join(Order._fields)
_ATTEMPT: Final = ", ".join(f"a.{name}" for name in Attempt._fields)
_REFUND: Final = ", ".join(Refund._fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders to list; None leaves a filter off."""

    patient_id: UUID | None = None
    kind: str | None = None
    status: str | None = None
    order_no: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFilter:
    """Which refunds to list; None leaves a filter off."""

    order_id: UUID | None = None
    status: str | None = None


async def list_orders(db: Reader, wanted: OrderFilter, *, actor: Actor, before: UUID | None, limit: int) -> list[Order]:
    """List the caller's orders, the newest first; `before` is the last id of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_ORDER} FROM payment_order WHERE ($1 OR client_id = $2)"  # noqa: S608  our own list of columns
        " AND ($3::uuid IS NULL OR patient_id = $3) AND ($4::text IS NULL OR kind = $4)"
        " AND ($5::text IS NULL OR status = $5) AND ($6::text IS NULL OR order_no = $6)"
        " AND ($7::uuid IS NULL OR id < $7) ORDER BY id DESC LIMIT $8",
        actor.sees_all,
        actor.client_id,
        wanted.patient_id,
        wanted.kind,
        wanted.status,
        wanted.order_no,
        before,
        limit,
    )
    return [Order(*row.values()) for row in rows]


async def kind_of(db: Reader, order_id: UUID) -> str | None:
    """Say what kind of order this is; None: there is none. Whose it is, whoever acts on it looks at.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch("SELECT kind FROM payment_order WHERE id = $1", order_id)
    return rows[0]["kind"] if rows else None


async def read_attempt(db: Reader, attempt_id: UUID, actor: Actor) -> tuple[Attempt, UUID]:
    """Read a try to pay one of the caller's orders, and give whose order it is.

    Raises:
        AttemptNotFound, DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_ATTEMPT}, o.patient_id FROM payment_attempt a JOIN payment_order o ON o.id = a.order_id"  # noqa: S608  our own list of columns
        " WHERE a.id = $1 AND ($2 OR o.client_id = $3)",
        attempt_id,
        actor.sees_all,
        actor.client_id,
    )
    if not rows:
        raise errors.AttemptNotFound
    *shown, patient_id = rows[0].values()
    return Attempt(*shown), patient_id


async def list_refunds(
    db: Reader, wanted: RefundFilter, *, actor: Actor, before: UUID | None, limit: int
) -> list[Refund]:
    """List the refunds of the caller's orders, the newest first; `before` is the last id of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_REFUND} FROM payment_refund WHERE ($1 OR client_id = $2)"  # noqa: S608  our own list of columns
        " AND ($3::uuid IS NULL OR order_id = $3) AND ($4::text IS NULL OR status = $4)"
        " AND ($5::uuid IS NULL OR id < $5) ORDER BY id DESC LIMIT $6",
        actor.sees_all,
        actor.client_id,
        wanted.order_id,
        wanted.status,
        before,
        limit,
    )
    return [Refund(*row.values()) for row in rows]


async def patients_of_orders(db: Reader, order_ids: Sequence[UUID]) -> list[UUID]:
    """Say whose orders these are.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch("SELECT DISTINCT patient_id FROM payment_order WHERE id = ANY ($1)", list(order_ids))
    return [row["patient_id"] for row in rows]
