"""Telling every process that a queue has changed, by Valkey; a lost wake costs its watchers a poll, no more."""

import asyncio
from typing import Final
from uuid import UUID

from kernel.log import get_logger
from kernel.redis import GONE, redis_client

CHANNEL: Final = "visit-queue"

log = get_logger("booking.queue")
_under_way: "set[asyncio.Task[None]]" = set()


def wake_room(room_id: UUID) -> None:
    """Say that a queue before this room has changed; runs after the commit."""
    if redis_client() is None:
        return
    task = asyncio.get_running_loop().create_task(_publish(room_id))
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)


async def flush_wakes() -> None:
    """See the last wakes out, where the event loop stops between tasks as in a Celery worker."""
    await asyncio.gather(*_under_way)


async def _publish(room_id: UUID) -> None:
    client = redis_client()
    try:
        if client is not None:
            await client.publish(CHANNEL, room_id.bytes)
    except GONE as error:
        log.debug("queue_wake_lost", room=str(room_id), error=type(error).__name__)
