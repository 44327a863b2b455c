"""The main job, from a partner's token to both sides' books in agreement.

token -> search -> hold -> appointment -> the HIS shows it -> the window books and the API sees it -> moved, cancelled
-> the HIS is down and bookings go on -> it comes back -> both sides are compared and agree.
"""

import random
import time
from datetime import datetime, timedelta
from typing import Any

from kernel import clock
from kernel.money import format_yuan
from runtime.demo.narrator import DemoFailed, Narrator, require
from runtime.demo.parties import Hospital, Partner, Record, wait_for
from runtime.demo_hospital.people import PatientSeed, invent_patients

DEPARTMENT_INITIALS = "xxgnk"  # 心血管内科, cardiology
OUTAGE_BOOKINGS = 5
DAYS_AHEAD = 7
PORTAL_NAME = "The city portal"


def tell(hospital: Hospital, narrator: Narrator) -> None:
    """Tell the whole story.

    Raises:
        DemoFailed: the system did not do what the story says.
    """
    people = _strangers(2 + OUTAGE_BOOKINGS)
    with narrator.step(f"{PORTAL_NAME} asks for an access token (OAuth client credentials)"):
        token = hospital.portal.sign_in()
        narrator.say(f"{token['token_type']} token for {token['expires_in']} s, scopes: {token['scope']}")
        hospital.kiosk.sign_in()
        hospital.office.sign_in()
    department, slots = _search(hospital, narrator)
    appointment = _hold_and_book(hospital, narrator, people[0], slots[0])
    _see_at_his(hospital, narrator, appointment)
    sold = _window_sells(hospital, narrator, people[1], department)
    appointment = _move(hospital, narrator, appointment, slots)
    _cancel(hospital, narrator, appointment)
    booked = _outage(hospital, narrator, people[2:], department)
    _agree(hospital, narrator, [appointment, sold, *booked])


def _strangers(count: int) -> list[PatientSeed]:
    """Invent people whom this hospital has not seen: grown-ups, with document numbers of the test range."""
    rng = random.Random(time.time_ns())  # noqa: S311  invented people, not secrets
    born_before = clock.today() - timedelta(days=365 * 20)
    return list(invent_patients(rng, count, born_before=born_before))


def _search(hospital: Hospital, narrator: Narrator) -> tuple[Record, list[Record]]:
    with narrator.step(f"It searches by pinyin initials ({DEPARTMENT_INITIALS}) and looks at what is open"):
        hit = hospital.portal.get("/search", q=DEPARTMENT_INITIALS)["departments"][0]["department"]
        narrator.say(f"found {hit['name_zh']} ({hit['name_en']}), subject code {hit['code']}")
        nearest = hospital.portal.get("/schedules/nearest", department_id=hit["id"], limit=3)["items"]
        for one in nearest:
            narrator.say(
                f"open soonest: {_when(one['starts_at'])}  {one['practitioner_name']} ({one['practitioner_title']}),"
                f" {one['available']} seats, {format_yuan(one['fee_fen'])}"
            )
        slots = _open_slots(hospital.portal, hit["id"])
        require(len(slots) >= 3 + OUTAGE_BOOKINGS, "the department has too few open slots: load a fresh demonstration")
    return hit, slots


def _open_slots(portal: Partner, department_id: str) -> list[Record]:
    """Give the first slot with seats for this channel of each schedule from tomorrow on."""
    today = clock.today()
    found: list[Record] = []
    for days in range(1, DAYS_AHEAD + 1):
        day = today + timedelta(days=days)
        found += portal.get("/slots", department_id=department_id, date=day)["items"]
    first_of_schedule = {slot["schedule_id"]: slot for slot in reversed(found) if slot["available"] > 0}
    return list(reversed(first_of_schedule.values()))


