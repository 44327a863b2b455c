"""An order is paid, settled in the HIS once, and every fen of it stands in the ledger."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from kernel import clock
from kernel.idempotency import Idempotency
from payments import attempts, errors, ledger, orders
from payments.facts import Applied
from payments.gateways.errors import ChannelRefused
from payments.gateways.port import ChannelCode, PaymentState, Scene
from tests.factories.payments import CASHIER, PAYER, PORTAL, PaymentsUnderTest


async def test_a_paid_order_is_settled_in_the_his_and_posted(payments: PaymentsUnderTest) -> None:
    order = await payments.order(2500)
    attempt = await payments.attempt(order)
    assert attempt.prepared == {
        "parameters": {"package": f"prepay_id={order.order_no}A01"},
        "code_url": f"pay://{order.order_no}A01",
    }

    assert await payments.tell(payments.wechat.pay(attempt.attempt_no)) is Applied.PAID
    assert (await payments.look(order)).status == "paid"
    await payments.settle_down()

    assert (await payments.look(order)).status == "settled"
    assert payments.his.settled == {f"{order.order_no}S": 2500}
    assert await ledger.balances(payments.db) == {
        "clearing:wechat-main": 2500,
        "orders_unsettled": 0,
        "revenue:outpatient_bill": -2500,
    }
    assert await payments.kinds_heard(order) == [
        "payment.created",
        "payment.attempted",
        "payment.paid",
        "payment.settled",
    ]
    await payments.require_sound()


async def test_a_fact_told_many_times_and_late_changes_nothing_more(payments: PaymentsUnderTest) -> None:
    order, attempt = await payments.paid()
    before = await ledger.balances(payments.db)

    unpaid = replace(payments.wechat.fact(attempt.attempt_no), state=PaymentState.UNPAID, transaction_no=None)
    closed = replace(unpaid, state=PaymentState.CLOSED)
    paid = payments.wechat.fact(attempt.attempt_no)
    told = [await payments.tell(fact) for fact in (paid, unpaid, closed, paid)]
    await payments.settle_down()

    assert told == [Applied.REPEATED, Applied.NOTED, Applied.REPEATED, Applied.REPEATED]
    assert (await payments.look(order)).status == "settled"
    assert await ledger.balances(payments.db) == before
    assert payments.his.calls == Counter(settle=1)
    await payments.require_sound()


async def test_a_browser_gets_a_fresh_way_to_the_channels_page_each_time(payments: PaymentsUnderTest) -> None:
    order = await payments.order()

    async def pay(browser: attempts.Browser | None) -> attempts.Attempt:
        return await attempts.start_attempt(
            order.id,
            channel=ChannelCode.WECHATPAY,
            scene=Scene.BROWSER,
            payer=None,
            browser=browser,
            actor=PORTAL,
        )

    with pytest.raises(errors.PayerRequired):
        await pay(None)
    ways = [await pay(attempts.Browser("203.0.113.9", "https://hospital.example/m/paid")) for _ in range(2)]

    assert ways[0].attempt_no == ways[1].attempt_no
    assert [way.prepared and way.prepared["page_url"] for way in ways] == [
        "https://hospital.example/m/paid?link=1",
        "https://hospital.example/m/paid?link=2",
    ]


async def test_the_same_key_gives_the_same_order_and_the_same_attempt(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    key = Idempotency("portal", "one-key", "POST /payments", {"channel": "1"})
    payments.wechat.lost["prepare"] = 1

    with pytest.raises(errors.ChannelSilent):
        await attempts.start_attempt(
            order.id,
            channel=ChannelCode.WECHATPAY,
            scene=Scene.MINI_PROGRAM,
            payer=PAYER,
            actor=PORTAL,
            idempotency=key,
        )
    again = [
        await attempts.start_attempt(
            order.id,
            channel=ChannelCode.WECHATPAY,
            scene=Scene.MINI_PROGRAM,
            payer=PAYER,
            actor=PORTAL,
            idempotency=key,
        )
        for _ in range(2)
    ]

    assert again[0] == again[1]
    assert payments.wechat.numbers["prepare"] == [f"{order.order_no}A01"] * 2
    assert len(await payments.rows("payment_attempt")) == 1


async def test_an_attempt_that_the_channel_refuses_has_failed(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    payments.wechat.refuses["prepare"] = ChannelRefused("RULE_LIMIT")

    with pytest.raises(errors.RefusedByChannel) as refused:
        await payments.attempt(order)

    assert refused.value.details == {"channel_code": "RULE_LIMIT"}
    [row] = await payments.rows("payment_attempt")
    assert (row["status"], row["fault"], row["next_check_at"]) == ("failed", "RULE_LIMIT", None)
    await orders.close_order(order.id, reason="cancelled", actor=PORTAL)
    assert (await payments.look(order)).status == "closed"


async def test_a_payment_of_which_nobody_tells_is_asked_about(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    payments.wechat.pay(attempt.attempt_no)

    await payments.pass_time(until=timedelta(minutes=1))

    assert (await payments.look(order)).status == "settled"
    await payments.require_sound()


async def test_a_window_takes_cash_for_the_order_and_closes_its_other_attempts(payments: PaymentsUnderTest) -> None:
    order = await payments.order(3000)
    attempt = await payments.attempt(order)

    with pytest.raises(errors.StaffRequired):
        await attempts.record_window_payment(
            order.id, channel=ChannelCode.CASH, amount_fen=3000, slip_no=None, actor=PORTAL
        )
    with pytest.raises(errors.WrongAmount):
        await attempts.record_window_payment(
            order.id, channel=ChannelCode.CASH, amount_fen=2999, slip_no=None, actor=CASHIER
        )
    assert (await payments.look(order)).status == "open"
    paid = await attempts.record_window_payment(
        order.id, channel=ChannelCode.CASH, amount_fen=3000, slip_no=None, actor=CASHIER
    )
    await payments.settle_down()

    assert paid.status == "paid"
    assert (await payments.look(order)).status == "settled"
    assert payments.wechat.fact(attempt.attempt_no).state is PaymentState.CLOSED
    assert (await ledger.balances(payments.db))["clearing:cash-main"] == 3000
    await payments.require_sound()


async def test_one_subject_is_ordered_once_at_a_time(payments: PaymentsUnderTest) -> None:
    order = await payments.order(subject_id="hold-1")
    with pytest.raises(errors.SubjectAlreadyOrdered) as refused:
        await payments.order(subject_id="hold-1")
    assert refused.value.details == {"order_id": order.id}

    await orders.close_order(order.id, reason="cancelled", actor=PORTAL)
    assert (await payments.order(subject_id="hold-1")).status == "open"


async def test_another_client_sees_no_order(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    stranger = replace(PORTAL, client_id="stranger")
    with pytest.raises(errors.OrderNotFound):
        await orders.read_order(payments.db, order.id, stranger)
    with pytest.raises(errors.OrderNotFound):
        await attempts.start_attempt(
            order.id, channel=ChannelCode.WECHATPAY, scene=Scene.MINI_PROGRAM, payer=PAYER, actor=stranger
        )
    assert await payments.rows("payment_attempt") == []


async def test_no_attempt_begins_when_the_order_is_about_to_end(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    with clock.frozen(order.expires_at - attempts.ENDS_BEFORE_ORDER), pytest.raises(errors.OrderEnding):
        await payments.attempt(order)
