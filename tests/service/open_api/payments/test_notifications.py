"""What comes in a channel's name: believed with its signature, once and fresh; else counted, and nothing changes."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kernel import clock
from payments.invariants import find_broken
from runtime.sandbox_channels import describe_wechatpay_merchant
from tests.factories.open_api import OpenApi
from tests.factories.paying import Till

MERCHANT = describe_wechatpay_merchant()
ADDRESS = f"/payments/notifications/wechatpay/{MERCHANT.code}"
LOOKS_MAX = 200
AT_ONCE = 24


class Sender:
    """Somebody who tells of payments as the channel does: with the channel's own key, or with another."""

    def __init__(self, api: OpenApi, *, own_key: bool = False) -> None:
        self.api = api
        channel = api.channel
        self.serial = (channel.own_dir / "signing_key_id").read_text(encoding="ascii").strip()
        key = load_pem_private_key((channel.own_dir / "signing_key.pem").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key = rsa.generate_private_key(65537, 2048) if own_key else key
        self.apiv3_key = (channel.our_keys / "apiv3_key").read_text(encoding="ascii").strip()

    def body(self, number: str, *, amount_fen: int = 2500, **changed: object) -> bytes:
        resource = {
            "appid": MERCHANT.app_id,
            "mchid": MERCHANT.merchant_no,
            "out_trade_no": number,
            "transaction_id": f"42{number}",
            "trade_type": "JSAPI",
            "trade_state": "SUCCESS",
            "success_time": clock.machine_now().isoformat(timespec="seconds"),
            "payer": {"openid": "openid-of-a-payer"},
            "amount": {"total": amount_fen, "payer_total": amount_fen, "currency": "CNY", "payer_currency": "CNY"},
        }
        plain = json.dumps(resource).encode()
        sealed = AESGCM(self.apiv3_key.encode()).encrypt(b"nonce-of-12-", plain, b"transaction")
        envelope: dict[str, Any] = {
            "id": f"EV-{number}",
            "create_time": resource["success_time"],
            "event_type": "TRANSACTION.SUCCESS",
            "resource_type": "encrypt-resource",
            "resource": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": "nonce-of-12-",
                "associated_data": "transaction",
                "original_type": "transaction",
                "ciphertext": b64encode(sealed).decode(),
            },
        }
        return json.dumps(envelope | changed).encode()

    def headers(self, body: bytes, *, nonce: str = "nonce-1", age: timedelta = timedelta(0)) -> dict[str, str]:
        timestamp = str(int((clock.machine_now() - age).timestamp()))
        signature = self.key.sign(f"{timestamp}\n{nonce}\n".encode() + body + b"\n", PKCS1v15(), SHA256())
        return {
            "content-type": "application/json",
            "wechatpay-timestamp": timestamp,
            "wechatpay-nonce": nonce,
            "wechatpay-serial": self.serial,
            "wechatpay-signature": b64encode(signature).decode(),
            "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
        }

    async def send(self, body: bytes, headers: Mapping[str, str], address: str = ADDRESS) -> httpx.Response:
        return await self.api.http.post(address, content=body, headers=headers)


@pytest.fixture
async def till(open_api: OpenApi) -> Till:
    till = await Till.open(open_api)
    await till.at_the_channel()
    # The web server knows accounts for some seconds.
    for _ in range(LOOKS_MAX):
        if (await open_api.http.post(ADDRESS)).status_code == 400:
            break
        await asyncio.sleep(0.05)
    await refused(open_api, "content_type")
    await open_api.db.execute("DELETE FROM payment_notification_refusal")
    return till


async def refused(api: OpenApi, reason: str, *, merchant: str | None = MERCHANT.code) -> int:
    """Count what was refused for a reason; it is written beside the answer."""
    for _ in range(LOOKS_MAX):
        found: int | None = await api.db.fetchval(
            "SELECT sum(message_count)::int FROM payment_notification_refusal"
            " WHERE reason = $1 AND merchant_code IS NOT DISTINCT FROM $2",
            reason,
            merchant,
        )
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"nothing was refused as {reason}")


