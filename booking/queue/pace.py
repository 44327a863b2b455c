"""How long somebody will wait, from the doctor's own pace: pure functions, seconds throughout.

A visit is measured from the call to its end. Today's visits count fully; what is known from past days, or from the
schedule where there are none, counts as much as `PRIOR_VISITS` visits, so that a thin morning leans on it and a
full one does not. The sum of the visits ahead is taken for lognormal, as sums of positive times are nearly, and the
interval is to hold eight of ten waits.
"""

from collections.abc import Sequence
from math import exp, log, sqrt
from statistics import NormalDist, fmean, pvariance
from typing import Final, NamedTuple

PRIOR_VISITS: Final = 6
INTERVAL_SHARE: Final = 0.8
# Of those who have booked earlier times and not come yet, so many do come and go first.
COMING_SHARE: Final = 0.9
VISIT_SECONDS_MIN: Final = 30.0
VISIT_SECONDS_MAX: Final = 3 * 3600.0
VISIT_SECONDS_DEFAULT: Final = 420.0
# Of a visit's length when nothing is known of its spread, as seen in outpatient clinics.
SPREAD_DEFAULT: Final = 0.6
# Who has not come when their time begins is late more often than not.
OVERDUE_SHARE: Final = 0.4
# However long a visit has lasted, so much of the usual length is still to come.
REST_SHARE_MIN: Final = 0.3
WAIT_SECONDS_MAX: Final = 12 * 3600

_Z: Final = NormalDist().inv_cdf(0.5 + INTERVAL_SHARE / 2)


class Pace(NamedTuple):
    """A doctor's pace: the mean of a visit, its variance, and how many visits that knowledge is worth."""

    mean: float
    variance: float
    visits: float


class Estimate(NamedTuple):
    """A wait until being called, whole seconds; `low` to `high` is to hold eight of ten waits."""

    seconds: int
    low: int
    high: int


def measure_pace(today: Sequence[float], past: Sequence[float], *, planned: float | None) -> Pace:
    """Judge a doctor's pace from the lengths of visits today and on past days.

    planned: what the schedule gives a visit, for a doctor of whom nothing is known.
    """
    prior = _prior([_bounded(one) for one in past], planned)
    seen = [_bounded(one) for one in today]
    if not seen:
        return prior
    weight = len(seen) + PRIOR_VISITS
    mean = (sum(seen) + PRIOR_VISITS * prior.mean) / weight
    squares = sum((one - mean) ** 2 for one in seen) + PRIOR_VISITS * (prior.variance + (prior.mean - mean) ** 2)
    return Pace(mean, squares / weight, len(seen) + min(prior.visits, PRIOR_VISITS))


def _prior(past: Sequence[float], planned: float | None) -> Pace:
    if len(past) >= 2:
        return Pace(fmean(past), max(pvariance(past), 1.0), len(past))
    mean = _bounded(planned) if planned else VISIT_SECONDS_DEFAULT
    # A guess is worth one visit: it is as often far off as near.
    return Pace(mean, (SPREAD_DEFAULT * mean) ** 2, 1)


def estimate_wait(
    pace: Pace,
    *,
    ahead: int,
    coming: int = 0,
    overdue: int = 0,
    in_room_seconds: float | None = None,
    opens_in_seconds: float = 0.0,
) -> Estimate:
    """Estimate how long until the person is called.

    ahead:   people who go first, the one who is called and has not come in among them.
    coming:  people who have booked an earlier time and have not checked in yet, before that time has begun.
    overdue: the same, after it has.
    in_room_seconds: since when somebody is with the doctor; None: nobody is.
    opens_in_seconds: until the clinic starts, 0 when it has.
    """
    visits: float = ahead + COMING_SHARE * coming + OVERDUE_SHARE * overdue
    mean: float = visits * pace.mean
    variance = visits * pace.variance
    # Whether they come is not known either.
    doubt = coming * COMING_SHARE * (1 - COMING_SHARE) + overdue * OVERDUE_SHARE * (1 - OVERDUE_SHARE)
    variance += doubt * pace.mean**2
    if in_room_seconds is not None:
        mean += max(pace.mean - in_room_seconds, REST_SHARE_MIN * pace.mean)
        variance += pace.variance / 2
    opens = max(opens_in_seconds, 0.0)
    if mean <= 0:
        return Estimate(_whole(opens), _whole(opens), _whole(opens + pace.mean))
    # The pace itself is known from so many visits only, and the error of the mean counts for each visit ahead.
    variance += (mean / pace.mean) ** 2 * pace.variance / pace.visits
    low, middle, high = _lognormal(mean, variance)
    return Estimate(_whole(middle + opens), _whole(low + opens), _whole(high + opens))


def _lognormal(mean: float, variance: float) -> tuple[float, float, float]:
    """Give the lower bound, the median and the upper bound of a lognormal time."""
    sigma = sqrt(log(1 + variance / mean**2))
    mu = log(mean) - sigma**2 / 2
    return exp(mu - _Z * sigma), exp(mu), exp(mu + _Z * sigma)


def _bounded(seconds: float) -> float:
    """Keep a forgotten button from counting as a visit of hours, or of none."""
    return min(max(seconds, VISIT_SECONDS_MIN), VISIT_SECONDS_MAX)


def _whole(seconds: float) -> int:
    return min(round(seconds), WAIT_SECONDS_MAX)
