"""What a gateway has verified is stored once, handled by the worker, and never holds up another."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kernel import clock
from kernel.db import Database
from payments import inbox
from payments.gateways.port import FactSource, Notification, PaymentFact, RefundFact
from payments.inbox import fact_as_json, fact_from_json
from tests.factories.payments import CASHIER, PaymentsUnderTest

TYPE = "TRANSACTION.SUCCESS"


async def accept(payments: PaymentsUnderTest, *told: Notification) -> None:
    await asyncio.gather(*(inbox.accept_notification(payments.wechat.merchant, one) for one in told))


async def test_a_notification_is_stored_once_and_pays_the_order(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    told = Notification("E1", TYPE, payments.wechat.pay(attempt.attempt_no))

    await accept(payments, *[told] * 20)
    assert (await payments.look(order)).status == "open"
    await payments.settle_down()

    assert (await payments.look(order)).status == "settled"
    [row] = await payments.rows("payment_notification")
    assert (row["status"], row["outcome"], row["merchant_code"], row["tries"]) == ("applied", "paid", "wechat-main", 1)
    await payments.require_sound()


async def test_what_we_do_not_act_on_is_kept(payments: PaymentsUnderTest) -> None:
    await accept(payments, Notification("E1", "SOMETHING.NEW", None))
    await payments.settle_down()
    [row] = await payments.rows("payment_notification")
    assert (row["status"], row["fact"]) == ("ignored", None)


async def test_one_that_breaks_is_tried_again_and_holds_up_nobody(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    fact = payments.wechat.pay(attempt.attempt_no)
    # A transaction number longer than any: it can be told, and not be kept.
    broken = replace(fact, transaction_no="9" * 65)
    await accept(payments, Notification("E1", TYPE, broken), Notification("E2", TYPE, fact))
    await payments.settle_down()

    assert (await payments.look(order)).status == "settled"
    rows = {row["event_id"]: row for row in await payments.rows("payment_notification")}
    assert (rows["E2"]["status"], rows["E1"]["status"]) == ("applied", "pending")
    assert rows["E1"]["due_at"] > clock.machine_now()
    with clock.frozen(clock.now() + timedelta(hours=1)):
        for hour in range(inbox.TRIES_MAX):
            with clock.frozen(clock.now() + timedelta(hours=hour)):
                await payments.settle_down()
    [row] = [row for row in await payments.rows("payment_notification") if row["event_id"] == "E1"]
    assert (row["status"], row["tries"]) == ("dead", inbox.TRIES_MAX)
    async with payments.db.transaction() as tx:
        revived = [await inbox.revive_notification(tx, row["id"], reason="已修复", actor=CASHIER) for _ in range(2)]
    assert revived == [True, False]
    await payments.settle_down()
    [row] = [row for row in await payments.rows("payment_notification") if row["event_id"] == "E1"]
    assert (row["status"], row["tries"]) == ("pending", 1)


async def test_a_dead_workers_notifications_are_leased_again(payments: PaymentsUnderTest) -> None:
    await accept(payments, Notification("E1", "SOMETHING.NEW", None))
    box = inbox.BOX
    lease = await box.claim(payments.db, inbox.HANDLER, limit=10, lease_seconds=20)
    assert lease is not None
    assert await box.claim(payments.db, inbox.HANDLER, limit=10, lease_seconds=20) is None
    assert await box.count_leases(payments.db, inbox.HANDLER) == 1
    with clock.frozen(clock.now() + timedelta(seconds=21)):
        again = await box.claim(payments.db, inbox.HANDLER, limit=10, lease_seconds=20)
        assert again is not None
        assert await inbox.apply_batch(payments.db, lease) == 0
        assert await inbox.apply_batch(payments.db, again) == 1


async def test_given_back_untried(payments: PaymentsUnderTest) -> None:
    await accept(payments, Notification("E1", "SOMETHING.NEW", None))
    lease = await inbox.BOX.claim(payments.db, inbox.HANDLER, limit=10, lease_seconds=20)
    assert lease is not None
    await inbox.BOX.release(payments.db, lease, lease.letter_ids)
    [row] = await payments.rows("payment_notification")
    assert (row["tries"], row["lease_id"]) == (0, None)


async def test_facts_are_read_back_as_they_were_told(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    at = datetime(2026, 11, 25, 4, 0, 0, 123456, tzinfo=UTC)
    paid = replace(payments.wechat.pay(attempt.attempt_no), occurred_at=at)
    refund = payments.wechat.refund_fact("R1", attempt.attempt_no, 100, payments.wechat.refund_state)
    told: list[PaymentFact | RefundFact] = [paid, refund, replace(paid, occurred_at=None, source=FactSource.BILL)]
    for n, fact in enumerate(told):
        await accept(payments, Notification(f"E{n}", TYPE, fact))
    stored = [row["fact"] for row in await payments.rows("payment_notification")]
    assert [fact_from_json(one) for one in stored] == told
    assert fact_as_json(paid)["kind"] == "payment"


async def test_old_ones_are_forgotten(payments: PaymentsUnderTest, database: Database) -> None:
    await accept(payments, Notification("E1", "SOMETHING.NEW", None))
    soon = clock.now() + timedelta(minutes=1)
    assert await inbox.purge_notifications(database, before=soon) == 0
    await payments.settle_down()
    assert await inbox.purge_notifications(database, before=soon) == 1
