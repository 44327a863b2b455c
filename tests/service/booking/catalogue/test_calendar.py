"""Which day is worked, which is a holiday, which workday makes up for one, and what nobody has announced yet."""

from datetime import date, timedelta

import pytest

from booking.catalogue import calendar, errors, kinds
from booking.catalogue.calendar import CalendarDay, DayException, HospitalCalendar, read_days
from tests.factories.slot_office import Catalogue

STATE = HospitalCalendar({})


@pytest.mark.parametrize(
    ("day", "kind", "name", "source", "follows"),
    [
        (date(2026, 9, 2), "workday", "", "week", 3),
        (date(2026, 9, 5), "weekend", "", "week", 6),
        (date(2026, 10, 1), "holiday", "国庆节", "state", 4),
        # The Sunday before National Day works as the Tuesday that is given away for it.
        (date(2026, 9, 20), "workday", "国庆节调休上班", "state", 2),
        (date(2026, 10, 10), "workday", "国庆节调休上班", "state", 3),
        (date(2026, 2, 14), "workday", "春节调休上班", "state", 5),
        (date(2026, 2, 28), "workday", "春节调休上班", "state", 1),
        # Labour Day of a year that nobody has announced: the law alone.
        (date(2031, 5, 1), "holiday", "劳动节", "statute", 4),
        (date(2031, 5, 3), "weekend", "", "week", 6),
        (date(2031, 1, 22), "holiday", "春节", "statute", 3),
    ],
)
def test_a_day_is_what_the_state_says(day: date, kind: str, name: str, source: str, follows: int) -> None:
    found = STATE.day(day)
    assert (found.kind, found.name_zh, found.source, found.follows_weekday) == (kind, name, source, follows)


def test_the_hospitals_word_goes_first() -> None:
    ours = HospitalCalendar(
        {
            date(2026, 9, 2): DayException("holiday", "院庆", "Anniversary", "hospital", None),
            date(2026, 10, 1): DayException("workday", "加班", "Extra day", "hospital", 1),
            date(2026, 9, 5): DayException("workday", "义诊", "Free clinic", "hospital", None),
        }
    )
    assert ours.day(date(2026, 9, 2)) == CalendarDay(
        date(2026, 9, 2), "holiday", "院庆", "Anniversary", "hospital", follows_weekday=3
    )
    assert (ours.day(date(2026, 10, 1)).kind, ours.day(date(2026, 10, 1)).follows_weekday) == ("workday", 1)
    assert (ours.day(date(2026, 9, 5)).kind, ours.day(date(2026, 9, 5)).follows_weekday) == ("workday", 6)


@pytest.mark.parametrize(
    ("on", "workday"),
    [
        (date(2026, 10, 1), date(2026, 9, 30)),
        (date(2026, 10, 7), date(2026, 9, 30)),
        # After the Sunday that is worked comes an ordinary Monday.
        (date(2026, 9, 21), date(2026, 9, 20)),
        (date(2026, 9, 7), date(2026, 9, 4)),
    ],
)
def test_the_last_workday_before(on: date, workday: date) -> None:
    assert STATE.last_workday_before(on) == workday


def test_a_calendar_without_workdays_is_a_mistake() -> None:
    first = date(2026, 9, 1)
    closed = HospitalCalendar(
        {first + timedelta(days=n): DayException("holiday", "", "", "hospital", None) for n in range(90)}
    )
    with pytest.raises(ValueError, match="no workday within 60 days"):
        closed.last_workday_before(first + timedelta(days=89))


def test_years_are_provisional_until_announced_or_entered() -> None:
    assert STATE.provisional_years(date(2026, 12, 1), date(2026, 12, 31)) == []
    assert STATE.provisional_years(date(2026, 12, 1), date(2032, 1, 1)) == [2027, 2028, 2029, 2030, 2031, 2032]
    entered = HospitalCalendar({date(2027, 2, 5): DayException("holiday", "春节", "Spring Festival", "state", None)})
    assert entered.provisional_years(date(2026, 12, 1), date(2028, 1, 1)) == [2028]
    own = HospitalCalendar({date(2027, 2, 5): DayException("holiday", "院庆", "", "hospital", None)})
    assert own.provisional_years(date(2027, 1, 1), date(2027, 1, 1)) == [2027]


async def test_the_slot_office_reads_what_it_has_entered(catalogue: Catalogue) -> None:
    await catalogue.add(kinds.CALENDAR_DAY, date="2027-01-02", kind="workday", name_zh="补班", follows_weekday=5)
    days, provisional = await read_days(date(2026, 12, 31), date(2027, 1, 2))
    assert [(day.date, day.kind, day.source, day.follows_weekday) for day in days] == [
        (date(2026, 12, 31), "workday", "week", 4),
        (date(2027, 1, 1), "holiday", "statute", 5),
        (date(2027, 1, 2), "workday", "hospital", 5),
    ]
    assert provisional == [2027]


@pytest.mark.parametrize("days", [-1, calendar.DAYS_SHOWN_MAX])
async def test_a_range_has_an_end(catalogue: Catalogue, days: int) -> None:
    first = date(2026, 9, 1)
    with pytest.raises(errors.RangeTooLong) as raised:
        await read_days(first, first + timedelta(days=days))
    assert raised.value.details == {"days_max": 400}
