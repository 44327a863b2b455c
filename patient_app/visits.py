"""Visits of the path's person: the list, one of them, cancelling, moving, a stopped clinic, the free follow-up."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from booking import errors, followup, service, visit_choices, visits
from booking.payment.errors import FeeDiffers, NothingToPay, PayAtWindow, PaymentRequired, PaymentUnderWay
from booking.payment.orders import order_appointment
from booking.stops import errors as stop_errors
from booking.stops import queries as stop_queries
from booking.stops import service as stops
from booking.visit_options import find_options
from booking.visits import Visit
from kernel import clock
from kernel.db import DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from open_api.calls import Reply, created, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from patient_app import visit_answers
from patient_app.calls import PatientCall
from patient_app.owned import own_appointment
from patient_app.routing import MEMBER, PREFIX, Routes
from payments.errors import OrderEnding, SubjectAlreadyOrdered

routes = Routes("visits")
_LIST: Final = "app.visits"
_BASE: Final = f"{MEMBER}/appointments"
_ONE: Final = f"{_BASE}/<appointment_id:uuid>"
_WHOLE: Final = "app/visit.json"
_ABSENT: Final = (errors.AppointmentNotFound, DatabaseUnavailable)
_TAKEN: Final = (
    errors.SlotNotFound,
    errors.SlotPast,
    errors.NotReleased,
    errors.PatientNotEligible,
    errors.SoldOut,
    errors.AlreadyBooked,
    errors.AlreadyHeld,
    errors.DailyLimitReached,
    errors.Contended,
    IdempotencyMismatch,
)
_OUT_OF_TERMS: Final = (errors.FollowUpNotAllowed, errors.FollowUpNotDue, errors.FollowUpWindowPassed)
_OUT_OF_STOP: Final = (stop_errors.OfferNotFound, stop_errors.OfferEnded, errors.AppointmentNotActive)


@routes.get(
    _BASE,
    query="app/visit_query.json",
    response="app/visit_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_visits(call: PatientCall) -> Reply:
    """List what a member has before them, whoever booked it, and what is behind them by pages."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    before = _place(call.query["cursor"]) if "cursor" in call.query else None
    upcoming = [] if before else await visits.list_upcoming(call.patient_id, channel=call.channel)
    past = await visits.list_past(call.patient_id, channel=call.channel, before=before, limit=limit + 1)
    shown = past[:limit]
    orders = await visits.read_open_orders([*upcoming, *shown])
    at = clock.now()

    def brief(visit: Visit) -> dict[str, Any]:
        return visit_answers.brief(visit, find_options(visit, at=at), orders.get(visit.id), call.language)

    more = len(past) > limit
    last = write_cursor(_LIST, shown[-1].starts_at.isoformat(), str(shown[-1].id)) if more else None
    return ok({"upcoming": [brief(one) for one in upcoming], "past": [brief(one) for one in shown], "next": last})


@routes.get(_ONE, response=_WHOLE, errors=_ABSENT)
async def get_visit(call: PatientCall) -> Reply:
    """Read one visit with how it stands with money and with the HIS, and what can be done about it."""
    return ok(await _whole(call, call.path["appointment_id"]))


@routes.post(
    f"{_ONE}/order",
    response="app/visit_order.json",
    errors=[
        *_ABSENT,
        errors.AppointmentNotActive,
        NothingToPay,
        PayAtWindow,
        SubjectAlreadyOrdered,
        OrderEnding,
        IdempotencyMismatch,
    ],
)
async def order_visit(call: PatientCall) -> Reply:
    """Make the order by which the fee of a visit is paid; one that is open already is given again."""
    visit = await own_appointment(call, call.path["appointment_id"])
    known = await visits.read_money(await _own(call, visit.id))
    if known.open_order_id is not None:
        return ok({"order_id": known.open_order_id})
    order = await order_appointment(visit.id, actor=call.actor, idempotency=call.idempotency)
    return ok({"order_id": order.id})


@routes.post(
    f"{_ONE}/cancel",
    response=_WHOLE,
    errors=[*_ABSENT, errors.AppointmentNotActive, errors.CancelDeadlinePassed, IdempotencyMismatch],
)
async def cancel_visit(call: PatientCall) -> Reply:
    """Give the number back; what was paid for it goes back by the way it came."""
    visit = await own_appointment(call, call.path["appointment_id"])
    await service.cancel_appointment(
        appointment_id=visit.id, reason=None, actor=call.actor, idempotency=call.idempotency
    )
    return ok(await _whole(call, visit.id))


@routes.get(f"{_ONE}/times", query="app/visit_day_query.json", response="app/visit_choices.json", errors=_ABSENT)
async def list_visit_times(call: PatientCall) -> Reply:
    """List the times to which a visit can be moved: days of three weeks, and the clinics of one of them."""
    visit = await _own(call, call.path["appointment_id"])
    found = await visit_choices.find_moves(visit, on=_day(call), actor=call.actor)
    return ok({"visit": await _brief(call, visit)} | visit_answers.choices(found, visit, call.language))


