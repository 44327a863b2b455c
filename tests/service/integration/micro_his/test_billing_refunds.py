"""Refunds need the hospital's word: nothing that was dispensed or done goes back, and what goes back goes back once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

import pytest

from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import (
    ApprovalStatus,
    Bill,
    BillStatus,
    HisReceipt,
    ItemStatus,
    Money,
    RefundApproval,
)
from integration.his.errors import HisDisagrees
from integration.his.port import Rejected
from integration.micro_his.billing.states import ADMISSION, BILL, ITEM, REFUND_REQUEST
from tests.factories.his_billing import (
    AMOXICILLIN,
    BLOOD_COUNT,
    CRP,
    Stations,
    a_number,
    by_phone,
    receipt,
    refusal,
    seen,
)
from tests.service.integration.micro_his.conftest import MicroHisProcess


def granted(outcome: RefundApproval | Rejected) -> RefundApproval:
    assert isinstance(outcome, RefundApproval), outcome
    return outcome


async def paid(
    billing: RestHisBilling,
    stations: Stations,
    *items: dict[str, object],
    kind: str = "laboratory",
    insured: bool = False,
) -> tuple[Bill, str]:
    """A bill that was paid by phone, and the settlement's number."""
    told = await stations.order(*items, kind=kind)
    (bill,) = await billing.fetch_bills([told["bill_no"]])
    insurance_fen = bill.insurance_fen if insured else 0
    number = a_number("S")
    receipt(
        await billing.settle_bills(
            settlement_no=number,
            his_number=bill.his_number,
            bills=seen(bill),
            money=by_phone(bill.total_fen - insurance_fen, insurance_fen=insurance_fen),
        )
    )
    return bill, number


async def test_a_test_that_nobody_has_begun_is_approved_at_once_and_goes_back_in_part(
    billing: RestHisBilling, stations: Stations
) -> None:
    bill, number = await paid(billing, stations, BLOOD_COUNT, CRP, insured=True)
    count, crp = bill.items
    refund_no = a_number("F")

    approval = granted(
        await billing.request_refund(refund_no=refund_no, settlement_no=number, item_nos=[count.item_no])
    )
    assert (approval.status, approval.reason, approval.item_nos) == (
        ApprovalStatus.APPROVED, "not_begun", (count.item_no,),
    )  # fmt: skip
    money = by_phone(1_000, insurance_fen=1_000)
    back = receipt(await billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=money))
    again = receipt(await billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=money))

    assert (back.cash_fen, back.insurance_fen, back.total_fen, back.reverses_number) == (-1_000, -1_000, -2_000, number)
    assert [line.item_no for line in back.lines] == [count.item_no]
    assert again == back == await billing.find_receipt(refund_no)
    (now,) = await billing.fetch_bills([bill.bill_no])
    assert now.status is BillStatus.PAID
    assert {item.item_no: item.status for item in now.items} == {
        count.item_no: ItemStatus.REVERSED, crp.item_no: ItemStatus.PAID,
    }  # fmt: skip

    rest = a_number("F")
    granted(await billing.request_refund(refund_no=rest, settlement_no=number, item_nos=[crp.item_no]))
    receipt(await billing.reverse_settlement(refund_no=rest, settlement_no=number, money=by_phone(3_333)))
    (now,) = await billing.fetch_bills([bill.bill_no])
    assert now.status is BillStatus.REVERSED
    approval = granted(await billing.request_refund(refund_no=rest, settlement_no=number, item_nos=[crp.item_no]))
    assert approval.status is ApprovalStatus.USED


async def test_drugs_go_back_when_the_pharmacy_says_so(billing: RestHisBilling, stations: Stations) -> None:
    bill, number = await paid(billing, stations, AMOXICILLIN, kind="prescription")
    item_no, refund_no = bill.items[0].item_no, a_number("F")

    asked = granted(await billing.request_refund(refund_no=refund_no, settlement_no=number, item_nos=[item_no]))
    assert asked.status is ApprovalStatus.PENDING
    reverse = billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=by_phone(2_470))
    assert await refusal(reverse) == "not_approved"
    # While it is asked for, nobody dispenses it.
    assert (await stations.carry_out(item_no)).json()["code"] == "item_not_refundable"
    waiting = (await stations.http.get("/api/station/refund-requests")).json()["refund_requests"]
    assert asked.approval_no in {one["approval_no"] for one in waiting}

    assert (await stations.decide(asked.approval_no, approves=True)).json()["status"] == "approved"
    second = await stations.decide(asked.approval_no, approves=False, reason="too late")
    assert (second.status_code, second.json()["code"]) == (409, "already_decided")
    found = await billing.find_refund_approval(refund_no)
    assert found is not None
    assert (found.status, found.version) == (ApprovalStatus.APPROVED, 2)
    receipt(await billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=by_phone(2_470)))


async def test_a_refused_refund_leaves_the_drug_to_be_dispensed(billing: RestHisBilling, stations: Stations) -> None:
    bill, number = await paid(billing, stations, AMOXICILLIN, kind="prescription")
    item_no = bill.items[0].item_no
    first, second = a_number("F"), a_number("F")
    asked = granted(await billing.request_refund(refund_no=first, settlement_no=number, item_nos=[item_no]))

    assert (await stations.decide(asked.approval_no, approves=False)).json()["field"] == "reason"
    assert (await stations.decide(asked.approval_no, approves=False, reason="已摆药")).json()["reason"] == "已摆药"

    reverse = billing.reverse_settlement(refund_no=first, settlement_no=number, money=by_phone(2_470))
    assert await refusal(reverse) == "not_approved"
    assert (await stations.carry_out(item_no)).json()["status"] == "done"
    late = granted(await billing.request_refund(refund_no=second, settlement_no=number, item_nos=[item_no]))
    assert (late.status, late.reason) == (ApprovalStatus.REFUSED, "drug_dispensed")


