"""Items of a paid bill go back when the hospital says that they may: not begun, not dispensed, not refunded before."""

from datetime import timedelta

import pytest

from integration.his.billing import ApprovalStatus, BillStatus, ItemStatus
from kernel.idempotency import Idempotency
from payments import errors, exceptions, refunds
from payments.bills.service import request_bill_refund
from payments.bills.snapshots import read_ordered_bills
from payments.exceptions import Action
from payments.refunds import Ask, Refund
from payments.resolving import Resolution, resolve_exception
from tests.factories.his_billing import AMOXICILLIN, BLOOD_COUNT, CRP
from tests.factories.hospital_bills import HospitalBills
from tests.factories.payments import CASHIER, PORTAL

REASON = "患者申请退费"


async def look(hospital: HospitalBills, refund: Refund) -> Refund:
    return await refunds.read_refund(hospital.db, refund.id, CASHIER)


async def approval_no(hospital: HospitalBills, refund: Refund) -> str:
    found = await hospital.billing.find_refund_approval(refund.refund_no)
    assert found is not None
    return found.approval_no


async def test_a_test_that_nobody_has_begun_goes_back_at_once(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT, CRP)
    order = await hospital.paid_bills(bill)

    refund = await request_bill_refund(order.id, [bill.items[0].item_no], reason=REASON, actor=PORTAL)
    await hospital.settle_down()

    assert (await look(hospital, refund)).status == "succeeded"
    assert hospital.wechat.held_fen == 3_333
    now = await hospital.bill(bill.bill_no)
    assert (now.status, [item.status for item in now.items]) == (
        BillStatus.PAID, [ItemStatus.REVERSED, ItemStatus.PAID],
    )  # fmt: skip
    [kept] = await read_ordered_bills(hospital.db, order.id, PORTAL)
    assert [item.refund_no for item in kept.items] == [refund.refund_no, None]
    # The rest, without naming it.
    rest = await request_bill_refund(order.id, None, reason=REASON, actor=PORTAL)
    assert rest.amount_fen == 3_333
    await hospital.pass_time(until=timedelta(minutes=3))
    assert (await hospital.look(order)).status == "refunded"
    assert await hospital.statuses(bill) == [BillStatus.REVERSED]
    await hospital.require_agreement()


