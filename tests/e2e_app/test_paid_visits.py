"""Numbers that are paid for when they are booked: for a parent, cancelled, moved, and of a clinic that is stopped.

Every step is what a patient taps and reads; then platform, HIS, channels and ledger are asked what they hold.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.factories.both_sides import HisWindow, OpenApi, People, at_his, at_platform
from tests.factories.journeys import (
    add_person,
    book_and_pay,
    choose_other_time,
    choose_person,
    choose_time,
    clinic_day,
    in_all_hands,
    pay_here,
    refund_arrives,
    refund_arrives_by_bills,
    say_yes,
    sign_up,
    to_first_visit,
    told_in_inbox,
)
from tests.factories.money_audit import everything_of_money_agrees
from tests.factories.money_journeys import Payer
from tests.factories.patient_pages import SMALL, USUAL, App, Look, open_app
from tests.platform import Hospital

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]

MORNING = time(9)
DAYS_AHEAD = 4
WHY = "医生外出会诊"


@pytest.fixture(scope="module")
def own_hospital() -> Iterator[Hospital]:
    """A platform in the middle of a morning, whatever hour it really is."""
    with Hospital.up(at=MORNING) as hospital:
        yield hospital


@pytest.fixture(scope="module", autouse=True)
def paid_first(slot_office: OpenApi) -> None:
    """Patients with the app have a number by paying for it."""
    rule = {"channel": "miniprogram", "policy": "at-booking"}
    slot_office.done("/administration/registration-payment-rules", rule)


def entry_at_his(his: HisWindow, number: str) -> int:
    """What the HIS has in its own books under one of the platform's numbers, in fen."""
    fen: int = his.get(f"/api/billing/entries/{number}")["cash_fen"]
    return fen


async def book_for(app: App, payer: Payer, name: str, day: date) -> tuple[str, str]:
    """Book cardiology for a person of the account, pay, and read the result; gives the order and the number."""
    await choose_time(app, day)
    await choose_person(app, name)
    await expect(app.part("when")).to_contain_text(f"{day.month}月{day.day}日")
    await in_all_hands(app, "confirm", "journey-confirm")
    when = await app.part("when").text_content() or ""
    await app.tap("book")
    await payer.shows("pay-state", "choose")
    order_id = app.page.url.partition("order=")[2]
    await expect(app.part("pay")).to_contain_text(name)
    await in_all_hands(app, "pay", "journey-pay")
    await pay_here(app, payer)
    await app.tap("see-visit")
    await app.settled("result")
    await expect(app.part("code")).to_be_visible()
    await expect(app.part("room")).to_contain_text("诊室")
    await expect(app.part("when")).to_have_text(when)
    await in_all_hands(app, "result", "journey-result")
    number = await app.part("number").inner_text()
    await expect(app.part("code")).to_have_attribute("data-text", number)
    return order_id, number


async def test_a_parent_is_added_and_booked_for_and_what_was_paid_comes_back(
    browser: Browser, own_hospital: Hospital, slot_office: OpenApi, his: HisWindow, cashiers: list[str]
) -> None:
    people, day = People(), clinic_day(own_hospital, DAYS_AHEAD)
    own, mother = (replace(people.invent(), name=name) for name in ("程建国", "程秀英"))
    async with open_app(browser, own_hospital.base_url, USUAL, cashiers=cashiers) as app:
        payer = Payer.of(app, own_hospital, own)
        await sign_up(app, own.phone)
        await app.tap("to-members")
        await app.settled("members")
        await add_person(app, own, relationship="self")
        await add_person(app, mother, relationship="parent")
        await in_all_hands(app, "members", "journey-members")

        order_id, number = await book_for(app, payer, mother.name, day)
        [booked] = slot_office.get("/appointments", number=number)["items"]
        assert (booked["status"], booked["channel"], booked["payment"]) == ("booked", "miniprogram", "paid")
        at_his(his, booked["id"], status="booked")
        [_, payer.patient_id] = [one["patient_id"] for one in (await payer.ask("GET", "/members"))["items"]]
        assert booked["patient_id"] == payer.patient_id
        order = await payer.order(order_id)
        assert entry_at_his(his, f"{order['order_no']}S") == order["amount_fen"] == booked["fee_fen"]

        await app.tap("to-visits")
        await app.settled("visits")
        await app.tap("open-visit")
        await app.settled("appointment")
        await in_all_hands(app, "appointment", "journey-appointment")
        await app.tap("cancel")
        await app.picture("journey-cancel-question")
        await say_yes(app, "取消预约")
        await expect(app.part("lead")).to_have_text("这次预约已取消")
        await refund_arrives(app)
        await in_all_hands(app, "order", "journey-refund-arrived")

        order = await payer.order(order_id)
    assert (order["state"], order["refunded_fen"]) == ("refunded", order["amount_fen"])
    [refund] = order["refunds"]
    assert entry_at_his(his, refund["refund_no"]) == -order["amount_fen"]
    at_platform(slot_office, booked["id"], status="cancelled", payment="refunded")
    at_his(his, booked["id"], status="cancelled")
    await everything_of_money_agrees(own_hospital)


