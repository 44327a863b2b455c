"""The feed of notices: what is read once is never followed by something older, and what is old is forgotten."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import cast
from uuid import UUID

import asyncpg

from booking import notices
from booking.notices import START, Notice, Place
from kernel import clock
from kernel.db import Database, Transaction
from kernel.ids import new_id

LOOKS_MAX = 500


async def post(tx: Transaction, subject: UUID, *, client_id: str | None = "portal") -> None:
    await notices.post(tx, client_id=client_id, kind="appointment.moved", subject_id=subject, facts={}, at=clock.now())


async def read(count: int, *, after: Place = START, client_id: str = "portal") -> Sequence[Notice]:
    """Read until so many are shown: tests beside this one have transactions of their own on the same server."""
    found: Sequence[Notice] = []
    for _ in range(LOOKS_MAX):
        found = await notices.read_notices(client_id, after=after, limit=100)
        if len(found) >= count:
            break
        await asyncio.sleep(0.02)
    return found


async def subjects(count: int, *, after: Place = START, client_id: str = "portal") -> list[UUID]:
    return [notice.subject_id for notice in await read(count, after=after, client_id=client_id)]


async def test_a_late_commit_holds_the_newer_ones_back(database: Database) -> None:
    early, late, newer = new_id(), new_id(), new_id()
    async with database.transaction() as tx:
        await post(tx, early)
    async with database.transaction() as slow:
        await post(slow, late)
        async with database.pool.acquire() as proxy, proxy.transaction():
            await post(Transaction(cast(asyncpg.Connection, proxy)), newer)
        [first] = await read(1)
        assert first.subject_id == early, "the newer one would hide the late one behind it"
    assert await subjects(2, after=first.place) == [late, newer]


async def test_ids_given_out_across_each_other_are_read_in_the_order_of_transactions(database: Database) -> None:
    """The earlier transaction posts after the later one, and is over before it."""
    of_early, of_late = new_id(), new_id()
    async with database.pool.acquire() as late_proxy, late_proxy.transaction():
        late = Transaction(cast(asyncpg.Connection, late_proxy))
        async with database.transaction() as early:
            await early.fetchval("SELECT pg_current_xact_id()")
            await post(late, of_late)
            await post(early, of_early)
        [first] = await read(1)
        assert first.subject_id == of_early
    assert await subjects(1, after=first.place) == [of_late], "its lower id must not hide it"


async def test_one_reads_ones_own_and_what_is_for_everybody(database: Database) -> None:
    mine, everybodys, others = new_id(), new_id(), new_id()
    async with database.transaction() as tx:
        await post(tx, mine)
        await post(tx, everybodys, client_id=None)
        await post(tx, others, client_id="city_portal")
    assert await subjects(2) == [mine, everybodys]
    assert await subjects(2, client_id="city_portal") == [everybodys, others]


async def test_notices_of_a_restored_database_are_read(database: Database) -> None:
    subject = new_id()
    async with database.transaction() as tx:
        await post(tx, subject)
    await database.execute("UPDATE booking_notice SET transaction_id = '9000000000'::xid8")
    assert await subjects(1) == [subject]


async def test_old_notices_are_forgotten(database: Database) -> None:
    old, kept = new_id(), new_id()
    with clock.frozen(clock.now() - notices.KEPT - timedelta(minutes=1)):
        async with database.transaction() as tx:
            await post(tx, old)
    async with database.transaction() as tx:
        await post(tx, kept)
    assert await notices.purge_notices(database, before=clock.now() - notices.KEPT) == 1
    assert await subjects(1) == [kept]
