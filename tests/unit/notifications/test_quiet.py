from datetime import datetime, time

import pytest

from kernel import clock
from notifications.quiet import QuietHours, quiet_until, send_at

NIGHT = QuietHours(time(22), time(7, 30))
NOON = QuietHours(time(12), time(14))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, day, hour, minute, tzinfo=clock.SHANGHAI)


@pytest.mark.parametrize(
    ("instant", "hours", "end"),
    [
        (at(1, 21, 59), NIGHT, None),
        (at(1, 22), NIGHT, at(2, 7, 30)),
        (at(1, 23, 59), NIGHT, at(2, 7, 30)),
        (at(2, 0), NIGHT, at(2, 7, 30)),
        (at(2, 7, 29), NIGHT, at(2, 7, 30)),
        (at(2, 7, 30), NIGHT, None),
        (at(31, 23), NIGHT, datetime(2027, 1, 1, 7, 30, tzinfo=clock.SHANGHAI)),
        (at(1, 11, 59), NOON, None),
        (at(1, 12), NOON, at(1, 14)),
        (at(1, 14), NOON, None),
        (at(1, 0), QuietHours(time(0), time(0)), None),
        (at(1, 23), QuietHours(time(22), time(0)), at(2, 0)),
    ],
)
def test_quiet_hours_end_on_the_right_day(instant: datetime, hours: QuietHours, end: datetime | None) -> None:
    assert quiet_until(instant, hours) == end


def test_what_would_be_of_no_use_by_then_goes_at_once() -> None:
    late = at(1, 23)
    assert send_at(late, NIGHT, passes=False, useless_after=None) == at(2, 7, 30)
    assert send_at(late, NIGHT, passes=False, useless_after=at(2, 8)) == at(2, 7, 30)
    assert send_at(late, NIGHT, passes=False, useless_after=at(2, 7, 30)) == late
    assert send_at(late, NIGHT, passes=True, useless_after=None) == late
