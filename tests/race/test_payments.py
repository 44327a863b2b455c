"""Payers, cashiers, clocks and channels at once: one fulfilment, no fen twice, none lost."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from payments import attempts, exceptions, expiry, inbox, refunds
from payments.attempts import record_window_payment
from payments.exceptions import Action
from payments.gateways.port import ChannelCode, Notification
from payments.orders import close_order
from payments.refunds import Ask
from payments.resolving import Resolution, resolve_exception
from tests.factories.payments import CASHIER, MANAGER, PORTAL, PaymentsUnderTest

pytestmark = pytest.mark.race

ORDERS = 12
STUCK_SECONDS_MAX = 60
ASK = Ask(reason="患者申请", tells_his=False)


@pytest.fixture
async def payments(database: Database) -> PaymentsUnderTest:
    return await PaymentsUnderTest(database).build()


async def refused(action: Awaitable[Any]) -> Any:
    """Give the answer, or the refusal itself; anything else is a fault and fails the test."""
    try:
        return await action
    except HospitalError as refusal:
        return refusal


async def at_once(*actions: Awaitable[Any]) -> list[Any]:
    async with asyncio.timeout(STUCK_SECONDS_MAX):
        return list(await asyncio.gather(*(refused(action) for action in actions)))


async def workers(payments: PaymentsUnderTest) -> None:
    """Let three workers finish what there is, then one what they left to each other."""
    await at_once(*(payments.settle_down() for _ in range(3)))
    await payments.settle_down()


async def test_paying_against_the_end_of_the_order(payments: PaymentsUnderTest) -> None:
    made = [await payments.order() for _ in range(ORDERS)]
    tried = [await payments.attempt(order) for order in made]
    with clock.frozen(made[-1].expires_at + timedelta(seconds=1)):
        paid = [payments.wechat.pay(one.attempt_no) for one in tried]
        answers = await at_once(
            expiry.expire_orders(),
            *(payments.tell(fact) for fact in paid),
            *(payments.settle_down() for _ in range(2)),
            *(expiry.close_attempt(one.id) for one in tried),
        )
        assert [one for one in answers if isinstance(one, HospitalError)] == []
        await workers(payments)

        assert Counter([(await payments.look(order)).status for order in made]) == {"settled": ORDERS}
        assert payments.wechat.held_fen == ORDERS * 2500
        assert set(payments.his.accepted.values()) == {1}
        await payments.require_sound()


async def test_two_channels_paid_at_once(payments: PaymentsUnderTest) -> None:
    made = [await payments.order() for _ in range(ORDERS)]
    by_wechat = [await payments.attempt(order) for order in made]
    by_alipay = [await payments.attempt(order, ChannelCode.ALIPAY) for order in made]
    facts = [payments.wechat.pay(one.attempt_no) for one in by_wechat]
    facts += [payments.alipay.pay(one.attempt_no) for one in by_alipay]

    answers = await at_once(*(payments.tell(fact) for fact in (*facts, *facts)))
    await workers(payments)

    assert Counter(answers) == {"paid": ORDERS, "surplus": ORDERS, "repeated": 2 * ORDERS}
    assert payments.wechat.held_fen + payments.alipay.held_fen == ORDERS * 2500
    given_back = [refund for order in made for refund in await refunds.list_refunds(payments.db, order.id)]
    assert Counter((one.cause, one.status) for one in given_back) == {("surplus", "succeeded"): ORDERS}
    assert len(payments.his.settled) == ORDERS
    await payments.require_sound()


async def test_notification_against_query(payments: PaymentsUnderTest) -> None:
    order = await payments.order()
    attempt = await payments.attempt(order)
    fact = payments.wechat.pay(attempt.attempt_no)
    told = [Notification(f"E{n}", "TRANSACTION.SUCCESS", fact) for n in range(5)]

    await at_once(
        *(inbox.accept_notification(payments.wechat.merchant, one) for one in told for _ in range(4)),
        *(payments.tell(fact) for _ in range(5)),
        *(expiry.query_attempt(attempt.id) for _ in range(5)),
        *(payments.settle_down() for _ in range(2)),
    )
    await workers(payments)

    assert len(await payments.rows("payment_transaction")) == 1
    rows = await payments.rows("payment_notification")
    assert Counter(row["status"] for row in rows) == {"applied": 5}
    assert payments.his.calls["settle"] == 1
    assert (await payments.look(order)).status == "settled"
    await payments.require_sound()


async def test_many_ask_for_the_same_money_back(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid(2500)
    answers = await at_once(
        *(refunds.request_refund(order.id, amount_fen=1000, ask=ASK, actor=PORTAL) for _ in range(10))
    )
    assert Counter(type(one).__name__ for one in answers) == {"Refund": 2, "OverRefundable": 8}
    await payments.pass_time(until=timedelta(minutes=5), step=timedelta(minutes=1))
    assert payments.wechat.held_fen == 500
    await payments.require_sound()


async def test_workers_send_a_refund_once(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid(2500)
    await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=PORTAL)
    payments.wechat.lost["refund"] = 2
    await workers(payments)
    await payments.pass_time(until=timedelta(minutes=3))
    assert set(payments.wechat.numbers["refund"]) == {f"{order.order_no}R01"}
    assert (await payments.look(order)).status == "refunded"
    await payments.require_sound()


async def test_two_persons_judge_a_refund_at_once(payments: PaymentsUnderTest) -> None:
    order, _ = await payments.paid(90_000)
    refund = await refunds.request_refund(order.id, amount_fen=None, ask=ASK, actor=CASHIER)
    answers = await at_once(
        *(refunds.approve_refund(refund.id, actor=MANAGER) for _ in range(4)),
        *(refunds.decline_refund(refund.id, actor=MANAGER) for _ in range(4)),
    )
    assert Counter(type(one).__name__ for one in answers) == {"Refund": 1, "RefundNotWaiting": 7}
    await workers(payments)
    await payments.require_sound()


async def test_one_subject_one_order_one_attempt(payments: PaymentsUnderTest) -> None:
    answers = await at_once(*(payments.order(subject_id="hold-1") for _ in range(10)))
    assert Counter(type(one).__name__ for one in answers) == {"Order": 1, "SubjectAlreadyOrdered": 9}
    [order] = [one for one in answers if not isinstance(one, HospitalError)]
    tried = await at_once(*(payments.attempt(order) for _ in range(10)))
    assert len({one.attempt_no for one in tried}) == 1
    assert len(await payments.rows("payment_attempt")) == 1


async def test_the_window_against_the_phone_against_giving_up(payments: PaymentsUnderTest) -> None:
    made = [await payments.order() for _ in range(ORDERS)]
    tried = [await payments.attempt(order) for order in made]
    facts = [payments.wechat.pay(one.attempt_no) for one in tried]
    steps: list[Awaitable[Any]] = []
    for order, fact in zip(made, facts, strict=True):
        steps.append(
            record_window_payment(order.id, channel=ChannelCode.CASH, amount_fen=2500, slip_no=None, actor=CASHIER)
        )
        steps.append(close_order(order.id, reason="cancelled", actor=PORTAL))
        steps.append(payments.tell(fact))
    await at_once(*steps)
    await workers(payments)

    assert {(await payments.look(order)).status for order in made} == {"settled"}
    assert len(payments.his.settled) == ORDERS
    await payments.require_sound()


async def test_a_person_decides_while_the_his_answers(payments: PaymentsUnderTest) -> None:
    payments.his.silent = True
    made = [(await payments.paid())[0] for _ in range(4)]
    await payments.pass_time(until=timedelta(hours=2), step=timedelta(minutes=5))
    open_cases = await exceptions.list_exceptions(payments.db, limit=10)
    assert len(open_cases) == 4
    payments.his.silent = False
    with clock.frozen(payments.passed_until + timedelta(minutes=20)):
        await expiry.ask_due(payments.db)
        answers = await at_once(
            *(payments.settle_down() for _ in range(2)),
            *(
                resolve_exception(one.id, Resolution(action=Action.REFUND, reason="退回"), actor=person)
                for one in open_cases
                for person in (CASHIER, MANAGER)
            ),
        )
        # Nobody stands in anybody's way for good: there is no deadlock to give way to.
        assert {type(one).__name__ for one in answers} <= {"NoneType", "ExceptionResolved", "NotRefundable"}
        await workers(payments)
        ends = [(await payments.look(order)).status for order in made]
        assert set(ends) <= {"settled", "refunded"}
        net = {number: fen - payments.his.reversed_fen[number] for number, fen in payments.his.settled.items()}
        assert sum(net.values()) == payments.wechat.held_fen == 2500 * ends.count("settled")
        await payments.require_sound()


async def test_an_attempt_begins_while_the_order_ends(payments: PaymentsUnderTest) -> None:
    made = [await payments.order() for _ in range(ORDERS)]
    await at_once(
        *(payments.attempt(order) for order in made),
        *(close_order(order.id, reason="cancelled", actor=PORTAL) for order in made),
    )
    await workers(payments)
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        await expiry.ask_due(payments.db)
        await workers(payments)
        assert {(await payments.look(order)).status for order in made} == {"closed"}
        unfinished = [one for order in made for one in await attempts.list_attempts(payments.db, order.id)]
        assert {one.status for one in unfinished} <= {"closed"}
        await payments.require_sound()
