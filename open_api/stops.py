"""What a stopped clinic means for an appointment, and the patient's answer."""

from typing import Any, Final

from booking import errors as booking_errors
from booking.facts import SlotFacts
from booking.payment.errors import FeeDiffers, PaymentUnderWay
from booking.stops import errors, queries, service
from kernel.db import DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from open_api.booking import render_appointment
from open_api.calls import PartnerCall, Reply, ok
from open_api.routing import Routes

routes: Final = Routes("stops")
_ANSWER_ERRORS: Final = (
    booking_errors.AppointmentNotFound,
    booking_errors.AppointmentNotActive,
    errors.OfferNotFound,
    errors.OfferEnded,
    IdempotencyMismatch,
    DatabaseUnavailable,
)


@routes.get(
    "/appointments/<appointment_id:uuid>/stop",
    scope="appointments.read",
    response="stops/appointment_stop.json",
    errors=[errors.StopNotFound],
)
async def get_appointment_stop(call: PartnerCall) -> Reply:
    """Read what a stopped clinic means for an appointment, and between which times the patient may choose."""
    found = await queries.get_appointment_stop(call.path["appointment_id"], actor=call.actor)
    call.patient_ids.append(found.patient_id)
    return ok(
        {
            "stop_id": found.stop_id,
            "appointment_id": found.appointment_id,
            "status": found.status,
            "reason": found.reason,
            "deadline_at": found.deadline_at,
            "choices": [_render_choice(slot) for slot in found.choices],
        }
    )


@routes.post(
    "/appointments/<appointment_id:uuid>/stop/choose",
    scope="appointments.write",
    request="stops/choose_request.json",
    response="booking/appointment.json",
    errors=[
        *_ANSWER_ERRORS,
        booking_errors.SlotNotFound,
        booking_errors.SlotPast,
        booking_errors.NotReleased,
        booking_errors.OtherDepartment,
        booking_errors.PatientNotEligible,
        booking_errors.SoldOut,
        booking_errors.AlreadyBooked,
        booking_errors.AlreadyHeld,
        booking_errors.DailyLimitReached,
        booking_errors.Contended,
        FeeDiffers,
        PaymentUnderWay,
    ],
)
async def choose_slot(call: PartnerCall) -> Reply:
    """Take another time for an appointment of a stopped clinic; it does not count as one of the patient's moves."""
    appointment = await service.choose_slot(
        appointment_id=call.path["appointment_id"],
        slot_id=parse_id(call.body["slot_id"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(render_appointment(appointment))


@routes.post(
    "/appointments/<appointment_id:uuid>/stop/cancel",
    scope="appointments.write",
    response="booking/appointment.json",
    errors=_ANSWER_ERRORS,
)
async def decline_stop_offer(call: PartnerCall) -> Reply:
    """Give an appointment of a stopped clinic up rather than take another time; no deadline of the clinic counts."""
    appointment = await service.decline_offer(
        appointment_id=call.path["appointment_id"], actor=call.actor, idempotency=call.idempotency
    )
    return ok(render_appointment(appointment))


def _render_choice(slot: SlotFacts) -> dict[str, Any]:
    return {
        "slot_id": slot.slot_id,
        "schedule_id": slot.schedule_id,
        "practitioner_id": slot.practitioner_id,
        "clinic_id": slot.clinic_id,
        "campus_id": slot.campus_id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "fee_fen": slot.fee_fen,
    }