def _hold_and_book(hospital: Hospital, narrator: Narrator, person: PatientSeed, slot: Record) -> Record:
    portal = hospital.portal
    with narrator.step("It registers a patient by real name and holds a seat"):
        patient = _register(portal, person)
        narrator.say(f"patient {patient['id']}, document {patient['document']['number']}")
        hold = portal.post("/holds", {"slot_id": slot["id"], "patient_id": patient["id"]})
        narrator.say(f"number {hold['queue_number']} is held until {_when(hold['until'])}")
    with narrator.step("It turns the hold into an appointment"):
        appointment = portal.post("/appointments", {"hold_id": hold["id"]})
        require(appointment["queue_number"] == hold["queue_number"], "another number than the one held was booked")
        narrator.say(
            f"appointment {appointment['number']}: {_when(appointment['starts_at'])},"
            f" queue number {appointment['queue_number']}, {format_yuan(appointment['fee_fen'])}"
        )
        problem = portal.refused("/appointments", {"slot_id": slot["id"], "patient_id": patient["id"]})
        narrator.say(f"a second one that day is refused: {problem['code']}: {problem['detail']}")
    return appointment


def _register(partner: Partner, person: PatientSeed) -> Record:
    return partner.post(
        "/patients",
        {
            "name": person.name,
            "document": {"type": "CN-ID", "number": person.document_number},
            "phone": person.phone,
        },
    )


def _see_at_his(hospital: Hospital, narrator: Narrator, appointment: Record) -> None:
    with narrator.step("The core HIS shows the appointment (SIU^S12 over MLLP)"):
        there = wait_for(lambda: hospital.his.appointment_of(appointment["id"]), "the HIS to show the appointment")
        here = _confirmed(hospital.portal, appointment["id"])
        _show(narrator, here, there)
        require(there["seq"] == here["queue_number"], "the HIS has another number")


def _confirmed(portal: Partner, appointment_id: str) -> Record:
    def look() -> Record | None:
        now = portal.get(f"/appointments/{appointment_id}")
        return now if now["his_status"] == "confirmed" else None

    return wait_for(look, "the HIS's confirmation")


def _window_sells(hospital: Hospital, narrator: Narrator, person: PatientSeed, department: Record) -> Record:
    with narrator.step("The HIS's registration window sells a number from its copy, and the open API sees it"):
        schedule = _schedule_for_window(hospital, department["id"])
        sold = hospital.his.sell(
            schedule_id=schedule["schedule_id"],
            patient={
                "name": person.name,
                "document_type": "CN-ID",
                "document_number": person.document_number,
                "sex": "M" if person.sex == 1 else "F",
                "birth_date": person.birth_date.isoformat(),
                "phone": person.phone,
            },
            clerk="W0007",
        )

        def look() -> Record | None:
            listed = hospital.office.get("/appointments", schedule_id=schedule["schedule_id"], limit=100)["items"]
            return next(
                (one for one in listed if one["queue_number"] == sold["seq"] and one["status"] == "booked"), None
            )

        here = wait_for(look, "the open API to see what the window sold")
        narrator.say(f"clerk W0007 sold number {sold['seq']} to chart {sold['patient']['mr']}")
        _show(narrator, here, hospital.his.appointment_of(here["id"]) or sold)
    return here


def _schedule_for_window(hospital: Hospital, department_id: str) -> Record:
    """Give a schedule of the coming days of which the window may sell a number now."""
    today = clock.today()
    listed = hospital.office.get(
        "/schedules",
        department_id=department_id,
        date_from=today + timedelta(days=1),
        date_until=today + timedelta(days=DAYS_AHEAD),
        limit=50,
    )["items"]
    for one in listed:
        there = hospital.his.schedule(one["id"])
        if there and any(number["free"] for number in there["window"]):
            return there
    raise DemoFailed("the HIS's window has no number left in this department")


def _move(hospital: Hospital, narrator: Narrator, appointment: Record, slots: list[Record]) -> Record:
    with narrator.step("The patient moves the appointment to another slot (SIU^S13)"):
        target = next(slot for slot in slots if slot["starts_at"] > appointment["ends_at"])
        path = f"/appointments/{appointment['id']}/reschedule"
        moved = hospital.portal.post(path, {"slot_id": target["id"]}, status=200)
        narrator.say(f"from {_when(appointment['starts_at'])} to {_when(moved['starts_at'])}")
        there = wait_for(lambda: _at_version(hospital, moved), "the HIS to follow the move")
        _show(narrator, _confirmed(hospital.portal, moved["id"]), there)
    return moved


