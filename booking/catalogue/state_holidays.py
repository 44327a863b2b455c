"""Public holidays for years that the `chinesecalendar` package does not know (yet).

The State Council announces the days off and the make-up workdays of a year in the last weeks of the year before,
and the package follows with a release. Two tables of our own bridge the gap:

* `ANNOUNCED`: a year's notice typed in here before the package has it (the slot office can also enter the days
  over the API, without waiting for a release of ours);
* `STATUTORY`: the thirteen days that the law itself fixes (全国年节及纪念日放假办法, as revised by State Council
  decree 795, in force since 1 January 2025). They are known years ahead; the days swapped around them are not.
"""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Festival:
    """The name of a public holiday in both languages."""

    zh: str
    en: str


NEW_YEAR = Festival("元旦", "New Year's Day")
SPRING = Festival("春节", "Spring Festival")
QINGMING = Festival("清明节", "Tomb-sweeping Day")
LABOUR = Festival("劳动节", "Labour Day")
DRAGON_BOAT = Festival("端午节", "Dragon Boat Festival")
MID_AUTUMN = Festival("中秋节", "Mid-autumn Festival")
NATIONAL = Festival("国庆节", "National Day")


@dataclass(frozen=True, slots=True)
class AnnouncedYear:
    """A year's notice: days off by festival, make-up workdays with the ISO weekday each of them works as."""

    holidays: dict[date, Festival]
    make_up_workdays: dict[date, int]


ANNOUNCED: dict[int, AnnouncedYear] = {}

# First day of the lunar year; 清明; 端午 (5th of the 5th lunar month); 中秋 (15th of the 8th).
_MOVING: dict[int, tuple[date, date, date, date]] = {
    2027: (date(2027, 2, 6), date(2027, 4, 5), date(2027, 6, 9), date(2027, 9, 15)),
    2028: (date(2028, 1, 26), date(2028, 4, 4), date(2028, 5, 28), date(2028, 10, 3)),
    2029: (date(2029, 2, 13), date(2029, 4, 4), date(2029, 6, 16), date(2029, 9, 22)),
    2030: (date(2030, 2, 3), date(2030, 4, 5), date(2030, 6, 5), date(2030, 9, 12)),
    2031: (date(2031, 1, 23), date(2031, 4, 5), date(2031, 6, 24), date(2031, 10, 1)),
}


def statutory_days(year: int) -> dict[date, Festival]:
    """Give the days off that the law fixes; beyond the table only those with a fixed date."""
    days = {
        date(year, 1, 1): NEW_YEAR,
        date(year, 5, 1): LABOUR,
        date(year, 5, 2): LABOUR,
        date(year, 10, 1): NATIONAL,
        date(year, 10, 2): NATIONAL,
        date(year, 10, 3): NATIONAL,
    }
    if year in _MOVING:
        spring, qingming, dragon_boat, mid_autumn = _MOVING[year]
        # From New Year's Eve (除夕) to the third day of the first month.
        days.update({spring + timedelta(days=n): SPRING for n in range(-1, 3)})
        days[qingming] = QINGMING
        days[dragon_boat] = DRAGON_BOAT
        days[mid_autumn] = days.get(mid_autumn, MID_AUTUMN)
    return days
