"""What a partner sees of its deliveries, and having them again."""

from datetime import timedelta
from uuid import UUID

import pytest

from kernel import clock
from kernel.db import Database
from kernel.ids import new_id
from partners.webhooks import errors, history
from partners.webhooks.history import DeliveryFilter
from partners.webhooks.retries import DELAYS_SECONDS
from tests.factories.webhooks import OK, Partner, Receiver, deliveries, happen, partner, send_due, status


async def give_up(database: Database) -> None:
    """Let the next failure be the last."""
    await database.execute("UPDATE webhook_delivery SET tries = $1 WHERE status = 'pending'", len(DELAYS_SECONDS))
    await send_due(database)


async def test_everything_that_failed_since_goes_out_again(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    endpoint = await portal.subscribe(receiver.url)
    webhook = UUID(endpoint["id"])
    receiver.answer = lambda _message: status(500)
    early, late = new_id(), new_id()
    await happen(database, early, client_id=portal.client_id)
    await give_up(database)
    since = clock.now()
    await happen(database, late, client_id=portal.client_id)
    await give_up(database)
    assert [status for _, status, _ in await deliveries(database)] == ["failed", "failed"]

    receiver.answer = lambda _message: OK
    first_ids = {message.subject: message.id for message in receiver.got}
    assert await history.replay_failed(webhook, since=since, actor=portal.actor) == {"replayed": 1}
    assert await history.replay_failed(webhook, since=since, actor=portal.actor) == {"replayed": 0}
    await send_due(database)

    assert [(one.subject, one.id) for one in receiver.got[2:]] == [(late, first_ids[late])]
    assert [status for _, status, _ in await deliveries(database)] == ["failed", "delivered"]
    found = await history.list_deliveries(
        webhook, DeliveryFilter(status="failed"), actor=portal.actor, before=None, limit=10
    )
    assert [shown["subject_id"] for _, shown in found] == [str(early)]


async def test_what_was_delivered_can_be_had_again(database: Database, portal: Partner, receiver: Receiver) -> None:
    await portal.subscribe(receiver.url)
    await happen(database, new_id(), client_id=portal.client_id)
    await send_due(database)
    delivery = await database.fetchval("SELECT id FROM webhook_delivery")
    shown = await history.replay_delivery(delivery, actor=portal.actor)
    assert (shown["status"], shown["tries"]) == ("pending", 0)
    with pytest.raises(errors.DeliveryPending):
        await history.replay_delivery(delivery, actor=portal.actor)
    await send_due(database)
    first, second = receiver.got
    assert first.id == second.id == shown["message_id"]
    tries = await history.list_attempts(delivery, actor=portal.actor, after=None, limit=10)
    assert [one["outcome"] for _, one in tries] == ["delivered", "delivered"]
    assert len(await history.list_attempts(delivery, actor=portal.actor, after=tries[0][0], limit=10)) == 1


async def test_another_applications_deliveries_are_absent(
    database: Database, portal: Partner, receiver: Receiver
) -> None:
    endpoint = await portal.subscribe(receiver.url)
    await happen(database, new_id(), client_id=portal.client_id)
    await send_due(database)
    delivery = await database.fetchval("SELECT id FROM webhook_delivery")
    stranger = (await partner(database)).actor
    with pytest.raises(errors.DeliveryNotFound):
        await history.list_attempts(delivery, actor=stranger, after=None, limit=10)
    with pytest.raises(errors.DeliveryNotFound):
        await history.replay_delivery(delivery, actor=stranger)
    with pytest.raises(errors.WebhookNotFound):
        await history.list_deliveries(UUID(endpoint["id"]), DeliveryFilter(), actor=stranger, before=None, limit=10)
    with pytest.raises(errors.WebhookNotFound):
        await history.replay_failed(UUID(endpoint["id"]), since=clock.now() - timedelta(days=1), actor=stranger)
    assert await deliveries(database) == [("appointment.moved", "delivered", 1)]
