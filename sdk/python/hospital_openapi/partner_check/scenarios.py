"""The scenarios that a channel must handle, in the order of a partner's first week.

Each says in one sentence what it saw, or raises what stands in the way. Together they take a few patients and numbers
of the sandbox, and give the numbers back.
"""

import base64
import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import httpx

from hospital_openapi import problems, types
from hospital_openapi.errors import Problem, Unprocessable
from hospital_openapi.partner_check.visit import Failed, LeftOut, Visit, each_name, early_enough, require

BOOKING_SCOPES: Final = frozenset(
    {"catalogue.read", "slots.read", "patients.read", "patients.write", "appointments.read", "appointments.write"}
)
SKEW_SECONDS_MAX: Final = 30
SEATS_FILLED_MAX: Final = 6
PAGE: Final = 7
DEPARTMENTS_SEARCHED: Final = 20
FEED_PAGES_MAX: Final = 200
ATTEMPT_SECONDS_MAX: Final = 30.0
FORGED_SECONDS_MAX: Final = 10.0
NOBODY: Final = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing a channel must handle. scopes: without them it is left out."""

    name: str
    play: Callable[[Visit], str]
    scopes: frozenset[str] = frozenset()


@contextlib.contextmanager
def refused(kind: type[Problem], instead: str) -> Iterator[list[Problem]]:
    """Expect a refusal of this kind; gives it in the list.

    Raises:
        Failed: it was done, or refused otherwise.
    """
    seen: list[Problem] = []
    try:
        yield seen
    except kind as problem:
        seen.append(problem)
        return
    except Problem as problem:
        raise Failed(f"{kind.default_code or kind.__name__} was expected, and {problem.code} came.") from problem
    raise Failed(instead)


# --- getting in


def get_token(visit: Visit) -> str:
    """A token, and what it allows."""
    granted = set(visit.english.token().scopes)
    visit.has_token = True
    if missing := BOOKING_SCOPES - granted:
        raise Failed(
            f"The token lacks {each_name(list(missing))}, without which a channel cannot book."
            " Ask the hospital to grant them to your application."
        )
    return f"granted: {each_name(list(granted))}"


def compare_clocks(visit: Visit) -> str:
    """Assertions and webhook signatures carry times: this machine's clock must be right."""
    began = time.time()
    token = visit.english.renew_token().value
    try:
        payload = token.split(".")[1]
        issued_at = int(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iat"])
    except (IndexError, KeyError, ValueError, TypeError):
        raise LeftOut("The token does not say when it was issued.") from None
    ahead = began - issued_at
    require(
        -SKEW_SECONDS_MAX <= ahead <= SKEW_SECONDS_MAX,
        f"This machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the hospital's."
        " Signed requests and webhooks will be refused: synchronise it (NTP).",
    )
    return f"within {max(1, round(abs(ahead)))} s of the hospital's"


def replace_ended_token(visit: Visit) -> str:
    """A token that is no longer accepted is replaced within the call."""
    token = visit.english.token()
    spoilt = token.value[:-4] + ("AAAA" if not token.value.endswith("AAAA") else "BBBB")
    visit.english.use_token(replace(token, value=spoilt))
    visit.english.list_campuses(limit=1)
    require(visit.english.token().value != spoilt, "The spoilt token was accepted; a proxy may answer in between.")
    return "one refusal, one fresh token, no failure"


# --- reading


def read_directory(visit: Visit) -> str:
    """Lists come in pages."""
    in_pages = [department["id"] for department in visit.english.iterate_departments(limit=PAGE)]
    require(in_pages, "The directory has no departments.")
    require(len(in_pages) == len(set(in_pages)), "A department came twice: are cursors passed on unchanged?")
    return f"{len(in_pages)} departments in pages of {PAGE}"


def read_unchanged(visit: Visit) -> str:
    """What has not changed is not sent again."""
    first = visit.english.request("GET", "/open/v1/departments/tree")
    if first.etag is None:
        raise Failed("The answer has no ETag; a proxy on your side may strip it.")
    again = visit.english.request("GET", "/open/v1/departments/tree", if_none_match=first.etag)
    require(again.is_unchanged, "If-None-Match was sent and the whole answer came; a proxy may strip the header.")
    return "304 for a directory that has not changed"


def find_openings(visit: Visit) -> str:
    """What this channel may book now, and the times of one schedule."""
    openings = visit.free_openings()
    slots = visit.english.list_slots(schedule_id=openings[0]["schedule_id"])["items"]
    require(
        any(slot["id"] == openings[0]["slot_id"] for slot in slots),
        "The nearest opening is not among its schedule's slots: somebody may have been faster. Run it again.",
    )
    return f"{len(openings)} schedules open to your channel"


def read_refusals(visit: Visit) -> str:
    """Refusals are told apart by code, and read by patients in their language."""
    with refused(problems.BookingAppointmentNotFound, "An appointment of nobody was found.") as in_english:
        visit.english.get_appointment(NOBODY)
    with refused(problems.BookingAppointmentNotFound, "An appointment of nobody was found.") as in_chinese:
        visit.chinese.get_appointment(NOBODY)
    require(
        in_english[0].detail != in_chinese[0].detail,
        "Both languages are the same; a proxy may strip Accept-Language.",
    )
    with refused(Unprocessable, "A slot that is no id was let through.") as broken:
        visit.english.request("GET", "/open/v1/slots", query={"schedule_id": "none"})
    require(broken[0].details.get("violations"), "The refusal does not say where the request is wrong.")
    require(in_english[0].request_id and broken[0].request_id, "A refusal has no request id to quote.")
    return "by code, in Chinese and English, with request ids"


# --- patients and seats


def register_patient(visit: Visit) -> str:
    """By real name, once, however often it is sent."""
    patient, person = visit.register()
    again = visit.english.register_patient(person)
    require(again["id"] == patient["id"], "The same person registered twice became two patients.")
    number = person["document"]["number"]
    require(number not in json.dumps(patient), "The document's number came back unmasked.")
    found = visit.english.find_patient({"document": person["document"]})
    require(found["id"] == patient["id"], "Looking the patient up found somebody else.")
    with refused(problems.PatientsNameMismatch, "Another name for a known document was accepted."):
        visit.english.register_patient({**person, "name": "别的名字"})
    return "registered once, recognised, masked; another name refused"


def hold_and_confirm(visit: Visit) -> str:
    """A hold becomes an appointment, and is used by it."""
    appointment = visit.booked()
    require(appointment["status"] == "booked", f"The appointment is {appointment['status']}, not booked.")
    hold = visit.english.get_hold(visit.holds[-1])
    require(hold["status"] != "active", "The hold is still active after it was confirmed.")
    with refused(problems.BookingHoldEnded, "One hold was confirmed twice."):
        visit.book({"hold_id": hold["id"]})
    return f"appointment {appointment['number']} on {appointment['date']}"


def repeat_with_key(visit: Visit) -> str:
    """The same key with the same request happens once; with another request it is refused."""
    patient, other = visit.new_patient(), visit.new_patient()
    hold = visit.hold(patient)
    key = f"check-{uuid.uuid4()}"
    first = visit.book({"hold_id": hold["id"]}, idempotency_key=key)
    again = visit.book({"hold_id": hold["id"]}, idempotency_key=key)
    require(first["id"] == again["id"], "One key booked twice; a proxy may strip Idempotency-Key.")
    listed = visit.english.list_appointments(patient_id=patient)["items"]
    require(len(listed) == 1, f"The patient has {len(listed)} appointments instead of one.")
    with refused(problems.IdempotencyMismatch, "A used key was taken for another request.") as mismatch:
        visit.book({"slot_id": hold["slot_id"], "patient_id": other}, idempotency_key=key)
    visit.english.cancel_appointment(first["id"], {"reason": "partner check"})
    return f"booked once; another request under the key names `{mismatch[0].details.get('field', '?')}`"


def book_twice(visit: Visit) -> str:
    """One patient has one number of a schedule."""
    appointment = visit.booked()
    with refused(problems.BookingAlreadyBooked, "A patient got two numbers of one schedule."):
        visit.book({"slot_id": appointment["slot_id"], "patient_id": appointment["patient_id"]})
    return "refused with booking.already_booked"


def survive_lost_answer(visit: Visit) -> str:
    """The answer to a change is lost after it was made: the same key again finds it, and nothing is done twice."""
    hold = visit.hold(visit.new_patient())
    fault = visit.english.trigger_fault({"kind": "error_after_effect", "operation": "book_appointment", "minutes": 1})
    key = f"check-{uuid.uuid4()}"
    try:
        with refused(problems.RequestInternalError, "An answer was to be lost, and came."):
            visit.book({"hold_id": hold["id"]}, idempotency_key=key)
        appointment = visit.book({"hold_id": hold["id"]}, idempotency_key=key)
    finally:
        with contextlib.suppress(problems.SandboxFaultEnded):
            visit.english.cancel_fault(fault["id"])
    listed = visit.english.list_appointments(patient_id=appointment["patient_id"])["items"]
    require(len(listed) == 1, f"The patient has {len(listed)} appointments instead of one.")
    visit.english.cancel_appointment(appointment["id"], {"reason": "partner check"})
    return "500 after the booking; the same key gave the appointment that was made"


def slow_down(visit: Visit) -> str:
    """Asked to slow down, the client waits as long as it was told, and the call succeeds."""
    fault = visit.english.trigger_fault(
        {"kind": "rate_limited", "operation": "list_campuses", "seconds": 1, "minutes": 1}
    )
    try:
        began = time.monotonic()
        visit.english.list_campuses(limit=1)
        waited = time.monotonic() - began
        struck = visit.english.get_fault(fault["id"])["struck"]
    finally:
        with contextlib.suppress(problems.SandboxFaultEnded):
            visit.english.cancel_fault(fault["id"])
    require(struck == 1, "The call was not refused; another program of yours may use the same credentials.")
    require(waited >= 1, f"Told to wait 1 s, the client asked again after {waited:.2f} s.")
    return f"429, asked again after {waited:.1f} s"


def release_hold(visit: Visit) -> str:
    """A hold that is given back is over."""
    hold = visit.hold(visit.new_patient())
    ends_at = datetime.fromisoformat(hold["until"])
    require(ends_at.tzinfo is not None, "The hold's end is told without a time zone.")
    visit.english.release_hold(hold["id"])
    with refused(problems.BookingHoldEnded, "A hold that was given back could still be booked."):
        visit.book({"hold_id": hold["id"]})
    return "given back, and no longer to be booked"


def meet_sold_out(visit: Visit) -> str:
    """Somebody else is faster: a slot with few numbers is filled, and the next patient is told."""
    few = [one for one in visit.free_openings() if 0 < one["available"] <= SEATS_FILLED_MAX]
    if not few:
        raise LeftOut(f"No open slot has {SEATS_FILLED_MAX} numbers or fewer, so none was filled up for the check.")
    slot = min(few, key=lambda one: one["available"])["slot_id"]
    taken: list[str] = []
    try:
        for _ in range(SEATS_FILLED_MAX + 1):
            try:
                taken.append(visit.hold(visit.new_patient(), slot_id=slot)["id"])
            except problems.BookingSoldOut:
                return f"booking.sold_out after {len(taken)} numbers"
            except problems.BookingPatientNotEligible:
                continue
    finally:
        for hold in taken:
            visit.english.release_hold(hold)
    raise LeftOut("The slot had more numbers than it showed: others gave some back meanwhile.")


def reschedule(visit: Visit) -> str:
    """An appointment moves to another time of its department."""
    appointment = visit.booked()
    for opening in visit.free_openings():
        if opening["department_id"] != appointment["department_id"] or opening["slot_id"] == appointment["slot_id"]:
            continue
        with contextlib.suppress(problems.BookingSoldOut, problems.BookingPatientNotEligible):
            moved = visit.english.reschedule_appointment(appointment["id"], {"slot_id": opening["slot_id"]})
            visit.appointment = moved
            require(moved["slot_id"] == opening["slot_id"], "The appointment did not move.")
            return f"moved to another slot, at {moved['starts_at']}"
    raise LeftOut("The department has no second schedule open to your channel.")


def show_check_in_code(visit: Visit) -> str:
    """The code that a patient's phone shows at the hospital."""
    code = visit.english.get_check_in_code(visit.booked()["id"])
    require(code["code"], "The code is empty.")
    return f"good until {code['expires_at']}"


def cancel(visit: Visit) -> str:
    """An appointment is given back once."""
    appointment = visit.booked()
    cancelled = visit.english.cancel_appointment(appointment["id"], {"reason": "partner check"})
    require(cancelled["status"] == "cancelled", f"The appointment is {cancelled['status']}, not cancelled.")
    visit.appointment = None
    with refused(problems.BookingAppointmentNotActive, "One appointment was cancelled twice."):
        visit.english.cancel_appointment(appointment["id"], {"reason": "partner check"})
    return "cancelled; a second time refused"


def wait_for_a_number(visit: Visit) -> str:
    """The waitlist is for what is full: joined where it is, refused where numbers are free."""
    patient = visit.new_patient()
    free = visit.free_openings()[0]["schedule_id"]
    with refused(problems.WaitlistSeatsAvailable, "The waitlist took a patient although numbers are free."):
        visit.english.join_waitlist({"target_kind": "schedule", "target_id": free, "patient_id": patient})
    for schedule in _full_schedules(visit):
        try:
            entry = visit.english.join_waitlist(
                {"target_kind": "schedule", "target_id": schedule["id"], "patient_id": patient}
            )
        except (problems.WaitlistClosed, problems.WaitlistSeatsAvailable):
            continue
        left = visit.english.withdraw_entry(entry["id"])
        return f"joined as number {entry['position']}, {left['status']} again; refused where numbers are free"
    return "refused where numbers are free; no full schedule was there to join"


def _full_schedules(visit: Visit) -> Iterator[types.Schedule]:
    """Give schedules of the first departments in which nothing is left, though they are on sale."""
    for number, department in enumerate(visit.english.iterate_departments(limit=100)):
        if number == DEPARTMENTS_SEARCHED:
            return
        coming = visit.english.list_schedules(department_id=department["id"], date_from=early_enough(), limit=100)
        for schedule in coming["items"]:
            if not schedule["available"] and schedule["opens_at"] is None:
                yield schedule


def read_events(visit: Visit) -> str:
    """The feed goes on from its cursor and tells nothing twice."""
    cursor: str | None = None
    seen: list[str] = []
    for _ in range(FEED_PAGES_MAX):
        page = visit.english.list_events(cursor=cursor, limit=100)
        cursor = page["next"]
        seen += [event["id"] for event in page["items"]]
        if not page["items"]:
            break
    else:
        raise LeftOut(f"More than {FEED_PAGES_MAX} pages of events wait for you. Read them, and keep the cursor.")
    require(len(seen) == len(set(seen)), "An event came twice: are cursors passed on unchanged?")
    return f"{len(seen)} {'event' if len(seen) == 1 else 'events'}, each once; the cursor goes on from there"


def receive_webhook(visit: Visit) -> str:
    """A signed message reaches the partner's receiver; one that the hospital did not sign is refused there."""
    active = [one for one in visit.english.list_webhooks()["items"] if one["status"] == "active"]
    if not active:
        raise LeftOut("Your application has no active webhook. Subscribe one, and run the check again.")
    webhook = active[0]
    delivery = visit.english.test_webhook(webhook["id"])
    deadline = time.monotonic() + ATTEMPT_SECONDS_MAX
    attempts: list[types.WebhookAttempt] = []
    while not attempts and time.monotonic() < deadline:
        attempts = visit.english.list_webhook_attempts(delivery["id"])["items"]
        time.sleep(0 if attempts else 0.25)
    require(attempts, f"No attempt was made within {ATTEMPT_SECONDS_MAX:.0f} s; ask the hospital.")
    last = attempts[-1]
    told = f"{last['outcome']}, {last['status_code'] or 'no status'} {last['answer'] or ''}".rstrip()
    require(
        last["outcome"] == "delivered",
        f"Your receiver did not take the signed message: {told}. It has to answer 2xx within 10 seconds.",
    )
    return f"signed message taken after {last['milliseconds']} ms; {_send_forged(webhook['url'])}"


def _send_forged(url: str) -> str:
    """Send the partner's receiver what anybody on the internet could send it."""
    headers = {
        "content-type": "application/json",
        "webhook-id": f"msg_{uuid.uuid4().hex}",
        "webhook-timestamp": str(int(time.time())),
        "webhook-signature": f"v1,{base64.b64encode(bytes(32)).decode()}",
    }
    try:
        answer = httpx.post(url, content=b'{"type": "webhook.test"}', headers=headers, timeout=FORGED_SECONDS_MAX)
    except httpx.HTTPError as error:
        return f"a forged one could not be sent from here ({type(error).__name__})"
    require(
        not answer.is_success,
        f"Your receiver took a message that the hospital did not sign (it answered {answer.status_code}). Anybody can"
        " send it cancellations: check the signature before anything else.",
    )
    return f"a forged one refused with {answer.status_code}"


_BOOK: Final = frozenset(BOOKING_SCOPES)

SCENARIOS: Final = (
    Scenario("access token", get_token),
    Scenario("clock", compare_clocks),
    Scenario("ended token", replace_ended_token, frozenset({"catalogue.read"})),
    Scenario("directory", read_directory, frozenset({"catalogue.read"})),
    Scenario("unchanged (ETag)", read_unchanged, frozenset({"catalogue.read"})),
    Scenario("availability", find_openings, frozenset({"catalogue.read", "slots.read"})),
    Scenario("refusals", read_refusals, frozenset({"appointments.read", "slots.read"})),
    Scenario("real-name patient", register_patient, frozenset({"patients.read", "patients.write"})),
    Scenario("hold, confirm", hold_and_confirm, _BOOK),
    Scenario("idempotent repeat", repeat_with_key, _BOOK),
    Scenario("lost answer", survive_lost_answer, _BOOK | {"sandbox.manage"}),
    Scenario("slow down", slow_down, frozenset({"catalogue.read", "sandbox.manage"})),
    Scenario("already booked", book_twice, _BOOK),
    Scenario("hold, release", release_hold, _BOOK),
    Scenario("sold out", meet_sold_out, _BOOK),
    Scenario("reschedule", reschedule, _BOOK),
    Scenario("check-in code", show_check_in_code, _BOOK | {"checkin.write"}),
    Scenario("cancel", cancel, _BOOK),
    Scenario("waitlist", wait_for_a_number, _BOOK | {"waitlist.read", "waitlist.write"}),
    Scenario("events", read_events, frozenset({"appointments.read"})),
    Scenario("webhook", receive_webhook, frozenset({"webhooks.manage"})),
)
