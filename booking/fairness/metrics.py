"""How many findings wait for somebody, as a Prometheus gauge read from PostgreSQL when it is scraped."""

from kernel.db import Database
from kernel.metrics import Gauge

OPEN_FLAGS = Gauge("hold_pattern_open_flags", "Findings of holds let go that wait for a person.")


def forget_flags() -> None:
    """Show no figure rather than an old one, while PostgreSQL cannot be asked."""
    OPEN_FLAGS.set(float("nan"))


async def refresh_flags(db: Database) -> None:
    """Read the present figure.

    Raises:
        DatabaseUnavailable: PostgreSQL is out of reach.
    """
    OPEN_FLAGS.set(await db.fetchval("SELECT count(*) FROM hold_pattern_flag WHERE status = 'open'"))
