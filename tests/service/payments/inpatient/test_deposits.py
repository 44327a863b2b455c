"""Deposits are credited by the HIS, stay within the hospital's cap, and go back as far as the account can spare."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.events import Actor
from payments import errors, exceptions, orders, refunds
from payments.inpatient.deposits import DepositBounds, DepositRule, list_deposits, order_deposit, read_bounds, save_rule
from payments.inpatient.stays import read_daily_charges, read_stay
from payments.refunds import Ask
from tests.factories.his_billing import BLOOD_COUNT, CRP
from tests.factories.hospital_bills import HospitalBills
from tests.factories.payments import CASHIER, PORTAL

OFFICE = Actor(client_id="console", channel="console", kind="internal", staff_code="F0001")


async def set_rule(hospital: HospitalBills, department: str | None, *, cap_fen: int) -> None:
    async with hospital.db.transaction() as tx:
        await save_rule(tx, DepositRule(department, 10_000, 50_000, cap_fen), actor=OFFICE)


@pytest.fixture(autouse=True)
async def _rule(hospital: HospitalBills) -> None:
    await set_rule(hospital, None, cap_fen=100_000)


async def test_a_stay_may_have_several_deposits_and_the_his_credits_each(hospital: HospitalBills) -> None:
    stay = await hospital.admit()
    first, second = await hospital.deposited(stay, 30_000), await hospital.deposited(stay, 20_000)

    assert (first.status, second.status) == ("settled", "settled")
    now = await read_stay(hospital.patient_id)
    assert (now.admission_no, now.deposits_fen, now.balance_fen) == (stay.admission_no, 50_000, -50_000)
    assert [one.number for one in now.deposits] == [f"{first.order_no}S", f"{second.order_no}S"]
    assert [one.id for one in await list_deposits(hospital.db, stay.admission_no)] == [first.id, second.id]
    await hospital.require_agreement()


async def test_the_cap_counts_what_is_being_paid_and_what_the_window_took(hospital: HospitalBills) -> None:
    stay = await hospital.admit()
    body = {"admission_no": stay.admission_no, "clerk": "S0001", "channel": "cash", "cash_fen": 35_000}
    at_window = await hospital.stations.done("window/deposits", body)
    # The patient reads it in the stay's view at once: deposits are asked for in the HIS, and copied nowhere.
    seen = await read_stay(hospital.patient_id, stay.admission_no)
    assert (seen.deposits_fen, [one.receipt_no for one in seen.deposits]) == (35_000, [at_window["receipt_no"]])
    await hospital.deposited(stay, 20_000)
    open_one = await order_deposit(hospital.patient_id, stay.admission_no, 30_000, actor=PORTAL)

    assert await read_bounds(hospital.patient_id, stay.admission_no) == DepositBounds(10_000, 15_000)
    for amount in (9_999, 15_001, 50_001):
        with pytest.raises(errors.DepositOutOfBounds) as refused:
            await order_deposit(hospital.patient_id, stay.admission_no, amount, actor=PORTAL)
        assert refused.value.details == {"minimum_fen": 10_000, "maximum_fen": 15_000}
    await orders.close_order(open_one.id, reason="cancelled", actor=PORTAL)
    assert (await read_bounds(hospital.patient_id, stay.admission_no)).maximum_fen == 45_000
    await order_deposit(hospital.patient_id, stay.admission_no, 40_000, actor=PORTAL)
    # Less is left than the least that is taken.
    assert await read_bounds(hospital.patient_id, stay.admission_no) == DepositBounds(0, 0)
    await hospital.require_agreement()


async def test_a_department_has_a_cap_of_its_own(hospital: HospitalBills) -> None:
    stay = await hospital.admit()
    await set_rule(hospital, stay.department_code, cap_fen=20_000)
    await set_rule(hospital, "9999", cap_fen=10_000)

    assert await read_bounds(hospital.patient_id, stay.admission_no) == DepositBounds(10_000, 20_000)
    kept = await hospital.db.fetch("SELECT entity_id, action FROM change_log WHERE entity = 'deposit_rule' ORDER BY id")
    assert [tuple(row) for row in kept] == [
        ("hospital", "updated"), (stay.department_code, "created"), ("9999", "created"),
    ]  # fmt: skip


async def test_many_phones_together_do_not_pass_the_cap(hospital: HospitalBills) -> None:
    stay = await hospital.admit()

    async def try_it() -> Any:
        try:
            return await order_deposit(hospital.patient_id, stay.admission_no, 30_000, actor=PORTAL)
        except errors.DepositOutOfBounds as refusal:
            return refusal

    answers = await asyncio.gather(*(try_it() for _ in range(8)))

    assert sum(not isinstance(answer, errors.DepositOutOfBounds) for answer in answers) == 3
    assert sum(order.amount_fen for order in await list_deposits(hospital.db, stay.admission_no)) == 90_000


async def test_only_ones_own_stay_that_goes_on_takes_deposits(hospital: HospitalBills) -> None:
    with pytest.raises(errors.StayNotFound):
        await read_stay(hospital.patient_id)
    stay = await hospital.admit()
    for wrong in ("Z99999999", await _stay_of_another(hospital)):
        with pytest.raises(errors.StayNotFound):
            await order_deposit(hospital.patient_id, wrong, 20_000, actor=PORTAL)
        with pytest.raises(errors.StayNotFound):
            await read_daily_charges(hospital.patient_id, wrong, clock.today())
    await hospital.leave(stay)
    with pytest.raises(errors.StayNotOpen) as refused:
        await order_deposit(hospital.patient_id, stay.admission_no, 20_000, actor=PORTAL)
    assert refused.value.details == {"current_status": "discharged"}
    assert await hospital.rows("payment_order") == []


async def _stay_of_another(hospital: HospitalBills) -> str:
    mine = hospital.stations.document_number
    hospital.stations.document_number = f"E{int(mine[1:]) ^ 1:09d}"
    try:
        admitted: str = (await hospital.stations.admit())["admission_no"]
    finally:
        hospital.stations.document_number = mine
    return admitted


async def test_a_deposit_paid_when_the_stay_has_ended_goes_back(hospital: HospitalBills) -> None:
    stay = await hospital.admit()
    order = await order_deposit(hospital.patient_id, stay.admission_no, 20_000, actor=PORTAL)
    await hospital.leave(stay)

    assert (await hospital.pay(order)).status == "refunded"

    assert hospital.wechat.held_fen == 0
    await hospital.require_agreement()


async def test_a_part_goes_back_before_discharge_but_not_what_the_stay_has_used(hospital: HospitalBills) -> None:
    stay = await hospital.admit()
    order = await hospital.deposited(stay, 20_000)
    await hospital.stations.charge_stay(stay.admission_no, clock.today().isoformat(), BLOOD_COUNT, CRP)
    ask = Ask(reason="患者申请退预交金")

    await refunds.request_refund(order.id, amount_fen=10_000, ask=ask, actor=CASHIER)
    await hospital.settle_down()
    assert hospital.wechat.held_fen == 10_000
    await refunds.request_refund(order.id, amount_fen=6_000, ask=ask, actor=CASHIER)
    await hospital.settle_down()

    [case] = await exceptions.list_exceptions(hospital.db, limit=5)
    assert case.cause == "reversal_refused"
    assert [one.fault for one in await refunds.list_refunds(hospital.db, order.id)] == [None, "nothing_to_return"]
    assert hospital.wechat.held_fen == 10_000
    await hospital.require_agreement()


async def test_a_lost_answer_credits_once(hospital: HospitalBills) -> None:
    stay = await hospital.admit()
    order = await order_deposit(hospital.patient_id, stay.admission_no, 20_000, actor=PORTAL)
    await hospital.stations.faults(answers_lost=1)
    assert (await hospital.pay(order)).status == "paid"

    await hospital.pass_time(until=timedelta(minutes=1))

    assert (await hospital.look(order)).status == "settled"
    assert (await hospital.stay(stay.admission_no)).deposits_fen == 20_000
    await hospital.require_agreement()


async def test_the_daily_bill_is_the_hiss(hospital: HospitalBills) -> None:
    stay, today = await hospital.admit(insurance_percent=50), clock.today()
    await hospital.stations.charge_stay(stay.admission_no, today.isoformat(), BLOOD_COUNT, CRP)

    charges = await read_daily_charges(hospital.patient_id, stay.admission_no, today)

    assert [(line.name, line.amount_fen) for line in charges.lines] == [("血常规", 2_000), ("C反应蛋白", 3_333)]
    assert charges.total_fen == 5_333
    empty = await read_daily_charges(hospital.patient_id, stay.admission_no, today + timedelta(days=1))
    assert empty.lines == ()
