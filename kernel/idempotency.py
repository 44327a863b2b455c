"""Same key, same request, same answer.

An answer that had effects is stored in the effect's own transaction, as the feature's result (not as HTTP), and
is given again for the same key. The key is locked for the transaction first, so a second request that arrives
while the first is running waits and then gets the first one's answer. Plain refusals are not stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kernel.db import Database, Reader, Row, Transaction
from kernel.errors import Conflict

KEEP_DAYS = 7


class IdempotencyMismatch(Conflict):
    """The key was used before with another request; `field` names what differs."""

    code = "idempotency.mismatch"
    zh = "该幂等键已用于内容不同的请求"
    en = "This idempotency key was used before with a different request."


@dataclass(slots=True)
class Idempotency:
    """One caller's key for one request.

    operation:    what is asked for, e.g. `POST /appointments`.
    field_hashes: keyed hash of each top-level field (and path parameter), by name.
    was_replayed: the stored answer was given, so this request has changed nothing.
    """

    client_id: str
    key: str
    operation: str
    field_hashes: Mapping[str, str] = field(default_factory=dict)
    was_replayed: bool = field(default=False, compare=False)

    async def replay(self, tx: Transaction) -> dict[str, Any] | None:
        """Lock the key for this transaction and give the stored result, if there is one.

        Raises:
            IdempotencyMismatch: stored for another request.
        """
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", f"{self.client_id}\n{self.key}")
        row = await tx.fetchrow(
            "SELECT operation, field_hashes, result FROM idempotency_key WHERE client_id = $1 AND key = $2",
            self.client_id,
            self.key,
        )
        if row is None:
            return None
        self.require_same(row["operation"], row["field_hashes"])
        result: dict[str, Any] = row["result"]
        return result

    def require_same(self, operation: str, field_hashes: Mapping[str, str]) -> None:
        """Compare with the request that the key was first used for; one that is the same is answered as that was.

        Raises:
            IdempotencyMismatch: they differ; the first differing field is named.
        """
        if operation != self.operation:
            raise IdempotencyMismatch(field="operation")
        for name in sorted(set(field_hashes) | set(self.field_hashes)):
            if field_hashes.get(name) != self.field_hashes.get(name):
                raise IdempotencyMismatch(field=name)
        self.was_replayed = True

    async def remember(self, tx: Transaction, result: Mapping[str, object]) -> None:
        """Store the result with its effect; `replay` has run in the same transaction."""
        await tx.execute(
            "INSERT INTO idempotency_key (client_id, key, operation, field_hashes, result) VALUES ($1, $2, $3, $4, $5)",
            self.client_id,
            self.key,
            self.operation,
            dict(self.field_hashes),
            dict(result),
        )


async def stored_answers(db: Reader, keys: Sequence[Idempotency]) -> dict[int, Row]:
    """Look many keys up at once, waiting for requests with the same key that are just being served.

    Gives `operation`, `field_hashes` and `result` by the place of the key; see `Idempotency.require_same`.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT * FROM stored_answers($1, $2)", [one.client_id for one in keys], [one.key for one in keys]
    )
    return {row["i"] - 1: row for row in rows}


async def purge_keys(db: Database, *, before: datetime, limit: int = 5_000) -> int:
    """Forget keys that were used before an instant, a bounded number at a time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM idempotency_key WHERE (client_id, key) IN"
        " (SELECT client_id, key FROM idempotency_key WHERE created_at < $1 LIMIT $2)",
        before,
        limit,
    )
