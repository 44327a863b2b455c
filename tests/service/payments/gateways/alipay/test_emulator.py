"""The emulator held against the facts: its signatures by openssl and by Alipay's SDK, its answers, its memory."""

import base64
import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from alipay.aop.api.domain.AlipayTradeCreateModel import AlipayTradeCreateModel
from alipay.aop.api.request.AlipayTradeCreateRequest import AlipayTradeCreateRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.util.SignatureUtils import get_sign_content, sign_with_rsa2, verify_with_rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kernel import clock
from payments.gateways.alipay.signing import signed_content
from payments.gateways.alipay.wire import AlipayWire
from payments.gateways.port import PaymentState, RefundRequest, RefundState
from runtime.sandbox_channels import ALIPAY_APP_ID
from tests.factories.emulators import TOKEN, EmulatorProcess
from tests.service.payments.gateways.alipay.conftest import Shop


def wire_of(shop: Shop) -> AlipayWire:
    wire: AlipayWire = shop.gateway._wire
    return wire


def query_request(attempt_no: str) -> AlipayTradeQueryRequest:
    request = AlipayTradeQueryRequest()
    request.biz_content = {"out_trade_no": attempt_no}
    return request


async def post(process: EmulatorProcess, form: dict[str, str]) -> str:
    answer = await process.control.post("/gateway.do", data=form)
    assert answer.status_code == 200
    return answer.text


def openssl_verifies(folder: Path, public_key: Path, content: bytes, signature: str) -> bool:
    (folder / "content").write_bytes(content)
    (folder / "signature").write_bytes(base64.b64decode(signature))
    command = ["openssl", "dgst", "-sha256", "-verify", str(public_key), "-signature", str(folder / "signature")]
    done = subprocess.run([*command, str(folder / "content")], capture_output=True, check=False)
    return done.returncode == 0


async def test_what_we_send_is_what_the_sdk_would_send_but_for_its_clock(shop: Shop) -> None:
    with clock.frozen(clock.machine_now()):
        form = wire_of(shop).write(query_request("T1"))
        assert form["timestamp"] == clock.clinic_time(clock.machine_now())
    assert {name: form[name] for name in form if name not in ("sign", "timestamp")} == {
        "app_id": ALIPAY_APP_ID,
        "biz_content": '{"out_trade_no":"T1"}',
        "charset": "utf-8",
        "format": "json",
        "method": "alipay.trade.query",
        "sign_type": "RSA2",
        "version": "1.0",
    }
    signed = {name: value for name, value in form.items() if name != "sign"}
    pkcs1 = shop.alipay.app_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    assert form["sign"] == sign_with_rsa2(pkcs1, get_sign_content(signed), "utf-8")


async def test_answers_are_signed_as_the_sdk_and_openssl_verify(shop: Shop, tmp_path: Path) -> None:
    attempt_no = await shop.paid(1250)
    text = await post(shop.process, wire_of(shop).write(query_request(attempt_no)))
    signature = json.loads(text)["sign"]
    content = text[len('{"alipay_trade_query_response":') : -len(f',"sign":"{signature}"}}')]
    public_key = shop.alipay.our_keys / "alipay_public_key.pem"
    assert openssl_verifies(tmp_path, public_key, content.encode(), signature)
    assert not openssl_verifies(tmp_path, public_key, content.replace("12.50", "99.50").encode(), signature)
    assert verify_with_rsa(public_key.read_text(), content.encode(), signature)
    answer = json.loads(content)
    assert set(answer) == {
        "code", "msg", "buyer_logon_id", "buyer_open_id", "buyer_pay_amount", "invoice_amount", "out_trade_no",
        "point_amount", "receipt_amount", "send_pay_date", "total_amount", "trade_no", "trade_status", "fund_bill_list",
    }  # fmt: skip
    assert (answer["code"], answer["msg"], answer["trade_status"]) == ("10000", "Success", "TRADE_SUCCESS")


async def test_the_sdk_reads_its_answers(shop: Shop) -> None:
    attempt_no = await shop.paid(1250)
    text = await post(shop.process, wire_of(shop).write(query_request(attempt_no)))
    sdk = wire_of(shop)._sdk
    sdk._DefaultAlipayClient__config.skip_sign = False
    sdk._DefaultAlipayClient__config.alipay_public_key = (shop.alipay.our_keys / "alipay_public_key.pem").read_text()
    try:
        read = sdk._DefaultAlipayClient__parse_response(text.encode())
    finally:
        sdk._DefaultAlipayClient__config.skip_sign = True
    assert json.loads(read)["total_amount"] == "12.50"


