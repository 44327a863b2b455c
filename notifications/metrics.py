"""How messages go, as Prometheus gauges read from PostgreSQL when somebody scrapes. No label names a person."""

from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.db import Database
from kernel.metrics import Gauge
from kernel.outbox import OUTBOX
from notifications.planning import HANDLER

RECENTLY: Final = timedelta(minutes=5)

RECENT: Final = Gauge(
    "notification_recent_deliveries", "Messages that ended in the last five minutes.", ["channel", "status"]
)
OPEN: Final = Gauge("notification_open_deliveries", "Messages that are to be sent, by how they stand.", ["status"])
OLDEST: Final = Gauge("notification_oldest_seconds", "How long the oldest message has waited that could go.")
DEAD: Final = Gauge("notification_dead_letters", "Messages that wait for a person: their template was refused.")
UNTOLD: Final = Gauge("notification_untold_events", "Newest event less the one that messages were made of.", ["source"])


def forget_gauges() -> None:
    """Show no figure rather than an old one, while PostgreSQL cannot be asked."""
    for labelled in (RECENT, OPEN, UNTOLD):
        labelled.clear()
    for gauge in (OLDEST, DEAD):
        gauge.set(float("nan"))


async def refresh_gauges(db: Database) -> None:
    """Read the present figures; called before each scrape is answered.

    Raises:
        DatabaseUnavailable.
    """
    recent = await db.fetch(
        "SELECT channel, status, count(*) FROM notification_delivery WHERE finished_at > $1 GROUP BY 1, 2",
        clock.now() - RECENTLY,
    )
    waiting = await db.fetch(
        "SELECT status, count(*) FROM notification_delivery WHERE finished_at IS NULL GROUP BY status"
    )
    backlog = await OUTBOX.count(db, HANDLER)
    feeds = await db.fetch("SELECT source, read_to FROM notification_feed")
    for gauge in (RECENT, OPEN):
        gauge.clear()
    for channel, status, count in recent:
        RECENT.labels(channel, status).set(count)
    for status, count in waiting:
        OPEN.labels(status).set(count)
    DEAD.set(backlog.dead)
    oldest = backlog.oldest_at
    OLDEST.set(max(0.0, (clock.machine_now() - oldest).total_seconds()) if oldest else 0.0)
    for source, read_to in feeds:
        newest = await db.fetchval(f"SELECT coalesce(max(id), 0) FROM {source}")  # noqa: S608  our own names of tables
        UNTOLD.labels(source).set(max(0, newest - read_to))
