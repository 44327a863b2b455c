"""Insured bills while everything breaks down: at each step the worker, the HIS's answer or the centre's is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from integration.his.billing import BillStatus
from kernel import clock
from kernel.idempotency import Idempotency
from payments import errors, exceptions, refunds
from payments.bills.service import request_bill_refund
from payments.exceptions import Action
from payments.refunds import Ask
from payments.resolving import Resolution, resolve_exception
from tests.factories.his_billing import BLOOD_COUNT, CRP
from tests.factories.insured_bills import AUTH_NO, InsuredBills
from tests.factories.payments import CASHIER, PORTAL, Crash

REASON = "患者申请退费"


def breaks_after(monkeypatch: pytest.MonkeyPatch, owner: Any, call: str) -> list[str]:
    """Let the caller break down once after a call was done; gives a list that is empty once it has."""
    waiting = [call]
    done: Callable[..., Awaitable[Any]] = getattr(owner, call)

    async def call_and_die(*arguments: Any, **named: Any) -> Any:
        outcome = await done(*arguments, **named)
        if waiting:
            waiting.clear()
            raise Crash(call)
        return outcome

    monkeypatch.setattr(owner, call, call_and_die)
    return waiting


async def heal(insured: InsuredBills) -> None:
    await insured.pass_time(until=timedelta(minutes=3))
    await insured.tend()


@pytest.mark.parametrize("step", ["query", "settle_bills"])
async def test_a_worker_that_dies_while_settling_settles_once(
    insured: InsuredBills, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    bill = await insured.prescribe(BLOOD_COUNT, CRP)
    order = await insured.share(bill)
    waiting = breaks_after(monkeypatch, insured.centre.client if step == "query" else insured.billing, step)
    await insured.pay_shared(order)
    await heal(insured)
    assert waiting == []
    assert ((await insured.look(order)).status, await insured.statuses(bill)) == ("settled", [BillStatus.PAID])
    await insured.require_agreement()


@pytest.mark.parametrize("step", ["request_refund", "reverse_settlement", "query", "refund"])
async def test_a_worker_that_dies_while_refunding_sends_each_part_back_once(
    insured: InsuredBills, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    bill = await insured.prescribe(BLOOD_COUNT, CRP)
    order = await insured.pay_shared(await insured.share(bill))
    owner = insured.billing if step in ("request_refund", "reverse_settlement") else insured.centre.client
    waiting = breaks_after(monkeypatch, owner, step)
    await request_bill_refund(order.id, None, reason=REASON, actor=PORTAL)
    await insured.settle_down()
    await heal(insured)
    assert waiting == []
    assert ((await insured.look(order)).status, await insured.statuses(bill)) == ("refunded", [BillStatus.REVERSED])
    assert (await insured.at_centre(order))["insurance_back_fen"] == 4_265
    assert insured.wechat.held_fen == 0
    await insured.require_agreement()


@pytest.mark.parametrize("step", ["upload", "pay"])
async def test_a_process_that_dies_while_ordering_leaves_nothing_at_the_centre(
    insured: InsuredBills, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    breaks_after(monkeypatch, insured.centre.client, step)
    with pytest.raises(Crash):
        await insured.order_bills(bill, pay_auth_no=AUTH_NO)
    await insured.db.execute("UPDATE insurance_claim SET next_try_at = now() - interval '1 minute'")
    assert await insured.tend() == 1
    [claim] = await insured.db.fetch("SELECT * FROM insurance_claim")
    told = await insured.centre.bill_of(claim["bill_no"])
    assert told is not None
    assert (claim["status"], told["status"]) == ("dropped", "12")
    await insured.require_agreement()


async def test_of_many_phones_at_once_one_orders_and_the_others_claims_are_forgotten(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    outcomes = await asyncio.gather(
        *(insured.order_bills(bill, pay_auth_no=AUTH_NO) for _ in range(4)), return_exceptions=True
    )
    lost = [one for one in outcomes if isinstance(one, BaseException)]
    assert [type(one) for one in lost] == [errors.BillAlreadyOrdered] * 3
    states = await insured.db.fetch("SELECT status FROM insurance_claim ORDER BY status")
    assert [one["status"] for one in states] == ["dropped"] * 3 + ["ordered"]
    await insured.require_agreement()


async def test_a_repeated_request_orders_once_and_asks_the_centre_once(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    key = Idempotency(PORTAL.client_id, "order-1", "POST /orders")
    first, second = [await insured.order_bills(bill, pay_auth_no=AUTH_NO, idempotency=key) for _ in range(2)]
    assert first.id == second.id
    assert await insured.db.fetchval("SELECT count(*) FROM insurance_claim") == 1


async def test_paying_and_giving_up_at_once_ends_in_one_of_the_two(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    order = await insured.share(bill)
    attempt = await insured.try_to_pay(order)
    await insured.agree(order)
    fact = insured.wechat.pay(attempt.attempt_no)
    await asyncio.gather(insured.give_up(order), insured.tell(fact), return_exceptions=True)
    await insured.settle_down()
    await heal(insured)
    now = await insured.look(order)
    assert now.status == "settled", now
    await insured.require_agreement()


async def test_a_refund_that_the_his_asked_for_takes_the_insurance_back_first(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    order = await insured.pay_shared(await insured.share(bill))
    await insured.centre.process.fault("refund_unclear", times=1, done=0)
    ask = Ask(reason=REASON, tells_his=False, by_rule=True)
    await refunds.request_refund(order.id, amount_fen=None, ask=ask, actor=CASHIER)
    await insured.settle_down()
    # Not known to be back: no cash has left, and the HIS was not told what it knows.
    assert (insured.wechat.calls["refund"], await insured.statuses(bill)) == (0, [BillStatus.PAID])
    await insured.pass_time(until=timedelta(minutes=3))
    assert (await insured.look(order)).status == "refunded"
    assert (await insured.at_centre(order))["insurance_back_fen"] == 1_600
    await insured.require_sound()


async def test_an_insurance_that_keeps_its_part_is_a_case_for_a_person(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    order = await insured.share(bill)
    await insured.agree(order, "unclear")
    await insured.give_up(order)
    await insured.settle_down()
    assert (await insured.look(order)).status == "closed"
    for _ in range(9):
        await insured.db.execute("UPDATE insurance_share SET next_try_at = $1", clock.machine_now())
        assert await insured.tend() == 0
    [found] = await exceptions.list_exceptions(insured.db, limit=10)
    assert (found.cause.value, found.allowed) == ("insurance_not_back", ["ask_again", "explain"])
    await insured.agree(order, "fail")
    await resolve_exception(found.id, Resolution(action=Action.ASK_AGAIN, reason="已与医保核对"), actor=CASHIER)
    assert await insured.tend() == 1
    await insured.require_agreement()