def _cancel(hospital: Hospital, narrator: Narrator, appointment: Record) -> None:
    with narrator.step("Then cancels it (SIU^S15); the seat is on sale again at once"):
        path = f"/appointments/{appointment['id']}/cancel"
        cancelled = hospital.portal.post(path, {"reason": "patient_request"}, status=200)
        there = wait_for(lambda: _at_version(hospital, cancelled), "the HIS to follow the cancellation")
        _show(narrator, _confirmed(hospital.portal, cancelled["id"]), there)
        require(there["status"] == "cancelled", "the HIS has not cancelled it")


def _at_version(hospital: Hospital, appointment: Record) -> Record | None:
    there = hospital.his.appointment_of(appointment["id"])
    return there if there is not None and there["version"] >= appointment["version"] else None


def _outage(hospital: Hospital, narrator: Narrator, people: list[PatientSeed], department: Record) -> list[Record]:
    with narrator.step("The core HIS is taken down; the kiosk goes on booking"):
        slots = _open_slots(hospital.kiosk, department["id"])
        hospital.take_his_down()
        require(not hospital.his.answers(), "the HIS still answers")
        booked = [_book(hospital.kiosk, person, slot) for person, slot in zip(people, slots, strict=False)]
        waiting = [hospital.kiosk.get(f"/appointments/{one['id']}") for one in booked]
        require(all(one["his_status"] == "pending" for one in waiting), "something was confirmed by a HIS that is down")
        narrator.say(f"{len(booked)} appointments stand, each with his_status pending; the HIS does not answer")
    with narrator.step("It comes back, and the backlog drains in order"):
        hospital.bring_his_back()
        for one in booked:
            _confirmed(hospital.kiosk, one["id"])
        there = [hospital.his.appointment_of(one["id"]) for one in booked]
        require(all(there), "the HIS lacks an appointment of the outage")
        numbers = ", ".join(str(one["his_id"]) for one in there if one)
        narrator.say(f"all {len(booked)} are confirmed; the HIS gave them {numbers}")
    return booked


def _book(partner: Partner, person: PatientSeed, slot: Record) -> Record:
    patient = _register(partner, person)
    return partner.post("/appointments", {"slot_id": slot["id"], "patient_id": patient["id"]})


def _agree(hospital: Hospital, narrator: Narrator, touched: list[Record]) -> None:
    with narrator.step("Both sides are compared, record by record, by key and content hash"):
        for day in sorted({one["date"] for one in touched}):
            report = hospital.compare(day)
            for one in report["reports"]:
                narrator.say(
                    f"{day}  {one['comparer']:<14} {one['compared']:>5} compared, {one['equal']:>5} equal,"
                    f" {len(one['repaired'])} repaired, {len(one['left'])} left to decide"
                )
            require(report["agrees"], f"the two sides differ on {day}: see ./hospital his reconcile --date {day}")
        narrator.say("the platform and the HIS agree")


def _show(narrator: Narrator, here: Record, there: Record) -> None:
    narrator.beside(
        {
            "appointment": here["number"],
            "status": f"{here['status']} (HIS: {here['his_status']})",
            "seat": here["queue_number"],
            "starts": _when(here["starts_at"]),
            "version": here["version"],
        },
        {
            "his_id": there["his_id"],
            "status": f"{there['status']} (sold by: {there['source']})",
            "seat": there["seq"],
            "starts": _when(there["start"]),
            "version": there["version"],
        },
    )


def _when(text: Any) -> str:
    """Write an instant as people in Guangzhou read it."""
    return f"{datetime.fromisoformat(str(text)).astimezone(clock.SHANGHAI):%a %d %b %H:%M}"
