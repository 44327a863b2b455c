"""Waiting on the whole platform: for a number of a clinic that is full, and before the doctor's door.

The other patients, the kiosk and the doctor act through the open API and the HIS; the patient taps and reads.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Geolocation, expect

from tests.factories.app_journeys import Patient
from tests.factories.both_sides import HisWindow, OpenApi, People, at_his, at_platform, eventually, linked
from tests.factories.journeys import (
    CARDIOLOGY,
    VISITS,
    clinic_day,
    find_cardiology,
    in_all_hands,
    pay_here,
    told_in_inbox,
)
from tests.factories.money_audit import everything_of_money_agrees
from tests.factories.money_journeys import Payer
from tests.factories.patient_pages import ELDER, USUAL, App, open_app
from tests.platform import Hospital

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]

MORNING = time(6, 30)
"""The windows' own share goes back an hour before a clinic begins."""
DAYS_AHEAD = 4
KEPT_FOR_OUTAGES = "emergency"
CHECK_IN_BEFORE = timedelta(minutes=110)
DOORS_LOOKED_AT = 12
OFFER_STANDS = timedelta(minutes=31)
RETURNS_WITHIN = timedelta(minutes=11)
"""A number for which nobody waits is on sale again after ten minutes at the latest, at a moment that nobody knows."""


@pytest.fixture(scope="module")
def own_hospital() -> Iterator[Hospital]:
    """A platform on the morning of a clinic day, whatever hour it really is."""
    with Hospital.up(at=MORNING) as hospital:
        yield hospital


@pytest.fixture(scope="module", autouse=True)
def paid_first(slot_office: OpenApi) -> None:
    """Patients with the app have a number by paying for it."""
    rule = {"channel": "miniprogram", "policy": "at-booking"}
    slot_office.done("/administration/registration-payment-rules", rule)


@pytest.fixture(scope="module")
def kiosk(own_hospital: Hospital) -> Iterator[OpenApi]:
    """The machine in the lobby."""
    client = OpenApi.of(own_hospital, "kiosk", staff="S0002")
    yield client
    client.http.close()


@pytest.fixture
async def patient(own_hospital: Hospital) -> AsyncIterator[Patient]:
    joined = await Patient.join(own_hospital.base_url, People().invent())
    yield joined
    await joined.phone.http.aclose()


def let_pass(hospital: Hospital, how_long: timedelta) -> None:
    """Let the hospital's time pass."""
    assert hospital.clock is not None
    hospital.clock.advance_to(hospital.now() + how_long)


# --- before the doctor's door: first, because a morning passes soon


@dataclass
class Door:
    """A clinic of today whose numbers the window sells, and the desk where its doctor calls."""

    schedule: Mapping[str, Any]
    practitioner_id: str
    room_id: str
    campus: Geolocation
    desk: OpenApi
    his: HisWindow

    @classmethod
    def of(cls, desk: OpenApi, his: HisWindow, schedule_id: str) -> "Door":
        schedule = desk.get(f"/administration/schedules/{schedule_id}")
        campus = desk.get(f"/administration/campuses/{schedule['campus_id']}")
        place: Geolocation = {"latitude": campus["latitude"], "longitude": campus["longitude"], "accuracy": 20}
        return cls(schedule, schedule["practitioner_id"], schedule["room_id"], place, desk, his)

    def sell(self, patient: Mapping[str, Any]) -> tuple[str, str]:
        """Sell a number of the window; gives the appointment and the HIS's number of it."""
        answer = self.his.book(self.schedule["id"], dict(patient))
        assert answer.status_code == 201, answer.text
        his_id: str = answer.json()["his_id"]
        return linked(self.his, his_id), his_id

    def come(self, his_id: str) -> None:
        """Somebody is registered at the HIS's window, and so has come."""
        before = len(self.waiting())
        assert self.his.register(his_id).status_code == 201
        eventually("a place in the queue", lambda: len(self.waiting()) > before or None)

    def waiting(self) -> list[dict[str, Any]]:
        """Who waits, first to last."""
        queues = self.desk.get("/queues", room_id=self.room_id)["items"]
        return [
            entry for queue in queues if queue["practitioner_id"] == self.practitioner_id for entry in queue["waiting"]
        ]

    def call(self) -> str:
        """The doctor calls whose turn it is; gives their place."""
        door = {"practitioner_id": self.practitioner_id, "room_id": self.room_id}
        called: str = self.desk.done("/queues/call-next", door)["id"]
        return called

    def step(self, entry_id: str, *names: str) -> None:
        """The doctor or the desk takes steps with somebody."""
        for name in names:
            self.desk.done(f"/queue/{entry_id}/{name}", {})

    def see_next(self) -> None:
        """The doctor sees whose turn it is, to the end."""
        self.step(self.call(), "start", "finish")


