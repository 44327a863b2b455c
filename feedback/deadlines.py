"""How long an office has: workdays of the hospital's calendar, the day on which it was asked not counted."""

from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from booking.catalogue.calendar import HospitalCalendar
from kernel import clock
from kernel.db import Database, Transaction

DAYS_LOOKED_AT_MAX: Final = 400


class FeedbackRule(NamedTuple):
    """How long offices have, and what patients may do for how long."""

    acknowledge_workdays: int
    answer_workdays: int
    reopen_days: int
    cases_a_day: int
    rate_days: int
    amend_days: int
    statistics_ratings_min: int


async def read_rule(db: Database | Transaction) -> FeedbackRule:
    """Read the hospital's rule."""
    row = await db.fetchrow(
        "SELECT acknowledge_workdays, answer_workdays, reopen_days, cases_a_day, rate_days, amend_days,"
        " statistics_ratings_min FROM feedback_rule"
    )
    assert row is not None, "the migrations wrote it, and it cannot be removed"
    return FeedbackRule(**dict(row))


def end_of_workday(calendar: HospitalCalendar, *, after: datetime, workdays: int) -> datetime:
    """Give the end (midnight in Guangzhou, UTC) of the so many-eth workday after the day of an instant."""
    day, left = clock.clinic_date(after), workdays
    for _ in range(DAYS_LOOKED_AT_MAX):
        day += timedelta(days=1)
        left -= calendar.day(day).kind == "workday"
        if left == 0:
            return clock.clinic_instant(_next(day), time())
    raise ValueError(f"no {workdays} workdays within {DAYS_LOOKED_AT_MAX} days after {after:%Y-%m-%d}")


def _next(day: date) -> date:
    return day + timedelta(days=1)
