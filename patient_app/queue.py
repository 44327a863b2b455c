"""Coming to a visit: checking in by place or with a code, and the person's place in the queue, live."""

from collections.abc import Callable
from typing import Any, Final

from booking import errors as booking_errors
from booking.queue import checkin, errors, live, showing
from booking.queue.checkin import CheckIn
from booking.queue.facts import Entry
from booking.queue.queries import Missed
from booking.queue.showing import Arrival, Surroundings
from booking.queue.states import OVER
from open_api.calls import Reply, Stream, created, ok
from open_api.queue import read_fix
from patient_app.calls import PatientCall
from patient_app.owned import own_appointment, own_queue_entry
from patient_app.routing import MEMBER, NO_CONTENT, PREFIX, Routes

routes = Routes("queue")
_CHECK_IN: Final = f"{MEMBER}/appointments/<appointment_id:uuid>/check-in"
_PLACE: Final = "app/queue_place.json"
_VISIT: Final = f"{MEMBER}/queue/<visit_id:uuid>"


@routes.get(_CHECK_IN, response="app/check_in.json", errors=[booking_errors.AppointmentNotFound])
async def get_check_in(call: PatientCall) -> Reply:
    """Read whether the person can check in now, from when on, and where."""
    appointment = await own_appointment(call, call.path["appointment_id"])
    return ok(render_arrival(await showing.read_arrival(appointment.id), call.language))


@routes.post(
    _CHECK_IN,
    request="app/check_in_request.json",
    response=_PLACE,
    errors=[
        errors.PlaceMocked,
        errors.PlaceInaccurate,
        errors.PlaceOutdated,
        errors.PlaceReplayed,
        errors.PlaceImpossible,
        errors.PlaceTooFar,
        errors.CheckInNotOpen,
        errors.CheckInClosed,
        errors.AlreadyCheckedIn,
        errors.EntryNotFound,
        booking_errors.AppointmentNotFound,
        booking_errors.AppointmentNotActive,
    ],
    status=201,
)
async def check_in_by_place(call: PatientCall) -> Reply:
    """Say that the person has come, as their phone's place shows, and give their place in the queue."""
    appointment = await own_appointment(call, call.path["appointment_id"])
    asked = CheckIn(checkin.PLACE, appointment.id, fix=read_fix(call.body["place"]))
    entry = await checkin.check_in(asked, actor=call.actor, idempotency=call.idempotency)
    around = await showing.read_surroundings(entry.id)
    return created(
        render_place(entry, around, call.language), location=f"{PREFIX}/members/{call.patient_id}/queue/{entry.id}"
    )


@routes.post(
    f"{_CHECK_IN}-code",
    response="app/check_in_code.json",
    errors=[booking_errors.AppointmentNotFound, booking_errors.AppointmentNotActive],
    safe=True,
)
async def get_check_in_code(call: PatientCall) -> Reply:
    """Get a code for two minutes that the phone shows to a scanner at the hospital."""
    appointment = await own_appointment(call, call.path["appointment_id"])
    code = await checkin.make_code(appointment_id=appointment.id, actor=call.actor)
    return ok({"code": code.code, "expires_at": code.expires_at})


@routes.get(_VISIT, response=_PLACE, errors=[errors.EntryNotFound])
async def get_queue_place(call: PatientCall) -> Reply:
    """Read the person's place in a queue, named by its own id or by its appointment's."""
    entry, around = await _own_place(call)
    return ok(render_place(entry, around, call.language))


@routes.stream(f"{_VISIT}/events", response=_PLACE, errors=[errors.EntryNotFound, errors.TooManyWatchers])
async def watch_queue_place(call: PatientCall) -> Stream | Reply:
    """Watch the person's place: a `place` event whenever it changes (server-sent events)."""
    entry, around = await _own_place(call)
    if call.last_event_id is not None and entry.status in OVER and call.last_event_id >= entry.last_event:
        return Reply(None, NO_CONTENT)
    render = _renderer(around, call.language)
    return Stream(
        await live.hub().watch_entry(entry.id, room_id=entry.room_id, render=render, after=call.last_event_id)
    )


async def _own_place(call: PatientCall) -> tuple[Entry, Surroundings]:
    around = await showing.read_surroundings(call.path["visit_id"])
    return await own_queue_entry(call, around.entry_id), around


def _renderer(around: Surroundings, language: str) -> Callable[[Entry, list[Missed]], object]:
    return lambda entry, _missed: render_place(entry, around, language)


def render_arrival(arrival: Arrival, language: str) -> dict[str, Any]:
    """Shape how checking in stands, its places named in one language."""
    is_english = language == "en"
    return {
        "appointment_id": arrival.appointment_id,
        "standing": arrival.standing,
        "opens_at": arrival.opens_at,
        "closes_at": arrival.closes_at,
        "radius_meters": arrival.radius_meters,
        "queue_entry_id": arrival.entry_id,
        "date": arrival.clinic_date,
        "starts_at": arrival.starts_at,
        "queue_number": arrival.queue_number,
        "practitioner": arrival.practitioner,
        "department": arrival.department_en if is_english else arrival.department_zh,
        "campus": arrival.campus_en if is_english else arrival.campus_zh,
        "address": arrival.address,
        "room": arrival.room_en if is_english else arrival.room_zh,
        "floor": arrival.floor,
    }


def render_place(entry: Entry, around: Surroundings, language: str) -> dict[str, Any]:
    """Shape a place in a queue, its places named in one language."""
    is_english = language == "en"
    return {
        "id": entry.id,
        "appointment_id": entry.appointment_id,
        "label": entry.label,
        "status": entry.status,
        "people_before": entry.people_before,
        "estimate": None
        if entry.estimate_low is None or entry.estimate_high is None
        else {"low_seconds": entry.estimate_low, "high_seconds": entry.estimate_high},
        "practitioner": entry.practitioner_name,
        "department": around.department_en if is_english else around.department_zh,
        "campus": around.campus_en if is_english else around.campus_zh,
        "room": entry.room_name_en if is_english else entry.room_name_zh,
        "floor": entry.room_floor,
        "calls": entry.calls,
        "called_at": entry.called_at,
        "checked_in_at": entry.checked_in_at,
        "pass_places": around.pass_places,
    }
