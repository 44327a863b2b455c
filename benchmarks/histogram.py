"""Latencies in constant memory, with an error of at most a thousandth."""

from __future__ import annotations

import math
from typing import Any

# Values below 2**LINEAR_BITS are counted one by one; above it every doubling has 2**(LINEAR_BITS - 1)
# buckets, so a bucket is never wider than 1/1024 of its value.
LINEAR_BITS = 11
_HALF = 1 << (LINEAR_BITS - 1)


class Histogram:
    """Counts of latencies in whole microseconds, log-linear, so that rounds can be added up."""

    __slots__ = ("count", "counts", "largest", "total")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.total = 0
        self.largest = 0

    def record(self, microseconds: int) -> None:
        """Count one latency; a clock that went backwards counts as zero."""
        value = max(microseconds, 0)
        shift = max(value.bit_length() - LINEAR_BITS, 0)
        bucket = shift * _HALF + (value >> shift)
        counts = self.counts
        counts[bucket] = counts.get(bucket, 0) + 1
        self.count += 1
        self.total += value
        self.largest = max(self.largest, value)

    def add(self, other: Histogram) -> None:
        """Take in all that another histogram counted."""
        for bucket, number in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + number
        self.count += other.count
        self.total += other.total
        self.largest = max(self.largest, other.largest)

    def quantile(self, share: float) -> int:
        """The latency in microseconds that `share` (0..1) of all did not exceed; 0 when nothing was counted."""
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"a share lies between 0 and 1, not {share}")
        if self.count == 0:
            return 0
        rank = max(1, math.ceil(share * self.count))
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return min(_upper_edge(bucket), self.largest)
        return self.largest

    def mean(self) -> float:
        """The mean in microseconds, exact; 0.0 when nothing was counted."""
        return self.total / self.count if self.count else 0.0

    def to_json(self) -> dict[str, Any]:
        """The form in which the generator's process hands it to the one that asked."""
        pairs = [[bucket, number] for bucket, number in sorted(self.counts.items())]
        return {"counts": pairs, "total": self.total, "largest": self.largest}

    @classmethod
    def from_json(cls, counts: list[list[int]], total: int, largest: int) -> Histogram:
        """The histogram that `to_json` wrote."""
        histogram = cls()
        histogram.counts = {bucket: number for bucket, number in counts}  # noqa: C416  a dict() of lists has no type
        histogram.count = sum(histogram.counts.values())
        histogram.total = total
        histogram.largest = largest
        return histogram


def _upper_edge(bucket: int) -> int:
    """The largest value that falls into a bucket."""
    if bucket < 2 * _HALF:
        return bucket
    shift = bucket // _HALF - 1
    return ((bucket - shift * _HALF + 1) << shift) - 1
