"""What came in a channel's name and was not believed: counted by the minute and reason, and nothing of its content.

Nobody waits for a record, and nobody can make many rows: whoever sends forged messages by the thousand makes one row a
minute for each account and reason. While PostgreSQL is away only the metric counts.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from kernel import clock
from kernel.db import Database, DatabaseUnavailable, Reader, database
from kernel.ids import new_id
from kernel.log import get_logger

KEPT: Final = timedelta(days=190)  # Six months and a margin (Cybersecurity Law, article 21).
REASON_CHARACTERS_MAX: Final = 40

log = get_logger("payments")

# The first id of a minute stays, so that a list can be read on.
_COUNT: Final = """
INSERT INTO payment_notification_refusal AS r
    (id, minute, merchant_code, reason, message_count, last_at, last_network, last_request_id)
SELECT n.* FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[],
                       $7::text[], $8::text[]) AS n (id, minute, merchant, reason, count, at, network, request)
ORDER BY n.minute, n.merchant, n.reason
ON CONFLICT ON CONSTRAINT payment_notification_refusal_once DO UPDATE
SET message_count = r.message_count + excluded.message_count, last_at = excluded.last_at,
    last_network = excluded.last_network, last_request_id = excluded.last_request_id
"""


class Refused(NamedTuple):
    """What was not believed within one minute. merchant_code: None when it came for no account of ours."""

    id: UUID
    minute: datetime
    merchant_code: str | None
    reason: str
    message_count: int
    last_at: datetime
    last_network: str | None
    last_request_id: str


@dataclass(slots=True)
class _Noted:
    count: int
    at: datetime
    network: str | None
    request_id: str


class RefusalLog:
    """The refusals of this process that are not written yet; few, for they are counted together."""

    def __init__(self) -> None:
        self._noted: dict[tuple[datetime, str | None, str], _Noted] = {}
        self._writer: asyncio.Task[None] | None = None

    def note(self, merchant_code: str | None, reason: str, *, network: str | None, request_id: str) -> None:
        """Count one message that was not believed; it is written beside the answer."""
        at = clock.machine_now()
        key = (at.replace(second=0, microsecond=0), merchant_code, reason[:REASON_CHARACTERS_MAX])
        before = self._noted.get(key)
        self._noted[key] = _Noted(1 if before is None else before.count + 1, at, network, request_id)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._noted:
                noted, self._noted = self._noted, {}
                await database().execute(
                    _COUNT,
                    [new_id() for _ in noted],
                    [minute for minute, _, _ in noted],
                    [code for _, code, _ in noted],
                    [reason for _, _, reason in noted],
                    [one.count for one in noted.values()],
                    [one.at for one in noted.values()],
                    [one.network for one in noted.values()],
                    [one.request_id for one in noted.values()],
                )
        except DatabaseUnavailable:
            log.warning("notification_refusals_lost", kinds=len(noted))
        finally:
            self._writer = None


_log: Final = RefusalLog()


def refusal_log() -> RefusalLog:
    """Give this process's log."""
    return _log


async def list_refused(db: Reader, *, before: UUID | None, limit: int) -> Sequence[Refused]:
    """List what was not believed, the newest minute first; `before` is the last id of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {', '.join(Refused._fields)} FROM payment_notification_refusal"  # noqa: S608  our own list of columns
        " WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
        before,
        limit,
    )
    return [Refused(*row.values()) for row in rows]


async def purge_refused(db: Database, *, limit: int = 5_000) -> int:
    """Forget what was refused long ago, a bounded number at a time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM payment_notification_refusal WHERE id IN"
        " (SELECT id FROM payment_notification_refusal WHERE minute < $1 ORDER BY id LIMIT $2)",
        clock.machine_now() - KEPT,
        limit,
    )
