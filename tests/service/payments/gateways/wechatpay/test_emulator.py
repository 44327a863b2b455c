"""The emulator as the channel's documents have it, asked by hand: what it refuses, every field that it answers."""

import json
import secrets
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kernel import clock
from payments.gateways.references import KeyStore
from payments.gateways.wechatpay.keys import load_keys
from runtime.sandbox_channels import describe_wechatpay_merchant
from tests.factories.wechatpay import PAYER, Emulator

NewNumber = Callable[[], str]
JSAPI = "/v3/pay/transactions/jsapi"
MERCHANT = describe_wechatpay_merchant()


class ByHand:
    """A merchant's program without any SDK."""

    def __init__(self, emulator: Emulator) -> None:
        self.base_url = emulator.base_url
        self.serial = load_keys(KeyStore(emulator.keys_dir), MERCHANT.key_references).merchant_serial
        key = load_pem_private_key((emulator.our_keys / "merchant_key.pem").read_bytes(), None)
        assert isinstance(key, RSAPrivateKey)
        self.key: RSAPrivateKey = key

    def authorization(self, method: str, target: str, body: str, **changed: str) -> str:
        parts = {
            "mchid": MERCHANT.merchant_no,
            "nonce_str": secrets.token_hex(16),
            "timestamp": str(int(clock.machine_now().timestamp())),
            "serial_no": self.serial,
        } | changed
        message = f"{method}\n{target}\n{parts['timestamp']}\n{parts['nonce_str']}\n{body}\n".encode()
        parts.setdefault("signature", b64encode(self.key.sign(message, PKCS1v15(), SHA256())).decode())
        return "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{name}="{value}"' for name, value in parts.items())

    def send(self, method: str, target: str, body: object = None, **changed: str) -> httpx.Response:
        content = "" if body is None else json.dumps(body, ensure_ascii=False)
        headers = {
            "authorization": self.authorization(method, target, content, **changed),
            "accept": "application/json",
        }
        return httpx.request(
            method, self.base_url + target, content=content.encode(), headers=headers, trust_env=False, timeout=30
        )


@pytest.fixture
def by_hand(emulator: Emulator) -> ByHand:
    return ByHand(emulator)


def order(number: str, **changed: Any) -> dict[str, Any]:
    return {
        "appid": MERCHANT.app_id,
        "mchid": MERCHANT.merchant_no,
        "description": "挂号费",
        "out_trade_no": number,
        "notify_url": "http://127.0.0.1:9/payments",
        "amount": {"total": 100, "currency": "CNY"},
        "payer": {"openid": PAYER},
        "attach": "campus=1",
    } | changed


def refusal(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"code", "message"}
    return answer.status_code, body["code"]


@pytest.mark.parametrize(
    "changed",
    [
        {"timestamp": "1700000000"},
        {"timestamp": "soon"},
        {"serial_no": "0" * 40},
        {"mchid": "1900000999"},
        {"signature": b64encode(b"x" * 256).decode()},
        {"signature": "not base64"},
    ],
)
def test_who_is_not_the_merchant_is_not_answered(
    by_hand: ByHand, new_number: NewNumber, changed: dict[str, str]
) -> None:
    answer = by_hand.send("POST", JSAPI, order(new_number()), **changed)
    assert refusal(answer) == (401, "SIGN_ERROR")
    # Nothing that is signed goes to somebody who is not known.
    assert "wechatpay-signature" not in answer.headers


