"""Many workers, one delivery each: never twice at a time, never lost with a worker, never out of order."""

import asyncio
import sys
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from kernel.ids import new_id
from partners.webhooks.claims import BOX, HANDLER, PER_ENDPOINT_MAX, PER_SLOW_ENDPOINT_MAX
from runtime.worker.webhooks import hand_on_events
from tests.conftest import ROOT
from tests.factories.keys import write_keys
from tests.factories.webhooks import OK, Message, Receiver, deliveries, happen, make_sender, partner, send_due, status

pytestmark = pytest.mark.race
WORKERS = 6


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    folder = write_keys(tmp_path / "keys")
    load_cipher(folder)
    return folder


async def test_many_workers_send_each_once_and_each_subject_in_order(database: Database, keys_dir: Path) -> None:
    portal = await partner(database)
    subjects = [new_id() for _ in range(20)]
    busy: set[object] = set()

    async def answer(message: Message) -> bytes:
        assert message.subject not in busy, "two about one subject at once"
        busy.add(message.subject)
        await asyncio.sleep(0.002)
        busy.discard(message.subject)
        return OK

    async with Receiver(answer).listening() as receiver:
        await portal.subscribe(receiver.url)
        await happen(database, *(subjects * 10), client_id=portal.client_id)
        await asyncio.gather(*(send_due(database) for _ in range(WORKERS)))
    assert Counter(status for _, status, _ in await deliveries(database)) == {"delivered": 200}
    assert Counter(Counter(message.id for message in receiver.got).values()) == {1: 200}
    seen = defaultdict(list)
    for message in receiver.got:
        seen[message.subject].append(int(message.json["data"]["id"]))
    assert [events == sorted(events) and len(events) for events in seen.values()] == [10] * 20


async def test_order_holds_while_some_are_not_taken(database: Database, keys_dir: Path) -> None:
    """Every first try fails: what comes after a message about the same subject comes after it was taken."""
    portal = await partner(database)
    subjects = [new_id() for _ in range(5)]
    refused: set[str] = set()
    taken = defaultdict(list)

    def answer(message: Message) -> bytes:
        if message.id not in refused:
            refused.add(message.id)
            return status(500)
        taken[message.subject].append(int(message.json["data"]["id"]))
        return OK

    async with Receiver(answer).listening() as receiver:
        await portal.subscribe(receiver.url)
        await happen(database, *(subjects * 4), client_id=portal.client_id)
        now = clock.now()
        for turn in range(12):
            with clock.frozen(now + timedelta(minutes=turn)):
                await database.execute("UPDATE webhook_endpoint SET rest_until = '-infinity', failures = 0,"
                                       " failing_since = NULL")  # fmt: skip
                await asyncio.gather(*(send_due(database) for _ in range(3)))
    assert Counter(status for _, status, _ in await deliveries(database)) == {"delivered": 20}
    assert [events == sorted(events) and len(events) for events in taken.values()] == [4] * 5


async def test_many_hands_on_of_the_feed_make_each_delivery_once(database: Database, keys_dir: Path) -> None:
    portal = await partner(database)
    await portal.subscribe("http://127.0.0.1:9000/x")
    await portal.subscribe("http://127.0.0.1:9000/y")
    posting = [happen(database, new_id(), client_id=portal.client_id) for _ in range(20)]
    await asyncio.gather(*posting, *(hand_on_events(database) for _ in range(20)))
    await happen(database, new_id(), client_id=portal.client_id)
    rows = await database.fetch("SELECT count(*) FROM webhook_delivery GROUP BY endpoint_id")
    assert [row[0] for row in rows] == [21, 21]


@pytest.mark.parametrize(("is_slow", "bound"), [(False, PER_ENDPOINT_MAX), (True, PER_SLOW_ENDPOINT_MAX)])
async def test_the_bound_of_an_endpoint_holds_across_workers(
    database: Database, keys_dir: Path, *, is_slow: bool, bound: int
) -> None:
    portal = await partner(database)
    await portal.subscribe("http://127.0.0.1:9000/x")
    await database.execute("UPDATE webhook_endpoint SET is_slow = $1", is_slow)
    await happen(database, *(new_id() for _ in range(100)), client_id=portal.client_id)
    leases = await asyncio.gather(*(BOX.claim(database, HANDLER, limit=20, lease_seconds=20) for _ in range(8)))
    taken = [position for lease in leases if lease for position in lease.letter_ids]
    assert len(taken) == len(set(taken)) == bound


WORK = """
import asyncio, sys
from pathlib import Path
from kernel.crypto import load_cipher
from kernel.db import open_database
from tests.factories.webhooks import make_sender, send_due

async def main():
    load_cipher(Path(sys.argv[2]))
    db = await open_database(sys.argv[1], max_size=3)
    await send_due(db, make_sender(db))

asyncio.run(main())
"""


async def test_a_worker_killed_between_sending_and_recording_sends_again_under_the_same_id(
    database: Database, database_url: str, keys_dir: Path
) -> None:
    portal = await partner(database)
    got = asyncio.Event()

    async def hang(_message: Message) -> bytes:
        got.set()
        await asyncio.sleep(60)
        return OK

    async with Receiver(hang).listening() as receiver:
        await portal.subscribe(receiver.url)
        await happen(database, new_id(), client_id=portal.client_id)
        worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORK, database_url, str(keys_dir), cwd=ROOT)
        try:
            async with asyncio.timeout(60):
                await got.wait()
        finally:
            worker.kill()
            await worker.wait()
        assert await deliveries(database) == [("appointment.moved", "pending", 1)]
        assert await send_due(database) is None, "it is leased still"
        receiver.answer = lambda _message: OK
        with clock.frozen(clock.now() + timedelta(seconds=31)):
            await send_due(database, make_sender(database))
    assert await deliveries(database) == [("appointment.moved", "delivered", 2)]
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)
