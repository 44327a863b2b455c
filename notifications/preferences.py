"""What people want to be sent, when not, and how many WeChat messages they have agreed to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import database
from kernel.idempotency import Idempotency
from notifications.claims import SUBSCRIPTIONS_MAX
from notifications.errors import TemplateUnknown
from notifications.kinds import CHANNELS, GROUPS, KINDS, TEMPLATES_PER_MOMENT_MAX, Channel, Group, Moment
from notifications.quiet import QuietHours
from notifications.ways import ways

ACCEPTED_MAX: Final = 10
"""Templates in one report of what a person has accepted."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """An account's choices. wanted: by group and channel; quiet: its own hours, or None: the hospital's.

    connected: the channels that this hospital has; the others are not offered.
    """

    wanted: Mapping[tuple[Group, Channel], bool]
    quiet: QuietHours | None
    hospital_quiet: QuietHours
    connected: Sequence[Channel]


async def read_preferences(account_id: UUID) -> Preferences:
    """Read what an account wants; what it never said, it wants.

    Raises:
        DatabaseUnavailable.
    """
    said = {
        (row["kind_group"], row["channel"]): row["is_wanted"]
        for row in await database().fetch(
            "SELECT kind_group, channel, is_wanted FROM notification_preference WHERE account_id = $1", account_id
        )
    }
    row = await database().fetchrow(
        "SELECT r.quiet_from, r.quiet_until, q.quiet_from AS own_from, q.quiet_until AS own_until"
        " FROM notification_rule r LEFT JOIN notification_quiet_hours q ON q.account_id = $1",
        account_id,
    )
    assert row is not None, "the hospital's rule is always there"
    return Preferences(
        {(group, channel): said.get((group, channel), True) for group in GROUPS for channel in CHANNELS},
        None if row["own_from"] is None else QuietHours(row["own_from"], row["own_until"]),
        QuietHours(row["quiet_from"], row["quiet_until"]),
        [channel for channel in CHANNELS if ways().has(channel)],
    )


async def change_preferences(
    account_id: UUID, *, wanted: Mapping[tuple[Group, Channel], bool], quiet: QuietHours | None
) -> Preferences:
    """Set what an account wants, for the groups and channels named, and its quiet hours (None: the hospital's).

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        for (group, channel), is_wanted in sorted(wanted.items()):
            await tx.execute(
                "INSERT INTO notification_preference (account_id, kind_group, channel, is_wanted)"
                " VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (account_id, kind_group, channel) DO UPDATE SET is_wanted = excluded.is_wanted",
                account_id,
                group,
                channel,
                is_wanted,
            )
        if quiet is None:
            await tx.execute("DELETE FROM notification_quiet_hours WHERE account_id = $1", account_id)
        else:
            await tx.execute(
                "INSERT INTO notification_quiet_hours (account_id, quiet_from, quiet_until) VALUES ($1, $2, $3)"
                " ON CONFLICT (account_id) DO UPDATE SET quiet_from = excluded.quiet_from,"
                " quiet_until = excluded.quiet_until",
                account_id,
                *quiet,
            )
    return await read_preferences(account_id)


async def templates_by_moment() -> Mapping[Moment, Sequence[str]]:
    """Give the WeChat templates to ask for at each moment, the most important first, as many as WeChat asks at once.

    Raises:
        DatabaseUnavailable.
    """
    if not ways().has("wechat"):
        return {}
    rows = await database().fetch(
        "SELECT code, wechat_template_id FROM notification_kind"
        " WHERE active AND wechat_template_id IS NOT NULL AND wechat_fields <> '{}'"
        " ORDER BY is_important DESC, code"
    )
    asked: dict[Moment, list[str]] = {}
    for row in rows:
        kind = KINDS.get(row["code"])
        if kind is None or kind.moment is None:
            continue
        ids = asked.setdefault(kind.moment, [])
        if row["wechat_template_id"] not in ids and len(ids) < TEMPLATES_PER_MOMENT_MAX:
            ids.append(row["wechat_template_id"])
    return asked


async def note_accepted(
    account_id: UUID, template_ids: Sequence[str], *, idempotency: Idempotency | None = None
) -> None:
    """Count that a person has accepted templates: one more message of each may be sent.

    WeChat decides; where the client counts too many, the first refused message sets the count right (43101).

    Raises:
        TemplateUnknown: one that this hospital does not send.
        IdempotencyMismatch: the key was used for others.
        DatabaseUnavailable.
    """
    wanted = sorted(set(template_ids))
    async with database().transaction() as tx:
        if idempotency and await idempotency.replay(tx) is not None:
            return
        rows = await tx.fetch(
            "SELECT DISTINCT wechat_template_id AS id FROM notification_kind WHERE wechat_template_id = ANY ($1)",
            wanted,
        )
        if len(rows) != len(wanted):
            raise TemplateUnknown
        await tx.execute(
            "INSERT INTO notification_subscription (account_id, template_id, count, updated_at)"
            " SELECT $1, t.id, 1, $3 FROM unnest($2::text[]) AS t (id) ORDER BY t.id"
            " ON CONFLICT (account_id, template_id) DO UPDATE"
            " SET count = least(notification_subscription.count + 1, $4), updated_at = excluded.updated_at",
            account_id,
            wanted,
            clock.now(),
            SUBSCRIPTIONS_MAX,
        )
        if idempotency:
            await idempotency.remember(tx, {"accepted": wanted})
