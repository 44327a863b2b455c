"""Asking a channel because somebody looks: a phone that has come back from paying wants to know now.

The timetable asks by itself (see `expiry`); a reader only makes it sooner, and however many read, the channel is asked
about one attempt at most every few seconds.
"""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import database
from kernel.log import get_logger
from kernel.secrets import SecretMissing
from payments import merchants
from payments.facts import apply_channel_fact
from payments.gateways.errors import ChannelUnavailable

APART: Final = timedelta(seconds=5)
SECONDS_MAX: Final = 4.0
"""A reader waits no longer; what the channel has not said by then is read as it stood."""

log = get_logger("payments")


async def ask_now(attempt_id: UUID) -> None:
    """Ask the channel how an attempt stands that nobody has told us of, unless somebody has just asked.

    Raises:
        DatabaseUnavailable.
    """
    now = clock.machine_now()
    attempt = await database().fetchrow(
        "UPDATE payment_attempt SET asked_at = $2 WHERE id = $1 AND status IN ('created', 'prepared')"
        " AND (asked_at IS NULL OR asked_at <= $3) RETURNING attempt_no, merchant_code",
        attempt_id,
        now,
        now - APART,
    )
    if attempt is None:
        return
    merchant = await merchants.read_merchant(database(), attempt["merchant_code"])
    try:
        gateway = merchants.gateway_of(merchant)
        async with asyncio.timeout(SECONDS_MAX):
            fact = await gateway.query(attempt["attempt_no"])
    except (ChannelUnavailable, TimeoutError, SecretMissing) as error:
        log.warning("attempt_not_answered", attempt_no=attempt["attempt_no"], reason=type(error).__name__)
        return
    async with database().transaction() as tx:
        await apply_channel_fact(tx, fact)
