"""The estimated wait, against doctors whose visits are drawn by chance."""

from random import Random
from statistics import fmean, median

import pytest

from booking.queue.pace import (
    INTERVAL_SHARE,
    PRIOR_VISITS,
    VISIT_SECONDS_DEFAULT,
    WAIT_SECONDS_MAX,
    Estimate,
    Pace,
    estimate_wait,
    measure_pace,
)

DRAWS = 300


def test_a_doctor_of_whom_nothing_is_known_goes_by_the_schedule() -> None:
    assert measure_pace([], [], planned=300).mean == 300
    assert measure_pace([], [], planned=None).mean == VISIT_SECONDS_DEFAULT
    assert measure_pace([], [], planned=300).visits == 1


def test_today_outweighs_the_past_the_fuller_it_is() -> None:
    past = [300.0] * 40
    means = [measure_pace([600.0] * seen, past, planned=None).mean for seen in (0, 1, PRIOR_VISITS, 60)]
    assert means == sorted(means)
    assert means[0] == 300
    assert means[2] == 450
    assert means[3] > 570


def test_a_forgotten_button_is_no_visit_of_a_day() -> None:
    assert measure_pace([86_400.0], [], planned=300).mean < 2_000
    assert measure_pace([-5.0, 0.0], [], planned=300).mean > 0


@pytest.mark.parametrize("ahead", range(6))
def test_who_has_more_people_before_them_waits_longer(ahead: int) -> None:
    pace = Pace(300, 10_000, 10)
    nearer, farther = estimate_wait(pace, ahead=ahead), estimate_wait(pace, ahead=ahead + 1)
    assert nearer.seconds < farther.seconds
    assert nearer.low <= nearer.seconds <= nearer.high
    assert farther.low <= farther.seconds <= farther.high


def test_nobody_before_and_nobody_inside_is_now() -> None:
    assert estimate_wait(Pace(300, 10_000, 10), ahead=0) == Estimate(0, 0, 300)


def test_before_the_clinic_starts_nobody_is_called() -> None:
    pace = Pace(300, 10_000, 10)
    assert estimate_wait(pace, ahead=0, opens_in_seconds=900) == Estimate(900, 900, 1200)
    late, open_ = estimate_wait(pace, ahead=3, opens_in_seconds=900), estimate_wait(pace, ahead=3)
    assert (late.seconds, late.low, late.high) == (open_.seconds + 900, open_.low + 900, open_.high + 900)


def test_a_visit_under_way_counts_for_its_rest() -> None:
    pace = Pace(300, 10_000, 10)
    begun, nearly_over = (estimate_wait(pace, ahead=1, in_room_seconds=seconds).seconds for seconds in (10, 250))
    assert estimate_wait(pace, ahead=1).seconds < nearly_over < begun
    # However long it has lasted, it is not over yet.
    assert estimate_wait(pace, ahead=0, in_room_seconds=5_000).seconds > 60


def test_those_who_have_not_come_yet_count_nearly_as_much() -> None:
    pace = Pace(300, 10_000, 10)
    assert estimate_wait(pace, ahead=3).seconds < estimate_wait(pace, ahead=3, coming=5).seconds
    assert estimate_wait(pace, ahead=3, coming=5).seconds < estimate_wait(pace, ahead=8).seconds


def test_no_estimate_is_without_an_end() -> None:
    assert estimate_wait(Pace(10_800, 1e8, 1), ahead=1_000).high == WAIT_SECONDS_MAX


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("usual_minutes", [4.0, 7.0, 12.0])
def test_against_simulated_doctors(seed: int, usual_minutes: float) -> None:
    """Doctors differ from one another and from day to day; the interval holds about eight of ten waits.

    Each wait is estimated from what is known at that moment: past days, the visits seen so far today, and how long
    the present one has lasted.
    """
    random = Random(f"{seed} {usual_minutes}")
    inside, errors, waits = 0, [], []
    for _ in range(DRAWS):
        doctor = usual_minutes * 60 * random.uniform(0.8, 1.25)
        past = [_visit(random, doctor) for _ in range(40)]
        today = doctor * random.uniform(0.85, 1.15)
        seen = [_visit(random, today) for _ in range(random.randrange(20))]
        ahead, lasted = random.randrange(1, 15), random.random()
        present = _visit(random, today)
        truth = present * (1 - lasted) + sum(_visit(random, today) for _ in range(ahead))
        told = estimate_wait(measure_pace(seen, past, planned=None), ahead=ahead, in_room_seconds=present * lasted)
        inside += told.low <= truth <= told.high
        errors.append(abs(told.seconds - truth))
        waits.append(truth)
    assert INTERVAL_SHARE - 0.15 <= inside / DRAWS <= INTERVAL_SHARE + 0.15
    assert median(errors) < 0.25 * median(waits)
    assert fmean(errors) < 0.3 * fmean(waits)


def _visit(random: Random, mean: float) -> float:
    return random.gammavariate(3, mean / 3)
