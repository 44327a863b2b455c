"""What people who wait are told of their prospects."""

import random

import pytest

from booking.rush.outlook import Progress, chance_before_draw, estimate_turn, judge


def progress(**more: float) -> Progress:
    known = {"seats": 30, "open_turns": 30, "used": 0, "passed": 0, "moved": 0, "moved_seconds": 0.0}
    return Progress(**(known | {"turn_seconds": 180} | more))  # type: ignore[arg-type]  # of this test's own making


@pytest.mark.parametrize(
    ("seats", "joined", "said"),
    [(30, 30, "likely"), (30, 31, "possible"), (30, 120, "possible"), (30, 121, "unlikely")],
)
def test_before_the_draw_it_is_numbers_against_people(seats: int, joined: int, said: str) -> None:
    assert chance_before_draw(seats=seats, joined=joined) == said


def test_who_is_far_back_is_told_that_probably_nothing_is_left() -> None:
    assert [judge(progress(), before=before) for before in (0, 4, 40)] == ["likely", "possible", "unlikely"]
    assert judge(progress(seats=40), before=9) == "likely"
    # Everybody so far has used their turn: nobody behind should hope.
    assert judge(progress(seats=1, open_turns=1, used=29), before=0) == "unlikely"


def test_who_has_a_free_seat_waiting_has_it_at_once() -> None:
    estimate = estimate_turn(progress(seats=31), before=0, closes_in_seconds=3600)
    assert estimate is not None
    assert estimate == (0, 0, 0)


def test_the_estimate_follows_the_pace_that_was_seen() -> None:
    slow = estimate_turn(progress(moved=2, moved_seconds=200.0), before=3, closes_in_seconds=3600)
    fast = estimate_turn(progress(moved=20, moved_seconds=200.0), before=3, closes_in_seconds=3600)
    assert slow is not None
    assert fast is not None
    assert fast.low <= fast.seconds <= fast.high < slow.high
    assert fast.seconds < slow.seconds


def test_nobody_is_promised_a_turn_after_the_close() -> None:
    assert estimate_turn(progress(), before=500, closes_in_seconds=600) is None


def test_eight_of_ten_waits_lie_within_the_interval() -> None:
    """Turns that pass by chance at the pace that is usual, many times; the interval is to hold 80%, give or take."""
    dice, inside, rounds = random.Random(20_261_125), 0, 2_000
    for _ in range(rounds):
        estimate = estimate_turn(progress(moved=15, moved_seconds=720.0), before=5, closes_in_seconds=36_000)
        assert estimate is not None
        wait = sum(dice.expovariate(18 / 900) for _ in range(6))
        inside += estimate.low <= wait <= estimate.high
    assert 0.75 <= inside / rounds <= 0.97
