"""Visits on the patients' pages: seen, cancelled, moved, rebooked after a stop, followed up, and those of a window.

What the patient sees is held against what the server and the HIS hold.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.factories.app_journeys import Patient, book_for
from tests.factories.both_sides import HisWindow, OpenApi, People, at_his, at_platform, eventually, linked, workday
from tests.factories.journeys import VISITS, choose_other_time, say_yes
from tests.factories.patient_pages import ELDER, LOOKS, SMALL
from tests.platform import Hospital

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]

DAYS_AHEAD = 4


@pytest.fixture(scope="module")
def schedules(his: HisWindow) -> Iterator[str]:
    """Schedules that the HIS has been told of, each for one visit."""
    day = workday(DAYS_AHEAD)
    return iter(eventually("schedules at the HIS", lambda: his.window_schedules(day) or None))


@pytest.fixture(scope="module")
def people() -> People:
    return People()


@pytest.fixture
async def patient(own_hospital: Hospital, people: People) -> AsyncIterator[Patient]:
    joined = await Patient.join(own_hospital.base_url, people.invent())
    yield joined
    await joined.phone.http.aclose()


async def test_a_visit_is_seen_and_cancelled(
    browser: Browser, portal: OpenApi, his: HisWindow, slot_office: OpenApi, schedules: Iterator[str], patient: Patient
) -> None:
    booked = book_for(portal, patient, next(schedules))
    at_his(his, booked["id"], status="booked")
    async with patient.app(browser) as app:
        await app.open()
        await expect(app.part("next-visit")).to_contain_text("其他平台预约")
        await app.picture("journey-home")
        await app.open(VISITS)
        await app.settled("visits")
        await expect(app.part("upcoming-visit")).to_have_count(1)
        await app.tap("open-visit")
        await app.settled("appointment")
        await expect(app.part("code")).to_have_attribute("data-text", booked["number"])
        await app.picture("journey-appointment")
        await app.tap("cancel")
        await app.picture("journey-cancel-question")
        await say_yes(app, "取消预约")
        await expect(app.part("lead")).to_have_text("这次预约已取消")
        await expect(app.part("lead")).to_be_in_viewport()
        await expect(app.part("cancel")).to_have_count(0)
        await expect(app.part("book-again")).to_be_visible()
        await app.picture("journey-cancelled")
        await app.page.go_back()
        await expect(app.part("past-visit")).to_have_count(1)
        await expect(app.part("upcoming-visit")).to_have_count(0)
    at_platform(slot_office, booked["id"], status="cancelled")
    at_his(his, booked["id"], status="cancelled")


async def test_a_visit_is_moved(
    browser: Browser, portal: OpenApi, his: HisWindow, slot_office: OpenApi, schedules: Iterator[str], patient: Patient
) -> None:
    booked = book_for(portal, patient, next(schedules))
    async with patient.app(browser) as app:
        await app.open("visits/appointment/appointment", id=booked["id"])
        await app.settled("appointment")
        await app.tap("to-reschedule")
        await app.settled("reschedule")
        await expect(app.part("confirm")).to_have_attribute("aria-disabled", "true")
        await app.picture("journey-reschedule")
        slot_id = await choose_other_time(app)
        await app.settled("appointment")
        await app.picture("journey-rescheduled")
    moved = at_platform(slot_office, booked["id"], slot_id=slot_id, status="booked")
    assert moved["department_id"] == booked["department_id"]
    at_his(his, booked["id"], status="booked", version=2)


async def stopped(portal: OpenApi, slot_office: OpenApi, patient: Patient, schedule_id: str) -> dict[str, Any]:
    """Somebody's visit whose clinic the slot office has stopped, with other times offered."""
    booked = book_for(portal, patient, schedule_id)
    body = {"schedule_id": schedule_id, "reason": "医生外出会诊", "steps": ["offer", "cancel"]}
    slot_office.done("/administration/stops", body)

    def look() -> bool | None:
        answer = portal.http.get(f"/open/v1/appointments/{booked['id']}/stop")
        return (answer.status_code == 200 and answer.json()["status"] == "offered") or None

    eventually("other times offered", look)
    return booked


