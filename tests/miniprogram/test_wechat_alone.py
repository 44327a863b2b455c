"""What only the mini-program does: WeChat's sign-in, number, payment sheet, messages and place; and each refused."""

from typing import Any

import pytest

from kernel.crypto import cipher
from tests.factories.booking_pages import Cardiology, with_member
from tests.factories.compiled_app import CompiledApp
from tests.factories.notifications import TEMPLATE, Centre
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.paying import Till
from tests.factories.sign_in import new_phone
from tests.factories.waiting_rooms import CAMPUS, Visitor, name_places
from tests.factories.wechat import WeChatBeside

pytestmark = pytest.mark.xdist_group("front-end")

# CAMPUS in GCJ-02, as the npm package coordtransform 2.1.2 reckons it.
SHIFTED = (23.0973515, 113.3053729)


async def test_who_does_not_agree_or_is_not_known_to_wechat_is_told_what_to_do(
    open_api: OpenApi, app: CompiledApp, beside: WeChatBeside
) -> None:
    await app.launch("account/sign-in/sign-in")
    await app.settled("sign-in")
    await app.tap("wechat")
    await app.shows("请先同意隐私政策。")
    assert await app.called("login") == []
    await app.tap("agree-wechat")
    await app.tap("wechat")
    await app.says("没能用微信登录，请改用手机号登录。")
    await app.answer("login", code="a-code-that-nobody-gave")
    await app.tap("wechat")
    await app.until("it was refused", lambda: _said_more_than(app, 1))
    assert (await app.seen())["route"] == "account/sign-in/sign-in"
    assert await open_api.db.fetchval("SELECT count(*) FROM patient_account") == 0


async def test_who_keeps_their_number_to_themselves_stays_and_may_give_it_later(
    open_api: OpenApi, app: CompiledApp, beside: WeChatBeside
) -> None:
    number, _ = await with_member()
    openid = (await beside.person(phone=number))["openid"]
    await app.answer("login", code=await beside.login_code(openid))
    await app.launch("account/sign-in/sign-in")
    await app.settled("sign-in")
    await app.tap("agree-wechat")
    await app.tap("wechat")
    await app.shows("手机号", "wechat-phone")
    await app.allow_number(None)
    await app.until("it is said", lambda: _said_more_than(app, 0))
    assert (await app.seen())["route"] == "account/sign-in/sign-in"
    assert await open_api.db.fetchval("SELECT count(*) FROM sign_in_refresh_token") == 0
    await app.allow_number(await beside.phone_code(openid))
    await app.is_at("pages/home/home")
    assert await open_api.db.fetchval("SELECT count(*) FROM sign_in_refresh_token") == 1
    # A browser's cookie is this here.
    assert {"was-signed-in", "tokens"} <= set((await app.seen())["stored"])


async def test_a_payment_sheet_that_is_closed_leaves_the_order_open_and_the_next_pays_it(
    open_api: OpenApi, app: CompiledApp, beside: WeChatBeside
) -> None:
    number, patient_id = await with_member()
    till = await Till.open(open_api)
    await till.at_the_channel()
    order = await till.order(patient_id=patient_id)
    await app.launch("account/sign-in/sign-in")
    await app.sign_in(beside, number)
    await app.is_at("pages/home/home")
    await app.open("money/pay/pay", order=str(order.id))
    await app.settled("pay")
    await app.shows("25.00", "pay-amount")
    await app.tap("pay-now")
    await app.says("还没有支付。")
    assert (await app.do("data", "pay-state"))["state"] == "choose"
    [sheet] = await app.called("requestPayment")
    assert (sheet["signType"], sheet["package"].partition("=")[0]) == ("RSA", "prepay_id")
    assert await _status(open_api, order.id) == "open"

    await app.answer("requestPayment")
    await app.tap("pay-now")
    await app.until("a second sheet", lambda: _was_called(app, "requestPayment", 2))
    [attempt_no] = [row["attempt_no"] for row in await open_api.db.fetch("SELECT attempt_no FROM payment_attempt")]
    open_api.channel.pay(attempt_no)
    await app.until("it is paid", lambda: _is_paid(open_api, order.id))
    await app.until("the screen says so", lambda: _shows_state(app, {"paid", "done"}))


@pytest.mark.parametrize(
    ("choice", "count"),
    [
        ({TEMPLATE: "accept"}, 1),
        ({TEMPLATE: "reject"}, 0),
        ({"fail": "requestSubscribeMessage:fail the main switch is off"}, 0),
    ],
    ids=["accepted", "rejected", "switched-off"],
)
async def test_leave_to_write_is_asked_with_the_tap_and_whatever_is_answered_the_number_is_booked(
    open_api: OpenApi, app: CompiledApp, beside: WeChatBeside, choice: dict[str, str], count: int
) -> None:
    cardiology = await Cardiology.build(open_api)
    await Centre(open_api.db).use_template("appointment.booked")
    number, patient_id = await with_member()
    await app.answer("requestSubscribeMessage", **choice)
    await app.launch("account/sign-in/sign-in")
    await app.sign_in(beside, number)
    await app.is_at("pages/home/home")
    await app.open("booking/confirm/confirm", slot=str(cardiology.free.slots[0]))
    await app.settled("confirm")
    await app.tap("book")
    await app.settled("result")
    assert await app.called("requestSubscribeMessage") == [{"tmplIds": [TEMPLATE]}]
    assert await open_api.db.fetchval("SELECT status FROM appointment WHERE patient_id = $1", patient_id) == "booked"
    await app.until("it is counted", lambda: _is_counted(open_api, count))


