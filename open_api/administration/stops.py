"""Stopped clinics: ordering a stop, watching it, resting it, and taking it back."""

from datetime import datetime
from typing import Any, Final

from booking.catalogue import errors as catalogue_errors
from booking.stops import errors, queries, saga, service
from booking.stops.facts import NewStop, StopPolicy
from kernel.db import DatabaseUnavailable
from kernel.errors import HospitalError
from kernel.ids import parse_id
from open_api.administration.entries import READ, WRITE, WRITE_ERRORS, after, shown_page
from open_api.calls import PartnerCall, Reply, created, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes

routes: Final = Routes("administration: stops", staff_only=True, operation_class="sensitive")
_LIST: Final = "stops"
_CASES: Final = "stops.cases"
_STOP: Final = "stops/stop.json"
_TURN_ERRORS: Final[tuple[type[HospitalError], ...]] = (
    catalogue_errors.EntryNotFound,
    errors.StopStatusConflict,
    *WRITE_ERRORS,
)


@routes.post(
    "/administration/stops",
    scope=WRITE,
    request="stops/stop_new.json",
    response=_STOP,
    errors=[
        catalogue_errors.EntryNotFound,
        catalogue_errors.ScheduleNotActive,
        catalogue_errors.DayPast,
        catalogue_errors.ReferenceUnknown,
        catalogue_errors.ValueNotAllowed,
        catalogue_errors.FeeMissing,
        catalogue_errors.ScheduleClash,
        errors.AlreadyStopped,
        errors.NothingToStop,
        errors.PolicyInvalid,
        *WRITE_ERRORS,
    ],
    status=201,
)
async def order_stop(call: PartnerCall) -> Reply:
    """Stop a clinic, slots of it or single numbers; it is carried out in the background."""
    body = call.body
    stop = await service.order_stop(
        NewStop(
            schedule_id=parse_id(body["schedule_id"]),
            reason=body["reason"],
            slot_ids=[parse_id(slot) for slot in body["slot_ids"]] if "slot_ids" in body else None,
            queue_numbers=[int(number) for number in body["queue_numbers"]] if "queue_numbers" in body else None,
            effective_at=datetime.fromisoformat(body["effective_at"]) if "effective_at" in body else None,
            steps=body.get("steps"),
            offer_minutes=_whole(body.get("offer_minutes")),
            within_days=_whole(body.get("within_days")),
            substitute_id=(
                parse_id(body["substitute_practitioner_id"]) if "substitute_practitioner_id" in body else None
            ),
        ),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    saga.begin(parse_id(stop["id"]))
    return created(stop, location=f"/open/v1/administration/stops/{stop['id']}")


@routes.get(
    "/administration/stops",
    scope=READ,
    query="stops/stop_query.json",
    response="stops/stop_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_stops(call: PartnerCall) -> Reply:
    """List stop orders with their reports, the newest first."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_LIST, query)
    found = await queries.list_orders(
        schedule_id=parse_id(query["schedule_id"]) if "schedule_id" in query else None,
        status=query.get("status"),
        before=parse_id(last) if last else None,
        limit=limit + 1,
    )
    return shown_page(_LIST, found, limit, "id")


@routes.get(
    "/administration/stops/<stop_id:uuid>",
    scope=READ,
    response=_STOP,
    errors=[catalogue_errors.EntryNotFound, DatabaseUnavailable],
)
async def get_stop(call: PartnerCall) -> Reply:
    """Read a stop order: how far it is, and what became of the patients."""
    return ok(await queries.get_order(call.path["stop_id"]))


@routes.get(
    "/administration/stops/<stop_id:uuid>/cases",
    scope=READ,
    query="stops/stop_case_query.json",
    response="stops/stop_cases.json",
    errors=[catalogue_errors.EntryNotFound, InvalidCursor, DatabaseUnavailable],
)
async def list_stop_cases(call: PartnerCall) -> Reply:
    """List the appointments that a stop touches, with what became of each."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_CASES, query)
    found = await queries.list_cases(
        call.path["stop_id"], status=query.get("status"), after=int(last) if last else None, limit=limit + 1
    )
    return shown_page(_CASES, found, limit, "position")


@routes.post("/administration/stops/<stop_id:uuid>/pause", scope=WRITE, response=_STOP, errors=_TURN_ERRORS)
async def pause_stop(call: PartnerCall) -> Reply:
    """Let a stop rest after the step under way; choices that are open can still be made."""
    return ok(await service.pause_stop(call.path["stop_id"], actor=call.actor, idempotency=call.idempotency))


@routes.post("/administration/stops/<stop_id:uuid>/resume", scope=WRITE, response=_STOP, errors=_TURN_ERRORS)
async def resume_stop(call: PartnerCall) -> Reply:
    """Go on with a stop that rests."""
    return _begun(await service.resume_stop(call.path["stop_id"], actor=call.actor, idempotency=call.idempotency))


@routes.post("/administration/stops/<stop_id:uuid>/abort", scope=WRITE, response=_STOP, errors=_TURN_ERRORS)
async def abort_stop(call: PartnerCall) -> Reply:
    """Leave the rest to people: open cases keep their appointments, frozen seats stay out of sale."""
    return ok(await service.abort_stop(call.path["stop_id"], actor=call.actor, idempotency=call.idempotency))


@routes.post(
    "/administration/stops/<stop_id:uuid>/restart",
    scope=WRITE,
    response=_STOP,
    errors=[errors.RestartTooLate, *_TURN_ERRORS],
)
async def restart_clinic(call: PartnerCall) -> Reply:
    """Take a stop back before its first slot begins: seats go back on sale, open cases keep their appointments."""
    return _begun(await service.restart_clinic(call.path["stop_id"], actor=call.actor, idempotency=call.idempotency))


@routes.get("/administration/stop-rule", scope=READ, response="stops/stop_rule.json", errors=[DatabaseUnavailable])
async def get_stop_rule(_call: PartnerCall) -> Reply:
    """Read what is done for the patients of a stopped clinic where the order says nothing else."""
    return ok(await service.get_rule())


@routes.put(
    "/administration/stop-rule",
    scope=WRITE,
    request="stops/stop_rule_change.json",
    response="stops/stop_rule.json",
    errors=[errors.PolicyInvalid, catalogue_errors.VersionConflict, *WRITE_ERRORS],
)
async def change_stop_rule(call: PartnerCall) -> Reply:
    """Set the stop rule that is still as you read it (`version`); orders that stand keep their own steps."""
    body = call.body
    rule = await service.change_rule(
        StopPolicy(
            steps=tuple(body["steps"]),
            offer_minutes=int(body["offer_minutes"]),
            within_days=int(body["within_days"]),
        ),
        version=int(body["version"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(rule)


def _begun(stop: dict[str, Any]) -> Reply:
    saga.begin(parse_id(stop["id"]))
    return ok(stop)


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
