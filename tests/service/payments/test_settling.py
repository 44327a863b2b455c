"""The HIS has a paid order, refuses it, or does not say: what is not known is asked, and never refunded by itself."""

from datetime import timedelta

import pytest

from payments import errors, exceptions, ledger, refunds
from payments.exceptions import Action
from payments.refunds import Ask
from payments.resolving import Resolution, resolve_exception
from tests.factories.payments import CASHIER, MANAGER, PORTAL, PaymentsUnderTest

A_LONG_TIME = timedelta(hours=2)


async def test_a_lost_answer_is_asked_for_and_the_his_settles_once(payments: PaymentsUnderTest) -> None:
    payments.his.lost["settle"] = 1
    order, _ = await payments.paid()
    [row] = await payments.rows("payment_settlement")
    assert (order.status, row["status"]) == ("paid", "unknown")

    await payments.pass_time(until=timedelta(minutes=1))

    assert (await payments.look(order)).status == "settled"
    assert payments.his.calls == {"settle": 1, "query": 1}
    await payments.require_sound()


async def test_a_definite_no_sends_the_money_back(payments: PaymentsUnderTest) -> None:
    payments.his.rejects = "bill_changed"
    order, _ = await payments.paid(6000)

    assert order.status == "refunded"
    assert payments.wechat.held_fen == 0
    [refund] = await refunds.list_refunds(payments.db, order.id)
    assert (refund.cause, refund.status, refund.tells_his) == ("his_rejected", "succeeded", False)
    assert set((await ledger.balances(payments.db)).values()) == {0}
    await payments.require_sound()


async def test_unknown_goes_to_a_person_and_never_refunds_by_itself(payments: PaymentsUnderTest) -> None:
    payments.his.silent = True
    order, _ = await payments.paid()
    await payments.pass_time(until=A_LONG_TIME, step=timedelta(minutes=5))

    assert (await payments.look(order)).status == "paid"
    assert payments.wechat.calls["refund"] == 0
    [found] = await exceptions.list_exceptions(payments.db, limit=5)
    assert (found.cause, found.allowed) == ("settlement_unknown", ["ask_again", "mark_settled", "refund"])
    # The person is asked to look for it in the HIS.
    assert found.facts["settlement_no"] == await payments.db.fetchval("SELECT settlement_no FROM payment_settlement")
    asked = payments.his.calls["query"]
    assert asked >= 8

    payments.his.silent = False
    await payments.pass_time(until=timedelta(minutes=20), step=timedelta(minutes=5))
    assert (await payments.look(order)).status == "settled"
    [row] = await payments.rows("payment_exception")
    assert (row["status"], row["resolved_by"]) == ("resolved", "system:payments")
    await payments.require_sound()


@pytest.mark.parametrize("action", [Action.MARK_SETTLED, Action.REFUND])
async def test_a_person_may_end_the_unknown(payments: PaymentsUnderTest, action: Action) -> None:
    payments.his.silent = True
    order, _ = await payments.paid()
    await payments.pass_time(until=A_LONG_TIME, step=timedelta(minutes=5))
    [found] = await exceptions.list_exceptions(payments.db, limit=5)

    with pytest.raises(errors.StaffRequired):
        await resolve_exception(found.id, Resolution(action=action, reason="r", proof="H1"), actor=PORTAL)
    with pytest.raises(errors.ActionNotAllowed):
        await resolve_exception(found.id, Resolution(action=Action.CANCEL, reason="r"), actor=CASHIER)
    with pytest.raises(errors.ActionNotAllowed):
        await resolve_exception(found.id, Resolution(action=Action.MARK_SETTLED, reason="r"), actor=CASHIER)
    assert (await payments.look(order)).status == "paid"

    payments.his.silent = False
    await resolve_exception(found.id, Resolution(action=action, reason="已核实", proof="H1"), actor=CASHIER)
    await payments.settle_down()

    if action is Action.MARK_SETTLED:
        assert (await payments.look(order)).status == "settled"
        assert payments.wechat.held_fen == 2500
    else:
        assert (await payments.look(order)).status == "refunded"
        # Whatever the HIS may have had is undone before the money goes.
        assert payments.his.calls["reverse"] == 1
        assert payments.wechat.held_fen == 0
    [row] = await payments.rows("payment_exception")
    assert (row["action"], row["reason"], row["resolved_by"]) == (action.value, "已核实", "S0001")
    with pytest.raises(errors.ExceptionResolved):
        await resolve_exception(found.id, Resolution(action=Action.ASK_AGAIN, reason="r"), actor=MANAGER)
    await payments.require_sound()