async def test_a_place_that_is_refused_leaves_the_code_and_one_that_is_given_checks_in(
    open_api: OpenApi, app: CompiledApp, beside: WeChatBeside, phone: Phone
) -> None:
    await name_places(open_api)
    visitor = await Visitor.of(open_api, phone)
    await app.launch("account/sign-in/sign-in")
    await app.sign_in(beside, phone.number)
    await app.is_at("pages/home/home")
    await app.open("visits/checkin/checkin", id=str(visitor.appointment_id))
    await app.settled("checkin")
    await app.tap("by-place")
    await app.shows("手机没有给出位置。请允许定位，或出示签到码。", "refusal")
    assert await app.called("getLocation") == [{"type": "wgs84"}]
    assert await open_api.db.fetchval("SELECT count(*) FROM visit_queue_entry") == 0
    await app.answer("getLocation", **CAMPUS, accuracy=20)
    await app.tap("by-place")
    await app.is_at("visits/queue/queue")
    await app.shows("A01", "label")
    [entry] = await open_api.db.fetch("SELECT id, way FROM visit_queue_entry")
    assert entry["way"] == "place"
    # What the desk does comes by an answer in chunks, and shakes the phone.
    await visitor.step("call", entry_id=str(entry["id"]))
    await app.until("the phone shakes", lambda: _was_called(app, "vibrateLong", 1))
    await app.shows("请", "is-called")


async def test_the_way_to_a_campus_is_on_a_map_whose_places_are_shifted(
    open_api: OpenApi, app: CompiledApp, beside: WeChatBeside, phone: Phone
) -> None:
    await name_places(open_api)
    visitor = await Visitor.of(open_api, phone)
    await app.launch("account/sign-in/sign-in")
    await app.sign_in(beside, phone.number)
    await app.is_at("pages/home/home")
    await app.open("visits/appointment/appointment", id=str(visitor.appointment_id))
    await app.settled("appointment")
    await app.tap("where")
    await app.until("the map", lambda: _was_called(app, "openLocation", 1))
    [shown] = await app.called("openLocation")
    assert (shown["latitude"], shown["longitude"]) == pytest.approx(SHIFTED, abs=1e-6)
    assert shown["name"]
    await app.answer("openLocation", fail="openLocation:fail no map")
    await app.tap("where")
    await app.says("没能打开地图，请稍后再试。")


async def _said_more_than(app: CompiledApp, count: int) -> bool:
    return len((await app.seen())["said"]) > count


async def _was_called(app: CompiledApp, name: str, times: int) -> bool:
    return len(await app.called(name)) == times


async def _shows_state(app: CompiledApp, states: set[str]) -> bool:
    return (await app.do("data", "pay-state"))["state"] in states


async def _status(api: OpenApi, order_id: Any) -> str:
    found: str = await api.db.fetchval("SELECT status FROM payment_order WHERE id = $1", order_id)
    return found


async def _is_paid(api: OpenApi, order_id: Any) -> bool:
    return await _status(api, order_id) not in ("open", "pending")


async def _is_counted(api: OpenApi, count: int) -> bool:
    found: int = await api.db.fetchval("SELECT coalesce(sum(count), 0) FROM notification_subscription")
    return found == count


async def test_who_has_lost_the_old_number_changes_it_as_wechat_knows_them(
    open_api: OpenApi, app: CompiledApp, beside: WeChatBeside
) -> None:
    number, _ = await with_member()
    new = new_phone()
    openid, with_new = (await beside.person(phone=number))["openid"], (await beside.person(phone=new))["openid"]
    await app.answer("login", code=await beside.login_code(openid))
    await app.launch("account/sign-in/sign-in")
    await app.settled("sign-in")
    await app.tap("agree-wechat")
    await app.tap("wechat")
    await app.shows("手机号", "wechat-phone")
    await app.allow_number(await beside.phone_code(openid))
    await app.is_at("pages/home/home")
    await open_api.db.execute("UPDATE sign_in_session SET auth_time = auth_time - interval '11 minutes'")
    await app.open("account/phone/phone")
    await app.settled("phone-page")
    await app.shows(f"{number[:3]}****{number[-4:]}", "phone-now")
    await app.do("event", "change-by-wechat", "getphonenumber", {"code": await beside.phone_code(with_new)})
    await app.is_at("account/confirm/confirm")
    await app.answer("login", code=await beside.login_code(openid))
    await app.tap("confirm-wechat")
    await app.is_at("account/phone/phone")
    await app.shows(f"{new[:3]}****{new[-4:]}", "phone-changed")


async def test_a_number_of_long_ago_is_asked_about_before_another_wechat_is_bound(
    open_api: OpenApi, app: CompiledApp, beside: WeChatBeside
) -> None:
    number, patient_id = await with_member()
    await open_api.db.execute("UPDATE patient_account SET phone_proved_at = now() - interval '91 days'")
    sealed = await open_api.db.fetchval("SELECT document_cipher FROM patient WHERE id = $1", patient_id)
    await app.launch("account/sign-in/sign-in")
    await app.sign_in(beside, number)
    await app.shows("这是您的账户吗", "holder-question")
    await app.shows("请用那个微信打开小程序")
    await app.write("ending", cipher().open(sealed)[-4:])
    await app.tap("answer")
    await app.is_at("pages/home/home")
    account_id = await open_api.db.fetchval("SELECT account_id FROM patient_account_member")
    assert await open_api.db.fetchval("SELECT account_id FROM wechat_identity") == account_id
