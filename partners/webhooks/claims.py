"""The SQL that decides who sends what now, and keeps what came of it.

Deliveries about one subject go to an endpoint one after another; those about others pass. A lease is a moved `due_at`
under an id: whoever comes back late finds that a delivery is no longer theirs, and what a dead worker had is due again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.boxes import Lease
from kernel.db import Database, Row, Transaction
from kernel.ids import new_id
from partners.webhooks.states import DELIVERY
from partners.webhooks.wire import Outcome

KEPT: Final = timedelta(days=30)
"""How long a delivery can be read and asked for again, as long as the events themselves; then it is forgotten, also
where its endpoint has rested all the time."""
PER_ENDPOINT_MAX: Final = 64
"""Under way to one endpoint at a time, whoever sends them."""
PER_SLOW_ENDPOINT_MAX: Final = 2
FAILURES_UNTIL_SINGLE: Final = 5
"""Failures in a row after which one try at a time goes to an endpoint."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One try of one delivery. next_due_at: None when it has ended, one way or the other."""

    position: int
    delivery_id: UUID
    endpoint_id: UUID
    outcome: Outcome
    status_code: int | None
    excerpt: str | None
    at: datetime
    milliseconds: int
    next_due_at: datetime | None


class DeliveryBox:
    """The deliveries as the relay and the workers see them; the relay handles it as it does the outbox."""

    async def count_leases(self, db: Database | Transaction, handler: str) -> int:  # noqa: ARG002  there is one
        """Tell how many leases are running."""
        found: int = await db.fetchval(
            "SELECT count(DISTINCT lease_id) FROM webhook_delivery"
            " WHERE status = 'pending' AND lease_id IS NOT NULL AND due_at > $1",
            clock.now(),
        )
        return found

    async def claim(
        self,
        db: Database | Transaction,
        handler: str,
        *,
        limit: int,
        lease_seconds: float,
        lease_id: UUID | None = None,
    ) -> Lease | None:
        """Lease deliveries that may go now, under a new lease or to a running one. None when nothing may go."""
        assert handler == HANDLER, "no others post here"
        lease_id = lease_id or new_id()
        now = clock.now()
        rows = await db.fetch(
            "SELECT lease_webhook_deliveries($1, $2, $3, $4, $5, $6, $7)",
            lease_id,
            now,
            now + timedelta(seconds=lease_seconds),
            limit,
            PER_ENDPOINT_MAX,
            PER_SLOW_ENDPOINT_MAX,
            FAILURES_UNTIL_SINGLE,
        )
        return Lease(lease_id, tuple(sorted(row[0] for row in rows))) if rows else None

    async def renew(self, db: Database | Transaction, lease: Lease, *, lease_seconds: float) -> list[Row]:
        """Begin to send: give the deliveries that are still this lease's, with where they go, and lengthen it."""
        now = clock.now()
        rows = await db.fetch(
            "UPDATE webhook_delivery d SET due_at = $4 FROM webhook_endpoint e"
            " WHERE d.position = ANY ($1) AND d.lease_id = $2 AND d.status = 'pending' AND d.due_at > $3"
            " AND e.id = d.endpoint_id RETURNING d.position, d.id, d.endpoint_id, d.body, d.tries, d.event_type,"
            " e.url, e.client_id",
            list(lease.letter_ids),
            lease.id,
            now,
            now + timedelta(seconds=lease_seconds),
        )
        return sorted(rows, key=lambda row: int(row["position"]))

    async def release(self, db: Database | Transaction, lease: Lease, letter_ids: Sequence[int]) -> None:
        """Give deliveries back untried."""
        await db.execute(
            "UPDATE webhook_delivery SET lease_id = NULL, due_at = $3, tries = tries - 1"
            " WHERE position = ANY ($1) AND lease_id = $2 AND status = 'pending'",
            list(letter_ids),
            lease.id,
            clock.now(),
        )


HANDLER: Final = "webhooks"
BOX: Final = DeliveryBox()


async def record_sent(tx: Transaction, lease: Lease, sent: Sequence[Sent]) -> None:
    """Keep what came of tries, and end or put off those deliveries that are still this lease's."""
    await tx.execute(
        "UPDATE webhook_delivery d SET lease_id = NULL, due_at = coalesce(o.due_at, d.due_at),"
        " status = CASE WHEN o.due_at IS NOT NULL THEN 'pending' WHEN o.delivered THEN 'delivered' ELSE 'failed' END,"
        " finished_at = CASE WHEN o.due_at IS NULL THEN o.at END"
        " FROM unnest($3::bigint[], $4::timestamptz[], $5::boolean[], $6::timestamptz[])"
        " AS o (position, due_at, delivered, at)"
        " WHERE d.position = o.position AND d.lease_id = $1 AND d.status = ANY ($2)",
        lease.id,
        DELIVERY.before("delivered"),
        [one.position for one in sent],
        [one.next_due_at for one in sent],
        [one.outcome == "delivered" for one in sent],
        [one.at for one in sent],
    )
    # What was deleted meanwhile has no tries any more.
    await tx.execute(
        "INSERT INTO webhook_attempt (delivery_id, at, milliseconds, outcome, status_code, answer)"
        " SELECT o.* FROM unnest($1::uuid[], $2::timestamptz[], $3::integer[], $4::text[], $5::smallint[], $6::text[])"
        " AS o (delivery_id, at, milliseconds, outcome, status_code, answer)"
        " WHERE EXISTS (SELECT FROM webhook_delivery d WHERE d.id = o.delivery_id FOR KEY SHARE)",
        [one.delivery_id for one in sent],
        [one.at for one in sent],
        [one.milliseconds for one in sent],
        [one.outcome for one in sent],
        [one.status_code for one in sent],
        [one.excerpt for one in sent],
    )


async def purge_deliveries(db: Database, *, before: datetime, limit: int = 5_000) -> int:
    """Forget deliveries from before an instant with their tries, a bounded number at a time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM webhook_delivery WHERE position IN"
        " (SELECT position FROM webhook_delivery WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
        before,
        limit,
    )
