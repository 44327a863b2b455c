"""What became of a short message after the gateway had taken it, as the network tells some time later.

A number that nobody has, or that took the message in no time, is a way that has not reached the person: the delivery
turns from delivered to failed, and the next way is asked for as after any other failure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kernel import clock
from kernel.db import Database, Transaction
from notifications import claims
from notifications.planning import Planned, plan_next


@dataclass(frozen=True, slots=True)
class Report:
    """What the network tells. serial: the gateway's number for the message; reason: the network's code."""

    serial: str
    has_arrived: bool
    reason: str


async def note_reports(db: Database, reports: Sequence[Report]) -> int:
    """Write down what became of messages; give how many of them were ours. Codes for signing in have no delivery.

    Raises:
        DatabaseUnavailable: none is written down, and the gateway gives them out no more.
    """
    async with db.transaction() as tx:
        noted = 0
        # In one order, so that two who note reports at once do not wait for each other.
        for report in sorted(reports, key=lambda one: one.serial):
            noted += await _note(tx, report)
        return noted


async def _note(tx: Transaction, report: Report) -> bool:
    row = await claims.lock_taken(tx, report.serial)
    if row is None:
        return False
    now = clock.now()
    outcome = "arrived" if report.has_arrived else "not_reached"
    await claims.record_attempt(tx, row["id"], at=now, milliseconds=0, outcome=outcome, code=report.reason)
    if report.has_arrived:
        await claims.note_outcome(tx, row["id"], outcome=outcome)
        return True
    if await claims.turn_delivery(tx, row["id"], to="failed", outcome=outcome, finished_at=now):
        message = Planned(row["notification_id"], row["account_id"], row["until"])
        await plan_next(tx, message, row, after=row["channel"], at=now)
    return True
