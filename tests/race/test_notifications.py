"""Many at once: counts never fall below nothing, and no message goes out twice."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from notifications import inbox
from notifications.delivering import fall_back, send_due
from notifications.ways import Ways, set_ways
from tests.factories.keys import write_keys
from tests.factories.notifications import NOON, Centre, at_night

pytestmark = pytest.mark.race
OFFER = "waitlist.offered"


@pytest.fixture
def centre(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    load_cipher(write_keys(tmp_path_factory.mktemp("keys")))
    with clock.frozen(NOON):
        yield Centre(database).connect()
    set_ways(Ways())


async def test_twenty_messages_and_seven_subscriptions(centre: Centre) -> None:
    person = await centre.person()
    account = await centre.account(person)
    await centre.use_template(OFFER)
    await centre.accept(account, 7)
    for number in range(20):
        await centre.tell(OFFER, person, key=f"offer:{number}")
    leases = [lease for _ in range(4) if (lease := await centre.lease_some(5)) is not None]
    await asyncio.gather(*(centre.worker().work(lease) for lease in leases))
    assert await centre.count_left(account) == 0
    assert len(centre.gateways.subscribed) == 7
    assert Counter(await centre.deliveries())["wechat", "failed", "no_quota"] == 13
    # The rest goes by telephone, each once.
    await centre.send()
    assert len(centre.gateways.texts) == 13


async def test_every_worker_works_on_every_lease(centre: Centre) -> None:
    person = await centre.person()
    await centre.account(person)
    for number in range(30):
        await centre.tell(OFFER, person, key=f"offer:{number}")
    lease = await centre.lease()
    assert lease is not None
    await asyncio.gather(*(centre.worker().work(lease) for _ in range(6)))
    assert len(centre.gateways.texts) == 30
    assert set(await centre.deliveries()) <= {("sms", "delivered", "accepted"), ("sms", "unknown", "lost")}


async def test_the_same_event_told_by_many(centre: Centre) -> None:
    person = await centre.person()
    account = await centre.account(person)
    made = await asyncio.gather(*(centre.tell(OFFER, person) for _ in range(8)))
    assert sorted(made) == [0] * 7 + [1]
    assert len(await centre.inbox(account)) == 1
    await centre.send()
    assert len(centre.gateways.texts) == 1


async def test_reading_races_with_falling_back(centre: Centre) -> None:
    person = await centre.person()
    account = await centre.account(person)
    await centre.use_template(OFFER)
    await centre.accept(account, 20)
    for number in range(20):
        await centre.tell(OFFER, person, key=f"offer:{number}")
    await centre.send()
    with clock.frozen(at_night(13)):
        await asyncio.gather(
            *(fall_back(centre.db) for _ in range(4)), inbox.mark_all_read(account, up_to=None), centre.send()
        )
        await centre.send()
    fallen = Counter(one[0] for one in await centre.deliveries())["sms"]
    assert len(centre.gateways.texts) <= fallen <= 20
    assert await centre.db.fetchval("SELECT count(*) FROM notification WHERE fallback_at IS NOT NULL") == 0


async def test_many_timetables_wake_a_delivery_once(centre: Centre) -> None:
    person = await centre.person()
    await centre.account(person)
    with clock.frozen(at_night(23)):
        for number in range(10):
            await centre.tell("payment.rejected", person, key=f"order:{number}")
    with clock.frozen(at_night(32)):
        assert sum(await asyncio.gather(*(send_due(centre.db) for _ in range(5)))) == 10
        await centre.send()
    assert len(centre.gateways.texts) == 10
