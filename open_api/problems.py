"""Errors as RFC 9457 problem details, and the one table from code to status."""

from typing import Final

import orjson
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from open_api.answers import Answer

PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = "1"
# Either way of showing a token (RFC 6750 section 3, RFC 9449 section 7.1).
CHALLENGE: Final = 'Bearer realm="hospital", error="invalid_token", DPoP algs="ES256 PS256 EdDSA Ed25519"'

# Every code of every room stands here; a test compares.
STATUS: Final[dict[str, int]] = {
    "booking.already_booked": 409,
    "booking.already_held": 409,
    "booking.appointment_not_active": 409,
    "booking.appointment_not_found": 404,
    "booking.cancel_deadline_passed": 409,
    "booking.contended": 503,
    "booking.daily_limit_reached": 409,
    "booking.follow_up_not_allowed": 409,
    "booking.follow_up_not_due": 409,
    "booking.follow_up_used": 409,
    "booking.follow_up_window_passed": 409,
    "booking.hold_ended": 409,
    "booking.hold_not_found": 404,
    "booking.limit_reached": 409,
    "booking.not_released": 409,
    "booking.other_department": 409,
    "booking.patient_banned": 409,
    "booking.patient_not_eligible": 409,
    "booking.patient_not_found": 404,
    "booking.reschedule_limit_reached": 409,
    "booking.same_slot": 409,
    "booking.schedule_unknown": 404,
    "booking.seat_taken": 409,
    "booking.slot_not_found": 404,
    "booking.slot_past": 409,
    "booking.sold_out": 409,
    "catalogue.day_past": 409,
    "catalogue.duplicate": 409,
    "catalogue.essential_entry": 409,
    "catalogue.fee_missing": 409,
    "catalogue.field_not_changeable": 422,
    "catalogue.in_use": 409,
    "catalogue.not_found": 404,
    "catalogue.nothing_to_change": 422,
    "catalogue.quota_invalid": 422,
    "catalogue.range_too_long": 422,
    "catalogue.reference_mismatch": 422,
    "catalogue.reference_unknown": 422,
    "catalogue.schedule_clash": 409,
    "catalogue.schedule_has_bookings": 409,
    "catalogue.schedule_not_active": 409,
    "catalogue.seats_not_blocked": 409,
    "catalogue.seats_not_free": 409,
    "catalogue.value_not_allowed": 422,
    "catalogue.version_conflict": 409,
    "extra_seats.decided": 409,
    "extra_seats.quota_reached": 409,
    "extra_seats.second_person_needed": 409,
    "extra_seats.stopped": 409,
    "fairness.appeal_decided": 409,
    "fairness.appeal_limit_reached": 409,
    "fairness.appeal_not_found": 404,
    "fairness.appeal_open": 409,
    "fairness.ban_not_active": 409,
    "fairness.ban_not_found": 404,
    "fairness.not_noshow": 409,
    "fairness.pass_for_staff_only": 403,
    "his.dead_letter_not_found": 404,
    "his.dead_letter_reason_missing": 422,
    "his.disagrees": 409,
    "his.facts_unreadable": 422,
    "his.unavailable": 503,
    "idempotency.mismatch": 409,
    "kernel.database_busy": 503,
    "kernel.database_unavailable": 503,
    "kernel.unavailable": 503,
    "oauth.application_decided": 409,
    "oauth.application_not_found": 404,
    "oauth.insufficient_scope": 403,
    "oauth.invalid_token": 401,
    "oauth.staff_required": 403,
    "oauth.staff_unknown": 403,
    "patients.document_disagrees": 422,
    "patients.identity_disagrees": 409,
    "patients.invalid_document": 422,
    "patients.name_mismatch": 409,
    "patients.not_found": 404,
    "queue.already_checked_in": 409,
    "queue.check_in_closed": 409,
    "queue.check_in_not_open": 409,
    "queue.code_expired": 409,
    "queue.code_invalid": 409,
    "queue.entry_moved": 409,
    "queue.entry_not_found": 404,
    "queue.flags_staff_only": 403,
    "queue.nobody_waiting": 409,
    "queue.not_found": 404,
    "queue.place_impossible": 409,
    "queue.place_inaccurate": 409,
    "queue.place_mocked": 409,
    "queue.place_outdated": 409,
    "queue.place_replayed": 409,
    "queue.place_too_far": 409,
    "queue.room_not_found": 404,
    "queue.same_class": 409,
    "queue.same_queue": 409,
    "queue.somebody_called": 409,
    "queue.too_many_watchers": 503,
    "queue.way_not_allowed": 403,
    "request.internal_error": 500,
    "request.invalid_cursor": 400,
    "request.invalid_idempotency_key": 400,
    "request.malformed": 400,
    "request.method_not_allowed": 405,
    "request.not_found": 404,
    "request.schema_violation": 422,
    "request.too_large": 413,
    "request.unsupported_media_type": 415,
    "stops.already_stopped": 409,
    "stops.not_found": 404,
    "stops.nothing_to_stop": 409,
    "stops.offer_ended": 409,
    "stops.offer_not_found": 404,
    "stops.policy_invalid": 422,
    "stops.restart_too_late": 409,
    "stops.status_conflict": 409,
    "waitlist.already_waiting": 409,
    "waitlist.closed": 409,
    "waitlist.dates_invalid": 422,
    "waitlist.entry_ended": 409,
    "waitlist.entry_not_found": 404,
    "waitlist.limit_reached": 409,
    "waitlist.offer_ended": 409,
    "waitlist.offer_not_found": 404,
    "waitlist.priority_not_allowed": 403,
    "waitlist.seats_available": 409,
    "waitlist.target_not_found": 404,
}

TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def problem(error: HospitalError, *, request_id: str, language: str) -> HTTPResponse:
    """Render an error for a partner: a stable code, and a sentence that can be shown to a patient."""
    status = STATUS[error.code]
    body = error.details | {
        "type": f"/docs#{error.code}",
        "title": TITLES[status],
        "status": status,
        "detail": error.sentence(language),
        "code": error.code,
        "request_id": request_id,
    }
    headers = {"x-request-id": request_id, "content-language": "en" if language == "en" else "zh-CN"}
    if status == 401:
        headers["www-authenticate"] = CHALLENGE
    elif error.code == "oauth.insufficient_scope":
        headers["www-authenticate"] = (
            f'Bearer realm="hospital", error="insufficient_scope", scope="{error.details["scope"]}"'
        )
    elif status == 503:
        headers["retry-after"] = RETRY_AFTER_SECONDS
    return Answer(orjson.dumps(body, default=str), status, headers, PROBLEM_JSON)
