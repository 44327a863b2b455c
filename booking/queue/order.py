"""Who is seen before whom: one number for each person, the smaller the sooner (docs/adr/0121).

| class        | due                                                                    |
|--------------|------------------------------------------------------------------------|
| emergency    | before everybody who is none, among themselves by when they came       |
| return-visit | when they came back with results, less the clinic's `return_visit_minutes` |
| priority     | as on-time, less `priority_minutes` (elderly, disabled, military)      |
| on-time      | when their time band starts, in it by the number that they booked      |
| late         | when they came                                                         |

Somebody without an appointment is due when they came. Nobody is put behind for ever: whoever is due earlier than
all newcomers goes first in the end, and a head start is an amount of time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from kernel import clock

EMERGENCY: Final = "emergency"
RETURN_VISIT: Final = "return-visit"
PRIORITY: Final = "priority"
ON_TIME: Final = "on-time"
LATE: Final = "late"
CLASSES: Final = (EMERGENCY, RETURN_VISIT, PRIORITY, ON_TIME, LATE)

# Farther back than any due time of a day and any head start.
EMERGENCY_LEAD_SECONDS: Final = 1_000_000.0
# Numbers of one time band are a millisecond apart: at most a hundred seconds for the largest schedule.
SEAT_SECONDS: Final = 0.001


class Booked(NamedTuple):
    """The time and the number that somebody has booked."""

    starts_at: datetime
    sequence: int


class OrderRule(NamedTuple):
    """The head starts of a clinic, and after how long somebody is late; whole minutes."""

    priority_minutes: int
    return_visit_minutes: int
    late_minutes_after: int


def class_of(
    *, booked: Booked | None, came_at: datetime, has_priority: bool, is_emergency: bool, rule: OrderRule
) -> str:
    """Give the class of somebody who checks in.

    Whoever comes late keeps no priority: it is a head start before others of one's own time.
    """
    if is_emergency:
        return EMERGENCY
    if booked is not None and came_at > booked.starts_at + timedelta(minutes=rule.late_minutes_after):
        return LATE
    return PRIORITY if has_priority else ON_TIME


def order_seconds(class_: str, *, booked: Booked | None, came_at: datetime, rule: OrderRule) -> float:
    """Tell when a person is due, in seconds after midnight (Asia/Shanghai) of the day they came."""
    came = _seconds_of_day(came_at, of=came_at)
    due = came
    if booked is not None and class_ in (PRIORITY, ON_TIME):
        due = _seconds_of_day(booked.starts_at, of=came_at) + booked.sequence * SEAT_SECONDS
    match class_:
        case "emergency":
            return came - EMERGENCY_LEAD_SECONDS
        case "return-visit":
            return came - rule.return_visit_minutes * 60
        case "priority":
            return due - rule.priority_minutes * 60
        case _:
            return due


def order_behind(waiting: Sequence[float], *, places: int) -> float | None:
    """Find the order of somebody who was passed and comes back: `places` people who wait now go first.

    waiting: their orders, the smallest first. None: nobody waits, and the person's own order will do. Between two
    neighbours there is room for some twenty halvings before two orders are equal; then the ticket decides.
    """
    if not waiting:
        return None
    if places <= 0:
        return waiting[0] - SEAT_SECONDS
    if places >= len(waiting):
        return waiting[-1] + SEAT_SECONDS
    return (waiting[places - 1] + waiting[places]) / 2


def _seconds_of_day(instant: datetime, *, of: datetime) -> float:
    local = of.astimezone(clock.SHANGHAI)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return (instant - midnight).total_seconds()
