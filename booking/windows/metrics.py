"""How many numbers the windows hold, and what waits for staff, as Prometheus gauges read when somebody scrapes."""

from booking.windows.queries import count_open
from booking.windows.states import AT_THE_WINDOW
from kernel import clock
from kernel.db import Database
from kernel.metrics import Gauge

NUMBERS = Gauge("window_numbers", "Numbers of the windows' emergency quota, by status.", ["status"])
CASES = Gauge("window_cases_open", "Registrations of an outage that wait for a member of staff.")
CASE_SECONDS = Gauge("window_cases_oldest_seconds", "Age of the oldest of them.")


def forget_gauges() -> None:
    """Show no figure rather than an old one, while PostgreSQL cannot be asked."""
    NUMBERS.clear()
    for gauge in (CASES, CASE_SECONDS):
        gauge.set(float("nan"))


async def refresh_gauges(db: Database) -> None:
    """Read the present figures; called before each scrape is answered.

    Raises:
        DatabaseUnavailable: PostgreSQL is out of reach.
    """
    numbers, cases, oldest = await count_open(db)
    for status in AT_THE_WINDOW:
        NUMBERS.labels(status).set(numbers.get(status, 0))
    CASES.set(cases)
    CASE_SECONDS.set(max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0)
