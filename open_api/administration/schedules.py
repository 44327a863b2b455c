"""Templates, the schedules made of them or by hand, and the seats of a schedule."""

from datetime import date, time
from typing import Any, Final

from booking.catalogue import errors, generation, kinds, schedules
from booking.catalogue.schedules import NewSchedule, ScheduleFilter
from kernel.db import DatabaseUnavailable
from kernel.ids import parse_id
from open_api.administration.entries import READ, WRITE, WRITE_ERRORS, add_entries, shown_page
from open_api.calls import PartnerCall, Reply, created, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor
from open_api.routing import Routes

routes: Final = Routes("administration: schedules", staff_only=True, operation_class="sensitive")
_LIST: Final = "administration.schedule"
_NOT_COMING: Final = (errors.EntryNotFound, errors.ScheduleNotActive, errors.DayPast)

add_entries(
    routes,
    kinds.SCHEDULE_TEMPLATE,
    "/administration/schedule-templates",
    one="schedule template",
    many="schedule templates",
    refusals=[
        errors.ReferenceUnknown,
        errors.ReferenceMismatch,
        errors.ValueNotAllowed,
        errors.QuotaInvalid,
        errors.ScheduleClash,
    ],
)


@routes.get(
    "/administration/generation",
    scope=READ,
    query="administration/generation_query.json",
    response="administration/generation_report.json",
    errors=[errors.DayPast, errors.RangeTooLong, DatabaseUnavailable],
)
async def preview_generation(call: PartnerCall) -> Reply:
    """Show what generating a range of days would create, leave out and find in its way; nothing is changed."""
    report = await generation.preview_schedules(**_range(call.query))
    return ok(_shown(report))


@routes.post(
    "/administration/generation",
    scope=WRITE,
    request="administration/generation_request.json",
    response="administration/generation_report.json",
    errors=[errors.DayPast, errors.RangeTooLong, *WRITE_ERRORS],
)
async def generate_schedules(call: PartnerCall) -> Reply:
    """Make the schedules of a range of days that are not there yet; doing it again changes nothing."""
    report = await generation.generate_schedules(**_range(call.body), actor=call.actor, idempotency=call.idempotency)
    return ok(_shown(report))


