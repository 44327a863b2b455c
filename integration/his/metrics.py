"""How far behind the two sides are, as Prometheus gauges read from PostgreSQL when somebody scrapes.

Read then and not kept by the relay: a relay that has died must show up as lag, not as old figures.
"""

from integration.his.inbox import HANDLER
from integration.his.link import read_link
from kernel import clock
from kernel.db import Database
from kernel.metrics import Gauge
from kernel.outbox import INBOX, OUTBOX

BACKLOG = Gauge("his_backlog_letters", "Unfinished messages, by box.", ["box"])
LAG = Gauge("his_lag_seconds", "Age of the oldest unfinished message, by box.", ["box"])
DEAD = Gauge("his_dead_letters", "Messages that wait for a person, by box.", ["box"])
LINK_UP = Gauge("his_link_up", "1 while the core HIS answers, 0 while it does not.")
LINK_DOWN_SECONDS = Gauge("his_link_down_seconds", "Since when the HIS has not answered.")
DIVERGENCE = Gauge("his_divergence_records", "Differences that wait for a person, by comparer.", ["comparer"])
RECONCILED_AGE = Gauge("his_reconciled_age_seconds", "Time since the last comparison, by comparer.", ["comparer"])


def forget_gauges() -> None:
    """Show no figure rather than an old one, while PostgreSQL cannot be asked."""
    for gauge in (BACKLOG, LAG, DEAD, DIVERGENCE, RECONCILED_AGE):
        gauge.clear()
    for gauge in (LINK_UP, LINK_DOWN_SECONDS):
        gauge.set(float("nan"))


async def refresh_gauges(db: Database) -> None:
    """Read the present figures; called before each scrape is answered.

    Raises:
        DatabaseUnavailable: PostgreSQL is out of reach.
    """
    now = clock.machine_now()
    for name, box in (("outbox", OUTBOX), ("inbox", INBOX)):
        backlog = await box.count(db, HANDLER)
        BACKLOG.labels(name).set(backlog.pending)
        DEAD.labels(name).set(backlog.dead)
        oldest = backlog.oldest_at
        LAG.labels(name).set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
    link = await read_link(db, HANDLER)
    LINK_UP.set(0 if link.down_since else 1)
    down = (now - link.down_since).total_seconds() if link.down_since else 0.0
    LINK_DOWN_SECONDS.set(max(0.0, down))
    rows = await db.fetch(
        "SELECT r.comparer, max(r.finished_at) AS finished_at,"
        " (SELECT count(*) FROM his_divergence d"
        "   WHERE d.comparer = r.comparer AND d.closed_at IS NULL) AS open"
        " FROM his_reconciliation r GROUP BY r.comparer"
    )
    for row in rows:
        DIVERGENCE.labels(row["comparer"]).set(row["open"])
        RECONCILED_AGE.labels(row["comparer"]).set((now - row["finished_at"]).total_seconds())
