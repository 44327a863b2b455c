"""Messages, complaints and ratings on the patients' pages, before the whole platform with its HIS and its WeChat.

What the patient sees is held against what the server holds.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import time

import pytest
from playwright.async_api import Browser, expect

from runtime.demo_hospital.access import COMPLAINTS_STAFF
from tests.factories.app_journeys import Patient, book_for
from tests.factories.both_sides import (
    AGREE_SECONDS_MAX,
    POLL_SECONDS,
    HisWindow,
    OpenApi,
    People,
    at_platform,
    eventually,
    linked,
    workday,
)
from tests.factories.journeys import INBOX
from tests.factories.patient_pages import LOOKS, App
from tests.platform import Hospital

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]

MORNING = time(6, 30)
"""The windows' own share goes back an hour before a clinic begins."""
DAYS_AHEAD = 4
SETTINGS = "account/notifications/notifications"
SAID = "收费窗口等了四十分钟，只开了一个窗口。\n希望中午多开一个。"
ANSWER = "您反映的情况属实，已增开两个窗口，向您致歉。"


@pytest.fixture(scope="module")
def own_hospital() -> Iterator[Hospital]:
    """A platform on the morning of a clinic day, whatever hour it really is."""
    with Hospital.up(at=MORNING) as hospital:
        yield hospital


@pytest.fixture(scope="module")
def people() -> People:
    return People()


@pytest.fixture(scope="module")
def schedules(his: HisWindow) -> Iterator[str]:
    """Schedules of a coming day that the HIS has been told of, each for one visit."""
    day = workday(DAYS_AHEAD)
    return iter(eventually("schedules at the HIS", lambda: his.window_schedules(day) or None))


@pytest.fixture(scope="module")
def complaints(own_hospital: Hospital) -> Iterator[OpenApi]:
    """Somebody of the office that may answer whatever is complained of."""
    office = OpenApi.of(own_hospital, "slot_office", staff=COMPLAINTS_STAFF)
    yield office
    office.http.close()


@pytest.fixture
async def patient(own_hospital: Hospital, people: People) -> AsyncIterator[Patient]:
    joined = await Patient.join(own_hospital.base_url, people.invent())
    yield joined
    await joined.phone.http.aclose()


async def unread(patient: Patient) -> int:
    """Count as the server does."""
    count: int = (await patient.phone.get("/messages/unread")).json()["unread"]
    return count


async def told(patient: Patient, kind: str) -> str:
    """Wait for a message of a kind; gives its id."""
    async with asyncio.timeout(AGREE_SECONDS_MAX):
        while True:
            items = (await patient.phone.get("/messages")).json()["items"]
            found = [str(one["id"]) for one in items if one["kind"] == kind]
            if found:
                return found[0]
            await asyncio.sleep(POLL_SECONDS)


def arrived(patient: Patient, hospital: Hospital, his: HisWindow, slot_office: OpenApi) -> str:
    """Have the patient come today, with a number of the HIS's window; gives the appointment."""
    listed = eventually("schedules at the HIS", lambda: his.window_schedules(hospital.today()) or None)
    sold = his.book(listed[0], patient.person.at_window())
    assert sold.status_code == 201, sold.text
    visit = linked(his, sold.json()["his_id"])
    assert his.register(sold.json()["his_id"]).status_code == 201
    at_platform(slot_office, visit, status="arrived")
    return visit


async def stands(app: App, screen: str, name: str) -> None:
    """Hold a screen against what everybody must be able to do with it, and keep its picture."""
    await app.settled(screen)
    assert await app.barriers() == []
    assert await app.small_targets() == []
    width = await app.page.evaluate("document.documentElement.scrollWidth")
    assert width <= app.look.width, f"{screen} is wider than the phone"
    await app.picture(name)


