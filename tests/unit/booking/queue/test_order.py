"""Who is seen before whom."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from booking.queue.order import CLASSES, Booked, OrderRule, class_of, order_behind, order_seconds

RULE = OrderRule(priority_minutes=30, return_visit_minutes=60, late_minutes_after=30)
NINE = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)  # 09:00 in Guangzhou


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def due(class_: str, *, slot: float | None, came: float, number: int = 1) -> float:
    booked = Booked(at(slot), number) if slot is not None else None
    return order_seconds(class_, booked=booked, came_at=at(came), rule=RULE)


@pytest.mark.parametrize(
    ("slot", "came", "reasons", "expected"),
    [
        (0, -60, set(), "on-time"),
        (0, 30, set(), "on-time"),
        (0, 30.1, set(), "late"),
        (0, 30.1, {"elderly"}, "late"),
        (0, 30.1, {"elderly", "emergency"}, "emergency"),
        (0, 0, {"elderly"}, "priority"),
        (None, 0, set(), "on-time"),
        (None, 0, {"elderly"}, "priority"),
        (None, 0, {"emergency"}, "emergency"),
    ],
)
def test_the_class_of_somebody_who_comes(
    slot: float | None,
    came: float,
    reasons: set[str],
    expected: str,
) -> None:
    booked = Booked(at(slot), 1) if slot is not None else None
    found = class_of(
        booked=booked,
        came_at=at(came),
        has_priority="elderly" in reasons,
        is_emergency="emergency" in reasons,
        rule=RULE,
    )
    assert found == expected
    assert found in CLASSES


def test_people_of_one_hour_are_seen_in_the_order_of_classes() -> None:
    """All booked nine o'clock, number 5, and came at nine but for the late one."""
    orders = [
        due("emergency", slot=0, came=0, number=5),
        due("return-visit", slot=0, came=0, number=5),
        due("priority", slot=0, came=0, number=5),
        due("on-time", slot=0, came=0, number=5),
        due("late", slot=0, came=40, number=5),
    ]
    assert all(one < other for one, other in pairwise(orders))


def test_who_comes_early_does_not_overtake_an_earlier_number() -> None:
    assert due("on-time", slot=0, came=-5, number=1) < due("on-time", slot=0, came=-100, number=2)
    assert due("on-time", slot=0, came=20, number=40) < due("on-time", slot=30, came=-100, number=41)


def test_a_head_start_is_an_amount_of_time_and_not_for_ever() -> None:
    """Somebody with priority at eleven does not go before whoever was due at nine."""
    assert due("on-time", slot=0, came=0) < due("priority", slot=120, came=0)
    assert due("on-time", slot=0, came=0) < due("return-visit", slot=0, came=61)
    assert due("return-visit", slot=0, came=59) < due("on-time", slot=0, came=0)


def test_an_emergency_goes_before_all_and_after_an_earlier_one() -> None:
    assert due("emergency", slot=None, came=300) < due("return-visit", slot=0, came=-100)
    assert due("emergency", slot=None, came=10) < due("emergency", slot=None, came=11)


def test_somebody_without_an_appointment_is_due_when_they_came() -> None:
    assert due("on-time", slot=None, came=0) == 9 * 3600
    assert due("late", slot=-60, came=15) == 9.25 * 3600


@pytest.mark.parametrize(
    ("waiting", "places", "before"),
    [
        ([10.0, 20.0, 30.0, 40.0], 3, 3),
        ([10.0, 20.0, 30.0, 40.0], 1, 1),
        ([10.0, 20.0, 30.0, 40.0], 0, 0),
        ([10.0, 20.0], 3, 2),
        ([10.0], 1, 1),
    ],
)
def test_who_was_passed_comes_back_some_places_down(waiting: list[float], places: int, before: int) -> None:
    order = order_behind(waiting, places=places)
    assert order is not None
    assert sum(1 for one in waiting if one < order) == before
    assert order not in waiting


def test_an_empty_queue_needs_no_demotion() -> None:
    assert order_behind([], places=3) is None


def test_many_may_come_back_to_the_same_place() -> None:
    waiting = [10.0, 10.001, 10.002, 10.003]
    for _ in range(20):
        order = order_behind(waiting, places=3)
        assert order is not None
        assert waiting[2] < order < waiting[3]
        waiting = sorted([*waiting, order])
