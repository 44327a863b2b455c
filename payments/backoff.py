"""How long to wait before somebody is asked again."""

from datetime import datetime, timedelta
from typing import Final

from kernel import clock

FIRST_SECONDS: Final = 5
SECONDS_MAX: Final = 600


def next_try(tries: int) -> datetime:
    """Give the instant of the next try after so many: 5 s, 10 s, 20 s ... and never more than ten minutes apart."""
    return clock.machine_now() + timedelta(seconds=min(SECONDS_MAX, FIRST_SECONDS * 2 ** min(tries, 10)))
