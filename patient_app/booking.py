"""Booking for a member: the terms, a seat held, confirmed or ordered, and what came of it."""

from datetime import date, datetime
from typing import Any

from booking import browsing, errors, service, terms
from booking.facts import Appointment, Hold
from booking.payment import links, orders
from booking.payment.errors import NothingToPay, PayAtWindow, PaymentRequired
from booking.terms import BookingTerms
from kernel.db import DatabaseUnavailable, database
from kernel.errors import HospitalError
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import format_appointment_number, parse_id
from open_api.calls import Reply, created, ok
from patient_app.calls import PatientCall
from patient_app.directory import said
from patient_app.owned import own_appointment, own_hold, own_order
from patient_app.routing import MEMBER, PREFIX, Routes
from payments.errors import OrderEnding, OrderNotFound, SubjectAlreadyOrdered

routes = Routes("booking")

_HOLD = f"{MEMBER}/holds/<hold_id:uuid>"


@routes.get(
    f"{MEMBER}/slots/<slot_id:uuid>",
    response="app/booking_terms.json",
    errors=[errors.SlotNotFound, errors.PatientUnknown, DatabaseUnavailable],
)
async def get_booking_terms(call: PatientCall) -> Reply:
    """Read what the member is about to book, on which terms, and whether something stands against it."""
    found = await terms.read_booking_terms(call.path["slot_id"], patient_id=call.patient_id, actor=call.actor)
    return ok(await _render_terms(found, call.language))


