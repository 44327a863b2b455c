"""Extra numbers: asked for by one member of staff, decided by another, so many a practitioner and half day."""

from typing import Final

from booking import errors as booking_errors
from booking.catalogue import errors as catalogue_errors
from booking.extra_seats import errors, quotas, service
from kernel.db import DatabaseUnavailable
from kernel.ids import parse_id
from open_api.administration.entries import READ, WRITE, WRITE_ERRORS, after, shown_page
from open_api.calls import PartnerCall, Reply, created, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes

routes: Final = Routes("administration: extra seats", staff_only=True, operation_class="sensitive")
_LIST: Final = "extra_seats"
_EXTRA_SEAT: Final = "extra_seats/extra_seat.json"
_QUOTA: Final = "extra_seats/quota.json"
_NOT_THERE: Final = (
    catalogue_errors.EntryNotFound,
    catalogue_errors.ScheduleNotActive,
    catalogue_errors.DayPast,
    errors.ExtraSeatStopped,
    booking_errors.PatientUnknown,
    booking_errors.PatientNotEligible,
    booking_errors.PatientBanned,
)


@routes.post(
    "/administration/slots/<slot_id:uuid>/extra-seats",
    scope=WRITE,
    request="extra_seats/request.json",
    response=_EXTRA_SEAT,
    errors=[*_NOT_THERE, catalogue_errors.ReferenceUnknown, errors.ExtraSeatQuotaReached, *WRITE_ERRORS],
    status=201,
)
async def request_extra_seat(call: PartnerCall) -> Reply:
    """Ask for one more number in a slot, for a patient by name or for whoever may book the pool."""
    body = call.body
    request = await service.request_extra_seat(
        slot_id=call.path["slot_id"],
        pool=body["pool"],
        patient_id=parse_id(body["patient_id"]) if "patient_id" in body else None,
        reason=body["reason"],
        pass_reason=body.get("ban_pass_reason"),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(request, location=f"/open/v1/administration/extra-seats/{request['id']}")


@routes.get(
    "/administration/extra-seats",
    scope=READ,
    query="extra_seats/query.json",
    response="extra_seats/extra_seat_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_extra_seats(call: PartnerCall) -> Reply:
    """List requests for extra numbers, the newest first."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_LIST, query)
    found = await service.list_extra_seats(
        schedule_id=parse_id(query["schedule_id"]) if "schedule_id" in query else None,
        status=query.get("status"),
        before=parse_id(last) if last else None,
        limit=limit + 1,
    )
    return shown_page(_LIST, found, limit, "id")


@routes.get(
    "/administration/extra-seats/<request_id:uuid>",
    scope=READ,
    response=_EXTRA_SEAT,
    errors=[catalogue_errors.EntryNotFound, DatabaseUnavailable],
)
async def get_extra_seat(call: PartnerCall) -> Reply:
    """Read a request for an extra number, and what became of it."""
    return ok(await service.get_extra_seat(call.path["request_id"]))


@routes.post(
    "/administration/extra-seats/<request_id:uuid>/approve",
    scope=WRITE,
    response=_EXTRA_SEAT,
    errors=[
        *_NOT_THERE,
        errors.ExtraSeatDecided,
        errors.SecondPersonNeeded,
        booking_errors.AlreadyBooked,
        booking_errors.AlreadyHeld,
        booking_errors.DailyLimitReached,
        booking_errors.Contended,
        *WRITE_ERRORS,
    ],
)
async def approve_extra_seat(call: PartnerCall) -> Reply:
    """Add the number that a colleague has asked for; a named patient has it at once."""
    return ok(await service.approve_extra_seat(call.path["request_id"], actor=call.actor, idempotency=call.idempotency))


@routes.post(
    "/administration/extra-seats/<request_id:uuid>/refuse",
    scope=WRITE,
    response=_EXTRA_SEAT,
    errors=[
        catalogue_errors.EntryNotFound,
        errors.ExtraSeatDecided,
        errors.SecondPersonNeeded,
        *WRITE_ERRORS,
    ],
)
async def refuse_extra_seat(call: PartnerCall) -> Reply:
    """Turn a colleague's request down."""
    return ok(await service.refuse_extra_seat(call.path["request_id"], actor=call.actor, idempotency=call.idempotency))


@routes.get(
    "/administration/extra-seat-quota",
    scope=READ,
    query="extra_seats/quota_query.json",
    response=_QUOTA,
    errors=[catalogue_errors.EntryNotFound, DatabaseUnavailable],
)
async def get_extra_seat_quota(call: PartnerCall) -> Reply:
    """Read how many extra numbers a practitioner may have in a half day, or the hospital's own figure."""
    query = call.query
    return ok(await quotas.get_quota(parse_id(query["practitioner_id"]) if "practitioner_id" in query else None))


@routes.put(
    "/administration/extra-seat-quota",
    scope=WRITE,
    request="extra_seats/quota_change.json",
    response=_QUOTA,
    errors=[catalogue_errors.EntryNotFound, catalogue_errors.VersionConflict, *WRITE_ERRORS],
)
async def set_extra_seat_quota(call: PartnerCall) -> Reply:
    """Set a practitioner's quota, or the hospital's own, that is still as you read it (`version`)."""
    body = call.body
    quota = await quotas.set_quota(
        parse_id(body["practitioner_id"]) if "practitioner_id" in body else None,
        per_half_day=int(body["per_half_day"]),
        version=int(body["version"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(quota)
