import pytest

from benchmarks.histogram import Histogram


def histogram_of(*values: int) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def test_small_latencies_are_exact() -> None:
    histogram = histogram_of(*range(1, 101))

    assert [histogram.quantile(share) for share in (0.0, 0.5, 0.9, 0.99, 1.0)] == [1, 50, 90, 99, 100]
    assert histogram.mean() == 50.5


def test_large_latencies_are_within_a_thousandth() -> None:
    for value in (2_047, 2_048, 2_049, 99_999, 1_234_567, 59_000_000):
        histogram = histogram_of(value, 100_000_000)
        assert value <= histogram.quantile(0.5) <= value * 1.001


def test_the_largest_is_exact() -> None:
    assert histogram_of(5, 1_234_567).quantile(1.0) == 1_234_567


def test_rounds_add_up_and_survive_the_pipe() -> None:
    together = histogram_of(10, 20)
    together.add(histogram_of(30, 4_000_000))
    sent = together.to_json()
    received = Histogram.from_json(**sent)

    assert (received.count, received.total, received.largest) == (4, 4_000_060, 4_000_000)
    assert received.quantile(0.5) == 20
    assert received.quantile(0.75) == 30


def test_nothing_counted_is_zero_and_a_share_is_a_share() -> None:
    assert Histogram().quantile(0.99) == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        Histogram().quantile(99)
