"""The seal on the ledger: entries are chained by hash behind the fact, in batches, by one sealer at a time.

A head that every posting had to take would make all payments queue. So entries carry the hash of their own content,
and the sealer links those whose transactions are over and cannot be overtaken any more: below the oldest transaction
that still runs, in the order of transactions.
"""

import hashlib
from datetime import timedelta
from typing import Final, NamedTuple

from kernel import clock
from kernel.db import Database, Row, Transaction

PERIOD: Final = timedelta(seconds=30)
BATCH_MAX: Final = 1_000
VERIFY_PAGE: Final = 5_000
GENESIS: Final = bytes(32)
_SEALER: Final = 3_010_001  # the advisory lock of whoever seals

# What was restored from a dump has transactions of another life, which this database has yet to come to; they are over.
_UNSEALED: Final = """
SELECT e.id, e.content_hash, e.transaction_id
FROM ledger_entry e, pg_current_snapshot() AS now (snapshot)
WHERE e.transaction_id >= CASE WHEN $1::xid8 >= pg_snapshot_xmax(snapshot) THEN '0'::xid8 ELSE $1::xid8 END
  AND (e.transaction_id < pg_snapshot_xmin(snapshot) OR e.transaction_id >= pg_snapshot_xmax(snapshot))
  AND NOT EXISTS (SELECT FROM ledger_link l WHERE l.entry_id = e.id)
ORDER BY e.transaction_id, e.id LIMIT $2
"""


class Fault(NamedTuple):
    """The first place at which the chain and the entries disagree; `what` is a code."""

    position: int
    entry_id: int
    what: str


async def seal_ledger(db: Database, limit: int = BATCH_MAX) -> int:
    """Link the entries that are final and not sealed yet, a bounded number; give how many.

    Raises:
        DatabaseUnavailable.
    """
    async with db.transaction() as tx:
        if not await tx.fetchval("SELECT pg_try_advisory_xact_lock($1)", _SEALER):
            return 0
        last = await tx.fetchrow("SELECT * FROM ledger_seal ORDER BY id DESC LIMIT 1")
        rows = await tx.fetch(_UNSEALED, 0 if last is None else last["up_to"], limit)
        if not rows:
            return 0
        first = 1 if last is None else last["last_position"] + 1
        seal_id = 1 if last is None else last["id"] + 1
        previous = GENESIS if last is None else last["hash"]
        links = []
        for position, row in enumerate(rows, first):
            previous = link_hash(previous, row["content_hash"])
            links.append((position, row["id"], seal_id, previous))
        await tx.execute(
            "INSERT INTO ledger_seal (id, first_position, last_position, hash, up_to, sealed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            seal_id,
            first,
            links[-1][0],
            previous,
            rows[-1]["transaction_id"],
            clock.now(),
        )
        await tx.copy("ledger_link", ["position", "entry_id", "seal_id", "hash"], links)
    return len(rows)


def link_hash(previous: bytes, content: bytes) -> bytes:
    """Chain an entry to the one before it."""
    return hashlib.sha256(previous + content).digest()


async def verify_ledger(db: Database, *, from_position: int = 1) -> Fault | None:
    """Compute the chain anew from the postings themselves, from a position on; give the first fault, if there is one.

    Raises:
        DatabaseUnavailable.
    """
    async with db.transaction() as tx:
        await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        previous = GENESIS
        if from_position > 1:
            previous = await tx.fetchval("SELECT hash FROM ledger_link WHERE position = $1", from_position - 1)
        at = from_position
        while rows := await _page(tx, at):
            for row in rows:
                previous = link_hash(previous, row["content"])
                if row["position"] != at:
                    return Fault(at, row["entry_id"], "link_missing")
                if row["content"] != row["content_hash"]:
                    return Fault(at, row["entry_id"], "content_changed")
                if previous != row["hash"]:
                    return Fault(at, row["entry_id"], "chain_broken")
                at += 1
    return None


async def _page(tx: Transaction, position: int) -> list[Row]:
    return await tx.fetch(
        "SELECT l.position, l.entry_id, l.hash, e.content_hash,"
        " ledger_content(e.business_key, e.kind, e.order_id, e.occurred_at, p.accounts, p.amounts) AS content"
        " FROM ledger_link l JOIN ledger_entry e ON e.id = l.entry_id CROSS JOIN LATERAL ("
        "  SELECT array_agg(account ORDER BY position) AS accounts, array_agg(amount_fen ORDER BY position) AS amounts"
        "  FROM ledger_posting WHERE entry_id = e.id) p"
        " WHERE l.position >= $1 ORDER BY l.position LIMIT $2",
        position,
        VERIFY_PAGE,
    )
