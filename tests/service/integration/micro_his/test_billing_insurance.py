"""The micro-HIS's side of insured bills: what the insurance's centre wants to know, and receipts of three parts."""

from dataclasses import replace

import pytest

from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import Bill, HisReceipt, InsuranceClaim, Money
from integration.his.errors import HisDisagrees
from integration.his.port import Rejected
from tests.factories.his_billing import BLOOD_COUNT, CRP, Stations, a_number, by_phone, receipt, refusal, seen


async def prescribed(billing: RestHisBilling, stations: Stations) -> Bill:
    told = await stations.order(BLOOD_COUNT, CRP)
    (bill,) = await billing.fetch_bills([told["bill_no"]])
    return bill


def shared(cash_fen: int, *, insurance_fen: int, account_fen: int = 0) -> Money:
    """A payment of which the centre has decided a part."""
    return replace(by_phone(cash_fen, insurance_fen=insurance_fen), insurance_no="ORD1", account_fen=account_fen)


async def test_a_claim_tells_the_visit_and_every_item(billing: RestHisBilling, stations: Stations) -> None:
    bill = await prescribed(billing, stations)

    async def describe() -> InsuranceClaim | Rejected:
        return await billing.describe_claim(his_number=bill.his_number, bills=seen(bill))

    unknown = await describe()
    assert isinstance(unknown, Rejected)
    assert unknown.code == "insurance_unknown"
    await stations.insure(bill.his_number)
    claim = await describe()
    assert isinstance(claim, InsuranceClaim)
    assert {item.item_no: item.amount_fen for item in claim.items} == {
        item.item_no: item.amount_fen for item in bill.items
    }
    assert claim.visit["insutype"] == "310"
    assert (claim.items[1].described["medinsListName"], claim.items[1].described["pric"]) == ("C反应蛋白", "33.33")
    assert await describe() == claim
    changed = await billing.describe_claim(his_number=bill.his_number, bills=[(bill.bill_no, "0" * 64)])
    assert isinstance(changed, Rejected)
    assert changed.code == "bill_changed"


async def test_the_centres_share_counts_and_not_what_the_his_reckons(
    billing: RestHisBilling, stations: Stations
) -> None:
    bill = await prescribed(billing, stations)  # 53.33 yuan, 10.00 by the HIS's own reckoning
    number = a_number("S")

    async def settle(money: Money) -> HisReceipt | Rejected:
        return await billing.settle_bills(
            settlement_no=number, his_number=bill.his_number, bills=seen(bill), money=money
        )

    for wrong in (shared(1_000, insurance_fen=4_000), by_phone(1_333, insurance_fen=4_000)):
        refused = await settle(wrong)
        assert isinstance(refused, Rejected)
        assert refused.code == "amount_differs"
    money = shared(1_333, insurance_fen=4_000, account_fen=1_000)
    kept = receipt(await settle(money))
    assert (kept.cash_fen, kept.insurance_fen, kept.account_fen, kept.total_fen) == (1_333, 4_000, 1_000, 5_333)
    assert kept.insurance_no == "ORD1"
    assert await settle(money) == kept
    with pytest.raises(HisDisagrees):
        await settle(replace(money, account_fen=999))


async def test_the_insurances_part_goes_back_whole_and_once(billing: RestHisBilling, stations: Stations) -> None:
    bill = await prescribed(billing, stations)
    number = a_number("S")
    paid = shared(3_533, insurance_fen=1_800, account_fen=300)
    receipt(await billing.settle_bills(settlement_no=number, his_number=bill.his_number, bills=seen(bill), money=paid))

    async def reverse(item_no: str, money: Money) -> str | int:
        refund_no = a_number("R")
        await billing.request_refund(refund_no=refund_no, settlement_no=number, item_nos=[item_no])
        outcome = await billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=money)
        if isinstance(outcome, Rejected):
            # The approval keeps its items; nobody else may ask for them.
            return outcome.code
        return outcome.account_fen

    own, rest = bill.items[1].item_no, bill.items[0].item_no
    assert await reverse(own, shared(3_333, insurance_fen=0)) == 0
    refund_no = a_number("R")
    await billing.request_refund(refund_no=refund_no, settlement_no=number, item_nos=[rest])
    for wrong in (by_phone(2_000), shared(1_000, insurance_fen=1_000), shared(200, insurance_fen=1_800)):
        asked = billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=wrong)
        assert await refusal(asked) == "amount_differs"
    whole = shared(200, insurance_fen=1_800, account_fen=300)
    gone = receipt(await billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=whole))
    assert (gone.cash_fen, gone.insurance_fen, gone.account_fen) == (-200, -1_800, -300)
