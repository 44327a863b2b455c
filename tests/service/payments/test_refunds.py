"""Money goes back once, within what was paid, by two persons above a limit, and never by a second number."""

from collections import Counter
from datetime import timedelta

import pytest

from kernel import clock
from payments import attempts, errors, exceptions, ledger, refunds
from payments.attempts import record_window_payment, record_window_refund
from payments.exceptions import Action
from payments.facts import Applied
from payments.gateways.errors import ChannelRefused
from payments.gateways.port import ChannelCode, RefundState
from payments.refunds import Ask
from payments.resolving import Resolution, resolve_exception
from tests.factories.payments import CASHIER, MANAGER, PORTAL, PaymentsUnderTest

ASK = Ask(reason="患者申请")


async def test_a_refund_undoes_the_his_first_and_then_sends_the_money(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid(9000)
    refund = await refunds.request_refund(order.id, amount_fen=4000, ask=ASK, actor=PORTAL)
    assert (refund.status, refund.refund_no) == ("reversing", f"{order.order_no}R01")
    await payments.settle_down()

    assert payments.his.reversed_fen == {f"{order.order_no}S": 4000}
    seen = await payments.look(order)
    assert (seen.status, seen.refunded_fen) == ("settled", 4000)
    with pytest.raises(errors.OverRefundable) as refused:
        await refunds.request_refund(order.id, amount_fen=5001, ask=ASK, actor=PORTAL)
    assert refused.value.details == {"refundable_fen": 5000}

    await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=PORTAL)
    await payments.pass_time(until=timedelta(minutes=3))
    assert (await payments.look(order)).status == "refunded"
    assert set((await ledger.balances(payments.db)).values()) == {0}
    with pytest.raises(errors.NotRefundable):
        await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=PORTAL)
    await payments.require_sound()


async def test_refunds_of_one_payment_are_a_minute_apart(payments: PaymentsUnderTest) -> None:
    # Letters are due by the database's clock, which is not frozen.
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        order, _ = await payments.paid(9000)
        for _ in range(2):
            await refunds.request_refund(order.id, amount_fen=1000, ask=ASK, actor=PORTAL)
        await payments.settle_down()
        assert payments.wechat.calls["refund"] == 1
        await payments.pass_time(until=timedelta(seconds=59), step=timedelta(seconds=59))
        assert payments.wechat.calls["refund"] == 1
        await payments.pass_time(until=timedelta(seconds=61), step=timedelta(seconds=61))
    assert sorted(payments.wechat.numbers["refund"]) == [f"{order.order_no}R01", f"{order.order_no}R02"]
    await payments.require_sound()


async def test_a_large_refund_wants_a_second_person(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid(90_000)
    refund = await refunds.request_refund(order.id, amount_fen=50_001, ask=ASK, actor=CASHIER)
    await payments.settle_down()
    assert (refund.status, payments.wechat.calls["refund"]) == ("requested", 0)

    with pytest.raises(errors.StaffRequired):
        await refunds.approve_refund(refund.id, actor=PORTAL)
    with pytest.raises(errors.SecondPersonRequired):
        await refunds.approve_refund(refund.id, actor=CASHIER)
    assert (await refunds.approve_refund(refund.id, actor=MANAGER)).status == "reversing"
    with pytest.raises(errors.RefundNotWaiting):
        await refunds.decline_refund(refund.id, actor=MANAGER)
    await payments.settle_down()

    done = await refunds.read_refund(payments.db, refund.id, CASHIER)
    assert (done.status, done.requested_by, done.approved_by) == ("succeeded", "S0001", "S0002")
    await payments.require_sound()


async def test_what_was_declined_can_be_asked_for_again(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid(90_000)
    refund = await refunds.request_refund(order.id, amount_fen=90_000, ask=ASK, actor=CASHIER)
    with pytest.raises(errors.NotRefundable):
        await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=CASHIER)
    assert (await refunds.decline_refund(refund.id, actor=MANAGER)).status == "declined"
    again = await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=CASHIER)
    assert again.amount_fen == 90_000
    await payments.require_sound()


