"""Shares of seats: exact, rounded fairly, spread evenly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.catalogue.quotas import split_seats, spread_pools

PERCENTS = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 25))


@pytest.mark.parametrize(
    ("seats", "percents", "counts"),
    [
        (24, {"window": 25}, {"common": 18, "window": 6}),
        (10, {}, {"common": 10}),
        (10, {"window": 100}, {"window": 10}),
        (10, {"window": 0}, {"common": 10}),
        # 6.5, 2, 1 and 0.5 of ten: the common pool wins the tie.
        (10, {"window": 20, "city_portal": 10, "community": 5}, {"common": 7, "window": 2, "city_portal": 1}),
        # 1/3 each of ten: the seat left over goes to the largest remainder.
        (10, {"a": 33, "b": 33}, {"common": 4, "a": 3, "b": 3}),
        (1, {"a": 50}, {"common": 1}),
        (3, {"b": 50, "a": 50}, {"a": 2, "b": 1}),
    ],
)
def test_seats_are_split_by_largest_remainder(seats: int, percents: dict[str, int], counts: dict[str, int]) -> None:
    assert split_seats(seats, percents) == counts


@given(seats=st.integers(1, 2000), percents=PERCENTS)
def test_no_seat_is_lost_and_no_pool_is_a_seat_from_its_share(seats: int, percents: dict[str, int]) -> None:
    counts = split_seats(seats, percents)
    assert sum(counts.values()) == seats
    for pool, percent in percents.items():
        assert abs(counts.get(pool, 0) - seats * percent / 100) < 1


@given(seats=st.integers(1, 300), percents=PERCENTS)
def test_pools_are_spread_over_the_day(seats: int, percents: dict[str, int]) -> None:
    """Of the first n seats each pool has its part, to within one for each other pool."""
    counts = split_seats(seats, percents)
    order = spread_pools(counts)
    assert {pool: order.count(pool) for pool in counts} == counts
    for n in range(1, seats + 1):
        for pool, count in counts.items():
            assert abs(order[:n].count(pool) - n * count / seats) <= len(counts)


def test_a_quarter_is_every_fourth_seat() -> None:
    assert spread_pools({"common": 6, "window": 2}) == ["common", "common", "window", "common"] * 2
