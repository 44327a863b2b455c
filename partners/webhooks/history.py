"""What was delivered to an application's endpoints, try by try, and delivering it once more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from partners.webhooks import errors, signing
from partners.webhooks.states import DELIVERY

REPLAYED_MAX: Final = 10_000
"""Deliveries that one request puts back; a second request takes the next."""

_FIELDS: Final = (
    "d.position, d.id, d.event_id, d.event_type, d.subject_id, d.status, d.tries, d.due_at, d.created_at, d.finished_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries to list; None leaves a filter off. `since` is included."""

    status: str | None = None
    event_type: str | None = None
    since: datetime | None = None


async def list_deliveries(
    webhook_id: UUID, wanted: DeliveryFilter, *, actor: Actor, before: int | None, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """List an endpoint's deliveries, the newest first, each with its place in the list.

    Raises:
        WebhookNotFound, DatabaseUnavailable.
    """
    db = database()
    if not await db.fetchval(
        "SELECT true FROM webhook_endpoint WHERE id = $1 AND client_id = $2", webhook_id, actor.client_id
    ):
        raise errors.WebhookNotFound
    rows = await db.fetch(
        f"SELECT {_FIELDS} FROM webhook_delivery d WHERE d.endpoint_id = $1"  # noqa: S608  our own list of fields
        " AND ($2::text IS NULL OR d.status = $2) AND ($3::text IS NULL OR d.event_type = $3)"
        " AND ($4::timestamptz IS NULL OR d.created_at >= $4) AND ($5::bigint IS NULL OR d.position < $5)"
        " ORDER BY d.position DESC LIMIT $6",
        webhook_id,
        wanted.status,
        wanted.event_type,
        wanted.since,
        before,
        limit,
    )
    return [(row["position"], show_delivery(row)) for row in rows]


async def list_attempts(
    delivery_id: UUID, *, actor: Actor, after: int | None, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """List the tries of a delivery in their order, each with its place in the list.

    Raises:
        DeliveryNotFound, DatabaseUnavailable.
    """
    db = database()
    if not await db.fetchval(
        "SELECT true FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id"
        " WHERE d.id = $1 AND e.client_id = $2",
        delivery_id,
        actor.client_id,
    ):
        raise errors.DeliveryNotFound
    rows = await db.fetch(
        "SELECT id, at, milliseconds, outcome, status_code, answer FROM webhook_attempt"
        " WHERE delivery_id = $1 AND ($2::bigint IS NULL OR id > $2) ORDER BY id LIMIT $3",
        delivery_id,
        after,
        limit,
    )
    return [
        (row["id"], {name: row[name] for name in ("at", "milliseconds", "outcome", "status_code", "answer")})
        for row in rows
    ]


async def replay_delivery(delivery_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> dict[str, Any]:
    """Deliver something once more that was taken or given up, under its old id, with all tries anew.

    Raises:
        DeliveryNotFound, DeliveryPending, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        row = await tx.fetchrow(
            f"SELECT {_FIELDS} FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id"  # noqa: S608  our own list of fields
            " WHERE d.id = $1 AND e.client_id = $2 FOR UPDATE OF d",
            delivery_id,
            actor.client_id,
        )
        if row is None:
            raise errors.DeliveryNotFound
        if not DELIVERY.allows(row["status"], "pending"):
            raise errors.DeliveryPending
        await _put_back(tx, [row["position"]])
        again = await tx.fetchrow(
            f"SELECT {_FIELDS} FROM webhook_delivery d WHERE d.id = $1",  # noqa: S608  our own list of fields
            delivery_id,
        )
        assert again is not None, "it is locked"
        answer = show_delivery(again)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def replay_failed(
    webhook_id: UUID, *, since: datetime, actor: Actor, idempotency: Idempotency | None = None
) -> dict[str, Any]:
    """Deliver everything once more that was given up since an instant, in its order; tells how much that is.

    Raises:
        WebhookNotFound, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        if not await tx.fetchval(
            "SELECT true FROM webhook_endpoint WHERE id = $1 AND client_id = $2 FOR KEY SHARE",
            webhook_id,
            actor.client_id,
        ):
            raise errors.WebhookNotFound
        rows = await tx.fetch(
            "SELECT position FROM webhook_delivery WHERE endpoint_id = $1 AND status = 'failed' AND created_at >= $2"
            " ORDER BY created_at, position LIMIT $3 FOR UPDATE",
            webhook_id,
            since,
            REPLAYED_MAX,
        )
        answer = {"replayed": await _put_back(tx, [row["position"] for row in rows])}
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def _put_back(tx: Transaction, positions: list[int]) -> int:
    return await tx.execute(
        "UPDATE webhook_delivery SET status = 'pending', tries = 0, due_at = $2, finished_at = NULL"
        " WHERE position = ANY ($1) AND status = ANY ($3)",
        positions,
        clock.now(),
        DELIVERY.before("pending"),
    )


def show_delivery(row: Row) -> dict[str, Any]:
    """Shape a delivery for its partner. `next_try_at`: null when there is none to come."""
    finished = row["finished_at"]
    return {
        "id": str(row["id"]),
        "message_id": signing.message_id(row["id"]),
        "event_id": None if row["event_id"] is None else str(row["event_id"]),
        "event_type": row["event_type"],
        "subject_id": str(row["subject_id"]),
        "status": row["status"],
        "tries": row["tries"],
        "next_try_at": row["due_at"].isoformat() if row["status"] == "pending" else None,
        "created_at": row["created_at"].isoformat(),
        "finished_at": None if finished is None else finished.isoformat(),
    }