async def test_notifications_are_signed_as_the_sdk_and_openssl_verify(shop: Shop, tmp_path: Path) -> None:
    attempt_no = await shop.paid(1250)
    (form,) = await shop.wait_for_forms(attempt_no, 1)
    content = signed_content(form, without=frozenset({"sign", "sign_type"}))
    assert content == get_sign_content({k: v for k, v in form.items() if k not in ("sign", "sign_type")}).encode()
    public_key = shop.alipay.our_keys / "alipay_public_key.pem"
    assert openssl_verifies(tmp_path, public_key, content, form["sign"])
    assert verify_with_rsa(public_key.read_text(), content, form["sign"])


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"biz_content": '{"out_trade_no":"T2"}'}, "isv.invalid-signature"),
        ({"sign": ""}, "isv.missing-sign"),
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"charset": "gbk"}, "isv.invalid-charset"),
        ({"timestamp": "2020-01-01 00:00:00"}, "isv.invalid-signature"),
    ],
)
async def test_it_refuses_what_the_application_did_not_sign(shop: Shop, changes: dict[str, str], sub_code: str) -> None:
    form = wire_of(shop).write(query_request("T1")) | changes
    answer = json.loads(await post(shop.process, form))["alipay_trade_query_response"]
    assert (answer["code"], answer["sub_code"]) == ("40002", sub_code)


async def test_it_refuses_an_old_date_and_a_foreign_application(shop: Shop) -> None:
    with clock.frozen(clock.machine_now() - timedelta(minutes=11)):
        old = wire_of(shop).write(query_request("T1"))
    answer = json.loads(await post(shop.process, old))["alipay_trade_query_response"]
    assert answer["sub_code"] == "isv.invalid-timestamp"
    foreign = wire_of(shop).write(query_request("T1")) | {"app_id": "2021000000000009"}
    assert json.loads(await post(shop.process, foreign))["error_response"]["sub_code"] == "isv.invalid-app-id"
    unknown = wire_of(shop).write(query_request("T1")) | {"method": "alipay.trade.gift"}
    assert json.loads(await post(shop.process, unknown))["error_response"]["sub_code"] == "isv.invalid-method"


async def test_common_parameters_may_stand_in_the_query_as_the_sdk_puts_them(shop: Shop) -> None:
    form = wire_of(shop).write(query_request("T1"))
    body = {"biz_content": form.pop("biz_content")}
    answer = await shop.process.control.post("/gateway.do", params=form, data=body)
    assert answer.json()["alipay_trade_query_response"]["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_a_payer_is_wanted(shop: Shop) -> None:
    model = AlipayTradeCreateModel()
    model.out_trade_no, model.total_amount, model.subject, model.product_code = "T1", "1.00", "挂号费", "JSAPI_PAY"
    text = await post(shop.process, wire_of(shop).write(AlipayTradeCreateRequest(biz_model=model)))
    assert json.loads(text)["alipay_trade_create_response"]["sub_code"] == "ACQ.INVALID_PARAMETER"


async def test_control_wants_the_token(shop: Shop) -> None:
    attempt_no = await shop.prepare()
    for header in ("", "Bearer wrong", f"Basic {TOKEN}"):
        answer = await shop.process.control.post(
            "/sandbox/pay", json={"out_trade_no": attempt_no}, headers={"authorization": header}
        )
        assert answer.status_code == 401
    assert (await shop.gateway.query(attempt_no)).state is PaymentState.UNPAID


async def test_a_killed_emulator_forgets_nothing(own_shop: Shop) -> None:
    own_shop.alipay.listener.usual = (503, b"")
    paid, unpaid = await own_shop.paid(1250), await own_shop.prepare(300)
    refund = RefundRequest(f"{paid}R1", paid, 250, 1250, "退号")
    await own_shop.gateway.refund(refund)
    await own_shop.process.advance(100)
    await own_shop.process.fault("system_error", times=5)
    before = await own_shop.process.show("/state")
    own_shop.process.kill()
    await own_shop.process.start()

    after = await own_shop.process.show("/state")
    assert (after["lead_seconds"], after["faults"]) == (before["lead_seconds"], before["faults"])
    await own_shop.process.clear_faults()
    assert (await own_shop.gateway.query(paid)).state is PaymentState.PAID
    assert (await own_shop.gateway.query(unpaid)).state is PaymentState.UNPAID
    fact = await own_shop.gateway.query_refund(refund_no=refund.refund_no, attempt_no=paid)
    assert (fact.state, fact.refund_fen) == (RefundState.SUCCEEDED, 250)
    assert (await own_shop.gateway.refund(refund)).refund_fen == 250
    # What nobody has accepted yet is told on.
    own_shop.alipay.listener.usual = (200, b"success")
    own_shop.alipay.listener.came.clear()
    await own_shop.process.advance(24 * 3600)
    forms = await own_shop.wait_for_forms(paid, 2)
    assert {form.get("out_biz_no") for form in forms} == {None, refund.refund_no}


async def test_production_has_no_emulator(own_shop: Shop) -> None:
    environment = own_shop.process.environment | {"MODE": "production"}
    done = subprocess.run(  # noqa: ASYNC221  it ends at once
        [own_shop.process.process.args[0], "-m", own_shop.process.module],
        env=environment, cwd=Path.cwd(), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "sandboxes only" in done.stderr
