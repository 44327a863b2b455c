"""Cases of bills that the medical insurance shares."""

from typing import Any
from uuid import UUID

import httpx

from payments import merchants
from payments.orders import read_order
from runtime.sandbox_channels import describe_insurance_account
from tests.contract.bill_cases import ORDER, Ward
from tests.contract.cases import HisBeside, his_case
from tests.factories.his_billing import BLOOD_COUNT, CRP
from tests.factories.open_api import OpenApi
from tests.factories.paying import Till
from tests.factories.payments import CASHIER

CONSENT = {"pay_auth_no": "AUTH440100000000000000001"}
REFUND = "POST /refunds"


async def _insured(api: OpenApi, his: HisBeside) -> Ward:
    """A patient whose insurance card the window has read, at a hospital with an account at the centre."""
    async with api.db.transaction() as tx:
        await merchants.save_merchant(tx, describe_insurance_account(), campus_id=None, actor=CASHIER)
    ward = await Ward.open(api, his)
    await his.stations.insure((await ward.prescribe(CRP)).his_number)
    return ward


async def _share(ward: Ward, *items: dict[str, Any], fault: str | None = None, **parameters: Any) -> httpx.Response:
    if fault is not None:
        await ward.his.centre.fault(fault, times=1, **parameters)
    bill = await ward.prescribe(*(items or (BLOOD_COUNT,)))
    seen = [{"bill_no": bill.bill_no, "hash": bill.hash}]
    body = {"patient_id": str(ward.patient_id), "bills": seen, "insurance": CONSENT}
    return await ward.api.portal.post("/orders", body)


@his_case(ORDER)
async def order_with_insurance(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await _insured(api, his)
    answer = await _share(ward)
    order = answer.json()
    parts = order["insurance"]
    assert (order["amount_fen"], parts["total_fen"], parts["cash_fen"]) == (400, 2_000, 400)
    assert (parts["fund_fen"], parts["account_fen"], parts["status"]) == (1_200, 400, "pending")
    assert (await api.portal.get(f"/orders/{order['id']}")).json() == order
    alone = (await _share(ward, fault="insurance_share", pooled=90, account=10)).json()
    assert (alone["amount_fen"], alone["insurance"]["cash_fen"]) == (2_000, 0)
    listed = await api.portal.get("/orders", params={"patient_id": str(ward.patient_id)})
    assert [one["insurance"]["cash_fen"] for one in listed.json()["items"]] == [0, 400]
    return answer


@his_case(ORDER, "payments.insurance_not_offered")
async def order_with_insurance_at_a_hospital_without_an_account(api: OpenApi, his: HisBeside) -> httpx.Response:
    return await _share(await Ward.open(api, his))


@his_case(ORDER, "payments.not_insured")
async def order_with_insurance_for_somebody_without(api: OpenApi, his: HisBeside) -> httpx.Response:
    async with api.db.transaction() as tx:
        await merchants.save_merchant(tx, describe_insurance_account(), campus_id=None, actor=CASHIER)
    return await _share(await Ward.open(api, his))


@his_case(ORDER, "payments.insurance_silent")
async def order_while_the_centre_is_silent(api: OpenApi, his: HisBeside) -> httpx.Response:
    answer = await _share(await _insured(api, his), fault="centre_silent")
    assert await api.db.fetch("SELECT FROM payment_order") == []
    return answer


@his_case(ORDER, "payments.insurance_refused")
async def order_what_the_insurance_refuses(api: OpenApi, his: HisBeside) -> httpx.Response:
    answer = await _share(await _insured(api, his), fault="centre_refused", code="9999")
    assert answer.json()["channel_code"] == "9999"
    return answer


@his_case(ORDER, "payments.insurance_pays_nothing")
async def order_what_the_insurance_pays_nothing_of(api: OpenApi, his: HisBeside) -> httpx.Response:
    return await _share(await _insured(api, his), fault="insurance_share", pooled=0, account=0)


@his_case(REFUND, "payments.refunded_together")
async def refund_a_part_of_what_the_insurance_shares(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await _insured(api, his)
    till = await Till.open(api)
    order_id = (await _share(ward, BLOOD_COUNT, CRP)).json()["id"]
    attempt = await till.attempt(await read_order(api.db, UUID(order_id), CASHIER))
    await till.payments.tell(till.payments.wechat.pay(attempt.attempt_no))
    await till.payments.settle_down()
    [bill] = (await api.portal.get(f"/orders/{order_id}/bills")).json()["items"]
    body = {"order_id": order_id, "reason": "退费", "item_nos": [bill["items"][0]["item_no"]]}
    return await api.portal.post("/refunds", body)
