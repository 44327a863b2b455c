from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from partners.limiter import Limiter
from partners.policies import forget_gates


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    forget_gates()


@pytest.fixture
async def limiters(clean_redis_url: str) -> AsyncIterator[Callable[[], Limiter]]:
    """Makes limiters as so many processes have them, each with connections of its own to one Valkey."""
    made: list[Limiter] = []
    clients: list[Redis] = []

    def make() -> Limiter:
        clients.append(Redis.from_url(clean_redis_url))
        made.append(Limiter(clients[-1]))
        return made[-1]

    yield make
    for limiter in made:
        await limiter.close()
    for client in clients:
        await client.aclose()