async def test_a_paid_number_is_moved_and_not_paid_again(
    browser: Browser, own_hospital: Hospital, slot_office: OpenApi, his: HisWindow, cashiers: list[str]
) -> None:
    day = clinic_day(own_hospital, DAYS_AHEAD)
    async with open_app(browser, own_hospital.base_url, USUAL, cashiers=cashiers) as app:
        payer = await Payer.signed_in(app, own_hospital, People().invent())
        number = await book_and_pay(app, payer, day)
        [booked] = slot_office.get("/appointments", number=number)["items"]
        await to_first_visit(app)
        await app.tap("to-reschedule")
        await app.settled("reschedule")
        await app.picture("journey-reschedule-paid")
        slot_id = await choose_other_time(app, said="不用再付")
        await app.settled("appointment")
        await expect(app.part("money")).to_contain_text("已支付")
        await in_all_hands(app, "appointment", "journey-rescheduled-paid")
        orders = await payer.ask("GET", f"/members/{payer.patient_id}/orders")
        assert [one["state"] for one in orders["items"]] == ["done"]
    assert slot_id != booked["slot_id"]
    at_platform(slot_office, booked["id"], slot_id=slot_id, status="booked", payment="paid")
    at_his(his, booked["id"], status="booked", version=2)
    await everything_of_money_agrees(own_hospital)


async def stop_is_told(app: App, slot_office: OpenApi, number: str) -> dict[str, Any]:
    """Have the slot office stop the clinic of a number, and open what the inbox then says; gives the appointment."""
    [booked] = slot_office.get("/appointments", number=number)["items"]
    body = {"schedule_id": booked["schedule_id"], "reason": WHY, "steps": ["offer", "cancel"]}
    slot_office.done("/administration/stops", body)
    row = await told_in_inbox(app, "stop.offered")
    await in_all_hands(app, "messages", "journey-stop-message")
    await row.click()
    await app.settled("stop")
    await expect(app.part("why")).to_contain_text(WHY)
    found: dict[str, Any] = booked
    return found


@pytest.mark.parametrize("look", [USUAL, SMALL], ids=lambda look: look.name)
async def test_a_stopped_clinic_is_rebooked_from_its_message_and_not_paid_again(
    browser: Browser, own_hospital: Hospital, slot_office: OpenApi, his: HisWindow, cashiers: list[str], look: Look
) -> None:
    day = clinic_day(own_hospital, DAYS_AHEAD)
    async with open_app(browser, own_hospital.base_url, look, cashiers=cashiers) as app:
        payer = await Payer.signed_in(app, own_hospital, People().invent())
        booked = await stop_is_told(app, slot_office, await book_and_pay(app, payer, day))
        await in_all_hands(app, "stop", "journey-stop-told")
        slot_id = await choose_other_time(app, said="不用再付")
        await expect(app.part("lead")).to_have_text("您已改到新的时间")
        await app.tap("to-appointment")
        await app.settled("appointment")
        await expect(app.part("money")).to_contain_text("已支付")
        await in_all_hands(app, "appointment", "journey-stop-rebooked")
        [order] = (await payer.ask("GET", f"/members/{payer.patient_id}/orders"))["items"]
        assert (order["state"], order["refunded_fen"]) == ("done", 0)
    moved = at_platform(slot_office, booked["id"], slot_id=slot_id, status="booked", payment="paid")
    assert moved["schedule_id"] != booked["schedule_id"]
    assert moved["fee_fen"] == booked["fee_fen"]
    at_his(his, booked["id"], status="booked", version=2)
    await everything_of_money_agrees(own_hospital)


async def test_who_declines_what_a_stopped_clinic_offers_gets_all_of_it_back(
    browser: Browser, own_hospital: Hospital, slot_office: OpenApi, his: HisWindow, cashiers: list[str]
) -> None:
    day = clinic_day(own_hospital, DAYS_AHEAD)
    async with open_app(browser, own_hospital.base_url, USUAL, cashiers=cashiers) as app:
        person = People().invent()
        payer = await Payer.signed_in(app, own_hospital, person)
        booked = await stop_is_told(app, slot_office, await book_and_pay(app, payer, day))
        await app.tap("decline")
        await app.is_asked(f"就诊人 {person.name}。")
        await app.picture("journey-stop-decline")
        await say_yes(app, "不再就诊")
        await expect(app.part("lead")).to_have_text("预约已取消")
        await expect(app.part("returned")).to_be_visible()
        await in_all_hands(app, "stop", "journey-stop-declined")
        [order] = (await payer.ask("GET", f"/members/{payer.patient_id}/orders"))["items"]
        await refund_arrives_by_bills(app, order["order_id"])
        order = await payer.order(order["order_id"])
        assert (order["state"], order["refunded_fen"]) == ("refunded", booked["fee_fen"])
    at_platform(slot_office, booked["id"], status="cancelled", payment="refunded")
    at_his(his, booked["id"], status="cancelled")
    await everything_of_money_agrees(own_hospital)
