"""Alipay tells by signed forms, and wants `success`: the seven letters, once the notification is stored."""

import asyncio
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from kernel import clock
from payments import attempts, merchants
from payments.gateways.alipay.notifications import NOT_SIGNED
from payments.gateways.alipay.signing import load_private_key, sign, signed_content
from payments.gateways.port import ChannelCode, Scene
from payments.invariants import find_broken
from runtime.sandbox_channels import describe_alipay_merchant, open_alipay_account
from tests.factories.open_api import OpenApi
from tests.factories.paying import Till, actor_of
from tests.factories.payments import CASHIER, PAYER

MERCHANT = describe_alipay_merchant()
ADDRESS = f"/payments/notifications/alipay/{MERCHANT.code}"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
LOOKS_MAX = 200


class Alipay:
    """Alipay as it tells of a trade."""

    def __init__(self, till: Till, folder: Path) -> None:
        self.till = till
        self.key = load_private_key((folder / "alipay_private_key.pem").read_text())

    def form(self, number: str, *, age: timedelta = timedelta(), **changed: str) -> bytes:
        at = (clock.machine_now() - age).astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
        told = {
            "notify_time": at,
            "notify_type": "trade_status_sync",
            "notify_id": f"N{number}",
            "charset": "utf-8",
            "version": "1.0",
            "sign_type": "RSA2",
            "app_id": MERCHANT.app_id,
            "seller_id": MERCHANT.merchant_no,
            "out_trade_no": number,
            "trade_no": f"2026{number}",
            "trade_status": "TRADE_SUCCESS",
            "total_amount": "25.00",
            "buyer_open_id": PAYER,
            "gmt_payment": at,
        }
        signature = sign(self.key, signed_content(told, without=NOT_SIGNED))
        return urlencode(told | {"sign": signature} | changed).encode()

    async def send(self, body: bytes, content_type: str = FORM) -> httpx.Response:
        return await self.till.api.http.post(ADDRESS, content=body, headers={"content-type": content_type})


@pytest.fixture
async def alipay(open_api: OpenApi, tmp_path_factory: pytest.TempPathFactory) -> Alipay:
    till = await Till.open(open_api)
    keys = open_api.server.keys_dir
    # The web server reads an account's keys once, so they stay with it.
    folder = keys.parent / "alipay-beside"
    if not folder.exists():
        folder.mkdir()
        open_alipay_account(keys_dir=keys, emulator_dir=folder)
    async with open_api.db.transaction() as tx:
        await tx.execute("UPDATE payment_merchant SET status = 'stopped', stopped_at = now() WHERE channel = 'alipay'")
        await merchants.save_merchant(tx, MERCHANT, campus_id=None, actor=CASHIER)
    for _ in range(LOOKS_MAX):
        if (await open_api.http.post(ADDRESS)).status_code == 400:
            break
        await asyncio.sleep(0.05)
    return Alipay(till, folder)


async def a_number(till: Till) -> str:
    order = await till.order(2500)
    attempt = await attempts.start_attempt(
        order.id,
        channel=ChannelCode.ALIPAY,
        scene=Scene.MINI_PROGRAM,
        payer=PAYER,
        actor=actor_of(till.api.portal),
    )
    return attempt.attempt_no


async def test_a_true_form_is_stored_once_and_answered_success(alipay: Alipay) -> None:
    till, number = alipay.till, await a_number(alipay.till)
    body = alipay.form(number)
    answers = [await alipay.send(body) for _ in range(2)]
    assert {(one.status_code, one.content) for one in answers} == {(200, b"success")}
    assert {one.headers["content-type"] for one in answers} == {"text/plain; charset=utf-8"}
    [row] = await till.payments.rows("payment_notification")
    assert (row["event_id"], row["channel"]) == (f"N{number}", "alipay")
    await till.payments.settle_down()
    assert await till.api.db.fetchval("SELECT status FROM payment_order") == "settled"
    assert await find_broken(till.api.db) == []


async def test_what_is_not_alipays_is_answered_otherwise_and_changes_nothing(alipay: Alipay) -> None:
    till, number = alipay.till, await a_number(alipay.till)
    before = await till.api.fingerprint()
    forged = [
        (alipay.form(number, total_amount="0.01"), FORM),
        (alipay.form(number, sign="AAAA"), FORM),
        (alipay.form(number, sign_type="RSA"), FORM),
        (alipay.form(number, age=timedelta(hours=30)), FORM),
        (alipay.form(number) + b"&total_amount=0.01", FORM),
        (alipay.form(number), "application/json"),
        (b"", FORM),
        (b"a=" + b"x" * 40_000, FORM),
    ]
    for body, content_type in forged:
        answer = await alipay.send(body, content_type)
        assert (answer.status_code, answer.content) == (400, b"failure")
    assert await till.api.fingerprint() == before
