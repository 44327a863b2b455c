"""The inbox of notifications: what a gateway has verified is stored, acknowledged, and handled by the worker.

Requests that arrive while a statement runs form the next one, as at booking's desks: an idle system answers at once,
and under a rush one commit serves many. A notification told twice is stored once, by its channel's own number; one that
is signed with a nonce which has been used is not believed (docs/adr/0350).
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.audit import record_change
from kernel.boxes import Lease
from kernel.db import Database, DatabaseUnavailable, Row, Transaction, database
from kernel.events import Actor
from kernel.ids import new_id
from kernel.log import get_logger
from kernel.outbox import wake
from payments.backoff import next_try
from payments.facts import apply_channel_fact
from payments.gateways.errors import NotificationRefused
from payments.gateways.port import (
    ChannelCode,
    FactSource,
    Merchant,
    Notification,
    PaymentFact,
    PaymentState,
    RefundFact,
    RefundState,
)

HANDLER: Final = "payment-notifications"
BATCHES_MAX: Final = 1
"""Statements at a time. A second one would be half as full, and each costs a plan, a commit and a wake of its own."""
BATCH_NOTIFICATIONS_MAX: Final = 64
QUEUE_NOTIFICATIONS_MAX: Final = 20_000
TRIES_MAX: Final = 10
LEASE_SECONDS: Final = 30.0
KEPT: Final = timedelta(days=400)
"""As long as a payment can be refunded, and a month more."""

log = get_logger("payments")

# Nonces are taken first and in one order, so that two batches with the same ones wait and never stand crosswise.
_STORE: Final = """
WITH told AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::text[])
        WITH ORDINALITY AS n (channel, merchant_code, event_id, event_type, fact, at, nonce, place)),
fresh AS (
    INSERT INTO payment_notification_nonce (merchant_code, nonce, seen_at)
    SELECT DISTINCT ON (merchant_code, nonce) merchant_code, nonce, at FROM told WHERE nonce IS NOT NULL
    ORDER BY merchant_code, nonce, place
    ON CONFLICT DO NOTHING RETURNING merchant_code, nonce),
believed AS (
    SELECT * FROM told t WHERE t.nonce IS NULL OR (
        (t.merchant_code, t.nonce) IN (SELECT f.merchant_code, f.nonce FROM fresh f)
        AND NOT EXISTS (SELECT FROM told e
                        WHERE e.merchant_code = t.merchant_code AND e.nonce = t.nonce AND e.place < t.place))),
stored AS (
    INSERT INTO payment_notification (channel, merchant_code, event_id, event_type, fact, received_at, due_at)
    SELECT n.channel, n.merchant_code, n.event_id, n.event_type, n.fact, n.at, n.at
    FROM believed n ORDER BY n.channel, n.event_id
    ON CONFLICT (channel, event_id) DO NOTHING)
SELECT place::int FROM believed
"""
NONCE_KEPT: Final = timedelta(hours=1)
"""Longer than any channel's time stamp is believed by its gateway."""


class InboxFull(Exception):
    """More notifications wait than the process will hold; the channel is to come again."""


@dataclass(slots=True)
class _Told:
    """One notification that waits to be stored."""

    merchant: Merchant
    notification: Notification
    nonce: str | None
    at: datetime
    stored: "asyncio.Future[None]"


class NotificationDesk:
    """Stores the notifications of this process, many in one statement."""

    def __init__(self) -> None:
        self._waiting: deque[_Told] = deque()
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, merchant: Merchant, notification: Notification, *, nonce: str | None) -> None:
        """Store a verified notification, or find that it is there; then it may be acknowledged.

        Raises:
            NotificationRefused: `replayed`: its nonce has been used.
            InboxFull: too many wait.
            DatabaseUnavailable: nobody knows; the channel comes again.
        """
        if len(self._waiting) >= QUEUE_NOTIFICATIONS_MAX:
            raise InboxFull
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Told(merchant, notification, nonce, clock.machine_now(), stored))
        self._start_batch()
        await stored

    def _start_batch(self) -> None:
        if self._running < BATCHES_MAX and self._waiting:
            self._running += 1
            task = asyncio.get_running_loop().create_task(self._serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_NOTIFICATIONS_MAX))]
        try:
            believed = await _store(batch)
        except Exception as error:  # noqa: BLE001  it goes to those who wait for it
            for one in batch:
                if not one.stored.done():
                    one.stored.set_exception(error)
        else:
            for place, one in enumerate(batch, 1):
                if one.stored.done():
                    continue
                if place in believed:
                    one.stored.set_result(None)
                else:
                    one.stored.set_exception(NotificationRefused("replayed"))
            wake()
        finally:
            self._running -= 1
            self._start_batch()


