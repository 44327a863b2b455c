"""How much applications ask for, from their request records: one of them today, and all together just now."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from kernel import clock
from kernel.db import database

USE_COUNTED_MAX: Final = 100_000
"""A page waits for no longer count than this."""


@dataclass(frozen=True, slots=True)
class Use:
    """An application's requests of a clinic day (Asia/Shanghai). refused: 4xx. failed: 5xx."""

    requests: int
    refused: int
    failed: int
    last_at: datetime | None


async def read_use(client_id: str) -> Use:
    """Count an application's requests of today, the newest `USE_COUNTED_MAX` at most.

    Raises:
        DatabaseUnavailable.
    """
    begins = clock.clinic_instant(clock.today(), time())
    row = await database().fetchrow(
        "SELECT count(*) AS requests, count(*) FILTER (WHERE status BETWEEN 400 AND 499) AS refused,"
        " count(*) FILTER (WHERE status >= 500) AS failed, max(at) AS last_at FROM (SELECT at, status"
        " FROM request_record WHERE client_id = $1 AND at >= $2 ORDER BY at DESC LIMIT $3) newest",
        client_id,
        begins,
        USE_COUNTED_MAX,
    )
    assert row is not None, "an aggregate without GROUP BY gives one row"
    return Use(*row.values())


@dataclass(frozen=True, slots=True)
class Traffic:
    """What all applications asked for lately. failed: 5xx. slowest_milliseconds: what 95 of 100 took at most."""

    requests: int
    failed: int
    slowest_milliseconds: float | None


async def read_traffic(within: timedelta) -> Traffic:
    """Count what all applications asked for lately, the newest `USE_COUNTED_MAX` at most.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT count(*) AS requests, count(*) FILTER (WHERE status >= 500) AS failed,"
        " percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_microseconds) / 1000 AS slowest"
        " FROM (SELECT status, latency_microseconds FROM request_record WHERE at >= $1"
        " ORDER BY at DESC LIMIT $2) newest",
        clock.now() - within,
        USE_COUNTED_MAX,
    )
    assert row is not None, "an aggregate without GROUP BY gives one row"
    return Traffic(*row.values())