@routes.post(
    f"{MEMBER}/holds",
    request="app/hold_request.json",
    response="app/hold.json",
    errors=[
        errors.SlotNotFound,
        errors.SlotPast,
        errors.NotReleased,
        errors.PatientUnknown,
        errors.PatientNotEligible,
        errors.PatientBanned,
        errors.LimitReached,
        errors.HoldsPaused,
        errors.AlreadyBooked,
        errors.AlreadyHeld,
        errors.DailyLimitReached,
        errors.TurnRequired,
        errors.SoldOut,
        errors.Contended,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
    status=201,
)
async def hold_seat(call: PatientCall) -> Reply:
    """Keep a seat of a half hour for the member while they confirm or pay."""
    hold = await service.hold_seat(
        slot_id=parse_id(call.body["slot_id"]),
        patient_id=call.patient_id,
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(await _render_hold(call, hold), location=f"{PREFIX}/members/{call.patient_id}/holds/{hold.id}")


@routes.get(_HOLD, response="app/hold.json", errors=[errors.HoldNotFound, DatabaseUnavailable])
async def get_hold(call: PatientCall) -> Reply:
    """Read how long a seat is kept."""
    return ok(await _render_hold(call, await own_hold(call, call.path["hold_id"])))


@routes.post(
    f"{_HOLD}/release",
    response="app/hold.json",
    errors=[errors.HoldNotFound, errors.HoldEnded, IdempotencyMismatch, DatabaseUnavailable],
)
async def release_hold(call: PatientCall) -> Reply:
    """Give a kept seat back."""
    hold = await own_hold(call, call.path["hold_id"])
    done = await service.release_hold(hold_id=hold.id, actor=call.actor, idempotency=call.idempotency)
    return ok(await _render_hold(call, done))


@routes.post(
    f"{_HOLD}/confirm",
    response="app/booking_result.json",
    errors=[
        errors.HoldNotFound,
        errors.HoldEnded,
        errors.AlreadyBooked,
        errors.LimitReached,
        errors.AppointmentNotFound,
        errors.FollowUpNotAllowed,
        errors.FollowUpNotDue,
        errors.FollowUpWindowPassed,
        errors.FollowUpUsed,
        PaymentRequired,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
)
async def confirm_hold(call: PatientCall) -> Reply:
    """Make the kept seat an appointment, where nothing is paid now."""
    hold = await own_hold(call, call.path["hold_id"])
    booked = await service.confirm_hold(hold_id=hold.id, actor=call.actor, idempotency=call.idempotency)
    return ok(await _render_result(call, booked))


@routes.post(
    f"{_HOLD}/order",
    response="app/hold_order.json",
    errors=[
        errors.HoldNotFound,
        errors.HoldEnded,
        errors.LimitReached,
        NothingToPay,
        PayAtWindow,
        SubjectAlreadyOrdered,
        OrderEnding,
        OrderNotFound,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
    status=201,
)
async def order_hold(call: PatientCall) -> Reply:
    """Make the order by which the kept seat is paid and so becomes an appointment."""
    hold = await own_hold(call, call.path["hold_id"])
    order = await orders.order_hold(hold.id, actor=call.actor, idempotency=call.idempotency)
    return created(
        {"order_id": order.id, "amount_fen": order.amount_fen, "expires_at": order.expires_at},
        location=f"{PREFIX}/members/{call.patient_id}/orders/{order.id}/booking",
    )


@routes.get(
    f"{MEMBER}/appointments/<appointment_id:uuid>/booking",
    response="app/booking_result.json",
    errors=[errors.AppointmentNotFound, DatabaseUnavailable],
)
async def get_booking(call: PatientCall) -> Reply:
    """Read what was booked: the number, where to go and when."""
    return ok(await _render_result(call, await own_appointment(call, call.path["appointment_id"])))


@routes.get(
    f"{MEMBER}/orders/<order_id:uuid>/booking",
    response="app/booking_result.json",
    errors=[OrderNotFound, errors.AppointmentNotFound, DatabaseUnavailable],
)
async def get_booking_of_order(call: PatientCall) -> Reply:
    """Read what came of paying for a kept seat."""
    order = await own_order(call, call.path["order_id"])
    appointment_id = await links.appointment_of_order(database(), order.id)
    if appointment_id is not None:
        return ok(await _render_result(call, await own_appointment(call, appointment_id)))
    outcome = {"open": "unpaid", "closing": "waiting", "paid": "waiting", "settled": "waiting"}.get(
        order.status, "failed"
    )
    return ok({"outcome": outcome, "order_id": order.id, "appointment": None})


async def _render_terms(found: BookingTerms, language: str) -> dict[str, Any]:
    slot = found.slot
    doctor, place = await browsing.read_place(slot.schedule_id)
    return {
        "slot_id": slot.slot_id,
        "schedule_id": slot.schedule_id,
        "department_id": slot.department_id,
        "date": slot.clinic_date,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "practitioner": doctor.name,
        "title": said(doctor.title, language),
        "department": said(doctor.department, language),
        "clinic": said(place.clinic, language),
        "campus": said(place.campus, language),
        "room": said(place.room, language),
        "fee_fen": slot.fee_fen,
        "pay": found.pay,
        "cancel_until": found.cancel_until,
        "hold_seconds": found.hold_seconds,
        "refusal": found.refusal and _render_refusal(found.refusal, language),
        "hold": found.hold and {"id": found.hold.id, "slot_id": found.hold.slot_id, "until": found.hold.until},
    }


def _render_refusal(refusal: HospitalError, language: str) -> dict[str, Any]:
    """Shape what stands against a booking: as the refusal itself would be told."""
    told = {name: _plain(value) for name, value in refusal.details.items() if value is not None}
    return {"code": refusal.code, "sentence": refusal.sentence(language), "details": told}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime | date) else value


async def _render_hold(call: PatientCall, hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "patient_id": hold.patient_id,
        "slot_id": hold.slot_id,
        "status": hold.status,
        "until": hold.until,
        "fee_fen": hold.fee_fen,
        "pay": "free" if hold.follow_up_of else await terms.read_pay(hold.slot_id, actor=call.actor),
    }


async def _render_result(call: PatientCall, booked: Appointment) -> dict[str, Any]:
    doctor, place = await browsing.read_place(booked.schedule_id)
    arrival = await terms.read_arrival(booked.clinic_id, booked.starts_at)
    language = call.language
    return {
        "outcome": "booked",
        "order_id": None,
        "appointment": {
            "id": booked.id,
            "patient_id": booked.patient_id,
            "number": format_appointment_number(booked.number),
            "status": booked.status,
            "queue_number": booked.queue_number,
            "date": booked.clinic_date,
            "starts_at": booked.starts_at,
            "ends_at": booked.ends_at,
            "check_in_from": arrival.opens_at,
            "practitioner": doctor.name,
            "title": said(doctor.title, language),
            "department": said(doctor.department, language),
            "clinic": said(place.clinic, language),
            "campus": said(place.campus, language),
            "address": place.address,
            "position": {"latitude": place.latitude, "longitude": place.longitude},
            "floor": place.floor,
            "room": said(place.room, language),
            "fee_fen": booked.fee_fen,
            "payment": booked.payment,
            "pay": await _pay_of(call, booked),
        },
    }


async def _pay_of(call: PatientCall, booked: Appointment) -> str:
    """Say how the fee of what was booked is paid."""
    return "free" if booked.fee_fen == 0 else await terms.read_pay(booked.slot_id, actor=call.actor)
