"""The hospital's calendar: which day is worked, which is a public holiday, which workday makes up for one.

Read in this order: the hospital's own exceptions (table calendar_day), the announced days (the package
`chinesecalendar`, then our own table of announcements), the days that the law itself fixes, the week. A year whose
announcement is not known is *provisional*: it works with the fixed days, and says so loudly wherever it is used.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Literal

import chinese_calendar

from booking.catalogue import errors, state_holidays
from kernel.db import Database, Transaction, database
from kernel.log import get_logger

SATURDAY = 6
DAYS_SHOWN_MAX = 400
LOOK_BACK_DAYS_MAX = 60  # No chain of days off is this long; reaching it is a mistake in the exceptions.
_SEASON = timedelta(days=60)  # Carries a December day of New Year's into the next year, and no festival further.

log = get_logger("booking")

Kind = Literal["workday", "weekend", "holiday"]
Source = Literal["hospital", "state", "statute", "week"]


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day as the hospital works it.

    follows_weekday: ISO weekday whose templates run; on a make-up workday that of the day it makes up for.
    source: `statute` marks a day of a provisional year.
    """

    date: date
    kind: Kind
    name_zh: str
    name_en: str
    source: Source
    follows_weekday: int


@dataclass(frozen=True, slots=True)
class DayException:
    """A row of calendar_day: the slot office says what a day is."""

    kind: Literal["workday", "holiday"]
    name_zh: str
    name_en: str
    source: Literal["hospital", "state"]
    follows_weekday: int | None


class HospitalCalendar:
    """Answers for any date, from one set of exceptions."""

    def __init__(self, exceptions: Mapping[date, DayException]) -> None:
        self._exceptions = exceptions

    def day(self, on: date) -> CalendarDay:
        """Tell what a day is."""
        exception = self._exceptions.get(on)
        if exception is not None:
            return CalendarDay(
                on,
                exception.kind,
                exception.name_zh,
                exception.name_en,
                exception.source,
                exception.follows_weekday or on.isoweekday(),
            )
        return _state_day(on)

    def days(self, first: date, last: date) -> Iterator[CalendarDay]:
        """Give every day from `first` to `last`, both included."""
        for offset in range((last - first).days + 1):
            yield self.day(first + timedelta(days=offset))

    def last_workday_before(self, on: date) -> date:
        """Give the nearest worked day before a date; make-up workdays count, ordinary weekends do not.

        Raises:
            ValueError: none within 60 days, which no real calendar has.
        """
        for back in range(1, LOOK_BACK_DAYS_MAX + 1):
            candidate = on - timedelta(days=back)
            if self.day(candidate).kind == "workday":
                return candidate
        raise ValueError(f"no workday within {LOOK_BACK_DAYS_MAX} days before {on}")

    def provisional_years(self, first: date, last: date) -> list[int]:
        """Name the years of a range whose announcement is unknown, and log it.

        A year counts as announced once the slot office has entered a day of it with source `state`.
        """
        entered = {on.year for on, exception in self._exceptions.items() if exception.source == "state"}
        years = [year for year in range(first.year, last.year + 1) if not is_announced(year) and year not in entered]
        if years:
            log.warning("calendar_year_not_announced", years=years)
        return years


async def load_calendar(db: Database | Transaction) -> HospitalCalendar:
    """Read the hospital's exceptions."""
    rows = await db.fetch("SELECT date, kind, name_zh, name_en, source, follows_weekday FROM calendar_day")
    return HospitalCalendar(
        {
            row["date"]: DayException(
                row["kind"], row["name_zh"], row["name_en"], row["source"], row["follows_weekday"]
            )
            for row in rows
        }
    )


async def read_days(first: date, last: date) -> tuple[list[CalendarDay], list[int]]:
    """Give a range of days as the hospital works them, and which of its years are provisional.

    Raises:
        RangeTooLong: longer than thirteen months, or it ends before it begins.
        DatabaseUnavailable.
    """
    if not 0 <= (last - first).days < DAYS_SHOWN_MAX:
        raise errors.RangeTooLong(days_max=DAYS_SHOWN_MAX)
    calendar = await load_calendar(database())
    return list(calendar.days(first, last)), calendar.provisional_years(first, last)


def is_announced(year: int) -> bool:
    """Tell whether the State Council's days of a year are known to this release."""
    return year in _package_years() or year in state_holidays.ANNOUNCED


def _state_day(on: date) -> CalendarDay:
    if on.year in _package_years():
        return _package_day(on)
    announced = state_holidays.ANNOUNCED.get(on.year)
    if announced is not None:
        if on in announced.make_up_workdays:
            return CalendarDay(on, "workday", "调休上班", "Make-up workday", "state", announced.make_up_workdays[on])
        return _festival_or_week(on, announced.holidays, "state")
    return _festival_or_week(on, state_holidays.statutory_days(on.year), "statute")


def _festival_or_week(on: date, festivals: Mapping[date, state_holidays.Festival], source: Source) -> CalendarDay:
    festival = festivals.get(on)
    if festival is not None:
        return CalendarDay(on, "holiday", festival.zh, festival.en, source, on.isoweekday())
    return _week_day(on)


def _week_day(on: date) -> CalendarDay:
    kind: Kind = "weekend" if on.isoweekday() >= SATURDAY else "workday"
    return CalendarDay(on, kind, "", "", "week", on.isoweekday())


def _package_day(on: date) -> CalendarDay:
    name = chinese_calendar.constants.holidays.get(on)
    if name is not None:
        return CalendarDay(on, "holiday", _chinese(name), name, "state", on.isoweekday())
    name = chinese_calendar.constants.workdays.get(on)
    if name is not None:
        follows = _weekdays_made_up().get(on, on.isoweekday())
        return CalendarDay(on, "workday", f"{_chinese(name)}调休上班", f"Make-up workday: {name}", "state", follows)
    return _week_day(on)


@cache
def _package_years() -> frozenset[int]:
    return frozenset(day.year for day in chinese_calendar.constants.holidays)


def _chinese(english: str) -> str:
    return str(chinese_calendar.Holiday(english).chinese)


@cache
def _weekdays_made_up() -> dict[date, int]:
    """Pair each make-up workday with a day off it makes up for, festival by festival in order of date.

    The notices do not say which day's work a make-up day does; this is the usual reading, and the slot office can
    enter another (calendar_day.follows_weekday). Where a festival's two lists differ in length none is paired.
    """
    worked, swapped = _by_season(chinese_calendar.constants.workdays), _by_season(chinese_calendar.in_lieu_days)
    return {
        make_up: off.isoweekday()
        for season, make_ups in worked.items()
        if len(make_ups) == len(swapped.get(season, ()))
        for make_up, off in zip(make_ups, swapped[season], strict=True)
    }


def _by_season(days: Mapping[date, str]) -> dict[tuple[str, int], list[date]]:
    seasons: dict[tuple[str, int], list[date]] = defaultdict(list)
    for day in sorted(days):
        seasons[days[day], (day + _SEASON).year].append(day)
    return seasons
