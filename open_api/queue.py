"""Check-in, a person's place in the queue, and the live view of it for their phone."""

from datetime import UTC, datetime
from typing import Any, Final

from booking import errors as booking_errors
from booking.queue import checkin, errors, live, queries
from booking.queue.checkin import CheckIn
from booking.queue.entering import Flags
from booking.queue.facts import Entry
from booking.queue.place import Fix
from booking.queue.queries import Missed
from booking.queue.states import OVER
from kernel.db import DatabaseBusy, DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from open_api.calls import PartnerCall, Reply, Stream, created, ok
from open_api.errors import SchemaViolation
from open_api.routing import Routes

routes: Final = Routes("queue")
# A desk may call patients; a kiosk may not, and so it does not check them in as a member of staff would.
CALLS_PATIENTS: Final = "queue.write"


@routes.post(
    "/check-ins",
    scope="checkin.write",
    request="queue/check_in_request.json",
    response="queue/entry.json",
    errors=[
        errors.WayNotAllowed,
        errors.StaffOnlyFlags,
        errors.CodeInvalid,
        errors.CodeExpired,
        errors.PlaceMocked,
        errors.PlaceInaccurate,
        errors.PlaceOutdated,
        errors.PlaceReplayed,
        errors.PlaceImpossible,
        errors.PlaceTooFar,
        errors.CheckInNotOpen,
        errors.CheckInClosed,
        errors.AlreadyCheckedIn,
        booking_errors.AppointmentNotFound,
        booking_errors.AppointmentNotActive,
        IdempotencyMismatch,
        DatabaseBusy,
        DatabaseUnavailable,
    ],
    status=201,
)
async def check_in(call: PartnerCall) -> Reply:
    """Note that a patient has come for an appointment, and give their place in the queue."""
    body = call.body
    if body["way"] == checkin.STAFF and CALLS_PATIENTS not in call.client.scopes:
        raise errors.WayNotAllowed(way=body["way"])
    asked = CheckIn(
        way=body["way"],
        appointment_id=parse_id(body["appointment_id"]) if "appointment_id" in body else None,
        code=body.get("code"),
        fix=read_fix(body["place"]) if "place" in body else None,
        flags=Flags(*(bool(body.get(name)) for name in Flags._fields)),
    )
    entry = await checkin.check_in(asked, actor=call.actor, idempotency=call.idempotency)
    return created(render_entry(entry), location=f"/open/v1/queue/{entry.id}")


@routes.post(
    "/appointments/<appointment_id:uuid>/check-in-code",
    scope="checkin.write",
    response="queue/check_in_code.json",
    errors=[booking_errors.AppointmentNotFound, booking_errors.AppointmentNotActive, DatabaseUnavailable],
    safe=True,
)
async def get_check_in_code(call: PartnerCall) -> Reply:
    """Get a code for two minutes that the patient's phone shows to a scanner at the hospital."""
    code = await checkin.make_code(appointment_id=call.path["appointment_id"], actor=call.actor)
    call.patient_ids.append(code.patient_id)
    return ok({"code": code.code, "expires_at": code.expires_at})


@routes.get(
    "/queue/<entry_id:uuid>",
    scope="queue.read",
    response="queue/entry.json",
    errors=[errors.EntryNotFound, DatabaseUnavailable],
)
async def get_queue_entry(call: PartnerCall) -> Reply:
    """Read a place in the queue: people before, and the estimated wait."""
    return ok(render_entry(await queries.get_entry(call.path["entry_id"], actor=call.actor)))


@routes.stream(
    "/queue/<entry_id:uuid>/events",
    scope="queue.read",
    response="queue/entry_event.json",
    errors=[errors.EntryNotFound, errors.TooManyWatchers, DatabaseUnavailable],
)
async def watch_queue_entry(call: PartnerCall) -> Stream | Reply:
    """Watch a place in the queue: a `place` event whenever it changes (server-sent events)."""
    entry_id = call.path["entry_id"]
    room_id = await queries.require_visible(entry_id, actor=call.actor)
    entry = await queries.get_entry(entry_id, actor=call.actor)
    call.patient_ids.append(entry.patient_id)
    if call.last_event_id is not None and entry.status in OVER and call.last_event_id >= entry.last_event:
        # Which tells a browser not to come back (HTML Living Standard, section 9.2.3).
        return Reply(None, 204)
    return Stream(
        await live.hub().watch_entry(entry_id, room_id=room_id, render=render_event, after=call.last_event_id)
    )


def render_entry(entry: Entry) -> dict[str, Any]:
    """Shape a place in a queue for the wire."""
    return {
        "id": entry.id,
        "label": entry.label,
        "status": entry.status,
        "class": entry.class_,
        "patient_id": entry.patient_id,
        "appointment_id": entry.appointment_id,
        "clinic_id": entry.clinic_id,
        "practitioner_id": entry.practitioner_id,
        "practitioner_name": entry.practitioner_name,
        "room": {
            "id": entry.room_id,
            "code": entry.room_code,
            "name_zh": entry.room_name_zh,
            "name_en": entry.room_name_en,
            "floor": entry.room_floor,
        },
        "date": entry.clinic_date,
        "is_elderly": entry.is_elderly,
        "is_disabled": entry.is_disabled,
        "is_military": entry.is_military,
        "way": entry.way,
        "calls": entry.calls,
        "passes": entry.passes,
        "people_before": entry.people_before,
        "estimate": None
        if entry.estimate_seconds is None
        else {"seconds": entry.estimate_seconds, "low": entry.estimate_low, "high": entry.estimate_high},
        "checked_in_at": entry.checked_in_at,
        "called_at": entry.called_at,
        "started_at": entry.started_at,
        "finished_at": entry.finished_at,
    }


def render_event(entry: Entry, missed: list[Missed]) -> dict[str, Any]:
    """Shape what a phone is told."""
    return {"entry": render_entry(entry), "missed": [one._asdict() for one in missed]}


def read_fix(place: dict[str, Any]) -> Fix:
    """Read where a phone says it is.

    Raises:
        SchemaViolation: at an instant that no clock shows.
    """
    return Fix(
        latitude=float(place["latitude"]),
        longitude=float(place["longitude"]),
        accuracy_meters=float(place["accuracy_meters"]),
        fixed_at=_instant(place["fixed_at"]),
        is_mock=bool(place.get("is_mock")),
    )


def _instant(text: str) -> datetime:
    """Read an instant that the schema has let through; it knows leap seconds and the year 1, and Python does not.

    Raises:
        SchemaViolation.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        violation = {"pointer": "/place/fixed_at", "rule": "format", "message": "has the wrong format"}
        raise SchemaViolation(violations=[violation]) from None
