"""Cases of orders, payments and refunds."""

from datetime import timedelta
from typing import Any

import httpx

from kernel import clock
from kernel.ids import new_id
from payments.attempts import ATTEMPTS_MAX
from payments.orders import Order
from tests.contract.cases import case
from tests.factories.open_api import OpenApi
from tests.factories.paying import Till
from tests.factories.payments import PAYER

ORDERS = "GET /orders"
ORDER = "GET /orders/<order_id:uuid>"
CLOSE = "POST /orders/<order_id:uuid>/close"
PAY = "POST /orders/<order_id:uuid>/payments"
PAYMENTS = "GET /orders/<order_id:uuid>/payments"
PAYMENT = "GET /payments/<payment_id:uuid>"
ASK = "POST /refunds"
REFUNDS = "GET /refunds"
REFUND = "GET /refunds/<refund_id:uuid>"
ON_A_PHONE = {"channel": "wechatpay", "scene": "mini_program", "payer": PAYER}


async def pay(api: OpenApi, order: Order, **more: Any) -> httpx.Response:
    """Begin to pay an order on a phone."""
    return await api.portal.post(f"/orders/{order.id}/payments", ON_A_PHONE | more)


# --- orders


@case(ORDERS)
async def list_orders(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    made = [await till.order() for _ in range(3)]
    first = await api.portal.get("/orders", params={"limit": 2, "status": "open", "kind": "outpatient_bill"})
    second = await api.portal.get("/orders", params={"limit": 2, "cursor": first.json()["next"]})
    assert [one["id"] for one in first.json()["items"] + second.json()["items"]] == [str(one.id) for one in made[::-1]]
    one = (await api.portal.get("/orders", params={"order_no": made[1].order_no})).json()["items"]
    assert [each["patient_id"] for each in one] == [str(made[1].patient_id)]
    for query in ({"patient_id": str(new_id())}, {"status": "paid"}):
        assert (await api.portal.get("/orders", params=query)).json()["items"] == []
    stranger = await api.client()
    assert (await stranger.get("/orders")).json()["items"] == []
    return second


@case(ORDERS, "request.invalid_cursor")
async def list_orders_after_nonsense(api: OpenApi) -> httpx.Response:
    return await api.portal.get("/orders", params={"cursor": "nonsense"})


@case(ORDER)
async def read_order(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).order(8800)
    answer = await api.portal.get(f"/orders/{order.id}")
    shown = answer.json()
    assert (shown["order_no"], shown["amount_fen"], shown["status"]) == (order.order_no, 8800, "open")
    assert "client_id" not in shown
    return answer


@case(ORDER, "payments.order_not_found")
async def read_no_order(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).order()
    stranger = await api.client()
    assert (await stranger.get(f"/orders/{order.id}")).status_code == 404
    return await api.portal.get(f"/orders/{new_id()}")


@case(CLOSE)
async def close(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    tried = await till.order()
    await till.attempt(tried)
    assert (await api.portal.post(f"/orders/{tried.id}/close")).json()["status"] == "closing"
    answer = await api.portal.post(f"/orders/{(await till.order()).id}/close")
    assert (answer.json()["status"], answer.json()["close_reason"]) == ("closed", "cancelled")
    return answer


@case(CLOSE, "payments.order_not_found")
async def close_nothing(api: OpenApi) -> httpx.Response:
    return await api.portal.post(f"/orders/{new_id()}/close")


@case(CLOSE, "payments.order_not_open")
async def close_what_is_paid(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).paid()
    answer = await api.portal.post(f"/orders/{order.id}/close")
    assert answer.json()["current_status"] == "settled"
    return answer


# --- payments


@case(PAY)
async def start_payment(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    await till.at_the_channel()
    order = await till.order(9900)
    answer = await pay(api, order)
    shown = answer.json()
    assert (shown["amount_fen"], shown["payment_no"]) == (9900, f"{order.order_no}A01")
    assert set(shown["parameters"]) == {"timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert (await pay(api, order)).json() == shown
    kiosk = {"channel": "wechatpay", "scene": "native_code"}
    code = await api.kiosk.post(f"/orders/{order.id}/payments", kiosk)
    assert code.json()["code_url"].startswith("weixin://wxpay/bizpayurl")
    assert code.json()["parameters"] is None
    return answer


@case(PAY, "payments.order_not_found")
async def pay_nothing(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).order()
    stranger = await api.client()
    assert (await stranger.post(f"/orders/{order.id}/payments", ON_A_PHONE)).status_code == 404
    return await api.portal.post(f"/orders/{new_id()}/payments", ON_A_PHONE)


@case(PAY, "payments.order_not_open")
async def pay_again(api: OpenApi) -> httpx.Response:
    return await pay(api, await (await Till.open(api)).paid())


@case(PAY, "payments.order_ending")
async def pay_in_the_last_second(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).order(expires_at=clock.now() + timedelta(seconds=25))
    return await pay(api, order)


@case(PAY, "payments.channel_not_offered")
async def pay_by_a_way_that_is_not_there(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    order = await till.order()
    # Of this account the web server has no keys, and nobody is told which.
    assert (await pay(api, order)).json()["code"] == "payments.channel_not_offered"
    answer = await pay(api, await till.order(), channel="insurance")
    assert answer.json()["channel"] == "insurance"
    return answer


@case(PAY, "payments.payer_required")
async def pay_as_nobody(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).order()
    return await api.portal.post(f"/orders/{order.id}/payments", {"channel": "wechatpay", "scene": "mini_program"})


@case(PAY, "payments.too_many_attempts")
async def pay_too_often(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    order = await till.order()
    for number in range(ATTEMPTS_MAX):
        await till.attempt(order, payer=f"payer-{number}")
    return await pay(api, order)


@case(PAY, "payments.channel_silent")
async def pay_without_an_answer(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    await till.at_the_channel()
    order = await till.order()
    api.channel.fault("answer_lost")
    lost = await pay(api, order)
    assert lost.json()["attempt_no"] == f"{order.order_no}A01"
    assert (await pay(api, order)).json()["payment_no"] == f"{order.order_no}A01"
    return lost


@case(PAY, "payments.refused_by_channel")
async def pay_with_another_application(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    await till.at_the_channel()
    await api.db.execute("UPDATE payment_merchant SET app_id = 'wx0000000000000000' WHERE status = 'active'"
                         " AND channel = 'wechatpay'")  # fmt: skip
    answer = await pay(api, await till.order())
    assert answer.json()["channel_code"] == "APPID_MCHID_NOT_MATCH"
    return answer


@case(PAYMENTS)
async def list_payments(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    order = await till.order()
    attempt = await till.attempt(order)
    answer = await api.portal.get(f"/orders/{order.id}/payments")
    assert [one["id"] for one in answer.json()["items"]] == [str(attempt.id)]
    return answer


@case(PAYMENTS, "payments.order_not_found")
async def list_payments_of_nothing(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/orders/{new_id()}/payments")


@case(PAYMENT)
async def read_payment(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    await till.at_the_channel()
    started = (await pay(api, await till.order())).json()
    assert (await api.portal.get(f"/payments/{started['id']}")).json() == started
    api.channel.fault("notification_dropped", times=None)
    api.channel.pay(started["payment_no"], openid=PAYER)
    await api.db.execute("UPDATE payment_attempt SET asked_at = NULL")
    answer = await api.portal.get(f"/payments/{started['id']}")
    assert (answer.json()["status"], answer.json()["parameters"]) == ("paid", None)
    return answer


@case(PAYMENT, "payments.attempt_not_found")
async def read_no_payment(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    attempt = await till.attempt(await till.order())
    stranger = await api.client()
    assert (await stranger.get(f"/payments/{attempt.id}")).status_code == 404
    return await api.portal.get(f"/payments/{new_id()}")


# --- refunds


async def ask(api: OpenApi, order: Order, **more: Any) -> httpx.Response:
    """Ask for an order's money."""
    return await api.portal.post("/refunds", {"order_id": str(order.id), "reason": "药品未发"} | more)


@case(ASK)
async def request_refund(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    order = await till.paid(2500)
    answer = await ask(api, order, item_nos=["I2"])
    assert (answer.json()["amount_fen"], answer.json()["status"]) == (100, "reversing")
    shown = (await api.portal.get(f"/orders/{order.id}/bills")).json()["items"][0]["items"]
    assert [item["refund_no"] for item in shown] == [None, answer.json()["refund_no"]]
    deposit = await till.paid(8000, kind="deposit", subject_kind="admission")
    by_the_hospital = await api.kiosk.post("/refunds", {"order_id": str(deposit.id), "reason": "出院"})
    assert by_the_hospital.json()["amount_fen"] == 8000
    return await ask(api, order)


@case(ASK, "payments.order_not_found")
async def request_refund_of_nothing(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).paid()
    stranger = await api.client()
    body = {"order_id": str(order.id), "reason": "药品未发"}
    assert (await stranger.post("/refunds", body)).status_code == 404
    return await api.portal.post("/refunds", body | {"order_id": str(new_id())})


@case(ASK, "payments.not_refundable")
async def request_refund_of_what_is_not_paid(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    deposit = await till.paid(kind="deposit", subject_kind="admission")
    assert (await ask(api, deposit)).json()["code"] == "payments.not_refundable"
    return await ask(api, await till.order())


@case(ASK, "payments.refund_by_cancelling")
async def request_refund_of_a_registration_fee(api: OpenApi) -> httpx.Response:
    return await ask(api, await (await Till.open(api)).paid(kind="registration", subject_kind="appointment"))


@case(ASK, "payments.item_not_refundable")
async def request_an_item_twice(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).paid(2500)
    assert (await ask(api, order, item_nos=["I1"])).status_code == 201
    answer = await ask(api, order, item_nos=["I2", "I1"])
    assert answer.json()["item_no"] == "I1"
    return answer


@case(ASK, "payments.refund_limit_passed")
async def request_after_a_year(api: OpenApi) -> httpx.Response:
    order = await (await Till.open(api)).paid()
    await api.db.execute("UPDATE payment_transaction SET paid_at = paid_at - interval '366 days'")
    answer = await ask(api, order)
    assert answer.json()["limit"] == "days"
    return answer


@case(REFUNDS)
async def list_refunds(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    order = await till.paid(2500)
    other = await till.paid()
    made = [(await ask(api, order, item_nos=[item])).json()["id"] for item in ("I1", "I2")]
    made.append((await ask(api, other)).json()["id"])
    only = await api.portal.get("/refunds", params={"order_id": str(order.id)})
    assert [one["id"] for one in only.json()["items"]] == made[1::-1]
    first = await api.portal.get("/refunds", params={"limit": 2})
    second = await api.portal.get("/refunds", params={"limit": 2, "cursor": first.json()["next"]})
    assert [one["id"] for one in first.json()["items"] + second.json()["items"]] == made[::-1]
    assert (await api.portal.get("/refunds", params={"status": "succeeded"})).json()["items"] == []
    stranger = await api.client()
    assert (await stranger.get("/refunds")).json()["items"] == []
    return second


@case(REFUNDS, "request.invalid_cursor")
async def list_refunds_after_nonsense(api: OpenApi) -> httpx.Response:
    return await api.portal.get("/refunds", params={"cursor": "nonsense"})


@case(REFUND)
async def read_refund(api: OpenApi) -> httpx.Response:
    till = await Till.open(api)
    refund = (await ask(api, await till.paid())).json()
    await till.payments.settle_down()
    answer = await api.portal.get(f"/refunds/{refund['id']}")
    assert (answer.json()["status"], answer.json()["cause"]) == ("succeeded", "requested")
    return answer


@case(REFUND, "payments.refund_not_found")
async def read_no_refund(api: OpenApi) -> httpx.Response:
    refund = (await ask(api, await (await Till.open(api)).paid())).json()
    stranger = await api.client()
    assert (await stranger.get(f"/refunds/{refund['id']}")).status_code == 404
    return await api.portal.get(f"/refunds/{new_id()}")
