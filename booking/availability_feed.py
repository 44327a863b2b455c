"""The feed of availability: which schedules' free seats have changed for a channel since a place in the feed.

Bookings write nothing for it. A watch looks, a few times a minute, at the schedules that the events of seats and the
clock point to, and at a part of all others, and compares what is free with what it saw last. What has changed gets
the next place; so the feed has one entry for a schedule and a channel, its latest, however often it changed.
"""

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from booking.errors import FeedCursorExpired
from kernel import clock
from kernel.db import Database, Transaction, database

PERIOD: Final = timedelta(seconds=3)
KEPT: Final = timedelta(days=7)
"""How long a schedule that is over stays in the feed, and how old a cursor may be."""
EVENTS_OVERLAP: Final = 2_000
"""Events behind the newest that are looked at again: they may have been committed after it was seen."""
EVENTS_A_LOOK_MAX: Final = 50_000
WALKED_A_LOOK: Final = 200
"""Schedules that are looked at without a reason: what changed without an event is found within one walk."""
SCHEDULES_A_LOOK_MAX: Final = 2_000

# The events beyond the bound are left to the walk: a rush must not make the watch slow.
_CANDIDATES: Final = """
SELECT DISTINCT schedule_id FROM (
    (SELECT schedule_id FROM booking_event WHERE id > $1 ORDER BY id DESC LIMIT $2)
    UNION ALL
    SELECT schedule_id FROM schedule_release WHERE opens_at > $3 AND opens_at <= $4
    UNION ALL
    SELECT s.schedule_id FROM schedule sc JOIN slot s ON s.schedule_id = sc.id
    WHERE sc.clinic_date = $5 AND s.starts_at > $3 AND s.starts_at <= $4
) c LIMIT $6
"""

_LOOK: Final = """
INSERT INTO availability_change (schedule_id, channel, seen, place, clinic_date, at)
SELECT sc.id, r.channel, coalesce(f.seen, 0), nextval('availability_place'), sc.clinic_date, $2
FROM unnest($1::uuid[]) AS q (id)
JOIN schedule sc ON sc.id = q.id
JOIN clinic c ON c.id = sc.clinic_id
CROSS JOIN LATERAL (
    SELECT l.channel, array_agg(l.pool) FILTER (WHERE l.opens_at <= $2) AS pools
    FROM schedule_release l WHERE l.schedule_id = sc.id GROUP BY l.channel) r
CROSS JOIN LATERAL (
    SELECT hashtextextended(string_agg(n.slot_id || ':' || n.free, ',' ORDER BY n.slot_id), 1) AS seen FROM (
        SELECT s.id AS slot_id, count(*) AS free FROM slot s JOIN seat t ON t.slot_id = s.id
        WHERE s.schedule_id = sc.id AND s.starts_at > $2 AND sc.status = 'active' AND c.active
          AND t.status IN ('free', 'held') AND (t.status = 'free' OR t.hold_until <= $2) AND t.pool = ANY (r.pools)
        GROUP BY s.id) n) f
ORDER BY sc.id, r.channel
ON CONFLICT (schedule_id, channel) DO UPDATE SET seen = excluded.seen, place = excluded.place, at = excluded.at
WHERE availability_change.seen <> excluded.seen
"""


class FeedPlace(NamedTuple):
    """A place in the feed, and the day on which it was given out."""

    place: int
    given_on: date


class FeedPage(NamedTuple):
    """The schedules that have changed, the one that changed first before the others, and where to read on."""

    schedule_ids: list[UUID]
    next: FeedPlace


async def watch_availability(db: Database) -> int:
    """Look at what may have changed, and at a part of the rest; give how many entries are new.

    Raises:
        DatabaseUnavailable.
    """
    now = clock.now()
    async with db.transaction() as tx:
        # One looks at a time, until it has committed: places become visible in their order.
        watch = await tx.fetchrow("SELECT event_id, looked_at, schedule_id FROM availability_watch FOR UPDATE")
        assert watch is not None, "the migration has put it there"
        newest = await tx.fetchval("SELECT coalesce(max(id), 0) FROM booking_event")
        rows = await tx.fetch(
            _CANDIDATES,
            min(watch["event_id"], newest) - EVENTS_OVERLAP,
            EVENTS_A_LOOK_MAX,
            max(watch["looked_at"], now - KEPT),
            now,
            clock.clinic_date(now),
            SCHEDULES_A_LOOK_MAX,
        )
        walked = await _walk_on(tx, watch["schedule_id"], today_on=now)
        changed = await tx.execute(_LOOK, sorted({row["schedule_id"] for row in rows} | set(walked)), now)
        await tx.execute(
            "UPDATE availability_watch SET event_id = $1, looked_at = $2, schedule_id = $3",
            newest,
            now,
            walked[-1] if len(walked) == WALKED_A_LOOK else UUID(int=0),
        )
    return changed


async def _walk_on(tx: Transaction, after: UUID, *, today_on: datetime) -> list[UUID]:
    """Give the next schedules that are not over; fewer at the end, from where the walk begins anew."""
    rows = await tx.fetch(
        "SELECT id FROM schedule WHERE id > $1 AND clinic_date >= $2 ORDER BY id LIMIT $3",
        after,
        clock.clinic_date(today_on),
        WALKED_A_LOOK,
    )
    return [row["id"] for row in rows]


async def read_changes(channel: str, *, after: FeedPlace | None, limit: int) -> FeedPage:
    """Read which schedules have changed for a channel since a place; from None on, all that there are.

    Raises:
        FeedCursorExpired: too old to have seen everything, or of another life of the database.
        DatabaseUnavailable.
    """
    today = clock.today()
    start = after or FeedPlace(0, today)
    if start.given_on < today - KEPT:
        raise FeedCursorExpired
    rows = await database().fetch(
        "SELECT schedule_id, place FROM availability_change WHERE channel = $1 AND place > $2 ORDER BY place LIMIT $3",
        channel,
        start.place,
        limit,
    )
    if not rows and start.place > await database().fetchval("SELECT last_value FROM availability_place"):
        raise FeedCursorExpired
    place = rows[-1]["place"] if rows else start.place
    # Behind a full page there may be more that is as old as the place that was read from.
    return FeedPage(
        [row["schedule_id"] for row in rows], FeedPlace(place, start.given_on if len(rows) == limit else today)
    )


async def purge_changes(db: Database, *, limit: int = 5_000) -> int:
    """Forget schedules that have been over for long, a bounded number at a time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM availability_change WHERE (schedule_id, channel) IN"
        " (SELECT schedule_id, channel FROM availability_change WHERE clinic_date < $1 LIMIT $2)",
        clock.today() - KEPT - timedelta(days=1),
        limit,
    )
