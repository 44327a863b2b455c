"""Outpatient bills with insurance, from the order to the last fen back: HIS, centre, channel and ledger agree."""

from datetime import timedelta

import pytest

from integration.his.billing import BillStatus, ReceiptKind
from payments import errors, ledger
from payments.bills.service import request_bill_refund
from payments.gateways.errors import ChannelUnavailable
from payments.gateways.insurance.port import CentreOrder, FeeUpload, InsuranceFact
from payments.insurance import errors as insurance_errors
from runtime.sandbox_channels import describe_insurance_account
from tests.factories.his_billing import AMOXICILLIN, BLOOD_COUNT, CRP
from tests.factories.insured_bills import AUTH_NO, InsuredBills
from tests.factories.payments import PORTAL

REASON = "患者申请退费"


async def test_a_bill_is_shared_paid_settled_and_goes_back_whole(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT, CRP)  # 53.33 yuan
    order = await insured.share(bill)
    assert order.amount_fen == 5_333 - 3_199 - 1_066
    order = await insured.pay_shared(order)

    assert (order.status, await insured.statuses(bill)) == ("settled", [BillStatus.PAID])
    told = next(one for one in await insured.receipts() if one.kind is ReceiptKind.OUTPATIENT)
    number = (await insured.at_centre(order))["pay_ord_id"]
    assert (told.cash_fen, told.insurance_fen, told.account_fen, told.total_fen) == (1_068, 4_265, 1_066, 5_333)
    assert told.insurance_no == number
    account = describe_insurance_account().code
    posted = await ledger.balances(insured.db)
    assert (posted[ledger.insurance_fund(account)], posted[ledger.insurance_account(account)]) == (3_199, 1_066)
    assert posted[ledger.earned("outpatient_bill")] == -5_333
    assert posted[ledger.ORDERS_UNSETTLED] == 0
    await insured.require_agreement()

    refund = await request_bill_refund(order.id, None, reason=REASON, actor=PORTAL)
    assert refund.amount_fen == 1_068
    await insured.settle_down()
    assert (await insured.look(order)).status == "refunded"
    assert await insured.statuses(bill) == [BillStatus.REVERSED]
    back = await insured.at_centre(order)
    assert (back["status"], back["insurance_back_fen"]) == ("8", 4_265)
    posted = await ledger.balances(insured.db)
    assert posted[ledger.insurance_fund(account)] == posted[ledger.insurance_account(account)] == 0
    assert posted[ledger.earned("outpatient_bill")] == 0
    await insured.require_agreement()


