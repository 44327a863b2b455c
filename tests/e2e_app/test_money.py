"""A patient's money at the pages, before the whole platform with its HIS and its channels' emulators."""

import asyncio
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, expect

from tests.factories.both_sides import HisWindow, OpenApi, People, eventually, workday
from tests.factories.his_billing import CRP
from tests.factories.journeys import in_all_hands
from tests.factories.money_audit import everything_of_money_agrees
from tests.factories.money_journeys import Doctors, Payer, booked_number, held_number
from tests.factories.patient_pages import ELDER, SMALL, USUAL, App, open_app
from tests.platform import Hospital

DAYS_AHEAD = 6
RECEIPT_SECONDS_MAX = 60
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def schedules(his: HisWindow) -> Iterator[str]:
    day = workday(DAYS_AHEAD)
    return iter(eventually("schedules at the HIS", lambda: his.window_schedules(day) or None))


async def test_a_fee_is_paid_by_wechats_page_and_goes_back_when_the_visit_is_cancelled(
    browser: Browser, own_hospital: Hospital, portal: OpenApi, schedules: Iterator[str], cashiers: list[str]
) -> None:
    person = People().invent()
    async with open_app(browser, own_hospital.base_url, USUAL, cashiers=cashiers) as app:
        payer = await Payer.signed_in(app, own_hospital, person)
        order = held_number(portal, person, next(schedules))

        await app.open("money/pay/pay", order=order["id"])
        await payer.shows("pay-state", "choose")
        await expect(app.part("pay-amount")).to_have_text(f"¥{order['amount_fen'] / 100:.2f}")
        await app.picture("pay")
        await app.part("pay-now").dblclick()
        await payer.turn_back_at_the_channel()
        await app.picture("pay-not-paid-yet")
        await app.tap("pay-now")
        await payer.pay_at_the_channel()
        await payer.shows("pay-state", "done")
        await app.picture("pay-done")
        held = await payer.order(order["id"])
        assert (held["state"], held["amount_fen"]) == ("done", order["amount_fen"])

        portal.done(f"/appointments/{held['appointment_id']}/cancel", {})
        await app.tap("see-order")
        await app.settled("order")
        await expect(app.part("refund-step")).to_have_attribute("data-step", "arrived", timeout=60_000)
        await app.picture("order-refunded")
        held = await payer.order(order["id"])
        assert (held["state"], held["refunded_fen"]) == ("refunded", order["amount_fen"])


async def test_two_bills_are_paid_at_once_and_an_item_is_given_back_when_the_hospital_agrees(
    browser: Browser, own_hospital: Hospital, his: HisWindow, cashiers: list[str]
) -> None:
    person, doctors = People().invent(), Doctors(his)
    bill_nos = doctors.two_bills(person)
    async with open_app(browser, own_hospital.base_url, SMALL, cashiers=cashiers) as app:
        payer = await Payer.signed_in(app, own_hospital, person)
        await app.open("money/bills/bills")
        await app.settled("bills")
        await app.picture("bills")
        await app.tap(f"items-{bill_nos[1]}")
        await app.settled("bill")
        await expect(app.part("bill-total")).to_contain_text("¥53.33")
        await app.picture("bill")
        await app.page.go_back()
        await payer.order_bills()
        await payer.shows("pay-state", "choose")
        await expect(app.part("pay-amount")).to_have_text("¥78.03")
        await app.picture("pay-bills")
        await app.tap("by-alipay")
        await app.tap("pay-now")
        await payer.pay_at_the_channel()
        await payer.shows("pay-state", "done")
        await app.picture("pay-bills-done")
        await app.tap("see-order")
        await app.settled("order")
        # After the channel's page nothing lies behind it.
        await expect(app.part("to-orders")).to_be_visible()
        await expect(app.part("order")).not_to_contain_text("医保可报")
        await app.picture("order-bills")

        await app.tap("ask-back")
        await app.settled("refund")
        await app.page.get_by_role("checkbox", name="阿莫西林胶囊").click()
        await app.picture("refund")
        await app.tap("ask-refund")
        await app.page.get_by_text("申请", exact=True).click()
        await expect(app.part("refund-step")).to_have_attribute("data-step", "asked", timeout=60_000)
        await app.picture("order-asked")
        approval_no = doctors.waiting_request()
        doctors.done(f"station/refund-requests/{approval_no}/decide", {"approves": True, "decided_by": "P0001"})
        await expect(app.part("refund-step")).to_have_attribute("data-step", "arrived", timeout=90_000)
        await app.picture("order-item-back")
        await expect(app.part("order-state")).to_have_text("部分已退款")
        await receipts_stand(app)
        await in_all_hands(app, "order", "order-receipts")
        order_id = app.page.url.partition("id=")[2]
        held = await payer.order(order_id)
        assert (held["state"], held["amount_fen"], held["refunded_fen"]) == ("done", 7803, 2470)
        await app.open("money/orders/orders")
        await app.settled("orders")
        await app.picture("orders")
        await expect(app.part(f"order-{order_id}")).to_contain_text("¥24.70")
    await everything_of_money_agrees(own_hospital)


