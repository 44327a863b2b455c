"""Shapes of visits on the wire, their names in the language asked for."""

from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from booking.stops.facts import STOPPED
from booking.visit_choices import Choices, ClinicChoice
from booking.visit_options import BOOKED_BY_THE_HOSPITAL, Option, Options
from booking.visits import Visit, VisitMoney, Words
from kernel.errors import HospitalError
from kernel.ids import format_appointment_number
from patient_app.calls import CHANNEL

_AT_THE_HOSPITAL: Final = BOOKED_BY_THE_HOSPITAL | {"kiosk", "phone"}


class FollowUp(NamedTuple):
    """A visit's free follow-up: until when it can be had, or why not; and the one that is booked."""

    last_date: date | None
    refusal: HospitalError | None
    booked_id: UUID | None


def brief(visit: Visit, options: Options, order_id: UUID | None, language: str) -> dict[str, Any]:
    """Shape a visit for a list."""
    return {
        "id": visit.id,
        "number": format_appointment_number(visit.number),
        "status": visit.status,
        "payment": visit.payment,
        "fee_fen": visit.fee_fen,
        "date": visit.clinic_date,
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
        "queue_number": visit.queue_number,
        "practitioner": visit.practitioner,
        "title": named(visit.title, language),
        "department": named(visit.department, language),
        "campus": named(visit.campus, language),
        "room": named(visit.room, language),
        "is_follow_up": visit.follow_up_of is not None,
        "booked_by": _booked_by(visit.channel_code),
        "stop": visit.stop_status,
        "next_step": options.next_step,
        "order_id": order_id,
        "queue_entry_id": visit.queue_entry_id,
    }


def whole(visit: Visit, options: Options, money: VisitMoney, follow_up: FollowUp, language: str) -> dict[str, Any]:
    """Shape a visit with everything that can be done about it."""
    can_follow_up = Option(follow_up.last_date is not None, follow_up.refusal)
    return {
        "visit": brief(visit, options, money.open_order_id, language),
        "his_status": visit.his_status,
        "service_type": named(visit.service_type, language),
        "address": visit.address,
        "position": {"latitude": visit.latitude, "longitude": visit.longitude},
        "floor": visit.floor,
        "channel": named(visit.channel, language),
        "booked_at": visit.created_at,
        "cancelled_by": _cancelled_by(visit),
        "follow_up_of": visit.follow_up_of,
        "follow_up_id": follow_up.booked_id,
        "follow_up_until": follow_up.last_date,
        "money": {
            "paid_fen": money.paid_fen,
            "returns_fen": money.returns_fen,
            "returned_fen": money.returned_fen,
            "open_until": money.open_until,
            "paid_order_id": money.paid_order_id,
        },
        "options": {
            name: _option(option, language)
            for name, option in (
                ("pay", options.pay),
                ("check_in", options.check_in),
                ("see_queue", options.see_queue),
                ("cancel", options.cancel),
                ("reschedule", options.reschedule),
                ("answer_stop", options.answer_stop),
                ("follow_up", can_follow_up),
                ("rate", options.rate),
            )
        },
    }


def choices(found: Choices, visit: Visit, language: str) -> dict[str, Any]:
    """Shape the times that can be chosen."""
    return {
        "days": [{"date": day, "times": times} for day, times in found.days],
        "date": found.on,
        "clinics": [clinic(one, visit, language) for one in found.clinics],
        "left_out_for_fee": found.left_out_for_fee,
    }


def clinic(choice: ClinicChoice, visit: Visit, language: str) -> dict[str, Any]:
    """Shape one clinic with its times; what it costs less goes back where the fee was paid."""
    returns_fen = max(0, visit.fee_fen - choice.fee_fen) if visit.payment == "paid" else 0
    return {
        "schedule_id": choice.schedule_id,
        "date": choice.clinic_date,
        "practitioner": choice.practitioner,
        "title": named(choice.title, language),
        "service_type": named(choice.service_type, language),
        "campus": named(choice.campus, language),
        "room": named(choice.room, language),
        "fee_fen": choice.fee_fen,
        "returns_fen": returns_fen,
        "is_same_practitioner": choice.is_same_practitioner,
        "times": [{"slot_id": one.slot_id, "starts_at": one.starts_at, "ends_at": one.ends_at} for one in choice.times],
    }


def _option(option: Option, language: str) -> dict[str, Any]:
    reason = option.refusal.sentence(language) if option.refusal else None
    return {"open": option.is_open, "reason": reason, "until": option.until}


def _booked_by(channel: str) -> str:
    if channel == CHANNEL:
        return "app"
    return "window" if channel in _AT_THE_HOSPITAL else "partner"


def _cancelled_by(visit: Visit) -> str | None:
    if visit.status != "cancelled":
        return None
    return "hospital" if visit.cancel_reason == STOPPED else "patient"


def named(words: Words, language: str) -> str:
    """Choose a name by language."""
    return words.en if language == "en" else words.zh
