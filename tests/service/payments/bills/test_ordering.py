"""Bills are shown as the HIS has them, ordered as they were seen, and paid by one order at a time."""

import asyncio
from typing import Any

import pytest

from integration.his.billing import BillStatus
from integration.his.errors import HisUnavailable
from kernel.events import Actor
from kernel.idempotency import Idempotency
from patients.service import register_patient
from payments import errors, orders
from payments.billing import set_billing
from payments.bills.service import SeenBill, list_bills, order_bills
from payments.bills.snapshots import read_ordered_bills
from tests.factories.his_billing import AMOXICILLIN, BLOOD_COUNT, CRP
from tests.factories.hospital_bills import HospitalBills
from tests.factories.patients import registration
from tests.factories.payments import CASHIER, PORTAL

OTHER = Actor(client_id="insurer", channel="portal", kind="partner")


async def orders_made(hospital: HospitalBills) -> int:
    return len(await hospital.rows("payment_order"))


async def test_several_bills_are_one_order_and_the_his_settles_all_of_them(hospital: HospitalBills) -> None:
    tests, drugs = (
        await hospital.prescribe(BLOOD_COUNT, CRP),
        await hospital.prescribe(AMOXICILLIN, kind="prescription"),
    )
    assert await list_bills(hospital.patient_id) == [tests, drugs]

    order = await hospital.order_bills(drugs, tests)
    assert (order.kind, order.amount_fen, order.title) == ("outpatient_bill", 5_333 + 2_470, "门诊缴费")
    settled = await hospital.pay(order)

    assert settled.status == "settled"
    assert await hospital.statuses(tests, drugs) == [BillStatus.PAID] * 2
    assert await list_bills(hospital.patient_id) == []
    [receipt] = await hospital.receipts()
    [row] = await hospital.rows("payment_settlement")
    assert (receipt.number, receipt.receipt_no) == (row["settlement_no"], row["his_no"])
    assert (receipt.cash_fen, receipt.channel, receipt.transaction_no) == (
        7_803, "wechatpay", f"T{order.order_no}A01",
    )  # fmt: skip
    assert [line["name"] for line in row["receipt"]["lines"]] == ["血常规", "C反应蛋白", "阿莫西林胶囊"]
    await hospital.require_agreement()


async def test_what_was_ordered_is_kept_as_it_was_seen(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT, CRP)
    order = await hospital.order_bills(bill)

    [kept] = await read_ordered_bills(hospital.db, order.id, PORTAL)

    assert (kept.bill_no, kept.hash, kept.kind, kept.total_fen) == (bill.bill_no, bill.hash, "laboratory", 5_333)
    assert [(item.name, item.amount_fen, item.refund_no) for item in kept.items] == [
        ("血常规", 2_000, None), ("C反应蛋白", 3_333, None),
    ]  # fmt: skip
    with pytest.raises(errors.OrderNotFound):
        await read_ordered_bills(hospital.db, order.id, OTHER)
    no_bills = await hospital.order(2500)
    with pytest.raises(errors.OrderNotFound):
        await read_ordered_bills(hospital.db, no_bills.id, PORTAL)


async def test_a_bill_that_is_not_what_was_seen_is_not_ordered(hospital: HospitalBills) -> None:
    changed, withdrawn = await hospital.prescribe(BLOOD_COUNT), await hospital.prescribe(CRP)
    paid, good = await hospital.prescribe(BLOOD_COUNT), await hospital.prescribe(CRP)
    path = f"station/orders/{changed.bill_no}/change"
    await hospital.stations.done(path, {"item_no": changed.items[0].item_no, "quantity": 2})
    await hospital.stations.done(f"station/orders/{withdrawn.bill_no}/withdraw")
    await hospital.stations.charge(paid.bill_no, cash_fen=2_000)

    for bill, refusal, details in (
        (changed, errors.BillChanged, {"bill_no": changed.bill_no}),
        (withdrawn, errors.BillNotUnpaid, {"bill_no": withdrawn.bill_no, "current_status": "cancelled"}),
        (paid, errors.BillNotUnpaid, {"bill_no": paid.bill_no, "current_status": "paid"}),
    ):
        with pytest.raises(refusal) as refused:
            await hospital.order_bills(good, bill)
        assert refused.value.details == details
    with pytest.raises(errors.BillNotFound):
        await order_bills(hospital.patient_id, [SeenBill("B99999999", good.hash)], actor=PORTAL)
    for wrong in ([], [SeenBill(good.bill_no, good.hash)] * 2, [SeenBill(f"B{n}", "h") for n in range(21)]):
        with pytest.raises(errors.TooManyBills):
            await order_bills(hospital.patient_id, wrong, actor=PORTAL)
    assert await orders_made(hospital) == 0


