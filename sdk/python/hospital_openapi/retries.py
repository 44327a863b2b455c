"""When to ask again, and how long to wait before: exponentially longer, capped, and never in step with others."""

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

RETRIED: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient the client is.

    Every request may be repeated: reads change nothing, and changes carry an idempotency key that stays the same.
    attempts: how often at most, the first included. longest_seconds: no wait is longer; when the hospital asks for
    more, the refusal is raised instead of waiting, for a person may be looking at the screen.
    """

    attempts: int = 4
    first_seconds: float = 0.25
    longest_seconds: float = 8.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.first_seconds < 0 or self.longest_seconds < self.first_seconds:
            raise ValueError("A retry policy has one attempt at least, and waits that do not shrink.")

    def wait_seconds(self, *, attempt: int, retry_after_seconds: float | None = None) -> float | None:
        """Tell how long to wait after the given attempt (the first is 1); None: give up."""
        if attempt >= self.attempts:
            return None
        if retry_after_seconds is not None and retry_after_seconds > self.longest_seconds:
            return None
        whole = min(self.longest_seconds, self.first_seconds * 2.0 ** (attempt - 1))
        jittered = random.uniform(whole / 2, whole)  # noqa: S311  spread, not secret
        if retry_after_seconds is None:
            return jittered
        # Never sooner than was asked for, and not all at that very instant.
        return retry_after_seconds + min(jittered, self.first_seconds)


def read_retry_after(text: str | None) -> float | None:
    """Read a Retry-After header (RFC 9110 section 10.2.3): seconds, or an instant; None where it says neither."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