async def test_a_lost_answer_is_asked_for_under_the_same_number(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid()
    payments.wechat.lost["refund"] = 1
    await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=PORTAL)
    await payments.settle_down()
    assert payments.wechat.held_fen == 0
    [refund] = await refunds.list_refunds(payments.db, order.id)
    assert refund.status == "processing"

    await payments.pass_time(until=timedelta(minutes=2))

    assert (await payments.look(order)).status == "refunded"
    assert set(payments.wechat.numbers["refund"]) == {refund.refund_no}
    await payments.require_sound()


async def test_a_refund_that_never_arrived_is_sent_again_under_its_number(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid()
    payments.wechat.silent = True
    await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=PORTAL)
    await payments.settle_down()
    payments.wechat.silent = False
    await payments.pass_time(until=timedelta(minutes=2))

    assert (await payments.look(order)).status == "refunded"
    assert payments.wechat.numbers["refund"] == [f"{order.order_no}R01"] * 2
    await payments.require_sound()


@pytest.mark.parametrize("action", [Action.RETRY, Action.PAY_OFFLINE, Action.CANCEL])
async def test_an_abnormal_refund_goes_to_a_person(payments: PaymentsUnderTest, action: Action) -> None:
    order, _ = await payments.paid()
    payments.wechat.refund_state = RefundState.ABNORMAL
    await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=PORTAL)
    await payments.settle_down()
    [refund] = await refunds.list_refunds(payments.db, order.id)
    assert (refund.status, refund.fault) == ("abnormal", "abnormal")
    [found] = await exceptions.list_exceptions(payments.db, limit=5)
    assert (found.cause, found.allowed) == ("refund_abnormal", ["cancel", "pay_offline", "retry"])
    await payments.require_sound()

    payments.wechat.refunds[refund.refund_no] = payments.wechat.finish_refund(
        refund.refund_no, RefundState.SUCCEEDED if action is Action.RETRY else RefundState.CLOSED
    )
    await resolve_exception(found.id, Resolution(action=action, reason="已核实", proof="B77"), actor=CASHIER)
    await payments.settle_down()

    wanted = {
        Action.RETRY: ("succeeded", "refunded"),
        Action.PAY_OFFLINE: ("paid_offline", "refunded"),
        Action.CANCEL: ("cancelled", "settled"),
    }
    [refund] = await refunds.list_refunds(payments.db, order.id)
    assert (refund.status, (await payments.look(order)).status) == wanted[action]
    await payments.require_sound()


async def test_money_that_goes_after_the_end_is_a_persons(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid()
    payments.wechat.refund_state = RefundState.ABNORMAL
    await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=PORTAL)
    await payments.settle_down()
    [found] = await exceptions.list_exceptions(payments.db, limit=5)
    await resolve_exception(found.id, Resolution(action=Action.PAY_OFFLINE, reason="转账", proof="B77"), actor=CASHIER)
    late = payments.wechat.finish_refund(f"{order.order_no}R01")
    assert [await payments.tell(late) for _ in range(2)] == [Applied.DISPUTED, Applied.REPEATED]

    [found] = await exceptions.list_exceptions(payments.db, limit=5)
    assert found.cause == "refund_after_end"
    assert (await ledger.balances(payments.db))["suspense"] == 2500
    await payments.require_sound()


async def test_a_channel_that_refuses_leaves_the_refund_to_a_person(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid()
    payments.wechat.refuses["refund"] = ChannelRefused("NOT_ENOUGH")
    await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=PORTAL)
    await payments.settle_down()
    [refund] = await refunds.list_refunds(payments.db, order.id)
    assert (refund.status, refund.fault) == ("abnormal", "NOT_ENOUGH")
    await payments.require_sound()


