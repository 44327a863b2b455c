"""Slots, holds and appointments for partners, kiosks and windows."""

from datetime import date
from typing import Any
from uuid import UUID

import orjson

from booking import availability, errors, followup, queries, service
from booking.facts import Appointment, Hold
from booking.fairness.errors import PassForStaffOnly
from booking.payment.errors import FeeDiffers, PaymentRequired, PaymentUnderWay
from booking.queries import AppointmentFilter
from kernel.db import DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import format_appointment_number, parse_appointment_number, parse_id
from open_api.calls import PartnerCall, Reply, created, ok, page
from open_api.errors import InvalidCursor, SchemaViolation
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.routing import Handling, Routes

routes = Routes("booking")

_MOVE_ERRORS = (
    errors.SlotNotFound,
    errors.SlotPast,
    errors.NotReleased,
    errors.PatientNotEligible,
    errors.SoldOut,
    errors.AlreadyBooked,
    errors.AlreadyHeld,
    errors.DailyLimitReached,
    errors.TurnRequired,
    errors.Contended,
    IdempotencyMismatch,
    DatabaseUnavailable,
)
_FOLLOW_UP_ERRORS = (errors.FollowUpNotAllowed, errors.FollowUpNotDue, errors.FollowUpWindowPassed)
_CLAIM_ERRORS = (*_MOVE_ERRORS, errors.PatientUnknown, errors.PatientBanned, errors.LimitReached)


@routes.get("/slots", scope="slots.read", query="booking/slot_query.json", response="booking/slot_list.json")
async def list_slots(call: PartnerCall) -> Reply:
    """List the times of a schedule, or of a department's day, with what your channel may book there now."""
    if "schedule_id" in call.query:
        schedules = [parse_id(call.query["schedule_id"])]
    else:
        schedules = await queries.schedules_of_day(
            parse_id(call.query["department_id"]), date.fromisoformat(call.query["date"])
        )
    answers = await availability.slots_of_schedules(schedules, call.channel)
    return ok({"items": orjson.Fragment(f"[{','.join(answers)}]")})


@routes.post(
    "/holds",
    scope="appointments.write",
    request="booking/hold_request.json",
    response="booking/hold.json",
    errors=(
        *_CLAIM_ERRORS,
        *_FOLLOW_UP_ERRORS,
        errors.HoldsPaused,
        errors.AppointmentNotFound,
        errors.FollowUpUsed,
    ),
    status=201,
    handling=Handling(leaves_event=True),
)
async def hold_seat(call: PartnerCall) -> Reply:
    """Hold one seat for a patient while they confirm or pay; with `follow_up_of` for that visit's free follow-up."""
    slot_id, patient_id = parse_id(call.body["slot_id"]), parse_id(call.body["patient_id"])
    first_id = _optional_id(call.body, "follow_up_of")
    if first_id is None:
        hold = await service.hold_seat(
            slot_id=slot_id, patient_id=patient_id, actor=call.actor, idempotency=call.idempotency
        )
    else:
        hold = await followup.hold_follow_up(
            slot_id=slot_id, patient_id=patient_id, first_id=first_id, actor=call.actor, idempotency=call.idempotency
        )
    return created(render_hold(hold), location=f"/open/v1/holds/{hold.id}")


@routes.get(
    "/holds/<hold_id:uuid>", scope="appointments.read", response="booking/hold.json", errors=[errors.HoldNotFound]
)
async def get_hold(call: PartnerCall) -> Reply:
    """Read a hold."""
    return ok(render_hold(await queries.get_hold(call.path["hold_id"], actor=call.actor)))


@routes.post(
    "/holds/<hold_id:uuid>/release",
    scope="appointments.write",
    response="booking/hold.json",
    errors=[errors.HoldNotFound, errors.HoldEnded, IdempotencyMismatch, DatabaseUnavailable],
)
async def release_hold(call: PartnerCall) -> Reply:
    """Give a held seat back before its time."""
    hold = await service.release_hold(hold_id=call.path["hold_id"], actor=call.actor, idempotency=call.idempotency)
    return ok(render_hold(hold))