async def a_number(till: Till) -> str:
    """The number of an order that is being paid at the channel."""
    order = await till.order()
    body = {"channel": "wechatpay", "scene": "mini_program", "payer": "openid-of-a-payer"}
    answer = await till.api.portal.post(f"/orders/{order.id}/payments", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["payment_no"])


async def test_a_true_one_is_stored_and_answered_as_the_channel_wants(till: Till) -> None:
    sender, number = Sender(till.api), await a_number(till)
    body = sender.body(number)

    answer = await sender.send(body, sender.headers(body))

    assert (answer.status_code, answer.json()) == (200, {"code": "SUCCESS"})
    [row] = await till.payments.rows("payment_notification")
    assert (row["event_id"], row["merchant_code"], row["status"]) == (f"EV-{number}", MERCHANT.code, "pending")
    await till.payments.settle_down()
    assert await till.api.db.fetchval("SELECT status FROM payment_order") == "settled"
    assert await find_broken(till.api.db) == []


async def test_told_again_it_is_acknowledged_and_replayed_it_is_not(till: Till) -> None:
    sender, number = Sender(till.api), await a_number(till)
    body = sender.body(number)
    headers = sender.headers(body)
    assert (await sender.send(body, headers)).status_code == 200
    before = await till.api.fingerprint()

    replayed = [await sender.send(body, headers) for _ in range(3)]
    assert {(one.status_code, one.json()["code"]) for one in replayed} == {(400, "FAIL")}
    assert await till.api.fingerprint() == before
    assert await refused(till.api, "replayed") == 3
    # The channel signs each of its tries afresh.
    assert (await sender.send(body, sender.headers(body, nonce="nonce-2"))).status_code == 200
    assert len(await till.payments.rows("payment_notification")) == 1


async def test_one_sent_many_times_at_once_is_believed_once(till: Till) -> None:
    sender, number = Sender(till.api), await a_number(till)
    body = sender.body(number)
    headers = sender.headers(body)
    answers = await asyncio.gather(*(sender.send(body, headers) for _ in range(12)))
    assert sorted(one.status_code for one in answers) == [200] + [400] * 11
    assert await refused(till.api, "replayed") <= 11


async def test_one_event_signed_anew_many_times_at_once_is_stored_once_and_always_acknowledged(till: Till) -> None:
    """As a channel's retries race that had no answer: each is believed, and the payment counts once."""
    sender, number = Sender(till.api), await a_number(till)
    body = sender.body(number)
    tries = [sender.headers(body, nonce=f"try-{one}") for one in range(AT_ONCE)]
    answers = await asyncio.gather(*(sender.send(body, headers) for headers in tries))

    assert {(one.status_code, one.json()["code"]) for one in answers} == {(200, "SUCCESS")}
    [row] = await till.payments.rows("payment_notification")
    assert (row["event_id"], row["status"]) == (f"EV-{number}", "pending")
    assert await till.api.db.fetchval("SELECT count(*) FROM payment_notification_nonce") == AT_ONCE
    await till.payments.settle_down()
    assert await till.api.db.fetchval("SELECT count(*) FROM payment_transaction") == 1
    assert await find_broken(till.api.db) == []


async def test_true_and_forged_ones_at_once_each_get_their_own_answer(till: Till) -> None:
    """What is batched together is judged one by one."""
    sender, stranger, number = Sender(till.api), Sender(till.api, own_key=True), await a_number(till)
    body = sender.body(number)
    sent = [(one, f"mixed-{count}") for count in range(AT_ONCE) for one in (sender, stranger)]
    answers = await asyncio.gather(*(one.send(body, one.headers(body, nonce=nonce)) for one, nonce in sent))

    assert [one.status_code for one in answers] == [200, 400] * AT_ONCE
    assert await till.api.db.fetchval("SELECT count(*) FROM payment_notification_nonce") == AT_ONCE
    assert len(await till.payments.rows("payment_notification")) == 1


