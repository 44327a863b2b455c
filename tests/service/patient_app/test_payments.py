"""What a phone is told of orders, of money that goes back, and of codes for relatives."""

from datetime import timedelta

import pytest

from booking.payment.orders import order_hold
from booking.service import hold_seat
from kernel import clock
from kernel.ids import new_id
from patient_app import shown_orders
from patient_app.shown_orders import render_refund
from payments.attempts import ENDS_BEFORE_ORDER
from payments.refunds import Refund
from payments.states import ORDER, REFUND
from tests.contract.app_money_cases import BY_BROWSER, code_for, ordered
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone, account_actor, open_to_app
from tests.factories.paying import Till


async def test_a_fee_is_called_by_the_visit_that_it_is_for(open_api: OpenApi, phone: Phone) -> None:
    own = await phone.add_member()
    await Till.open(open_api)
    schedule = await open_to_app(open_api.hospital, await open_api.hospital.schedule(seats=1))
    await open_api.db.execute("UPDATE schedule SET fee_fen = 2500 WHERE id = $1", schedule.id)
    hold = await hold_seat(slot_id=schedule.slots[0], patient_id=own, actor=account_actor())
    order = (await order_hold(hold.id, actor=account_actor())).id

    told = (await phone.get(f"/members/{own}/orders/{order}")).json()
    phone.language = "en"
    english = (await phone.get(f"/members/{own}/orders/{order}")).json()

    assert (told["title"], told["kind"], told["state"], told["appointment_id"]) == (
        "挂号费",
        "registration",
        "payable",
        None,
    )
    assert told["visit"]["date"] == clock.clinic_date(schedule.starts_at).isoformat()
    assert (english["title"], english["visit"]["practitioner"]) == ("Registration fee", told["visit"]["practitioner"])


async def test_an_order_whose_time_is_over_cannot_be_begun_to_be_paid(open_api: OpenApi, phone: Phone) -> None:
    order, address = await ordered(open_api, phone)
    await open_api.db.execute(
        "UPDATE payment_order SET expires_at = $2 WHERE id = $1",
        order.id,
        clock.now() + ENDS_BEFORE_ORDER - timedelta(seconds=1),
    )
    told = (await phone.get(f"{address}/state")).json()
    refused = await phone.post(f"{address}/payments", BY_BROWSER)
    assert (told["state"], told["is_expired"]) == ("ending", True)
    assert (refused.status_code, refused.json()["code"]) == (409, "payments.order_ending")


async def test_in_the_mini_program_who_pays_is_the_session_and_no_word_of_the_client(
    open_api: OpenApi, phone: Phone
) -> None:
    _, address = await ordered(open_api, phone)
    body = {"channel": "wechatpay", "scene": "mini_program"}
    refused = await phone.post(f"{address}/payments", body)
    told = await phone.post(f"{address}/payments", body | {"payer": "somebody"})
    assert (refused.status_code, refused.json()["code"]) == (422, "payments.payer_required")
    assert told.status_code == 422
    assert await open_api.db.fetchval("SELECT count(*) FROM payment_attempt") == 0


@pytest.mark.parametrize(
    ("status", "step"),
    [
        ("requested", "asked"),
        ("reversing", "asked"),
        ("ready", "agreed"),
        ("processing", "sent"),
        ("succeeded", "arrived"),
        ("paid_offline", "handed_over"),
        ("abnormal", "in_hand"),
        ("cancelled", "declined"),
        ("declined", "declined"),
    ],
)
def test_money_that_goes_back_is_told_in_steps(status: str, step: str) -> None:
    refund = Refund(
        id=new_id(),
        refund_no="P2612010000000019R01",
        order_id=new_id(),
        transaction_id=new_id(),
        amount_fen=2400,
        cause="requested",
        reason="患者申请退费",
        status=status,
        tells_his=True,
        requested_by="account:1",
        approved_by=None,
        fault=None,
        created_at=clock.now(),
        ended_at=None,
    )
    assert render_refund(refund)["step"] == step


def test_every_status_of_a_refund_and_an_order_has_its_word() -> None:
    assert shown_orders._STEPS.keys() == REFUND.steps.keys()
    assert shown_orders._STATES.keys() == ORDER.steps.keys()


async def test_the_list_says_how_far_the_money_is(open_api: OpenApi, phone: Phone) -> None:
    own = await phone.add_member()
    order = await (await Till.open(open_api)).paid(patient_id=own)
    address = f"/members/{own}/orders/{order.id}"
    refused = await phone.post(f"{address}/refunds", {"item_nos": ["I9"]})
    assert (refused.status_code, refused.json()["item_no"]) == (409, "I9")
    await phone.post(f"{address}/refunds", {"item_nos": ["I1"]})
    told = (await phone.get(address)).json()
    [listed] = (await phone.get(f"/members/{own}/orders")).json()["items"]
    assert [one["step"] for one in told["refunds"]] == [listed["refund_step"]] == ["asked"]
    assert [item["refund_no"] for item in told["bills"][0]["items"]] == [told["refunds"][0]["refund_no"], None]


async def test_a_relative_sees_what_paying_needs_and_nothing_after_it_was_ended(
    open_api: OpenApi, phone: Phone
) -> None:
    made = await code_for(open_api, phone)
    relative = Phone(open_api.http)
    shown = (await relative.post("/pay-codes/lookup", {"code": made["code"]})).json()
    assert set(shown) == {"title", "amount_fen", "name", "status", "expires_at", "channels"}
    own = (await phone.get("/members")).json()["items"][0]["patient_id"]
    assert (await phone.send("DELETE", f"/members/{own}/pay-codes/{made['id']}")).status_code == 204
    for path, body in (("lookup", {}), ("pay", BY_BROWSER)):
        answer = await relative.post(f"/pay-codes/{path}", {"code": made["code"]} | body)
        assert (answer.json()["code"], answer.json()["reason"]) == ("payments.pay_code_ended", "revoked")


async def test_an_account_ends_no_code_of_another_accounts_member(open_api: OpenApi, phone: Phone) -> None:
    made = await code_for(open_api, phone)
    stranger = await Phone.signed_in(open_api.http)
    own = await stranger.add_member()
    answer = await stranger.send("DELETE", f"/members/{own}/pay-codes/{made['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "payments.pay_code_not_found")
    still = await Phone(open_api.http).post("/pay-codes/lookup", {"code": made["code"]})
    assert still.json()["status"] == "payable"


async def test_pages_of_orders_follow_each_other(open_api: OpenApi, phone: Phone) -> None:
    own = await phone.add_member()
    till = await Till.open(open_api)
    made = [await till.order(patient_id=own) for _ in range(3)]
    first = (await phone.get(f"/members/{own}/orders", params={"limit": 2})).json()
    second = (await phone.get(f"/members/{own}/orders", params={"limit": 2, "cursor": first["next"]})).json()
    listed = [one["order_no"] for one in first["items"] + second["items"]]
    assert listed == [one.order_no for one in reversed(made)]
    assert second["next"] is None