async def test_a_partners_appointment_is_told_opened_and_then_read(
    browser: Browser, portal: OpenApi, schedules: Iterator[str], patient: Patient
) -> None:
    async with patient.app(browser) as app:
        await app.open(INBOX)
        await app.settled("messages")
        await expect(app.part("empty")).to_be_visible()
        await app.picture("inbox-empty")
    booked = book_for(portal, patient, next(schedules))
    message = await told(patient, "appointment.booked")
    assert await unread(patient) == 1
    async with patient.app(browser) as app:
        await app.open()
        await app.settled("home")
        mark = app.page.locator(".uni-tabbar__badge")
        await expect(mark).to_have_text("1")
        await app.page.locator(".uni-tabbar__item").nth(2).click()
        await stands(app, "messages", "inbox-unread")
        row = app.part(f"message-{message}")
        await expect(row).to_contain_text("预约成功")
        await expect(row.locator("[data-unread]")).to_have_attribute("data-unread", "true")
        await row.click()
        shown = app.part("appointment").or_(app.part("message"))
        await expect(shown).to_have_attribute("data-status", "ready", timeout=20_000)
        await app.picture("inbox-opened")
        await app.page.go_back()
        await app.settled("messages")
        await expect(row.locator("[data-unread]")).to_have_attribute("data-unread", "false")
        await expect(mark).to_have_count(0)
    assert await unread(patient) == 0
    # Another one is marked as read with everything.
    portal.done(f"/appointments/{booked['id']}/cancel", {})
    cancelled = await told(patient, "appointment.cancelled")
    async with patient.app(browser) as app:
        # As WeChat leads here when its message is tapped.
        await app.open(INBOX)
        await app.settled("messages")
        await expect(app.part("unread-count")).to_have_text("1 条未读")
        await app.tap("read-all")
        await expect(app.part("unread-count")).to_have_text("都看过了")
        await expect(app.part(f"message-{cancelled}").locator("[data-unread]")).to_have_attribute(
            "data-unread", "false"
        )
    assert await unread(patient) == 0


async def test_what_somebody_wants_to_be_sent_is_kept(browser: Browser, patient: Patient) -> None:
    async with patient.app(browser) as app:
        await app.open(SETTINGS)
        await stands(app, "notifications", "notifications")
        await app.tap("want-payment-sms")
        await app.tap("quiet-own")
        await expect(app.part("quiet-from")).to_contain_text("22:00")
        await app.tap("save")
        await expect(app.page.get_by_text("已保存")).to_be_visible()
        await app.page.reload()
        await app.settled("notifications")
        await expect(app.part("want-payment-sms")).to_have_attribute("aria-checked", "false")
        await expect(app.part("quiet-own")).to_have_attribute("aria-pressed", "true")
    kept = (await patient.phone.get("/notification-preferences")).json()
    assert kept["quiet_hours"] == {"from": "22:00", "until": "07:00"}
    assert {one["group"] for one in kept["groups"] if not one["sms"]} == {"payment"}
    assert all(one["wechat"] for one in kept["groups"])


async def file_complaint(app: App, visit_id: str) -> None:
    """Go the way from the last tab to a complaint that is filed."""
    await app.open("pages/mine/mine")
    await app.tap("to-feedback")
    await app.settled("feedback-list")
    await expect(app.part("empty")).to_be_visible()
    await app.picture("feedback-list-empty")
    await app.tap("write")
    await app.settled("feedback-new")
    await app.tap("submit")
    await expect(app.page.get_by_role("alert").first).to_have_text("请选择是投诉、建议还是表扬。")
    await app.picture("feedback-new-problem")
    await app.tap("kind-complaint")
    await app.tap("category-charges")
    await app.tap(f"visit-{visit_id}")
    await app.write("text", SAID)
    await expect(app.part("text-count")).to_have_text(f"{len(SAID)} / 2000 字")
    await app.tap("anonymous")
    await expect(app.part("next")).to_contain_text("最晚")
    await stands(app, "feedback-new", "feedback-new")
    await app.part("submit").dblclick()
    await app.settled("feedback-one")
    await expect(app.part("status")).to_have_text("等待受理")
    await app.picture("feedback-filed")


