"""The figures of the day, read from the platform's own rows: waits beside estimates, and what became of whom."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from kernel.db import Database

QUARTERS: Final = ((0, 10), (10, 13), (13, 16), (16, 24))

_WAITS: Final = """
SELECT extract(hour FROM checked_in_at AT TIME ZONE 'Asia/Shanghai')::integer AS hour, class,
       extract(epoch FROM first_called_at - checked_in_at)::double precision AS waited,
       estimate_seconds, estimate_low, estimate_high, calls, passes
FROM visit_queue_entry WHERE clinic_date = $1 AND first_called_at IS NOT NULL AND estimate_seconds IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits of those who came in some hours; seconds. error: of the estimate, from the truth, as a median."""

    hours: str
    people: int
    median: float
    p90: float
    longest: float
    error: float
    inside: float


async def read_waits(db: Database, day: date) -> list[Waits]:
    """Read waits and estimates by quarter of the day, and of the whole.

    Raises:
        DatabaseUnavailable.
    """
    rows = [dict(row) for row in await db.fetch(_WAITS, day)]
    found = [
        _waits(f"{max(first, 7):02d}-{min(last, 19):02d}", [row for row in rows if first <= row["hour"] < last])
        for first, last in QUARTERS
    ]
    return [one for one in (*found, _waits("all", rows)) if one.people]


def _waits(hours: str, rows: Sequence[dict[str, Any]]) -> Waits:
    if not rows:
        return Waits(hours, 0, 0, 0, 0, 0, 0)
    waited = sorted(row["waited"] for row in rows)
    errors = sorted(abs(row["waited"] - row["estimate_seconds"]) for row in rows)
    inside = sum(row["estimate_low"] <= row["waited"] <= row["estimate_high"] for row in rows)
    return Waits(
        hours=hours,
        people=len(rows),
        median=_at(waited, 0.5),
        p90=_at(waited, 0.9),
        longest=waited[-1],
        error=_at(errors, 0.5),
        inside=inside / len(rows),
    )


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


async def read_counts(db: Database, day: date) -> dict[str, dict[str, int]]:
    """Count appointments, queue places and cases by status, and what was offered.

    Raises:
        DatabaseUnavailable.
    """
    asked = {
        "appointments": "SELECT status AS k, count(*) AS n FROM appointment WHERE clinic_date = $1 GROUP BY status",
        "queue": "SELECT status AS k, count(*) AS n FROM visit_queue_entry WHERE clinic_date = $1 GROUP BY status",
        "classes": "SELECT class AS k, count(*) AS n FROM visit_queue_entry WHERE clinic_date = $1 GROUP BY class",
        "channels": "SELECT channel AS k, count(*) AS n FROM appointment WHERE clinic_date = $1 GROUP BY channel",
    }
    return {name: {row["k"]: row["n"] for row in await db.fetch(sql, day)} for name, sql in asked.items()}


def plain(waits: Sequence[Waits]) -> list[dict[str, Any]]:
    """Give waits for programs."""
    return [asdict(one) for one in waits]
