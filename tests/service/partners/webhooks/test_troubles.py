"""A sandbox's faults of deliveries: what is lost is found in the record and brought by a replay; what is doubled comes
twice under one id."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kernel import clock
from kernel.db import Database
from kernel.ids import new_id
from partners.sandbox.faults import allow_faults
from partners.webhooks import history
from partners.webhooks.sender import Sender
from partners.webhooks.troubles import Troubles
from tests.factories.webhooks import (
    Partner,
    Receiver,
    deliveries,
    happen,
    make_sender,
    outcomes,
    partner,
    send_due,
    status,
)


@pytest.fixture(autouse=True)
def _sandbox() -> Iterator[None]:
    allow_faults(allowed=True)
    yield
    allow_faults(allowed=False)


def sandbox_sender(db: Database) -> Sender:
    return make_sender(db, troubles=Troubles(db))


async def wait_for(db: Database, client_id: str, kind: str, *, calls: int = 1, event_type: str | None = None) -> UUID:
    """Let a fault wait for an application's deliveries."""
    fault_id, now = new_id(), clock.now()
    await db.execute(
        "INSERT INTO sandbox_fault (id, client_id, kind, event_type, calls, ends_at, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        fault_id,
        client_id,
        kind,
        event_type,
        calls,
        now + timedelta(minutes=10),
        now,
    )
    return fault_id


async def endpoint_of(portal: Partner, endpoint: dict[str, Any]) -> dict[str, Any]:
    return await portal.endpoint(endpoint["id"])


async def test_a_lost_one_never_arrives_until_it_is_asked_for(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    endpoint = await portal.subscribe(receiver.url)
    fault = await wait_for(database, portal.client_id, "webhook_lost")
    subject = new_id()
    await happen(database, subject, subject, client_id=portal.client_id)

    sender = sandbox_sender(database)
    await send_due(database, sender)
    await send_due(database, sender)

    assert len(receiver.got) == 1, "the first about the subject is lost, and does not hold up the second"
    assert await deliveries(database) == [("appointment.moved", "failed", 1), ("appointment.moved", "delivered", 1)]
    assert await outcomes(database) == ["lost", "delivered"]
    assert (await endpoint_of(portal, endpoint))["failures"] == 0, "its receiver has done nothing wrong"
    assert await database.fetchval("SELECT status FROM sandbox_fault WHERE id = $1", fault) == "used_up"
    assert await database.fetchval("SELECT count(*) FROM booking_notice") == 2, "the feed has both"

    answer = await history.replay_failed(
        UUID(endpoint["id"]), since=clock.now() - timedelta(hours=1), actor=portal.actor
    )
    assert answer == {"replayed": 1}
    await send_due(database, sender)
    assert len(receiver.got) == 2
    assert receiver.got[0].id != receiver.got[1].id


async def test_only_lost_ones_say_nothing_of_their_receiver(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    receiver.answer = lambda _message: status(500)
    endpoint = await portal.subscribe(receiver.url)
    await wait_for(database, portal.client_id, "webhook_lost", calls=2)
    await happen(database, *(new_id() for _ in range(3)), client_id=portal.client_id)
    await send_due(database, sandbox_sender(database))
    assert sorted(await outcomes(database)) == ["lost", "lost", "refused"]
    assert (await endpoint_of(portal, endpoint))["failures"] == 1


async def test_a_doubled_one_comes_twice_under_one_id(database: Database, portal: Partner, receiver: Receiver) -> None:
    await portal.subscribe(receiver.url)
    fault = await wait_for(database, portal.client_id, "webhook_doubled", calls=3)
    await happen(database, new_id(), client_id=portal.client_id)

    sender = sandbox_sender(database)
    for _ in range(3):
        await send_due(database, sender)

    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)
    assert await deliveries(database) == [("appointment.moved", "delivered", 2)]
    assert await outcomes(database) == ["delivered", "delivered"]
    assert await database.fetchval("SELECT struck FROM sandbox_fault WHERE id = $1", fault) == 1


async def test_only_the_application_and_the_type_of_event_that_are_meant(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    other = await partner(database)
    await portal.subscribe(receiver.url)
    await other.subscribe(receiver.url)
    await wait_for(database, portal.client_id, "webhook_lost", calls=50, event_type="appointment.stopped")
    mine, lost, theirs = new_id(), new_id(), new_id()
    await happen(database, mine, client_id=portal.client_id)
    await happen(database, lost, client_id=portal.client_id, kind="appointment.stopped")
    await happen(database, theirs, client_id=other.client_id, kind="appointment.stopped")

    await send_due(database, sandbox_sender(database))

    assert {message.subject for message in receiver.got} == {mine, theirs}


async def test_faults_are_learned_of_within_a_second_and_end_by_the_clock(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    await portal.subscribe(receiver.url)
    fault = await wait_for(database, portal.client_id, "webhook_lost", calls=50)
    sender = sandbox_sender(database)
    await happen(database, new_id(), client_id=portal.client_id)
    await send_due(database, sender)
    assert receiver.got == []
    await database.execute("UPDATE sandbox_fault SET ends_at = created_at WHERE id = $1", fault)
    await happen(database, new_id(), client_id=portal.client_id)
    await send_due(database, sender)
    assert len(receiver.got) == 1, "though the sender still remembers the fault"


async def test_a_production_loses_nothing(database: Database, portal: Partner, receiver: Receiver) -> None:
    allow_faults(allowed=False)
    await portal.subscribe(receiver.url)
    fault = await wait_for(database, portal.client_id, "webhook_lost", calls=50)
    await happen(database, new_id(), client_id=portal.client_id)
    await send_due(database, make_sender(database))
    assert len(receiver.got) == 1
    # Nor would a sender that were given faults by mistake.
    await happen(database, new_id(), client_id=portal.client_id)
    with pytest.raises(AssertionError):
        await send_due(database, sandbox_sender(database))
    assert await database.fetchval("SELECT struck FROM sandbox_fault WHERE id = $1", fault) == 0
