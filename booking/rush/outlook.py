"""What somebody who waits is told, honestly: how long until their turn, and whether a number is likely left by then.

As many turns are open as there are seats, so the line moves on when a turn ends unused, or a seat comes free that
somebody had held. That pace is measured; while little has been seen it leans on what is usual: one turn in ten ends
unused.
"""

from math import sqrt
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

UNUSED_USUALLY: Final = 0.1
# What is usual counts as much as so many turns that were seen to end.
USUAL_TURNS: Final = 10.0
INTERVAL_SHARE: Final = 0.8
SECONDS_MAX: Final = 4 * 3600
_Z: Final = NormalDist().inv_cdf(0.5 + INTERVAL_SHARE / 2)

Outlook = Literal["likely", "possible", "unlikely"]


class Estimate(NamedTuple):
    """Seconds until the turn; `low` to `high` is to hold eight of ten."""

    seconds: int
    low: int
    high: int


class Progress(NamedTuple):
    """How a line gets on, for one channel.

    seats: that the channel may take and nobody has; open_turns: of all who may take these seats.
    used, passed: how turns have ended. moved: turns that opened after the first, within `moved_seconds`.
    """

    seats: int
    open_turns: int
    used: int
    passed: int
    moved: int
    moved_seconds: float
    turn_seconds: int

    @property
    def unused_share(self) -> float:
        """The share of turns that end unused."""
        return (self.passed + UNUSED_USUALLY * USUAL_TURNS) / (self.used + self.passed + USUAL_TURNS)


def chance_before_draw(*, seats: int, joined: int) -> Outlook:
    """Judge the chance of somebody whose place nobody knows yet."""
    if joined <= seats:
        return "likely"
    return "possible" if joined <= 4 * seats else "unlikely"


def judge(progress: Progress, *, before: int) -> Outlook:
    """Say whether a number is likely left when it is the turn of somebody with so many waiting before them."""
    share = progress.unused_share
    free = max(progress.seats - progress.open_turns, 0)
    # Each turn that ends unused opens another, which may end unused as well.
    reach = (free + progress.open_turns * share) / (1 - share)
    spread = sqrt(progress.open_turns * share * (1 - share) + reach * share) / (1 - share)
    if before + 1 <= max(free, reach - spread):
        return "likely"
    return "possible" if before + 1 <= reach + 2 * spread else "unlikely"


def estimate_turn(progress: Progress, *, before: int, closes_in_seconds: float) -> Estimate | None:
    """Estimate how long until the turn; None: hardly before the waiting room closes."""
    if progress.seats > progress.open_turns + before:
        return Estimate(0, 0, 0)
    # A gamma prior of one turn's length, on the rate at which turns open: its mean is what is usual.
    usual = max(progress.open_turns * progress.unused_share, 0.1)
    rate = (progress.moved + usual) / (progress.moved_seconds + progress.turn_seconds)
    steps = before + 1
    # The rate is known from so many openings only, and the steps come by chance (Wilson and Hilferty's cube).
    low, middle, high = (_gamma(steps, z) / rate for z in (-_Z, 0.0, _Z))
    doubt = _Z * steps / rate / sqrt(progress.moved + usual + 1)
    low, high = max(low - doubt, 0.0), high + doubt
    if low > closes_in_seconds:
        return None
    return Estimate(_whole(middle), _whole(low), _whole(high))


def _gamma(steps: int, z: float) -> float:
    share = 1 - 1 / (9 * steps) + z / (3 * sqrt(steps))
    return float(steps * max(share, 0.0) ** 3)


def _whole(seconds: float) -> int:
    return min(round(seconds), SECONDS_MAX)
