"""Intents for the outside world, written in the transaction of the change they tell of.

What becomes of them (order, leases, dead letters) is the box's business: see `kernel.boxes`. Here a
feature posts a letter, and the relay is told that one is waiting.
"""

import asyncio
from collections.abc import Mapping

from kernel.boxes import Box
from kernel.db import Transaction
from kernel.log import get_logger
from kernel.redis import GONE, redis_client, start_wake

WAKE_CHANNEL = "outbox"
WAKES_APART_SECONDS = 0.02

OUTBOX = Box("outbox")
INBOX = Box("inbox")

log = get_logger("kernel")


async def publish(
    tx: Transaction,
    *,
    handler: str,
    event_type: str,
    aggregate: str,
    payload: Mapping[str, object],
    depends_on: str | None = None,
) -> int:
    """Intend a message; it is sent after the commit, at least once, in order within its aggregate.

    `payload` holds ids only; personal data is loaded when the message is sent. Gives the letter's id.
    """
    letter: int = await tx.fetchval(
        "INSERT INTO outbox (handler, event_type, aggregate, depends_on, payload) VALUES ($1, $2, $3, $4, $5)"
        " RETURNING id",
        handler,
        event_type,
        aggregate,
        depends_on,
        dict(payload),
    )
    tx.after_commit(wake)
    return letter


def wake() -> None:
    """Tell the relay that letters are waiting; a lost wake costs two seconds, never a message."""
    global _waking  # noqa: PLW0603  wakes that fall together become one
    if redis_client() is None or _waking is not None:
        return
    _waking = start_wake(_publish_wake())


_waking: "asyncio.Task[None] | None" = None
_woken_at = 0.0


async def _publish_wake() -> None:
    global _waking, _woken_at  # noqa: PLW0603  see wake
    client = redis_client()
    clock = asyncio.get_running_loop().time
    try:
        # The first goes at once; under a rush one wake serves all commits of the moment.
        await asyncio.sleep(max(_woken_at + WAKES_APART_SECONDS - clock(), 0))
        _woken_at = clock()
        if client is not None:
            await client.publish(WAKE_CHANNEL, b"1")
    except GONE as error:
        log.debug("outbox_wake_lost", error=type(error).__name__)
    finally:
        _waking = None