@routes.get(
    "/administration/schedules",
    scope=READ,
    query="administration/schedule_query.json",
    response="administration/schedule_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_schedules(call: PartnerCall) -> Reply:
    """List schedules by day, withdrawn ones too unless you ask for the active ones."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    found = await schedules.list_schedules(
        ScheduleFilter(
            date_from=date.fromisoformat(query["date_from"]) if "date_from" in query else None,
            date_until=date.fromisoformat(query["date_until"]) if "date_until" in query else None,
            clinic_id=parse_id(query["clinic_id"]) if "clinic_id" in query else None,
            practitioner_id=parse_id(query["practitioner_id"]) if "practitioner_id" in query else None,
            status=query.get("status"),
        ),
        after=_after(query),
        limit=limit + 1,
    )
    return shown_page(_LIST, found, limit, "date", "id")


@routes.post(
    "/administration/schedules",
    scope=WRITE,
    request="administration/schedule_new.json",
    response="administration/schedule_detail.json",
    errors=[
        errors.ReferenceUnknown,
        errors.ReferenceMismatch,
        errors.ValueNotAllowed,
        errors.QuotaInvalid,
        errors.DayPast,
        errors.ScheduleClash,
        errors.FeeMissing,
        *WRITE_ERRORS,
    ],
    status=201,
)
async def create_schedule(call: PartnerCall) -> Reply:
    """Publish a schedule by hand, outside the templates."""
    body = call.body
    schedule = await schedules.create_schedule(
        NewSchedule(
            practitioner_id=parse_id(body["practitioner_id"]),
            clinic_id=parse_id(body["clinic_id"]),
            room_id=parse_id(body["room_id"]),
            service_type=body["service_type"],
            on=date.fromisoformat(body["date"]),
            period=body["period"],
            starts=time.fromisoformat(body["starts"]),
            ends=time.fromisoformat(body["ends"]),
            slot_minutes=int(body["slot_minutes"]),
            seats_per_slot=int(body["seats_per_slot"]),
            quotas={pool: int(percent) for pool, percent in body.get("quotas", {}).items()},
        ),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(schedule, location=f"/open/v1/administration/schedules/{schedule['id']}")


@routes.get(
    "/administration/schedules/<schedule_id:uuid>",
    scope=READ,
    response="administration/schedule_detail.json",
    errors=[errors.EntryNotFound, DatabaseUnavailable],
)
async def get_schedule(call: PartnerCall) -> Reply:
    """Read a schedule with its slots, where its seats are, and when they open to which channel."""
    return ok(await schedules.get_schedule(call.path["schedule_id"]))


@routes.post(
    "/administration/schedules/<schedule_id:uuid>/withdraw",
    scope=WRITE,
    request="administration/withdrawal.json",
    response="administration/schedule_detail.json",
    errors=[*_NOT_COMING, errors.VersionConflict, errors.ScheduleHasBookings, *WRITE_ERRORS],
)
async def withdraw_schedule(call: PartnerCall) -> Reply:
    """Take a schedule out of sale for good, while nobody has a number of it."""
    return ok(
        await schedules.withdraw_schedule(
            call.path["schedule_id"], version=int(call.body["version"]), actor=call.actor, idempotency=call.idempotency
        )
    )


@routes.post(
    "/administration/schedules/<schedule_id:uuid>/move-seats",
    scope=WRITE,
    request="administration/seat_move.json",
    response="administration/schedule_detail.json",
    errors=[*_NOT_COMING, errors.ReferenceUnknown, errors.ValueNotAllowed, errors.SeatsNotFree, *WRITE_ERRORS],
)
async def move_seats(call: PartnerCall) -> Reply:
    """Give free seats of one pool to another."""
    body = call.body
    return ok(
        await schedules.move_seats(
            call.path["schedule_id"],
            from_pool=body["from_pool"],
            to_pool=body["to_pool"],
            count=int(body["count"]),
            slot_id=parse_id(body["slot_id"]) if "slot_id" in body else None,
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.post(
    "/administration/slots/<slot_id:uuid>/block",
    scope=WRITE,
    request="administration/seat_block.json",
    response="administration/schedule_detail.json",
    errors=[*_NOT_COMING, errors.SeatsNotFree, *WRITE_ERRORS],
)
async def block_seats(call: PartnerCall) -> Reply:
    """Take free seats of a slot out of sale; answers with the slot's schedule."""
    return ok(
        await schedules.block_seats(
            call.path["slot_id"],
            count=int(call.body["count"]),
            pool=call.body.get("pool"),
            reason=call.body.get("reason"),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.post(
    "/administration/slots/<slot_id:uuid>/unblock",
    scope=WRITE,
    request="administration/seat_unblock.json",
    response="administration/schedule_detail.json",
    errors=[*_NOT_COMING, errors.SeatsNotBlocked, *WRITE_ERRORS],
)
async def unblock_seats(call: PartnerCall) -> Reply:
    """Put blocked seats of a slot back on sale; answers with the slot's schedule."""
    return ok(
        await schedules.unblock_seats(
            call.path["slot_id"], count=int(call.body["count"]), actor=call.actor, idempotency=call.idempotency
        )
    )


def _range(given: dict[str, Any]) -> dict[str, date]:
    return {"first": date.fromisoformat(given["date_from"]), "last": date.fromisoformat(given["date_until"])}


def _shown(report: generation.GenerationReport) -> dict[str, Any]:
    values = report.stored()
    return {"date_from": values.pop("first"), "date_until": values.pop("last"), **values}


def _after(query: dict[str, Any]) -> tuple[date, Any] | None:
    if "cursor" not in query:
        return None
    day, schedule_id = read_cursor(_LIST, query["cursor"])
    return date.fromisoformat(str(day)), parse_id(str(schedule_id))
