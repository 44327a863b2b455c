"""Catching up: what the HIS has told is read from its change feed too, in case a message never came.

The feed holds the HIS's own messages, so a change that came over the wire is recognised by its control
id and left alone. The cursor lies in PostgreSQL and moves in the transaction that keeps the changes.
"""

from datetime import timedelta
from typing import Final

from integration.his.inbox import TAKEN_FOR_LATER, store_changes
from integration.his.port import FeedItem, HisPull
from kernel import clock
from kernel.crypto import FieldCipher
from kernel.db import Database
from kernel.log import get_logger

SETTLED_AFTER: Final = timedelta(minutes=2)
"""Younger messages are left to the wire, where the clerk at the window may be waiting for them."""
PAGES_MAX: Final = 50

log = get_logger("integration.his")


async def catch_up(db: Database, his: HisPull, *, source: str, cipher: FieldCipher) -> int:
    """Keep what the feed has and the inbox has not; gives the number of changes kept.

    Raises:
        HisUnavailable: the feed cannot be read; the cursor stays.
        DatabaseUnavailable: nothing was kept, the cursor stays.
    """
    position = await db.fetchval("SELECT position FROM his_cursor WHERE name = $1", source) or 0
    kept = 0
    for _ in range(PAGES_MAX):
        page = await his.fetch_changes(position)
        settled = _settled(page.items)
        if settled:
            kept += await _keep(db, settled, source=source, cipher=cipher)
            position = settled[-1].position
        if page.complete or len(settled) < len(page.items):
            break
    else:
        log.warning("his_feed_far_behind", position=position)
    if kept:
        log.info("his_caught_up", kept=kept, position=position)
    return kept


def _settled(items: tuple[FeedItem, ...]) -> list[FeedItem]:
    """The items up to the first that is still young."""
    limit = clock.now() - SETTLED_AFTER
    settled: list[FeedItem] = []
    for item in items:
        if any(change.occurred_at > limit for change in item.changes):
            break
        settled.append(item)
    return settled


async def _keep(db: Database, items: list[FeedItem], *, source: str, cipher: FieldCipher) -> int:
    kept = 0
    async with db.transaction() as tx:
        for item in items:
            kept += len(await store_changes(tx, item.changes, TAKEN_FOR_LATER, cipher=cipher))
        await tx.execute(
            "INSERT INTO his_cursor (name, position, updated_at) VALUES ($1, $2, $3)"
            " ON CONFLICT (name) DO UPDATE SET position = $2, updated_at = $3"
            " WHERE his_cursor.position < $2",
            source,
            items[-1].position,
            clock.now(),
        )
    return kept
