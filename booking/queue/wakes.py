"""Telling every process that a queue has changed, by Valkey; a lost wake costs its watchers a poll, no more."""

from typing import Final
from uuid import UUID

from kernel.log import get_logger
from kernel.redis import GONE, redis_client, start_wake

CHANNEL: Final = "visit-queue"

log = get_logger("booking.queue")


def wake_room(room_id: UUID) -> None:
    """Say that a queue before this room has changed; runs after the commit."""
    if redis_client() is None:
        return
    start_wake(_publish(room_id))


async def _publish(room_id: UUID) -> None:
    client = redis_client()
    try:
        if client is not None:
            await client.publish(CHANNEL, room_id.bytes)
    except GONE as error:
        log.debug("queue_wake_lost", room=str(room_id), error=type(error).__name__)
