"""The inpatient account: what is deposited, charged, owed and given back adds up at every moment, and is done once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta

from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import NO_CHANNEL, HisReceipt, Money, ReceiptKind, Stay, StayStatus
from integration.his.port import Rejected
from integration.micro_his.billing.inpatient import DAILY_ITEMS
from kernel import clock
from tests.factories.his_billing import BLOOD_COUNT, CRP, Stations, a_number, by_phone, receipt, refusal
from tests.service.integration.micro_his.conftest import MicroHisProcess

DAILY_FEN = sum(item.unit_price_fen * item.quantity for item in DAILY_ITEMS)
SELF_PAID = CRP | {"unit_price_fen": 10_000}


async def stay_of(billing: RestHisBilling, admission_no: str) -> Stay:
    stay = await billing.fetch_stay(admission_no)
    assert stay is not None
    return stay


async def deposit(billing: RestHisBilling, admission_no: str, cash_fen: int) -> str:
    number = a_number("D")
    receipt(await billing.post_deposit(deposit_no=number, admission_no=admission_no, money=by_phone(cash_fen)))
    return number


async def discharged(
    billing: RestHisBilling, stations: Stations, *deposits: int, charges: int = 3
) -> tuple[Stay, list[str]]:
    """A stay that has ended, charged 100 yuan so many times that no insurance bears, with deposits."""
    admission_no = (await stations.admit(insurance_percent=0))["admission_no"]
    numbers = [await deposit(billing, admission_no, fen) for fen in deposits]
    for _ in range(charges):
        await stations.charge_stay(admission_no, clock.today().isoformat(), SELF_PAID)
    await stations.done(f"station/admissions/{admission_no}/discharge")
    return await stay_of(billing, admission_no), numbers


async def test_a_deposit_is_credited_once(billing: RestHisBilling, stations: Stations) -> None:
    admitted = await stations.admit()
    number, money = a_number("D"), by_phone(300_000)

    outcomes = await asyncio.gather(
        *(
            billing.post_deposit(deposit_no=number, admission_no=admitted["admission_no"], money=money)
            for _ in range(10)
        )
    )

    assert len({receipt(one).receipt_no for one in outcomes}) == 1
    stay = await billing.find_stay(admitted["mr"])
    assert stay is not None
    assert (stay.status, stay.deposits_fen, stay.balance_fen) == (StayStatus.ADMITTED, 300_000, -300_000)
    assert [(one.number, one.amount_fen, one.channel) for one in stay.deposits] == [(number, 300_000, "wechatpay")]
    assert await billing.find_stay("MR99999999") is None


async def test_daily_charges_run_once_a_day_and_are_listed(billing: RestHisBilling, stations: Stations) -> None:
    today, yesterday = clock.today(), clock.today() - timedelta(days=1)
    admission_no = (await stations.admit(admitted_on=yesterday.isoformat()))["admission_no"]
    for day in (yesterday, yesterday, today, yesterday - timedelta(days=1)):
        assert (await stations.done("station/daily-charges", {"date": day.isoformat()}))["stays"] >= 0
    await stations.charge_stay(admission_no, today.isoformat(), BLOOD_COUNT)

    listed = {
        day: await billing.list_charges(admission_no, day) for day in (yesterday, today, today + timedelta(days=1))
    }

    first, second, later = listed.values()
    assert first is not None
    assert second is not None
    assert later is not None
    assert (first.total_fen, first.insurance_fen) == (DAILY_FEN, sum(i.unit_price_fen * 60 // 100 for i in DAILY_ITEMS))
    assert [line.name for line in second.lines] == [item.name for item in DAILY_ITEMS] + ["血常规"]
    assert second.total_fen == DAILY_FEN + 2_000
    assert later.lines == ()
    assert (await stay_of(billing, admission_no)).charges_fen == 2 * DAILY_FEN + 2_000
    assert await billing.list_charges("Z99999999", today) is None


async def test_a_bill_that_the_deposits_do_not_cover_is_paid_at_discharge(
    billing: RestHisBilling, stations: Stations
) -> None:
    stay, _ = await discharged(billing, stations, 20_000)
    assert (stay.status, stay.charges_fen, stay.balance_fen) == (StayStatus.DISCHARGED, 30_000, 10_000)
    number, money = a_number("S"), by_phone(10_000)

    def settle(settlement_no: str, told: Money) -> Awaitable[HisReceipt | Rejected]:
        return billing.settle_discharge(settlement_no=settlement_no, admission_no=stay.admission_no, money=told)

    assert await refusal(settle(a_number("S"), by_phone(9_999))) == "amount_differs"
    settled = receipt(await settle(number, money))
    assert receipt(await settle(number, money)) == settled
    assert await refusal(settle(a_number("S"), by_phone(10_000))) == "admission_not_open"

    assert (settled.kind, settled.cash_fen, settled.surplus_fen) == (ReceiptKind.DISCHARGE, 10_000, 0)
    assert [(line.code, line.quantity, line.amount_fen) for line in settled.lines] == [(CRP["code"], 3, 30_000)]
    now = await stay_of(billing, stay.admission_no)
    assert (now.status, now.paid_fen, now.balance_fen) == (StayStatus.SETTLED, 10_000, 0)
    # It can be taken back whole, and then stands to be paid again.
    back = receipt(await billing.reverse_settlement(refund_no=a_number("F"), settlement_no=number, money=money))
    assert back.cash_fen == -10_000
    now = await stay_of(billing, stay.admission_no)
    assert (now.status, now.balance_fen) == (StayStatus.DISCHARGED, 10_000)
    assert receipt(await settle(a_number("S"), by_phone(10_000))).cash_fen == 10_000


async def test_a_surplus_is_told_and_returned_over_the_deposits(billing: RestHisBilling, stations: Stations) -> None:
    stay, (first, second) = await discharged(billing, stations, 25_000, 20_000)
    number = a_number("S")

    settled = receipt(
        await billing.settle_discharge(settlement_no=number, admission_no=stay.admission_no, money=Money(0, NO_CHANNEL))
    )
    assert (settled.cash_fen, settled.surplus_fen) == (0, 15_000)

    def give_back(deposit_no: str, cash_fen: int, refund_no: str | None = None) -> Awaitable[HisReceipt | Rejected]:
        return billing.return_deposit(
            refund_no=refund_no or a_number("F"), deposit_no=deposit_no, money=Money(cash_fen, "wechatpay", "T1")
        )

    assert await refusal(give_back(first, 15_001)) == "nothing_to_return"
    refund_no = a_number("F")
    back = receipt(await give_back(first, 12_000, refund_no))
    assert receipt(await give_back(first, 12_000, refund_no)) == back
    assert (back.kind, back.cash_fen, back.reverses_number) == (ReceiptKind.DEPOSIT_RETURN, -12_000, first)
    assert await refusal(give_back(second, 3_001)) == "nothing_to_return"
    receipt(await give_back(second, 3_000))
    assert await refusal(give_back(second, 1)) == "nothing_to_return"

    now = await stay_of(billing, stay.admission_no)
    assert (now.balance_fen, [one.returned_fen for one in now.deposits]) == (0, [12_000, 3_000])
    found = await billing.find_receipt(number)
    assert found is not None
    assert found.surplus_fen == 0


async def test_a_deposit_that_is_used_up_by_charges_does_not_go_back(
    billing: RestHisBilling, stations: Stations, micro_his: MicroHisProcess
) -> None:
    admission_no = (await stations.admit(insurance_percent=0))["admission_no"]
    number = await deposit(billing, admission_no, 15_000)
    await stations.charge_stay(admission_no, clock.today().isoformat(), SELF_PAID)
    before = await micro_his.everything()

    too_much = billing.return_deposit(refund_no=a_number("F"), deposit_no=number, money=by_phone(5_001))

    assert await refusal(too_much) == "nothing_to_return"
    assert await micro_his.everything() == before
    receipt(await billing.return_deposit(refund_no=a_number("F"), deposit_no=number, money=by_phone(5_000)))


async def test_many_returns_at_one_moment_give_back_no_fen_too_much(
    billing: RestHisBilling, stations: Stations
) -> None:
    stay, (number,) = await discharged(billing, stations, 40_000)

    outcomes = await asyncio.gather(
        *(billing.return_deposit(refund_no=a_number("F"), deposit_no=number, money=by_phone(3_000)) for _ in range(8))
    )

    kinds = Counter("done" if isinstance(one, HisReceipt) else one.code for one in outcomes)
    assert kinds == {"done": 3, "nothing_to_return": 5}
    assert (await stay_of(billing, stay.admission_no)).balance_fen == -1_000


async def test_a_stay_that_has_ended_takes_no_deposit_and_no_charge(
    billing: RestHisBilling, stations: Stations, micro_his: MicroHisProcess
) -> None:
    stay, _ = await discharged(billing, stations, 30_000)
    before = await micro_his.everything()

    late = billing.post_deposit(deposit_no=a_number("D"), admission_no=stay.admission_no, money=by_phone(100))
    nowhere = billing.post_deposit(deposit_no=a_number("D"), admission_no="Z99999999", money=by_phone(100))
    charged = await stations.ask(
        f"station/admissions/{stay.admission_no}/charges",
        {"date": clock.today().isoformat(), "items": [BLOOD_COUNT], "request_id": a_number("Q")},
    )

    assert await refusal(late) == "admission_not_open"
    assert await refusal(nowhere) == "admission_unknown"
    assert (charged.status_code, charged.json()["code"]) == (409, "admission_not_open")
    assert await micro_his.everything() == before


async def test_nobody_is_admitted_twice_at_a_time(stations: Stations) -> None:
    await stations.admit(request_id=(request_id := a_number("Q")))

    again = await stations.admit(request_id=request_id)
    assert again["status"] == "admitted"
    other = await stations.ask(
        "station/admissions",
        {
            "patient": stations.patient, "department_code": "0301", "ward": "六病区", "bed": "13",
            "insurance_percent": 0,
        },
    )  # fmt: skip
    assert (other.status_code, other.json()["code"]) == (409, "already_admitted")


async def test_a_settlement_while_the_stay_goes_on_is_refused(billing: RestHisBilling, stations: Stations) -> None:
    admission_no = (await stations.admit())["admission_no"]

    early = billing.settle_discharge(settlement_no=a_number("S"), admission_no=admission_no, money=Money(0, NO_CHANNEL))

    assert await refusal(early) == "admission_not_open"