async def test_the_his_may_refuse_to_undo(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid()
    payments.his.refuses_reversal = "drug_dispensed"
    await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=PORTAL)
    await payments.settle_down()
    [found] = await exceptions.list_exceptions(payments.db, limit=5)
    assert (found.cause, found.allowed) == ("reversal_refused", ["cancel", "pay_offline", "proceed", "retry"])
    assert payments.wechat.calls["refund"] == 0
    await resolve_exception(found.id, Resolution(action=Action.CANCEL, reason="药已发"), actor=CASHIER)
    assert (await ledger.balances(payments.db))["refunds_payable"] == 0
    await payments.require_sound()


async def test_a_year_later_the_channel_takes_no_refund(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid()
    with clock.frozen(clock.now() + timedelta(days=366)), pytest.raises(errors.RefundLimitPassed) as refused:
        await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=CASHIER)
    assert refused.value.details == {"limit": "days"}
    assert await refunds.list_refunds(payments.db, order.id) == []


async def test_fifty_partial_refunds_are_the_most(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid(9000)
    for _ in range(50):
        await refunds.request_refund(order.id, amount_fen=1, ask=ASK, actor=CASHIER)
    with pytest.raises(errors.RefundLimitPassed) as refused:
        await refunds.request_refund(order.id, amount_fen=1, ask=ASK, actor=CASHIER)
    assert refused.value.details == {"limit": "count"}


async def test_deposits_go_back_first_in_first_out(payments: PaymentsUnderTest) -> None:
    start = clock.now()
    made = []
    for day, amount in ((0, 3000), (2, 2000), (1, 4000)):
        with clock.frozen(start + timedelta(days=day)):
            order, _ = await payments.paid(amount, kind="deposit", subject_id="stay-1", is_exclusive=False)
            made.append(order)
    async with payments.db.transaction() as tx:
        portions = await refunds.request_over(
            tx, [one.id for one in made], amount_fen=8000, ask=Ask(reason="出院结余", by_rule=True), actor=CASHIER
        )
    assert [(one.order_id, one.amount_fen) for one in portions.refunds] == [
        (made[0].id, 3000),
        (made[2].id, 4000),
        (made[1].id, 1000),
    ]
    assert portions.rest_fen == 0
    with clock.frozen(start + timedelta(days=3)):
        await payments.settle_down()
    assert (await ledger.balances(payments.db))["deposits"] == -1000
    assert Counter([(await payments.look(one)).status for one in made]) == {"refunded": 2, "settled": 1}
    await payments.require_sound()


async def test_what_the_limits_do_not_allow_is_told(payments: PaymentsUnderTest) -> None:
    start = clock.now()
    with clock.frozen(start - timedelta(days=400)):
        old, _ = await payments.paid(3000, kind="deposit", subject_id="stay-1", is_exclusive=False)
    new, _ = await payments.paid(2000, kind="deposit", subject_id="stay-1", is_exclusive=False)
    async with payments.db.transaction() as tx:
        portions = await refunds.request_over(
            tx, [old.id, new.id], amount_fen=4000, ask=Ask(reason="出院结余", by_rule=True), actor=CASHIER
        )
    assert ([one.order_id for one in portions.refunds], portions.rest_fen) == ([new.id], 2000)


async def test_a_cashier_hands_cash_back_and_says_so(payments: PaymentsUnderTest) -> None:
    order = await payments.order(3000)
    await record_window_payment(order.id, channel=ChannelCode.CASH, amount_fen=3000, slip_no=None, actor=CASHIER)
    await payments.settle_down()
    refund = await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=CASHIER)
    with pytest.raises(errors.RefundNotWaiting):
        await record_window_refund(refund.id, slip_no=None, actor=CASHIER)
    await payments.settle_down()
    await payments.pass_time(until=timedelta(minutes=30), step=timedelta(minutes=10))
    assert (await refunds.read_refund(payments.db, refund.id, CASHIER)).status == "processing"

    await attempts.record_window_refund(refund.id, slip_no="Z1", actor=MANAGER)
    await payments.settle_down()
    assert (await payments.look(order)).status == "refunded"
    assert (await ledger.balances(payments.db))["clearing:cash-main"] == 0
    await payments.require_sound()
