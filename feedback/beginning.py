"""What somebody sees before they write: the visits it may be about, and by when the hospital would answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from booking.catalogue.calendar import load_calendar
from booking.recent_visits import RecentVisit, list_recent_visits
from feedback.deadlines import end_of_workday, read_rule
from feedback.ratings import TOOK_PLACE
from feedback.service import Author
from kernel import clock
from kernel.db import database

VISITS_SHOWN_MAX: Final = 20
LOOKED_BACK: Final = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class TellableVisit:
    """A visit that can be named. rating: `open` while it waits to be rated, `given` by this account, else None."""

    visit: RecentVisit
    rating: Literal["open", "given"] | None


@dataclass(frozen=True, slots=True)
class Beginning:
    """What would hold for a case that is filed now; instants, UTC."""

    acknowledge_by: datetime
    answer_by: datetime
    reopen_days: int
    visits: Sequence[TellableVisit]


async def read_beginning(author: Author) -> Beginning:
    """Give what a person sees before they write.

    Raises:
        DatabaseUnavailable.
    """
    db, at = database(), clock.now()
    rule, calendar = await read_rule(db), await load_calendar(db)
    today = clock.clinic_date(at)
    visits = await list_recent_visits(author.patient_id, since=today - LOOKED_BACK, limit=VISITS_SHOWN_MAX)
    rated = {
        row["appointment_id"]: row["account_id"]
        for row in await db.fetch(
            "SELECT appointment_id, account_id FROM satisfaction_rating WHERE appointment_id = ANY ($1)",
            [one.id for one in visits],
        )
    }

    def rating(one: RecentVisit) -> Literal["open", "given"] | None:
        if one.id in rated:
            return "given" if rated[one.id] == author.account_id else None
        is_open = one.status in TOOK_PLACE and today <= one.clinic_date + timedelta(days=rule.rate_days)
        return "open" if is_open else None

    return Beginning(
        acknowledge_by=end_of_workday(calendar, after=at, workdays=rule.acknowledge_workdays),
        answer_by=end_of_workday(calendar, after=at, workdays=rule.answer_workdays),
        reopen_days=rule.reopen_days,
        visits=[TellableVisit(one, rating(one)) for one in visits],
    )
