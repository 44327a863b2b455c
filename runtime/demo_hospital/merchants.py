"""The accounts by which the demonstration hospital is paid: with each channel and the insurance, and a cash drawer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kernel.db import database
from kernel.events import Actor
from kernel.secrets import SecretMissing, Secrets
from payments.gateways.port import ChannelCode, Merchant
from payments.merchants import save_merchant
from runtime.sandbox_channels import describe_alipay_merchant, describe_insurance_account, describe_wechatpay_merchant

CASH_DRAWER: Final = Merchant(
    code="cash-sandbox", channel=ChannelCode.CASH, merchant_no="DRAWER-1", app_id="", key_references={}
)
FEE_RATES_MILLIONTHS: Final[Mapping[ChannelCode, int]] = {ChannelCode.WECHATPAY: 6_000, ChannelCode.ALIPAY: 6_000}
"""What the emulated channels keep: 0.6 %. A drawer keeps nothing, and its fees are not checked."""


async def load_merchants(keys_dir: Path, *, actor: Actor) -> list[str]:
    """Register the accounts that are missing, each for the whole group; gives the codes of those registered.

    A channel that has an account already keeps it, and one whose keys are not here is somebody else's to set up.
    """
    secrets = Secrets(keys_dir)
    registered = []
    async with database().transaction() as tx:
        known = {row["channel"] for row in await tx.fetch("SELECT DISTINCT channel FROM payment_merchant")}
        for merchant in (
            describe_wechatpay_merchant(),
            describe_alipay_merchant(),
            describe_insurance_account(),
            CASH_DRAWER,
        ):
            if merchant.channel.value in known or not _has_keys(merchant, secrets):
                continue
            rate = FEE_RATES_MILLIONTHS.get(merchant.channel)
            await save_merchant(tx, merchant, campus_id=None, fee_rate_millionths=rate, actor=actor)
            registered.append(merchant.code)
    return registered


def _has_keys(merchant: Merchant, secrets: Secrets) -> bool:
    try:
        for reference in merchant.key_references.values():
            secrets.read(reference)
    except SecretMissing:
        return False
    return True
