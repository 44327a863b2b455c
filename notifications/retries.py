"""When a message that a gateway would not take now is tried again."""

from datetime import timedelta
from typing import Final

DELAYS_SECONDS: Final = (5, 30, 120, 600, 1_800)
"""Between one try and the next: five delays are six tries, the last about forty minutes after the first."""


def delay_after(tries: int) -> timedelta | None:
    """Give the time until the next try after so many; None when they are used up."""
    assert tries >= 1, "a message was tried"
    return timedelta(seconds=DELAYS_SECONDS[tries - 1]) if tries <= len(DELAYS_SECONDS) else None
