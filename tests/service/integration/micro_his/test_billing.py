"""Outpatient bills and registration fees: the platform's adapter against the real process, and the window beside it."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import asyncpg
import pytest

from integration.his.adapters.hl7v2_mllp import Hl7MllpHis
from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import Bill, BillStatus, HisReceipt, ItemStatus, Money, ReceiptKind
from integration.his.errors import HisDisagrees
from integration.his.facts import AppointmentFacts, AppointmentStatus
from integration.his.port import Accepted, ChangeKind, Rejected
from kernel import clock
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
from tests.service.integration.micro_his.conftest import (
    MicroHisProcess,
    a_schedule,
    an_appointment,
    tell,
    tell_schedule,
)


async def one_bill(billing: RestHisBilling, told: dict[str, Any]) -> Bill:
    (bill,) = await billing.fetch_bills([told["bill_no"]])
    return bill


async def test_unpaid_bills_are_given_with_what_the_his_counts(billing: RestHisBilling, stations: Stations) -> None:
    drugs = await stations.order(AMOXICILLIN, kind="prescription")
    tests = await stations.order(BLOOD_COUNT, CRP)

    bills = await billing.list_unpaid_bills(drugs["mr"])

    assert [(bill.bill_no, bill.kind, bill.total_fen, bill.insurance_fen, bill.status) for bill in bills] == [
        (drugs["bill_no"], "prescription", 2_470, 1_729, BillStatus.UNPAID),
        (tests["bill_no"], "laboratory", 5_333, 1_000, BillStatus.UNPAID),
    ]
    (item,) = bills[0].items
    assert (item.name, item.specification, item.unit, item.quantity, item.unit_price_fen, item.status) == (
        "阿莫西林胶囊", "0.25g*24粒", "盒", 2, 1_235, ItemStatus.UNPAID,
    )  # fmt: skip
    assert await billing.list_unpaid_bills("MR99999999") == []


async def test_several_bills_are_settled_by_one_payment_once(billing: RestHisBilling, stations: Stations) -> None:
    drugs = await stations.order(AMOXICILLIN, kind="prescription")
    await stations.order(BLOOD_COUNT)
    bills = await billing.list_unpaid_bills(drugs["mr"])
    number, money = a_number("S"), by_phone(4_470)

    settled = receipt(
        await billing.settle_bills(settlement_no=number, his_number=drugs["mr"], bills=seen(*bills), money=money)
    )
    again = receipt(
        await billing.settle_bills(settlement_no=number, his_number=drugs["mr"], bills=seen(*bills), money=money)
    )

    assert (settled.number, settled.kind, settled.cash_fen, settled.insurance_fen, settled.total_fen) == (
        number, ReceiptKind.OUTPATIENT, 4_470, 0, 4_470,
    )  # fmt: skip
    assert (settled.channel, settled.transaction_no, settled.at_window) == ("wechatpay", money.transaction_no, False)
    assert [(line.name, line.amount_fen) for line in settled.lines] == [("阿莫西林胶囊", 2_470), ("血常规", 2_000)]
    assert again == settled == await billing.find_receipt(number)
    assert await billing.list_unpaid_bills(drugs["mr"]) == []
    assert {one.status for one in await billing.fetch_bills([bill.bill_no for bill in bills])} == {BillStatus.PAID}


async def test_the_insurances_part_may_be_paid_by_the_insurance(billing: RestHisBilling, stations: Stations) -> None:
    bill = await one_bill(billing, await stations.order(AMOXICILLIN, kind="prescription"))

    settled = receipt(
        await billing.settle_bills(
            settlement_no=a_number("S"),
            his_number=bill.his_number,
            bills=seen(bill),
            money=by_phone(741, insurance_fen=1_729),
        )
    )

    assert (settled.cash_fen, settled.insurance_fen, settled.total_fen) == (741, 1_729, 2_470)


async def test_a_repeat_with_other_content_is_a_disagreement_and_changes_nothing(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    bill = await one_bill(billing, await stations.order(BLOOD_COUNT))
    other = await one_bill(billing, await stations.order(CRP))
    number, money = a_number("S"), by_phone(2_000)
    await billing.settle_bills(settlement_no=number, his_number=bill.his_number, bills=seen(bill), money=money)
    before = await micro_his.everything()

    for bills, told in ((seen(other), money), (seen(bill), by_phone(2_000)), (seen(bill), by_phone(1_999))):
        with pytest.raises(HisDisagrees) as found:
            await billing.settle_bills(settlement_no=number, his_number=bill.his_number, bills=bills, money=told)
        assert found.value.details == {"reason": "number_reused"}
    with pytest.raises(HisDisagrees):
        await billing.settle_registration(settlement_no=number, appointment_id=uuid.uuid4(), money=money)

    assert await micro_his.everything() == before


async def test_what_cannot_be_settled_is_refused_and_changes_nothing(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations
) -> None:
    bill = await one_bill(billing, await stations.order(BLOOD_COUNT))
    withdrawn = await one_bill(billing, await stations.order(BLOOD_COUNT))
    await stations.done(f"station/orders/{withdrawn.bill_no}/withdraw")
    strangers = await one_bill(billing, await Stations(stations.http).order(BLOOD_COUNT))
    before = await micro_his.everything()

    def settle(bills: list[tuple[str, str]], money: Money) -> Awaitable[HisReceipt | Rejected]:
        return billing.settle_bills(settlement_no=a_number("S"), his_number=bill.his_number, bills=bills, money=money)

    assert await refusal(settle(seen(bill), by_phone(1_999))) == "amount_differs"
    assert await refusal(settle(seen(bill), by_phone(1_500, insurance_fen=500))) == "amount_differs"
    assert await refusal(settle([(bill.bill_no, "0" * 64)], by_phone(2_000))) == "bill_changed"
    assert await refusal(settle([("B99999999", bill.hash)], by_phone(2_000))) == "bill_unknown"
    assert await refusal(settle(seen(bill, withdrawn), by_phone(4_000))) == "bill_not_unpaid"
    assert await refusal(settle(seen(bill, strangers), by_phone(4_000))) == "bill_unknown"

    assert await micro_his.everything() == before


async def test_a_changed_order_has_another_hash_and_the_old_one_is_refused(
    billing: RestHisBilling, stations: Stations
) -> None:
    shown = await one_bill(billing, await stations.order(AMOXICILLIN, kind="prescription"))
    change = {"item_no": shown.items[0].item_no, "quantity": 3}
    await stations.done(f"station/orders/{shown.bill_no}/change", change)

    now = await one_bill(billing, {"bill_no": shown.bill_no})
    outcome = billing.settle_bills(
        settlement_no=a_number("S"), his_number=shown.his_number, bills=seen(shown), money=by_phone(2_470)
    )

    assert await refusal(outcome) == "bill_changed"
    assert (now.total_fen, now.version) == (3_705, 2)
    assert now.hash != shown.hash


async def test_a_bill_is_settled_once_when_phones_and_window_pay_at_one_moment(
    billing: RestHisBilling, stations: Stations, micro_his: MicroHisProcess
) -> None:
    bill = await one_bill(billing, await stations.order(BLOOD_COUNT))
    numbers = [a_number("S") for _ in range(12)]

    async def by_phones(number: str) -> str:
        outcome = await billing.settle_bills(
            settlement_no=number, his_number=bill.his_number, bills=seen(bill), money=by_phone(2_000)
        )
        return "settled" if isinstance(outcome, HisReceipt) else outcome.code

    async def at_window() -> str:
        answer = await stations.charge(bill.bill_no, cash_fen=2_000)
        return "settled" if answer.status_code == 201 else str(answer.json()["code"])

    outcomes = await asyncio.gather(*(by_phones(number) for number in numbers), *(at_window() for _ in range(4)))

    assert Counter(outcomes) == {"settled": 1, "bill_not_unpaid": 15}
    assert await micro_his.db.fetchval("SELECT count(*) FROM receipt WHERE mr = $1", bill.his_number) == 1


async def test_one_number_told_many_times_at_one_moment_is_done_once(
    billing: RestHisBilling, stations: Stations, micro_his: MicroHisProcess
) -> None:
    bill = await one_bill(billing, await stations.order(BLOOD_COUNT))
    number, money = a_number("S"), by_phone(2_000)

    outcomes = await asyncio.gather(
        *(
            billing.settle_bills(settlement_no=number, his_number=bill.his_number, bills=seen(bill), money=money)
            for _ in range(20)
        )
    )

    assert len({receipt(one).receipt_no for one in outcomes}) == 1
    assert await micro_his.db.fetchval("SELECT count(*) FROM receipt WHERE number = $1", number) == 1


async def test_a_clerks_repeated_request_charges_once(stations: Stations, billing: RestHisBilling) -> None:
    bill = await one_bill(billing, await stations.order(BLOOD_COUNT))
    request_id = uuid.uuid4().hex

    answers = [await stations.charge(bill.bill_no, cash_fen=2_000, request_id=request_id) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 200]
    again = await stations.charge(bill.bill_no, cash_fen=2_000)
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
    assert again.json() == {
        "type": "about:blank", "status": 409, "code": "bill_not_unpaid", "detail": "该费用单已结算或已撤销",
        "bill_no": bill.bill_no, "bill_status": "paid",
    }  # fmt: skip
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["source"], answers[0].json()["number"]) == ("window", None)
    other = await stations.charge(bill.bill_no, cash_fen=1_000, request_id=request_id)
    assert (other.status_code, other.json()["code"]) == (409, "number_reused")


async def test_a_repeated_order_is_written_once(stations: Stations) -> None:
    request_id = uuid.uuid4().hex

    first = await stations.order(BLOOD_COUNT, request_id=request_id)
    again = await stations.order(BLOOD_COUNT, request_id=request_id)

    assert again == first


# --- registration fees


async def booked(port: Hl7MllpHis) -> AppointmentFacts:
    schedule = await tell_schedule(port, a_schedule())
    appointment = an_appointment(schedule, 1)
    assert isinstance(await tell(port, ChangeKind.APPOINTMENT_BOOKED, appointment), Accepted)
    return appointment


async def test_a_registration_fee_is_paid_once_and_goes_back(
    billing: RestHisBilling, platform_port: Hl7MllpHis
) -> None:
    appointment = await booked(platform_port)
    assert appointment.platform_id is not None
    number, money = a_number("S"), by_phone(1_700)

    def settle(settlement_no: str, told: Money) -> Awaitable[HisReceipt | Rejected]:
        return billing.settle_registration(
            settlement_no=settlement_no, appointment_id=appointment.platform_id or uuid.uuid4(), money=told
        )

    assert await refusal(settle(a_number("S"), by_phone(1_701))) == "amount_differs"
    paid = receipt(await settle(number, money))
    assert receipt(await settle(number, money)) == paid
    assert await refusal(settle(a_number("S"), by_phone(1_700))) == "already_charged"
    assert (paid.kind, paid.appointment_id, paid.cash_fen) == (
        ReceiptKind.REGISTRATION, appointment.platform_id, 1_700,
    )  # fmt: skip

    refund_no = a_number("F")
    back = receipt(await billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=money))
    assert receipt(await billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=money)) == back
    assert (back.cash_fen, back.reverses_number, back.kind) == (-1_700, number, ReceiptKind.REVERSAL)
    second = billing.reverse_settlement(refund_no=a_number("F"), settlement_no=number, money=money)
    assert await refusal(second) == "not_approved"


async def test_the_fee_of_a_number_that_nobody_has_is_refused(
    billing: RestHisBilling, platform_port: Hl7MllpHis, micro_his: MicroHisProcess
) -> None:
    appointment = await booked(platform_port)
    assert appointment.platform_id is not None
    await tell(
        platform_port,
        ChangeKind.APPOINTMENT_CANCELLED,
        AppointmentFacts(
            platform_id=appointment.platform_id, his_id=None, status=AppointmentStatus.CANCELLED, version=2,
            schedule_id=appointment.schedule_id, sequence=1, patient=appointment.patient,
            starts_at=appointment.starts_at, ends_at=appointment.ends_at,
        ),
    )  # fmt: skip
    before = await micro_his.everything()

    unknown = billing.settle_registration(
        settlement_no=a_number("S"), appointment_id=uuid.uuid4(), money=by_phone(1_700)
    )
    cancelled = billing.settle_registration(
        settlement_no=a_number("S"), appointment_id=appointment.platform_id, money=by_phone(1_700)
    )

    assert await refusal(unknown) == "appointment_unknown"
    assert await refusal(cancelled) == "appointment_not_active"
    assert await micro_his.everything() == before


async def test_a_visit_that_took_place_is_not_refunded(
    billing: RestHisBilling, platform_port: Hl7MllpHis, micro_his: MicroHisProcess
) -> None:
    appointment = await booked(platform_port)
    assert appointment.platform_id is not None
    number, money = a_number("S"), by_phone(1_700)
    receipt(
        await billing.settle_registration(settlement_no=number, appointment_id=appointment.platform_id, money=money)
    )
    (found,) = (await micro_his.http.get(f"/api/appointments?platform_id={appointment.platform_id}")).json()[
        "appointments"
    ]
    await micro_his.http.post("/api/window/registrations", json={"his_id": found["his_id"], "clerk": "S0001"})

    back = billing.reverse_settlement(refund_no=a_number("F"), settlement_no=number, money=money)

    assert await refusal(back) == "service_done"


# --- the day's list and the database's own care


async def test_the_day_lists_every_movement_with_both_sides_numbers(
    billing: RestHisBilling, stations: Stations
) -> None:
    by_phone_bill = await one_bill(billing, await stations.order(BLOOD_COUNT))
    at_window = await one_bill(billing, await stations.order(CRP))
    number = a_number("S")
    settled = receipt(
        await billing.settle_bills(
            settlement_no=number, his_number=by_phone_bill.his_number, bills=seen(by_phone_bill), money=by_phone(2_000)
        )
    )
    charged = (await stations.charge(at_window.bill_no, cash_fen=3_333)).json()

    listed: list[HisReceipt] = []
    page = await billing.receipts_of_day(settled.business_day)
    listed += page.receipts
    while page.next_cursor:
        page = await billing.receipts_of_day(settled.business_day, page.next_cursor)
        listed += page.receipts

    theirs = {one.receipt_no: one for one in listed if one.his_number == by_phone_bill.his_number}
    assert theirs.keys() == {settled.receipt_no, charged["receipt_no"]}
    assert (theirs[settled.receipt_no].number, theirs[settled.receipt_no].cash_fen) == (number, 2_000)
    window = theirs[charged["receipt_no"]]
    assert (window.number, window.at_window, window.channel, window.cash_fen) == (None, True, "cash", 3_333)
    assert settled.business_day == clock.clinic_date(settled.made_at)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE receipt SET cash_fen = cash_fen + 1, total_fen = total_fen + 1",
        "DELETE FROM receipt",
        "TRUNCATE receipt CASCADE",
    ],
)
async def test_no_program_rewrites_a_receipt(
    micro_his: MicroHisProcess, billing: RestHisBilling, stations: Stations, statement: str
) -> None:
    bill = await one_bill(billing, await stations.order(BLOOD_COUNT))
    await stations.charge(bill.bill_no, cash_fen=2_000)

    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await micro_his.db.execute(statement)


async def test_a_receipt_that_is_not_the_sum_of_its_items_is_not_kept(
    micro_his: MicroHisProcess, stations: Stations
) -> None:
    told = await stations.order(BLOOD_COUNT)

    with pytest.raises(asyncpg.RaiseError, match="its items say 0"):
        await micro_his.db.execute(
            "INSERT INTO receipt (kind, source, request, mr, channel, transaction_no, cash_fen, insurance_fen,"
            " total_fen, made_by, business_day, made_at)"
            " VALUES ('outpatient', 'window', '{}', $1, 'cash', '', 100, 0, 100, 'S0001', current_date, now())",
            told["mr"],
        )


# --- garbage

MONEY = {"cash_fen": 100, "channel": "wechatpay", "transaction_no": "T1"}
BILL = {"bill_no": "B00000001", "hash": "0" * 64}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("settlements", MONEY | {"settlement_no": "S1", "mr": "MR00000001", "bills": [BILL]}, "settlement_no"),
        ("settlements", MONEY | {"settlement_no": "S'; DROP--", "mr": "MR1", "bills": [BILL]}, "settlement_no"),
        ("settlements", MONEY | {"settlement_no": "S00001", "mr": "MR1", "bills": []}, "bills"),
        ("settlements", MONEY | {"settlement_no": "S00001", "mr": "MR1", "bills": [BILL, BILL]}, "bills"),
        ("settlements", MONEY | {"settlement_no": "S00001", "mr": "MR1", "bills": ["B00000001"]}, "bills"),
        ("settlements", MONEY | {"settlement_no": "S00001", "mr": "MR1", "bills": [BILL] * 51}, "bills"),
        ("settlements", MONEY | {"settlement_no": "S00001", "mr": "MR1", "bills": [BILL], "more": 1}, "more"),
        ("deposits", MONEY | {"deposit_no": "D00001", "admission_no": "Z1"}, "admission_no"),
        ("deposits", MONEY | {"deposit_no": "D00001", "admission_no": "Z00000001", "cash_fen": 0}, "cash_fen"),
        ("deposits", MONEY | {"deposit_no": "D00001", "admission_no": "Z00000001", "cash_fen": -5}, "cash_fen"),
        ("deposits", MONEY | {"deposit_no": "D00001", "admission_no": "Z00000001", "cash_fen": 1.5}, "cash_fen"),
        ("deposits", MONEY | {"deposit_no": "D00001", "admission_no": "Z00000001", "cash_fen": True}, "cash_fen"),
        ("deposits", MONEY | {"deposit_no": "D00001", "admission_no": "Z00000001", "cash_fen": 10**12}, "cash_fen"),
        ("deposits", MONEY | {"deposit_no": "D00001", "admission_no": "Z00000001", "channel": "gold"}, "channel"),
        ("deposits", MONEY | {"deposit_no": "D00001", "admission_no": "Z00000001", "channel": "none"}, "channel"),
        ("registration-settlements", MONEY | {"settlement_no": "S00001", "appointment_id": "1"}, "appointment_id"),
        ("refund-requests", {"refund_no": "F00001", "settlement_no": "S00001", "item_nos": []}, "item_nos"),
        ("refund-requests", {"refund_no": "F00001", "settlement_no": "S00001", "item_nos": "I1"}, "item_nos"),
        ("refund-requests", {"refund_no": "F00001", "settlement_no": "S00001", "item_nos": [{}]}, "item_nos"),
        ("bills/revalidate", {"bill_nos": ["B00000001", "B00000001"]}, "bill_nos"),
        ("bills/revalidate", {"bill_nos": None}, "bill_nos"),
    ],
)
async def test_garbage_is_refused_with_the_fields_name_and_changes_nothing(
    micro_his: MicroHisProcess, path: str, body: dict[str, Any], field: str
) -> None:
    before = await micro_his.everything()

    answer = await micro_his.http.post(f"/api/billing/{path}", json=body)

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid_request", field)
    assert await micro_his.everything() == before


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 0}, {"quantity": 10_001}, {"quantity": "2"}, {"unit_price_fen": 0}, {"unit_price_fen": 0.5},
        {"insurance_percent": 101}, {"name": "x" * 201}, {"code": "\x00"}, {"more": 1},
        {"quantity": 10_000, "unit_price_fen": 100_000_000},
    ],
)  # fmt: skip
async def test_an_order_that_cannot_be_meant_is_refused(
    micro_his: MicroHisProcess, stations: Stations, change: dict[str, Any]
) -> None:
    before = await micro_his.everything()

    answer = await stations.ask(
        "station/orders",
        {
            "patient": stations.patient, "kind": "laboratory", "items": [BLOOD_COUNT | change],
            "department_code": "YX0301", "ordered_by": "D0001",
        },
    )  # fmt: skip

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert await micro_his.everything() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/billing/bills?mr=MR00000001"),
        ("POST", "/api/billing/settlements"),
        ("POST", "/api/billing/deposits"),
        ("GET", "/api/billing/days/2026-11-25"),
        ("POST", "/api/station/orders"),
        ("POST", "/api/window/charges"),
        ("POST", "/api/faults"),
    ],
)
async def test_money_is_not_shown_or_moved_without_the_token(
    micro_his: MicroHisProcess, method: str, path: str
) -> None:
    answer = await micro_his.http.request(method, path, headers={"authorization": "Bearer wrong"})

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