_desk = NotificationDesk()


async def accept_notification(merchant: Merchant, notification: Notification, *, nonce: str | None = None) -> None:
    """Store what a channel has told and its gateway has verified; that it is told again is no error.

    nonce: what the channel signed together with it, which it uses once; None: this channel signs none.

    Raises:
        NotificationRefused: `replayed`: the very same signed message has come before.
        InboxFull, DatabaseUnavailable: it is not stored, and must not be acknowledged.
    """
    await _desk.accept(merchant, notification, nonce=nonce)


async def _store(batch: Sequence[_Told]) -> set[int]:
    """Store a batch; give the places in it, from 1 on, of those whose nonce was new or that have none."""
    rows = await database().fetch(
        _STORE,
        [one.merchant.channel.value for one in batch],
        [one.merchant.code for one in batch],
        [one.notification.event_id for one in batch],
        [one.notification.event_type for one in batch],
        [None if one.notification.fact is None else fact_as_json(one.notification.fact) for one in batch],
        [one.at for one in batch],
        [one.nonce for one in batch],
    )
    return {row["place"] for row in rows}


def fact_as_json(fact: PaymentFact | RefundFact) -> dict[str, Any]:
    """Write a fact down; it is flat, so nothing of it has to be copied deep."""
    kind = "payment" if isinstance(fact, PaymentFact) else "refund"
    return {"kind": kind} | {name: getattr(fact, name) for name in fact.__slots__}


def fact_from_json(stored: dict[str, Any]) -> PaymentFact | RefundFact:
    """Read a fact back as it was told."""
    told = dict(stored)
    kind = told.pop("kind")
    occurred_at = told.pop("occurred_at", None)
    told["channel"] = ChannelCode(told["channel"])
    told["source"] = FactSource(told["source"])
    told["occurred_at"] = None if occurred_at is None else datetime.fromisoformat(occurred_at)
    if kind == "payment":
        return PaymentFact(**{**told, "state": PaymentState(told["state"])})
    return RefundFact(**{**told, "state": RefundState(told["state"])})


class NotificationBox:
    """The notifications as the relay and the workers see them; the relay handles it as it does the outbox."""

    async def count_leases(self, db: Database | Transaction, handler: str) -> int:  # noqa: ARG002  there is one
        """Tell how many leases are running."""
        found: int = await db.fetchval(
            "SELECT count(DISTINCT lease_id) FROM payment_notification"
            " WHERE status = 'pending' AND lease_id IS NOT NULL AND due_at > $1",
            clock.machine_now(),
        )
        return found

    async def claim(
        self, db: Database | Transaction, handler: str, *, limit: int, lease_seconds: float
    ) -> Lease | None:
        """Lease notifications that are due, the oldest first; None when there is none."""
        assert handler == HANDLER, "no others post here"
        now = clock.machine_now()
        lease_id = new_id()
        rows = await db.fetch(
            "UPDATE payment_notification n SET lease_id = $1, due_at = $3, tries = tries + 1 FROM ("
            "SELECT id FROM payment_notification WHERE status = 'pending' AND due_at <= $2"
            " ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED) d WHERE n.id = d.id RETURNING n.id",
            lease_id,
            now,
            now + timedelta(seconds=lease_seconds),
            limit,
        )
        return Lease(lease_id, tuple(sorted(row["id"] for row in rows))) if rows else None

    async def release(self, db: Database | Transaction, lease: Lease, letter_ids: Sequence[int]) -> None:
        """Give notifications back untried."""
        await db.execute(
            "UPDATE payment_notification SET lease_id = NULL, due_at = $3, tries = tries - 1"
            " WHERE id = ANY ($1) AND lease_id = $2 AND status = 'pending'",
            list(letter_ids),
            lease.id,
            clock.machine_now(),
        )


