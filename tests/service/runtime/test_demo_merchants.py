"""By which accounts the demonstration hospital can be paid."""

from dataclasses import replace
from pathlib import Path

from kernel.db import Database
from kernel.events import Actor
from payments.gateways.port import ChannelCode
from payments.ledger import balances
from payments.merchants import list_merchants, merchant_for, save_merchant
from runtime.demo_hospital.merchants import CASH_DRAWER, load_merchants
from runtime.sandbox_channels import (
    describe_alipay_merchant,
    describe_wechatpay_merchant,
    open_alipay_account,
    open_insurance_account,
    open_wechatpay_account,
)

SYSTEM = Actor(client_id="system:tests", channel="system", kind="system")


async def test_each_channel_whose_keys_are_here_gets_its_account_once(database: Database, tmp_path: Path) -> None:
    open_wechatpay_account(keys_dir=tmp_path / "keys", emulator_dir=tmp_path / "wechatpay")
    open_alipay_account(keys_dir=tmp_path / "keys", emulator_dir=tmp_path / "alipay")
    open_insurance_account(keys_dir=tmp_path / "keys", emulator_dir=tmp_path / "insurance")

    registered = await load_merchants(tmp_path / "keys", actor=SYSTEM)
    assert registered == ["wechatpay-sandbox", "alipay-sandbox", "insurance-sandbox", "cash-sandbox"]
    assert await merchant_for(database, ChannelCode.WECHATPAY, None) == describe_wechatpay_merchant()
    assert await merchant_for(database, ChannelCode.ALIPAY, None) == describe_alipay_merchant()
    assert await merchant_for(database, ChannelCode.CASH, None) == CASH_DRAWER
    rates = await database.fetch("SELECT code, fee_rate_millionths FROM payment_merchant ORDER BY code")
    assert {row["code"]: row["fee_rate_millionths"] for row in rates} == {
        "alipay-sandbox": 6_000,
        "cash-sandbox": None,
        "insurance-sandbox": None,
        "wechatpay-sandbox": 6_000,
    }
    assert await balances(database) == {}

    assert await load_merchants(tmp_path / "keys", actor=SYSTEM) == []
    assert len(await list_merchants(database)) == 4


async def test_a_channel_without_keys_or_with_an_account_of_its_own_is_left_alone(
    database: Database, tmp_path: Path
) -> None:
    async with database.transaction() as tx:
        theirs = replace(CASH_DRAWER, code="their-drawer", merchant_no="DRAWER-7")
        await save_merchant(tx, theirs, campus_id=None, actor=SYSTEM)

    assert await load_merchants(tmp_path / "keys", actor=SYSTEM) == []
    assert await list_merchants(database) == [theirs]
