"""How many cases wait for whom, as Prometheus gauges read when somebody scrapes."""

from feedback.queries import count_waiting
from kernel.db import Database
from kernel.metrics import Gauge

WAITING = Gauge("feedback_cases_waiting", "Cases of patients that an office has to do something about.", ["office"])
OVERDUE = Gauge("feedback_cases_overdue", "Those of them whose deadline has passed.", ["office"])


def forget_gauges() -> None:
    """Show no figure rather than an old one, while PostgreSQL cannot be asked."""
    WAITING.clear()
    OVERDUE.clear()


async def refresh_gauges(db: Database) -> None:
    """Read the present figures; called before each scrape is answered.

    Raises:
        DatabaseUnavailable: PostgreSQL is out of reach.
    """
    for office, waiting, overdue in await count_waiting(db):
        WAITING.labels(office).set(waiting)
        OVERDUE.labels(office).set(overdue)
