"""What Alipay tells the platform, by the emulator's process; and what somebody else would have it believe."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from payments.gateways.alipay.signing import sign, signed_content
from payments.gateways.errors import NotificationRefused
from payments.gateways.port import FactSource, PaymentFact, PaymentState, RefundFact, RefundRequest, RefundState
from runtime.sandbox_channels import ALIPAY_APP_ID as APP_ID
from runtime.sandbox_channels import ALIPAY_SELLER_ID as SELLER_ID
from tests.service.payments.gateways.alipay.conftest import PAYER, Shop

HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
SHANGHAI_MINUTES = 8 * 60


async def body_of(shop: Shop, attempt_no: str) -> bytes:
    await shop.wait_for_forms(attempt_no, 1)
    return next(body for _, body in shop.alipay.listener.came if attempt_no.encode() in body)


async def until_noted(shop: Shop, *, tries: int) -> None:
    """The pause to the next try begins when the emulator has noted the answer to this one."""
    async with asyncio.timeout(20):
        while (await shop.process.show("/notifications"))["notifications"][0]["tries"] < tries:
            await asyncio.sleep(0.02)


def signed(key: rsa.RSAPrivateKey, form: dict[str, str], **changes: str) -> bytes:
    """Write a notification as whoever has the key would."""
    changed = {name: value for name, value in (form | changes).items() if name not in ("sign", "sign_type")}
    signature = sign(key, signed_content(changed, without=frozenset()))
    return urlencode(changed | {"sign": signature, "sign_type": "RSA2"}).encode()


def refusal(shop: Shop, body: bytes, headers: dict[str, str] | None = None) -> str:
    with pytest.raises(NotificationRefused) as refused:
        shop.gateway.read_notification(headers or HEADERS, body, now=datetime.now(UTC))
    return refused.value.reason


async def test_a_payment_is_told_field_by_field(shop: Shop) -> None:
    attempt_no = await shop.paid(1250)
    (form,) = await shop.wait_for_forms(attempt_no, 1)
    trade = await shop.process.show(f"/trades/{attempt_no}")
    assert set(form) >= {"notify_time", "notify_id", "sign", "gmt_create", "gmt_payment", "fund_bill_list"}
    assert not set(form) & {"out_biz_no", "refund_fee", "gmt_refund"}
    told = {name: form[name] for name in form if name not in ("notify_time", "notify_id", "sign", "fund_bill_list")}
    assert told == {
        "notify_type": "trade_status_sync",
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
        "app_id": APP_ID,
        "auth_app_id": APP_ID,
        "trade_no": trade["trade_no"],
        "out_trade_no": attempt_no,
        "buyer_open_id": PAYER,
        "buyer_logon_id": "159****5620",
        "seller_id": SELLER_ID,
        "seller_email": "pay@hospital.example",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "12.50",
        "receipt_amount": "12.50",
        "invoice_amount": "12.50",
        "buyer_pay_amount": "12.50",
        "point_amount": "0.00",
        "subject": "挂号费 内科",
        "gmt_create": form["gmt_create"],
        "gmt_payment": form["gmt_payment"],
    }

    body = await body_of(shop, attempt_no)
    notification = shop.gateway.read_notification(HEADERS, body, now=datetime.now(UTC))
    assert notification.event_id == form["notify_id"]
    assert notification.event_type == "trade_status_sync:TRADE_SUCCESS"
    queried = await shop.gateway.query(attempt_no)
    assert isinstance(notification.fact, PaymentFact)
    assert notification.fact.source is FactSource.NOTIFICATION
    # The two ways of hearing of one payment say the same.
    assert notification.fact.state is queried.state is PaymentState.PAID
    assert notification.fact.occurred_at == queried.occurred_at
    assert notification.fact.amount_fen == queried.amount_fen == 1250
    assert notification.fact.transaction_no == queried.transaction_no
    assert notification.fact.payer == queried.payer
    assert (notification.fact.merchant_no, notification.fact.app_id) == (SELLER_ID, APP_ID)


async def test_a_refund_that_says_trade_success_is_no_payment(shop: Shop) -> None:
    attempt_no = await shop.paid(1250)
    await shop.gateway.refund(RefundRequest(f"{attempt_no}R1", attempt_no, 250, 1250, "退号"))
    await shop.gateway.refund(RefundRequest(f"{attempt_no}R2", attempt_no, 1000, 1250, "退号"))
    await shop.wait_for_forms(attempt_no, 3)
    told = {}
    for _, body in shop.alipay.listener.came:
        form = dict(parse_qsl(body.decode()))
        if form["out_trade_no"] == attempt_no and "out_biz_no" in form:
            fact = shop.gateway.read_notification(HEADERS, body, now=datetime.now(UTC)).fact
            assert isinstance(fact, RefundFact)
            told[form["out_biz_no"]] = (form["trade_status"], form["refund_fee"], fact.state, fact.refund_fen)
    assert told == {
        f"{attempt_no}R1": ("TRADE_SUCCESS", "2.50", RefundState.SUCCEEDED, None),
        # What is told is the sum of both, so it is not taken for the amount of the second.
        f"{attempt_no}R2": ("TRADE_CLOSED", "12.50", RefundState.SUCCEEDED, None),
    }


async def test_a_closed_trade_is_told_as_closed(shop: Shop) -> None:
    attempt_no = await shop.prepare()
    await shop.gateway.close(attempt_no)
    body = await body_of(shop, attempt_no)
    fact = shop.gateway.read_notification(HEADERS, body, now=datetime.now(UTC)).fact
    assert isinstance(fact, PaymentFact)
    assert (fact.state, fact.occurred_at) == (PaymentState.CLOSED, None)


async def test_a_refund_without_a_number_of_ours_is_kept_and_not_acted_on(shop: Shop) -> None:
    attempt_no = await shop.paid(1250)
    form = dict(parse_qsl((await body_of(shop, attempt_no)).decode()))
    body = signed(shop.alipay.alipays_key, form, refund_fee="12.50", gmt_refund="2026-11-23 08:30:00.123")
    assert shop.gateway.read_notification(HEADERS, body, now=datetime.now(UTC)).fact is None
    untouched = signed(shop.alipay.alipays_key, form, refund_fee="0.00")
    assert isinstance(shop.gateway.read_notification(HEADERS, untouched, now=datetime.now(UTC)).fact, PaymentFact)


async def test_what_is_not_alipays_is_refused(shop: Shop) -> None:
    attempt_no = await shop.paid(1250)
    body = await body_of(shop, attempt_no)
    form = dict(parse_qsl(body.decode()))
    foreign = rsa.generate_private_key(65537, 2048)
    assert refusal(shop, signed(foreign, form)) == "signature"
    for name, value in (("total_amount", "99.00"), ("out_trade_no", "T99"), ("notify_id", "x"), ("extra", "1")):
        changed = urlencode(form | {name: value}).encode()
        assert refusal(shop, changed) == "signature", name
    assert refusal(shop, urlencode({name: form[name] for name in form if name != "sign"}).encode()) == "signature"
    assert refusal(shop, urlencode(form | {"sign": "no base64!"}).encode()) == "signature"
    assert refusal(shop, urlencode(form | {"sign_type": "RSA"}).encode()) == "sign_type"
    # Verified under one value, read under another.
    assert refusal(shop, body + b"&total_amount=99.00") == "form"
    assert refusal(shop, body, {"content-type": "application/json"}) == "form"
    assert refusal(shop, b"\xff\xfe\x00garbage") == "form"
    assert refusal(shop, b"") == "form"
    assert refusal(shop, b"&".join(b"a%d=1" % number for number in range(200))) == "form"
    assert refusal(shop, b"a=" + b"x" * 40_000) == "too_long"


async def test_what_is_stale_or_from_tomorrow_is_refused(shop: Shop) -> None:
    attempt_no = await shop.paid(1250)
    body = await body_of(shop, attempt_no)
    now = datetime.now(UTC)
    shop.gateway.read_notification(HEADERS, body, now=now + timedelta(hours=25))
    for at in (now + timedelta(hours=27), now - timedelta(minutes=10)):
        with pytest.raises(NotificationRefused, match="stale"):
            shop.gateway.read_notification(HEADERS, body, now=at)


async def test_signed_nonsense_is_refused(shop: Shop) -> None:
    attempt_no = await shop.paid(1250)
    form, key = dict(parse_qsl((await body_of(shop, attempt_no)).decode())), shop.alipay.alipays_key
    for changes in (
        {"total_amount": "12.505"},
        {"total_amount": "1e3"},
        {"total_amount": "NaN"},
        {"trade_status": "TRADE_PENDING"},
        {"notify_time": "yesterday"},
        {"notify_id": "x" * 200},
        {"gmt_payment": "2026-13-01 00:00:00"},
        {"out_trade_no": ""},
    ):
        assert refusal(shop, signed(key, form, **changes)) == "content", changes


async def test_it_is_told_again_until_it_is_believed_by_the_real_schedule(own_shop: Shop) -> None:
    own_shop.alipay.listener.usual = (200, b"SUCCESS")  # not exactly `success`
    attempt_no = await own_shop.paid(1250)
    await own_shop.wait_for_forms(attempt_no, 1)
    minutes = (4, 10, 10, 60, 120, 360, 900)
    for sent, pause in enumerate(minutes, start=1):
        await until_noted(own_shop, tries=sent)
        await own_shop.process.advance(pause * 60 - 30)
        assert len(own_shop.forms_of(attempt_no)) == sent
        await own_shop.process.advance(31)
        forms = await own_shop.wait_for_forms(attempt_no, sent + 1)
    assert len({form["notify_id"] for form in forms}) == 1
    await until_noted(own_shop, tries=8)
    shown = await own_shop.process.show("/notifications")
    assert [(one["state"], one["tries"]) for one in shown["notifications"]] == [("given_up", 8)]


async def test_dropped_doubled_delayed_forged(own_shop: Shop) -> None:
    await own_shop.process.fault("notification_dropped")
    dropped = await own_shop.paid(100)
    await own_shop.process.fault("notification_doubled")
    doubled = await own_shop.paid(200)
    first, second = await own_shop.wait_for_forms(doubled, 2)
    assert first["notify_id"] == second["notify_id"]
    await own_shop.process.fault("notification_delayed", seconds=60)
    delayed = await own_shop.paid(300)
    await own_shop.process.fault("notification_forged")
    forged = await own_shop.paid(400)
    own_shop.alipay.listener.answers.append((400, b"fail"))
    await own_shop.wait_for_forms(forged, 1)
    await until_noted(own_shop, tries=1)
    assert own_shop.forms_of(dropped) == own_shop.forms_of(delayed) == []
    assert refusal(own_shop, await body_of(own_shop, forged)) == "signature"

    await own_shop.process.advance(241)
    await own_shop.wait_for_forms(dropped, 1)
    await own_shop.wait_for_forms(delayed, 1)
    # The next try of the forged one is Alipay's own.
    await own_shop.wait_for_forms(forged, 2)
    bodies = [body for _, body in own_shop.alipay.listener.came if forged.encode() in body]
    fact = own_shop.gateway.read_notification(HEADERS, bodies[-1], now=datetime.now(UTC)).fact
    assert isinstance(fact, PaymentFact)
    assert fact.amount_fen == 400


async def test_a_refund_may_be_told_before_its_payment(own_shop: Shop) -> None:
    await own_shop.process.fault("notification_reordered")
    attempt_no = await own_shop.paid(1250)
    await own_shop.gateway.refund(RefundRequest(f"{attempt_no}R1", attempt_no, 1250, 1250, "退号"))
    first, second = await own_shop.wait_for_forms(attempt_no, 2)
    assert ("out_biz_no" in first, "out_biz_no" in second) == (True, False)
