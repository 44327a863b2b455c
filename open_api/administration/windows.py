"""The emergency quota of the HIS's windows, and registrations of an outage that wait for a member of staff."""

from datetime import date
from typing import Final

from booking import errors as booking_errors
from booking.catalogue import errors as catalogue_errors
from booking.windows import errors, queries, service
from kernel import clock
from kernel.db import DatabaseUnavailable
from kernel.ids import parse_id
from open_api.administration.entries import READ, WRITE, WRITE_ERRORS, after, shown_page
from open_api.calls import PartnerCall, Reply, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes

routes: Final = Routes("administration: windows", staff_only=True)
_QUOTAS: Final = "windows.quotas"
_CASES: Final = "windows.cases"
_QUOTA: Final = "windows/quota.json"
_CASE: Final = "windows/case.json"


@routes.get(
    "/administration/emergency-quotas",
    scope=READ,
    query="windows/quota_query.json",
    response="windows/quota_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_emergency_quotas(call: PartnerCall) -> Reply:
    """List a clinic day's schedules with what their windows hold, and whether the HIS has confirmed it."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_QUOTAS, query)
    found = await queries.list_quotas(
        on=date.fromisoformat(query["date"]) if "date" in query else clock.today(),
        clinic_id=parse_id(query["clinic_id"]) if "clinic_id" in query else None,
        unconfirmed_only=query.get("unconfirmed", False),
        after=parse_id(last) if last else None,
        limit=limit + 1,
    )
    return shown_page(_QUOTAS, found, limit, "schedule_id")


@routes.put(
    "/administration/schedules/<schedule_id:uuid>/emergency-quota",
    scope=WRITE,
    request="windows/quota_change.json",
    response=_QUOTA,
    errors=[
        catalogue_errors.EntryNotFound,
        catalogue_errors.ScheduleNotActive,
        catalogue_errors.DayPast,
        errors.TooFewNumbers,
        *WRITE_ERRORS,
    ],
)
async def set_emergency_quota(call: PartnerCall) -> Reply:
    """Set how many unused numbers of a schedule the HIS's window holds for the time while the platform is down."""
    quota = await service.set_quota(
        call.path["schedule_id"],
        count=int(call.body["numbers"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(quota)


@routes.get(
    "/administration/window-cases",
    scope=READ,
    query="windows/case_query.json",
    response="windows/case_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_window_cases(call: PartnerCall) -> Reply:
    """List registrations of outages that could not be merged, the newest first."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_CASES, query)
    found = await queries.list_cases(
        status=query.get("status"),
        clinic_id=parse_id(query["clinic_id"]) if "clinic_id" in query else None,
        before=parse_id(last) if last else None,
        limit=limit + 1,
    )
    return shown_page(_CASES, found, limit, "id")


@routes.get(
    "/administration/window-cases/<case_id:uuid>",
    scope=READ,
    response=_CASE,
    errors=[catalogue_errors.EntryNotFound, DatabaseUnavailable],
)
async def get_window_case(call: PartnerCall) -> Reply:
    """Read a registration that could not be merged, and what became of it."""
    return ok(await queries.get_case(call.path["case_id"]))


@routes.post(
    "/administration/window-cases/<case_id:uuid>/accept",
    scope=WRITE,
    request="windows/case_acceptance.json",
    response=_CASE,
    errors=[
        catalogue_errors.EntryNotFound,
        errors.CaseSettled,
        errors.PersonUnknown,
        errors.NumberTaken,
        booking_errors.PatientUnknown,
        booking_errors.SlotNotFound,
        booking_errors.SlotPast,
        booking_errors.NotReleased,
        booking_errors.SoldOut,
        booking_errors.AlreadyBooked,
        booking_errors.DailyLimitReached,
        booking_errors.Contended,
        *WRITE_ERRORS,
    ],
)
async def accept_window_case(call: PartnerCall) -> Reply:
    """Let a registration stand in spite of the clinic's rules, with its own number or in another slot."""
    body = call.body
    case = await service.accept_case(
        call.path["case_id"],
        slot_id=parse_id(body["slot_id"]) if "slot_id" in body else None,
        patient_id=parse_id(body["patient_id"]) if "patient_id" in body else None,
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(case)


@routes.post(
    "/administration/window-cases/<case_id:uuid>/refuse",
    scope=WRITE,
    request="windows/case_refusal.json",
    response=_CASE,
    errors=[catalogue_errors.EntryNotFound, errors.CaseSettled, *WRITE_ERRORS],
)
async def refuse_window_case(call: PartnerCall) -> Reply:
    """Close a case without an appointment, once the person has been told; the HIS undoes what stands at its window."""
    case = await service.refuse_case(
        call.path["case_id"], note=call.body["note"], actor=call.actor, idempotency=call.idempotency
    )
    return ok(case)