async def test_a_bill_that_the_insurance_pays_alone_is_settled_without_a_channel(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    order = await insured.share(bill, pooled=80, account=20)
    assert order.amount_fen == 2_000
    with pytest.raises(errors.ChannelNotOffered):
        await insured.try_to_pay(order)
    await insured.agree(order)
    await insured.pass_time(until=timedelta(minutes=1))
    assert ((await insured.look(order)).status, await insured.statuses(bill)) == ("settled", [BillStatus.PAID])
    told = next(one for one in await insured.receipts() if one.kind is ReceiptKind.OUTPATIENT)
    assert (told.cash_fen, told.insurance_fen, told.account_fen, told.channel) == (0, 2_000, 400, "insurance")
    await insured.require_agreement()
    await request_bill_refund(order.id, None, reason=REASON, actor=PORTAL)
    await insured.settle_down()
    assert (await insured.look(order)).status == "refunded"
    assert await insured.statuses(bill) == [BillStatus.REVERSED]
    await insured.require_agreement()


async def test_a_bill_of_the_insurance_alone_that_nobody_agrees_to_is_free_again(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    order = await insured.share(bill, pooled=100, account=0, pay_for=timedelta(minutes=2))
    await insured.pass_time(until=timedelta(minutes=4))
    assert (await insured.look(order)).status == "closed"
    assert (await insured.at_centre(order))["status"] == "12"
    assert (await insured.paid_bills(bill)).status == "settled"
    await insured.require_agreement()


async def test_what_the_insurance_has_no_part_in_goes_back_by_itself(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT, CRP)  # CRP is paid by the person alone
    order = await insured.pay_shared(await insured.share(bill, pooled=15, account=5))
    shared, own = (item.item_no for item in bill.items)
    with pytest.raises(errors.RefundedTogether):
        await request_bill_refund(order.id, [shared], reason=REASON, actor=PORTAL)
    refund = await request_bill_refund(order.id, [own], reason=REASON, actor=PORTAL)
    assert refund.amount_fen == 3_333
    await insured.settle_down()
    told = await insured.at_centre(order)
    assert (told["status"], told["insurance_back_fen"], told["own_back_fen"]) == ("10", 0, 3_333)
    await insured.require_agreement()
    rest = await request_bill_refund(order.id, None, reason=REASON, actor=PORTAL)
    assert rest.amount_fen == order.amount_fen - 3_333
    await insured.pass_time(until=timedelta(minutes=3))
    assert (await insured.look(order)).status == "refunded"
    assert await insured.statuses(bill) == [BillStatus.REVERSED]
    await insured.require_agreement()


async def test_more_than_is_left_in_cash_goes_back_only_together(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT, CRP)
    order = await insured.pay_shared(await insured.share(bill))
    with pytest.raises(errors.RefundedTogether):
        await request_bill_refund(order.id, [bill.items[1].item_no], reason=REASON, actor=PORTAL)
    assert await insured.rows("payment_refund") == []


async def test_a_dispensed_drug_stays_paid_by_both(insured: InsuredBills) -> None:
    bill = await insured.prescribe(AMOXICILLIN, kind="prescription")
    order = await insured.pay_shared(await insured.share(bill))
    assert (await insured.stations.carry_out(bill.items[0].item_no)).is_success
    await request_bill_refund(order.id, None, reason=REASON, actor=PORTAL)
    await insured.settle_down()
    assert [one["cause"] for one in await insured.rows("payment_exception")] == ["reversal_refused"]
    assert (await insured.at_centre(order))["insurance_back_fen"] == 0
    assert insured.wechat.calls["refund"] == 0
    await insured.require_agreement()


async def test_a_bill_that_changed_sends_insurance_and_cash_back(insured: InsuredBills) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    order = await insured.share(bill)
    await insured.stations.done(
        f"station/orders/{bill.bill_no}/change", {"item_no": bill.items[0].item_no, "quantity": 2}
    )
    order = await insured.pay_shared(order)
    assert order.status == "refunded"
    told = await insured.at_centre(order)
    assert told["insurance_back_fen"] == told["pooled_fen"] + told["account_fen"]
    await insured.require_agreement()


@pytest.mark.parametrize("fault", ["answer_lost", "answer_forged", "centre_silent"])
async def test_a_centre_that_does_not_answer_orders_nothing_and_keeps_nothing(
    insured: InsuredBills, fault: str
) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    await insured.centre.process.fault(fault, times=1)
    with pytest.raises(insurance_errors.InsuranceSilent):
        await insured.order_bills(bill, pay_auth_no=AUTH_NO)
    assert await insured.rows("payment_order") == []
    await insured.centre.process.clear_faults()
    # The same again succeeds, and what the first try left at the centre is forgotten by the timetable.
    order = await insured.pay_shared(await insured.share(bill))
    assert order.status == "settled"
    await insured.db.execute("UPDATE insurance_claim SET next_try_at = now() - interval '1 minute'")
    assert await insured.tend() == 1
    assert await insured.tend() == 0
    left = await insured.db.fetch("SELECT status FROM insurance_claim ORDER BY created_at")
    assert [one["status"] for one in left] == ["dropped", "ordered"]
    first = await insured.db.fetchval("SELECT bill_no FROM insurance_claim WHERE status = 'dropped'")
    told = await insured.centre.bill_of(first)
    assert told is not None
    assert told["status"] == "12"
    await insured.require_agreement()


async def test_a_lost_decision_is_asked_for(insured: InsuredBills, monkeypatch: pytest.MonkeyPatch) -> None:
    bill = await insured.prescribe(BLOOD_COUNT)
    client = insured.centre.client
    decide = client.pay

    async def decide_and_lose_the_line(order: CentreOrder, fees: FeeUpload) -> InsuranceFact:
        await decide(order, fees)
        raise ChannelUnavailable("the line")

    monkeypatch.setattr(client, "pay", decide_and_lose_the_line)
    order = await insured.order_bills(bill, pay_auth_no=AUTH_NO)
    assert order.amount_fen == 400
    await insured.require_agreement()
