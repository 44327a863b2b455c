"""The platform's side of Alipay, against the emulator's process."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import httpx
import pytest

from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.port import (
    ChannelCode,
    FactSource,
    PaymentFact,
    PaymentState,
    RefundFact,
    RefundRequest,
    RefundState,
    Scene,
)
from runtime.sandbox_channels import ALIPAY_APP_ID as APP_ID
from runtime.sandbox_channels import ALIPAY_SELLER_ID as SELLER_ID
from tests.service.payments.gateways.alipay.conftest import PAYER, Shop


def refund_of(attempt_no: str, number: str, fen: int, paid: int = 1250) -> RefundRequest:
    return RefundRequest(f"{attempt_no}R{number}", attempt_no, fen, paid, "退号")


async def test_a_payment_from_the_mini_program(shop: Shop) -> None:
    request = await shop.request(1250)
    prepared = await shop.gateway.prepare(request)
    unpaid = await shop.gateway.query(request.attempt_no)
    await shop.pay(request.attempt_no)
    paid = await shop.gateway.query(request.attempt_no)

    trade = await shop.process.show(f"/trades/{request.attempt_no}")
    assert prepared.parameters == {"tradeNO": trade["trade_no"]}
    assert (trade["total_fen"], trade["subject"], trade["buyer_open_id"]) == (1250, "挂号费 内科", PAYER)
    assert unpaid.state is PaymentState.UNPAID
    assert unpaid.occurred_at is None
    assert paid == PaymentFact(
        channel=ChannelCode.ALIPAY,
        merchant_no=SELLER_ID,
        app_id=APP_ID,
        attempt_no=request.attempt_no,
        state=PaymentState.PAID,
        source=FactSource.QUERY,
        amount_fen=1250,
        transaction_no=trade["trade_no"],
        payer=PAYER,
        occurred_at=paid.occurred_at,
    )
    assert paid.occurred_at is not None
    assert timedelta(0) <= await shop.now() - paid.occurred_at < timedelta(minutes=1)


async def test_a_payment_in_a_browser_begins_on_alipays_page(shop: Shop) -> None:
    back = "https://hospital.example/m/paid?order=1"
    request = replace(await shop.request(1250, Scene.BROWSER), payer_address="203.0.113.9", return_url=back)
    prepared = await shop.gateway.prepare(request)
    # Signing the way calls nobody: there is no trade before the payer's yes.
    assert (await shop.gateway.query(request.attempt_no)).state is PaymentState.ABSENT

    async with httpx.AsyncClient(trust_env=False) as browser:
        shown = await browser.get(prepared.page_url)
        assert (shown.status_code, "¥12.50" in shown.text) == (200, True)
        forged = await browser.get(prepared.page_url.replace("12.5", "0.01"))
        assert (forged.status_code, "验签出错" in forged.text) == (400, True)
        action = re.search(r'action="([^"]+)"', shown.text)
        assert action is not None
        yes = f"{prepared.page_url.partition('/gateway.do')[0]}{unescape(action[1])}"
        paid = await browser.post(yes)
        assert paid.headers["location"].startswith(f"{back}&out_trade_no={request.attempt_no}")
        assert (await browser.post(yes)).status_code == 409

    fact = await shop.gateway.query(request.attempt_no)
    assert (fact.state, fact.amount_fen) == (PaymentState.PAID, 1250)
    assert len(await shop.wait_for_forms(request.attempt_no, 1)) == 1


async def test_preparing_twice_is_one_trade_and_another_amount_is_refused(shop: Shop) -> None:
    request = await shop.request(1250)
    first = await shop.gateway.prepare(request)
    assert await shop.gateway.prepare(request) == first
    with pytest.raises(ChannelRefused, match="CONTEXT_INCONSISTENT"):
        await shop.gateway.prepare(replace(request, amount_fen=1251))
    assert (await shop.gateway.query(request.attempt_no)).amount_fen == 1250


async def test_preparing_what_is_paid_says_so(shop: Shop) -> None:
    request = await shop.request()
    await shop.gateway.prepare(request)
    await shop.pay(request.attempt_no)
    with pytest.raises(ChannelRefused) as refused:
        await shop.gateway.prepare(request)
    assert (refused.value.code, refused.value.is_paid) == ("ACQ.TRADE_HAS_SUCCESS", True)


async def test_a_code_is_no_trade_before_it_is_scanned(shop: Shop) -> None:
    request = await shop.request(300, Scene.NATIVE_CODE)
    prepared = await shop.gateway.prepare(request)
    assert prepared.code_url is not None
    assert prepared.code_url.startswith("https://qr.alipay.com/")
    assert (await shop.gateway.query(request.attempt_no)).state is PaymentState.ABSENT
    await shop.gateway.close(request.attempt_no)

    trade = await shop.process.ask("/scan", {"qr_code": prepared.code_url, "buyer_open_id": "kiosk-payer"})
    assert (await shop.gateway.query(request.attempt_no)).state is PaymentState.UNPAID
    await shop.process.ask("/pay", {"trade_no": trade["trade_no"]})
    fact = await shop.gateway.query(request.attempt_no)
    assert (fact.state, fact.amount_fen, fact.payer) == (PaymentState.PAID, 300, "kiosk-payer")


async def test_an_attempt_that_nobody_made_is_absent(shop: Shop) -> None:
    fact = await shop.gateway.query("NOBODY1")
    assert (fact.state, fact.amount_fen, fact.transaction_no) == (PaymentState.ABSENT, None, None)


async def test_closing_is_for_good_and_twice_is_no_error(shop: Shop) -> None:
    attempt_no = await shop.prepare()
    await shop.gateway.close(attempt_no)
    await shop.gateway.close(attempt_no)
    assert (await shop.gateway.query(attempt_no)).state is PaymentState.CLOSED
    answer = await shop.process.control.post("/sandbox/pay", json={"out_trade_no": attempt_no})
    assert answer.status_code == 422


async def test_what_is_paid_cannot_be_closed(shop: Shop) -> None:
    attempt_no = await shop.paid()
    with pytest.raises(ChannelRefused) as refused:
        await shop.gateway.close(attempt_no)
    assert (refused.value.code, refused.value.is_paid) == ("ACQ.TRADE_STATUS_ERROR", True)


async def test_what_is_paid_late_or_wrongly_is_told_as_it_is(shop: Shop) -> None:
    late, wrong = await shop.prepare(1250), await shop.prepare(1250)
    await shop.gateway.close(late)
    await shop.process.ask("/pay", {"out_trade_no": late, "late": True})
    await shop.process.ask("/pay", {"out_trade_no": wrong, "amount_fen": 1})
    facts = [await shop.gateway.query(attempt_no) for attempt_no in (late, wrong)]
    assert [(fact.state, fact.amount_fen) for fact in facts] == [(PaymentState.PAID, 1250), (PaymentState.PAID, 1)]


async def test_a_trade_ends_at_its_time_without_anybody(own_shop: Shop) -> None:
    request = await own_shop.request(minutes=5)
    await own_shop.gateway.prepare(request)
    await own_shop.process.advance(299)
    assert (await own_shop.gateway.query(request.attempt_no)).state is PaymentState.UNPAID
    await own_shop.process.advance(2)
    assert (await own_shop.gateway.query(request.attempt_no)).state is PaymentState.CLOSED


async def test_a_payer_may_take_a_while(own_shop: Shop) -> None:
    attempt_no = await own_shop.prepare()
    await own_shop.process.fault("wait_buyer_pay", seconds=90)
    await own_shop.pay(attempt_no)
    assert (await own_shop.gateway.query(attempt_no)).state is PaymentState.UNPAID
    await own_shop.process.advance(91)
    assert (await own_shop.gateway.query(attempt_no)).state is PaymentState.PAID


async def test_a_partial_and_a_last_refund(shop: Shop) -> None:
    attempt_no = await shop.paid(1250)
    first = await shop.gateway.refund(refund_of(attempt_no, "1", 250))
    assert first == RefundFact(
        channel=ChannelCode.ALIPAY,
        merchant_no=SELLER_ID,
        attempt_no=attempt_no,
        refund_no=f"{attempt_no}R1",
        state=RefundState.SUCCEEDED,
        source=FactSource.ANSWER,
        occurred_at=first.occurred_at,
    )
    assert first.occurred_at is not None
    assert (await shop.gateway.query(attempt_no)).state is PaymentState.PAID

    await shop.gateway.refund(refund_of(attempt_no, "2", 1000))
    second = await shop.gateway.query_refund(refund_no=f"{attempt_no}R2", attempt_no=attempt_no)
    assert (second.state, second.refund_fen, second.source) == (RefundState.SUCCEEDED, 1000, FactSource.QUERY)
    # Alipay calls it TRADE_CLOSED now; it was paid nevertheless.
    assert (await shop.process.show(f"/trades/{attempt_no}"))["status"] == "TRADE_CLOSED"
    assert (await shop.gateway.query(attempt_no)).state is PaymentState.PAID


async def test_the_same_refund_again_is_the_same_and_moves_nothing(shop: Shop) -> None:
    attempt_no = await shop.paid(1250)
    await shop.process.fault("answer_lost")
    with pytest.raises(ChannelUnavailable):
        await shop.gateway.refund(refund_of(attempt_no, "1", 250))
    # The first try was done; the second is answered with fund_change=N, and the refund is asked for.
    again = await shop.gateway.refund(refund_of(attempt_no, "1", 250))
    assert (again.state, again.refund_fen) == (RefundState.SUCCEEDED, 250)
    trade = await shop.process.show(f"/trades/{attempt_no}")
    assert [refund["amount_fen"] for refund in trade["refunds"]] == [250]

    with pytest.raises(ChannelRefused, match="DISCORDANT_REPEAT_REQUEST"):
        await shop.gateway.refund(refund_of(attempt_no, "1", 300))
    assert (await shop.process.show(f"/trades/{attempt_no}"))["refunds"] == trade["refunds"]


async def test_more_than_was_paid_never_goes_back(shop: Shop) -> None:
    attempt_no = await shop.paid(1250)
    await shop.gateway.refund(refund_of(attempt_no, "1", 1000))
    with pytest.raises(ChannelRefused, match="REASON_TRADE_REFUND_FEE_ERR"):
        await shop.gateway.refund(refund_of(attempt_no, "2", 251))
    absent = await shop.gateway.query_refund(refund_no=f"{attempt_no}R2", attempt_no=attempt_no)
    assert absent.state is RefundState.ABSENT


async def test_a_refund_that_the_bank_works_on_and_one_that_it_refuses(own_shop: Shop) -> None:
    attempt_no = await own_shop.paid(1250)
    await own_shop.process.fault("refund_delayed", seconds=120)
    slow = await own_shop.gateway.refund(refund_of(attempt_no, "1", 100))
    await own_shop.process.fault("refund_abnormal")
    refused = await own_shop.gateway.refund(refund_of(attempt_no, "2", 200))
    assert (slow.state, refused.state) == (RefundState.PROCESSING, RefundState.ABNORMAL)
    assert (slow.refund_fen, refused.refund_fen) == (100, 200)

    await own_shop.process.advance(121)
    later = await own_shop.gateway.query_refund(refund_no=f"{attempt_no}R1", attempt_no=attempt_no)
    still = await own_shop.gateway.query_refund(refund_no=f"{attempt_no}R2", attempt_no=attempt_no)
    assert (later.state, still.state) == (RefundState.SUCCEEDED, RefundState.ABNORMAL)


async def test_nothing_goes_back_after_a_year(own_shop: Shop) -> None:
    attempt_no = await own_shop.paid(1250)
    await own_shop.process.advance(366 * 86400)
    with pytest.raises(ChannelRefused, match="TRADE_HAS_FINISHED"):
        await own_shop.gateway.refund(refund_of(attempt_no, "1", 100))
    assert (await own_shop.gateway.query(attempt_no)).state is PaymentState.PAID


async def test_an_answer_that_alipay_did_not_sign_is_no_answer(shop: Shop) -> None:
    attempt_no = await shop.paid()
    await shop.process.fault("answer_forged")
    with pytest.raises(ChannelUnavailable, match="signature"):
        await shop.gateway.query(attempt_no)
    assert (await shop.gateway.query(attempt_no)).state is PaymentState.PAID


async def test_a_system_error_leaves_the_outcome_open(shop: Shop) -> None:
    attempt_no = await shop.prepare()
    await shop.process.fault("system_error", times=2)
    with pytest.raises(ChannelUnavailable, match="unknow-error"):
        await shop.gateway.close(attempt_no)
    with pytest.raises(ChannelUnavailable, match="unknow-error"):
        await shop.gateway.query(attempt_no)
    assert (await shop.gateway.query(attempt_no)).state is PaymentState.UNPAID


async def test_a_lost_answer_of_preparing_costs_nothing(shop: Shop) -> None:
    request = await shop.request()
    await shop.process.fault("answer_lost")
    with pytest.raises(ChannelUnavailable, match="502"):
        await shop.gateway.prepare(request)
    prepared = await shop.gateway.prepare(request)
    trade = await shop.process.show(f"/trades/{request.attempt_no}")
    assert prepared.parameters["tradeNO"] == trade["trade_no"]


async def test_a_silent_gateway_is_unavailable(own_shop: Shop) -> None:
    own_shop.process.kill()
    with pytest.raises(ChannelUnavailable, match="ConnectError"):
        await own_shop.gateway.query("T1")