async def test_a_complaint_is_answered_told_and_contested(
    browser: Browser, complaints: OpenApi, portal: OpenApi, schedules: Iterator[str], patient: Patient
) -> None:
    visit = book_for(portal, patient, next(schedules))
    async with patient.app(browser) as app:
        await file_complaint(app, visit["id"])
        [case] = (await patient.reads("/feedback"))["items"]
        assert (case["kind"], case["category"], case["anonymous"]) == ("complaint", "charges", True)
        assert case["appointment_id"] == visit["id"]
        seen = complaints.get(f"/administration/feedback/{case['id']}")
        assert seen["patient_id"] is None, "anonymous"
        complaints.done(f"/administration/feedback/{case['id']}/answer", {"text": ANSWER})
        message = await told(patient, "feedback.answered")

        await app.open(INBOX)
        await app.settled("messages")
        await app.tap(f"message-{message}")
        await app.settled("feedback-one")
        await expect(app.part("said")).to_contain_text(ANSWER)
        await stands(app, "feedback-one", "feedback-answered")
        await app.tap("unsolved")
        await app.tap("reopen")
        await expect(app.page.get_by_role("alert")).to_have_text("请写下哪里没有解决。")
        await app.write("reason", "今天去还是只开了一个窗口。")
        await app.tap("reopen")
        await expect(app.part("status")).to_have_text("再次处理")
        await expect(app.part("contest")).to_have_count(0)
        await app.tap("add")
        await app.write("addition", "下午三点左右去的。")
        await app.tap("send")
        await expect(app.part("said")).to_contain_text("下午三点左右去的。")
        await app.picture("feedback-reopened")
    held = complaints.get(f"/administration/feedback/{case['id']}")
    assert (held["status"], [one["text"] for one in held["messages"]]) == (
        "reopened",
        [SAID, ANSWER, "下午三点左右去的。"],
    )


async def test_a_visit_that_took_place_is_rated_and_amended(
    browser: Browser, own_hospital: Hospital, his: HisWindow, slot_office: OpenApi, patient: Patient
) -> None:
    visit = arrived(patient, own_hospital, his, slot_office)
    async with patient.app(browser) as app:
        await app.open("feedback/list/list")
        await app.settled("feedback-list")
        await app.picture("feedback-list-to-rate")
        await app.tap(f"rate-{visit}")
        await app.settled("rating")
        await app.tap("submit")
        await expect(app.page.get_by_role("alert")).to_have_text("请为这一项打分。")
        await app.page.get_by_role("radio", name="4 分，满意").first.click()
        await app.part("mark-waiting-2").focus()
        await app.page.keyboard.press("Space")
        await expect(app.part("mark-waiting-2")).to_have_attribute("aria-checked", "true")
        await app.write("comment", "医生很耐心，就是等得久。")
        await stands(app, "rating", "rating")
        await app.tap("submit")
        await expect(app.part("rated")).to_contain_text("可以修改")
        await expect(app.part("submit")).to_have_text("修改评价")
        said = (await patient.reads(f"/appointments/{visit}/rating"))["rating"]
        assert (said["marks"], said["comment"]) == ({"overall": 4, "waiting": 2}, "医生很耐心，就是等得久。")
        # Thanks are said twice, and the second are waited for.
        await expect(app.page.locator("uni-toast:visible")).to_have_count(0)
        await app.tap("mark-overall-5")
        await app.tap("submit")
        await expect(app.page.get_by_text("谢谢您的评价")).to_be_visible()
    said = (await patient.reads(f"/appointments/{visit}/rating"))["rating"]
    assert said["marks"] == {"overall": 5, "waiting": 2}


async def test_every_screen_stands_in_every_look(
    browser: Browser,
    portal: OpenApi,
    complaints: OpenApi,
    his: HisWindow,
    own_hospital: Hospital,
    slot_office: OpenApi,
    schedules: Iterator[str],
    patient: Patient,
) -> None:
    visit = arrived(patient, own_hospital, his, slot_office)
    book_for(portal, patient, next(schedules))
    filed = {"kind": "complaint", "category": "charges", "text": SAID, "appointment_id": visit}
    case = (await patient.phone.post(f"/members/{patient.patient_id}/feedback", filed)).json()["id"]
    complaints.done(f"/administration/feedback/{case}/answer", {"text": ANSWER})
    await told(patient, "feedback.answered")
    message = await told(patient, "appointment.booked")
    screens = {
        "messages": (INBOX, {}),
        "message": ("messages/message/message", {"id": message}),
        "notifications": (SETTINGS, {}),
        "feedback-list": ("feedback/list/list", {}),
        "feedback-new": ("feedback/new/new", {}),
        "feedback-one": ("feedback/one/one", {"id": case}),
        "rating": ("feedback/rating/rating", {"appointment": visit}),
    }
    for look in LOOKS:
        async with patient.app(browser, look) as app:
            for screen, (path, values) in screens.items():
                await app.open(path, **values)
                await stands(app, screen, f"look-{screen}")
