"""Which seat of a schedule belongs to which pool: exact shares, spread evenly over the day."""

from collections.abc import Mapping

from booking.catalogue import errors
from kernel.db import Transaction

COMMON = "common"
EMERGENCY = "emergency"
"""Of the HIS's windows while they hold them as their emergency quota: no channel of the platform takes any, and it is
no pool that quotas or rules may name."""


async def require_quotas(tx: Transaction, percents: Mapping[str, int]) -> None:
    """Ask that quotas name pools in use, share out no more than everything, and leave the common pool the rest.

    Raises:
        QuotaInvalid: `reason` is common, pool or total; `pool` names the one that is wrong.
    """
    if COMMON in percents:
        raise errors.QuotaInvalid(reason="common", pool=COMMON)
    rows = await tx.fetch("SELECT code FROM pool WHERE code = ANY ($1) AND active FOR SHARE", sorted(percents))
    if unknown := percents.keys() - {row["code"] for row in rows}:
        raise errors.QuotaInvalid(reason="pool", pool=min(unknown))
    if sum(percents.values()) > 100:
        raise errors.QuotaInvalid(reason="total")


def split_seats(seats: int, percents: Mapping[str, int]) -> dict[str, int]:
    """Share seats among pools by percent with the largest remainder; what is not shared out is common.

    The counts add up to `seats`, and each lies less than one seat from its exact share. Equal remainders go to
    the common pool first, then by pool code. Pools that get nothing are left out.
    """
    assert sum(percents.values()) <= 100
    assert COMMON not in percents
    shares = {COMMON: 100 - sum(percents.values()), **percents}
    counts = {pool: seats * percent // 100 for pool, percent in shares.items()}
    left = seats - sum(counts.values())
    by_remainder = sorted(shares, key=lambda pool: (-(seats * shares[pool] % 100), pool != COMMON, pool))
    for pool in by_remainder[:left]:
        counts[pool] += 1
    return {pool: count for pool, count in counts.items() if count}


def spread_pools(counts: Mapping[str, int]) -> list[str]:
    """Order the seats of all pools so that every stretch of the day holds each pool's part of it.

    Smooth weighted turns: each pool gains its weight, the one furthest ahead has the seat and pays the total.
    """
    total = sum(counts.values())
    credit = dict.fromkeys(sorted(counts), 0)
    order: list[str] = []
    for _ in range(total):
        for pool in credit:
            credit[pool] += counts[pool]
        ahead = max(credit, key=lambda pool: (credit[pool], pool == COMMON))
        credit[ahead] -= total
        order.append(ahead)
    return order
