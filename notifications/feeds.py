"""Reading tables of events in order and each event once, without a column, an index or a lock for those who write.

Numbers of an identity column are given out before the commit, so a lower one may appear after a higher was read. A
reader therefore reads to a horizon: the newest event that it saw at an instant, once every transaction that had begun
to write by then is over. Events are written after what they tell of, so a transaction has its id before its events
have their numbers, and nothing at or below the horizon can appear any more
(docs/adr/0410-messages-follow-events-to-a-horizon.md).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from kernel.db import Database, Row, Transaction
from kernel.log import get_logger
from notifications.telling import Occurrence, accounts_of, tell

EVENTS_A_TURN_MAX: Final = 200
TURNS_MAX: Final = 10
UNREADABLE: Final = (AssertionError, KeyError, TypeError, ValueError)
"""What an event raises that is not as its source expects."""

log = get_logger("notifications")


class Happening(NamedTuple):
    """An event that may be worth a message, and whom it may concern. place: its number in its table."""

    place: int
    patient_ids: frozenset[UUID]
    row: Row


@dataclass(frozen=True, slots=True)
class Source:
    """A table of events. read: those behind a number, up to another, in order; describe: what is to be told of some.

    `describe` is asked only for events of people who have an account, in the transaction that keeps the place.
    """

    table: str
    read: Callable[[Transaction, int, int, int], Awaitable[Sequence[Happening]]]
    describe: Callable[[Transaction, Sequence[Happening]], Awaitable[Sequence[Occurrence]]]


class _Mark(NamedTuple):
    newest: int
    transaction_id: int


async def tell_events(db: Database, sources: Sequence[Source]) -> int:
    """Make messages of what has happened since the last time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    made = 0
    for source in sources:
        for _ in range(TURNS_MAX):
            told, is_full = await _turn(db, source)
            made += told
            if not is_full:
                break
    return made


async def _turn(db: Database, source: Source) -> tuple[int, bool]:
    """Read some of one table; tell how many messages came of it, and whether there may be more to read."""
    seen = await db.fetchrow(
        # The newest event and the first transaction that had not begun, in one snapshot.
        f"SELECT f.read_to, (SELECT coalesce(max(id), 0) FROM {source.table}) AS newest,"  # noqa: S608  our own names of tables
        " pg_snapshot_xmax(pg_current_snapshot()) AS transaction_id FROM notification_feed f WHERE f.source = $1",
        source.table,
    )
    assert seen is not None, "the migration has put it there"
    if seen["newest"] <= seen["read_to"]:
        return 0, False
    async with db.transaction() as tx:
        # Whoever else is at it does the same.
        feed = await tx.fetchrow(
            "SELECT * FROM notification_feed WHERE source = $1 FOR UPDATE SKIP LOCKED", source.table
        )
        if feed is None:
            return 0, False
        until = await _settle(tx, feed, _Mark(seen["newest"], seen["transaction_id"]))
        if until <= feed["read_to"]:
            return 0, False
        found = await source.read(tx, feed["read_to"], until, EVENTS_A_TURN_MAX)
        is_full = len(found) == EVENTS_A_TURN_MAX
        await tx.execute(
            "UPDATE notification_feed SET read_to = $2 WHERE source = $1",
            source.table,
            found[-1].place if is_full else until,
        )
        known = await accounts_of(tx, {patient for one in found for patient in one.patient_ids})
        concerned = [one for one in found if one.patient_ids & known.keys()]
        return await tell(tx, await _describe(tx, source, concerned)) if concerned else 0, is_full


async def _describe(tx: Transaction, source: Source, found: Sequence[Happening]) -> Sequence[Occurrence]:
    """Put events into words' facts; one that cannot be read is left out, visibly, and holds up no other."""
    try:
        return await source.describe(tx, found)
    except UNREADABLE as error:
        if len(found) == 1:
            log.exception("event_not_told", source=source.table, place=found[0].place, fault=type(error).__name__)
            return []
    return [told for one in found for told in await _describe(tx, source, [one])]


async def _settle(tx: Transaction, feed: Row, mark: _Mark) -> int:
    """Give the number up to which everything has appeared that will, and keep the mark that is waited for.

    A mark of a transaction that this database has yet to come to is another life's, from a dump: it is made anew.
    """
    row = await tx.fetchrow(
        "SELECT pg_snapshot_xmin(s) AS oldest, pg_snapshot_xmax(s) AS newest FROM pg_current_snapshot() AS s"
    )
    assert row is not None, "a SELECT without FROM rows gives one"
    if row["oldest"] >= mark.transaction_id:
        until, kept = mark.newest, None
    elif feed["horizon"] is None or feed["horizon_xid"] > row["newest"]:
        until, kept = feed["read_to"], mark
    elif row["oldest"] >= feed["horizon_xid"]:
        until, kept = feed["horizon"], mark
    else:
        return int(feed["read_to"])
    await tx.execute(
        "UPDATE notification_feed SET horizon = $2, horizon_xid = $3 WHERE source = $1",
        feed["source"],
        None if kept is None else kept.newest,
        None if kept is None else kept.transaction_id,
    )
    return int(until)
