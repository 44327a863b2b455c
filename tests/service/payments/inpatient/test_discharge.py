"""A stay that has ended is settled: the balance is paid, or the surplus goes back over the deposits, once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from integration.his.billing import Stay, StayStatus
from kernel import clock
from kernel.idempotency import Idempotency
from payments import errors, exceptions, ledger, refunds
from payments.exceptions import Action
from payments.gateways.errors import ChannelRefused
from payments.inpatient import discharge
from payments.inpatient.deposits import DepositRule, save_rule
from payments.inpatient.discharge import (
    Discharge,
    list_payouts_owed,
    order_discharge,
    read_discharge,
    record_payout,
    request_discharge,
)
from payments.orders import Order
from payments.refunds import Ask
from payments.resolving import Resolution, resolve_exception
from tests.factories.his_billing import CRP
from tests.factories.hospital_bills import HospitalBills
from tests.factories.payments import CASHIER, PORTAL

SELF_PAID = CRP | {"unit_price_fen": 10_000}
SECONDS_MAX = 30


@pytest.fixture(autouse=True)
async def _rule(hospital: HospitalBills) -> None:
    async with hospital.db.transaction() as tx:
        await save_rule(tx, DepositRule(None, 100, 100_000, 500_000), actor=CASHIER)


async def a_stay(
    hospital: HospitalBills, *deposits_fen: int, charges: int = 3, at_window_fen: int = 0
) -> tuple[Stay, list[Order]]:
    """A stay that has ended after so many charges of 100 yuan."""
    stay = await hospital.admit()
    if at_window_fen:
        body = {"admission_no": stay.admission_no, "clerk": "S0001", "channel": "cash", "cash_fen": at_window_fen}
        await hospital.stations.done("window/deposits", body)
    made = [await hospital.deposited(stay, fen) for fen in deposits_fen]
    for _ in range(charges):
        await hospital.stations.charge_stay(stay.admission_no, clock.today().isoformat(), SELF_PAID)
    return await hospital.leave(stay), made


async def standing(hospital: HospitalBills, stay: Stay) -> Discharge:
    found = await read_discharge(hospital.db, stay.admission_no)
    assert found is not None
    return found


async def receipted(hospital: HospitalBills) -> list[tuple[int, bool]]:
    """The fiscal receipts of the stay: each with its amount, and whether it stands."""
    rows = await hospital.db.fetch("SELECT amount_fen, written_off_for FROM fiscal_receipt ORDER BY created_at, id")
    return [(row["amount_fen"], row["written_off_for"] is None) for row in rows]


async def balances(hospital: HospitalBills) -> dict[str, int]:
    posted = await ledger.balances(hospital.db)
    return {name: posted.get(name, 0) for name in ("deposits", "revenue:discharge", "refunds_payable")}


async def test_a_balance_waits_for_an_order_that_pays_it(hospital: HospitalBills) -> None:
    stay, _ = await a_stay(hospital, 20_000)
    assert "his.discharged" in await hospital.hear_news()
    owing = await standing(hospital, stay)
    assert (owing.status, owing.balance_fen) == ("owing", 10_000)

    order = await order_discharge(hospital.patient_id, stay.admission_no, actor=PORTAL)
    assert (order.kind, order.amount_fen) == ("discharge", 10_000)
    with pytest.raises(errors.SubjectAlreadyOrdered):
        await order_discharge(hospital.patient_id, stay.admission_no, actor=PORTAL)
    assert (await hospital.pay(order)).status == "settled"

    now = await standing(hospital, stay)
    assert (now.status, now.balance_fen, now.surplus_fen, now.payout_fen) == ("settled", 0, 0, 0)
    assert (await hospital.stay(stay.admission_no)).status is StayStatus.SETTLED
    assert await balances(hospital) == {"deposits": 0, "revenue:discharge": -30_000, "refunds_payable": 0}
    assert sorted(await receipted(hospital)) == [(10_000, True), (20_000, True)]
    with pytest.raises(errors.StayNotOpen):
        await order_discharge(hospital.patient_id, stay.admission_no, actor=PORTAL)
    await hospital.require_agreement()


async def test_a_surplus_goes_back_first_in_first_out(hospital: HospitalBills) -> None:
    stay, (first, second) = await a_stay(hospital, 25_000, 20_000, charges=1)
    await hospital.hear_news()
    await hospital.pass_time(until=timedelta(minutes=3))

    now = await standing(hospital, stay)
    assert (now.status, now.surplus_fen, now.returned_fen, now.payout_fen) == ("settled", 35_000, 35_000, 0)
    assert [(await hospital.look(one)).refunded_fen for one in (first, second)] == [25_000, 10_000]
    assert [one.approved_by for one in await refunds.list_refunds(hospital.db, first.id)] == [None]
    at_his = await hospital.stay(stay.admission_no)
    assert (at_his.status, at_his.balance_fen) == (StayStatus.SETTLED, 0)
    assert [one.returned_fen for one in at_his.deposits] == [25_000, 10_000]
    assert await balances(hospital) == {"deposits": 0, "revenue:discharge": -10_000, "refunds_payable": 0}
    assert await receipted(hospital) == [(10_000, True)]
    with pytest.raises(errors.StayNotOpen):
        await request_discharge(hospital.patient_id, stay.admission_no)
    await hospital.require_agreement()


async def test_deposits_that_are_just_enough_settle_without_money(hospital: HospitalBills) -> None:
    stay, _ = await a_stay(hospital, 30_000)
    with pytest.raises(errors.NothingToPay):
        await order_discharge(hospital.patient_id, stay.admission_no, actor=PORTAL)

    # The HIS's news has not come; the patient asks.
    assert (await request_discharge(hospital.patient_id, stay.admission_no)).status == "asking"
    await hospital.settle_down()

    assert (await standing(hospital, stay)).status == "settled"
    assert await balances(hospital) == {"deposits": 0, "revenue:discharge": -30_000, "refunds_payable": 0}
    await hospital.hear_news()
    assert (await standing(hospital, stay)).status == "settled"
    assert [one.cash_fen for one in await hospital.receipts()] == [30_000, 0]
    await hospital.require_agreement()


async def test_what_the_window_took_is_a_cashiers_to_give_back(hospital: HospitalBills) -> None:
    stay, (deposit,) = await a_stay(hospital, 10_000, charges=1, at_window_fen=15_000)
    await hospital.hear_news()

    now = await standing(hospital, stay)
    assert (now.surplus_fen, now.returned_fen, now.payout_fen, now.payout_at) == (15_000, 10_000, 5_000, None)
    assert [one.id for one in await list_payouts_owed(hospital.db, limit=5)] == [now.id]
    assert (await hospital.look(deposit)).status == "refunded"
    with pytest.raises(errors.StaffRequired):
        await record_payout(now.id, proof="R1", actor=PORTAL)
    with pytest.raises(errors.PayoutNotFound):
        await record_payout(deposit.id, proof="R1", actor=CASHIER)

    key = Idempotency("kiosk", "one-key", "POST /payouts")
    for _ in range(2):
        await record_payout(now.id, proof="R00000077", actor=CASHIER, idempotency=key)

    with pytest.raises(errors.PayoutRecorded):
        await record_payout(now.id, proof="R00000078", actor=CASHIER)
    paid = await standing(hospital, stay)
    assert (paid.payout_proof, paid.payout_by) == ("R00000077", "S0001")
    assert await list_payouts_owed(hospital.db, limit=5) == []
    await hospital.require_agreement()


async def test_what_a_channel_does_not_take_back_any_more_is_paid_by_other_means(hospital: HospitalBills) -> None:
    stay, (deposit,) = await a_stay(hospital, 20_000, charges=1)
    await hospital.db.execute("UPDATE payment_transaction SET paid_at = paid_at - interval '366 days'")
    hospital.wechat.refuses["refund"] = ChannelRefused("RULE_LIMIT")
    await hospital.hear_news()

    now = await standing(hospital, stay)
    assert (now.status, now.returned_fen, now.payout_fen) == ("settled", 10_000, 0)
    [case] = await exceptions.list_exceptions(hospital.db, limit=5)
    assert (case.cause, "pay_offline" in case.allowed) == ("refund_abnormal", True)
    resolution = Resolution(action=Action.PAY_OFFLINE, reason="超过渠道期限", proof="BANK-1")
    await resolve_exception(case.id, resolution, actor=CASHIER)

    assert (await hospital.look(deposit)).refunded_fen == 10_000
    assert (await hospital.stay(stay.admission_no)).balance_fen == 0
    posted = await ledger.balances(hospital.db)
    assert (posted["offline_payouts"], posted["deposits"]) == (-10_000, 0)
    await hospital.require_sound()


async def test_a_his_killed_after_it_has_settled_gives_the_surplus_back_once(hospital: HospitalBills) -> None:
    stay, (deposit,) = await a_stay(hospital, 25_000, charges=1)
    await hospital.stations.faults(answers_late=1, late_seconds=60)
    await request_discharge(hospital.patient_id, stay.admission_no)
    driving = asyncio.create_task(hospital.settle_down())
    async with asyncio.timeout(SECONDS_MAX):
        while (await hospital.micro_his.db.fetchval(
            "SELECT status FROM admission WHERE admission_no = $1", stay.admission_no
        )) != "settled":  # fmt: skip
            await asyncio.sleep(0.01)
    hospital.micro_his.kill()
    try:
        await driving
        assert (await standing(hospital, stay)).status == "asking"
        assert hospital.wechat.held_fen == 25_000
    finally:
        await hospital.micro_his.start()

    await hospital.pass_time(until=timedelta(minutes=2))

    assert (await standing(hospital, stay)).status == "settled"
    assert (await hospital.look(deposit)).refunded_fen == 15_000
    assert hospital.wechat.held_fen == 10_000
    await hospital.require_agreement()


async def test_a_his_that_stays_away_becomes_a_case_that_its_answer_ends(hospital: HospitalBills) -> None:
    stay, _ = await a_stay(hospital, 25_000, charges=1)
    await request_discharge(hospital.patient_id, stay.admission_no)
    hospital.micro_his.stop()
    try:
        await hospital.pass_time(until=timedelta(hours=2), step=timedelta(minutes=5))
        [case] = await exceptions.list_exceptions(hospital.db, limit=5)
        assert (case.cause, case.order_id) == ("discharge_unknown", None)
    finally:
        await hospital.micro_his.start()

    await hospital.pass_time(until=timedelta(minutes=20), step=timedelta(minutes=5))

    assert (await standing(hospital, stay)).returned_fen == 15_000
    assert await exceptions.list_exceptions(hospital.db, limit=5) == []
    await hospital.require_agreement()


async def test_several_workers_give_a_surplus_back_once(hospital: HospitalBills) -> None:
    stay, _ = await a_stay(hospital, 25_000, charges=1)
    begun = await request_discharge(hospital.patient_id, stay.admission_no)

    await asyncio.gather(*(discharge.drive(begun.id) for _ in range(6)))
    await hospital.settle_down()

    assert [(one["amount_fen"], one["status"]) for one in await hospital.rows("payment_refund")] == [
        (15_000, "succeeded")
    ]
    assert (await standing(hospital, stay)).returned_fen == 15_000
    await hospital.require_agreement()


async def test_a_surplus_waits_for_a_deposit_whose_fate_is_not_known(hospital: HospitalBills) -> None:
    stay = await hospital.admit()
    await hospital.stations.charge_stay(stay.admission_no, clock.today().isoformat(), SELF_PAID)
    await hospital.deposited(stay, 15_000)
    await hospital.stations.faults(answers_lost=1)
    unknown = await hospital.deposited(stay, 20_000)
    assert unknown.status == "paid"
    await hospital.leave(stay)

    await request_discharge(hospital.patient_id, stay.admission_no)
    await hospital.settle_down()
    assert (await standing(hospital, stay)).status == "asking"
    await hospital.pass_time(until=timedelta(minutes=5))

    now = await standing(hospital, stay)
    assert (now.status, now.surplus_fen, now.returned_fen, now.payout_fen) == ("settled", 25_000, 25_000, 0)
    assert hospital.wechat.held_fen == 10_000
    await hospital.require_agreement()


async def test_a_stay_that_the_window_settled_is_left_to_it(hospital: HospitalBills) -> None:
    stay, _ = await a_stay(hospital, 25_000, charges=1)
    await hospital.micro_his.db.execute(
        "UPDATE admission SET status = 'settled' WHERE admission_no = $1", stay.admission_no
    )

    await hospital.hear_news()

    now = await standing(hospital, stay)
    assert (now.status, now.reason) == ("refused", "admission_not_open")
    assert await hospital.rows("payment_refund") == []
    [case] = await exceptions.list_exceptions(hospital.db, limit=5)
    assert (case.cause, case.allowed) == ("discharge_refused", ["ask_again", "explain"])
    assert case.facts["reason"] == "admission_not_open"
    # Somebody mends it at the HIS, and has it asked anew.
    await hospital.micro_his.db.execute(
        "UPDATE admission SET status = 'discharged' WHERE admission_no = $1", stay.admission_no
    )
    await resolve_exception(case.id, Resolution(action=Action.ASK_AGAIN, reason="窗口已撤销"), actor=CASHIER)
    await hospital.settle_down()
    assert (await standing(hospital, stay)).returned_fen == 15_000
    await hospital.require_agreement()


async def test_a_discharge_that_is_refunded_as_a_whole_is_owing_again(hospital: HospitalBills) -> None:
    stay, _ = await a_stay(hospital, 20_000)
    order = await order_discharge(hospital.patient_id, stay.admission_no, actor=PORTAL)
    await hospital.pay(order)
    part = await refunds.request_refund(order.id, amount_fen=1_000, ask=Ask(reason="部分"), actor=PORTAL)
    await hospital.settle_down()
    assert (await refunds.read_refund(hospital.db, part.id, CASHIER)).fault == "only_as_a_whole"
    [case] = await exceptions.list_exceptions(hospital.db, limit=5)
    await resolve_exception(case.id, Resolution(action=Action.CANCEL, reason="只能整单退"), actor=CASHIER)

    await refunds.request_refund(order.id, amount_fen=None, ask=Ask(reason="费用有误，重新结算"), actor=PORTAL)
    await hospital.settle_down()

    now = await standing(hospital, stay)
    assert (now.status, now.balance_fen) == ("owing", 10_000)
    assert await balances(hospital) == {"deposits": -20_000, "revenue:discharge": 0, "refunds_payable": 0}
    assert not any(stands for _, stands in await receipted(hospital))
    again = await order_discharge(hospital.patient_id, stay.admission_no, actor=PORTAL)
    assert (await hospital.pay(again)).status == "settled"
    assert sorted(fen for fen, stands in await receipted(hospital) if stands) == [10_000, 20_000]
    assert await balances(hospital) == {"deposits": 0, "revenue:discharge": -30_000, "refunds_payable": 0}
    await hospital.require_agreement()


async def test_a_balance_that_has_become_another_is_refunded_and_ordered_anew(hospital: HospitalBills) -> None:
    stay, _ = await a_stay(hospital, 20_000)
    order = await order_discharge(hospital.patient_id, stay.admission_no, actor=PORTAL)
    await hospital.micro_his.db.execute(
        "UPDATE inpatient_charge SET unit_price_fen = unit_price_fen + 500"
        " WHERE id = (SELECT max(id) FROM inpatient_charge)"
    )

    assert (await hospital.pay(order)).status == "refunded"

    anew = await order_discharge(hospital.patient_id, stay.admission_no, actor=PORTAL)
    assert anew.amount_fen == 10_500
    assert (await hospital.pay(anew)).status == "settled"
    await hospital.require_agreement()


async def test_news_of_somebody_who_is_not_known_here_begins_nothing(hospital: HospitalBills) -> None:
    stay, _ = await a_stay(hospital, 20_000)
    await hospital.db.execute("DELETE FROM patient_identifier")

    await hospital.hear_news()

    found: Any = await read_discharge(hospital.db, stay.admission_no)
    assert found is None
