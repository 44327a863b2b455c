"""Orders end on time whatever a channel does, and money that comes late, twice or wrong is never silent."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kernel import clock
from payments import exceptions, expiry, ledger, orders, refunds
from payments.exceptions import Action
from payments.facts import Applied
from payments.gateways.port import ChannelCode, PaymentState
from payments.resolving import Resolution, resolve_exception
from tests.factories.payments import CASHIER, MANAGER, PORTAL, PaymentsUnderTest

JUST_OVER = timedelta(minutes=15, seconds=1)


async def expire(payments: PaymentsUnderTest) -> None:
    await expiry.expire_orders()
    await payments.settle_down()


async def causes(payments: PaymentsUnderTest) -> list[str]:
    return [one.cause.value for one in await exceptions.list_exceptions(payments.db, limit=50)]


async def test_an_unpaid_order_is_asked_about_closed_asked_about_and_over(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)

    with clock.frozen(clock.now() + JUST_OVER):
        await expire(payments)

    assert (await payments.look(order)).status == "closed"
    assert payments.wechat.calls == {"prepare": 1, "query": 2, "close": 1}
    assert payments.wechat.fact(attempt.attempt_no).state is PaymentState.CLOSED
    assert (await payments.kinds_heard(order))[-2:] == ["payment.expired", "payment.closed"]
    await payments.require_sound()


async def test_a_silent_channel_does_not_keep_an_order_open(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    await payments.attempt(order)
    payments.wechat.silent = True

    with clock.frozen(clock.now() + JUST_OVER):
        await expire(payments)
        assert (await payments.look(order)).status == "closing"
        assert (await payments.kinds_heard(order))[-1] == "payment.expired"
        await payments.pass_time(until=timedelta(hours=2), step=timedelta(minutes=10))
        assert await causes(payments) == ["close_unanswered"]
    with clock.frozen(clock.now() + timedelta(hours=3)):
        payments.wechat.silent = False
        await payments.pass_time(until=timedelta(minutes=20), step=timedelta(minutes=10))

    assert (await payments.look(order)).status == "closed"
    await payments.require_sound()


async def test_what_was_paid_at_the_last_moment_is_found_before_closing(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    payments.wechat.pay(attempt.attempt_no)

    with clock.frozen(clock.now() + JUST_OVER):
        await expire(payments)

    assert (await payments.look(order)).status == "settled"
    [settlement] = await payments.rows("payment_settlement")
    assert settlement["is_late"] is True
    assert payments.wechat.calls["close"] == 0
    await payments.require_sound()


@pytest.mark.parametrize("can_be_had", [True, False])
async def test_money_after_closing_fulfils_or_goes_back(payments: PaymentsUnderTest, can_be_had: bool) -> None:  # noqa: FBT001  the case
    order = await payments.order()
    attempt = await payments.attempt(order)
    with clock.frozen(clock.now() + JUST_OVER):
        await expire(payments)
        assert (await payments.look(order)).status == "closed"
        payments.his.declines = None if can_be_had else "seat_gone"
        # The channel took the money in the same moment in which it said that it had closed.
        payments.wechat.tried[attempt.attempt_no].state = PaymentState.UNPAID
        assert await payments.tell(payments.wechat.pay(attempt.attempt_no)) is Applied.PAID
        await payments.settle_down()

    assert (await payments.look(order)).status == ("settled" if can_be_had else "refunded")
    assert payments.wechat.held_fen == (2500 if can_be_had else 0)
    await payments.require_sound()


async def test_late_money_gives_way_to_a_newer_order_for_the_same(payments: PaymentsUnderTest) -> None:
    old = await payments.order(subject_id="hold-1")
    attempt = await payments.attempt(old)
    with clock.frozen(clock.now() + JUST_OVER):
        await expire(payments)
        new = await payments.order(subject_id="hold-1")
        payments.wechat.tried[attempt.attempt_no].state = PaymentState.UNPAID
        assert await payments.tell(payments.wechat.pay(attempt.attempt_no)) is Applied.SURPLUS
        await payments.settle_down()
        assert (await payments.look(old)).status == "closed"
        assert (await payments.look(new)).status == "open"
        assert payments.wechat.held_fen == 0
        await payments.require_sound()


async def test_a_second_channels_payment_goes_back_exactly_once(payments: PaymentsUnderTest) -> None:
    order = await payments.order(4000)
    first = await payments.attempt(order)
    second = await payments.attempt(order, ChannelCode.ALIPAY)

    told = payments.alipay.pay(second.attempt_no)
    await payments.tell(payments.wechat.pay(first.attempt_no))
    assert await payments.tell(told) is Applied.SURPLUS
    await payments.settle_down()
    assert await payments.tell(told) is Applied.REPEATED
    await payments.settle_down()

    assert (await payments.look(order)).status == "settled"
    assert (payments.wechat.held_fen, payments.alipay.held_fen) == (4000, 0)
    [refund] = await refunds.list_refunds(payments.db, order.id)
    assert (refund.cause, refund.status, refund.amount_fen) == ("surplus", "succeeded", 4000)
    assert (await ledger.balances(payments.db))["surplus"] == 0
    await payments.require_sound()


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"amount_fen": 2499}, "amount_mismatch"),
        ({"app_id": "wx-of-others"}, "app_mismatch"),
        ({"payer": "somebody-else"}, "payer_mismatch"),
    ],
)
async def test_what_does_not_fit_never_fulfils(
    payments: PaymentsUnderTest, wrong: dict[str, object], cause: str
) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    amount = 2499 if "amount_fen" in wrong else None
    fact = replace(payments.wechat.pay(attempt.attempt_no, amount_fen=amount), **wrong)  # type: ignore[arg-type]  # one of three fields, each of its own type

    assert [await payments.tell(fact) for _ in range(2)] == [Applied.DISPUTED, Applied.REPEATED]
    await payments.settle_down()

    assert (await payments.look(order)).status == "open"
    assert payments.his.calls == {}
    [found] = await exceptions.list_exceptions(payments.db, limit=5)
    assert (found.cause, found.allowed) == (cause, ["explain", "refund"])
    assert (await ledger.balances(payments.db))["suspense"] == -payments.wechat.held_fen
    await payments.require_sound()

    await resolve_exception(found.id, Resolution(action=Action.REFUND, reason="金额不符"), actor=CASHIER)
    await payments.settle_down()
    assert payments.wechat.held_fen == 0
    assert (await ledger.balances(payments.db))["suspense"] == 0
    await payments.require_sound()


async def test_another_merchants_word_does_not_touch_the_attempt(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    fact = replace(payments.wechat.pay(attempt.attempt_no), merchant_no="1999999999")

    assert await payments.tell(fact) is Applied.DISPUTED

    [row] = await payments.rows("payment_attempt")
    assert row["status"] == "prepared"
    assert await payments.rows("payment_transaction") == []
    assert await causes(payments) == ["merchant_mismatch"]


async def test_money_under_an_unknown_number_is_a_persons(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    paid = payments.wechat.pay(attempt.attempt_no)
    unknown = replace(paid, attempt_no="NOTOURS01")
    assert [await payments.tell(unknown) for _ in range(2)] == [Applied.UNKNOWN] * 2
    assert await payments.tell(replace(unknown, state=PaymentState.CLOSED)) is Applied.UNKNOWN
    assert await causes(payments) == ["unknown_attempt"]


async def test_giving_an_order_up_closes_its_attempts(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    closing = await orders.close_order(order.id, reason="cancelled", actor=PORTAL)
    assert closing.status == "closing"
    await payments.settle_down()
    assert (await payments.look(order)).status == "closed"
    assert payments.wechat.fact(attempt.attempt_no).state is PaymentState.CLOSED
    assert MANAGER.staff_code != CASHIER.staff_code
