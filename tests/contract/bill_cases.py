"""Cases of what orders are made for, of bills, and of codes by which relatives pay."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from integration.his.billing import Bill
from kernel import clock
from kernel.ids import new_id
from patients.his import HIS_SYSTEM
from patients.service import attach_identifier
from payments.attempts import ATTEMPTS_MAX
from payments.inpatient.deposits import DepositRule, save_rule
from payments.relatives import ASKS_PER_MINUTE_MAX, CODES_PER_ORDER_MAX
from tests.contract.cases import HisBeside, case, his_case
from tests.contract.payment_cases import ON_A_PHONE
from tests.factories.his_billing import BLOOD_COUNT, CRP
from tests.factories.open_api import Caller, OpenApi
from tests.factories.paying import Till
from tests.factories.payments import CASHIER

ORDER = "POST /orders"
BILLS = "GET /bills"
ORDERED = "GET /orders/<order_id:uuid>/bills"
MAKE = "POST /orders/<order_id:uuid>/pay-codes"
REVOKE = "POST /pay-codes/<pay_code_id:uuid>/revoke"
LOOK_UP = "POST /pay-codes/lookup"
PAY = "POST /pay-codes/pay"
FEE_FEN = 2500


async def _order(api: OpenApi, caller: Caller | None = None, **body: Any) -> httpx.Response:
    return await (caller or api.portal).post("/orders", body)


# --- the registration fee


async def _held(api: OpenApi, *, fee_fen: int = FEE_FEN, caller: Caller | None = None) -> str:
    """A hold on a number that costs something."""
    schedule = await api.hospital.schedule(seats=2)
    await api.db.execute("UPDATE schedule SET fee_fen = $2 WHERE id = $1", schedule.id, fee_fen)
    return str(await api.hold(schedule.slots[0], await api.patient(caller), caller))


@case(ORDER)
async def order_a_hold(api: OpenApi) -> httpx.Response:
    answer = await _order(api, hold_id=await _held(api))
    assert (answer.json()["kind"], answer.json()["amount_fen"]) == ("registration", FEE_FEN)
    schedule = await api.hospital.schedule(seats=1)
    appointment = await api.book(schedule.slots[0], await api.patient())
    await api.db.execute("UPDATE appointment SET fee_fen = 1800 WHERE id = $1", appointment)
    paid_later = await _order(api, appointment_id=str(appointment))
    assert paid_later.json()["amount_fen"] == 1800
    return answer


@case(ORDER, "booking.hold_not_found")
async def order_no_hold(api: OpenApi) -> httpx.Response:
    stranger = await api.client()
    assert (await _order(api, stranger, hold_id=await _held(api))).status_code == 404
    return await _order(api, hold_id=str(new_id()))


@case(ORDER, "booking.hold_ended")
async def order_a_hold_that_ended(api: OpenApi) -> httpx.Response:
    hold = await _held(api)
    assert (await api.portal.post(f"/holds/{hold}/release")).status_code == 200
    return await _order(api, hold_id=hold)


@case(ORDER, "booking.appointment_not_found")
async def order_no_appointment(api: OpenApi) -> httpx.Response:
    return await _order(api, appointment_id=str(new_id()))


@case(ORDER, "booking.appointment_not_active")
async def order_what_was_cancelled(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1)
    appointment = await api.book(schedule.slots[0], await api.patient())
    assert (await api.portal.post(f"/appointments/{appointment}/cancel", {})).status_code == 200
    return await _order(api, appointment_id=str(appointment))


@case(ORDER, "booking.nothing_to_pay")
async def order_what_is_free(api: OpenApi) -> httpx.Response:
    return await _order(api, hold_id=await _held(api, fee_fen=0))


@case(ORDER, "booking.pay_at_window")
async def order_what_is_paid_at_the_window(api: OpenApi) -> httpx.Response:
    await api.db.execute("UPDATE registration_payment_rule SET policy = 'at-window'")
    return await _order(api, hold_id=await _held(api))


@case(ORDER, "payments.subject_already_ordered")
async def order_twice(api: OpenApi) -> httpx.Response:
    hold = await _held(api)
    first = await _order(api, hold_id=hold)
    second = await _order(api, hold_id=hold)
    assert second.json()["order_id"] == first.json()["id"]
    return second


@case(ORDER, "payments.order_ending")
async def order_in_the_last_minute(api: OpenApi) -> httpx.Response:
    hold = await _held(api)
    # It was made longer for its first order, and is not made longer again.
    first = (await _order(api, hold_id=hold)).json()["id"]
    assert (await api.portal.post(f"/orders/{first}/close")).json()["status"] == "closed"
    await api.db.execute("UPDATE hold SET until = $2 WHERE id = $1", UUID(hold), clock.now() + timedelta(seconds=70))
    return await _order(api, hold_id=hold)


# --- bills and stays


@dataclass
class Ward:
    """A patient of the portal's whom the HIS knows, with its doctors, wards and windows."""

    api: OpenApi
    his: HisBeside
    patient_id: UUID

    @classmethod
    async def open(cls, api: OpenApi, his: HisBeside) -> "Ward":
        """Register somebody, and have the HIS give a number."""
        patient_id = await api.patient()
        told = await his.stations.order({**CRP})
        assert (await his.stations.ask(f"station/orders/{told['bill_no']}/withdraw")).is_success
        async with api.db.transaction() as tx:
            await attach_identifier(tx, patient_id=patient_id, system=HIS_SYSTEM, value=told["mr"])
            await save_rule(tx, DepositRule(None, 1_000, 500_000, 1_000_000), actor=CASHIER)
        return cls(api, his, patient_id)

    async def prescribe(self, *items: dict[str, Any]) -> Bill:
        """Let a doctor order something."""
        told = await self.his.stations.order(*items)
        (bill,) = await self.his.billing.fetch_bills([told["bill_no"]])
        return bill

    async def order_bills(self, *bills: Bill, **changes: str) -> httpx.Response:
        """Order bills as they were seen."""
        seen = [{"bill_no": one.bill_no, "hash": one.hash} | changes for one in bills]
        return await _order(self.api, patient_id=str(self.patient_id), bills=seen)

    async def deposit(self, admission_no: str, amount_fen: int) -> httpx.Response:
        """Order a deposit."""
        wanted = {"admission_no": admission_no, "amount_fen": amount_fen}
        return await _order(self.api, patient_id=str(self.patient_id), deposit=wanted)