@pytest.fixture(scope="module")
def doors(own_hospital: Hospital, his: HisWindow, slot_office: OpenApi) -> Iterator[Door]:
    """Today's clinics that begin first, each for one test."""
    listed = eventually("schedules at the HIS", lambda: his.window_schedules(own_hospital.today()) or None)
    found = [Door.of(slot_office, his, one) for one in listed[:DOORS_LOOKED_AT]]
    return iter(sorted(found, key=lambda one: str(one.schedule["starts_at"])))


def north_of(place: Geolocation, degrees: float) -> Geolocation:
    return {**place, "latitude": place["latitude"] + degrees}


def until_check_in(hospital: Hospital, appointment: Mapping[str, Any]) -> None:
    """Let the time pass until one may check in for a visit."""
    assert hospital.clock is not None
    hospital.clock.advance_to(datetime.fromisoformat(appointment["starts_at"]) - CHECK_IN_BEFORE)


async def test_a_kiosk_reads_the_code_and_the_phone_goes_on_to_the_queue(
    browser: Browser,
    own_hospital: Hospital,
    slot_office: OpenApi,
    kiosk: OpenApi,
    doors: Iterator[Door],
    patient: Patient,
) -> None:
    door = next(doors)
    visit, his_id = door.sell(patient.person.at_window())
    until_check_in(own_hospital, slot_office.get(f"/appointments/{visit}"))
    async with patient.app(browser, ELDER) as app:
        await app.open(VISITS)
        await app.settled("visits")
        await app.tap("step-check_in")
        await app.settled("checkin")
        await app.tap("by-code")
        code = await app.part("code").get_attribute("data-text")
        await app.picture("journey-checkin-code")
        kiosk.done("/check-ins", {"way": "code", "code": code})
        await app.settled("queue")
        await expect(app.part("before")).to_have_text("下一位就是您")
        # An hour and a half before the doctor begins nobody is sent to the door.
        await expect(app.part("is-waiting")).to_contain_text("时间还早")
        await app.picture("journey-queue-by-code")
        # The doctor works at the HIS's station this time.
        assert door.his.complete(his_id).status_code == 200
        await expect(app.part("is-finished")).to_be_visible(timeout=30_000)
    at_platform(slot_office, visit, status="fulfilled")


async def test_who_is_there_checks_in_by_place_waits_is_passed_over_and_comes_back(
    browser: Browser, own_hospital: Hospital, slot_office: OpenApi, doors: Iterator[Door], patient: Patient
) -> None:
    door, people = next(doors), People()
    others = [door.sell(people.invent().at_window()) for _ in range(4)]
    visit, _ = door.sell(patient.person.at_window())
    for _, his_id in others:
        door.come(his_id)
    until_check_in(own_hospital, slot_office.get(f"/appointments/{visit}"))
    async with patient.app(browser) as app:
        await app.page.context.grant_permissions(["geolocation"])
        await app.open(VISITS)
        await app.settled("visits")
        await app.tap("step-check_in")
        await app.settled("checkin")
        await in_all_hands(app, "checkin", "journey-checkin")
        await app.page.context.set_geolocation(north_of(door.campus, 0.02))
        await app.tap("by-place")
        await expect(app.part("refusal")).to_contain_text("您还不在院区范围内")
        await app.picture("journey-checkin-too-far")
        assert slot_office.get(f"/appointments/{visit}")["status"] == "booked"
        # Nobody walks two kilometres in a second: that would be refused, too.
        let_pass(own_hospital, timedelta(minutes=20))
        await app.page.reload()
        await app.settled("checkin")
        await app.page.context.set_geolocation(door.campus)
        await app.tap("by-place")
        await app.settled("queue")
        await expect(app.part("before")).to_have_text("4 人")
        await in_all_hands(app, "queue", "journey-queue-waiting")
        await app.page.evaluate("window.neverReloaded = true")
        entry_id = await _waits_until_called(app, door)
        await _is_passed_over_and_comes_back(app, door, entry_id)
        assert await app.page.evaluate("window.neverReloaded") is True
    at_platform(slot_office, visit, status="fulfilled")
    at_his(door.his, visit, status="fulfilled")


