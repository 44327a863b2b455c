"""What became known of a closed day only afterwards: it changes no closed book, and stands in a later day's report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernel.db import Reader
from payments.books.closings import Closing
from payments.books.report import LATE_ENTRIES_MAX
from payments.books.sources import bounds_of


@dataclass(frozen=True, slots=True)
class LateEntry:
    """A posting of a day that was closed already; a debit is positive.

    is_of_this_day: of the day whose books are read, known after they were closed; else of an earlier day, and counted
    in these books' report. recorded_at: None in reports of before this was kept.
    """

    is_of_this_day: bool
    business_key: str
    kind: str
    occurred_at: datetime
    recorded_at: datetime | None
    account: str
    amount_fen: int


async def list_late_entries(db: Reader, closing: Closing) -> list[LateEntry]:
    """List what came late, as a closed day has to do with it: earlier days' in its report, then its own.

    Raises:
        DatabaseUnavailable.
    """
    if closing.closed_at is None or closing.report is None:
        return []
    begins, ends = bounds_of(closing.day)
    rows = await db.fetch(
        "SELECT true AS is_of_this_day, e.business_key, e.kind, e.occurred_at, e.recorded_at, p.account, p.amount_fen"
        " FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id"
        " WHERE e.occurred_at >= $1 AND e.occurred_at < $2 AND e.recorded_at > $3 ORDER BY e.id, p.position LIMIT $4",
        begins,
        ends,
        closing.closed_at,
        LATE_ENTRIES_MAX,
    )
    return [_of_report(told) for told in closing.report["late_entries"]] + [LateEntry(**row) for row in rows]


def _of_report(told: Mapping[str, Any]) -> LateEntry:
    recorded_at = told.get("recorded_at")
    return LateEntry(
        False,
        told["business_key"],
        told["kind"],
        datetime.fromisoformat(told["occurred_at"]),
        datetime.fromisoformat(recorded_at) if recorded_at else None,
        told["account"],
        told["amount_fen"],
    )