@routes.post(
    "/appointments",
    scope="appointments.write",
    request="booking/appointment_request.json",
    response="booking/appointment.json",
    errors=(
        *_CLAIM_ERRORS,
        *_FOLLOW_UP_ERRORS,
        errors.AppointmentNotFound,
        errors.FollowUpUsed,
        errors.HoldNotFound,
        errors.HoldEnded,
        PassForStaffOnly,
        PaymentRequired,
    ),
    status=201,
    handling=Handling(leaves_event=True),
)
async def book_appointment(call: PartnerCall) -> Reply:
    """Book an appointment: from a hold, or a slot directly; with `follow_up_of` that visit's one free follow-up."""
    if "hold_id" in call.body:
        appointment = await service.confirm_hold(
            hold_id=parse_id(call.body["hold_id"]),
            actor=call.actor,
            idempotency=call.idempotency,
            first_id=_optional_id(call.body, "follow_up_of"),
        )
    elif "follow_up_of" in call.body:
        appointment = await followup.book_follow_up(
            slot_id=parse_id(call.body["slot_id"]),
            patient_id=parse_id(call.body["patient_id"]),
            first_id=parse_id(call.body["follow_up_of"]),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    else:
        appointment = await service.book_appointment(
            slot_id=parse_id(call.body["slot_id"]),
            patient_id=parse_id(call.body["patient_id"]),
            actor=call.actor,
            idempotency=call.idempotency,
            pass_reason=call.body.get("ban_pass_reason"),
        )
    return created(render_appointment(appointment), location=f"/open/v1/appointments/{appointment.id}")


@routes.get(
    "/appointments",
    scope="appointments.read",
    query="booking/appointment_query.json",
    response="booking/appointment_list.json",
    errors=[InvalidCursor, SchemaViolation],
)
async def list_appointments(call: PartnerCall) -> Reply:
    """List appointments that your application made (all of them, for the hospital's own), newest first."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    before = _before(query.get("cursor"))
    found = await queries.list_appointments(
        AppointmentFilter(
            patient_id=parse_id(query["patient_id"]) if "patient_id" in query else None,
            schedule_id=parse_id(query["schedule_id"]) if "schedule_id" in query else None,
            status=query.get("status"),
            date_from=_date(query.get("date_from") or query.get("date")),
            date_until=_date(query.get("date_until") or query.get("date")),
            number=_number(query.get("number")),
        ),
        actor=call.actor,
        before=before,
        limit=limit + 1,
    )
    more = len(found) > limit
    shown = found[:limit]
    return page(
        [render_appointment(entry) for entry in shown],
        next_cursor=write_cursor("appointments", str(shown[-1].id)) if more else None,
    )


@routes.get(
    "/appointments/<appointment_id:uuid>",
    scope="appointments.read",
    response="booking/appointment.json",
    errors=[errors.AppointmentNotFound],
)
async def get_appointment(call: PartnerCall) -> Reply:
    """Read an appointment."""
    return ok(render_appointment(await queries.get_appointment(call.path["appointment_id"], actor=call.actor)))


@routes.post(
    "/appointments/<appointment_id:uuid>/cancel",
    scope="appointments.write",
    request="booking/cancel_request.json",
    response="booking/appointment.json",
    errors=[
        errors.AppointmentNotFound,
        errors.AppointmentNotActive,
        errors.CancelDeadlinePassed,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
)
async def cancel_appointment(call: PartnerCall) -> Reply:
    """Cancel an appointment; its seat goes to whoever waits for it, or back on sale by the hospital's rule."""
    appointment = await service.cancel_appointment(
        appointment_id=call.path["appointment_id"],
        reason=call.body.get("reason"),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(render_appointment(appointment))


@routes.post(
    "/appointments/<appointment_id:uuid>/reschedule",
    scope="appointments.write",
    request="booking/reschedule_request.json",
    response="booking/appointment.json",
    errors=[
        errors.AppointmentNotFound,
        errors.AppointmentNotActive,
        errors.CancelDeadlinePassed,
        errors.RescheduleLimitReached,
        errors.SameSlot,
        errors.OtherDepartment,
        *_FOLLOW_UP_ERRORS,
        *_MOVE_ERRORS,
        PaymentRequired,
        FeeDiffers,
        PaymentUnderWay,
    ],
)
async def reschedule_appointment(call: PartnerCall) -> Reply:
    """Move an appointment to another slot of its department, or leave it where it is."""
    appointment = await service.reschedule_appointment(
        appointment_id=call.path["appointment_id"],
        slot_id=parse_id(call.body["slot_id"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(render_appointment(appointment))


def render_hold(hold: Hold) -> dict[str, Any]:
    """Shape a hold for the wire."""
    return {
        "id": hold.id,
        "status": hold.status,
        "slot_id": hold.slot_id,
        "schedule_id": hold.schedule_id,
        "patient_id": hold.patient_id,
        "queue_number": hold.queue_number,
        "until": hold.until,
        "fee_fen": hold.fee_fen,
        "created_at": hold.created_at,
        "follow_up_of": hold.follow_up_of,
    }


def render_appointment(entry: Appointment) -> dict[str, Any]:
    """Shape an appointment for the wire."""
    return {
        "id": entry.id,
        "number": format_appointment_number(entry.number),
        "status": entry.status,
        "his_status": entry.his_status,
        "patient_id": entry.patient_id,
        "slot_id": entry.slot_id,
        "schedule_id": entry.schedule_id,
        "department_id": entry.department_id,
        "clinic_id": entry.clinic_id,
        "campus_id": entry.campus_id,
        "room_id": entry.room_id,
        "practitioner_id": entry.practitioner_id,
        "service_type": entry.service_type,
        "date": entry.clinic_date,
        "starts_at": entry.starts_at,
        "ends_at": entry.ends_at,
        "queue_number": entry.queue_number,
        "fee_fen": entry.fee_fen,
        "channel": entry.channel,
        "cancel_reason": entry.cancel_reason,
        "follow_up_of": entry.follow_up_of,
        "payment": entry.payment,
        "version": entry.version,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
    }


def _before(cursor: str | None) -> UUID | None:
    return UUID(str(read_cursor("appointments", cursor)[0])) if cursor else None


def _optional_id(body: dict[str, Any], name: str) -> UUID | None:
    return parse_id(body[name]) if name in body else None


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_appointment_number(text)
    except ValueError:
        violation = {"pointer": "/number", "rule": "check_digit", "message": "is not an appointment number"}
        raise SchemaViolation(violations=[violation]) from None