async def _waits_until_called(app: App, door: Door) -> str:
    """Both the people before them and the time to wait fall by themselves on the phone; gives their place."""
    estimates = [await app.part("wait").inner_text()]
    for left in ("3 人", "2 人", "1 人", "下一位就是您"):
        door.see_next()
        await expect(app.part("before")).to_have_text(left)
        estimates.append(await app.part("wait").inner_text())
    assert _minutes_at_most(estimates[0]) > _minutes_at_most(estimates[-1]), estimates
    await app.picture("journey-queue-next")
    entry_id = door.call()
    await expect(app.part("is-called")).to_contain_text("轮到您了")
    await app.picture("journey-queue-called")
    return entry_id


def _minutes_at_most(words: str) -> int:
    """Read the longest time that is told; "very soon" has no number."""
    return max([int(one) for one in re.findall(r"[0-9]+", words)], default=0)


async def _is_passed_over_and_comes_back(app: App, door: Door, entry_id: str) -> None:
    """They were not there, tell the desk, and are called again."""
    door.step(entry_id, "pass")
    await expect(app.part("is-passed")).to_contain_text("请到分诊台说一声")
    await app.picture("journey-queue-passed")
    door.step(entry_id, "return")
    await expect(app.part("is-waiting")).to_be_visible()
    door.step(door.call(), "start")
    await expect(app.part("is-in-consultation")).to_be_visible()
    door.step(entry_id, "finish")
    await expect(app.part("is-finished")).to_contain_text("看完了")
    await app.picture("journey-queue-finished")


# --- for a number


@dataclass(frozen=True)
class FullSession:
    """A half day of cardiology of which somebody else has the only number."""

    schedule_id: str
    appointment_id: str
    portal: OpenApi

    @classmethod
    def of(cls, portal: OpenApi, slot_office: OpenApi, day: date) -> "FullSession":
        """Book one number by another platform, and take the others out of sale."""
        department = portal.get("/search", q=CARDIOLOGY)["departments"][0]["department"]
        slots = portal.get("/slots", department_id=department["id"], date=day.isoformat())["items"]
        slot = next(one for one in slots if one["available"] > 0)
        body = {"slot_id": slot["id"], "patient_id": portal.register(People().invent())}
        taken = portal.done("/appointments", body)
        schedule_id = taken["schedule_id"]
        for one in slot_office.get(f"/administration/schedules/{schedule_id}")["slots"]:
            for seats in one["seats"]:
                if seats["status"] == "free" and seats["pool"] != KEPT_FOR_OUTAGES:
                    block = {"count": seats["count"], "pool": seats["pool"]}
                    slot_office.done(f"/administration/slots/{one['id']}/block", block)
        return cls(schedule_id, taken["id"], portal)

    def give_back(self) -> None:
        """The other one cancels."""
        self.portal.done(f"/appointments/{self.appointment_id}/cancel", {})

    def available(self) -> int:
        """Count what another platform may book of it."""
        slots = self.portal.get("/slots", schedule_id=self.schedule_id)["items"]
        return sum(one["available"] for one in slots)


