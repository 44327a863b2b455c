"""An account goes: after days in which it can be taken back, and not while money is open or a visit is to come.

What the law has the hospital keep (medical records, money, complaints, the record of accesses and consents) stays with
the patient's record; what is the account's own is erased: its number, sessions, members, consents, copies, and what
features have of it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Reader, Row, Transaction, database
from kernel.ids import new_id
from kernel.log import get_logger
from oauth.sign_in import throttle
from patients.accounts import end_account
from patients.errors import AccountInUse, AccountNotFound, DeletionNotFound
from patients.rights.ports import Obstacle, holdings
from patients.rights.record import note

COOLING: Final = timedelta(days=15)
"""In which the account works as before, and its deletion can be taken back."""
ASKED_AGAIN_AFTER: Final = timedelta(days=1)
REQUESTS: Final = throttle.Limit("account-deletion", 20, timedelta(days=1))
OBSTACLES_SHOWN_MAX: Final = 50

log = get_logger("patients")


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion under way. due_at: when it is done, unless it is taken back or something has come in its way."""

    requested_at: datetime
    due_at: datetime


async def find_obstacles(db: Reader, account_id: UUID) -> list[Obstacle]:
    """List what has to be settled before an account can go.

    Raises:
        DatabaseUnavailable.
    """
    found: list[Obstacle] = []
    for find in holdings().obstacles:
        found += await find(db, account_id)
    return found[:OBSTACLES_SHOWN_MAX]


async def read_deletion(account_id: UUID) -> tuple[Deletion | None, Sequence[Obstacle]]:
    """Give the deletion under way, if there is one, and what stands in its way.

    Raises:
        DatabaseUnavailable.
    """
    db = database()
    row = await db.fetchrow("SELECT * FROM account_deletion WHERE account_id = $1 AND status = 'waiting'", account_id)
    return None if row is None else _shaped(row), await find_obstacles(db, account_id)


async def request_deletion(account_id: UUID, *, request_id: str | None = None) -> Deletion:
    """Ask that an account be deleted; one that was asked for already stands as it is.

    Raises:
        AccountNotFound.
        AccountInUse: obstacles.
        TooManyAttempts: each leaves a record that is kept for ever.
        DatabaseUnavailable.
    """
    at = clock.now()
    await throttle.take(REQUESTS, str(account_id))
    async with database().transaction() as tx:
        await _lock(tx, account_id)
        standing = await tx.fetchrow(
            "SELECT * FROM account_deletion WHERE account_id = $1 AND status = 'waiting'", account_id
        )
        if standing is not None:
            return _shaped(standing)
        if obstacles := await find_obstacles(tx, account_id):
            raise AccountInUse(obstacles=[asdict(one) for one in obstacles])
        row = await tx.fetchrow(
            "INSERT INTO account_deletion (id, account_id, status, requested_at, due_at)"
            " VALUES ($1, $2, 'waiting', $3, $4) RETURNING *",
            new_id(),
            account_id,
            at,
            at + COOLING,
        )
        assert row is not None, "just written"
        await note(tx, "deletion_requested", account_id=account_id, subject_id=row["id"], at=at, request_id=request_id)
        return _shaped(row)


async def withdraw_deletion(account_id: UUID, *, request_id: str | None = None) -> None:
    """Take a deletion back.

    Raises:
        DeletionNotFound, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        withdrawn = await tx.fetchval(
            "UPDATE account_deletion SET status = 'withdrawn', settled_at = $2"
            " WHERE account_id = $1 AND status = 'waiting' RETURNING id",
            account_id,
            at,
        )
        if withdrawn is None:
            raise DeletionNotFound
        await note(tx, "deletion_withdrawn", account_id=account_id, subject_id=withdrawn, at=at, request_id=request_id)


async def delete_due() -> int:
    """Do the deletion that is due longest, or put it off for a day if something has come in its way; none or one.

    Raises:
        DatabaseUnavailable.
    """
    at = clock.now()
    account_id = await database().fetchval(
        "SELECT account_id FROM account_deletion WHERE status = 'waiting' AND due_at <= $1 ORDER BY due_at LIMIT 1", at
    )
    if account_id is None:
        return 0
    async with database().transaction() as tx:
        # First the account, as everybody does who changes it; then the deletion, if it still stands.
        is_active = await _is_active(tx, account_id)
        row = await tx.fetchrow(
            "SELECT * FROM account_deletion WHERE account_id = $1 AND status = 'waiting' AND due_at <= $2 FOR UPDATE",
            account_id,
            at,
        )
        if row is None:
            return 0
        if is_active and await find_obstacles(tx, account_id):
            await tx.execute("UPDATE account_deletion SET due_at = $2 WHERE id = $1", row["id"], at + ASKED_AGAIN_AFTER)
            await note(tx, "deletion_postponed", account_id=account_id, subject_id=row["id"], at=at)
            return 1
        if is_active:
            await end_account(tx, account_id)
        await _erase(tx, account_id)
        await tx.execute("UPDATE account_deletion SET status = 'done', settled_at = $2 WHERE id = $1", row["id"], at)
        await note(tx, "deletion_done", account_id=account_id, subject_id=row["id"], at=at)
    log.info("account_deleted", account_id=str(account_id))
    return 1


async def _erase(tx: Transaction, account_id: UUID) -> None:
    keys = cipher()
    await tx.execute(
        # Nobody's number has this hash, and none can be read from it.
        "UPDATE patient_account SET phone_cipher = $2, phone_hash = $3 WHERE id = $1",
        account_id,
        keys.seal(""),
        keys.lookup_hash(f"deleted account\n{account_id}"),
    )
    await tx.execute(
        "UPDATE account_export SET status = 'expired', content_cipher = NULL WHERE account_id = $1"
        " AND status = 'ready'",
        account_id,
    )
    await tx.execute("DELETE FROM account_export WHERE account_id = $1 AND status = 'requested'", account_id)
    for erase in holdings().erasers:
        await erase(tx, account_id)


async def _lock(tx: Transaction, account_id: UUID) -> None:
    if not await _is_active(tx, account_id):
        raise AccountNotFound


async def _is_active(tx: Transaction, account_id: UUID) -> bool:
    status = await tx.fetchval("SELECT status FROM patient_account WHERE id = $1 FOR UPDATE", account_id)
    return bool(status == "active")


def _shaped(row: Row) -> Deletion:
    return Deletion(row["requested_at"], row["due_at"])
