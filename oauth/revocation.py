"""What is worth nothing any more before its time: tokens by jti, and grants with everything that hangs on them.

Every process keeps the list in memory and hears of news within half a second (oauth/watch.py), so that a request pays
nothing for it. A process that has heard nothing for a second asks the database about each token instead.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from kernel import clock
from kernel.db import Database, Transaction, database
from oauth.errors import InvalidToken
from oauth.tokens import LIFETIME_SECONDS, AccessToken

PURGE_ROWS_MAX: Final = 10_000
FRESH_SECONDS: Final = 1.0
# No token lives longer, so afterwards nothing is left that the entry could stop.
KEPT: Final = timedelta(seconds=LIFETIME_SECONDS + 60)

Kind = Literal["token", "grant"]


class Revoked:
    """What this process knows of revocations, and since when."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], float] = {}
        self._heard_at = float("-inf")
        self._seen_below = 0

    def is_fresh(self) -> bool:
        """Tell whether the list was complete less than a second ago."""
        return time.monotonic() - self._heard_at < FRESH_SECONDS

    def has(self, token: AccessToken) -> bool:
        """Tell whether a token or its grant is on the list."""
        person = token.person
        return ("token", token.jti) in self.known or (person is not None and ("grant", person.grant_id) in self.known)

    async def hear(self) -> None:
        """Read what has come since the last time: of every transaction that was not over then.

        Raises:
            DatabaseUnavailable: the list stays as it is, and grows old.
        """
        began_at = time.monotonic()
        rows = await database().fetch(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS below, kind, value, expires_at"
            " FROM (SELECT 1) one LEFT JOIN oauth_revocation ON transaction_id >= $1::text::xid8 AND expires_at > $2",
            str(self._seen_below),
            clock.now(),
        )
        for row in rows:
            if row["kind"] is not None:
                self.note(row["kind"], row["value"], row["expires_at"])
        self._seen_below = rows[0]["below"]
        self._heard_at = began_at
        now = time.time()
        for key in [key for key, until in self.known.items() if until <= now]:
            del self.known[key]

    def note(self, kind: str, value: str, expires_at: datetime) -> None:
        """Put one on the list."""
        self.known[(kind, value)] = expires_at.timestamp()


revoked: Final = Revoked()
"""This process's list."""


async def require_in_force(token: AccessToken) -> None:
    """Refuse a token that was revoked, itself or with its grant.

    Raises:
        InvalidToken: it was revoked.
        DatabaseUnavailable: news is overdue and the database cannot be asked; nobody is let in on old news.
    """
    if revoked.is_fresh():
        if revoked.has(token):
            raise InvalidToken
    elif await _is_revoked(token):
        raise InvalidToken


async def _is_revoked(token: AccessToken) -> bool:
    grant_id = None if token.person is None else UUID(token.person.grant_id)
    return bool(
        await database().fetchval(
            "SELECT EXISTS (SELECT FROM oauth_revocation WHERE kind = 'token' AND value = $1) OR ($2::uuid IS NOT NULL"
            " AND NOT EXISTS (SELECT FROM oauth_grant WHERE id = $2 AND status = 'active'))",
            token.jti,
            grant_id,
        )
    )


async def revoke(tx: Transaction, kind: Kind, value: str, *, expires_at: datetime | None = None) -> None:
    """Put a token or a grant on everybody's list; this process has it from the commit on."""
    until = expires_at or clock.now() + KEPT
    await tx.execute(
        "INSERT INTO oauth_revocation (kind, value, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        kind,
        value,
        until,
    )
    tx.after_commit(_noting(kind, value, until))


def _noting(kind: Kind, value: str, until: datetime) -> Callable[[], None]:
    return lambda: revoked.note(kind, value, until)


async def purge_revocations(db: Database, *, before: datetime) -> int:
    """Forget what no living token can be stopped by.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM oauth_revocation WHERE id IN (SELECT id FROM oauth_revocation WHERE expires_at < $1 LIMIT $2)",
        before,
        PURGE_ROWS_MAX,
    )
