"""What is not known is learnt by asking again: answers lost or late, a HIS killed before its answer, a HIS down."""

import asyncio

import pytest

from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import Bill, BillStatus, HisReceipt, Money
from integration.his.errors import HisUnavailable
from integration.his.port import Rejected
from tests.factories.his_billing import BLOOD_COUNT, Stations, a_number, by_phone, receipt, seen
from tests.service.integration.micro_his.conftest import TOKEN, MicroHisProcess

SECONDS_MAX = 30


class Settlement:
    """One settlement that is told as often as it takes."""

    def __init__(self, billing: RestHisBilling, bill: Bill) -> None:
        self.billing = billing
        self.bill = bill
        self.number = a_number("S")
        self.money: Money = by_phone(bill.total_fen)

    async def tell(self, billing: RestHisBilling | None = None) -> HisReceipt | Rejected:
        return await (billing or self.billing).settle_bills(
            settlement_no=self.number, his_number=self.bill.his_number, bills=seen(self.bill), money=self.money
        )


async def a_settlement(billing: RestHisBilling, stations: Stations) -> Settlement:
    told = await stations.order(BLOOD_COUNT)
    (bill,) = await billing.fetch_bills([told["bill_no"]])
    return Settlement(billing, bill)


async def receipts_of(his: MicroHisProcess, settlement: Settlement) -> int:
    count: int = await his.db.fetchval("SELECT count(*) FROM receipt WHERE number = $1", settlement.number)
    return count


async def test_an_answer_that_was_lost_after_the_commit_is_unknown_and_found_by_asking(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    settlement = await a_settlement(billing, stations)
    await stations.faults(answers_lost=2)

    for _ in range(2):
        with pytest.raises(HisUnavailable):
            await settlement.tell()

    found = await billing.find_receipt(settlement.number)
    assert found is not None
    assert receipt(await settlement.tell()) == found
    assert await receipts_of(micro_his, settlement) == 1


async def test_an_answer_that_is_late_is_unknown(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    settlement = await a_settlement(billing, stations)
    impatient = RestHisBilling(base_url=str(micro_his.http.base_url), token=TOKEN, seconds_max=0.3)
    await stations.faults(answers_late=1, late_seconds=5)

    with pytest.raises(HisUnavailable) as unknown:
        await settlement.tell(impatient)

    assert unknown.value.details["reason"] in {"ReadTimeout", "TimeoutError"}
    assert receipt(await settlement.tell()).number == settlement.number
    assert await receipts_of(micro_his, settlement) == 1
    await impatient.close()


async def test_a_his_killed_between_commit_and_answer_has_done_it_once(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    settlement = await a_settlement(billing, stations)
    await stations.faults(answers_late=1, late_seconds=60)
    telling = asyncio.create_task(settlement.tell())
    async with asyncio.timeout(SECONDS_MAX):
        while not await receipts_of(micro_his, settlement):
            await asyncio.sleep(0.01)

    micro_his.kill()
    try:
        with pytest.raises(HisUnavailable):
            await telling
        with pytest.raises(HisUnavailable):
            await billing.find_receipt(settlement.number)
    finally:
        await micro_his.start()

    found = await billing.find_receipt(settlement.number)
    assert found is not None
    assert receipt(await settlement.tell()) == found
    assert await receipts_of(micro_his, settlement) == 1


async def test_killed_while_twenty_are_paying_each_bill_is_settled_once_or_not_at_all(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    settlements = [await a_settlement(billing, stations) for _ in range(20)]
    telling = [asyncio.create_task(one.tell()) for one in settlements]
    done, _ = await asyncio.wait(telling, return_when=asyncio.FIRST_COMPLETED)
    assert done
    micro_his.kill()
    try:
        first = await asyncio.gather(*telling, return_exceptions=True)
    finally:
        await micro_his.start()

    again = [receipt(await one.tell()) for one in settlements]

    for before, after in zip(first, again, strict=True):
        assert isinstance(before, HisUnavailable) or before == after
    counts = [await receipts_of(micro_his, one) for one in settlements]
    assert counts == [1] * 20
    total = await micro_his.db.fetchval(
        "SELECT sum(cash_fen) FROM receipt WHERE mr = $1", settlements[0].bill.his_number
    )
    assert total == 20 * 2_000


async def test_who_asks_while_it_is_being_written_waits_for_the_truth(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    settlement = await a_settlement(billing, stations)
    # Somebody holds the bill, so the settlement is under way and cannot end yet.
    transaction = micro_his.db.transaction()
    await transaction.start()
    await micro_his.db.execute("SELECT FROM bill WHERE bill_no = $1 FOR UPDATE", settlement.bill.bill_no)
    telling = asyncio.create_task(settlement.tell())
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(SECONDS_MAX):
        while not await micro_his.db.fetchval(waiting):
            await asyncio.sleep(0.01)
    asking = asyncio.create_task(billing.find_receipt(settlement.number))
    async with asyncio.timeout(SECONDS_MAX):
        while await micro_his.db.fetchval(waiting) < 2:
            await asyncio.sleep(0.01)
    await transaction.rollback()

    assert await asking == receipt(await telling)


async def test_a_number_that_was_given_up_is_not_done_when_it_still_arrives(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    settlement = await a_settlement(billing, stations)

    assert await billing.void_number(settlement.number) is None
    assert await billing.void_number(settlement.number) is None

    assert await settlement.tell() == Rejected(code="number_void", text="该流水号已作废")
    assert await receipts_of(micro_his, settlement) == 0
    (bill,) = await billing.fetch_bills([settlement.bill.bill_no])
    assert bill.hash == settlement.bill.hash
    assert bill.status is BillStatus.UNPAID


async def test_a_number_that_was_done_is_not_void(billing: RestHisBilling, stations: Stations) -> None:
    settlement = await a_settlement(billing, stations)
    done = receipt(await settlement.tell())

    assert await billing.void_number(settlement.number) == done
    assert receipt(await settlement.tell()) == done


async def test_a_number_is_done_or_void_but_never_both(billing: RestHisBilling, stations: Stations) -> None:
    settlements = [await a_settlement(billing, stations) for _ in range(12)]

    async def at_one_moment(one: Settlement) -> tuple[HisReceipt | Rejected, HisReceipt | None]:
        return await asyncio.gather(one.tell(), billing.void_number(one.number))

    outcomes = await asyncio.gather(*(at_one_moment(one) for one in settlements))

    for outcome, found in outcomes:
        assert (isinstance(outcome, HisReceipt) and found == outcome) or (
            isinstance(outcome, Rejected) and outcome.code == "number_void" and found is None
        )


async def test_a_his_that_is_down_is_unknown_in_every_call(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    settlement = await a_settlement(billing, stations)
    micro_his.stop()
    try:
        for call in (
            settlement.tell(),
            billing.list_unpaid_bills(settlement.bill.his_number),
            billing.find_receipt(settlement.number),
            billing.find_stay(settlement.bill.his_number),
            billing.post_deposit(deposit_no=a_number("D"), admission_no="Z00000001", money=by_phone(100)),
        ):
            with pytest.raises(HisUnavailable):
                await call
    finally:
        await micro_his.start()

    assert receipt(await settlement.tell()).number == settlement.number


@pytest.mark.parametrize("ordered", [{"answers_lost": -1}, {"answers_lost": 1_001}, {"late_seconds": 61}, {"more": 1}])
async def test_faults_are_bounded(stations: Stations, ordered: dict[str, int]) -> None:
    answer = await stations.ask("faults", ordered)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
