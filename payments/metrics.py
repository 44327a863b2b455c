"""How payments stand, as Prometheus gauges read from PostgreSQL when somebody scrapes; no label names a patient."""

from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.db import Database
from kernel.metrics import Gauge
from payments.events import HANDLER

RECENTLY: Final = timedelta(minutes=5)

BROKEN: Final = Gauge("payment_invariant_findings", "Rows that break an invariant of money; must be 0.", ["invariant"])
CHECKED: Final = Gauge("payment_invariants_age_seconds", "Since the invariants of money were checked.")
EXCEPTIONS: Final = Gauge("payment_open_exceptions", "Cases of money that wait for a person, by cause.", ["cause"])
ORDERS: Final = Gauge(
    "payment_unfinished_orders", "Orders that are being paid, closed, settled or refunded.", ["status"]
)
REFUNDS: Final = Gauge("payment_unfinished_refunds", "Refunds that have not ended.", ["status"])
NOTIFICATIONS: Final = Gauge("payment_unhandled_notifications", "Notifications stored and not handled.", ["status"])
NOTIFICATION_LAG: Final = Gauge("payment_notification_lag_seconds", "Age of the oldest one that waits.")
FAULTS: Final = Gauge("payment_recent_step_faults", "Steps of the last five minutes at which our own code broke.")
UNCLOSED: Final = Gauge("payment_unclosed_books", "Past days whose books could not be closed, by reason.", ["reason"])
UNCLOSED_AGE: Final = Gauge("payment_unclosed_books_age_seconds", "Since the longest of them cannot be closed.")
UNSEALED: Final = Gauge("payment_unsealed_entries", "Ledger entries that no seal covers yet.")

_ORDERS: Final = """
SELECT status, count(*) FROM payment_order WHERE status IN ('open', 'closing', 'paid', 'rejected') GROUP BY status
"""
_REFUNDS: Final = """
SELECT status, count(*) FROM payment_refund
WHERE status IN ('requested', 'reversing', 'ready', 'processing', 'abnormal') GROUP BY status
"""
_NOTIFICATIONS: Final = """
SELECT status, count(*) FROM payment_notification WHERE status IN ('pending', 'dead') GROUP BY status
"""
_COUNTS: Final = (
    (BROKEN, "SELECT invariant, findings FROM payment_check"),
    (EXCEPTIONS, "SELECT cause, count(*) FROM payment_exception WHERE status = 'open' GROUP BY cause"),
    (ORDERS, _ORDERS),
    (REFUNDS, _REFUNDS),
    (NOTIFICATIONS, _NOTIFICATIONS),
    (UNCLOSED, "SELECT reason, count(*) FROM book_obstacle GROUP BY reason"),
)


def forget_gauges() -> None:
    """Show no figure rather than an old one, while PostgreSQL cannot be asked."""
    for gauge, _ in _COUNTS:
        gauge.clear()
    for gauge in (CHECKED, FAULTS, NOTIFICATION_LAG, UNCLOSED_AGE, UNSEALED):
        gauge.set(float("nan"))


async def refresh_gauges(db: Database) -> None:
    """Read the present figures; called before each scrape is answered.

    Raises:
        DatabaseUnavailable.
    """
    for gauge, query in _COUNTS:
        rows = await db.fetch(query)
        gauge.clear()
        for label, count in rows:
            gauge.labels(label).set(count)
    row = await db.fetchrow(
        "SELECT (SELECT min(checked_at) FROM payment_check) AS checked_at,"
        " (SELECT min(received_at) FROM payment_notification WHERE status = 'pending') AS oldest_at,"
        " (SELECT min(since) FROM book_obstacle) AS unclosed_since,"
        " (SELECT count(*) FROM ledger_entry WHERE transaction_id > coalesce("
        "   (SELECT up_to FROM ledger_seal ORDER BY id DESC LIMIT 1), '0'::xid8)) AS unsealed,"
        " (SELECT count(*) FROM outbox WHERE handler = $1 AND finished_at > $2 AND last_error IS NOT NULL) AS faults",
        HANDLER,
        clock.machine_now() - RECENTLY,
    )
    assert row is not None, "a SELECT without FROM gives one row"
    if row["checked_at"] is not None:
        CHECKED.set((clock.now() - row["checked_at"]).total_seconds())
    oldest = row["oldest_at"]
    NOTIFICATION_LAG.set(0.0 if oldest is None else (clock.machine_now() - oldest).total_seconds())
    since = row["unclosed_since"]
    UNCLOSED_AGE.set(0.0 if since is None else (clock.now() - since).total_seconds())
    UNSEALED.set(row["unsealed"])
    FAULTS.set(row["faults"])
