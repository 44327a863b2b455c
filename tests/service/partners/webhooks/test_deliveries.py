"""What happens reaches the addresses that asked for it: signed, once, in order, and again when it was not taken."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from kernel import clock
from kernel.db import Database
from kernel.ids import new_id
from partners.webhooks import endpoints, health
from partners.webhooks.addresses import Policy, Resolver
from partners.webhooks.claims import BOX, HANDLER, purge_deliveries
from partners.webhooks.retries import DELAYS_SECONDS
from tests.factories.webhooks import (
    OK,
    Message,
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


def verified(secret: str, message: Message) -> Any:
    """What a receiver with the specification's own library reads."""
    return Webhook(secret).verify(message.body, message.headers)


async def test_an_event_arrives_signed(database: Database, portal: Partner, receiver: Receiver) -> None:
    endpoint = await portal.subscribe(receiver.url, "appointment.*")
    subject = new_id()
    await happen(database, subject, client_id=portal.client_id)

    report = await send_due(database)

    assert report is not None
    assert (report.delivered, report.failed) == (1, 0)
    [message] = receiver.got
    told = verified(endpoint["secret"], message)
    event_id = await database.fetchval("SELECT id FROM booking_notice")
    assert told["type"] == "appointment.moved"
    assert told["data"] == {"id": str(event_id), "subject_id": str(subject), "facts": {"n": 1}}
    assert await deliveries(database) == [("appointment.moved", "delivered", 1)]
    with pytest.raises(WebhookVerificationError):
        verified("whsec_" + "A" * 43 + "=", message)
    changed = Message(message.headers, message.body.replace(b"moved", b"noved"))
    with pytest.raises(WebhookVerificationError):
        verified(endpoint["secret"], changed)


async def test_only_what_was_asked_for_and_concerns_the_application(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    other = await partner(database)
    unscoped = await partner(database, scopes=["webhooks.manage"])
    await portal.subscribe(receiver.url, "schedule.*", "appointment.moved")
    await unscoped.subscribe(receiver.url)
    mine, theirs, everybodys, unasked = (new_id() for _ in range(4))
    await happen(database, mine, client_id=portal.client_id)
    await happen(database, theirs, client_id=other.client_id)
    await happen(database, everybodys, client_id=None, kind="schedule.stopped")
    await happen(database, unasked, client_id=portal.client_id, kind="appointment.cancelled")

    await send_due(database)

    assert [message.subject for message in receiver.got] == [mine, everybodys]


async def test_what_happened_before_is_not_told(database: Database, portal: Partner, receiver: Receiver) -> None:
    await portal.subscribe(receiver.url)
    await happen(database, new_id(), client_id=portal.client_id, at=clock.now() - timedelta(seconds=60))
    assert await deliveries(database) == []


async def test_what_is_not_taken_comes_again_under_the_same_id(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    endpoint = await portal.subscribe(receiver.url)
    receiver.answer = lambda _message: status(500, "no\x07 such <b>luck</b>\n" + "x" * 500)
    await happen(database, new_id(), client_id=portal.client_id)
    await send_due(database)
    assert await send_due(database) is None, "it waits"
    assert (await portal.endpoint(endpoint["id"]))["failures"] == 1

    receiver.answer = lambda _message: OK
    with clock.frozen(clock.now() + timedelta(seconds=6)):
        await send_due(database)
        assert await deliveries(database) == [("appointment.moved", "delivered", 2)]
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)
    assert int(second.headers["webhook-timestamp"]) >= int(first.headers["webhook-timestamp"]) + 5
    row = await database.fetchrow("SELECT outcome, status_code, answer FROM webhook_attempt ORDER BY id LIMIT 1")
    assert row is not None
    assert tuple(row)[:2] == ("refused", 500)
    assert row["answer"].startswith("no  such <b>luck</b> xxx")
    assert len(row["answer"]) == 200
    shown = await portal.endpoint(endpoint["id"])
    assert (shown["failures"], shown["failing_since"]) == (0, None)


async def test_tries_are_spread_over_three_days_and_then_end(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    endpoint = await portal.subscribe(receiver.url)
    receiver.answer = lambda _message: status(503)
    await happen(database, new_id(), client_id=portal.client_id)
    began = now = clock.now()
    for _ in DELAYS_SECONDS:
        with clock.frozen(now):
            await send_due(database)
        now = await database.fetchval("SELECT due_at FROM webhook_delivery")
        await database.execute("UPDATE webhook_endpoint SET rest_until = '-infinity'")
    assert timedelta(days=2.5) < now - began < timedelta(days=3)
    with clock.frozen(now):
        await send_due(database)
    assert await deliveries(database) == [("appointment.moved", "failed", len(DELAYS_SECONDS) + 1)]
    assert (await portal.endpoint(endpoint["id"]))["status"] == "active"


async def test_one_subjects_messages_keep_their_order(database: Database, portal: Partner, receiver: Receiver) -> None:
    await portal.subscribe(receiver.url)
    first, other = new_id(), new_id()
    receiver.answer = lambda message: status(500) if message.subject == first else OK
    await happen(database, first, first, other, client_id=portal.client_id)
    await send_due(database)
    assert sorted(message.subject for message in receiver.got) == sorted([first, other]), "the second about it waits"

    receiver.answer = lambda _message: OK
    with clock.frozen(clock.now() + timedelta(seconds=6)):
        await send_due(database)
    ids = [int(message.json["data"]["id"]) for message in receiver.got if message.subject == first]
    assert ids[0] == ids[1] < ids[2]
    assert len(receiver.got) == 4


async def test_a_receiver_that_hangs_holds_nobody_else_up(database: Database, portal: Partner) -> None:
    """The fast one gets all that comes while the other has not answered its first."""
    released, fast_subjects = asyncio.Event(), [new_id() for _ in range(100)]

    async def hang(_message: Message) -> bytes:
        await released.wait()
        return OK

    async with Receiver(hang).listening() as slow, Receiver().listening() as fast:
        await portal.subscribe(slow.url, "hold.*")
        await portal.subscribe(fast.url, "appointment.*")
        await happen(database, *(new_id() for _ in range(100)), client_id=portal.client_id, kind="hold.stopped")
        await happen(database, *fast_subjects[:50], client_id=portal.client_id)
        work = asyncio.create_task(send_due(database))
        while len(fast.got) < 50:
            await asyncio.sleep(0.01)
        await happen(database, *fast_subjects[50:], client_id=portal.client_id)
        while len(fast.got) < 100:
            await asyncio.sleep(0.01)
        assert not released.is_set()
        assert 0 < slow.at_once_max <= 64
        released.set()
        await work
    assert {message.subject for message in fast.got} == set(fast_subjects)


@pytest.mark.parametrize(
    ("answer", "outcome", "status_code"),
    [
        (status(200, "fine"), "delivered", 200),
        (status(302, "", "location: http://127.0.0.1:1/"), "redirected", 302),
        (status(404), "refused", 404),
        (status(410), "gone", 410),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "delivered", 204),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"y" * 100_000, "delivered", 200),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, "answer_unreadable", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "answer_unreadable", None),
    ],
)
async def test_every_answer_has_an_outcome(
    database: Database, portal: Partner, receiver: Receiver, answer: bytes, outcome: str, status_code: int | None
) -> None:
    await portal.subscribe(receiver.url)
    receiver.answer = lambda _message: answer
    await happen(database, new_id(), client_id=portal.client_id)
    await send_due(database)
    row = await database.fetchrow("SELECT outcome, status_code FROM webhook_attempt")
    assert row is not None
    assert tuple(row) == (outcome, status_code)
    assert len(receiver.got) == 1