async def test_a_stopped_clinic_is_rebooked(
    browser: Browser, portal: OpenApi, his: HisWindow, slot_office: OpenApi, schedules: Iterator[str], patient: Patient
) -> None:
    booked = await stopped(portal, slot_office, patient, next(schedules))
    async with patient.app(browser) as app:
        await app.open()
        await app.part("todo-stopped").wait_for()
        await app.picture("journey-home-stopped")
        await app.tap("todo-stopped")
        await app.settled("stop")
        await expect(app.part("why")).to_contain_text("医生外出会诊")
        await app.picture("journey-stop")
        slot_id = await choose_other_time(app)
        await expect(app.part("lead")).to_have_text("您已改到新的时间")
        await app.picture("journey-stop-chosen")
        await app.tap("to-appointment")
        await app.settled("appointment")
        await expect(app.part("lead")).not_to_contain_text("停诊")
    moved = at_platform(slot_office, booked["id"], slot_id=slot_id, status="booked")
    assert moved["schedule_id"] != booked["schedule_id"]
    at_his(his, booked["id"], status="booked", version=2)


async def test_what_a_stopped_clinic_offers_is_declined(
    browser: Browser, portal: OpenApi, his: HisWindow, slot_office: OpenApi, schedules: Iterator[str], patient: Patient
) -> None:
    booked = await stopped(portal, slot_office, patient, next(schedules))
    async with patient.app(browser, SMALL) as app:
        await app.open(VISITS)
        await app.settled("visits")
        await app.tap("step-answer_stop")
        await app.settled("stop")
        await app.tap("decline")
        await app.is_asked(f"就诊人 {patient.person.name}。")
        await say_yes(app, "不再就诊")
        await expect(app.part("lead")).to_have_text("预约已取消")
        await app.picture("journey-stop-declined")
    at_platform(slot_office, booked["id"], status="cancelled")
    at_his(his, booked["id"], status="cancelled")


async def test_a_visit_that_took_place_is_followed_up(
    browser: Browser, portal: OpenApi, his: HisWindow, slot_office: OpenApi, schedules: Iterator[str], patient: Patient
) -> None:
    booked = book_for(portal, patient, next(schedules))
    his_id = at_his(his, booked["id"], status="booked")["his_id"]
    assert his.register(his_id).status_code == 201
    assert his.complete(his_id).status_code == 200
    at_platform(slot_office, booked["id"], status="fulfilled")
    async with patient.app(browser, ELDER) as app:
        await app.open(VISITS)
        await app.settled("visits")
        await app.tap("open-visit")
        await app.settled("appointment")
        await app.tap("to-follow-up")
        await app.settled("follow-up")
        await app.picture("journey-follow-up")
        slot_id = await choose_other_time(app)
        await app.settled("appointment")
        await expect(app.part("money")).to_contain_text("免费")
        await app.picture("journey-followed-up")
    [upcoming] = (await patient.reads("/appointments"))["upcoming"]
    made = at_platform(slot_office, upcoming["id"], slot_id=slot_id, status="booked", fee_fen=0)
    assert made["follow_up_of"] == booked["id"]
    at_his(his, made["id"], status="booked")


async def test_a_number_of_the_window_shows_up(
    browser: Browser, his: HisWindow, schedules: Iterator[str], patient: Patient
) -> None:
    answer = his.book(next(schedules), patient.person.at_window())
    assert answer.status_code == 201, answer.text
    visit_id = linked(his, answer.json()["his_id"])
    async with patient.app(browser) as app:
        await app.open(VISITS)
        await app.settled("visits")
        card = app.part("upcoming-visit")
        await expect(card).to_have_attribute("data-id", visit_id)
        await expect(card).to_contain_text("医院预约")
        await app.tap("open-visit")
        await app.settled("appointment")
        await app.picture("journey-window")


async def test_every_screen_of_visits_stands_in_every_look(
    browser: Browser,
    portal: OpenApi,
    slot_office: OpenApi,
    schedules: Iterator[str],
    people: People,
    patient: Patient,
) -> None:
    gone = book_for(portal, patient, next(schedules))
    portal.done(f"/appointments/{gone['id']}/cancel", {})
    stood = book_for(portal, patient, next(schedules))
    other = people.invent()
    parent = replace(patient, person=other, patient_id=await patient.bind(other, "parent"))
    stop = await stopped(portal, slot_office, parent, next(schedules))
    screens = {
        "home": ("pages/home/home", {}),
        "visits": (VISITS, {}),
        "appointment": ("visits/appointment/appointment", {"id": stood["id"]}),
        "reschedule": ("visits/reschedule/reschedule", {"id": stood["id"]}),
        "stop": ("visits/stop/stop", {"id": stop["id"]}),
    }
    for look in LOOKS:
        async with patient.app(browser, look) as app:
            for name, (path, values) in screens.items():
                await app.open(path, **values)
                await app.settled(name)
                if name == "home":
                    await app.part("next-visit").wait_for()
                assert await app.barriers() == []
                assert await app.small_targets() == []
                width = await app.page.evaluate("document.documentElement.scrollWidth")
                assert width <= look.width, f"{name} is wider than the phone"
                await app.picture(f"visits-{name}")
