"""Valkey (or Redis): caches, limits, wakes. It may be gone at any time; nothing that matters lives only there."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

ANSWER_SECONDS_MAX = 0.5
CONNECTIONS_MAX = 50
SUBSCRIBE_SECONDS_MAX = 2.0

GONE = (RedisError, OSError, TimeoutError)

_client: "Redis | None" = None
_wakes: "set[asyncio.Task[None]]" = set()


def open_redis(url: str) -> "Redis":
    """Prepare this process's client; connects on first use. Impatient on purpose: a cache that is away is skipped."""
    global _client  # noqa: PLW0603  one client a process, set at start-up
    _client = Redis(
        connection_pool=BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=ANSWER_SECONDS_MAX,
            socket_timeout=ANSWER_SECONDS_MAX,
            socket_connect_timeout=ANSWER_SECONDS_MAX,
            retry=Retry(NoBackoff(), 1),
        )
    )
    return _client


def redis_client() -> "Redis | None":
    """Give the client, or nothing where this process was started without one."""
    return _client


def start_wake(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """Do something small with the client beside what the caller does, and be seen out before the client is closed."""
    task = asyncio.get_running_loop().create_task(work)
    _wakes.add(task)
    task.add_done_callback(_wakes.discard)
    return task


async def flush_wakes() -> None:
    """See the last wakes out, where the event loop stops between tasks as in a Celery worker."""
    while _wakes:
        await asyncio.wait(_wakes)


async def close_redis() -> None:
    """Give the connections back, when the last wakes are out: one that came later would open a connection anew."""
    global _client  # noqa: PLW0603  one client a process, cleared at the end
    await flush_wakes()
    if _client is not None:
        # The pool was made by us, so the client does not take it for its own to close.
        await _client.aclose(close_connection_pool=True)
        _client = None


@asynccontextmanager
async def subscribed(url: str, channel: str) -> AsyncIterator[PubSub]:
    """Hear a channel over a connection of its own, which is closed whenever and however this ends.

    Raises:
        One of GONE: the server is away.
    """
    client = Redis.from_url(url, socket_connect_timeout=SUBSCRIBE_SECONDS_MAX)
    try:
        async with client.pubsub() as heard:
            await heard.subscribe(channel)
            yield heard
    finally:
        await client.aclose()
        # A listener that is ended while it connects leaves its socket marked as being in use.
        await client.connection_pool.disconnect(inuse_connections=True)
