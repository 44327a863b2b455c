"""The SQL that decides who sends what: a delivery is taken before the call, and the count of a subscription with it."""

from datetime import datetime
from uuid import UUID

from kernel.db import Row, Transaction
from notifications.kinds import Channel
from notifications.states import DELIVERY

SUBSCRIPTIONS_MAX = 100


async def lock_delivery(tx: Transaction, delivery_id: UUID) -> Row | None:
    """Lock a delivery with its message and the words of its kind; None: forgotten with its message."""
    return await tx.fetchrow(
        "SELECT d.id, d.channel, d.status, d.tries, n.id AS notification_id, n.account_id, n.patient_id, n.until,"
        " n.read_at, n.content_cipher, k.*"
        " FROM notification_delivery d JOIN notification n ON n.id = d.notification_id"
        " JOIN notification_kind k ON k.code = n.kind WHERE d.id = $1 FOR UPDATE OF d",
        delivery_id,
    )


async def turn_delivery(
    tx: Transaction,
    delivery_id: UUID,
    *,
    to: str,
    outcome: str | None = None,
    finished_at: datetime | None = None,
    send_at: datetime | None = None,
    tries: int = 0,
) -> bool:
    """Move a delivery on if it may go there from where it stands; tries: added to those it has had."""
    turned = await tx.execute(
        "UPDATE notification_delivery SET status = $2, outcome = coalesce($3, outcome), finished_at = $4,"
        " send_at = coalesce($5, send_at), tries = tries + $6 WHERE id = $1 AND status = ANY ($7)",
        delivery_id,
        to,
        outcome,
        finished_at,
        send_at,
        tries,
        DELIVERY.before(to),
    )
    return turned == 1


async def record_attempt(
    tx: Transaction, delivery_id: UUID, *, at: datetime, milliseconds: int, outcome: str, code: str | None
) -> None:
    """Keep what came of one try."""
    await tx.execute(
        "INSERT INTO notification_attempt (delivery_id, at, milliseconds, outcome, code)"
        " SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT FROM notification_delivery WHERE id = $1 FOR KEY SHARE)",
        delivery_id,
        at,
        milliseconds,
        outcome,
        None if code is None else code[:64],
    )


async def lock_taken(tx: Transaction, serial: str) -> Row | None:
    """Lock the short message that the gateway took under a number, with its kind; None: none, or told of before."""
    return await tx.fetchrow(
        "SELECT d.id, d.channel, n.id AS notification_id, n.account_id, n.until, k.*"
        " FROM notification_attempt a JOIN notification_delivery d ON d.id = a.delivery_id"
        " JOIN notification n ON n.id = d.notification_id JOIN notification_kind k ON k.code = n.kind"
        " WHERE a.code = $1 AND a.code <> '' AND a.outcome = 'accepted'"
        " AND d.channel = 'sms' AND d.status = 'delivered' AND d.outcome = 'accepted' FOR UPDATE OF d",
        serial,
    )


async def note_outcome(tx: Transaction, delivery_id: UUID, *, outcome: str) -> None:
    """Say more exactly what became of a delivery that stays as it is."""
    await tx.execute("UPDATE notification_delivery SET outcome = $2 WHERE id = $1", delivery_id, outcome)


async def take_subscription(tx: Transaction, account_id: UUID, template_id: str, *, at: datetime) -> bool:
    """Use one of the times that the person has accepted a template; False: there is none left."""
    taken = await tx.execute(
        "UPDATE notification_subscription SET count = count - 1, updated_at = $3"
        " WHERE account_id = $1 AND template_id = $2 AND count > 0",
        account_id,
        template_id,
        at,
    )
    return taken == 1


async def give_subscription_back(tx: Transaction, account_id: UUID, template_id: str, *, at: datetime) -> None:
    """Give one back that WeChat has not used: the message was surely not taken."""
    await tx.execute(
        "UPDATE notification_subscription SET count = least(count + 1, $4), updated_at = $3"
        " WHERE account_id = $1 AND template_id = $2",
        account_id,
        template_id,
        at,
        SUBSCRIPTIONS_MAX,
    )


async def forget_subscriptions(tx: Transaction, account_id: UUID, template_id: str, *, at: datetime) -> None:
    """Believe WeChat that the person takes no more messages of a template (43101)."""
    await tx.execute(
        "UPDATE notification_subscription SET count = 0, updated_at = $3 WHERE account_id = $1 AND template_id = $2",
        account_id,
        template_id,
        at,
    )


async def lock_waiting(tx: Transaction, *, at: datetime, limit: int) -> list[UUID]:
    """Lock deliveries whose time has come, in the order of their ids; those that another has in hand are left out."""
    rows = await tx.fetch(
        "SELECT id FROM notification_delivery WHERE status = 'waiting' AND send_at <= $1 ORDER BY send_at, id LIMIT $2"
        " FOR UPDATE SKIP LOCKED",
        at,
        limit,
    )
    return sorted(row["id"] for row in rows)


async def lock_unread(tx: Transaction, *, at: datetime, limit: int) -> list[Row]:
    """Take messages whose time to fall back has come: nobody takes one twice."""
    return await tx.fetch(
        "WITH due AS (SELECT id, read_at IS NULL AS is_unread FROM notification WHERE fallback_at <= $1"
        " ORDER BY fallback_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)"
        " UPDATE notification n SET fallback_at = NULL FROM due WHERE n.id = due.id"
        " RETURNING n.id, n.account_id, n.kind, n.until, due.is_unread",
        at,
        limit,
    )


async def used_ways(tx: Transaction, notification_id: UUID) -> set[Channel]:
    """Tell by which channels a message was planned to go."""
    rows = await tx.fetch("SELECT channel FROM notification_delivery WHERE notification_id = $1", notification_id)
    return {row["channel"] for row in rows}
