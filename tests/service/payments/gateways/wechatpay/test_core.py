"""From the phone to the ledger and back, with the real wire between the core and the channel."""

from datetime import timedelta
from pathlib import Path

import pytest

from kernel import clock
from kernel.secrets import Secrets
from payments import attempts, expiry, inbox, merchants, refunds
from payments.errors import ChannelSilent
from payments.gateways.port import ChannelCode, PaymentState, Scene
from payments.gateways.wechatpay.gateway import WechatPayGateway
from payments.invariants import find_broken
from payments.refunds import Ask
from runtime.sandbox_channels import describe_wechatpay_merchant
from tests.factories.payments import PAYER, PORTAL, PaymentsUnderTest
from tests.factories.wechatpay import Emulator, Listener


@pytest.fixture
async def wired(payments: PaymentsUnderTest, gateway: WechatPayGateway) -> PaymentsUnderTest:
    """A hospital whose one WeChat Pay account is the emulator's."""
    async with payments.db.transaction() as tx:
        await tx.execute(
            "UPDATE payment_merchant SET status = 'stopped', stopped_at = now() WHERE channel = 'wechatpay'"
        )
        await merchants.save_merchant(tx, describe_wechatpay_merchant(), campus_id=None, actor=PORTAL)
    builders: dict[ChannelCode, merchants.Builder] = {ChannelCode.WECHATPAY: lambda _merchant, _secrets: gateway}
    merchants.set_gateways(merchants.Gateways(Secrets(Path("/nonexistent")), builders))
    return payments


async def hear(payments: PaymentsUnderTest, gateway: WechatPayGateway, listener: Listener) -> None:
    """Do with everything that came what the address for notifications does."""
    for one in listener.came:
        told = gateway.read_notification(one.headers, one.body, now=clock.machine_now())
        await inbox.accept_notification(gateway.merchant, told)
    await payments.settle_down()


async def test_a_payment_is_settled_once_and_sent_back(
    wired: PaymentsUnderTest, gateway: WechatPayGateway, emulator: Emulator, listener: Listener
) -> None:
    order = await wired.order(9000)
    emulator.fault("answer_lost")
    with pytest.raises(ChannelSilent):
        await wired.attempt(order)
    attempt = await wired.attempt(order)
    assert attempt.prepared is not None
    emulator.fault("notification_doubled")
    emulator.pay(attempt.attempt_no)
    await listener.wait_for(2)
    await hear(wired, gateway, listener)
    assert ((await wired.look(order)).status, wired.his.calls["settle"]) == ("settled", 1)

    refund = await refunds.request_refund(order.id, amount_fen=4000, ask=Ask(reason="患者申请"), actor=PORTAL)
    emulator.fault("answer_lost")
    await wired.settle_down()
    emulator.advance(timedelta(seconds=2))
    await listener.wait_for(3)
    await hear(wired, gateway, listener)
    seen = await wired.look(order)
    assert (seen.status, seen.refunded_fen) == ("settled", 4000)
    fact = await gateway.query_refund(refund_no=refund.refund_no, attempt_no=attempt.attempt_no)
    assert fact.refund_fen == 4000
    assert await find_broken(wired.db) == []


async def test_another_amount_fulfils_nothing(
    wired: PaymentsUnderTest, gateway: WechatPayGateway, emulator: Emulator, listener: Listener
) -> None:
    order = await wired.order(9000)
    attempt = await wired.attempt(order)
    emulator.pay(attempt.attempt_no, amount_fen=1)
    await listener.wait_for(1)
    await hear(wired, gateway, listener)
    assert (await wired.look(order)).status not in ("paid", "settled")
    assert wired.his.calls["settle"] == 0
    assert await wired.db.fetchval("SELECT count(*) FROM payment_exception") == 1
    assert await find_broken(wired.db) == []


async def test_what_nobody_pays_is_closed_at_the_channel(wired: PaymentsUnderTest, gateway: WechatPayGateway) -> None:
    attempt = await wired.attempt(await wired.order())
    assert attempt.status == "prepared"
    await expiry.close_attempt(attempt.id)
    assert (await gateway.query(attempt.attempt_no)).state is PaymentState.CLOSED
    rows = await wired.rows("payment_attempt")
    assert [row["status"] for row in rows] == ["closed"]


async def test_a_code_at_a_kiosk(wired: PaymentsUnderTest, emulator: Emulator) -> None:
    order = await wired.order()
    attempt = await attempts.start_attempt(
        order.id, channel=ChannelCode.WECHATPAY, scene=Scene.NATIVE_CODE, payer=None, actor=PORTAL
    )
    assert attempt.prepared is not None
    emulator.control("POST", "/payments", {"code_url": attempt.prepared["code_url"], "openid": PAYER})
    await expiry.query_attempt(attempt.id)
    await wired.settle_down()
    assert (await wired.look(order)).status == "settled"
