"""By which way a message goes next, and when: one way at a time, and the telephone only for what is important."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel.db import Row, Transaction
from kernel.ids import new_id
from kernel.outbox import publish
from notifications.kinds import CHANNELS, Channel
from notifications.quiet import QuietHours, send_at
from notifications.ways import ways

HANDLER: Final = "notifications"
SEND: Final = "notification.send"


@dataclass(frozen=True, slots=True)
class Planned:
    """A message that is to be sent. until: of no use after that."""

    id: UUID
    account_id: UUID
    until: datetime | None


async def plan_first(tx: Transaction, message: Planned, kind: Row, *, at: datetime) -> None:
    """Plan the first way for a new message; none may be open, and then it waits in the inbox alone."""
    channel = await _next_way(tx, message, kind, after=None)
    if channel is None:
        return
    sends_at = await _plan(tx, message, kind, channel, at=at)
    if kind["fallback_minutes"] is not None and channel != CHANNELS[-1]:
        await tx.execute(
            "UPDATE notification SET fallback_at = $2 WHERE id = $1",
            message.id,
            sends_at + timedelta(minutes=kind["fallback_minutes"]),
        )


async def plan_next(tx: Transaction, message: Planned, kind: Row, *, after: Channel, at: datetime) -> bool:
    """Plan the way behind one that has not reached the person; tell whether there is one.

    Only for what is important, and while it is of use.
    """
    if not kind["is_important"] or (message.until is not None and message.until <= at):
        return False
    channel = await _next_way(tx, message, kind, after=after)
    if channel is None:
        return False
    await tx.execute("UPDATE notification SET fallback_at = NULL WHERE id = $1", message.id)
    await _plan(tx, message, kind, channel, at=at)
    return True


async def _next_way(tx: Transaction, message: Planned, kind: Row, *, after: Channel | None) -> Channel | None:
    behind = CHANNELS if after is None else CHANNELS[CHANNELS.index(after) + 1 :]
    for channel in behind:
        if ways().has(channel) and offers(kind, channel) and await may_use(tx, message.account_id, kind, channel):
            return channel
    return None


def offers(kind: Row, channel: Channel) -> bool:
    """Tell whether the hospital has words for a kind by a channel, and means it to go there."""
    if channel == "wechat":
        return kind["wechat_template_id"] is not None and bool(kind["wechat_fields"])
    if kind["sms_template_id"] is None and ways().wants_sms_templates:
        return False
    return kind["sms"] is not None and bool(kind["is_important"])


async def wants(tx: Transaction, account_id: UUID, kind: Row, channel: Channel) -> bool:
    """Tell whether an account wants such messages by this channel."""
    wanted = await tx.fetchval(
        "SELECT is_wanted FROM notification_preference WHERE account_id = $1 AND kind_group = $2 AND channel = $3",
        account_id,
        kind["kind_group"],
        channel,
    )
    return wanted is not False


async def may_use(tx: Transaction, account_id: UUID, kind: Row, channel: Channel) -> bool:
    """Tell whether an account wants a message by a channel, and WeChat would take it."""
    if not await wants(tx, account_id, kind, channel):
        return False
    if channel == "sms":
        return True
    count = await tx.fetchval(
        "SELECT count FROM notification_subscription WHERE account_id = $1 AND template_id = $2",
        account_id,
        kind["wechat_template_id"],
    )
    return bool(count)


async def hours_of(tx: Transaction, account_id: UUID) -> QuietHours:
    """Give an account's quiet hours: its own, or the hospital's."""
    row = await tx.fetchrow(
        "SELECT coalesce(q.quiet_from, r.quiet_from), coalesce(q.quiet_until, r.quiet_until)"
        " FROM notification_rule r LEFT JOIN notification_quiet_hours q ON q.account_id = $1",
        account_id,
    )
    assert row is not None, "the hospital's rule is always there"
    return QuietHours(*row)


async def _plan(tx: Transaction, message: Planned, kind: Row, channel: Channel, *, at: datetime) -> datetime:
    hours = await hours_of(tx, message.account_id)
    sends_at = send_at(at, hours, passes=kind["passes_quiet_hours"], useless_after=message.until)
    delivery_id: UUID | None = await tx.fetchval(
        "INSERT INTO notification_delivery (id, notification_id, channel, status, send_at, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (notification_id, channel) DO NOTHING RETURNING id",
        new_id(),
        message.id,
        channel,
        "queued" if sends_at <= at else "waiting",
        sends_at,
        at,
    )
    if delivery_id is not None and sends_at <= at:
        await post_letter(tx, delivery_id)
    return sends_at


async def post_letter(tx: Transaction, delivery_id: UUID) -> None:
    """Have a worker send a delivery, once this transaction is committed."""
    await publish(
        tx,
        handler=HANDLER,
        event_type=SEND,
        aggregate=f"notification:{delivery_id}",
        payload={"id": str(delivery_id)},
    )
