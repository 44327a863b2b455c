"""Whose numbers are always gone within minutes: found from the past releases, for the slot office to see and to use."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.db import Database, database

RELEASES_LOOKED_AT: Final = 3
LOOKED_BACK: Final = timedelta(days=60)
RUSHES_KEPT: Final = timedelta(days=30)
TICKETS_PURGED_MAX: Final = 5_000

_FIND: Final = """
WITH rule AS (SELECT make_interval(mins => sold_out_minutes) AS within FROM rush_rule),
released AS (
    SELECT sc.practitioner_id, sc.id, min(l.opens_at) AS opens_at,
           row_number() OVER (PARTITION BY sc.practitioner_id ORDER BY min(l.opens_at) DESC, sc.id) AS n
    FROM rule, schedule sc JOIN schedule_release l ON l.schedule_id = sc.id AND l.via = 'rule'
    WHERE sc.status = 'active' AND sc.clinic_date >= $2
    GROUP BY sc.practitioner_id, sc.id, rule.within HAVING min(l.opens_at) <= $1::timestamptz - rule.within),
judged AS (
    SELECT r.practitioner_id, r.id, bool_and(coalesce(f.at <= r.opens_at + rule.within, false)) AS is_sold_out,
           max(f.at - r.opens_at) AS took
    FROM rule, released r
    JOIN seat t ON t.schedule_id = r.id AND t.status <> 'blocked' AND EXISTS (
        SELECT FROM schedule_release l WHERE l.schedule_id = r.id AND l.pool = t.pool AND l.opens_at = r.opens_at)
    CROSS JOIN LATERAL (
        SELECT min(e.at) AS at FROM booking_event e
        WHERE e.seat_id = t.id AND e.kind IN ('held', 'booked') AND e.at >= r.opens_at) f
    WHERE r.n <= $3 GROUP BY r.practitioner_id, r.id)
SELECT practitioner_id, count(*) AS releases, ceil(extract(epoch FROM max(took)))::integer AS slowest_seconds
FROM judged GROUP BY practitioner_id HAVING count(*) = $3 AND bool_and(is_sold_out)
"""


async def find_hot_practitioners(db: Database) -> int:
    """Look at everybody's last releases anew, and keep whose were all sold out in time; give the number of them.

    Raises:
        DatabaseUnavailable.
    """
    at = clock.now()
    async with db.transaction() as tx:
        found = await tx.fetch(_FIND, at, clock.clinic_date(at - LOOKED_BACK), RELEASES_LOOKED_AT)
        await tx.execute(
            "DELETE FROM rush_finding WHERE practitioner_id <> ALL ($1)", [row["practitioner_id"] for row in found]
        )
        await tx.executemany(
            "INSERT INTO rush_finding (practitioner_id, releases, slowest_seconds, found_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (practitioner_id) DO UPDATE SET releases = excluded.releases,"
            " slowest_seconds = excluded.slowest_seconds, found_at = excluded.found_at",
            [(row["practitioner_id"], row["releases"], row["slowest_seconds"], at) for row in found],
        )
    return len(found)


async def list_findings(*, after: UUID | None, limit: int) -> list[Mapping[str, Any]]:
    """List whose last releases were sold out in time, in the order of their ids.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT practitioner_id, releases, slowest_seconds, found_at FROM rush_finding"
        " WHERE $1::uuid IS NULL OR practitioner_id > $1 ORDER BY practitioner_id LIMIT $2",
        after,
        limit,
    )
    return [dict(row) | {"practitioner_id": str(row["practitioner_id"])} for row in rows]


async def purge_rushes(db: Database, *, before: datetime) -> int:
    """Forget tickets of long ago, a bounded number, and the rushes that have none left; give how many rows."""
    gone = await db.execute(
        "DELETE FROM rush_ticket WHERE id = ANY (ARRAY(SELECT t.id FROM rush u JOIN rush_ticket t ON t.rush_id = u.id"
        " WHERE u.opens_at < $1 LIMIT $2))",
        before,
        TICKETS_PURGED_MAX,
    )
    return gone + await db.execute(
        "DELETE FROM rush u WHERE u.opens_at < $1 AND NOT EXISTS (SELECT FROM rush_ticket t WHERE t.rush_id = u.id)",
        before,
    )
