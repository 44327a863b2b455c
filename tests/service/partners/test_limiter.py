"""Limits hold over all processes together, cost a round trip now and then, and outlive Valkey."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from partners.errors import LimitsUnavailable, QuotaUsedUp, RateLimited
from partners.limiter import LEASE_SHARE, Limiter
from partners.policies import DAY_SECONDS, Limit
from partners.windows import PARTS, LocalWindow
from runtime.embedded import ports
from runtime.embedded.valkey import ValkeyServer, prepare

Make = Callable[[], Limiter]


def limit(requests: int, *, window_seconds: int = 60, name: str = "care") -> Limit:
    return Limit(name, f"limit:{{c}}:{name}:{window_seconds}", requests, window_seconds)


async def ask(limiter: Limiter, *limits: Limit, is_care: bool = True) -> bool:
    """Tell whether one request is let in."""
    try:
        if not limiter.take_at_hand(limits):
            await limiter.take("c", limits, is_care=is_care)
    except (RateLimited, QuotaUsedUp):
        return False
    return True


async def test_one_process_gets_exactly_the_limit(limiters: Make) -> None:
    limiter, one = limiters(), limit(20)
    assert [await ask(limiter, one) for _ in range(25)] == [True] * 20 + [False] * 5


@pytest.mark.race
async def test_several_processes_never_get_more_than_the_limit(limiters: Make) -> None:
    """Together they miss at most what one lease each may hold."""
    processes, one = [limiters() for _ in range(4)], limit(1000)
    outcomes = await asyncio.gather(*(ask(processes[n % 4], one) for n in range(3000)))
    admitted = sum(outcomes)
    assert 1000 - 4 * (1000 // LEASE_SHARE) <= admitted <= 1000


@pytest.mark.race
async def test_a_small_limit_is_exact_over_processes(limiters: Make) -> None:
    processes, one = [limiters() for _ in range(3)], limit(10)
    outcomes = await asyncio.gather(*(ask(processes[n % 3], one) for n in range(60)))
    assert sum(outcomes) == 10


async def test_under_load_most_requests_ask_nobody(limiters: Make) -> None:
    limiter, one = limiters(), limit(100_000)
    asked = 0
    for _ in range(2000):
        if not limiter.take_at_hand([one]):
            asked += 1
            await limiter.take("c", [one], is_care=True)
    assert asked < 100


async def test_a_limit_without_room_costs_the_others_nothing(limiters: Make) -> None:
    limiter, narrow, wide = limiters(), limit(3, name="operation"), limit(10, name="all")
    assert [await ask(limiter, narrow, wide) for _ in range(5)] == [True] * 3 + [False] * 2
    assert sum([await ask(limiter, wide) for _ in range(10)]) == 7


async def test_a_refusal_names_its_limit_and_when_there_is_room(limiters: Make) -> None:
    limiter, one = limiters(), limit(1, window_seconds=40)
    await limiter.take("c", [one], is_care=True)
    with pytest.raises(RateLimited) as refused:
        await limiter.take("c", [one], is_care=True)
    assert refused.value.details["policy"] == "care"
    assert 38 <= int(str(refused.value.details["retry_after_seconds"])) <= 44


async def test_a_day_is_a_quota(limiters: Make) -> None:
    limiter, quota = limiters(), limit(1, window_seconds=DAY_SECONDS, name="all-daily")
    assert await ask(limiter, quota)
    with pytest.raises(QuotaUsedUp):
        await limiter.take("c", [quota], is_care=True)


async def test_uses_come_back_when_the_window_has_passed(limiters: Make) -> None:
    limiter, one = limiters(), limit(3, window_seconds=1)
    loop = asyncio.get_running_loop()
    admitted: list[float] = []
    until = loop.time() + 4.0
    while loop.time() < until:
        if await ask(limiter, one):
            admitted.append(loop.time())
        await asyncio.sleep(0.01)
    assert len(admitted) >= 6, "uses have come back at least once"
    # No three uses and one more within any window, wherever it begins (the sender's clock is a little later).
    assert all(fourth - first > 0.95 for first, fourth in zip(admitted, admitted[3:], strict=False))


async def test_another_applications_limit_is_its_own(limiters: Make) -> None:
    limiter, mine = limiters(), limit(1)
    theirs = Limit("care", "limit:{d}:care:60", 1, 60)
    assert await ask(limiter, mine)
    assert not await ask(limiter, mine)
    assert await ask(limiter, theirs)


async def test_what_is_left_is_told(limiters: Make) -> None:
    limiter, one = limiters(), limit(10)
    for _ in range(4):
        await ask(limiter, one)
    standing = limiter.standing(one)
    assert standing.left == 6
    assert 1 <= standing.seconds_until_back <= 64


def nobody() -> "Redis":
    """A Valkey at an address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pool = BlockingConnectionPool.from_url(
        f"redis://127.0.0.1:{port}/0", socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0)
    )
    return Redis(connection_pool=pool)


async def test_without_valkey_care_is_counted_alone_and_the_rest_waits() -> None:
    client = nobody()
    limiter, one = Limiter(client), limit(5)
    try:
        assert [await ask(limiter, one) for _ in range(8)] == [True] * 5 + [False] * 3
        with pytest.raises(LimitsUnavailable):
            await limiter.take("c", [limit(5, name="bulk")], is_care=False)
    finally:
        await limiter.close()
        await client.aclose(close_connection_pool=True)


async def test_a_process_that_was_started_without_valkey_counts_by_itself() -> None:
    limiter, one = Limiter(None), limit(5, name="bulk")
    assert [await ask(limiter, one, is_care=False) for _ in range(7)] == [True] * 5 + [False] * 2


def test_a_local_window_is_strict_and_forgets() -> None:
    window = LocalWindow(limit(10, window_seconds=100))
    for second in range(0, 50, 5):
        window.use(float(second))
    assert window.left(99.9) == 0
    assert window.left(104.9) == 0
    assert window.left(105.0) == 1, "the first part ends at 5 and comes back at 105"
    assert window.left(500.0) == 10
    assert window.parts == {}
    assert PARTS == 20


class OwnValkey:
    """A Valkey of one test, to be killed."""

    def __init__(self, server: ValkeyServer) -> None:
        self.server = server
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.server.argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.server.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("Valkey did not start")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    valkey = OwnValkey(prepare(tmp_path, port=ports.any_free("127.0.0.1"), password="x" * 32))
    valkey.start()
    yield valkey
    valkey.kill()


async def test_valkey_is_killed_and_comes_back(own_valkey: OwnValkey) -> None:
    client = Redis.from_url(own_valkey.server.url(0), retry=Retry(NoBackoff(), 0))
    limiter, one = Limiter(client, lease_seconds=0.1), limit(5)
    try:
        assert [await ask(limiter, one) for _ in range(2)] == [True] * 2
        own_valkey.kill()
        # By itself, from nothing: each process up to the whole limit, and no further.
        assert [await ask(limiter, one) for _ in range(7)] == [True] * 5 + [False] * 2
        with pytest.raises(LimitsUnavailable):
            await limiter.take("c", [one], is_care=False)
        own_valkey.start()
        loop = asyncio.get_running_loop()
        until, bulk = loop.time() + 20, limit(1000, name="bulk")
        while loop.time() < until:
            try:
                await limiter.take("c", [bulk], is_care=False)
                break
            except LimitsUnavailable:
                await asyncio.sleep(0.05)
        assert limiter.standing(bulk).left < 1000, "counted in Valkey again"
        assert [await ask(limiter, one) for _ in range(6)] == [True] * 5 + [False]
    finally:
        await limiter.close()
        await client.aclose()