def test_another_key_a_changed_body_and_a_replay_are_refused(by_hand: ByHand, new_number: NewNumber) -> None:
    body = json.dumps(order(new_number()))
    authorization = by_hand.authorization("POST", JSAPI, body)

    def send(content: str, authorization: str) -> httpx.Response:
        return httpx.post(
            by_hand.base_url + JSAPI, content=content, headers={"authorization": authorization}, trust_env=False
        )

    assert refusal(send(body + " ", authorization)) == (401, "SIGN_ERROR")
    assert send(body, authorization).status_code == 200
    assert refusal(send(body, authorization)) == (401, "SIGN_ERROR")
    assert refusal(send(body, "Bearer x")) == (401, "SIGN_ERROR")
    by_hand.key = generate_private_key(65537, 2048)
    assert refusal(send(body, by_hand.authorization("POST", JSAPI, body))) == (401, "SIGN_ERROR")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"appid": "wx0000000000000000"}, (400, "APPID_MCHID_NOT_MATCH")),
        ({"mchid": "1900000999"}, (403, "NO_AUTH")),
        ({"description": ""}, (400, "PARAM_ERROR")),
        ({"description": "费" * 128}, (400, "PARAM_ERROR")),
        ({"out_trade_no": "short"}, (400, "PARAM_ERROR")),
        ({"out_trade_no": "A" * 33}, (400, "PARAM_ERROR")),
        ({"attach": "a" * 129}, (400, "PARAM_ERROR")),
        ({"notify_url": "http://127.0.0.1/x?y=1"}, (400, "PARAM_ERROR")),
        ({"notify_url": "ftp://127.0.0.1/x"}, (400, "PARAM_ERROR")),
        ({"amount": {"total": 0}}, (400, "PARAM_ERROR")),
        ({"amount": {"total": 1.5}}, (400, "PARAM_ERROR")),
        ({"amount": {"total": True}}, (400, "PARAM_ERROR")),
        ({"amount": {"total": 1, "currency": "USD"}}, (400, "PARAM_ERROR")),
        ({"payer": None}, (400, "PARAM_ERROR")),
        ({"time_expire": "2030-01-01 00:00:00"}, (400, "PARAM_ERROR")),
        ({"time_expire": "2020-01-01T00:00:00+08:00"}, (400, "INVALID_REQUEST")),
    ],
)
def test_an_order_that_is_none_is_refused(
    by_hand: ByHand, new_number: NewNumber, changed: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert refusal(by_hand.send("POST", JSAPI, order(new_number(), **changed))) == expected


def test_what_is_no_json_and_what_is_not_there(by_hand: ByHand) -> None:
    assert refusal(by_hand.send("POST", JSAPI, [])) == (400, "PARAM_ERROR")
    assert refusal(by_hand.send("GET", "/v3/nothing")) == (404, "RESOURCE_NOT_EXISTS")
    assert refusal(by_hand.send("GET", "/v3/pay/transactions/id/4200000000")) == (400, "PARAM_ERROR")
    target = f"/v3/pay/transactions/id/4200000000?mchid={MERCHANT.merchant_no}"
    assert refusal(by_hand.send("GET", target)) == (404, "ORDER_NOT_EXIST")


def test_every_field_of_a_payment(by_hand: ByHand, emulator: Emulator, new_number: NewNumber) -> None:
    number = new_number()
    prepared = by_hand.send("POST", JSAPI, order(number))
    assert set(prepared.json()) == {"prepay_id"}
    assert set(prepared.headers) >= {
        "wechatpay-timestamp", "wechatpay-nonce", "wechatpay-serial", "wechatpay-signature", "wechatpay-signature-type",
    }  # fmt: skip
    target = f"/v3/pay/transactions/out-trade-no/{number}?mchid={MERCHANT.merchant_no}"
    assert by_hand.send("GET", target).json() == {
        "appid": MERCHANT.app_id,
        "mchid": MERCHANT.merchant_no,
        "out_trade_no": number,
        "trade_state": "NOTPAY",
        "trade_state_desc": "订单未支付",
        "attach": "campus=1",
        "amount": {"total": 100, "currency": "CNY"},
        "payer": {},
    }
    emulator.pay(number)
    paid = by_hand.send("GET", target).json()
    assert len(paid["transaction_id"]) == 28
    assert paid["success_time"].endswith("+08:00")
    assert paid == {
        "appid": MERCHANT.app_id,
        "mchid": MERCHANT.merchant_no,
        "out_trade_no": number,
        "transaction_id": paid["transaction_id"],
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "attach": "campus=1",
        "success_time": paid["success_time"],
        "payer": {"openid": PAYER},
        "amount": {"total": 100, "payer_total": 100, "currency": "CNY", "payer_currency": "CNY"},
    }
    body = {
        "out_trade_no": number,
        "out_refund_no": f"{number}R",
        "amount": {"refund": 40, "total": 100, "currency": "CNY"},
    }
    refund = by_hand.send("POST", "/v3/refund/domestic/refunds", body).json()
    assert refund == {
        "refund_id": refund["refund_id"],
        "out_refund_no": f"{number}R",
        "transaction_id": paid["transaction_id"],
        "out_trade_no": number,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": refund["create_time"],
        "status": "PROCESSING",
        "funds_account": "AVAILABLE",
        "amount": {
            "total": 100, "refund": 40, "payer_total": 100, "payer_refund": 40, "settlement_total": 100,
            "settlement_refund": 40, "discount_refund": 0, "currency": "CNY",
        },
    }  # fmt: skip
    assert by_hand.send("GET", target).json()["trade_state"] == "REFUND"


def test_closing_answers_with_nothing_that_is_signed(
    by_hand: ByHand, new_number: NewNumber, emulator: Emulator, tmp_path: Path
) -> None:
    number = new_number()
    by_hand.send("POST", JSAPI, order(number))
    target = f"/v3/pay/transactions/out-trade-no/{number}/close"
    closed = by_hand.send("POST", target, {"mchid": MERCHANT.merchant_no})
    assert (closed.status_code, closed.content) == (204, b"")
    # Without Wechatpay-Serial the platform certificate's key signs; openssl reads the certificate itself.
    signed = f"{closed.headers['wechatpay-timestamp']}\n{closed.headers['wechatpay-nonce']}\n\n"
    (tmp_path / "message").write_text(signed, encoding="ascii")
    (tmp_path / "signature.b64").write_text(closed.headers["wechatpay-signature"] + "\n", encoding="ascii")
    script = (
        f"openssl x509 -in '{emulator.own_dir / 'certificate.pem'}' -pubkey -noout > key.pem"
        " && openssl base64 -d -A -in signature.b64 -out signature"
        " && openssl dgst -sha256 -verify key.pem -signature signature message"
    )
    done = subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Verified OK"
    assert refusal(by_hand.send("POST", target, {"mchid": MERCHANT.merchant_no})) == (400, "ORDER_CLOSED")


def test_the_platform_certificate_is_sealed_for_the_merchant(by_hand: ByHand, emulator: Emulator) -> None:
    answer = by_hand.send("GET", "/v3/certificates")
    (entry,) = answer.json()["data"]
    assert set(entry) == {"serial_no", "effective_time", "expire_time", "encrypt_certificate"}
    assert set(entry["encrypt_certificate"]) == {"algorithm", "nonce", "associated_data", "ciphertext"}
    assert entry["serial_no"] == answer.headers["wechatpay-serial"]
    assert (len(entry["serial_no"]), len(entry["encrypt_certificate"]["nonce"])) == (40, 12)
