"""Valkey (or Redis): caches, limits, wakes. It may be gone at any time; nothing that matters lives only there."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

ANSWER_SECONDS_MAX = 0.5
CONNECTIONS_MAX = 50

GONE = (RedisError, OSError, TimeoutError)

_client: "Redis | None" = None


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


async def close_redis() -> None:
    """Give the connections back."""
    global _client  # noqa: PLW0603  one client a process, cleared at the end
    if _client is not None:
        # The pool was made by us, so the client does not take it for its own to close.
        await _client.aclose(close_connection_pool=True)
        _client = None
