"""Sending: each message by one way at a time, never twice by one, and by the next when it has not reached anybody."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from kernel import clock
from kernel.boxes import Lease
from kernel.outbox import OUTBOX
from notifications import inbox
from notifications.delivering import fall_back, send_due
from notifications.planning import HANDLER
from notifications.ports import Handed, Outcome
from patients.accounts import UNUSED_AFTER
from tests.factories.notifications import NOON, Centre, at_night

OFFER = "waitlist.offered"


async def _offered(centre: Centre, *, accepted: int = 1) -> tuple[UUID, UUID]:
    person = await centre.person()
    account = await centre.account(person)
    await centre.use_template(OFFER)
    await centre.accept(account, accepted)
    await centre.tell(OFFER, person)
    return person, account


async def test_a_used_up_subscription_sets_the_count_right_and_falls_back(centre: Centre) -> None:
    _, account = await _offered(centre, accepted=5)
    centre.gateways.answers = [Handed("no_quota", "43101")]
    await centre.send()
    assert await centre.count_left(account) == 0
    await centre.send()
    assert await centre.deliveries() == [("wechat", "failed", "no_quota"), ("sms", "delivered", "accepted")]


async def test_without_any_count_wechat_is_not_asked(centre: Centre) -> None:
    _, account = await _offered(centre, accepted=1)
    await centre.db.execute("UPDATE notification_subscription SET count = 0")
    await centre.send()
    await centre.send()
    assert centre.gateways.subscribed == []
    assert await centre.deliveries() == [("wechat", "failed", "no_quota"), ("sms", "delivered", "accepted")]
    assert await centre.count_left(account) == 0


@pytest.mark.parametrize("outcome", ["bad_template", "bad_content"])
async def test_a_refused_template_waits_for_a_person_while_the_patient_hears_otherwise(
    centre: Centre, outcome: Outcome
) -> None:
    _, account = await _offered(centre)
    centre.gateways.answers = [Handed(outcome, "47003")]
    await centre.send()
    assert (await OUTBOX.count(centre.db, HANDLER)).dead == 1
    assert await centre.count_left(account) == 1
    await centre.send()
    assert await centre.deliveries() == [("wechat", "queued", outcome), ("sms", "delivered", "accepted")]

    # Mended by the hospital, and sent after all.
    letter = await centre.db.fetchval("SELECT id FROM outbox WHERE status = 'dead'")
    async with centre.db.transaction() as tx:
        assert await OUTBOX.revive(tx, letter)
    await centre.send()
    assert (await centre.deliveries())[0] == ("wechat", "delivered", "accepted")


async def test_a_busy_gateway_is_asked_again_and_no_count_is_lost(centre: Centre) -> None:
    _, account = await _offered(centre)
    centre.gateways.answers = [Handed("busy", "-1"), Handed("busy", "-1")]
    await centre.send()
    assert await centre.count_left(account) == 1
    assert await centre.send() == 0, "not before its time"
    for minutes in (1, 2):
        with clock.frozen(NOON + timedelta(minutes=minutes)):
            assert await centre.send() == 1
    assert await centre.deliveries() == [("wechat", "delivered", "accepted")]
    assert await centre.count_left(account) == 0
    outcomes = [row[0] for row in await centre.db.fetch("SELECT outcome FROM notification_attempt ORDER BY id")]
    assert outcomes == ["busy", "busy", "accepted"]


async def test_a_gateway_that_stays_busy_is_given_up_for_the_next_way(centre: Centre) -> None:
    await _offered(centre)
    centre.gateways.answers = [Handed("busy", "-1")] * 6
    for hours in range(6):
        with clock.frozen(NOON + timedelta(hours=hours)):
            assert await centre.send() == 1
    with clock.frozen(NOON + timedelta(hours=6)):
        await centre.send()
    assert await centre.deliveries() == [("wechat", "failed", "busy"), ("sms", "delivered", "accepted")]
    assert len(centre.gateways.subscribed) == 6


async def test_an_answer_that_was_lost_is_never_asked_for_twice(centre: Centre) -> None:
    await _offered(centre)
    centre.gateways.answers = [Handed("unknown", "timeout")]
    await centre.send()
    assert await centre.deliveries() == [("wechat", "unknown", "unknown")]
    assert await centre.send() == 0
    # Nobody has read it, so it goes by telephone in its time.
    with clock.frozen(NOON + timedelta(minutes=6)):
        assert await fall_back(centre.db) == 1
        await centre.send()
    assert len(centre.gateways.subscribed) == 1
    assert len(centre.gateways.texts) == 1


async def test_a_worker_that_dies_in_the_middle_sends_nothing_twice(centre: Centre) -> None:
    await _offered(centre)
    centre.gateways.stop = asyncio.Event()
    lease = await centre.lease()
    assert lease is not None
    dying = asyncio.create_task(centre.worker().work(lease))
    await centre.gateways.begun.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await centre.deliveries() == [("wechat", "sending", None)]

    centre.gateways.stop = None
    with clock.frozen(NOON + timedelta(minutes=2)):
        assert await centre.send() == 1
        assert await centre.deliveries() == [("wechat", "unknown", "lost")]
    assert len(centre.gateways.subscribed) == 1
    assert await centre.db.fetchval("SELECT count(*) FROM outbox WHERE status <> 'done'") == 0


async def test_a_worker_that_comes_back_late_changes_nothing(centre: Centre) -> None:
    await _offered(centre)
    centre.gateways.stop = asyncio.Event()
    lease = await centre.lease()
    assert lease is not None
    slow = asyncio.create_task(centre.worker().work(lease))
    await centre.gateways.begun.wait()
    with clock.frozen(NOON + timedelta(minutes=2)):
        assert await centre.send() == 1
    centre.gateways.stop.set()
    await slow
    assert await centre.deliveries() == [("wechat", "unknown", "lost")]
    assert len(centre.gateways.subscribed) == 1


async def test_a_lease_given_twice_sends_once(centre: Centre) -> None:
    await _offered(centre)
    lease = await centre.lease()
    assert lease is not None
    again = Lease(lease.id, lease.letter_ids)
    await asyncio.gather(centre.worker().work(lease), centre.worker().work(again))
    assert len(centre.gateways.subscribed) == 1


async def test_what_was_read_is_not_sent_any_more(centre: Centre) -> None:
    _, account = await _offered(centre)
    message = await centre.db.fetchval("SELECT id FROM notification")
    await inbox.mark_read(account, message)
    await centre.send()
    assert await centre.deliveries() == [("wechat", "dropped", "read")]
    assert centre.gateways.subscribed == []


async def test_unread_important_messages_go_by_the_next_way_in_their_time(centre: Centre) -> None:
    await _offered(centre)
    await centre.send()
    assert await fall_back(centre.db) == 0
    # The timetable comes hours late: what is due is due.
    with clock.frozen(NOON + timedelta(hours=5)):
        assert await fall_back(centre.db) == 1
        assert await fall_back(centre.db) == 0
        await centre.send()
    assert await centre.deliveries() == [("wechat", "delivered", "accepted"), ("sms", "delivered", "accepted")]


async def test_read_ones_do_not_fall_back(centre: Centre) -> None:
    _, account = await _offered(centre)
    await centre.send()
    await inbox.mark_all_read(account, up_to=None)
    with clock.frozen(NOON + timedelta(hours=1)):
        assert await fall_back(centre.db) == 0


async def test_what_has_become_useless_is_not_sent(centre: Centre) -> None:
    person = await centre.person()
    await centre.account(person)
    await centre.tell(OFFER, person, until=NOON + timedelta(minutes=30))
    with clock.frozen(NOON + timedelta(minutes=31)):
        await centre.send()
    assert await centre.deliveries() == [("sms", "dropped", "too_late")]
    assert centre.gateways.texts == []


async def test_whoever_was_unbound_meanwhile_is_sent_nothing(centre: Centre) -> None:
    await _offered(centre)
    await centre.db.execute("UPDATE patient_account_member SET ended_at = $1", clock.now())
    await centre.send()
    assert await centre.deliveries() == [("wechat", "dropped", "not_concerned")]
    assert centre.gateways.subscribed == []


async def test_at_night_what_can_wait_waits_until_the_morning(centre: Centre) -> None:
    person = await centre.person()
    await centre.account(person)
    with clock.frozen(at_night(23, 59)):
        await centre.tell("stop.cancelled", person, until=at_night(24 + 14))
        assert await send_due(centre.db) == 0
        assert await centre.send() == 0
    with clock.frozen(at_night(24 + 7, 29)):
        assert await send_due(centre.db) == 0
    with clock.frozen(at_night(24 + 7, 30)):
        assert await send_due(centre.db) == 1
        assert await centre.send() == 1
    assert await centre.deliveries() == [("sms", "delivered", "accepted")]


async def test_at_night_a_stop_of_the_early_morning_passes(centre: Centre) -> None:
    person = await centre.person()
    await centre.account(person)
    with clock.frozen(at_night(24, 1)):
        await centre.tell("stop.cancelled", person, until=at_night(24 + 7))
        assert await centre.send() == 1
    assert len(centre.gateways.texts) == 1


async def test_an_offer_passes_and_a_letter_that_was_late_waits(centre: Centre) -> None:
    person = await centre.person()
    await centre.account(person)
    with clock.frozen(at_night(21, 59)):
        await centre.tell("stop.cancelled", person, key="a", until=at_night(24 + 14))
    with clock.frozen(at_night(22, 1)):
        await centre.tell(OFFER, person, key="b")
        await centre.send()
    assert sorted(await centre.deliveries()) == [("sms", "delivered", "accepted"), ("sms", "waiting", None)]


async def test_a_number_that_may_have_been_given_out_anew_is_sent_nothing(centre: Centre) -> None:
    person = await centre.person()
    await centre.account(person)
    with clock.frozen(clock.now() + UNUSED_AFTER + timedelta(days=1)):
        await centre.tell(OFFER, person)
        await centre.send()
    assert await centre.deliveries() == [("sms", "failed", "no_receiver")]
    assert centre.gateways.texts == []


async def test_own_quiet_hours_go_before_the_hospitals(centre: Centre) -> None:
    person = await centre.person()
    account = await centre.account(person)
    await centre.db.execute(
        "INSERT INTO notification_quiet_hours VALUES ($1, '12:00', '13:00')",
        account,
    )
    await centre.tell("payment.rejected", person)
    assert [one[1] for one in await centre.deliveries()] == ["waiting"]
    with clock.frozen(at_night(23)):
        assert await send_due(centre.db) == 1
        await centre.send()
    assert [one[1] for one in await centre.deliveries()] == ["delivered"]


async def test_a_gateway_that_breaks_is_not_asked_again(centre: Centre) -> None:
    await _offered(centre)

    centre.gateways.breaks = True
    await centre.send()
    assert await centre.deliveries() == [("wechat", "unknown", "unknown")]
