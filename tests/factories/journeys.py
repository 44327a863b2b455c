"""What patients do on the pages from end to end, by what they tap and read; and how it looks in other hands."""

import asyncio
import re
from datetime import date, timedelta

from playwright.async_api import Locator, expect

from tests.factories.booking_pages import sign_in_at
from tests.factories.both_sides import AGREE_SECONDS_MAX, Person
from tests.factories.money_journeys import Payer
from tests.factories.patient_pages import ELDER, SMALL, App
from tests.platform import Hospital

CARDIOLOGY = "xxgnk"
INBOX = "pages/messages/messages"
VISITS = "pages/visits/visits"


async def in_all_hands(app: App, screen: str, name: str) -> None:
    """Look at a screen as it is usually held, on a small phone and in elder mode: it fits, and pictures are kept."""
    usual = app.look
    for look in (usual, SMALL, ELDER):
        if look is not usual:
            await app.hold(look)
        await app.settled(screen)
        await expect(app.page.locator("uni-toast:visible")).to_have_count(0)
        width = await app.page.evaluate("document.documentElement.scrollWidth")
        assert width <= look.width, f"{screen} is wider than the phone"
        await app.picture(name)
    await app.hold(usual)
    await app.settled(screen)


async def sign_up(app: App, phone: str) -> None:
    """Sign in with a telephone from the last tab, for the first time."""
    await app.open("pages/mine/mine")
    await app.tap("to-sign-in")
    await sign_in_at(app, phone)
    await app.settled("mine")


async def add_person(app: App, person: Person, *, relationship: str) -> None:
    """Add somebody by their real name, from the list of members, and come back to it."""
    await app.tap("add-member")
    await app.settled("add-member-screen")
    await app.tap(f"relationship-{relationship}")
    await app.write("name", person.name)
    await app.write("number", person.number)
    if relationship != "self":
        await expect(app.part("consent")).to_be_visible()
        await app.picture("journey-consent-of-a-relative")
        await app.tap("agree")
    await app.tap("submit")
    await app.settled("members")
    await expect(app.part("members")).to_contain_text(person.name)


async def say_yes(app: App, words: str) -> None:
    """Tap the answer of a question that stands before everything else."""
    await app.page.locator(".uni-modal__btn", has_text=re.compile(f"^{words}$")).click()


async def choose_person(app: App, name: str) -> None:
    """Choose for whom the screen is shown."""
    await app.tap("member-switcher")
    await app.page.locator(".uni-actionsheet__cell", has_text=name).click()
    await expect(app.part("member-switcher")).to_contain_text(name)


async def find_cardiology(app: App, day: date) -> None:
    """Find the department from the home screen by its initials, and look at a day."""
    await app.open()
    await app.tap("entry-find")
    await app.settled("find")
    await app.part("search").locator("input").fill(CARDIOLOGY)
    await app.part("found-department").first.click()
    await app.settled("department")
    await app.tap(f"day-{day.isoformat()}")
    await expect(app.part(f"day-{day.isoformat()}")).to_have_attribute("aria-pressed", "true")
    await expect(app.part("doctor").first).to_be_visible()


async def choose_time(app: App, day: date) -> None:
    """Choose the first doctor with free numbers on a day, and the last half hour of theirs that is free."""
    await find_cardiology(app, day)
    await app.part("session-free").first.click()
    await app.settled("seats")
    await app.part("band").last.click()
    await app.settled("confirm")


async def pay_here(app: App, payer: Payer) -> None:
    """Pay what the payment screen, which lies on top, asks for, on the channel's own page, and be led back."""
    await payer.shows("pay-state", "choose")
    await app.tap("pay-now")
    await payer.pay_at_the_channel()
    await payer.shows("pay-state", "done")


async def book_and_pay(app: App, payer: Payer, day: date) -> str:
    """Book cardiology on a day and pay for it; gives the number that the result shows."""
    await choose_time(app, day)
    await app.tap("book")
    await pay_here(app, payer)
    await app.tap("see-visit")
    await app.settled("result")
    return await app.part("number").inner_text()


async def to_first_visit(app: App) -> None:
    """Open the next visit from the tab of visits."""
    await app.open(VISITS)
    await app.settled("visits")
    await app.part("upcoming-visit").get_by_test_id("open-visit").first.click()
    await app.settled("appointment")


async def told_in_inbox(app: App, kind: str) -> Locator:
    """Look into the inbox until a message of a kind has come; gives its newest."""
    row = app.page.locator(f'[data-kind="{kind}"]:visible').first
    async with asyncio.timeout(AGREE_SECONDS_MAX):
        while True:
            await app.open(INBOX)
            await app.settled("messages")
            if await row.count():
                return row
            await app.page.reload()


async def refund_arrives(app: App) -> None:
    """Follow a refund from the visit, which lies on top, until the money has arrived."""
    await app.tap("money")
    await app.settled("order")
    await expect(app.part("refund-step")).to_have_attribute("data-step", "arrived", timeout=90_000)


async def refund_arrives_by_bills(app: App, order_id: str) -> None:
    """Follow a refund from the bills' screen to its order, until the money has arrived."""
    await app.open()
    await app.tap("entry-bills")
    await app.settled("bills")
    await app.tap("to-orders")
    await app.settled("orders")
    await app.tap(f"order-{order_id}")
    await app.settled("order")
    await expect(app.part("refund-step")).to_have_attribute("data-step", "arrived", timeout=90_000)


async def choose_other_time(app: App, *, said: str = "") -> str:
    """Take the last other time of a clinic of which something is said, and confirm; gives its slot."""
    times = app.part("clinic").filter(has_text=said).locator('[data-testid^="time-"]')
    last = times.last
    await expect(last).to_be_visible()
    slot_id = (await last.get_attribute("data-testid") or "").removeprefix("time-")
    await last.click()
    await app.tap("confirm")
    return slot_id


def clinic_day(hospital: Hospital, days_ahead: int) -> date:
    """A weekday of the platform's time, so far ahead that every number can still be given back."""
    day = hospital.today() + timedelta(days=days_ahead)
    while day.isoweekday() > 5:
        day += timedelta(days=1)
    return day