async def test_another_persons_bill_cannot_be_ordered(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT)
    other, _ = await register_patient(registration(name="王二"), actor=PORTAL)
    async with hospital.db.transaction() as tx:
        await tx.execute("INSERT INTO patient_identifier VALUES ($1, 'his', 'MR99999999')", other.id)

    with pytest.raises(errors.BillNotFound):
        await order_bills(other.id, [SeenBill(bill.bill_no, bill.hash)], actor=PORTAL)

    assert await orders_made(hospital) == 0


async def test_whoever_the_his_does_not_know_yet_is_told_to_it_once(hospital: HospitalBills) -> None:
    stranger, _ = await register_patient(registration(name="王二"), actor=PORTAL)
    await hospital.db.execute("DELETE FROM outbox")

    for _ in range(2):
        with pytest.raises(errors.PatientNotLinked):
            await list_bills(stranger.id)

    letters = await hospital.db.fetch("SELECT handler, event_type, aggregate FROM outbox")
    assert [tuple(row) for row in letters] == [("his", "patient.changed", f"patient:{stranger.id}")]


async def test_a_his_that_is_away_shows_and_orders_nothing(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT)
    set_billing(None)

    with pytest.raises(HisUnavailable):
        await list_bills(hospital.patient_id)
    with pytest.raises(HisUnavailable):
        await hospital.order_bills(bill)
    assert await orders_made(hospital) == 0


async def test_the_same_key_gives_the_same_order_also_after_it_is_paid(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT)
    key = Idempotency("portal", "one-key", "POST /orders")
    order = await hospital.order_bills(bill, idempotency=key)
    await hospital.pay(order)

    again = await hospital.order_bills(bill, idempotency=key)

    assert (again.id, again.status) == (order.id, "settled")
    assert await orders_made(hospital) == 1


async def test_a_bill_is_in_one_order_at_a_time(hospital: HospitalBills) -> None:
    one, other = await hospital.prescribe(BLOOD_COUNT), await hospital.prescribe(CRP)
    order = await hospital.order_bills(one)

    with pytest.raises(errors.BillAlreadyOrdered) as refused:
        await hospital.order_bills(one, other)
    assert refused.value.details == {"bill_no": one.bill_no, "order_id": order.id}
    with pytest.raises(errors.BillAlreadyOrdered) as refused:
        await order_bills(hospital.patient_id, [SeenBill(one.bill_no, one.hash)], actor=OTHER)
    assert refused.value.details == {"bill_no": one.bill_no, "order_id": None}

    await orders.close_order(order.id, reason="cancelled", actor=PORTAL)
    both = await hospital.order_bills(one, other)
    assert both.amount_fen == 5_333


async def test_of_two_phones_that_order_a_bill_at_once_one_may(hospital: HospitalBills) -> None:
    one, other = await hospital.prescribe(BLOOD_COUNT), await hospital.prescribe(CRP)

    async def try_it(*bills: Any) -> Any:
        try:
            return await hospital.order_bills(*bills)
        except errors.BillAlreadyOrdered as refusal:
            return refusal

    answers = await asyncio.gather(*(try_it(one, other) if n % 2 else try_it(other, one) for n in range(8)))

    made = [answer for answer in answers if not isinstance(answer, errors.BillAlreadyOrdered)]
    assert len(made) == 1
    assert await orders_made(hospital) == 1
    claims = await hospital.db.fetch("SELECT bill_no FROM bill_snapshot_bill WHERE is_claimed")
    assert {row["bill_no"] for row in claims} == {one.bill_no, other.bill_no}
    await hospital.pay(made[0])
    await hospital.require_agreement()


async def test_late_money_for_a_bill_that_was_ordered_again_goes_back(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT)
    first = await hospital.order_bills(bill)
    attempt = await hospital.try_to_pay(first)
    fact = hospital.wechat.pay(attempt.attempt_no)
    # The order is given up before the news of its money has come.
    await orders.close_order(first.id, reason="cancelled", actor=PORTAL)
    second = await hospital.order_bills(bill)
    await hospital.pay(second, payer="openid-of-another")
    await hospital.tell(fact)
    await hospital.settle_down()

    assert (await hospital.look(second)).status == "settled"
    assert (await hospital.look(first)).paid_at is None
    assert hospital.wechat.held_fen == 2_000
    assert len(await hospital.receipts()) == 1
    await hospital.require_agreement()


async def test_late_money_for_a_bill_that_nobody_else_ordered_pays_it(hospital: HospitalBills) -> None:
    bill = await hospital.prescribe(BLOOD_COUNT)
    order = await hospital.order_bills(bill)
    fact = hospital.wechat.pay((await hospital.try_to_pay(order)).attempt_no)
    await orders.close_order(order.id, reason="cancelled", actor=PORTAL)
    await hospital.tell(fact)
    await hospital.settle_down()

    assert (await orders.read_order(hospital.db, order.id, CASHIER)).status == "settled"
    with pytest.raises(errors.BillNotUnpaid):
        await hospital.order_bills(bill)
    await hospital.require_agreement()
