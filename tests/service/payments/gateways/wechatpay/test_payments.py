import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from wechatpayv3.async_ import AsyncWeChatPay, WeChatPayType

from kernel import clock
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.port import FactSource, PaymentFact, PaymentState, RefundState, Scene
from payments.gateways.references import KeyStore, KeyUnusable
from payments.gateways.wechatpay.gateway import WechatPayGateway
from tests.factories.wechatpay import PAYER, Emulator, Listener, payment_request, refund_request

NewNumber = Callable[[], str]


def require_pay_sign(emulator: Emulator, app_id: str, given: Mapping[str, str]) -> None:
    """What wx.requestPayment is given is signed by the merchant, over what the phone will show."""
    certificate = x509.load_pem_x509_certificate((emulator.our_keys / "merchant_certificate.pem").read_bytes())
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    assert given["signType"] == "RSA"
    message = f"{app_id}\n{given['timeStamp']}\n{given['nonceStr']}\n{given['package']}\n"
    key.verify(b64decode(given["paySign"]), message.encode(), PKCS1v15(), SHA256())


async def test_a_payment_in_the_mini_program(
    gateway: WechatPayGateway, emulator: Emulator, listener: Listener, new_number: NewNumber
) -> None:
    number = new_number()
    prepared = await gateway.prepare(payment_request(number, amount_fen=12_34))
    assert set(prepared.parameters) == {"timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert prepared.parameters["package"].startswith("prepay_id=wx")
    require_pay_sign(emulator, gateway.merchant.app_id, prepared.parameters)
    assert (await gateway.query(number)).state is PaymentState.UNPAID

    emulator.pay(number)
    fact = await gateway.query(number)
    assert (fact.state, fact.amount_fen, fact.payer, fact.source) == (
        PaymentState.PAID,
        12_34,
        PAYER,
        FactSource.QUERY,
    )
    assert (fact.merchant_no, fact.app_id) == (gateway.merchant.merchant_no, gateway.merchant.app_id)
    assert fact.transaction_no is not None
    assert (await gateway.query_transaction(fact.transaction_no)).attempt_no == number

    await listener.wait_for(1)
    came = listener.came[0]
    told = gateway.read_notification(came.headers, came.body, now=clock.machine_now())
    assert (came.path, told.event_type) == ("/payments", "TRANSACTION.SUCCESS")
    assert told.fact == replace(fact, source=FactSource.NOTIFICATION)


async def test_a_payment_by_a_code_at_a_kiosk(
    gateway: WechatPayGateway, emulator: Emulator, new_number: NewNumber
) -> None:
    number = new_number()
    prepared = await gateway.prepare(payment_request(number, scene=Scene.NATIVE_CODE))
    assert prepared.code_url is not None
    assert prepared.code_url.startswith("weixin://wxpay/bizpayurl?pr=")
    emulator.control("POST", "/payments", {"code_url": prepared.code_url, "openid": "somebody-else"})
    fact = await gateway.query(number)
    assert (fact.state, fact.payer) == (PaymentState.PAID, "somebody-else")


RETURN = "https://hospital.example/m/paid?order=1&to=%E5%B9%BF"


async def test_a_payment_in_a_browser_goes_to_the_channels_page_and_comes_back(
    gateway: WechatPayGateway, listener: Listener, new_number: NewNumber
) -> None:
    number = new_number()
    asked = replace(payment_request(number, scene=Scene.BROWSER), payer_address="203.0.113.9", return_url=RETURN)
    prepared = await gateway.prepare(asked)
    assert prepared.page_url is not None
    # Asked again, the same order gets another link: one is good for minutes only.
    again = await gateway.prepare(asked)
    assert again.page_url != prepared.page_url

    async with httpx.AsyncClient(trust_env=False) as browser:
        gone = await browser.get(prepared.page_url)
        shown = await browser.get(again.page_url or "")
        assert (gone.status_code, shown.status_code) == (410, 200)
        assert "¥50.00" in shown.text
        assert (await gateway.query(number)).state is PaymentState.UNPAID
        paid = await browser.post(again.page_url or "")
        assert (paid.status_code, paid.headers["location"]) == (303, RETURN)
        # Who taps twice is told, and nothing is taken twice.
        assert (await browser.post(again.page_url or "")).status_code == 410

    fact = await gateway.query(number)
    assert (fact.state, fact.amount_fen) == (PaymentState.PAID, 5000)
    await listener.wait_for(1)
    assert len(listener.came) == 1


async def test_a_browser_without_an_address_or_a_way_back_is_refused_here(
    gateway: WechatPayGateway, new_number: NewNumber
) -> None:
    with pytest.raises(ChannelRefused, match="PAYER_MISSING"):
        await gateway.prepare(payment_request(new_number(), scene=Scene.BROWSER))


async def test_an_attempt_that_the_channel_never_heard_of_is_absent(
    gateway: WechatPayGateway, new_number: NewNumber
) -> None:
    number = new_number()
    assert await gateway.query(number) == PaymentFact(
        channel=gateway.merchant.channel,
        merchant_no=gateway.merchant.merchant_no,
        app_id=gateway.merchant.app_id,
        attempt_no=number,
        state=PaymentState.ABSENT,
        source=FactSource.QUERY,
    )
    # There is nothing to close, and nothing is made by trying.
    await gateway.close(number)
    assert (await gateway.query(number)).state is PaymentState.ABSENT


async def test_closing_holds_and_may_be_done_twice(
    gateway: WechatPayGateway, emulator: Emulator, new_number: NewNumber
) -> None:
    number = new_number()
    await gateway.prepare(payment_request(number))
    await gateway.close(number)
    await gateway.close(number)
    assert (await gateway.query(number)).state is PaymentState.CLOSED
    with pytest.raises(ChannelRefused, match="ORDER_CLOSED"):
        await gateway.prepare(payment_request(number))
    with pytest.raises(AssertionError, match="CLOSED or over"):
        emulator.pay(number)
    # Money that was under way while it was closed.
    emulator.pay(number, late=True)
    assert (await gateway.query(number)).state is PaymentState.PAID


async def test_a_paid_attempt_cannot_be_closed(
    gateway: WechatPayGateway, emulator: Emulator, new_number: NewNumber
) -> None:
    number = new_number()
    await gateway.prepare(payment_request(number))
    emulator.pay(number)
    with pytest.raises(ChannelRefused) as refused:
        await gateway.close(number)
    assert refused.value.is_paid


async def test_while_somebody_is_paying_nothing_is_known(
    gateway: WechatPayGateway, emulator: Emulator, new_number: NewNumber
) -> None:
    number = new_number()
    await gateway.prepare(payment_request(number))
    emulator.fault("user_paying")
    emulator.pay(number)
    assert (await gateway.query(number)).state is PaymentState.PAYING
    with pytest.raises(ChannelUnavailable, match="USER_PAYING"):
        await gateway.close(number)
    emulator.pay(number, act="abandon")
    await gateway.close(number)


async def test_what_a_payer_could_not_do_is_told_as_it_was_done(
    gateway: WechatPayGateway, emulator: Emulator, new_number: NewNumber
) -> None:
    number = new_number()
    await gateway.prepare(payment_request(number))
    emulator.pay(number, amount_fen=1, openid="stranger", app_id="wx0000000000000000")
    fact = await gateway.query(number)
    assert (fact.amount_fen, fact.payer, fact.app_id) == (1, "stranger", "wx0000000000000000")


async def test_preparing_again_is_no_second_order(
    gateway: WechatPayGateway, emulator: Emulator, new_number: NewNumber
) -> None:
    number = new_number()
    request = payment_request(number)
    first, second = await gateway.prepare(request), await gateway.prepare(request)
    assert first.parameters["package"] != second.parameters["package"]
    with pytest.raises(ChannelRefused, match="OUT_TRADE_NO_USED"):
        await gateway.prepare(replace(request, amount_fen=1))
    emulator.pay(number)
    with pytest.raises(ChannelRefused) as refused:
        await gateway.prepare(request)
    assert refused.value.is_paid


async def test_an_order_ends_when_it_was_said_to(
    gateway: WechatPayGateway, emulator: Emulator, new_number: NewNumber
) -> None:
    number = new_number()
    request = replace(payment_request(number), expires_at=emulator.now() + timedelta(minutes=12))
    await gateway.prepare(request)
    emulator.advance(timedelta(minutes=13))
    with pytest.raises(AssertionError, match="NOTPAY or over"):
        emulator.pay(number)
    with pytest.raises(ChannelRefused, match="INVALID_REQUEST"):
        await gateway.prepare(request)


@pytest.mark.parametrize("fault", ["answer_lost", "system_error", "frequency_limited", "answer_probe"])
async def test_an_answer_that_is_none_leaves_the_outcome_unknown(
    gateway: WechatPayGateway, emulator: Emulator, new_number: NewNumber, fault: str
) -> None:
    number = new_number()
    emulator.fault(fault)
    with pytest.raises(ChannelUnavailable):
        await gateway.prepare(payment_request(number))
    # Whatever became of it, the same call may be made again.
    await gateway.prepare(payment_request(number))
    assert (await gateway.query(number)).state is PaymentState.UNPAID


async def test_a_channel_that_is_away_leaves_the_outcome_unknown(tmp_path: Path, listener: Listener) -> None:
    with Emulator.up(tmp_path) as emulator:
        gateway = emulator.gateway(urls=listener.urls)
    with pytest.raises(ChannelUnavailable, match="ConnectError"):
        await gateway.query("A-NUMBER")
    await gateway.close_connections()


async def test_a_key_that_the_channel_does_not_know_is_no_refusal(
    gateway: WechatPayGateway, tmp_path: Path, listener: Listener
) -> None:
    """Nothing was decided about the payment: it waits until a person has put the key right."""
    with Emulator.up(tmp_path) as other:
        stranger = other.gateway(urls=listener.urls)
        for name in ("merchant_key.pem", "merchant_certificate.pem"):
            (other.our_keys / name).write_text("changed after it was read", encoding="ascii")
        # Its own emulator believes it; another one knows the same merchant by another certificate.
        assert (await stranger.query("A-NUMBER")).state is PaymentState.ABSENT
        stranger.client._core._gate_way = gateway.client._base_url
        with pytest.raises(ChannelUnavailable, match="401 SIGN_ERROR"):
            await stranger.query("A-NUMBER")
        await stranger.close_connections()


async def test_a_long_description_is_cut_at_a_character(gateway: WechatPayGateway, new_number: NewNumber) -> None:
    await gateway.prepare(replace(payment_request(new_number()), description="费" * 200))


async def test_a_mini_program_without_its_payer_is_refused_here(
    gateway: WechatPayGateway, new_number: NewNumber
) -> None:
    with pytest.raises(ChannelRefused, match="PAYER_MISSING"):
        await gateway.prepare(replace(payment_request(new_number()), payer=None))


# --- refunds


async def test_a_refund_goes_through(
    gateway: WechatPayGateway, emulator: Emulator, listener: Listener, new_number: NewNumber
) -> None:
    number = new_number()
    await gateway.prepare(payment_request(number))
    emulator.pay(number)
    await listener.wait_for(1)
    asked = await gateway.refund(refund_request(number, refund_fen=2000))
    assert (asked.state, asked.refund_fen, asked.source) == (RefundState.PROCESSING, 2000, FactSource.ANSWER)
    emulator.advance(timedelta(seconds=2))
    await listener.wait_for(2)
    came = listener.came[1]
    told = gateway.read_notification(came.headers, came.body, now=clock.machine_now())
    fact = await gateway.query_refund(refund_no=f"{number}R", attempt_no=number)
    assert (came.path, told.event_type, fact.state) == ("/refunds", "REFUND.SUCCESS", RefundState.SUCCEEDED)
    assert told.fact == replace(fact, source=FactSource.NOTIFICATION)
    # A retry under the same number sends nothing twice.
    again = await gateway.refund(refund_request(number, refund_fen=2000))
    assert (again.state, again.channel_refund_no) == (RefundState.SUCCEEDED, fact.channel_refund_no)
    assert (await gateway.query(number)).state is PaymentState.PAID


async def test_refunds_keep_the_channels_rules(
    gateway: WechatPayGateway, emulator: Emulator, new_number: NewNumber
) -> None:
    number = new_number()
    await gateway.prepare(payment_request(number))
    with pytest.raises(ChannelRefused, match="INVALID_REQUEST"):
        await gateway.refund(refund_request(number))
    emulator.pay(number)
    await gateway.refund(refund_request(number, refund_fen=2000))
    with pytest.raises(ChannelRefused, match="INVALID_REQUEST"):
        await gateway.refund(refund_request(number, refund_fen=2001))
    with pytest.raises(ChannelUnavailable, match="FREQUENCY_LIMITED"):
        await gateway.refund(refund_request(number, refund_fen=2000, suffix="S"))
    emulator.advance(timedelta(minutes=1))
    with pytest.raises(ChannelRefused, match="INVALID_REQUEST"):
        await gateway.refund(refund_request(number, refund_fen=3001, suffix="S"))
    emulator.fault("not_enough")
    with pytest.raises(ChannelRefused, match="NOT_ENOUGH"):
        await gateway.refund(refund_request(number, refund_fen=3000, suffix="S"))
    await gateway.refund(refund_request(number, refund_fen=3000, suffix="S"))


@pytest.mark.parametrize(
    ("fault", "state", "event"),
    [
        ("refund_abnormal", RefundState.ABNORMAL, "REFUND.ABNORMAL"),
        ("refund_closed", RefundState.CLOSED, "REFUND.CLOSED"),
    ],
)
async def test_a_refund_that_does_not_arrive_is_told(
    gateway: WechatPayGateway,
    emulator: Emulator,
    listener: Listener,
    new_number: NewNumber,
    fault: str,
    state: RefundState,
    event: str,
) -> None:
    number = new_number()
    await gateway.prepare(payment_request(number))
    emulator.pay(number)
    await listener.wait_for(1)
    # Another test's refund may still be under way, and must not use it up.
    emulator.fault(fault, times=None)
    await gateway.refund(refund_request(number))
    emulator.advance(timedelta(seconds=2))
    await listener.wait_for(2)
    told = gateway.read_notification(listener.came[1].headers, listener.came[1].body, now=clock.machine_now())
    assert told.event_type == event
    assert (await gateway.query_refund(refund_no=f"{number}R", attempt_no=number)).state is state


async def test_a_refund_that_was_never_asked_for_is_absent(gateway: WechatPayGateway, new_number: NewNumber) -> None:
    number = new_number()
    fact = await gateway.query_refund(refund_no=f"{number}R", attempt_no=number)
    assert (fact.state, fact.attempt_no, fact.refund_no) == (RefundState.ABSENT, number, f"{number}R")


async def test_a_lost_answer_to_a_refund_is_found_again(
    gateway: WechatPayGateway, emulator: Emulator, new_number: NewNumber
) -> None:
    number = new_number()
    await gateway.prepare(payment_request(number))
    emulator.pay(number)
    emulator.fault("answer_lost")
    with pytest.raises(ChannelUnavailable):
        await gateway.refund(refund_request(number))
    assert (await gateway.query_refund(refund_no=f"{number}R", attempt_no=number)).state is not RefundState.ABSENT
    assert (await gateway.refund(refund_request(number))).refund_fen == 5000


# --- keys and modes


async def test_certificate_mode(emulator: Emulator, listener: Listener, new_number: NewNumber) -> None:
    gateway = emulator.gateway(urls=listener.urls, certificate_mode=True)
    number = new_number()
    await gateway.prepare(payment_request(number))
    emulator.pay(number)
    await listener.wait_for(1)
    came = listener.came[0]
    assert not came.headers["wechatpay-serial"].startswith("PUB_KEY_ID_")
    assert gateway.read_notification(came.headers, came.body, now=clock.machine_now()).fact is not None
    before = gateway._keys.trusted
    emulator.fault("system_error")
    with pytest.raises(ChannelUnavailable):
        await gateway.refresh_certificates()
    assert gateway._keys.trusted is before
    await gateway.refresh_certificates()
    renewed = gateway._keys.trusted
    assert renewed is not before
    # After half a day they are renewed by the way; where that fails the known ones serve.
    gateway.client._certificates_due = clock.machine_now()
    emulator.fault("system_error")
    assert (await gateway.query(number)).state is PaymentState.PAID
    assert gateway._keys.trusted is renewed
    gateway.client._certificates_due = clock.machine_now()
    assert (await gateway.query(number)).state is PaymentState.PAID
    assert gateway._keys.trusted is not renewed
    await gateway.close_connections()


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("merchant_key.pem", "no key", "merchant_key"),
        ("merchant_certificate.pem", "no certificate", "merchant_certificate"),
        ("apiv3_key", "short", "apiv3_key"),
        ("platform_public_key.pem", "no key", "platform_public_key"),
        ("platform_public_key_id", " ", "platform_public_key_id"),
    ],
)
def test_a_key_that_is_none_is_named(
    emulator: Emulator, listener: Listener, tmp_path: Path, name: str, content: str, complaint: str
) -> None:
    folder = tmp_path / "sandbox" / "wechatpay"
    folder.mkdir(parents=True)
    for path in emulator.our_keys.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / name).write_text(content, encoding="ascii")
    merchant = emulator.gateway(urls=listener.urls).merchant
    with pytest.raises(KeyUnusable, match=complaint):
        WechatPayGateway(merchant, KeyStore(tmp_path), notify_urls=listener.urls, base_url=emulator.base_url)