@his_case(BILLS)
async def bills(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    bill = await ward.prescribe(BLOOD_COUNT, CRP)
    answer = await api.portal.get("/bills", params={"patient_id": str(ward.patient_id)})
    [shown] = answer.json()["items"]
    assert (shown["bill_no"], shown["hash"], shown["total_fen"]) == (bill.bill_no, bill.hash, 5_333)
    assert [item["name"] for item in shown["items"]] == ["血常规", "C反应蛋白"]
    assert shown["items"][0]["insurance_fen"] == 1_000
    return answer


@case(BILLS, "patients.not_found")
async def bills_of_another_applications_patient(api: OpenApi) -> httpx.Response:
    stranger = await api.client()
    theirs = {"patient_id": str(await api.patient())}
    assert (await stranger.get("/bills", params=theirs)).status_code == 404
    return await api.portal.get("/bills", params={"patient_id": str(new_id())})


@case(BILLS, "payments.patient_not_linked")
async def bills_of_a_newcomer(api: OpenApi) -> httpx.Response:
    return await api.portal.get("/bills", params={"patient_id": str(await api.patient())})


@his_case(ORDER)
async def order_bills(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    one, other = await ward.prescribe(BLOOD_COUNT), await ward.prescribe(CRP)
    answer = await ward.order_bills(one, other)
    assert (answer.json()["kind"], answer.json()["amount_fen"]) == ("outpatient_bill", 5_333)
    stay = await his.stations.admit()
    deposit = await ward.deposit(stay["admission_no"], 200_000)
    assert (deposit.json()["kind"], deposit.json()["amount_fen"]) == ("deposit", 200_000)
    return answer


@his_case(ORDERED)
async def ordered_bills(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    bill = await ward.prescribe(BLOOD_COUNT, CRP)
    order = (await ward.order_bills(bill)).json()
    answer = await api.portal.get(f"/orders/{order['id']}/bills")
    [shown] = answer.json()["items"]
    assert [item["amount_fen"] for item in shown["items"]] == [2_000, 3_333]
    assert {item["refund_no"] for item in shown["items"]} == {None}
    return answer


@case(ORDERED, "payments.order_not_found")
async def ordered_bills_of_nothing(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/orders/{new_id()}/bills")


@case(ORDER, "patients.not_found")
async def order_for_another_applications_patient(api: OpenApi) -> httpx.Response:
    stranger = await api.client()
    body = {"patient_id": str(await api.patient()), "bills": [{"bill_no": "B1", "hash": "h"}]}
    assert (await stranger.post("/orders", body)).status_code == 404
    return await _order(api, patient_id=str(new_id()), discharge={"admission_no": "ZY1"})


@case(ORDER, "payments.patient_not_linked")
async def order_for_a_newcomer(api: OpenApi) -> httpx.Response:
    return await _order(api, patient_id=str(await api.patient()), discharge={"admission_no": "ZY1"})


@his_case(ORDER, "payments.bill_not_found")
async def order_no_bill(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    bill = await ward.prescribe(CRP)
    answer = await ward.order_bills(bill, bill_no="B00000000001")
    assert answer.json()["bill_no"] == "B00000000001"
    return answer


@his_case(ORDER, "payments.bill_not_unpaid")
async def order_a_bill_that_is_paid(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    bill = await ward.prescribe(CRP)
    assert (await his.stations.charge(bill.bill_no, cash_fen=bill.total_fen)).is_success
    return await ward.order_bills(bill)


@his_case(ORDER, "payments.bill_changed")
async def order_a_bill_that_was_changed(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    return await ward.order_bills(await ward.prescribe(CRP), hash="0" * 64)


@his_case(ORDER, "payments.bill_already_ordered")
async def order_a_bill_twice(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    bill = await ward.prescribe(CRP)
    first = await ward.order_bills(bill)
    second = await ward.order_bills(bill)
    assert second.json()["order_id"] == first.json()["id"]
    return second


@his_case(ORDER, "payments.stay_not_found")
async def order_for_no_stay(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    return await ward.deposit("A00000000001", 100_000)


@his_case(ORDER, "payments.stay_not_open")
async def order_the_bill_of_a_stay_that_goes_on(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    stay = await his.stations.admit()
    wanted = {"admission_no": stay["admission_no"]}
    return await _order(api, patient_id=str(ward.patient_id), discharge=wanted)


@his_case(ORDER, "payments.deposit_out_of_bounds")
async def order_too_small_a_deposit(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    stay = await his.stations.admit()
    answer = await ward.deposit(stay["admission_no"], 999)
    assert (answer.json()["minimum_fen"], answer.json()["maximum_fen"]) == (1_000, 500_000)
    return answer


@his_case(ORDER, "payments.nothing_to_pay")
async def order_the_bill_of_a_stay_that_cost_nothing(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    stay = await his.stations.admit()
    assert (await his.stations.ask(f"station/admissions/{stay['admission_no']}/discharge")).is_success
    wanted = {"admission_no": stay["admission_no"]}
    return await _order(api, patient_id=str(ward.patient_id), discharge=wanted)


# --- relatives pay


async def _code(api: OpenApi, till: Till, **changes: Any) -> tuple[str, str]:
    """A code of an open order: its own name, and itself."""
    made = await api.portal.post(f"/orders/{(await till.order(**changes)).id}/pay-codes")
    assert made.status_code == 200, made.text
    return made.json()["id"], made.json()["code"]


@case(MAKE)
async def make_a_code(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).order()
    first, again = [await api.portal.post(f"/orders/{order.id}/pay-codes", key="code-1") for _ in range(2)]
    assert first.json() == again.json()
    return await api.portal.post(f"/orders/{order.id}/pay-codes")


@case(MAKE, "payments.order_not_found")
async def make_a_code_for_nothing(api: OpenApi) -> httpx.Response:
    return await api.portal.post(f"/orders/{new_id()}/pay-codes")


@case(MAKE, "payments.order_not_open")
async def make_a_code_for_what_is_paid(api: OpenApi) -> httpx.Response:
    return await api.portal.post(f"/orders/{(await (await Till.open(api)).paid()).id}/pay-codes")


@case(MAKE, "payments.order_ending")
async def make_a_code_too_late(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).order()
    await api.db.execute("UPDATE payment_order SET created_at = created_at - interval '1 hour',"
                         " expires_at = now() - interval '1 second'")  # fmt: skip
    return await api.portal.post(f"/orders/{order.id}/pay-codes")


@case(MAKE, "payments.too_many_pay_codes")
async def make_too_many_codes(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).order()
    for _ in range(CODES_PER_ORDER_MAX):
        assert (await api.portal.post(f"/orders/{order.id}/pay-codes")).status_code == 200
    return await api.portal.post(f"/orders/{order.id}/pay-codes")


@case(REVOKE)
async def revoke_a_code(api: OpenApi) -> httpx.Response:
    code_id, code = await _code(api, await Till.open(api))
    answer = await api.portal.post(f"/pay-codes/{code_id}/revoke")
    assert (await api.portal.post("/pay-codes/lookup", {"code": code})).json()["reason"] == "revoked"
    return answer


@case(REVOKE, "payments.pay_code_not_found")
async def revoke_no_code(api: OpenApi) -> httpx.Response:
    code_id, _ = await _code(api, await Till.open(api))
    stranger = await api.client()
    assert (await stranger.post(f"/pay-codes/{code_id}/revoke")).status_code == 404
    return await api.portal.post(f"/pay-codes/{new_id()}/revoke")


@case(LOOK_UP)
async def look_at_a_code(api: OpenApi) -> httpx.Response:
    """Whoever has the code, by whichever application, sees a title, an amount and one character of a name."""
    _, code = await _code(api, await Till.open(api), amount_fen=7700)
    another = await api.client()
    answer = await another.post("/pay-codes/lookup", {"code": code})
    shown = answer.json()
    assert (shown["name"], shown["amount_fen"], shown["status"]) == ("**文", 7700, "payable")
    return answer


@case(LOOK_UP, "payments.pay_code_not_found")
async def look_at_no_code(api: OpenApi) -> httpx.Response:
    return await api.portal.post("/pay-codes/lookup", {"code": "guessed"})


@case(LOOK_UP, "payments.pay_code_ended")
async def look_at_a_code_that_ended(api: OpenApi) -> httpx.Response:
    _, code = await _code(api, await Till.open(api))
    await api.db.execute("UPDATE pay_code SET created_at = created_at - interval '2 days',"
                         " expires_at = now() - interval '1 second'")  # fmt: skip
    answer = await api.portal.post("/pay-codes/lookup", {"code": code})
    assert answer.json()["reason"] == "expired"
    return answer


@case(LOOK_UP, "payments.pay_code_busy")
async def look_at_a_code_too_often(api: OpenApi) -> httpx.Response:
    _, code = await _code(api, await Till.open(api))
    await api.db.execute("UPDATE pay_code SET asks = $1, asks_since = $2", ASKS_PER_MINUTE_MAX, clock.now())
    return await api.portal.post("/pay-codes/lookup", {"code": code})


async def _pay(api: OpenApi, code: str, **changes: Any) -> httpx.Response:
    body = {"code": code} | ON_A_PHONE | {"payer": "openid-of-a-relative"} | changes
    return await api.portal.post("/pay-codes/pay", {name: value for name, value in body.items() if value is not None})


@case(PAY)
async def pay_by_a_code(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    await till.at_the_channel()
    _, code = await _code(api, till)
    answer = await _pay(api, code)
    assert answer.json()["parameters"]["package"].startswith("prepay_id=")
    return answer


@case(PAY, "payments.pay_code_not_found")
async def pay_by_no_code(api: OpenApi) -> httpx.Response:
    return await _pay(api, "guessed")


@case(PAY, "payments.pay_code_ended")
async def pay_by_a_code_of_what_is_paid(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    order = await till.order()
    code = (await api.portal.post(f"/orders/{order.id}/pay-codes")).json()["code"]
    attempt = await till.attempt(order)
    await till.payments.tell(till.payments.wechat.pay(attempt.attempt_no))
    answer = await _pay(api, code)
    assert answer.json()["reason"] == "paid"
    return answer


@case(PAY, "payments.pay_code_busy")
async def pay_by_a_code_too_often(api: OpenApi) -> httpx.Response:
    _, code = await _code(api, await Till.open(api))
    await api.db.execute("UPDATE pay_code SET asks = $1, asks_since = $2", ASKS_PER_MINUTE_MAX, clock.now())
    return await _pay(api, code)


@case(PAY, "payments.order_ending")
async def pay_by_a_code_in_the_last_second(api: OpenApi) -> httpx.Response:
    ends = clock.now() + timedelta(seconds=25)
    _, code = await _code(api, await Till.open(api), kind="registration", subject_kind="appointment", expires_at=ends)
    return await _pay(api, code)


@case(PAY, "payments.channel_not_offered")
async def pay_by_a_code_in_a_way_that_is_not_there(api: OpenApi) -> httpx.Response:
    _, code = await _code(api, await Till.open(api))
    return await _pay(api, code, channel="insurance")


@case(PAY, "payments.payer_required")
async def pay_by_a_code_as_nobody(api: OpenApi) -> httpx.Response:
    _, code = await _code(api, await Till.open(api))
    return await _pay(api, code, payer=None)


@case(PAY, "payments.too_many_attempts")
async def pay_by_a_code_what_was_tried_too_often(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    order = await till.order()
    code = (await api.portal.post(f"/orders/{order.id}/pay-codes")).json()["code"]
    for number in range(ATTEMPTS_MAX):
        await till.attempt(order, payer=f"payer-{number}")
    return await _pay(api, code)


@case(PAY, "payments.channel_silent")
async def pay_by_a_code_without_an_answer(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    await till.at_the_channel()
    _, code = await _code(api, till)
    api.channel.fault("answer_lost")
    return await _pay(api, code)


@case(PAY, "payments.refused_by_channel")
async def pay_by_a_code_with_another_application(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    await till.at_the_channel()
    await api.db.execute("UPDATE payment_merchant SET app_id = 'wx0000000000000000' WHERE status = 'active'"
                         " AND channel = 'wechatpay'")  # fmt: skip
    _, code = await _code(api, till)
    return await _pay(api, code)