async def test_a_drug_waits_for_the_pharmacy_and_goes_back_when_it_says_so(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(AMOXICILLIN, kind="prescription")
    order = await hospital.paid_bills(bill)
    refund = await request_bill_refund(order.id, [bill.items[0].item_no], reason=REASON, actor=PORTAL)
    await hospital.settle_down()
    # However long the pharmacy takes, that is no case for a cashier.
    await hospital.pass_time(until=timedelta(hours=3), step=timedelta(minutes=5))
    assert (await look(hospital, refund)).status == "reversing"
    assert await exceptions.list_exceptions(hospital.db, limit=5) == []
    assert hospital.wechat.held_fen == 2_470

    await hospital.stations.decide(await approval_no(hospital, refund), approves=True)
    assert "his.refund_approved" in await hospital.hear_news()

    assert (await look(hospital, refund)).status == "succeeded"
    assert hospital.wechat.held_fen == 0
    approval = await hospital.billing.find_refund_approval(refund.refund_no)
    assert approval is not None
    assert approval.status is ApprovalStatus.USED
    await hospital.require_agreement()


async def test_a_pharmacy_that_refuses_leaves_it_to_a_cashier(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(AMOXICILLIN, kind="prescription")
    order = await hospital.paid_bills(bill)
    refund = await request_bill_refund(order.id, [bill.items[0].item_no], reason=REASON, actor=PORTAL)
    await hospital.settle_down()

    await hospital.stations.decide(await approval_no(hospital, refund), approves=False, reason="已拆封")
    assert "his.refund_refused" in await hospital.hear_news()

    assert (await look(hospital, refund)).status == "abnormal"
    [case] = await exceptions.list_exceptions(hospital.db, limit=5)
    assert (case.cause, case.allowed) == ("reversal_refused", ["cancel", "pay_offline", "proceed", "retry"])
    await resolve_exception(case.id, Resolution(action=Action.CANCEL, reason="药品已拆封"), actor=CASHIER)
    assert (await hospital.look(order)).status == "settled"
    assert hospital.wechat.held_fen == 2_470
    await hospital.require_agreement()


async def test_what_was_dispensed_or_done_does_not_go_back(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT)
    order = await hospital.paid_bills(bill)
    await hospital.stations.carry_out(bill.items[0].item_no)

    refund = await request_bill_refund(order.id, [bill.items[0].item_no], reason=REASON, actor=PORTAL)
    await hospital.settle_down()

    found = await look(hospital, refund)
    assert (found.status, found.fault) == ("abnormal", "test_done")
    assert hospital.wechat.held_fen == 2_000
    await hospital.require_agreement()


async def test_an_item_is_asked_back_once_and_only_if_it_is_of_the_order(hospital: HospitalBills) -> None:
    bill, other = await hospital.prescribe(BLOOD_COUNT, CRP), await hospital.prescribe(CRP)
    order = await hospital.order_bills(bill)
    item = bill.items[0].item_no
    with pytest.raises(errors.NotRefundable):
        await request_bill_refund(order.id, [item], reason=REASON, actor=PORTAL)
    await hospital.pay(order)
    key = Idempotency("portal", "one-key", "POST /refunds")

    refund = await request_bill_refund(order.id, [item, item], reason=REASON, actor=PORTAL, idempotency=key)
    again = await request_bill_refund(order.id, [item, item], reason=REASON, actor=PORTAL, idempotency=key)

    assert (again.id, again.amount_fen) == (refund.id, 2_000)
    for wrong in (item, other.items[0].item_no, "I99999999"):
        with pytest.raises(errors.ItemNotRefundable) as refused:
            await request_bill_refund(order.id, [wrong], reason=REASON, actor=PORTAL)
        assert refused.value.details == {"item_no": wrong}
    with pytest.raises(errors.NotRefundable):
        await request_bill_refund((await hospital.order(2500)).id, None, reason=REASON, actor=PORTAL)
    await hospital.settle_down()
    await hospital.require_agreement()


async def test_an_amount_without_items_is_not_undone_at_the_his(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT, CRP)
    order = await hospital.paid_bills(bill)

    refund = await refunds.request_refund(order.id, amount_fen=1_000, ask=Ask(reason=REASON), actor=PORTAL)
    await hospital.settle_down()

    found = await look(hospital, refund)
    assert (found.status, found.fault) == ("abnormal", "items_not_named")
    assert hospital.wechat.held_fen == 5_333
    await hospital.require_agreement()


async def test_an_answer_lost_while_refunding_reverses_once(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT)
    order = await hospital.paid_bills(bill)
    await hospital.stations.faults(answers_lost=2)
    refund = await request_bill_refund(order.id, None, reason=REASON, actor=PORTAL)
    await hospital.settle_down()
    assert (await look(hospital, refund)).status == "reversing"

    await hospital.pass_time(until=timedelta(minutes=3))

    assert (await look(hospital, refund)).status == "succeeded"
    assert [one.cash_fen for one in await hospital.receipts()] == [2_000, -2_000]
    await hospital.require_agreement()


async def test_a_his_that_is_away_while_the_pharmacy_decides_becomes_a_case_and_ceases_to_be_one(
    hospital: HospitalBills,
) -> None:
    bill = await hospital.prescribe(AMOXICILLIN, kind="prescription")
    order = await hospital.paid_bills(bill)
    refund = await request_bill_refund(order.id, None, reason=REASON, actor=PORTAL)
    await hospital.settle_down()
    hospital.micro_his.stop()
    try:
        await hospital.pass_time(until=timedelta(hours=2), step=timedelta(minutes=5))
        [case] = await exceptions.list_exceptions(hospital.db, limit=5)
        assert (case.cause, case.facts["refund_no"]) == ("reversal_unknown", refund.refund_no)
    finally:
        await hospital.micro_his.start()

    await hospital.pass_time(until=timedelta(minutes=20), step=timedelta(minutes=5))

    assert await exceptions.list_exceptions(hospital.db, limit=5) == []
    assert (await look(hospital, refund)).status == "reversing"
    await hospital.require_sound()