async def test_what_is_forged_stale_or_malformed_changes_nothing(till: Till) -> None:
    """Each is refused with its own reason, in one answer; nobody is asked, and nothing of it is kept."""
    sender, number = Sender(till.api), await a_number(till)
    body, asked = sender.body(number), till.api.channel.control("GET", "/state")
    good, forger = sender.headers(body), Sender(till.api, own_key=True)
    bomb, deep = b"[" * 10_000 + b"]" * 10_000, json.dumps(json.loads("[" * 12 + "]" * 12)).encode()
    other_key = sender.body(number).replace(b"nonce-of-12-", b"nonce-of-21-")
    attempts: list[tuple[str, bytes, Mapping[str, str]]] = [
        ("bad_signature", body, forger.headers(body)),
        ("bad_signature", body + b" ", good),
        ("bad_signature", body, good | {"wechatpay-nonce": "another"}),
        ("stale", body, sender.headers(body, age=timedelta(minutes=6))),
        ("stale", body, sender.headers(body, age=-timedelta(minutes=6))),
        ("unknown_serial", body, good | {"wechatpay-serial": "PUB_KEY_ID_0000000000000000000000000000"}),
        ("unsigned", body, {"content-type": "application/json"}),
        ("unsigned", bomb, {"content-type": "application/json"}),
        ("too_deep", deep, sender.headers(deep)),
        ("malformed", b"not json", sender.headers(b"not json")),
        ("cannot_open", other_key, sender.headers(other_key)),
        ("probing_signature", body, good | {"wechatpay-signature": "WECHATPAY/SIGNTEST/" + "A" * 300}),
        ("content_type", body, good | {"content-type": "text/xml"}),
        ("too_large", b" " * 33_000, good),
    ]
    before = await till.api.fingerprint()
    for reason, content, headers in attempts:
        answer = await sender.send(content, headers)
        assert (answer.status_code, answer.json()) == (400, {"code": "FAIL", "message": "refused"}), reason
        assert await refused(till.api, reason) >= 1
    assert await till.api.fingerprint() == before
    assert till.api.channel.control("GET", "/state") | {"now": 0} == asked | {"now": 0}
    rows = await till.api.db.fetch("SELECT reason, message_count, last_network FROM payment_notification_refusal")
    assert {row["last_network"] for row in rows} == {"127.0.0.0/24"}
    assert sum(row["message_count"] for row in rows) == len(attempts)
    log = till.api.server.log()
    assert "request_failed" not in log
    assert number not in log.partition("wechatpay-signature")[2]


async def test_more_than_the_server_reads_is_counted_too(till: Till) -> None:
    answer = await till.api.http.post(ADDRESS, content=b"x" * 70_000, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert await refused(till.api, "too_large", merchant=None) == 1


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("/payments/notifications/wechatpay/nobody", "unknown_merchant"),
        (f"/payments/notifications/alipay/{MERCHANT.code}", "unknown_merchant"),
        (f"/payments/notifications/paypal/{MERCHANT.code}", "unknown_channel"),
        ("/payments/notifications/cash/cash-main", "unknown_channel"),
    ],
)
async def test_an_address_of_nobody(till: Till, address: str, reason: str) -> None:
    sender = Sender(till.api)
    body = sender.body("P1A01")
    answer = await sender.send(body, sender.headers(body), address)
    assert answer.status_code == 404
    assert await refused(till.api, reason, merchant=None) == 1


@pytest.mark.parametrize("channel_says", ["another amount", "another payer", "another merchant"])
async def test_true_words_that_do_not_fit_fulfil_nothing(till: Till, channel_says: str) -> None:
    sender, number = Sender(till.api), await a_number(till)
    body = sender.body(number, amount_fen=1 if channel_says == "another amount" else 2500)
    if channel_says == "another payer":
        await till.api.db.execute("UPDATE payment_attempt SET payer = 'openid-of-another'")
    elif channel_says == "another merchant":
        await till.api.db.execute("UPDATE payment_attempt SET merchant_code = 'wechat-main'")
    assert (await sender.send(body, sender.headers(body))).status_code == 200
    await till.payments.settle_down()
    assert await till.api.db.fetchval("SELECT status FROM payment_order") == "open"
    cause = await till.api.db.fetchval("SELECT cause FROM payment_exception")
    assert cause == channel_says.replace("another ", "") + "_mismatch"
