"""The main job, from a partner's token to both sides' books in agreement.

token -> search -> hold -> appointment -> the HIS shows it -> the window books and the API sees it -> moved, cancelled
-> the HIS is down and bookings go on -> it comes back -> the platform is down and the window goes on with its emergency
quota -> it comes back, and the two are merged -> both sides are compared and agree.
"""

import random
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from kernel import clock
from kernel.money import format_yuan
from runtime.demo.narrator import DemoFailed, Narrator, require
from runtime.demo.parties import Hospital, Partner, Record, wait_for
from runtime.demo_hospital.people import PatientSeed, invent_patients

DEPARTMENT_INITIALS = "xxgnk"  # 心血管内科, cardiology
OUTAGE_BOOKINGS = 5
EMERGENCY_NUMBERS = 3
EMERGENCY_SALES = 2
DAYS_AHEAD = 7
PORTAL_NAME = "The city portal"


def tell(hospital: Hospital, narrator: Narrator) -> None:
    """Tell the whole story.

    Raises:
        DemoFailed: the system did not do what the story says.
    """
    people = _strangers(2 + OUTAGE_BOOKINGS + EMERGENCY_SALES)
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
    booked = _outage(hospital, narrator, people[2 : 2 + OUTAGE_BOOKINGS], department)
    registered = _platform_outage(hospital, narrator, people[2 + OUTAGE_BOOKINGS :], department)
    _agree(hospital, narrator, [appointment, sold, *booked, *registered])


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
            patient=_at_window(person),
            clerk="W0007",
        )
        here = _seen_here(hospital, sold)
        narrator.say(f"clerk W0007 sold number {sold['seq']} to chart {sold['patient']['mr']}")
        _show(narrator, here, hospital.his.appointment_of(here["id"]) or sold)
    return here


def _at_window(person: PatientSeed) -> Record:
    """Say who somebody is, as the clerk at the window enters it."""
    return {
        "name": person.name,
        "document_type": "CN-ID",
        "document_number": person.document_number,
        "sex": "M" if person.sex == 1 else "F",
        "birth_date": person.birth_date.isoformat(),
        "phone": person.phone,
    }


def _seen_here(hospital: Hospital, sold: Record) -> Record:
    """Wait until the open API shows what the window has sold."""

    def look() -> Record | None:
        listed = hospital.office.get("/appointments", schedule_id=sold["schedule_id"], limit=100)["items"]
        return next((one for one in listed if one["queue_number"] == sold["seq"] and one["status"] == "booked"), None)

    return wait_for(look, "the open API to see what the window sold")


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
    with narrator.step("It comes back, and the backlog drains, each appointment's messages in order"):
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


def _platform_outage(
    hospital: Hospital, narrator: Narrator, people: list[PatientSeed], department: Record
) -> list[Record]:
    with narrator.step("The slot office holds numbers of a clinic ready for its window, and the HIS confirms them"):
        schedule = _schedule_with_room(hospital, department["id"])
        quota = f"/administration/schedules/{schedule['id']}/emergency-quota"
        hospital.office.put(quota, {"numbers": EMERGENCY_NUMBERS})
        held = wait_for(lambda: _confirmed_quota(hospital, schedule), "the HIS to confirm the numbers")
        narrator.say(f"{held['confirmed']} numbers are the window's until {_when(held['returns_at'])}")
        there = hospital.his.schedule(schedule["id"])
        require(there is not None, "the HIS does not know the schedule")
        numbers = [one["seq"] for one in there["emergency"] if one["free"]] if there else []
        require(len(numbers) == EMERGENCY_NUMBERS, f"the HIS's window has {numbers}")
    with narrator.step("The platform is taken down, all of it; the window goes on registering"):
        stopped = hospital.take_platform_down()
        require(not hospital.portal.answers(), "the platform still answers")
        narrator.say(f"stopped: {', '.join(stopped)}")
        sold = [
            hospital.his.sell(schedule_id=schedule["id"], patient=_at_window(person), clerk="W0007", seq=seq)
            for person, seq in zip(people, numbers, strict=False)
        ]
        for one in sold:
            narrator.say(f"number {one['seq']} is registered as {one['his_id']}: {one['platform_state']}")
    with narrator.step("It comes back: the registrations are merged, the number that was not used returns"):
        hospital.bring_platform_back(stopped)
        here = [_seen_here(hospital, one) for one in sold]
        for mine, theirs in zip(here, sold, strict=True):
            _show(narrator, mine, wait_for(partial(hospital.his.appointment_of, mine["id"]), "the HIS's record"))
            require(mine["queue_number"] == theirs["seq"], "another number than the registered one was booked")
        hospital.office.put(quota, {"numbers": 0})
        back = wait_for(lambda: _returned_quota(hospital, schedule), "the HIS to hand back what it has not sold")
        narrator.say(f"{back['sold']} of the window's numbers are used, {back['returned']} came back and is on sale")
        open_cases = hospital.office.get("/administration/window-cases", status="open")["items"]
        require(not open_cases, f"registrations wait for a member of staff: {open_cases}")
    return here


def _schedule_with_room(hospital: Hospital, department_id: str) -> Record:
    """Give a schedule of the coming days with numbers enough, of which the window holds nothing that is under way."""
    today = clock.today()
    listed: list[Record] = hospital.office.get(
        "/schedules",
        department_id=department_id,
        date_from=today + timedelta(days=1),
        date_until=today + timedelta(days=DAYS_AHEAD),
        limit=50,
    )["items"]
    for one in listed:
        quota = _quota(hospital, one)
        if one["available"] > 4 * EMERGENCY_NUMBERS and quota["sold"] == quota["recalled"] == 0:
            return one
    raise DemoFailed("no schedule of this department has numbers enough for its window")


def _quota(hospital: Hospital, schedule: Record) -> Record:
    path, query = "/administration/emergency-quotas", {"date": schedule["date"], "clinic_id": schedule["clinic_id"]}
    found = hospital.office.get(path, limit=100, **query)["items"]
    nothing = {"unconfirmed": 0, "confirmed": 0, "recalled": 0, "returned": 0, "sold": 0}
    return next((one for one in found if one["schedule_id"] == schedule["id"]), nothing)


def _confirmed_quota(hospital: Hospital, schedule: Record) -> Record | None:
    quota = _quota(hospital, schedule)
    return quota if quota["confirmed"] == EMERGENCY_NUMBERS and not quota["unconfirmed"] else None


def _returned_quota(hospital: Hospital, schedule: Record) -> Record | None:
    quota = _quota(hospital, schedule)
    is_over = quota["sold"] == EMERGENCY_SALES and not quota["recalled"] and not quota["confirmed"]
    return quota if is_over else None


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
