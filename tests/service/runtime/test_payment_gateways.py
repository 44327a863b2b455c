"""How a running platform comes to its gateways: the merchant's row, the keys below the folder, the settings."""

from pathlib import Path

import pytest

from kernel.db import Database
from kernel.events import Actor
from kernel.secrets import SecretMissing, Secrets
from kernel.settings import Settings
from payments import merchants
from payments.gateways.alipay.gateway import AlipayGateway
from payments.gateways.port import ChannelCode
from payments.gateways.wechatpay.gateway import NotifyUrls, WechatPayGateway
from payments.merchants import Gateways
from runtime.payments import build_gateways
from runtime.sandbox_channels import (
    describe_alipay_merchant,
    describe_wechatpay_merchant,
    open_alipay_account,
    open_wechatpay_account,
)

SYSTEM = Actor(client_id="system:tests", channel="system", kind="system")


def gateways(tmp_path: Path, **more: str) -> Gateways:
    environment = {"DATABASE_URL": "postgresql://x/y", "PUBLIC_URL": "https://open.hospital.test", **more}
    settings = Settings.from_environment(environment | {"KEYS_DIR": str(tmp_path / "keys")})
    return Gateways(Secrets(settings.keys_dir), build_gateways(settings))


async def test_the_sandboxs_merchant_is_registered_and_has_its_gateway(database: Database, tmp_path: Path) -> None:
    open_wechatpay_account(keys_dir=tmp_path / "keys", emulator_dir=tmp_path / "emulator")
    async with database.transaction() as tx:
        await merchants.save_merchant(tx, describe_wechatpay_merchant(), campus_id=None, actor=SYSTEM)
    found = await merchants.merchant_for(database, ChannelCode.WECHATPAY, None)
    assert found == describe_wechatpay_merchant()
    gateway = gateways(tmp_path, WECHATPAY_BASE_URL="http://127.0.0.1:9/").of(found)
    assert isinstance(gateway, WechatPayGateway)
    url = "https://open.hospital.test/payments/notifications/wechatpay/wechatpay-sandbox"
    assert gateway.notify_urls == NotifyUrls(payments=url, refunds=url)
    assert gateway.client.download_prefix == "http://127.0.0.1:9/v3/billdownload/"


async def test_the_sandboxs_merchant_with_alipay_has_its_gateway(database: Database, tmp_path: Path) -> None:
    with pytest.raises(SecretMissing, match="app_private_key"):
        gateways(tmp_path).of(describe_alipay_merchant())
    open_alipay_account(keys_dir=tmp_path / "keys", emulator_dir=tmp_path / "emulator")
    async with database.transaction() as tx:
        await merchants.save_merchant(tx, describe_alipay_merchant(), campus_id=None, actor=SYSTEM)
    found = await merchants.merchant_for(database, ChannelCode.ALIPAY, None)
    assert found == describe_alipay_merchant()
    for more, url in (
        ({"ALIPAY_BASE_URL": "http://127.0.0.1:9/"}, "http://127.0.0.1:9/gateway.do"),
        ({}, "https://openapi.alipay.com/gateway.do"),
    ):
        gateway = gateways(tmp_path, **more).of(found)
        assert isinstance(gateway, AlipayGateway)
        assert gateway.gateway_url == url
        assert gateway.notify_url == "https://open.hospital.test/payments/notifications/alipay/alipay-sandbox"


def test_without_a_setting_it_is_the_channel_itself_and_keys_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SecretMissing, match="merchant_key"):
        gateways(tmp_path).of(describe_wechatpay_merchant())
    open_wechatpay_account(keys_dir=tmp_path / "keys", emulator_dir=tmp_path / "emulator")
    gateway = gateways(tmp_path).of(describe_wechatpay_merchant())
    assert isinstance(gateway, WechatPayGateway)
    assert gateway.client.download_prefix == "https://api.mch.weixin.qq.com/v3/billdownload/"


@pytest.mark.parametrize(
    "reference", ["file:../key", "file:a/../key", "file:/etc/key", "file:a/b/c/key", "file:.key", "key", "env:x"]
)
async def test_a_reference_that_leads_elsewhere_is_not_registered(
    database: Database, tmp_path: Path, reference: str
) -> None:
    merchant = describe_wechatpay_merchant()
    changed = type(merchant)(merchant.code, merchant.channel, merchant.merchant_no, merchant.app_id, {"k": reference})
    with pytest.raises(SecretMissing, match="not a reference"):
        async with database.transaction() as tx:
            await merchants.save_merchant(tx, changed, campus_id=None, actor=SYSTEM)
    with pytest.raises(SecretMissing):
        Secrets(tmp_path).read(reference)
