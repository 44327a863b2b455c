"""Questions of many phones become few reads, and each answer is younger than its question."""

import asyncio

import pytest

from booking.shared_reads import SharedReads


class Counter:
    """A slow read that says which of the reads it was."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def read(self, key: str) -> tuple[str, int]:
        self.begun += 1
        mine = self.begun
        await self.may_end.wait()
        return key, mine


async def test_who_asks_before_a_read_begins_shares_it_and_later_ones_share_the_next() -> None:
    counter = Counter()
    reads = SharedReads(counter.read)
    first = [asyncio.create_task(reads.get("a")) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert counter.begun == 1
    later = [asyncio.create_task(reads.get("a")) for _ in range(50)]
    other = asyncio.create_task(reads.get("b"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert counter.begun == 2
    counter.may_end.set()
    assert set(await asyncio.gather(*first)) == {("a", 1)}
    assert set(await asyncio.gather(*later)) == {("a", 3)}
    assert await other == ("b", 2)


async def test_a_failure_is_told_to_all_who_wait_and_to_nobody_after() -> None:
    failures = [ValueError("the database is away")]

    async def read(_key: str) -> str:
        if failures:
            raise failures.pop()
        return "back"

    reads = SharedReads(read)
    told = await asyncio.gather(reads.get("a"), reads.get("a"), return_exceptions=True)
    assert [str(error) for error in told] == ["the database is away"] * 2
    assert await reads.get("a") == "back"


async def test_a_reader_who_goes_away_takes_the_answer_from_nobody() -> None:
    counter = Counter()
    reads = SharedReads(counter.read)
    impatient, patient = asyncio.create_task(reads.get("a")), asyncio.create_task(reads.get("a"))
    await asyncio.sleep(0)
    impatient.cancel()
    counter.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert await patient == ("a", 1)
