"""The HIS has the bills, refuses them, or does not say: money and care agree in the end, and nothing is paid twice."""

import asyncio
from datetime import timedelta

import pytest

from integration.his.billing import BillStatus
from payments import exceptions, refunds
from payments.bills.fulfilment import BillFulfilment
from payments.exceptions import Action
from payments.orders import Order
from payments.resolving import Resolution, resolve_exception
from payments.settlement import paid_order
from tests.factories.his_billing import AMOXICILLIN, BLOOD_COUNT, CRP
from tests.factories.hospital_bills import HospitalBills
from tests.factories.payments import CASHIER, MANAGER

SECONDS_MAX = 30
A_LONG_TIME = timedelta(hours=2)


async def refund_causes(hospital: HospitalBills, order: Order) -> list[tuple[str, str, int]]:
    found = await refunds.list_refunds(hospital.db, order.id)
    return [(one.cause, one.status, one.amount_fen) for one in found]


@pytest.mark.parametrize("happens", ["paid_at_window", "withdrawn", "changed"])
async def test_what_cannot_be_settled_any_more_is_refunded_once(hospital: HospitalBills, happens: str) -> None:
    bill, other = await hospital.prescribe(BLOOD_COUNT), await hospital.prescribe(CRP)
    order = await hospital.order_bills(bill, other)
    path = f"station/orders/{bill.bill_no}"
    if happens == "paid_at_window":
        await hospital.stations.charge(bill.bill_no, cash_fen=2_000)
    elif happens == "withdrawn":
        await hospital.stations.done(f"{path}/withdraw")
    else:
        await hospital.stations.done(f"{path}/change", {"item_no": bill.items[0].item_no, "quantity": 3})

    assert (await hospital.pay(order)).status == "refunded"

    assert await refund_causes(hospital, order) == [("his_rejected", "succeeded", 5_333)]
    assert hospital.wechat.held_fen == 0
    assert await hospital.statuses(other) == [BillStatus.UNPAID]
    again = await hospital.paid_bills(other)
    assert again.status == "settled"
    await hospital.require_agreement()


async def test_the_window_and_the_phone_at_once_never_take_a_bill_twice(hospital: HospitalBills) -> None:
    bills = [await hospital.prescribe(BLOOD_COUNT) for _ in range(6)]
    made = [await hospital.order_bills(bill) for bill in bills]
    tried = [await hospital.try_to_pay(order) for order in made]
    for attempt in tried:
        await hospital.tell(hospital.wechat.pay(attempt.attempt_no))

    window = asyncio.gather(*(hospital.stations.charge(bill.bill_no, cash_fen=2_000) for bill in bills))
    await asyncio.gather(*(hospital.settle_down() for _ in range(3)))
    answers = await window
    await hospital.settle_down()

    at_window = [answer.is_success for answer in answers]
    by_phone = [(await hospital.look(order)).status for order in made]
    assert by_phone == ["refunded" if taken else "settled" for taken in at_window]
    assert await hospital.statuses(*bills) == [BillStatus.PAID] * 6
    assert sum(one.cash_fen for one in await hospital.receipts()) == 6 * 2_000
    await hospital.require_agreement()


async def test_an_answer_lost_after_the_commit_is_found_and_not_refunded(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT)
    order = await hospital.order_bills(bill)
    await hospital.stations.faults(answers_lost=1)
    assert (await hospital.pay(order)).status == "paid"

    await hospital.pass_time(until=timedelta(minutes=1))

    assert (await hospital.look(order)).status == "settled"
    assert await refund_causes(hospital, order) == []
    assert len(await hospital.receipts()) == 1
    await hospital.require_agreement()


async def test_a_his_killed_between_commit_and_answer_has_settled_once(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT)
    order = await hospital.order_bills(bill)
    attempt = await hospital.try_to_pay(order)
    await hospital.stations.faults(answers_late=1, late_seconds=60)
    await hospital.tell(hospital.wechat.pay(attempt.attempt_no))
    telling = asyncio.create_task(hospital.settle_down())
    async with asyncio.timeout(SECONDS_MAX):
        while not await hospital.micro_his.db.fetchval(
            "SELECT count(*) FROM receipt WHERE number = $1", f"{order.order_no}S"
        ):
            await asyncio.sleep(0.01)
    hospital.micro_his.kill()
    try:
        await telling
        assert (await hospital.look(order)).status == "paid"
        # It is asked while the HIS is away, and nothing is refunded.
        await hospital.pass_time(until=timedelta(minutes=2))
        assert (await hospital.look(order)).status == "paid"
    finally:
        await hospital.micro_his.start()

    await hospital.pass_time(until=timedelta(minutes=15), step=timedelta(minutes=3))

    assert (await hospital.look(order)).status == "settled"
    assert await refund_causes(hospital, order) == []
    assert len(await hospital.receipts()) == 1
    await hospital.require_agreement()


