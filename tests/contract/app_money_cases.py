"""Cases of the patient surface about money: orders and paying, bills, codes by which relatives pay."""

from collections.abc import Awaitable, Callable

import httpx

from patients.his import HIS_SYSTEM
from patients.service import attach_identifier
from payments.orders import Order
from tests.contract.app_cases import app_case
from tests.contract.cases import HisBeside
from tests.factories.app_insurance import InsuredMember
from tests.factories.his_billing import BLOOD_COUNT, CRP
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.paying import Till

PlayBesideHis = Callable[[OpenApi, Phone, HisBeside], Awaitable[httpx.Response]]
HIS_APP_CASES: dict[str, PlayBesideHis] = {}

ORDERS = "/app/v1/members/<patient_id:uuid>/orders"
ORDER = f"{ORDERS}/<order_id:uuid>"
BILLS = "/app/v1/members/<patient_id:uuid>/bills"
BY_BROWSER = {"channel": "wechatpay", "scene": "browser"}


def his_app_case(operation: str) -> Callable[[PlayBesideHis], PlayBesideHis]:
    """Declare a case for which the HIS has to be there."""

    def register(play: PlayBesideHis) -> PlayBesideHis:
        assert operation not in HIS_APP_CASES, operation
        HIS_APP_CASES[operation] = play
        return play

    return register


async def ordered(api: OpenApi, phone: Phone, *, at_the_channel: bool = False) -> tuple[Order, str]:
    """An order of a new member; gives it and its address."""
    own = await phone.add_member()
    till = await Till.open(api)
    if at_the_channel:
        await till.at_the_channel()
    order = await till.order(patient_id=own)
    return order, f"/members/{own}/orders/{order.id}"


async def code_for(api: OpenApi, phone: Phone, *, at_the_channel: bool = False) -> dict[str, str]:
    """A code of a new member's order."""
    _, address = await ordered(api, phone, at_the_channel=at_the_channel)
    made: dict[str, str] = (await phone.post(f"{address}/pay-codes")).json()
    return made


@app_case(f"GET {ORDERS}")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    order, address = await ordered(api, phone)
    answer = await phone.get(address.rpartition("/")[0], params={"limit": 5})
    [shown] = answer.json()["items"]
    assert (shown["order_no"], shown["title"], shown["state"]) == (order.order_no, "门诊缴费", "payable")
    return answer


@app_case(f"GET {ORDER}")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    _, address = await ordered(api, phone)
    answer = await phone.get(address)
    assert [item["amount_fen"] for item in answer.json()["bills"][0]["items"]] == [2400, 100]
    assert answer.json()["channels"] == ["wechatpay", "alipay"]
    return answer


@app_case(f"GET {ORDER}/state")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    _, address = await ordered(api, phone)
    return await phone.get(f"{address}/state")


@app_case(f"POST {ORDER}/payments")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    order, address = await ordered(api, phone, at_the_channel=True)
    answer = await phone.post(f"{address}/payments", BY_BROWSER)
    assert f"%2Fm%2Fback%2Forder%2F{order.id}" in answer.json()["page_url"]
    return answer


@app_case(f"POST {ORDER}/close")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    _, address = await ordered(api, phone)
    answer = await phone.post(f"{address}/close")
    assert (answer.json()["state"], answer.json()["is_expired"]) == ("ended", False)
    return answer


@app_case(f"POST {ORDER}/refunds")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    own = await phone.add_member()
    order = await (await Till.open(api)).paid(patient_id=own)
    answer = await phone.post(f"/members/{own}/orders/{order.id}/refunds", {"item_nos": ["I2"]})
    assert (answer.json()["amount_fen"], answer.json()["step"]) == (100, "asked")
    return answer


@app_case(f"POST {ORDER}/pay-codes")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    _, address = await ordered(api, phone)
    answer = await phone.post(f"{address}/pay-codes")
    assert answer.json()["link"].endswith(f"/m/#/money/relative/relative?code={answer.json()['code']}")
    return answer


@app_case("DELETE /app/v1/members/<patient_id:uuid>/pay-codes/<pay_code_id:uuid>")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    _, address = await ordered(api, phone)
    made = (await phone.post(f"{address}/pay-codes")).json()
    answer = await phone.send("DELETE", f"{address.partition('/orders')[0]}/pay-codes/{made['id']}")
    assert (await phone.get(address)).json()["pay_codes"] == []
    return answer


@app_case("POST /app/v1/pay-codes/lookup")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    made = await code_for(api, phone)
    answer = await Phone(api.http).post("/pay-codes/lookup", {"code": made["code"]})
    assert (answer.json()["name"], answer.json()["status"]) == ("**文", "payable")
    return answer


@app_case("POST /app/v1/pay-codes/pay")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    made = await code_for(api, phone, at_the_channel=True)
    answer = await Phone(api.http).post("/pay-codes/pay", {"code": made["code"], **BY_BROWSER})
    assert made["code"] not in answer.json()["page_url"]
    return answer


async def owing(api: OpenApi, phone: Phone, his: HisBeside) -> str:
    """A new member who owes a bill; gives the address of what they owe."""
    own = await phone.add_member()
    told = await his.stations.order(BLOOD_COUNT, CRP)
    async with api.db.transaction() as tx:
        await attach_identifier(tx, patient_id=own, system=HIS_SYSTEM, value=told["mr"])
    return f"/members/{own}/bills"


@his_app_case(f"GET {BILLS}")
async def _(api: OpenApi, phone: Phone, his: HisBeside) -> httpx.Response:
    answer = await phone.get(await owing(api, phone, his))
    [shown] = answer.json()["items"]
    assert (shown["total_fen"], shown["order_id"]) == (5_333, None)
    assert [item["name"] for item in shown["items"]] == ["血常规", "C反应蛋白"]
    return answer


@his_app_case(f"POST {BILLS}/order")
async def _(api: OpenApi, phone: Phone, his: HisBeside) -> httpx.Response:
    address = await owing(api, phone, his)
    [bill] = (await phone.get(address)).json()["items"]
    chosen = {"bills": [{"bill_no": bill["bill_no"], "hash": bill["hash"]}]}
    answer = await phone.post(f"{address}/order", chosen)
    [again] = (await phone.get(address)).json()["items"]
    assert again["order_id"] == answer.json()["order_id"]
    return answer


@his_app_case(f"POST {BILLS}/insured-order")
async def _(api: OpenApi, phone: Phone, his: HisBeside) -> httpx.Response:
    answer = await (await InsuredMember.owing(api, phone, his)).share()
    assert (answer.json()["state"], answer.json()["insurance_status"]) == ("payable", "pending")
    return answer
