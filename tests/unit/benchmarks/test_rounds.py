import pytest

from benchmarks.booking import Rounds
from benchmarks.scenarios import ECHO, MANY, MEASURED


def rounds_of(echoes: list[float], rates: list[float]) -> Rounds:
    rounds = Rounds()
    rounds.rates = {ECHO.name: echoes} | {one.name: list(rates) for one in MEASURED}
    return rounds


def test_a_ratio_is_the_median_of_what_was_measured_side_by_side() -> None:
    # The machine slowed down to a half in the middle: the ratios of the rounds are 0.5, 0.5 and 0.4.
    rounds = rounds_of([1_000, 1_000, 500, 500], [500, 375, 200])

    assert rounds.ratio(MANY) == pytest.approx(0.5)
    assert rounds.rate(MANY) == 375


def test_figures_have_the_names_of_the_issue() -> None:
    figures = rounds_of([100, 100], [40]).figures()

    names = {"many_ratio", "hot_ratio", "sold_out_ratio", "availability_ratio", "p99_ms_half_load", "echo_rps"}
    assert names <= figures.keys()
    assert (figures["many_ratio"], figures["many_rps"], figures["echo_rps"]) == (0.4, 40, 100)
