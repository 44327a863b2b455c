"""How the webhooks go, as Prometheus gauges read from PostgreSQL when somebody scrapes.

No label names a partner or an address, so there are as many figures as there are outcomes, however many partners come.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.db import Database
from kernel.metrics import Gauge

RECENTLY: Final = timedelta(minutes=5)

PENDING: Final = Gauge("webhook_pending_deliveries", "Deliveries to active endpoints that were not taken yet.")
LAG: Final = Gauge("webhook_lag_seconds", "Age of the oldest delivery to an endpoint that answers well.")
FAILED: Final = Gauge("webhook_failed_deliveries", "Deliveries whose tries are used up.")
ENDPOINTS: Final = Gauge("webhook_endpoints", "Endpoints, by how they are.", ["state"])
ATTEMPTS: Final = Gauge("webhook_recent_attempts", "Tries of the last five minutes, by outcome.", ["outcome"])


def forget_gauges() -> None:
    """Show no figure rather than an old one, while PostgreSQL cannot be asked."""
    for gauge in (ENDPOINTS, ATTEMPTS):
        gauge.clear()
    for gauge in (PENDING, LAG, FAILED):
        gauge.set(float("nan"))


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be delivered to active endpoints. lag: the age of the oldest to one that answers well."""

    pending: int
    lag: timedelta


async def read_backlog(db: Database) -> Backlog:
    """Tell what waits to be delivered.

    Raises:
        DatabaseUnavailable.
    """
    row = await db.fetchrow(
        "SELECT count(*) AS pending, min(d.created_at) FILTER (WHERE e.failures = 0) AS oldest_at"
        " FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id AND e.status = 'active'"
        " WHERE d.status = 'pending'"
    )
    assert row is not None, "an aggregate without GROUP BY gives one row"
    oldest = row["oldest_at"]
    return Backlog(row["pending"], max(timedelta(0), clock.now() - oldest) if oldest else timedelta(0))


async def refresh_gauges(db: Database) -> None:
    """Read the present figures; called before each scrape is answered.

    Raises:
        DatabaseUnavailable.
    """
    now = clock.now()
    backlog = await read_backlog(db)
    PENDING.set(backlog.pending)
    LAG.set(backlog.lag.total_seconds())
    FAILED.set(await db.fetchval("SELECT count(*) FROM webhook_delivery WHERE status = 'failed'"))
    states = await db.fetch(
        "SELECT CASE WHEN status = 'active' AND failures > 0 THEN 'failing' ELSE status END AS state, count(*)"
        " FROM webhook_endpoint GROUP BY 1"
    )
    ENDPOINTS.clear()
    for state, count in states:
        ENDPOINTS.labels(state).set(count)
    outcomes = await db.fetch(
        "SELECT outcome, count(*) FROM webhook_attempt WHERE at > $1 GROUP BY outcome", now - RECENTLY
    )
    ATTEMPTS.clear()
    for outcome, count in outcomes:
        ATTEMPTS.labels(outcome).set(count)
