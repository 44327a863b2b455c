"""What the micro-HIS tells of money by itself, and what the platform's profile understands of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from integration.exchange.hl7v2.profile import Hl7Profile
from integration.his.adapters.rest import RestHisPull
from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.facts import BillFacts, DepositFacts, DischargeFacts, RefundDecisionFacts
from integration.his.port import InboundChange, InboundKind
from tests.factories.his_billing import AMOXICILLIN, BLOOD_COUNT, CRP, Stations, a_number, by_phone, receipt, seen
from tests.service.integration.micro_his.conftest import TOKEN, MicroHisProcess


async def heard(his: MicroHisProcess, his_number: str) -> list[InboundChange]:
    """What the platform was told over the wire of one person, in order, as its profile reads it."""
    await his.everything()
    profile = Hl7Profile("MICROHIS")
    changes = [change for message in his.platform.applied for change in profile.read(message)]
    return [change for change in changes if _patient_number(change) == his_number]


def _patient_number(change: InboundChange) -> str | None:
    facts = change.facts
    if isinstance(facts, BillFacts | RefundDecisionFacts | DepositFacts | DischargeFacts):
        return facts.patient.his_number
    return None


def kinds(changes: Sequence[InboundChange]) -> list[InboundKind]:
    return [change.kind for change in changes]


async def test_a_bill_is_told_when_it_is_ordered_changed_and_withdrawn(
    micro_his: MicroHisProcess, stations: Stations
) -> None:
    told = await stations.order(BLOOD_COUNT, CRP)
    change = {"item_no": told["items"][0]["item_no"], "quantity": 2}
    await stations.done(f"station/orders/{told['bill_no']}/change", change)
    await stations.done(f"station/orders/{told['bill_no']}/withdraw")

    changes = await heard(micro_his, told["mr"])

    assert kinds(changes) == [InboundKind.CHARGE_POSTED] * 3
    bills = [change.facts for change in changes]
    assert all(isinstance(bill, BillFacts) for bill in bills)
    assert [
        (b.bill_no, b.kind, b.status, b.version, b.total_fen, b.insurance_fen)
        for b in bills
        if isinstance(b, BillFacts)
    ] == [
        (told["bill_no"], "laboratory", "unpaid", 1, 5_333, 1_000),
        (told["bill_no"], "laboratory", "unpaid", 2, 7_333, 2_000),
        (told["bill_no"], "laboratory", "cancelled", 3, 7_333, 2_000),
    ]
    assert {change.aggregate for change in changes} == {f"his-bill:MICROHIS:{told['bill_no']}"}
    assert {change.depends_on for change in changes} == {f"his-patient:MICROHIS:{told['mr']}"}


async def test_what_the_window_settled_is_told_and_what_the_phone_settled_is_not(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    by_window, by_phone_bill = await stations.order(BLOOD_COUNT), await stations.order(CRP)
    await stations.charge(by_window["bill_no"], cash_fen=2_000)
    (bill,) = await billing.fetch_bills([by_phone_bill["bill_no"]])
    receipt(
        await billing.settle_bills(
            settlement_no=a_number("S"), his_number=bill.his_number, bills=seen(bill), money=by_phone(3_333)
        )
    )

    changes = await heard(micro_his, by_window["mr"])

    assert kinds(changes) == [
        InboundKind.CHARGE_POSTED, InboundKind.CHARGE_POSTED, InboundKind.BILL_SETTLED_ELSEWHERE,
    ]  # fmt: skip
    settled = changes[-1].facts
    assert isinstance(settled, BillFacts)
    assert (settled.bill_no, settled.status, settled.version) == (by_window["bill_no"], "paid", 2)


async def test_the_pharmacys_word_on_a_refund_is_told(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    told = await stations.order(AMOXICILLIN, kind="prescription")
    (bill,) = await billing.fetch_bills([told["bill_no"]])
    number, first, second = a_number("S"), a_number("F"), a_number("F")
    await billing.settle_bills(
        settlement_no=number, his_number=bill.his_number, bills=seen(bill), money=by_phone(2_470)
    )
    item_nos = [bill.items[0].item_no]
    approval_nos = []
    for refund_no, reason in ((first, "已摆药"), (second, "")):
        await billing.request_refund(refund_no=refund_no, settlement_no=number, item_nos=item_nos)
        found = await billing.find_refund_approval(refund_no)
        assert found is not None
        approval_nos.append(found.approval_no)
        await stations.decide(found.approval_no, approves=not reason, reason=reason)

    decisions = [change for change in await heard(micro_his, told["mr"]) if "refund" in change.kind]

    assert kinds(decisions) == [InboundKind.REFUND_REFUSED, InboundKind.REFUND_APPROVED]
    assert [
        (d.approval_no, d.refund_no, d.approved, d.reason, d.total_fen)
        for d in (change.facts for change in decisions)
        if isinstance(d, RefundDecisionFacts)
    ] == [(approval_nos[0], first, False, "已摆药", 2_470), (approval_nos[1], second, True, "", 2_470)]


async def test_a_deposit_at_the_window_and_a_discharge_are_told_in_order(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    admitted = await stations.admit()
    number = admitted["admission_no"]
    body = {"admission_no": number, "clerk": "S0001", "channel": "cash", "cash_fen": 50_000}
    paid = await stations.done("window/deposits", body)
    await billing.post_deposit(deposit_no=a_number("D"), admission_no=number, money=by_phone(1_000))
    await stations.done(f"station/admissions/{number}/discharge")

    changes = await heard(micro_his, admitted["mr"])

    assert kinds(changes) == [InboundKind.DEPOSIT_POSTED, InboundKind.DISCHARGED]
    deposit, discharge = (change.facts for change in changes)
    assert isinstance(deposit, DepositFacts)
    assert (deposit.admission_no, deposit.receipt_no, deposit.amount_fen) == (number, paid["receipt_no"], 50_000)
    assert isinstance(discharge, DischargeFacts)
    assert (discharge.admission_no, discharge.department_code, discharge.version) == (number, "0301", 2)
    assert abs(datetime.now(UTC) - discharge.discharged_at) < timedelta(minutes=5)
    assert {change.aggregate for change in changes} == {f"his-stay:MICROHIS:{number}"}


async def test_the_feed_has_the_same_news(micro_his: MicroHisProcess, stations: Stations) -> None:
    start = await micro_his.db.fetchval("SELECT last FROM message_counter")
    told = await stations.order(BLOOD_COUNT)
    pull = RestHisPull(
        source="MICROHIS", base_url=str(micro_his.http.base_url), token=TOKEN, profile=Hl7Profile("MICROHIS")
    )

    page = await pull.fetch_changes(start)

    await pull.close()
    (change,) = (one for item in page.items for one in item.changes)
    assert change.kind is InboundKind.CHARGE_POSTED
    assert _patient_number(change) == told["mr"]
    assert change in await heard(micro_his, told["mr"])
