"""WeChat's mixed orders for insured bills: the real emulators of WeChat Pay and of the insurance, one password."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kernel.secrets import Secrets
from payments import attempts, merchants
from payments.bills.service import request_bill_refund
from payments.gateways.port import ChannelCode, RefundState, Scene
from payments.gateways.wechatpay.gateway import NotifyUrls, WechatPayGateway
from payments.insurance.alone import InsuranceGateway
from payments.insurance.mixed import MIX_TRADE_NO, set_mixed
from payments.orders import Order
from runtime.insurance import WechatMixedOrders
from runtime.sandbox_channels import describe_wechatpay_merchant
from tests.factories.his_billing import BLOOD_COUNT
from tests.factories.insured_bills import InsuredBills
from tests.factories.payments import CASHIER, PORTAL
from tests.factories.wechatpay import PAYER, Emulator

NOWHERE = "http://127.0.0.1:9/notifications"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator.up(tmp_path_factory.mktemp("wechatpay")) as emulator:
        yield emulator


@pytest.fixture
async def gateway(emulator: Emulator, insured: InsuredBills) -> AsyncIterator[WechatPayGateway]:
    """WeChat's own gateway beside the hospital's payments, and mixed orders by it."""
    gateway = emulator.gateway(urls=NotifyUrls(payments=NOWHERE, refunds=NOWHERE))
    builders: dict[ChannelCode, merchants.Builder] = {
        ChannelCode.WECHATPAY: lambda _merchant, _secrets: gateway,
        ChannelCode.INSURANCE: lambda merchant, _secrets: InsuranceGateway(
            merchant, lambda _account: insured.centre.client
        ),
    }
    merchants.set_gateways(merchants.Gateways(Secrets(Path("/nonexistent")), builders))
    async with insured.db.transaction() as tx:
        await merchants.stop_merchant(tx, insured.wechat.merchant.code, reason="another account", actor=CASHIER)
        await merchants.save_merchant(tx, describe_wechatpay_merchant(), campus_id=None, actor=CASHIER)
    mixed = WechatMixedOrders(gateway, name="广州示范医院", city_id="440100", notify_url=NOWHERE)
    set_mixed(lambda _merchant: mixed)
    yield gateway
    set_mixed(None)
    await gateway.close_connections()


async def begin(order: Order) -> attempts.Attempt:
    return await attempts.start_attempt(
        order.id, channel=ChannelCode.WECHATPAY, scene=Scene.MINI_PROGRAM, payer=PAYER, actor=PORTAL
    )


def at_wechat(emulator: Emulator, attempt: attempts.Attempt, act: str) -> Any:
    return emulator.control("POST", "/medical-payments", {"out_trade_no": attempt.attempt_no, "act": act})


async def posted(insured: InsuredBills) -> int:
    fen: int = await insured.db.fetchval(
        "SELECT coalesce(sum(amount_fen), 0)::bigint FROM ledger_posting WHERE account = 'revenue:outpatient_bill'"
    )
    return -fen


async def until_refunded(insured: InsuredBills, gateway: WechatPayGateway, attempt: attempts.Attempt) -> None:
    """Wait until WeChat has sent the cash back, and let the platform ask."""
    [refund] = await insured.rows("payment_refund")
    asked = {"refund_no": refund["refund_no"], "attempt_no": attempt.attempt_no}
    async with asyncio.timeout(60):
        while (await gateway.query_refund(**asked)).state is not RefundState.SUCCEEDED:
            await asyncio.sleep(0.02)
    await insured.pass_time(until=timedelta(minutes=1))


async def test_one_password_pays_both_and_wechat_hears_of_the_way_back(
    insured: InsuredBills, emulator: Emulator, gateway: WechatPayGateway
) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    order = await insured.share(bill)
    attempt = await begin(order)
    assert attempt.prepared is not None
    parameters = attempt.prepared["parameters"]
    assert isinstance(parameters, dict)
    assert parameters["package"].startswith("prepay_id=wx")
    # Cash alone, whatever the centre says: WeChat has not got both.
    await insured.agree(order, "insurance")
    at_wechat(emulator, attempt, "cash")
    await insured.pass_time(until=timedelta(minutes=1))
    assert (await insured.look(order)).status == "paid"
    at_wechat(emulator, attempt, "pay")
    await insured.pass_time(until=timedelta(minutes=2))
    assert ((await insured.look(order)).status, await posted(insured)) == ("settled", 2_000)
    share = await insured.db.fetchrow("SELECT * FROM insurance_share")
    assert share is not None
    assert (share["mix_trade_no"], share["mix_told_at"]) == (parameters[MIX_TRADE_NO], None)

    await request_bill_refund(order.id, None, reason="退费", actor=PORTAL)
    await insured.settle_down()
    await until_refunded(insured, gateway, attempt)
    assert ((await insured.look(order)).status, await posted(insured)) == ("refunded", 0)
    assert (await insured.at_centre(order))["insurance_back_fen"] == 1_600
    assert await insured.tend() == 1
    assert await insured.tend() == 0
    assert await insured.db.fetchval("SELECT mix_told_at IS NOT NULL FROM insurance_share")


async def test_a_mixed_order_that_fails_at_wechat_takes_the_insurance_back(
    insured: InsuredBills, emulator: Emulator, gateway: WechatPayGateway
) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    order = await insured.share(bill)
    attempt = await begin(order)
    await insured.agree(order, "insurance")
    at_wechat(emulator, attempt, "cash")
    at_wechat(emulator, attempt, "fail")
    await insured.pass_time(until=timedelta(minutes=1))
    await until_refunded(insured, gateway, attempt)
    assert (await insured.look(order)).status == "refunded"
    assert (await insured.at_centre(order))["insurance_back_fen"] == 1_600
