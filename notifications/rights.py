"""What this room has of an account: what it was told, and what it wants to be told; all of it goes with it."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from kernel.crypto import cipher
from kernel.db import Reader, Transaction
from notifications.inbox import forget_account
from notifications.telling import LANGUAGES
from patients.rights.ports import ROWS_MAX, Part


async def _messages(db: Reader, account_id: UUID, patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT id, patient_id, kind, subject_kind, subject_id, occurred_at, read_at, content_cipher"
        # As in the inbox: of somebody for whom it acts no longer nothing is shown.
        " FROM notification WHERE account_id = $1 AND patient_id = ANY($2) ORDER BY id DESC LIMIT $3",
        account_id,
        list(patients),
        ROWS_MAX + 1,
    )
    shown = []
    for row in (dict(row) for row in rows):
        content = orjson.loads(cipher().open(row.pop("content_cipher")))
        shown.append(row | {language: content[language] for language in LANGUAGES})
    return shown


async def _choices(db: Reader, account_id: UUID, _patients: Sequence[UUID]) -> list[dict[str, Any]]:
    """Give the choices by group and way, the quiet hours, and how often WeChat was allowed to be used."""
    wanted = await db.fetch(
        "SELECT kind_group, channel, is_wanted FROM notification_preference WHERE account_id = $1"
        " ORDER BY kind_group, channel",
        account_id,
    )
    quiet = await db.fetch(
        "SELECT quiet_from::text, quiet_until::text FROM notification_quiet_hours WHERE account_id = $1", account_id
    )
    subscribed = await db.fetch(
        "SELECT template_id, count, updated_at FROM notification_subscription WHERE account_id = $1"
        " ORDER BY template_id",
        account_id,
    )
    return [dict(row) for row in (*wanted, *quiet, *subscribed)]


async def erase_messages(tx: Transaction, account_id: UUID) -> None:
    """Forget what an account was told and has chosen; nothing that waits to be sent is sent any more."""
    await forget_account(tx, account_id)


PARTS: Final = (
    Part("messages", "消息", "Messages", _messages),
    Part("message_choices", "消息设置", "Choices about messages", _choices),
)
