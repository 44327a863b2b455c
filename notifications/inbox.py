"""What an account was told: its messages, newest first, and which of them it has read.

Only messages about people for whom the account acts now are shown: whoever is unbound takes theirs along.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import orjson

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, Transaction, database
from notifications.errors import MessageNotFound
from notifications.wording import Language

KEPT: Final = timedelta(days=180)
"""How long messages, with their deliveries and tries, are kept; they name people and clinics."""
SUBSCRIPTIONS_KEPT: Final = timedelta(days=400)
UNREAD_SHOWN_MAX: Final = 99
PURGED_A_TURN_MAX: Final = 2_000

# People whom an account acts for now; the condition stands in every statement here.
_MINE: Final = (
    "n.account_id = $1 AND EXISTS (SELECT FROM patient_account_member m WHERE m.account_id = n.account_id"
    " AND m.patient_id = n.patient_id AND m.ended_at IS NULL)"
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its reader sees it. subject: what it leads to in the app."""

    id: UUID
    kind: str
    group: str
    patient_id: UUID
    title: str
    body: str
    subject_kind: str
    subject_id: str
    at: datetime
    until: datetime | None
    read_at: datetime | None


async def list_messages(
    account_id: UUID, *, language: Language, before: UUID | None, limit: int, is_unread: bool = False
) -> Sequence[Message]:
    """List an account's messages, or those not read yet, newest first; `before` is the last one of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT n.*, k.kind_group FROM notification n JOIN notification_kind k ON k.code = n.kind"  # noqa: S608  our own condition
        f" WHERE {_MINE} AND ($2::uuid IS NULL OR n.id < $2) AND (NOT $4 OR n.read_at IS NULL)"
        " ORDER BY n.id DESC LIMIT $3",
        account_id,
        before,
        limit,
        is_unread,
    )
    return [_message(row, language) for row in rows]


async def read_message(account_id: UUID, message_id: UUID, *, language: Language) -> Message:
    """Read one message; that marks nothing.

    Raises:
        MessageNotFound: absent, or another account's.
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT n.*, k.kind_group FROM notification n JOIN notification_kind k ON k.code = n.kind"  # noqa: S608  our own condition
        f" WHERE {_MINE} AND n.id = $2",
        account_id,
        message_id,
    )
    if not rows:
        raise MessageNotFound
    return _message(rows[0], language)


async def count_unread(account_id: UUID) -> int:
    """Count what an account has not read, to ninety-nine.

    Raises:
        DatabaseUnavailable.
    """
    found: int = await database().fetchval(
        f"SELECT count(*) FROM (SELECT FROM notification n WHERE {_MINE} AND n.read_at IS NULL LIMIT $2) AS unread",  # noqa: S608  our own condition
        account_id,
        UNREAD_SHOWN_MAX,
    )
    return found


async def mark_read(account_id: UUID, message_id: UUID) -> None:
    """Note that a message was read; it is not sent by another way any more. Once more changes nothing.

    Raises:
        MessageNotFound, DatabaseUnavailable.
    """
    marked = await database().execute(
        "UPDATE notification n SET read_at = coalesce(n.read_at, $3), fallback_at = NULL"  # noqa: S608  our own condition
        f" WHERE {_MINE} AND n.id = $2",
        account_id,
        message_id,
        clock.now(),
    )
    if marked != 1:
        raise MessageNotFound


async def mark_all_read(account_id: UUID, *, up_to: UUID | None) -> int:
    """Note that everything was read, up to a message that was seen (None: all there is); give how many were new.

    Raises:
        DatabaseUnavailable.
    """
    return await database().execute(
        "UPDATE notification n SET read_at = $3, fallback_at = NULL"  # noqa: S608  our own condition
        f" WHERE {_MINE} AND n.read_at IS NULL AND ($2::uuid IS NULL OR n.id <= $2)",
        account_id,
        up_to,
        clock.now(),
    )


async def forget_account(tx: Transaction, account_id: UUID) -> None:
    """Forget all that an account was told and has chosen, when it is deleted."""
    for table in (
        "notification",
        "notification_preference",
        "notification_quiet_hours",
        "notification_subscription",
    ):
        await tx.execute(f"DELETE FROM {table} WHERE account_id = $1", account_id)  # noqa: S608  our own names of tables


async def purge_messages(db: Database) -> int:
    """Forget old messages with their deliveries, and subscriptions nobody has used for long; give how many.

    Raises:
        DatabaseUnavailable.
    """
    now = clock.now()
    gone = await db.execute(
        "DELETE FROM notification WHERE id IN (SELECT id FROM notification WHERE created_at < $1"
        " ORDER BY created_at LIMIT $2)",
        now - KEPT,
        PURGED_A_TURN_MAX,
    )
    return gone + await db.execute(
        "DELETE FROM notification_subscription WHERE (account_id, template_id) IN (SELECT account_id, template_id"
        " FROM notification_subscription WHERE updated_at < $1 LIMIT $2)",
        now - SUBSCRIPTIONS_KEPT,
        PURGED_A_TURN_MAX,
    )


def _message(row: Row, language: Language) -> Message:
    text = orjson.loads(cipher().open(row["content_cipher"]))[language]
    return Message(
        id=row["id"],
        kind=row["kind"],
        group=row["kind_group"],
        patient_id=row["patient_id"],
        title=text["title"],
        body=text["body"],
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        at=row["occurred_at"],
        until=row["until"],
        read_at=row["read_at"],
    )