async def test_a_fault_of_the_feature_loses_no_money_and_is_tried_again(payments: PaymentsUnderTest) -> None:
    payments.his.breaks = True
    order, _ = await payments.paid()
    assert order.status == "paid"
    assert (await ledger.balances(payments.db))["orders_unsettled"] == -2500

    await payments.pass_time(until=A_LONG_TIME, step=timedelta(minutes=5))
    assert [one.cause for one in await exceptions.list_exceptions(payments.db, limit=5)] == ["acceptance_failed"]
    payments.his.breaks = False
    await payments.pass_time(until=timedelta(minutes=20), step=timedelta(minutes=5))

    assert (await payments.look(order)).status == "settled"
    await payments.require_sound()


async def test_money_of_what_was_given_up_is_a_case_again_when_its_refund_is_declined(
    payments: PaymentsUnderTest,
) -> None:
    """Paid, not settled, not refunded: such money never lies about unseen."""
    payments.his.silent = True
    order, _ = await payments.paid(90_000)
    await payments.pass_time(until=A_LONG_TIME, step=timedelta(minutes=5))
    [unknown] = await exceptions.list_exceptions(payments.db, limit=5)
    await resolve_exception(unknown.id, Resolution(action=Action.REFUND, reason="r"), actor=CASHIER)
    [refund] = await refunds.list_refunds(payments.db, order.id)
    await refunds.decline_refund(refund.id, actor=MANAGER)

    [found] = await exceptions.list_exceptions(payments.db, limit=5)
    assert (found.cause, found.allowed, found.facts) == (
        "refund_declined",
        ["explain", "refund"],
        {"refund_no": refund.refund_no, "amount_fen": 90_000},
    )
    await payments.require_sound()
    await resolve_exception(found.id, Resolution(action=Action.REFUND, reason="r"), actor=CASHIER)
    [_, again] = await refunds.list_refunds(payments.db, order.id)
    assert (again.status, again.cause, again.tells_his) == ("requested", "his_rejected", True)
    await refunds.approve_refund(again.id, actor=MANAGER)
    payments.his.silent = False
    await payments.pass_time(until=timedelta(minutes=20), step=timedelta(minutes=5))

    assert (await payments.look(order)).status == "refunded"
    assert payments.wechat.held_fen == 0
    assert payments.his.voided == {f"{order.order_no}S"}
    assert await exceptions.list_exceptions(payments.db, limit=5) == []
    await payments.require_sound()


async def test_a_person_may_keep_such_money_and_says_why(payments: PaymentsUnderTest) -> None:
    payments.his.silent = True
    order, _ = await payments.paid(90_000)
    await payments.pass_time(until=A_LONG_TIME, step=timedelta(minutes=5))
    for action in (Action.REFUND, Action.EXPLAIN):
        [found] = await exceptions.list_exceptions(payments.db, limit=5)
        await resolve_exception(found.id, Resolution(action=action, reason="已另行处理"), actor=CASHIER)
        for refund in await refunds.list_refunds(payments.db, order.id):
            if refund.status == "requested":
                await refunds.decline_refund(refund.id, actor=MANAGER)

    assert await exceptions.list_exceptions(payments.db, limit=5) == []
    assert payments.wechat.held_fen == 90_000
    await payments.require_sound()


async def test_a_declined_refund_of_what_stands_is_no_case(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid(90_000)
    refund = await refunds.request_refund(order.id, amount_fen=None, ask=Ask(reason="r"), actor=CASHIER)

    await refunds.decline_refund(refund.id, actor=MANAGER)

    assert await exceptions.list_exceptions(payments.db, limit=5) == []
