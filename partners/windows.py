"""Sliding windows that never admit one request too many: the counting, in Valkey and in one process's memory.

A window is cut into `PARTS` parts. What is used is counted in the part of its instant, and a part's uses come back
together when the window's length has passed since the part's *end*. So no window of that length, wherever it begins,
holds more uses than the limit; a use comes back late by at most one part, a twentieth of the window.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from partners.policies import Limit

PARTS: Final = 20
LOCAL_WINDOWS_MAX: Final = 20_000

# KEYS: the counters. ARGV: milliseconds that a lease lasts; then for each counter its limit, window in milliseconds,
# and how many uses are wanted. Either all counters have room, and each lends what it can of what is wanted, or none
# lends anything. A lease is counted at its end: it is used before that, so the window holds with leases too.
# Gives for each counter: uses lent, uses left, milliseconds until uses come back. Valkey's clock is everybody's.
TAKE: Final = f"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = tonumber(ARGV[1])
local left, back, room = {{}}, {{}}, true
for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local width = window / {PARTS}
  local used, oldest = 0, nil
  local parts = redis.call('HGETALL', key)
  for n = 1, #parts, 2 do
    local ends = (tonumber(parts[n]) + 1) * width + window
    if ends <= now then
      redis.call('HDEL', key, parts[n])
    else
      used = used + tonumber(parts[n + 1])
      if not oldest or ends < oldest then oldest = ends end
    end
  end
  left[i], back[i] = limit - used, math.ceil((oldest or now + window) - now)
  if left[i] < 1 then room = false end
end
local answer = {{}}
for i, key in ipairs(KEYS) do
  local window, lent = tonumber(ARGV[3 * i]), 0
  local width = window / {PARTS}
  if room then
    -- The last uses go round among the processes by ones.
    lent = math.min(tonumber(ARGV[3 * i + 1]), math.max(1, math.floor(left[i] / 8)))
    redis.call('HINCRBY', key, math.floor((now + lease) / width), lent)
    redis.call('PEXPIRE', key, math.ceil(window + 2 * width + lease))
  end
  answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = lent, math.max(0, left[i] - lent), back[i]
end
return answer
"""


@dataclass(slots=True)
class LocalWindow:
    """One counter in this process's memory. parts: uses by number of the part, the oldest first."""

    limit: Limit
    parts: dict[int, int] = field(default_factory=dict)

    def left(self, now: float) -> int:
        """Count what is left; parts that have passed are forgotten."""
        width = self.limit.window_seconds / PARTS
        for part in [part for part in self.parts if (part + 1) * width + self.limit.window_seconds <= now]:
            del self.parts[part]
        return max(0, self.limit.requests - sum(self.parts.values()))

    def seconds_until_back(self, now: float) -> float:
        """Tell when uses come back."""
        if not self.parts:
            return float(self.limit.window_seconds)
        width = self.limit.window_seconds / PARTS
        return (min(self.parts) + 1) * width + self.limit.window_seconds - now

    def use(self, now: float) -> None:
        """Count one use."""
        part = int(now / (self.limit.window_seconds / PARTS))
        self.parts[part] = self.parts.get(part, 0) + 1


class LocalWindows:
    """The counters of one process, for when there is no Valkey: each process then admits up to the whole limit."""

    def __init__(self) -> None:
        self._windows: dict[str, LocalWindow] = {}

    def take(self, limits: Sequence[Limit]) -> Limit | None:
        """Count one use in all of the limits; or in none, and give the one that has no room."""
        now = time.monotonic()
        windows = [self._window(limit) for limit in limits]
        for window in windows:
            if window.left(now) < 1:
                return window.limit
        for window in windows:
            window.use(now)
        return None

    def standing(self, limit: Limit) -> tuple[int, float]:
        """Tell what is left of a limit, and in how many seconds uses come back."""
        now, window = time.monotonic(), self._window(limit)
        return window.left(now), window.seconds_until_back(now)

    def clear(self) -> None:
        """Begin anew."""
        self._windows.clear()

    def _window(self, limit: Limit) -> LocalWindow:
        known = self._windows.get(limit.key)
        if known is None or known.limit != limit:
            if len(self._windows) >= LOCAL_WINDOWS_MAX:
                self._windows.clear()
            known = self._windows[limit.key] = LocalWindow(limit)
        return known