async def join_from_the_full_session(app: App, payer: Payer, full: FullSession, day: date) -> None:
    """Find the session, see that it is full, and join its list."""
    await find_cardiology(app, day)
    await app.tap("session-full")
    await app.settled("seats")
    await expect(app.part("no-seat")).to_contain_text("约满")
    await in_all_hands(app, "seats", "journey-seats-full")
    await app.tap("join")
    await in_all_hands(app, "join", "journey-join")
    await app.tap("join-waitlist")
    await app.settled("waitlist")
    await expect(app.part("position")).to_have_text("排在第 1 位")
    await in_all_hands(app, "waitlist", "journey-waitlist")
    [entry] = (await payer.ask("GET", f"/members/{payer.patient_id}/waitlist"))["items"]
    assert (entry["status"], entry["target_id"]) == ("waiting", full.schedule_id)


async def offered(app: App, full: FullSession) -> None:
    """A number comes back; its message leads to the offer."""
    full.give_back()
    row = await told_in_inbox(app, "waitlist.offered")
    await in_all_hands(app, "messages", "journey-offer-message")
    await row.click()
    await app.settled("offer")
    await expect(app.part("left")).to_contain_text("还剩")


async def test_a_number_that_comes_free_is_taken_and_paid_for(
    browser: Browser,
    own_hospital: Hospital,
    portal: OpenApi,
    slot_office: OpenApi,
    his: HisWindow,
    cashiers: list[str],
) -> None:
    day = clinic_day(own_hospital, DAYS_AHEAD)
    full = FullSession.of(portal, slot_office, day)
    async with open_app(browser, own_hospital.base_url, USUAL, cashiers=cashiers) as app:
        payer = await Payer.signed_in(app, own_hospital, People().invent())
        await join_from_the_full_session(app, payer, full, day)
        await offered(app, full)
        first = await app.part("left").inner_text()
        await expect(app.part("left")).not_to_have_text(first)
        await in_all_hands(app, "offer", "journey-offer")
        await app.tap("take")
        await pay_here(app, payer)
        await app.tap("see-visit")
        await app.settled("result")
        number = await app.part("number").inner_text()
        await in_all_hands(app, "result", "journey-offer-result")
        await app.open()
        await app.tap("entry-waitlist")
        await expect(app.part("status")).to_have_text("已约到")
        await app.picture("journey-waitlist-taken")
    [booked] = slot_office.get("/appointments", number=number)["items"]
    assert (booked["schedule_id"], booked["patient_id"]) == (full.schedule_id, payer.patient_id)
    at_platform(slot_office, booked["id"], status="booked", payment="paid", channel="miniprogram")
    at_his(his, booked["id"], status="booked")
    assert full.available() == 0
    await everything_of_money_agrees(own_hospital)


async def test_an_offer_that_ran_out_is_told_so_and_the_number_is_others(
    browser: Browser, own_hospital: Hospital, portal: OpenApi, slot_office: OpenApi
) -> None:
    day = clinic_day(own_hospital, DAYS_AHEAD + 3)
    full = FullSession.of(portal, slot_office, day)
    async with open_app(browser, own_hospital.base_url, USUAL) as app:
        payer = await Payer.signed_in(app, own_hospital, People().invent())
        await join_from_the_full_session(app, payer, full, day)
        await offered(app, full)
        let_pass(own_hospital, OFFER_STANDS)
        await app.tap("take")
        await expect(app.part("offer-expired")).to_contain_text("时间到了")
        await in_all_hands(app, "offer", "journey-offer-expired")
        await app.tap("to-list")
        await app.settled("waitlist")
        await expect(app.part("status")).to_have_text("已过期")
        await told_in_inbox(app, "waitlist.ended")
        await in_all_hands(app, "messages", "journey-offer-ended-message")
        [entry] = (await payer.ask("GET", f"/members/{payer.patient_id}/waitlist"))["items"]
        assert entry["status"] == "expired"
        assert (await payer.ask("GET", f"/members/{payer.patient_id}/orders"))["items"] == []
    let_pass(own_hospital, RETURNS_WITHIN)
    eventually("the number on sale again", lambda: full.available() == 1 or None)