async def test_the_sdk_itself_talks_to_the_emulator(
    emulator: Emulator, listener: Listener, new_number: NewNumber
) -> None:
    """Unmodified but for the base URL: its own verification of answers and of notifications holds."""
    keys, merchant = emulator.our_keys, emulator.gateway(urls=listener.urls).merchant
    sdk = AsyncWeChatPay(
        wechatpay_type=WeChatPayType.MINIPROG,
        mchid=merchant.merchant_no,
        private_key=(keys / "merchant_key.pem").read_text(),
        cert_serial_no=emulator.gateway(urls=listener.urls)._keys.merchant_serial,
        appid=merchant.app_id,
        apiv3_key=(keys / "apiv3_key").read_text().strip(),
        notify_url=listener.urls.payments,
        public_key=(keys / "platform_public_key.pem").read_text(),
        public_key_id=(keys / "platform_public_key_id").read_text().strip(),
    )
    sdk._core._gate_way = emulator.base_url
    number = new_number()
    async with sdk:
        status, content = await sdk.pay(
            description="挂号费", out_trade_no=number, amount={"total": 1}, payer={"openid": PAYER}
        )
        assert (status, list(json.loads(content))) == (200, ["prepay_id"])
        assert (await sdk.close(new_number()))[0] == 404
        emulator.pay(number)
        await listener.wait_for(1)
        told = sdk.callback(listener.came[0].headers, listener.came[0].body)
    assert told["resource"]["out_trade_no"] == number


def test_control_wants_the_sandboxs_token(emulator: Emulator) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}):
        answer = httpx.post(f"{emulator.base_url}/sandbox/payments", json={}, headers=headers, trust_env=False)
        assert answer.status_code == 401
