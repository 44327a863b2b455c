"""A box of letters in PostgreSQL: the outbox and the inbox are two of them.

A letter waits for the earlier ones of its aggregate, and for those of the aggregate that it depends
on; letters of different aggregates pass one another freely. Whoever works takes a lease. A lease has
an id, so that a worker which comes back late finds that the letter is no longer its own; a lease that
has ended lets another worker have the letter. All times in a box are the machine's (docs/adr/0170).

A letter ends as `done` or `skipped`. `dead` is waiting for a person: it holds up its own aggregate
only, and can be replayed or skipped with a reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from kernel import clock
from kernel.db import Database, Row, Transaction
from kernel.ids import new_id

ERROR_CHARACTERS_MAX = 500
PURGE_ROWS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on some letters until it ends."""

    id: UUID
    letter_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much of a box is unfinished. `oldest_at` is the oldest pending letter's creation."""

    pending: int
    leased: int
    dead: int
    oldest_at: datetime | None


class Box:
    """One table of letters. Every method runs one statement, alone or in the caller's transaction."""

    def __init__(self, table: Literal["outbox", "inbox"]) -> None:
        self.table = table
        self._claim = f"""
            WITH ready AS (
                SELECT o.id FROM {table} o
                WHERE o.handler = $1 AND o.status = 'pending' AND o.due_at <= $4 AND o.lease_until <= $4
                  AND NOT EXISTS (
                      SELECT 1 FROM {table} e
                      WHERE e.handler = o.handler AND e.status IN ('pending', 'dead')
                        AND e.aggregate = o.aggregate AND e.id < o.id)
                  AND (o.depends_on IS NULL OR NOT EXISTS (
                      SELECT 1 FROM {table} e
                      WHERE e.handler = o.handler AND e.status IN ('pending', 'dead')
                        AND e.aggregate = o.depends_on AND e.id < o.id))
                  AND ($5::text[] IS NULL OR o.aggregate = ANY($5))
                ORDER BY o.id LIMIT $2 FOR UPDATE SKIP LOCKED)
            UPDATE {table} o
            SET lease_until = $4 + make_interval(secs => $3), lease_id = $6, attempts = attempts + 1
            FROM ready WHERE o.id = ready.id
            RETURNING o.id
        """  # noqa: S608  the table is one of two literals

    async def claim(
        self,
        db: Database | Transaction,
        handler: str,
        *,
        limit: int,
        lease_seconds: float,
        aggregates: Sequence[str] | None = None,
    ) -> Lease | None:
        """Lease the letters that may go now, oldest first; no two of them share an aggregate.

        SKIP LOCKED lets several relays take different letters. None when nothing may go.
        """
        lease_id = new_id()
        rows = await db.fetch(
            self._claim,
            handler,
            limit,
            lease_seconds,
            clock.machine_now(),
            None if aggregates is None else list(aggregates),
            lease_id,
        )
        return Lease(lease_id, tuple(sorted(row["id"] for row in rows))) if rows else None

    async def renew(self, db: Database | Transaction, lease: Lease, *, lease_seconds: float) -> list[Row]:
        """Begin to work: give the letters that are still this lease's, oldest first, and lengthen it."""
        rows = await db.fetch(
            f"UPDATE {self.table} SET lease_until = $3 + make_interval(secs => $4)"  # noqa: S608  the table is one of two literals
            " WHERE id = ANY($1) AND lease_id = $2 AND status = 'pending' AND lease_until > $3"
            " RETURNING *",
            list(lease.letter_ids),
            lease.id,
            clock.machine_now(),
            lease_seconds,
        )
        return sorted(rows, key=lambda row: int(row["id"]))

    async def finish(
        self,
        db: Database | Transaction,
        lease: Lease,
        letter_ids: Sequence[int],
        *,
        note: str | None = None,
    ) -> list[int]:
        """Mark letters as done; gives those that were still this lease's."""
        rows = await db.fetch(
            f"UPDATE {self.table} SET status = 'done', finished_at = $3, last_error = $4"  # noqa: S608  the table is one of two literals
            " WHERE id = ANY($1) AND lease_id = $2 AND status = 'pending' RETURNING id",
            list(letter_ids),
            lease.id,
            clock.machine_now(),
            note,
        )
        return sorted(row["id"] for row in rows)

    async def release(self, db: Database | Transaction, lease: Lease, letter_ids: Sequence[int]) -> None:
        """Give letters back untouched, as if they had not been leased."""
        await db.execute(
            f"UPDATE {self.table} SET lease_until = '-infinity', lease_id = NULL,"  # noqa: S608  the table is one of two literals
            " attempts = attempts - 1"
            " WHERE id = ANY($1) AND lease_id = $2 AND status = 'pending'",
            list(letter_ids),
            lease.id,
        )

    async def postpone(
        self,
        db: Database | Transaction,
        lease: Lease,
        letter_id: int,
        *,
        error: str,
        delay: timedelta,
        refused: bool,
    ) -> None:
        """Try again after `delay`; `refused` counts towards the tries that a letter has."""
        await db.execute(
            f"UPDATE {self.table} SET due_at = $3, lease_until = '-infinity', lease_id = NULL,"  # noqa: S608  the table is one of two literals
            " last_error = $4, refusals = refusals + $5::int"
            " WHERE id = $1 AND lease_id = $2 AND status = 'pending'",
            letter_id,
            lease.id,
            clock.machine_now() + delay,
            error[:ERROR_CHARACTERS_MAX],
            int(refused),
        )

    async def bury(self, db: Database | Transaction, lease: Lease, letter_id: int, *, error: str) -> None:
        """Make a letter dead: it waits, visibly, for a person."""
        await db.execute(
            f"UPDATE {self.table} SET status = 'dead', last_error = $3, refusals = refusals + 1"  # noqa: S608  the table is one of two literals
            " WHERE id = $1 AND lease_id = $2 AND status = 'pending'",
            letter_id,
            lease.id,
            error[:ERROR_CHARACTERS_MAX],
        )

    async def revive(self, tx: Transaction, letter_id: int) -> bool:
        """Let a dead letter try again from the beginning; False when there is no such dead letter."""
        return bool(
            await tx.execute(
                f"UPDATE {self.table} SET status = 'pending', due_at = $2, refusals = 0,"  # noqa: S608  the table is one of two literals
                " lease_until = '-infinity', lease_id = NULL WHERE id = $1 AND status = 'dead'",
                letter_id,
                clock.machine_now(),
            )
        )

    async def skip(self, tx: Transaction, letter_id: int) -> bool:
        """Give a dead letter up, so that those behind it can go; False when there is no such one."""
        return bool(
            await tx.execute(
                f"UPDATE {self.table} SET status = 'skipped', finished_at = $2"  # noqa: S608  the table is one of two literals
                " WHERE id = $1 AND status = 'dead'",
                letter_id,
                clock.machine_now(),
            )
        )

    async def count(self, db: Database | Transaction, handler: str) -> Backlog:
        """Tell how much is unfinished."""
        row = await db.fetchrow(
            "SELECT count(*) FILTER (WHERE status = 'pending') AS pending,"  # noqa: S608  the table is one of two literals
            " count(*) FILTER (WHERE status = 'pending' AND lease_until > $2) AS leased,"
            " count(*) FILTER (WHERE status = 'dead') AS dead,"
            " min(created_at) FILTER (WHERE status = 'pending') AS oldest_at"
            f" FROM {self.table} WHERE handler = $1 AND status IN ('pending', 'dead')",
            handler,
            clock.machine_now(),
        )
        assert row is not None, "an aggregate without GROUP BY gives one row"
        return Backlog(row["pending"], row["leased"], row["dead"], row["oldest_at"])

    async def count_leases(self, db: Database | Transaction, handler: str) -> int:
        """Tell how many leases are running."""
        found = await db.fetchval(
            f"SELECT count(DISTINCT lease_id) FROM {self.table}"  # noqa: S608  the table is one of two literals
            " WHERE handler = $1 AND status = 'pending' AND lease_until > $2",
            handler,
            clock.machine_now(),
        )
        return int(found)

    async def pending_aggregates(self, db: Database | Transaction, handler: str, aggregates: Sequence[str]) -> set[str]:
        """Tell which of these aggregates still have an unfinished letter."""
        rows = await db.fetch(
            f"SELECT DISTINCT aggregate FROM {self.table}"  # noqa: S608  the table is one of two literals
            " WHERE handler = $1 AND status IN ('pending', 'dead') AND aggregate = ANY($2)",
            handler,
            list(aggregates),
        )
        return {row["aggregate"] for row in rows}

    async def aggregates_finished_since(
        self, db: Database | Transaction, handler: str, aggregates: Sequence[str], since: datetime
    ) -> set[str]:
        """Tell which of these aggregates have had a letter finished since an instant."""
        rows = await db.fetch(
            f"SELECT DISTINCT aggregate FROM {self.table}"  # noqa: S608  the table is one of two literals
            " WHERE finished_at > $3 AND handler = $1 AND aggregate = ANY($2)",
            handler,
            list(aggregates),
            since,
        )
        return {row["aggregate"] for row in rows}

    async def purge(self, db: Database | Transaction, *, before: datetime) -> int:
        """Forget finished letters, a bounded number at a time; gives how many."""
        return await db.execute(
            f"DELETE FROM {self.table} WHERE id IN (SELECT id FROM {self.table}"  # noqa: S608  the table is one of two literals
            " WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)",
            before,
            PURGE_ROWS_MAX,
        )
