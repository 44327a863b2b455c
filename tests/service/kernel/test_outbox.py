"""Letters are posted with the change they tell of, go out in order, and survive those who carry them."""

import asyncio
from datetime import timedelta

from kernel import clock
from kernel.boxes import Backlog
from kernel.db import Database
from kernel.outbox import OUTBOX, publish
from kernel.redis import close_redis, flush_wakes, open_redis


async def post(db: Database, aggregate: str, *, depends_on: str | None = None, handler: str = "his") -> int:
    async with db.transaction() as tx:
        await publish(tx, handler=handler, event_type="t", aggregate=aggregate, payload={"n": 1}, depends_on=depends_on)
        return int(await tx.fetchval("SELECT max(id) FROM outbox"))


async def take(db: Database, *, handler: str = "his", limit: int = 100) -> tuple[int, ...]:
    lease = await OUTBOX.claim(db, handler, limit=limit, lease_seconds=30)
    return lease.letter_ids if lease else ()


async def test_a_letter_is_posted_with_its_change_or_not_at_all(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await publish(tx, handler="his", event_type="t", aggregate="a:1", payload={})
            raise LookupError

    await asyncio.gather(fail(), return_exceptions=True)

    assert await OUTBOX.count(database, "his") == Backlog(0, 0, 0, None)


async def test_letters_of_one_aggregate_go_one_by_one_in_order(database: Database) -> None:
    ids = [await post(database, "a:1") for _ in range(4)]
    for expected in ids:
        lease = await OUTBOX.claim(database, "his", limit=10, lease_seconds=30)
        assert lease is not None
        assert lease.letter_ids == (expected,)
        assert await take(database) == (), "the next one overtook a letter under way"
        assert await OUTBOX.finish(database, lease, lease.letter_ids) == [expected]
    assert await take(database) == ()


async def test_a_dependency_counts_only_where_it_was_posted_before(database: Database) -> None:
    needs_patient = await post(database, "appointment:1", depends_on="patient:1")
    await post(database, "patient:1")
    behind = await post(database, "appointment:2", depends_on="patient:1")

    taken = await take(database)

    assert needs_patient in taken
    assert behind not in taken


async def test_handlers_do_not_wait_for_one_another(database: Database) -> None:
    first = await post(database, "a:1", handler="his")
    second = await post(database, "a:1", handler="webhooks")

    assert await take(database, handler="webhooks") == (second,)
    assert await take(database, handler="his") == (first,)


async def test_a_letter_that_was_posted_first_but_committed_last_is_not_lost(database: Database) -> None:
    posted, may_commit = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with database.transaction() as tx:
            await publish(tx, handler="his", event_type="t", aggregate="a:1", payload={})
            posted.set()
            await may_commit.wait()

    task = asyncio.create_task(slow())
    await posted.wait()
    later = await post(database, "a:2")
    assert await take(database) == (later,)
    may_commit.set()
    await task

    assert len(await take(database)) == 1


async def test_a_postponed_letter_is_due_later_and_a_dead_one_waits_for_a_person(database: Database) -> None:
    letter = await post(database, "a:1")
    lease = await OUTBOX.claim(database, "his", limit=1, lease_seconds=30)
    assert lease is not None
    await OUTBOX.postpone(database, lease, letter, error="x" * 900, delay=timedelta(seconds=60), refused=True)
    assert await take(database) == ()
    with clock.frozen(clock.now() + timedelta(seconds=61)):
        lease = await OUTBOX.claim(database, "his", limit=1, lease_seconds=30)
        assert lease is not None
        await OUTBOX.bury(database, lease, letter, error="no")
        assert await take(database) == ()
        row = await database.fetchrow("SELECT status, refusals, attempts, last_error FROM outbox WHERE id = $1", letter)
        assert row is not None
        assert tuple(row.values()) == ("dead", 2, 2, "no")
        async with database.transaction() as tx:
            assert await OUTBOX.revive(tx, letter)
            assert not await OUTBOX.revive(tx, letter)
        assert await take(database) == (letter,)


async def test_posting_wakes_whoever_listens_and_does_without_a_cache(database: Database, clean_redis_url: str) -> None:
    client = open_redis(clean_redis_url)
    try:
        async with client.pubsub() as channel:
            await channel.subscribe("outbox")
            assert (await channel.get_message(timeout=5) or {})["type"] == "subscribe"
            await post(database, "a:1")
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=5)
            assert message is not None
            assert message["data"] == b"1"
    finally:
        await close_redis()
    open_redis("redis://127.0.0.1:1/0")
    try:
        letter = await post(database, "a:2")
        await flush_wakes()
    finally:
        await close_redis()
    assert letter in await take(database)