async def test_a_his_killed_while_many_pay_has_settled_each_bill_once_or_not_at_all(hospital: HospitalBills) -> None:
    bills = [await hospital.prescribe(BLOOD_COUNT) for _ in range(12)]
    made = [await hospital.order_bills(bill) for bill in bills]
    for order in made:
        attempt = await hospital.try_to_pay(order)
        await hospital.tell(hospital.wechat.pay(attempt.attempt_no))
    telling = asyncio.gather(*(hospital.settle_down() for _ in range(3)))
    async with asyncio.timeout(SECONDS_MAX):
        while not await hospital.micro_his.db.fetchval(
            "SELECT count(*) FROM receipt WHERE mr = $1", hospital.his_number
        ):
            await asyncio.sleep(0.005)
    hospital.micro_his.kill()
    try:
        await telling
    finally:
        await hospital.micro_his.start()

    await hospital.pass_time(until=timedelta(minutes=5))

    assert [(await hospital.look(order)).status for order in made] == ["settled"] * 12
    assert await hospital.statuses(*bills) == [BillStatus.PAID] * 12
    assert len(await hospital.receipts()) == 12
    assert hospital.wechat.calls["refund"] == 0
    await hospital.require_agreement()


@pytest.mark.parametrize("had_it", [True, False])
async def test_a_settlement_that_is_given_up_is_undone_first_if_the_his_has_it(
    hospital: HospitalBills, *, had_it: bool
) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT)
    order = await hospital.order_bills(bill)
    attempt = await hospital.try_to_pay(order)
    if had_it:
        # Each answer is lost, so that nobody here knows; the HIS has done it the first time.
        await hospital.stations.faults(answers_lost=1_000)
    else:
        hospital.micro_his.stop()
    try:
        await hospital.tell(hospital.wechat.pay(attempt.attempt_no))
        await hospital.settle_down()
        if had_it:
            hospital.micro_his.stop()
        await hospital.pass_time(until=A_LONG_TIME, step=timedelta(minutes=5))
        [case] = await exceptions.list_exceptions(hospital.db, limit=5)
        assert (case.cause, case.allowed) == ("settlement_unknown", ["ask_again", "mark_settled", "refund"])
        await resolve_exception(case.id, Resolution(action=Action.REFUND, reason="患者要求退款"), actor=CASHIER)
        await hospital.settle_down()
        assert await refund_causes(hospital, order) == [("his_rejected", "reversing", 2_000)]
    finally:
        await hospital.micro_his.start()
    await hospital.pass_time(until=timedelta(minutes=30), step=timedelta(minutes=5))

    assert (await hospital.look(order)).status == "refunded"
    assert hospital.wechat.held_fen == 0
    assert await hospital.statuses(bill) == [BillStatus.REVERSED if had_it else BillStatus.UNPAID]
    # What still arrives under the number that was given up does nothing.
    [row] = await hospital.rows("payment_settlement")
    if not had_it:
        late = await BillFulfilment().settle(await paid_order(hospital.db, row["id"]))
        assert getattr(late, "reason", None) == "number_void"
    await hospital.require_agreement()


async def test_an_open_order_ends_when_the_his_tells_that_its_bill_is_no_more(hospital: HospitalBills) -> None:
    at_window, withdrawn = await hospital.prescribe(BLOOD_COUNT), await hospital.prescribe(CRP)
    changed, untouched = await hospital.prescribe(BLOOD_COUNT), await hospital.prescribe(CRP)
    made = [await hospital.order_bills(bill) for bill in (at_window, withdrawn, changed, untouched)]
    await hospital.stations.charge(at_window.bill_no, cash_fen=2_000)
    await hospital.stations.done(f"station/orders/{withdrawn.bill_no}/withdraw")
    path = f"station/orders/{changed.bill_no}/change"
    await hospital.stations.done(path, {"item_no": changed.items[0].item_no, "quantity": 2})

    kinds = await hospital.hear_news()

    assert kinds.count("his.bill_settled_elsewhere") == 1
    ends = [(one.status, one.close_reason) for one in [await hospital.look(order) for order in made]]
    assert ends == [
        ("closed", "paid_elsewhere"), ("closed", "bill_withdrawn"), ("closed", "bill_changed"), ("open", None),
    ]  # fmt: skip
    anew = await hospital.order_bills(await hospital.bill(changed.bill_no))
    assert anew.amount_fen == 4_000
    await hospital.require_agreement()


async def test_news_that_comes_after_the_money_leaves_the_order_to_its_settlement(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT, AMOXICILLIN, kind="prescription")
    order = await hospital.order_bills(bill)
    await hospital.stations.charge(bill.bill_no, cash_fen=bill.total_fen)
    await hospital.tell(hospital.wechat.pay((await hospital.try_to_pay(order)).attempt_no))

    await hospital.hear_news()

    assert (await hospital.look(order)).status == "refunded"
    assert (await hospital.look(order)).close_reason is None
    await hospital.require_agreement()


async def test_a_second_person_approves_what_is_given_up_above_the_limit(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(*([CRP] * 20))
    order = await hospital.order_bills(bill)
    attempt = await hospital.try_to_pay(order)
    hospital.micro_his.stop()
    try:
        await hospital.tell(hospital.wechat.pay(attempt.attempt_no))
        await hospital.settle_down()
        await hospital.pass_time(until=A_LONG_TIME, step=timedelta(minutes=5))
        [case] = await exceptions.list_exceptions(hospital.db, limit=5)
        await resolve_exception(case.id, Resolution(action=Action.REFUND, reason="患者要求退款"), actor=CASHIER)
        [refund] = await refunds.list_refunds(hospital.db, order.id)
        assert (refund.status, refund.amount_fen) == ("requested", 66_660)
        await refunds.approve_refund(refund.id, actor=MANAGER)
    finally:
        await hospital.micro_his.start()
    await hospital.pass_time(until=timedelta(minutes=15), step=timedelta(minutes=5))

    assert (await hospital.look(order)).status == "refunded"
    await hospital.require_agreement()