async def test_gone_disables_and_is_told(database: Database, portal: Partner, receiver: Receiver) -> None:
    endpoint = await portal.subscribe(receiver.url, "appointment.*")
    async with Receiver().listening() as second:
        await portal.subscribe(second.url, "webhook.*")
        receiver.answer = lambda _message: status(410)
        await happen(database, new_id(), client_id=portal.client_id)
        await send_due(database)
        shown = await portal.endpoint(endpoint["id"])
        assert (shown["status"], shown["reason"]) == ("disabled", "gone")
        await happen(database, new_id(), client_id=portal.client_id)
        await send_due(database)
        assert len(receiver.got) == 1, "nothing more goes there"
        [told] = second.got
        assert (told.json["type"], told.json["data"]["facts"]) == ("webhook.disabled", {"reason": "gone"})
        assert told.subject == UUID(endpoint["id"])

    receiver.answer = lambda _message: OK
    again = await endpoints.change_endpoint(
        UUID(endpoint["id"]), {"status": "active"}, resolver=Resolver(Policy(loopback=True)), actor=portal.actor
    )
    assert (again["status"], again["reason"], again["failures"]) == ("active", None, 0)
    with clock.frozen(clock.now() + timedelta(seconds=6)):
        await send_due(database)
    assert len(receiver.got) == 3, "what has waited goes out"


async def test_long_failure_disables_and_is_told(database: Database, portal: Partner, receiver: Receiver) -> None:
    endpoint = await portal.subscribe(receiver.url)
    receiver.answer = lambda _message: status(500)
    now = clock.now()
    await happen(database, *(new_id() for _ in range(health.FAILURES_UNTIL_REST)), client_id=portal.client_id)
    for _ in range(health.FAILURES_UNTIL_REST):
        await send_due(database)
    shown = await portal.endpoint(endpoint["id"])
    assert (shown["status"], shown["failures"]) == ("active", health.FAILURES_UNTIL_REST)
    assert await database.fetchval("SELECT rest_until > $1 FROM webhook_endpoint", now)
    with clock.frozen(now + health.FAILING_UNTIL_DISABLED + timedelta(hours=1)):
        await send_due(database)
        shown = await portal.endpoint(endpoint["id"])
        assert (shown["status"], shown["reason"]) == ("disabled", "failing")
        assert await send_due(database) is None
    assert await database.fetchval("SELECT count(*) FROM booking_notice WHERE kind = 'webhook.disabled'") == 1


