"""When a delivery that was not taken is tried again."""

import random
from datetime import timedelta
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 3_600

DELAYS_SECONDS: Final = (
    5,
    30,
    2 * _MINUTE,
    10 * _MINUTE,
    1 * _HOUR,
    3 * _HOUR,
    6 * _HOUR,
    *(10 * _HOUR,) * 6,
)
"""Between one try and the next. Thirteen delays are fourteen tries, the last about 70 hours after the first; with what
jitter adds, none comes later than three days after it."""

JITTER_MAX: Final = 0.02
"""Added to each delay at most, as a part of it, so that what failed together does not return together."""


def delay_after(tries: int) -> timedelta | None:
    """Give the time until the next try after so many; None when they are used up."""
    assert tries >= 1, "a delivery was tried"
    if tries > len(DELAYS_SECONDS):
        return None
    seconds = DELAYS_SECONDS[tries - 1]
    return timedelta(seconds=seconds * (1 + random.uniform(0, JITTER_MAX)))  # noqa: S311  jitter is no secret
