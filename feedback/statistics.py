"""How satisfied patients were, by department and month, so that nobody's own answer can be read out (adr/0416).

Figures are of whole months in which ratings were given, shown when none of them can be amended any more: what is shown
never changes, so that two readings cannot be compared. A department with fewer ratings than the rule's least is not
shown at all, and there are no sums over departments or months from which it could be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from feedback import errors
from feedback.deadlines import read_rule
from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, database

COMMENTS_SHOWN_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Marks:
    """How one question was answered. mean_hundredths: the mean mark in hundredths, rounded down; 100 to 500.

    spread: how many gave one, two, three, four, five; None where fewer than the least have answered this question.
    """

    code: str
    mean_hundredths: int | None
    spread: Sequence[int] | None


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """A department's month."""

    department_id: UUID
    month: date
    ratings: int
    questions: Sequence[Marks]


async def read_satisfaction(
    *, month: date, department_id: UUID | None = None, after: UUID | None = None, limit: int
) -> Sequence[Satisfaction]:
    """Give the departments of a month that enough patients have rated, in the order of their ids.

    Raises:
        MonthNotSettled, DatabaseUnavailable.
    """
    db = database()
    least = await _require_settled(db, month)
    rows = await db.fetch(
        "SELECT r.department_id, count(*) AS ratings FROM satisfaction_rating r WHERE r.month = $1"
        " AND ($2::uuid IS NULL OR r.department_id = $2) AND ($3::uuid IS NULL OR r.department_id > $3)"
        " GROUP BY r.department_id HAVING count(*) >= $4 ORDER BY r.department_id LIMIT $5",
        month,
        department_id,
        after,
        least,
        limit,
    )
    counted = await db.fetch(
        "SELECT r.department_id, m.key AS code, m.value::int AS mark, count(*) AS n FROM satisfaction_rating r,"
        " jsonb_each_text(r.marks) m WHERE r.month = $1 AND r.department_id = ANY($2) GROUP BY 1, 2, 3",
        month,
        [row["department_id"] for row in rows],
    )
    spreads: dict[UUID, dict[str, list[int]]] = {}
    for row in counted:
        spread = spreads.setdefault(row["department_id"], {}).setdefault(row["code"], [0] * 5)
        spread[row["mark"] - 1] = row["n"]
    return [
        Satisfaction(
            row["department_id"],
            month,
            row["ratings"],
            [_marks(code, spread, least) for code, spread in sorted(spreads[row["department_id"]].items())],
        )
        for row in rows
    ]


async def read_comments(*, month: date, department_id: UUID) -> Sequence[str]:
    """Give what patients wrote of a department in a month, in no order, where enough have rated it; else nothing.

    Raises:
        MonthNotSettled, DatabaseUnavailable.
    """
    db = database()
    least = await _require_settled(db, month)
    rows = await db.fetch(
        # The order of a hash tells nothing of who came first.
        "SELECT comment_cipher FROM satisfaction_rating WHERE month = $1 AND department_id = $2"
        " AND comment_cipher IS NOT NULL AND (SELECT count(*) FROM satisfaction_rating"
        " WHERE month = $1 AND department_id = $2) >= $3 ORDER BY sha256(comment_cipher) LIMIT $4",
        month,
        department_id,
        least,
        COMMENTS_SHOWN_MAX,
    )
    return [cipher().open(row["comment_cipher"]) for row in rows]


async def last_settled_month() -> date:
    """Give the newest month whose figures are shown.

    Raises:
        DatabaseUnavailable.
    """
    rule = await read_rule(database())
    month = clock.today().replace(day=1)
    while clock.today() < _settled_on(month, rule.amend_days):
        month = (month - timedelta(days=1)).replace(day=1)
    return month


async def _require_settled(db: Database, month: date) -> int:
    """Give how many ratings it takes, once those of the month can change no more.

    Raises:
        MonthNotSettled.
    """
    rule = await read_rule(db)
    settled_on = _settled_on(month, rule.amend_days)
    if clock.today() < settled_on:
        raise errors.MonthNotSettled(settled_on=settled_on.isoformat())
    return rule.statistics_ratings_min


def _settled_on(month: date, amend_days: int) -> date:
    next_month = (month.replace(day=1) + timedelta(days=31)).replace(day=1)
    return next_month + timedelta(days=amend_days + 1)


def _marks(code: str, spread: Sequence[int], least: int) -> Marks:
    answers = sum(spread)
    if answers < least:
        return Marks(code, None, None)
    return Marks(code, sum(mark * n for mark, n in enumerate(spread, start=1)) * 100 // answers, spread)
