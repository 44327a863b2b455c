"""From the phone to the ledger and back, with Alipay's real wire between the core and the channel."""

from pathlib import Path
from uuid import UUID

import pytest

from kernel import clock
from kernel.secrets import Secrets
from payments import attempts, expiry, inbox, merchants, refunds
from payments.errors import ChannelSilent
from payments.gateways.port import ChannelCode, PaymentState, Scene
from payments.invariants import find_broken
from payments.refunds import Ask
from runtime.sandbox_channels import describe_alipay_merchant
from tests.factories.payments import PAYER, PORTAL, PaymentsUnderTest
from tests.service.payments.gateways.alipay.conftest import Shop


@pytest.fixture
async def wired(payments: PaymentsUnderTest, own_shop: Shop) -> PaymentsUnderTest:
    """A hospital whose one Alipay account is the emulator's."""
    async with payments.db.transaction() as tx:
        await tx.execute("UPDATE payment_merchant SET status = 'stopped', stopped_at = now() WHERE channel = 'alipay'")
        await merchants.save_merchant(tx, describe_alipay_merchant(), campus_id=None, actor=PORTAL)
    builders: dict[ChannelCode, merchants.Builder] = {ChannelCode.ALIPAY: lambda _merchant, _secrets: own_shop.gateway}
    merchants.set_gateways(merchants.Gateways(Secrets(Path("/nonexistent")), builders))
    return payments


async def start(order_id: UUID, scene: Scene = Scene.MINI_PROGRAM) -> attempts.Attempt:
    payer = PAYER if scene is Scene.MINI_PROGRAM else None
    return await attempts.start_attempt(order_id, channel=ChannelCode.ALIPAY, scene=scene, payer=payer, actor=PORTAL)


async def hear(payments: PaymentsUnderTest, shop: Shop) -> None:
    """Do with everything that came what the address for notifications does."""
    for headers, body in shop.alipay.listener.came:
        told = shop.gateway.read_notification(headers, body, now=clock.machine_now())
        await inbox.accept_notification(shop.gateway.merchant, told)
    await payments.settle_down()


async def test_a_payment_is_settled_once_and_sent_back_in_two_parts(wired: PaymentsUnderTest, own_shop: Shop) -> None:
    order = await wired.order(9000)
    await own_shop.process.fault("answer_lost")
    with pytest.raises(ChannelSilent):
        await start(order.id)
    attempt = await start(order.id)
    await own_shop.process.fault("notification_doubled")
    await own_shop.pay(attempt.attempt_no)
    await own_shop.wait_for_forms(attempt.attempt_no, 2)
    await hear(wired, own_shop)
    assert ((await wired.look(order)).status, wired.his.calls["settle"]) == ("settled", 1)

    for sent, fen in enumerate((4000, 5000), start=1):
        refund = await refunds.request_refund(order.id, amount_fen=fen, ask=Ask(reason="患者申请"), actor=PORTAL)
        await own_shop.process.fault("answer_lost")
        await wired.settle_down()
        # A refund is told at the address of payments; heard all over again it is no payment.
        await own_shop.wait_for_forms(attempt.attempt_no, 2 + sent)
        await hear(wired, own_shop)
        fact = await own_shop.gateway.query_refund(refund_no=refund.refund_no, attempt_no=attempt.attempt_no)
        assert fact.refund_fen == fen
    seen = await wired.look(order)
    assert (seen.refunded_fen, wired.his.calls["settle"]) == (9000, 1)
    assert await wired.db.fetchval("SELECT count(*) FROM payment_transaction") == 1
    assert await wired.db.fetchval("SELECT count(*) FROM payment_exception") == 0
    assert await find_broken(wired.db) == []


async def test_another_amount_fulfils_nothing(wired: PaymentsUnderTest, own_shop: Shop) -> None:
    order = await wired.order(9000)
    attempt = await start(order.id)
    await own_shop.process.ask("/pay", {"out_trade_no": attempt.attempt_no, "amount_fen": 1})
    await own_shop.wait_for_forms(attempt.attempt_no, 1)
    await hear(wired, own_shop)
    assert (await wired.look(order)).status not in ("paid", "settled")
    assert wired.his.calls["settle"] == 0
    assert await wired.db.fetchval("SELECT count(*) FROM payment_exception") == 1
    assert await find_broken(wired.db) == []


async def test_what_nobody_pays_is_closed_and_late_money_is_no_silence(
    wired: PaymentsUnderTest, own_shop: Shop
) -> None:
    order = await wired.order(9000)
    attempt = await start(order.id)
    await expiry.close_attempt(attempt.id)
    assert (await own_shop.gateway.query(attempt.attempt_no)).state is PaymentState.CLOSED
    assert [row["status"] for row in await wired.rows("payment_attempt")] == ["closed"]
    await own_shop.process.ask("/pay", {"out_trade_no": attempt.attempt_no, "late": True})
    await own_shop.wait_for_forms(attempt.attempt_no, 2)
    await hear(wired, own_shop)
    assert await wired.db.fetchval("SELECT sum(amount_fen) FROM payment_transaction") == 9000
    assert await find_broken(wired.db) == []


async def test_a_code_at_a_kiosk(wired: PaymentsUnderTest, own_shop: Shop) -> None:
    order = await wired.order()
    attempt = await start(order.id, Scene.NATIVE_CODE)
    assert attempt.prepared is not None
    body = {"qr_code": attempt.prepared["code_url"], "buyer_open_id": PAYER}
    trade = await own_shop.process.ask("/scan", body)
    await own_shop.process.ask("/pay", {"trade_no": trade["trade_no"]})
    await expiry.query_attempt(attempt.id)
    await wired.settle_down()
    assert (await wired.look(order)).status == "settled"