async def test_a_paused_endpoint_gets_all_later(database: Database, portal: Partner, receiver: Receiver) -> None:
    endpoint = await portal.subscribe(receiver.url)
    resolver = Resolver(Policy(loopback=True))
    await endpoints.change_endpoint(UUID(endpoint["id"]), {"status": "paused"}, resolver=resolver, actor=portal.actor)
    subjects = [new_id() for _ in range(3)]
    await happen(database, *subjects, client_id=portal.client_id)
    assert await send_due(database) is None
    await endpoints.change_endpoint(UUID(endpoint["id"]), {"status": "active"}, resolver=resolver, actor=portal.actor)
    await send_due(database)
    assert {message.subject for message in receiver.got} == set(subjects)


async def test_a_suspended_application_is_told_nothing(database: Database, portal: Partner, receiver: Receiver) -> None:
    await portal.subscribe(receiver.url)
    await happen(database, new_id(), client_id=portal.client_id)
    await database.execute("UPDATE oauth_client SET status = 'suspended' WHERE id = $1", portal.client_id)
    assert await send_due(database) is None
    assert receiver.got == []


@pytest.mark.parametrize("by", ["door", "application"])
async def test_a_stopped_application_hears_of_it_once_it_is_let_in_again(
    database: Database, portal: Partner, receiver: Receiver, by: str
) -> None:
    await portal.subscribe(receiver.url)
    subject = new_id()
    await happen(database, subject, client_id=portal.client_id)
    if by == "door":
        stop = (
            "INSERT INTO application_gate (client_id, stopped, stop_reason, stopped_at) VALUES ($1, true, 'r', now())"
        )
        let_in = "DELETE FROM application_gate WHERE client_id = $1"
    else:
        stop = (
            "INSERT INTO partner_application (id, name, organisation, purpose, contacts, scopes, status, client_id,"
            " created_at, updated_at)"
            " VALUES (gen_random_uuid(), 'n', 'o', 'p', '', '{s}', 'suspended', $1, now(), now())"
        )
        let_in = "UPDATE partner_application SET status = 'live' WHERE client_id = $1"
    await database.execute(stop, portal.client_id)
    assert await send_due(database) is None
    assert receiver.got == []
    await database.execute(let_in, portal.client_id)
    await send_due(database)
    assert [message.subject for message in receiver.got] == [subject]


async def test_while_a_secret_is_exchanged_both_sign(database: Database, portal: Partner, receiver: Receiver) -> None:
    old = await portal.subscribe(receiver.url)
    new = await endpoints.rotate_secret(UUID(old["id"]), overlap_hours=2, actor=portal.actor)
    assert new["secret"] != old["secret"]
    await endpoints.send_test(UUID(old["id"]), actor=portal.actor)
    await send_due(database)
    [message] = receiver.got
    assert verified(old["secret"], message) == verified(new["secret"], message)
    assert message.json["type"] == "webhook.test"

    now = clock.now() + timedelta(hours=2, seconds=1)
    with clock.frozen(now):
        await endpoints.send_test(UUID(old["id"]), actor=portal.actor)
        await send_due(database)
    late = receiver.got[1]
    assert len(late.headers["webhook-signature"].split()) == 1
    newest = await endpoints.rotate_secret(UUID(old["id"]), overlap_hours=0, actor=portal.actor)
    await endpoints.send_test(UUID(old["id"]), actor=portal.actor)
    await send_due(database)
    assert verified(newest["secret"], receiver.got[2])["type"] == "webhook.test"
    with pytest.raises(WebhookVerificationError):
        verified(new["secret"], receiver.got[2])


async def test_a_late_worker_finishes_nothing(database: Database, portal: Partner, receiver: Receiver) -> None:
    """A lease that has ended is another's: the first worker's result does not touch the delivery any more."""
    await portal.subscribe(receiver.url)
    await happen(database, new_id(), client_id=portal.client_id)
    late = await BOX.claim(database, HANDLER, limit=10, lease_seconds=20)
    assert late is not None
    with clock.frozen(clock.now() + timedelta(seconds=21)):
        other = await BOX.claim(database, HANDLER, limit=10, lease_seconds=20)
        assert other is not None
        assert other.letter_ids == late.letter_ids
        await make_sender(database).work(late)
        assert receiver.got == []
        await make_sender(database).work(other)
    assert len(receiver.got) == 1
    assert await deliveries(database) == [("appointment.moved", "delivered", 2)]


async def test_old_deliveries_are_forgotten_with_their_tries(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    await portal.subscribe(receiver.url)
    await happen(database, new_id(), client_id=portal.client_id)
    await send_due(database)
    assert await purge_deliveries(database, before=clock.now() - timedelta(days=1)) == 0
    assert await purge_deliveries(database, before=clock.now() + timedelta(seconds=1)) == 1
    assert await outcomes(database) == []
