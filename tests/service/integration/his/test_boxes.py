"""Order within an aggregate, leases, and dead letters that hold up no other aggregate."""

import asyncio
from datetime import UTC, datetime, timedelta

from kernel import clock
from kernel.db import Database
from kernel.outbox import OUTBOX
from tests.service.integration.his.conftest import claim, post, statuses

NOW = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


async def test_only_the_first_letter_of_each_aggregate_may_go(database: Database) -> None:
    first = await post(database, "a")
    await post(database, "a")
    other = await post(database, "b")

    lease = await claim(database)

    assert lease is not None
    assert lease.letter_ids == (first, other)
    assert await claim(database) is None


async def test_a_letter_waits_for_the_aggregate_it_depends_on(database: Database) -> None:
    person = await post(database, "a")
    seat = await post(database, "seat", depends_on="person:a")
    later_person = await post(database, "a")

    first = await claim(database)
    assert first is not None
    assert first.letter_ids == (person,)
    await OUTBOX.finish(database, first, [person])

    # What the person has to tell after the seat's letter does not hold the seat's letter up.
    second = await claim(database)
    assert second is not None
    assert second.letter_ids == (seat, later_person)


async def test_many_relays_never_take_one_letter_twice(database: Database) -> None:
    posted = [await post(database, f"p{n}") for n in range(40)]

    leases = await asyncio.gather(*(claim(database, limit=10) for _ in range(8)))

    taken = [letter for lease in leases if lease for letter in lease.letter_ids]
    assert len(taken) == len(set(taken))
    while (lease := await claim(database)) is not None:
        taken += lease.letter_ids
    assert sorted(taken) == posted


async def test_a_lease_that_ended_belongs_to_the_next_worker(database: Database) -> None:
    letter = await post(database, "a")
    with clock.frozen(NOW + timedelta(days=400)):
        late = await claim(database, seconds=30)
    with clock.frozen(NOW + timedelta(days=400, seconds=31)):
        prompt = await claim(database, seconds=30)
        assert late is not None
        assert prompt is not None

        assert await OUTBOX.renew(database, late, lease_seconds=30) == []
        assert await OUTBOX.finish(database, late, [letter]) == []
        assert [row["id"] for row in await OUTBOX.renew(database, prompt, lease_seconds=30)] == [letter]
        assert await OUTBOX.finish(database, prompt, [letter]) == [letter]


async def test_a_dead_letter_holds_up_its_own_aggregate_only(database: Database) -> None:
    dead = await post(database, "a")
    behind = await post(database, "a")
    lease = await claim(database)
    assert lease is not None
    await OUTBOX.bury(database, lease, dead, error="no")
    other = await post(database, "b")

    free = await claim(database)

    assert free is not None
    assert free.letter_ids == (other,)
    assert await statuses(database) == [(dead, "dead"), (behind, "pending"), (other, "pending")]

    async with database.transaction() as tx:
        assert await OUTBOX.skip(tx, dead)
    freed = await claim(database)
    assert freed is not None
    assert freed.letter_ids == (behind,)


async def test_a_released_letter_is_as_if_it_had_not_been_taken(database: Database) -> None:
    letter = await post(database, "a")
    lease = await claim(database)
    assert lease is not None

    await OUTBOX.release(database, lease, [letter])

    again = await claim(database)
    assert again is not None
    assert again.letter_ids == (letter,)
    assert await database.fetchval("SELECT attempts FROM outbox WHERE id = $1", letter) == 1


async def test_finished_letters_are_forgotten_after_their_time(database: Database) -> None:
    letter = await post(database, "a")
    waiting = await post(database, "b")
    lease = await claim(database, limit=1)
    assert lease is not None
    await OUTBOX.finish(database, lease, [letter])

    assert await OUTBOX.purge(database, before=clock.now() + timedelta(seconds=1)) == 1
    assert await statuses(database) == [(waiting, "pending")]