async def test_a_test_that_was_done_is_refused_with_the_reason(billing: RestHisBilling, stations: Stations) -> None:
    bill, number = await paid(billing, stations, BLOOD_COUNT, CRP)
    await stations.carry_out(bill.items[1].item_no)
    refund_no = a_number("F")

    asked = granted(
        await billing.request_refund(
            refund_no=refund_no, settlement_no=number, item_nos=[item.item_no for item in bill.items]
        )
    )

    assert (asked.status, asked.reason) == (ApprovalStatus.REFUSED, "test_done")
    # The other one is free to go back under another number.
    alone = granted(
        await billing.request_refund(refund_no=a_number("F"), settlement_no=number, item_nos=[bill.items[0].item_no])
    )
    assert alone.status is ApprovalStatus.APPROVED


async def test_what_cannot_go_back_is_refused_and_changes_nothing(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    bill, number = await paid(billing, stations, BLOOD_COUNT, CRP)
    other, _ = await paid(billing, stations, BLOOD_COUNT)
    mine, refund_no = bill.items[0].item_no, a_number("F")
    granted(await billing.request_refund(refund_no=refund_no, settlement_no=number, item_nos=[mine]))
    before = await micro_his.everything()

    def ask(settlement_no: str, item_no: str) -> Awaitable[RefundApproval | Rejected]:
        return billing.request_refund(refund_no=a_number("F"), settlement_no=settlement_no, item_nos=[item_no])

    def reverse(no: str, settlement_no: str, money: Money) -> Awaitable[HisReceipt | Rejected]:
        return billing.reverse_settlement(refund_no=no, settlement_no=settlement_no, money=money)

    assert await refusal(ask(number, mine)) == "item_not_refundable"
    assert await refusal(ask(number, other.items[0].item_no)) == "item_not_refundable"
    assert await refusal(ask(a_number("S"), mine)) == "entry_unknown"
    assert await refusal(reverse(refund_no, number, by_phone(1_999))) == "amount_differs"
    assert await refusal(reverse(a_number("F"), number, by_phone(2_000))) == "not_approved"
    assert await refusal(reverse(refund_no, a_number("S"), by_phone(2_000))) == "entry_unknown"
    with pytest.raises(HisDisagrees):
        await billing.request_refund(refund_no=refund_no, settlement_no=number, item_nos=[bill.items[1].item_no])
    assert await billing.find_refund_approval(a_number("F")) is None
    assert await billing.find_receipt(a_number("S")) is None

    assert await micro_his.everything() == before


async def test_a_test_is_done_or_refunded_but_never_both(billing: RestHisBilling, stations: Stations) -> None:
    outcomes: Counter[tuple[bool, ApprovalStatus]] = Counter()
    for _ in range(15):
        bill, number = await paid(billing, stations, BLOOD_COUNT)
        item_no = bill.items[0].item_no
        asked, done = await asyncio.gather(
            billing.request_refund(refund_no=a_number("F"), settlement_no=number, item_nos=[item_no]),
            stations.carry_out(item_no),
        )
        outcomes[done.is_success, granted(asked).status] += 1

    assert outcomes.total() == 15
    assert set(outcomes) <= {(True, ApprovalStatus.REFUSED), (False, ApprovalStatus.APPROVED)}


async def test_one_refund_told_many_times_at_one_moment_goes_back_once(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    bill, number = await paid(billing, stations, BLOOD_COUNT)
    refund_no, money = a_number("F"), by_phone(2_000)
    item_nos = [bill.items[0].item_no]
    asked = await asyncio.gather(
        *(billing.request_refund(refund_no=refund_no, settlement_no=number, item_nos=item_nos) for _ in range(8))
    )
    backs = await asyncio.gather(
        *(billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=money) for _ in range(8))
    )

    assert len({granted(one).approval_no for one in asked}) == 1
    assert len({receipt(one).receipt_no for one in backs}) == 1
    total = await micro_his.db.fetchval("SELECT sum(cash_fen) FROM receipt WHERE mr = $1", bill.his_number)
    assert total == 0


def test_no_status_has_another_way_than_those_of_the_hospital() -> None:
    tables = {"bill": BILL, "item": ITEM, "refund request": REFUND_REQUEST, "admission": ADMISSION}
    steps = {
        (name, before, after)
        for name, table in tables.items()
        for before in table.steps
        for after in table.steps
        if table.allows(before, after)
    }
    assert steps == {
        ("bill", "unpaid", "paid"),
        ("bill", "unpaid", "cancelled"),
        ("bill", "paid", "reversed"),
        ("item", "unpaid", "paid"),
        ("item", "unpaid", "cancelled"),
        ("item", "paid", "done"),
        ("item", "paid", "reversed"),
        ("refund request", "pending", "approved"),
        ("refund request", "pending", "refused"),
        ("refund request", "approved", "used"),
        ("admission", "admitted", "discharged"),
        ("admission", "discharged", "settled"),
        ("admission", "settled", "discharged"),
    }
