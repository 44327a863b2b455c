"""A copy of an account's data: asked for, made by the worker, sealed, and there for a week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Row, Transaction, database
from kernel.ids import new_id
from patients.errors import ExportNotFound, TooManyExports
from patients.rights.ports import ROWS_MAX, holdings
from patients.rights.record import note

KEPT: Final = timedelta(days=7)
EXPORTS_A_DAY_MAX: Final = 2
SHOWN_MAX: Final = 20
_LOCK: Final = 417


@dataclass(frozen=True, slots=True)
class Export:
    """A copy that was asked for. status: `requested`, `ready` until expires_at, `expired`."""

    id: UUID
    status: str
    size_bytes: int | None
    requested_at: datetime
    made_at: datetime | None
    expires_at: datetime | None


async def request_export(account_id: UUID, *, request_id: str | None = None) -> Export:
    """Ask for a copy; one that is being made already is that one.

    Raises:
        TooManyExports, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", str(account_id), _LOCK)
        waiting = await tx.fetchrow(
            "SELECT * FROM account_export WHERE account_id = $1 AND status = 'requested'", account_id
        )
        if waiting is not None:
            return _shaped(waiting, at)
        today = clock.clinic_date(at)
        asked = await tx.fetchval(
            "SELECT count(*) FROM account_export WHERE account_id = $1 AND requested_at >= $2",
            account_id,
            clock.clinic_instant(today, time()),
        )
        if asked >= EXPORTS_A_DAY_MAX:
            tomorrow = clock.clinic_instant(today + timedelta(days=1), time())
            raise TooManyExports(limit=EXPORTS_A_DAY_MAX, retry_after_seconds=int((tomorrow - at).total_seconds()) + 1)
        row = await tx.fetchrow(
            "INSERT INTO account_export (id, account_id, status, requested_at) VALUES ($1, $2, 'requested', $3)"
            " RETURNING *",
            new_id(),
            account_id,
            at,
        )
        assert row is not None, "just written"
        await note(tx, "export_requested", account_id=account_id, subject_id=row["id"], at=at, request_id=request_id)
        return _shaped(row, at)


async def list_exports(account_id: UUID) -> Sequence[Export]:
    """List an account's copies, the newest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT * FROM account_export WHERE account_id = $1 ORDER BY id DESC LIMIT $2", account_id, SHOWN_MAX
    )
    return [_shaped(row, clock.now()) for row in rows]


async def read_export(export_id: UUID, *, account_id: UUID, request_id: str | None = None) -> dict[str, Any]:
    """Hand a copy out, and note that it was. Its holder has just proved again who they are: see the surface.

    Raises:
        ExportNotFound, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        sealed = await tx.fetchval(
            "SELECT content_cipher FROM account_export WHERE id = $1 AND account_id = $2 AND status = 'ready'"
            " AND expires_at > $3",
            export_id,
            account_id,
            at,
        )
        if sealed is None:
            raise ExportNotFound
        await note(tx, "export_downloaded", account_id=account_id, subject_id=export_id, at=at, request_id=request_id)
    content: dict[str, Any] = orjson.loads(cipher().open(sealed))
    return content


async def make_exports() -> int:
    """Make the copy that has waited longest, and give how many were made: none or one.

    Raises:
        DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        row = await tx.fetchrow(
            "SELECT * FROM account_export WHERE status = 'requested' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
        )
        if row is None:
            return 0
        # Whoever lets a member go meanwhile waits, and finds the copy that they are in.
        await tx.fetchval("SELECT true FROM patient_account WHERE id = $1 FOR KEY SHARE", row["account_id"])
        content = orjson.dumps(await _gather(tx, row["account_id"], at=at), default=str)
        await tx.execute(
            "UPDATE account_export SET status = 'ready', content_cipher = $2, size_bytes = $3, made_at = $4,"
            " expires_at = $5 WHERE id = $1",
            row["id"],
            cipher().seal(content.decode()),
            len(content),
            at,
            at + KEPT,
        )
        await note(tx, "export_made", account_id=row["account_id"], subject_id=row["id"], at=at)
        return 1


async def expire_exports() -> int:
    """Take away the content of copies whose time is over; give how many.

    Raises:
        DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        rows = await tx.fetch(
            "UPDATE account_export SET status = 'expired', content_cipher = NULL"
            " WHERE status = 'ready' AND expires_at <= $1 RETURNING id, account_id",
            at,
        )
        for row in rows:
            await note(tx, "export_expired", account_id=row["account_id"], subject_id=row["id"], at=at)
    return len(rows)


async def take_copies_away(tx: Transaction, account_id: UUID, *, request_id: str | None = None) -> None:
    """Take away the content of an account's copies: somebody is in them for whom it acts no longer."""
    at = clock.now()
    rows = await tx.fetch(
        "UPDATE account_export SET status = 'expired', content_cipher = NULL"
        " WHERE account_id = $1 AND status = 'ready' RETURNING id",
        account_id,
    )
    for row in rows:
        await note(tx, "export_expired", account_id=account_id, subject_id=row["id"], at=at, request_id=request_id)


async def _gather(tx: Transaction, account_id: UUID, *, at: datetime) -> dict[str, Any]:
    members = await tx.fetch(
        "SELECT DISTINCT patient_id FROM patient_account_member WHERE account_id = $1 AND ended_at IS NULL", account_id
    )
    patient_ids = [row["patient_id"] for row in members]
    index, data = [], {}
    for part in holdings().parts:
        rows = await part.read(tx, account_id, patient_ids)
        data[part.name] = rows[:ROWS_MAX]
        index.append(
            {
                "part": part.name,
                "zh": part.zh,
                "en": part.en,
                "count": len(data[part.name]),
                "is_complete": len(rows) <= ROWS_MAX,
            }
        )
    return {"made_at": at.isoformat(), "account_id": str(account_id), "index": index, "data": data}


def _shaped(row: Row, at: datetime) -> Export:
    is_over = row["status"] == "ready" and row["expires_at"] <= at
    return Export(
        row["id"],
        "expired" if is_over else row["status"],
        row["size_bytes"],
        row["requested_at"],
        row["made_at"],
        row["expires_at"],
    )
