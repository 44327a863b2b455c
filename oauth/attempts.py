"""Guessing ends: failed proofs are counted by client and address together, so a stranger locks out nobody else.

Counts stand in PostgreSQL. Which pairs are locked every process hears within half a second (oauth/watch.py), so a
request that proves itself pays nothing.
"""

import time
from datetime import datetime, timedelta
from typing import Final

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, database

WINDOW: Final = timedelta(minutes=5)
LOCK: Final = timedelta(minutes=5)
PAIR_FAILURES_MAX: Final = 10
# An address that tries one client after another; several honest clients may share one.
ADDRESS_FAILURES_MAX: Final = 200
LOCKS_MAX: Final = 10_000
PURGE_ROWS_MAX: Final = 10_000

_locked: dict[bytes, float] = {}
"""Keys that are locked, until when (seconds since 1970)."""


def seconds_locked(client_id: str, address: str) -> int:
    """Tell for how long this client may not try again from this address; 0 means that it may."""
    if not _locked or not address:
        return 0
    until = max(_locked.get(key, 0.0) for key in _keys(client_id, address))
    return max(0, int(until - time.time()) + 1) if until > time.time() else 0


async def count_failure(client_id: str, address: str) -> None:
    """Count a proof that failed, and lock the pair or the address that has failed too often.

    Where the address is not known nothing is counted: everybody would be locked out for one. What is guessed at are 256
    random bits, so that counting keeps the log short rather than the door shut.

    Raises:
        DatabaseUnavailable.
    """
    if not address:
        return
    pair, alone = _keys(client_id, address)
    limits = {pair: PAIR_FAILURES_MAX, alone: ADDRESS_FAILURES_MAX}
    keys = sorted(limits)
    now = clock.now()
    rows = await database().fetch(
        "INSERT INTO oauth_failed_attempt AS f (key, failures, window_ends_at)"
        " SELECT key, 1, $3 FROM unnest($1::bytea[]) key"
        " ON CONFLICT (key) DO UPDATE SET"
        " failures = CASE WHEN f.window_ends_at <= $2 THEN 1 ELSE f.failures + 1 END,"
        " window_ends_at = CASE WHEN f.window_ends_at <= $2 THEN $3 ELSE f.window_ends_at END,"
        " locked_until = CASE WHEN f.window_ends_at > $2"
        " AND f.failures + 1 >= ($5::integer[])[array_position($1, f.key)] THEN $4 ELSE f.locked_until END"
        " RETURNING key, locked_until",
        keys,
        now,
        now + WINDOW,
        now + LOCK,
        [limits[key] for key in keys],
    )
    note_locks([row for row in rows if row["locked_until"] is not None])


def note_locks(rows: list[Row]) -> None:
    """Take over what is locked, from rows of key and locked_until."""
    for row in rows[:LOCKS_MAX]:
        _locked[row["key"]] = row["locked_until"].timestamp()
    now = time.time()
    for key in [key for key, until in _locked.items() if until <= now]:
        del _locked[key]


async def read_locks() -> list[Row]:
    """Read what is locked now, the newest locks first.

    Raises:
        DatabaseUnavailable.
    """
    return await database().fetch(
        "SELECT key, locked_until FROM oauth_failed_attempt WHERE locked_until > $1"
        " ORDER BY locked_until DESC LIMIT $2",
        clock.now(),
        LOCKS_MAX,
    )


async def purge_attempts(db: Database, *, before: datetime) -> int:
    """Forget failures whose window and lock are over.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM oauth_failed_attempt WHERE key IN (SELECT key FROM oauth_failed_attempt"
        " WHERE window_ends_at < $1 AND (locked_until IS NULL OR locked_until < $1) LIMIT $2)",
        before,
        PURGE_ROWS_MAX,
    )


def _keys(client_id: str, address: str) -> tuple[bytes, bytes]:
    seal = cipher().lookup_hash
    return seal(f"attempt\n{address}\n{client_id}"), seal(f"attempt\n{address}")
