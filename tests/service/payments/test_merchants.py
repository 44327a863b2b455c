"""Accounts are found by channel and campus, and their keys lie elsewhere."""

from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from kernel import clock
from kernel.audit import ChangeFilter, list_changes
from kernel.ids import new_id
from kernel.secrets import SecretMissing, Secrets
from payments import errors, merchants, refunds
from payments.gateways.port import ChannelCode, Gateway, Merchant
from payments.merchants import Gateways
from payments.refunds import Ask
from tests.factories.payments import CASHIER, PORTAL, PaymentsUnderTest

CAMPUS = Merchant("wechat-east", ChannelCode.WECHATPAY, "1900000002", "wx0001", {"private_key": "file:east.pem"})


async def save(payments: PaymentsUnderTest, merchant: Merchant, campus_id: object = None) -> None:
    async with payments.db.transaction() as tx:
        await merchants.save_merchant(tx, merchant, campus_id=campus_id, actor=CASHIER)  # type: ignore[arg-type]  # a UUID


async def test_a_campus_uses_its_own_account_and_others_the_groups(payments: PaymentsUnderTest) -> None:
    campus = new_id()
    await save(payments, CAMPUS, campus)
    assert (await merchants.merchant_for(payments.db, ChannelCode.WECHATPAY, campus)).code == "wechat-east"
    assert (await merchants.merchant_for(payments.db, ChannelCode.WECHATPAY, new_id())).code == "wechat-main"
    assert (await merchants.merchant_for(payments.db, ChannelCode.WECHATPAY, None)).code == "wechat-main"
    with pytest.raises(errors.ChannelNotOffered):
        await merchants.merchant_for(payments.db, ChannelCode.INSURANCE, campus)
    assert [one.code for one in await merchants.list_merchants(payments.db)] == [
        "alipay-main",
        "cash-main",
        "wechat-east",
        "wechat-main",
    ]


async def test_a_stopped_account_takes_no_more_and_still_refunds(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid()
    async with payments.db.transaction() as tx:
        with pytest.raises(errors.StaffRequired):
            await merchants.stop_merchant(tx, "wechat-main", reason="x", actor=PORTAL)
        await merchants.stop_merchant(tx, "wechat-main", reason="密钥泄露", actor=CASHIER)
        with pytest.raises(errors.MerchantStopped):
            await merchants.stop_merchant(tx, "wechat-main", reason="x", actor=CASHIER)
        with pytest.raises(errors.MerchantNotFound):
            await merchants.stop_merchant(tx, "nobody", reason="x", actor=CASHIER)
    with pytest.raises(errors.ChannelNotOffered):
        await payments.attempt(await payments.order())
    await refunds.request_refund(order.id, amount_fen=None, ask=Ask(reason="申请"), actor=CASHIER)
    await payments.settle_down()
    assert payments.wechat.held_fen == 0


async def test_an_account_resumes_unless_another_has_its_place(payments: PaymentsUnderTest) -> None:
    campus = new_id()
    await save(payments, CAMPUS, campus)
    async with payments.db.transaction() as tx:
        with pytest.raises(errors.MerchantNotStopped):
            await merchants.resume_merchant(tx, CAMPUS.code, reason="x", actor=CASHIER)
        await merchants.stop_merchant(tx, CAMPUS.code, reason="密钥泄露", actor=CASHIER)
    assert (await merchants.merchant_for(payments.db, ChannelCode.WECHATPAY, campus)).code == "wechat-main"
    other = Merchant("wechat-east-2", ChannelCode.WECHATPAY, "1900000003", "wx0001", {"private_key": "file:2.pem"})
    await save(payments, other, campus)
    async with payments.db.transaction() as tx:
        with pytest.raises(errors.MerchantDiffers):
            await merchants.resume_merchant(tx, CAMPUS.code, reason="x", actor=CASHIER)
        await merchants.stop_merchant(tx, other.code, reason="x", actor=CASHIER)
        await merchants.resume_merchant(tx, CAMPUS.code, reason="密钥已更换", actor=CASHIER)
    assert (await merchants.merchant_for(payments.db, ChannelCode.WECHATPAY, campus)).code == CAMPUS.code
    [resumed, *_] = await list_changes(ChangeFilter(entity_id=CAMPUS.code), before=None, limit=5)
    assert resumed.after == {"status": "active", "reason": "密钥已更换"}


async def test_a_stopped_accounts_books_are_kept_for_what_it_took(payments: PaymentsUnderTest) -> None:
    at = clock.now()
    with clock.frozen(at - timedelta(days=3)):
        await payments.paid()
    with clock.frozen(at - timedelta(days=1)):
        async with payments.db.transaction() as tx:
            await merchants.stop_merchant(tx, "wechat-main", reason="x", actor=CASHIER)
            await merchants.stop_merchant(tx, "alipay-main", reason="x", actor=CASHIER)

    async def codes(days_ago: int) -> list[str]:
        ends = at - timedelta(days=days_ago) + timedelta(hours=1)
        found = await merchants.list_merchants_of_day(payments.db, ends - timedelta(days=1), ends)
        return [one.code for one in found]

    # Until it was stopped its bill may say anything; afterwards it is asked for only where money moved.
    assert await codes(3) == await codes(1) == ["alipay-main", "cash-main", "wechat-main"]
    assert await codes(0) == ["cash-main"]
    await payments.db.execute("UPDATE payment_transaction SET paid_at = $1", at)
    assert await codes(0) == ["cash-main", "wechat-main"]


async def test_where_keys_lie_may_change_and_the_number_may_not(payments: PaymentsUnderTest) -> None:
    campus = new_id()
    await save(payments, CAMPUS, campus)
    moved = Merchant(CAMPUS.code, CAMPUS.channel, CAMPUS.merchant_no, CAMPUS.app_id, {"private_key": "env:EAST_KEY"})
    await save(payments, moved, campus)
    assert await merchants.read_merchant(payments.db, "wechat-east") == moved
    other = Merchant(CAMPUS.code, CAMPUS.channel, "1900000003", CAMPUS.app_id)
    with pytest.raises(errors.ChannelNotOffered):
        await save(payments, other, campus)
    bare = Merchant("wechat-west", ChannelCode.WECHATPAY, "1900000004", "", {"private_key": "MIIEvQIBADANBg"})
    with pytest.raises(SecretMissing):
        await save(payments, bare, new_id())


def test_a_gateway_is_built_once_and_anew_when_its_account_changes(tmp_path: Path) -> None:
    built: list[Merchant] = []

    class Bare:
        def __init__(self, merchant: Merchant) -> None:
            self.merchant = merchant

    def build(merchant: Merchant, _secrets: Secrets) -> Gateway:
        built.append(merchant)
        return cast(Gateway, Bare(merchant))

    gateways = Gateways(Secrets(tmp_path), {ChannelCode.WECHATPAY: build})
    moved = Merchant(CAMPUS.code, CAMPUS.channel, CAMPUS.merchant_no, CAMPUS.app_id, {"private_key": "env:EAST_KEY"})
    assert gateways.of(CAMPUS) is gateways.of(CAMPUS)
    assert gateways.of(moved) is gateways.of(moved)
    assert built == [CAMPUS, moved]
    with pytest.raises(errors.ChannelNotOffered):
        gateways.of(Merchant("a", ChannelCode.ALIPAY, "1", ""))
