"""Whether the HIS answers, remembered in PostgreSQL for every process and over restarts.

While it does not answer, one message at a time tries, after 1, 2, 4, 8 and then every 10 seconds, for
ever: the backlog is kept, and being unreachable never makes a dead letter. Times are the machine's.
"""

from dataclasses import dataclass
from datetime import datetime

from kernel import clock
from kernel.db import Database
from kernel.log import get_logger

RETRY_SECONDS_MAX = 10
CONTACT_NOTED_EVERY_SECONDS = 5

log = get_logger("integration.his")


@dataclass(frozen=True, slots=True)
class LinkState:
    """How the HIS has been answering. `down_since` is None while it does."""

    failures: int = 0
    down_since: datetime | None = None
    next_try_at: datetime | None = None
    last_contact_at: datetime | None = None

    def batch_size(self, wanted: int, *, at: datetime) -> int:
        """How many messages may be tried now: all, one as a probe, or none until the next try."""
        if self.down_since is None:
            return wanted
        return 1 if self.next_try_at is None or self.next_try_at <= at else 0


async def read_link(db: Database, handler: str) -> LinkState:
    """Tell how the HIS has been answering."""
    row = await db.fetchrow(
        "SELECT failures, down_since, next_try_at, last_contact_at FROM his_link WHERE handler = $1",
        handler,
    )
    return LinkState(**dict(row)) if row else LinkState()


async def note_contact(db: Database, handler: str) -> None:
    """The HIS has answered. Written when that is news, or every few seconds."""
    now = clock.machine_now()
    changed = await db.fetchrow(
        "INSERT INTO his_link AS l (handler, last_contact_at) VALUES ($1, $2)"
        " ON CONFLICT (handler) DO UPDATE SET failures = 0, down_since = NULL,"
        " next_try_at = '-infinity', last_contact_at = $2"
        " WHERE l.failures > 0 OR l.last_contact_at IS NULL"
        " OR l.last_contact_at < $2 - make_interval(secs => $3)"
        " RETURNING handler",
        handler,
        now,
        CONTACT_NOTED_EVERY_SECONDS,
    )
    if changed is not None:
        log.debug("his_contact", handler=handler)


async def note_silence(db: Database, handler: str) -> None:
    """The HIS did not answer. Processes that notice together count as one failure."""
    now = clock.machine_now()
    row = await db.fetchrow(
        "INSERT INTO his_link AS l (handler, failures, down_since, next_try_at)"
        " VALUES ($1, 1, $2::timestamptz, $2::timestamptz + interval '1 second')"
        " ON CONFLICT (handler) DO UPDATE SET failures = l.failures + 1,"
        " down_since = coalesce(l.down_since, $2),"
        " next_try_at = $2 + make_interval(secs => least($3, power(2, least(l.failures, 10))))"
        " WHERE l.next_try_at <= $2 RETURNING failures",
        handler,
        now,
        float(RETRY_SECONDS_MAX),
    )
    if row is not None:
        log.warning("his_unreachable", handler=handler, failures=row["failures"])