async def test_a_relative_pays_a_bill_from_a_link_without_signing_in(
    browser: Browser, own_hospital: Hospital, his: HisWindow, cashiers: list[str]
) -> None:
    person, doctors = People().invent(), Doctors(his)
    doctors.prescribe(person, CRP, kind="laboratory")
    url = own_hospital.base_url
    async with (
        open_app(browser, url, USUAL, cashiers=cashiers) as app,
        open_app(browser, url, ELDER, cashiers=cashiers) as theirs,
    ):
        payer = await Payer.signed_in(app, own_hospital, person)
        await app.open("money/bills/bills")
        await app.settled("bills")
        await payer.order_bills()
        await payer.shows("pay-state", "choose")
        order_id = app.page.url.partition("order=")[2]
        await app.tap("by-relative")
        await app.settled("share")
        await app.tap("make-link")
        link = await app.part("share-link").inner_text()
        await app.picture("share")

        await theirs.page.goto(link)
        relative = Payer(theirs, own_hospital, person)
        await relative.shows("relative-state", "choose")
        await expect(theirs.part("relative-amount")).to_have_text("¥33.33")
        shown = await theirs.part("relative").inner_text()
        assert "C反应蛋白" not in shown
        assert person.name not in shown
        await theirs.picture("relative")
        await theirs.tap("relative-pay")
        await relative.pay_at_the_channel()
        await relative.shows("relative-state", "paid")
        await theirs.picture("relative-paid")

        assert eventually_done(await payer.order(order_id))
        await app.open("money/pay/pay", order=order_id)
        await payer.shows("pay-state", "done")


async def test_an_order_that_was_given_up_or_ran_out_says_so_and_its_link_is_dead(
    browser: Browser, own_hospital: Hospital, his: HisWindow, cashiers: list[str]
) -> None:
    person, doctors = People().invent(), Doctors(his)
    doctors.prescribe(person, CRP, kind="laboratory")
    async with open_app(browser, own_hospital.base_url, ELDER, cashiers=cashiers) as app:
        payer = await Payer.signed_in(app, own_hospital, person)
        await app.open("money/bills/bills")
        await app.settled("bills")
        await app.picture("bills")
        await payer.order_bills()
        await payer.shows("pay-state", "choose")
        await app.picture("pay")
        order_id = app.page.url.partition("order=")[2]
        made = await payer.ask("POST", f"/members/{payer.patient_id}/orders/{order_id}/pay-codes")
        await app.tap("give-up")
        await app.is_asked(f"就诊人 {person.name}。")
        await app.page.get_by_text("取消订单", exact=True).last.click()
        await payer.shows("pay-state", "ended")
        await app.picture("pay-ended")
        assert (await payer.order(order_id))["state"] == "ended"
        await app.open("money/relative/relative", code=made["code"])
        await payer.shows("relative-state", "ended")
        # What was given up can be paid anew.
        await app.open("money/bills/bills")
        await app.settled("bills")
        await payer.order_bills()
        await payer.shows("pay-state", "choose")


async def test_bills_cannot_be_read_while_the_his_is_away_and_the_screen_says_what_to_do(
    browser: Browser, own_hospital: Hospital, cashiers: list[str]
) -> None:
    person = People().invent()
    async with open_app(browser, own_hospital.base_url, USUAL, cashiers=cashiers) as app:
        await Payer.signed_in(app, own_hospital, person)
        await app.open("money/bills/bills")
        await app.settled("bills")
        await expect(app.part("no-bills")).to_be_visible()
        await app.picture("bills-none")
        own_hospital.stop("micro-his")
        try:
            await app.page.reload()
            await app.settled("bills", "failed")
            await app.picture("bills-away")
        finally:
            own_hospital.start("micro-his")
        await app.tap("retry")
        await app.settled("bills")


async def test_giving_up_a_fee_of_a_booked_visit_ends_the_payment_and_leads_to_the_visit(
    browser: Browser, own_hospital: Hospital, portal: OpenApi, schedules: Iterator[str], cashiers: list[str]
) -> None:
    person = People().invent()
    async with open_app(browser, own_hospital.base_url, SMALL, cashiers=cashiers) as app:
        payer = await Payer.signed_in(app, own_hospital, person)
        booked = booked_number(portal, person, next(schedules))
        visit = f"/members/{payer.patient_id}/appointments/{booked['id']}"
        order_id = (await payer.ask("POST", f"{visit}/order"))["order_id"]
        await app.open("money/pay/pay", order=order_id)
        await payer.shows("pay-state", "choose")
        await app.tap("give-up")
        await app.is_asked(f"就诊人 {person.name}。", "预约仍然保留")
        await app.picture("pay-give-up-booked")
        await app.page.get_by_text("结束付款", exact=True).last.click()
        await payer.shows("pay-state", "ended")
        await app.picture("pay-ended-booked")
        await app.tap("see-visit")
        await app.settled("appointment")
        await expect(app.part("cancel")).to_be_visible()
        assert (await payer.ask("GET", visit))["visit"]["status"] == "booked"


async def receipts_stand(app: App) -> None:
    """Look again until the first receipt is written off, and one stands for what stays paid."""
    standing = app.part("receipt-issued").filter(has_text="¥53.33")
    async with asyncio.timeout(RECEIPT_SECONDS_MAX):
        while not (await app.part("receipt-written-off").count() and await standing.count()):
            await app.page.reload()
            await app.settled("order")
    await expect(app.part("receipt-written-off")).to_contain_text("¥78.03")
    await expect(standing.get_by_test_id("receipt-number")).not_to_be_empty()


def eventually_done(order: dict[str, object]) -> bool:
    """Money that a relative paid counts at once; the HIS's word follows it."""
    return order["state"] in ("paid", "done")