@routes.post(
    f"{_ONE}/reschedule",
    request="app/visit_choice_request.json",
    response=_WHOLE,
    errors=[
        *_ABSENT,
        *_TAKEN,
        *_OUT_OF_TERMS,
        errors.AppointmentNotActive,
        errors.CancelDeadlinePassed,
        errors.RescheduleLimitReached,
        errors.SameSlot,
        errors.OtherDepartment,
        errors.TurnRequired,
        PaymentRequired,
        FeeDiffers,
        PaymentUnderWay,
    ],
)
async def reschedule_visit(call: PatientCall) -> Reply:
    """Move a visit to another time; where it is cheaper there, the difference goes back."""
    visit = await own_appointment(call, call.path["appointment_id"])
    await service.reschedule_appointment(
        appointment_id=visit.id,
        slot_id=parse_id(call.body["slot_id"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(await _whole(call, visit.id))


@routes.get(f"{_ONE}/stop", response="app/visit_stop.json", errors=[*_ABSENT, stop_errors.StopNotFound])
async def get_visit_stop(call: PatientCall) -> Reply:
    """Read what a stopped clinic means for a visit, and between which times its person may choose."""
    visit = await _own(call, call.path["appointment_id"])
    stop = await stop_queries.get_appointment_stop(visit.id, actor=call.actor)
    clinics = await visit_choices.name_offered(visit, stop.choices)
    money = await visits.read_money(visit)
    return ok(
        {
            "visit": await _brief(call, visit),
            "status": stop.status,
            "reason": stop.reason,
            "can_answer": find_options(visit, at=clock.now()).answer_stop.is_open,
            "deadline_at": stop.deadline_at,
            "returns_fen": money.returns_fen,
            "clinics": [visit_answers.clinic(one, visit, call.language) for one in clinics],
        }
    )


@routes.post(
    f"{_ONE}/stop/choose",
    request="app/visit_choice_request.json",
    response=_WHOLE,
    errors=[*_ABSENT, *_TAKEN, *_OUT_OF_STOP, errors.OtherDepartment, FeeDiffers, PaymentUnderWay],
)
async def choose_visit_time(call: PatientCall) -> Reply:
    """Take one of the times that a stopped clinic offers; it counts as none of the person's moves."""
    visit = await own_appointment(call, call.path["appointment_id"])
    await stops.choose_slot(
        appointment_id=visit.id,
        slot_id=parse_id(call.body["slot_id"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(await _whole(call, visit.id))


@routes.post(f"{_ONE}/stop/decline", response=_WHOLE, errors=[*_ABSENT, *_OUT_OF_STOP, IdempotencyMismatch])
async def decline_visit_times(call: PatientCall) -> Reply:
    """Take none of the times that a stopped clinic offers: the visit is cancelled, and what was paid goes back."""
    visit = await own_appointment(call, call.path["appointment_id"])
    await stops.decline_offer(appointment_id=visit.id, actor=call.actor, idempotency=call.idempotency)
    return ok(await _whole(call, visit.id))


@routes.get(
    f"{_ONE}/follow-up/times",
    query="app/visit_day_query.json",
    response="app/visit_choices.json",
    errors=[*_ABSENT, *_OUT_OF_TERMS, errors.FollowUpUsed],
)
async def list_follow_up_times(call: PatientCall) -> Reply:
    """List the times that the one free follow-up of a visit can have."""
    visit = await _own(call, call.path["appointment_id"])
    found = await visit_choices.find_follow_ups(visit, on=_day(call), actor=call.actor)
    return ok({"visit": await _brief(call, visit)} | visit_answers.choices(found, visit, call.language))


@routes.post(
    f"{_ONE}/follow-up",
    request="app/visit_choice_request.json",
    response=_WHOLE,
    errors=[
        *_ABSENT,
        *_TAKEN,
        *_OUT_OF_TERMS,
        errors.FollowUpUsed,
        errors.PatientUnknown,
        errors.PatientBanned,
        errors.LimitReached,
        errors.TurnRequired,
    ],
    status=201,
)
async def book_visit_follow_up(call: PatientCall) -> Reply:
    """Book the one free follow-up of a visit."""
    first = await own_appointment(call, call.path["appointment_id"])
    made = await followup.book_follow_up(
        slot_id=parse_id(call.body["slot_id"]),
        patient_id=call.patient_id,
        first_id=first.id,
        actor=call.actor,
        idempotency=call.idempotency,
    )
    location = f"{PREFIX}/members/{call.patient_id}/appointments/{made.id}"
    return created(await _whole(call, made.id), location=location)


async def _own(call: PatientCall, appointment_id: UUID) -> Visit:
    return await visits.get_visit(appointment_id, patient_id=call.patient_id, channel=call.channel)


async def _brief(call: PatientCall, visit: Visit) -> dict[str, Any]:
    orders = await visits.read_open_orders([visit])
    return visit_answers.brief(visit, find_options(visit, at=clock.now()), orders.get(visit.id), call.language)


async def _whole(call: PatientCall, appointment_id: UUID) -> dict[str, Any]:
    visit = await _own(call, appointment_id)
    last_date, refusal = await visit_choices.follow_up_offer(visit)
    return visit_answers.whole(
        visit,
        find_options(visit, at=clock.now()),
        await visits.read_money(visit),
        visit_answers.FollowUp(last_date, refusal, await visits.find_follow_up(visit)),
        call.language,
    )


def _day(call: PatientCall) -> date | None:
    return date.fromisoformat(call.query["date"]) if "date" in call.query else None


def _place(cursor: str) -> tuple[datetime, UUID]:
    """Raises: InvalidCursor."""
    starts_at, visit_id = read_cursor(_LIST, cursor)
    return datetime.fromisoformat(str(starts_at)), UUID(str(visit_id))