BOX: Final = NotificationBox()


async def apply_batch(db: Database, lease: Lease) -> int:
    """Take in a leased batch of notifications, each in a transaction of its own; give how many have ended.

    Raises:
        DatabaseUnavailable: the lease ends, and they are tried again.
    """
    now = clock.machine_now()
    rows = await db.fetch(
        "UPDATE payment_notification SET due_at = $3 WHERE id = ANY ($1) AND lease_id = $2 AND status = 'pending'"
        " RETURNING id, fact, tries",
        list(lease.letter_ids),
        lease.id,
        now + timedelta(seconds=LEASE_SECONDS),
    )
    ended = 0
    for row in sorted(rows, key=lambda one: int(one["id"])):
        ended += await _apply(db, row, lease.id)
    return ended


async def _apply(db: Database, row: Row, lease_id: UUID) -> bool:
    try:
        async with db.transaction() as tx:
            # First what it says, under the attempt's lock; then the notification's own end, if it is still ours.
            outcome = None if row["fact"] is None else await apply_channel_fact(tx, fact_from_json(row["fact"]))
            status = "ignored" if outcome is None else "applied"
            await tx.execute(
                "UPDATE payment_notification SET status = $3, outcome = $4, finished_at = $5, lease_id = NULL"
                " WHERE id = $1 AND lease_id = $2 AND status = 'pending'",
                row["id"],
                lease_id,
                status,
                outcome and outcome.value,
                clock.machine_now(),
            )
        return True
    except DatabaseUnavailable:
        raise
    except Exception as error:
        # One that breaks must not hold up the others; it is tried again, and a person sees it in the end.
        log.exception("notification_not_applied", notification=row["id"])
        await db.execute(
            "UPDATE payment_notification SET lease_id = NULL, due_at = $3, outcome = $4,"
            " status = CASE WHEN tries >= $5 THEN 'dead' ELSE status END"
            " WHERE id = $1 AND lease_id = $2 AND status = 'pending'",
            row["id"],
            lease_id,
            next_try(row["tries"]),
            type(error).__name__,
            TRIES_MAX,
        )
        return False


async def revive_notification(tx: Transaction, notification_id: int, *, reason: str, actor: Actor) -> bool:
    """Have a dead notification tried again from the beginning, once its cause is mended; False: it is not dead."""
    revived = await tx.execute(
        "UPDATE payment_notification SET status = 'pending', tries = 0, due_at = $2 WHERE id = $1 AND status = 'dead'",
        notification_id,
        clock.machine_now(),
    )
    if revived:
        await record_change(
            tx,
            entity="payment_notification",
            entity_id=str(notification_id),
            action="updated",
            before={"status": "dead"},
            after={"status": "pending", "reason": reason},
            actor=actor,
        )
        tx.after_commit(wake)
    return bool(revived)


async def purge_notifications(db: Database, *, before: datetime, limit: int = 5_000) -> int:
    """Forget notifications that were handled before an instant, a bounded number at a time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM payment_notification WHERE id IN (SELECT id FROM payment_notification"
        " WHERE finished_at < $1 ORDER BY id LIMIT $2)",
        before,
        limit,
    )


async def purge_nonces(db: Database, *, limit: int = 5_000) -> int:
    """Forget nonces whose messages are too old to be believed, a bounded number at a time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM payment_notification_nonce WHERE (merchant_code, nonce) IN"
        " (SELECT merchant_code, nonce FROM payment_notification_nonce WHERE seen_at < $1 LIMIT $2)",
        clock.machine_now() - NONCE_KEPT,
        limit,
    )
