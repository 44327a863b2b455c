"""Insurance and cash in one payment: paid when both are, told of for half a minute, sent back in the right order."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from payments.gateways.errors import ChannelRefused, ChannelUnavailable, NotificationRefused
from payments.gateways.port import FactSource, PaymentState
from payments.gateways.wechatpay.gateway import WechatPayGateway
from payments.gateways.wechatpay.medical import (
    Institution,
    InsuranceRefund,
    InsuranceShare,
    LegState,
    MedicalPayments,
    MixedRequest,
    OrderType,
    digest_identity,
)
from tests.factories.wechatpay import Emulator, Listener, payment_request, refund_request, until, until_refunded

NewNumber = Callable[[], str]
INSTITUTION = Institution(name="广州示范医院", code="H44010000001", city_id="440100")


def mixed_request(number: str, *, own_fen: int = 3000, reduced_fen: int = 0, insured: bool = True) -> MixedRequest:
    share = InsuranceShare(
        pay_order_id=f"ORD{number}",
        pay_auth_no=f"AUTH{number}",
        ordered_at=clock.now(),
        pooled_fen=10_000 if insured else 0,
        account_fen=2000 if insured else 0,
        other_fen=0,
        own_fen=own_fen,
    )
    return MixedRequest(
        cash=payment_request(number, amount_fen=own_fen - reduced_fen),
        order_type=OrderType.DIAGNOSIS,
        bill_no=f"B{number}",
        share=share,
        payer_name="测试甲",
        identity_number="44010019900101001x",
        reduced_fen=reduced_fen,
    )


@pytest.fixture
def medical(gateway: WechatPayGateway, listener: Listener) -> MedicalPayments:
    return MedicalPayments(gateway, INSTITUTION, notify_url=f"http://127.0.0.1:{listener.port}/insurance")


def act(emulator: Emulator, number: str, act: str) -> Any:
    return emulator.control("POST", "/medical-payments", {"out_trade_no": number, "act": act})


async def test_a_payment_in_two_parts(
    gateway: WechatPayGateway, medical: MedicalPayments, emulator: Emulator, listener: Listener, new_number: NewNumber
) -> None:
    number = new_number()
    assert await medical.query(number) is None
    request = mixed_request(number, reduced_fen=500)
    prepared = await medical.prepare(request)
    assert prepared.cash.parameters["package"].startswith("prepay_id=wx")
    # The part in cash alone is no payment yet, whatever its own notification says.
    act(emulator, number, "cash")
    assert (await gateway.query(number)).state is PaymentState.PAID
    pending = await medical.query(number)
    assert pending is not None
    assert (pending.is_paid, pending.cash, pending.insurance) == (False, LegState.PAID, LegState.UNPAID)
    act(emulator, number, "pay")
    fact = await medical.query(number)
    assert fact is not None
    assert (fact.is_paid, fact.cash_fen, fact.insurance_fen, fact.total_fen) == (True, 2500, 12_000, 15_000)
    assert (fact.mix_trade_no, fact.app_id) == (prepared.mix_trade_no, gateway.merchant.app_id)

    await listener.wait_for(2)
    came = {one.path: one for one in listener.came}
    told = came["/insurance"]
    _, read = medical.read_notification(told.headers, told.body, now=clock.machine_now())
    assert read == replace(fact, source=FactSource.NOTIFICATION)
    # At the general gate it is kept without a fact of the ordinary kind, and no ordinary one passes for it.
    assert gateway.read_notification(told.headers, told.body, now=clock.machine_now()).fact is None
    with pytest.raises(NotificationRefused, match="event_type"):
        medical.read_notification(came["/payments"].headers, came["/payments"].body, now=clock.machine_now())
    with pytest.raises(NotificationRefused, match="bad_signature"):
        medical.read_notification(told.headers, told.body + b" ", now=clock.machine_now())


@pytest.mark.parametrize("own_fen", [0, 3000])
async def test_preparing_again_is_no_second_order(
    medical: MedicalPayments, emulator: Emulator, new_number: NewNumber, own_fen: int
) -> None:
    request = mixed_request(new_number(), own_fen=own_fen)
    emulator.fault("answer_lost")
    with pytest.raises(ChannelUnavailable):
        await medical.prepare(request)
    first, second = await medical.prepare(request), await medical.prepare(request)
    assert first.mix_trade_no == second.mix_trade_no
    with pytest.raises(ChannelRefused, match="OUT_TRADE_NO_USED"):
        await medical.prepare(replace(request, bill_no="another"))


async def test_insurance_alone_and_cash_alone(
    gateway: WechatPayGateway, medical: MedicalPayments, emulator: Emulator, new_number: NewNumber
) -> None:
    insured, own = new_number(), new_number()
    assert (await medical.prepare(mixed_request(insured, own_fen=0))).cash.parameters == {}
    await medical.prepare(mixed_request(own, insured=False))
    for number, cash, insurance in (
        (insured, LegState.NONE, LegState.PAID),
        (own, LegState.PAID, LegState.NONE),
    ):
        act(emulator, number, "pay")
        fact = await medical.query(number)
        assert fact is not None
        assert (fact.is_paid, fact.cash, fact.insurance) == (True, cash, insurance)
    assert (await gateway.query(insured)).state is PaymentState.ABSENT


async def test_an_insurance_that_refuses(medical: MedicalPayments, emulator: Emulator, new_number: NewNumber) -> None:
    number = new_number()
    await medical.prepare(mixed_request(number))
    act(emulator, number, "cash")
    act(emulator, number, "fail")
    fact = await medical.query(number)
    assert fact is not None
    # The cash is there and has to go back: the fact says so.
    assert (fact.is_paid, fact.is_failed, fact.cash, fact.insurance) == (False, True, LegState.PAID, LegState.FAILED)


async def test_its_notification_is_told_for_half_a_minute(
    medical: MedicalPayments, emulator: Emulator, listener: Listener, new_number: NewNumber
) -> None:
    number = new_number()
    listener.status = 500
    await medical.prepare(mixed_request(number, own_fen=0))
    act(emulator, number, "pay")

    def shown() -> tuple[str, int]:
        one = next(
            one
            for one in emulator.control("GET", "/notifications")["notifications"]
            if one["url"].endswith("/insurance")
        )
        return one["state"], one["tries"]

    await until(lambda: shown() == ("waiting", 1))
    emulator.advance(timedelta(seconds=15))
    await until(lambda: shown() == ("waiting", 2))
    emulator.advance(timedelta(seconds=15))
    await until(lambda: shown() == ("given_up", 3))
    fact = await medical.query(number)
    assert fact is not None
    assert fact.is_paid


async def test_money_goes_back_insurance_first(
    gateway: WechatPayGateway, medical: MedicalPayments, emulator: Emulator, new_number: NewNumber
) -> None:
    number = new_number()
    prepared = await medical.prepare(mixed_request(number))
    refund = InsuranceRefund(
        refund_no=f"{number}R",
        mix_trade_no=prepared.mix_trade_no,
        pooled_fen=10_000,
        account_fen=2000,
        other_fen=0,
        refunded_at=clock.now(),
    )
    with pytest.raises(ChannelRefused, match="INVALID_REQUEST"):
        await medical.report_refund(refund)
    act(emulator, number, "pay")
    with pytest.raises(ChannelRefused, match="INVALID_REQUEST"):
        await medical.report_refund(replace(refund, pooled_fen=10_001))
    await gateway.refund(refund_request(number, refund_fen=3000, paid_fen=3000))
    await medical.report_refund(replace(refund, pooled_fen=4000, account_fen=0))
    half = await medical.query(number)
    assert half is not None
    assert half.insurance is LegState.PAID
    emulator.advance(timedelta(seconds=2))
    await until_refunded(gateway, number)
    rest = replace(refund, refund_no=f"{number}S", pooled_fen=6000)
    await medical.report_refund(rest)
    await medical.report_refund(rest)
    fact = await medical.query(number)
    assert fact is not None
    assert (fact.is_paid, fact.cash, fact.insurance) == (False, LegState.REFUNDED, LegState.REFUNDED)


async def test_certificate_mode_seals_under_the_certificate(
    emulator: Emulator, listener: Listener, new_number: NewNumber
) -> None:
    gateway = emulator.gateway(urls=listener.urls, certificate_mode=True)
    medical = MedicalPayments(gateway, INSTITUTION, notify_url=f"http://127.0.0.1:{listener.port}/insurance")
    assert (await medical.prepare(mixed_request(new_number()))).mix_trade_no.startswith("MIX")
    await gateway.close_connections()


def test_the_digest_does_not_depend_on_how_the_check_digit_is_written() -> None:
    expected = hashlib.md5(b"44010019900101001X", usedforsecurity=False).hexdigest()
    assert digest_identity("44010019900101001x") == digest_identity("44010019900101001X") == expected
