"""A sandbox's faults: what your application has to stand, when you want it. There is nothing of this in production."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from booking import errors as booking_errors
from booking.stops import errors as stop_errors
from booking.stops import rehearsals, saga
from kernel.db import DatabaseUnavailable
from kernel.events import Actor
from kernel.idempotency import Idempotency, IdempotencyMismatch
from kernel.ids import parse_id
from open_api.calls import PartnerCall, Reply, created, ok, page
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.routing import Route, Routes
from partners.sandbox import errors, service
from partners.sandbox.service import NewFault

routes: Final = Routes("sandbox", sandbox_only=True)
MANAGE: Final = "sandbox.manage"
_LIST: Final = "sandbox_faults"
_WRITE_ERRORS: Final = (IdempotencyMismatch, DatabaseUnavailable)
# The operations that faults may be asked for, and whether they change anything.
_operations: dict[str, bool] = {}


def operations() -> list[str]:
    """Name the operations that faults may be asked for."""
    return sorted(_operations)


def allow_faults_of(served: Iterable[Route]) -> None:
    """Say which operations there are: those that partners may ask for, except these here."""
    _operations.update(
        {route.name: route.changes_state for route in served if not (route.staff_only or route.sandbox_only)}
    )


@routes.post(
    "/sandbox/faults",
    scope=MANAGE,
    request="sandbox/fault_new.json",
    response="sandbox/fault.json",
    errors=[
        errors.FaultInvalid,
        errors.FaultLimitReached,
        booking_errors.AppointmentNotFound,
        booking_errors.AppointmentNotActive,
        stop_errors.AlreadyStopped,
        *_WRITE_ERRORS,
    ],
    status=201,
)
async def trigger_fault(call: PartnerCall) -> Reply:
    """Let a fault meet your application's next calls or deliveries, or stop the clinic of one of its appointments."""
    fault = await begin_fault(call.body, actor=call.actor, idempotency=call.idempotency)
    return created(fault, location=f"/open/v1/sandbox/faults/{fault['id']}")


@routes.get(
    "/sandbox/faults",
    scope=MANAGE,
    query="sandbox/fault_query.json",
    response="sandbox/fault_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_faults(call: PartnerCall) -> Reply:
    """List your application's faults, the newest first: those that wait, and those that are over, for seven days."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    before = None
    if "cursor" in call.query:
        before = parse_id(str(read_cursor(_LIST, call.query["cursor"])[0]))
    found = await service.list_faults(client_id=call.client.id, before=before, limit=limit + 1)
    shown = found[:limit]
    return page(shown, next_cursor=write_cursor(_LIST, shown[-1]["id"]) if len(found) > limit else None)


@routes.get(
    "/sandbox/faults/<fault_id:uuid>",
    scope=MANAGE,
    response="sandbox/fault.json",
    errors=[errors.FaultNotFound, DatabaseUnavailable],
)
async def get_fault(call: PartnerCall) -> Reply:
    """Read one of your application's faults, and how often it has hit."""
    return ok(await service.get_fault(call.path["fault_id"], client_id=call.client.id))


@routes.delete(
    "/sandbox/faults/<fault_id:uuid>",
    scope=MANAGE,
    response="sandbox/fault.json",
    errors=[
        errors.FaultNotFound,
        errors.FaultEnded,
        stop_errors.StopStatusConflict,
        stop_errors.RestartTooLate,
        *_WRITE_ERRORS,
    ],
)
async def cancel_fault(call: PartnerCall) -> Reply:
    """Call a fault off. A stopped clinic is given again; who was moved or cancelled meanwhile stays so."""
    fault = await end_fault(call.path["fault_id"], actor=call.actor, idempotency=call.idempotency)
    return ok(fault)


async def begin_fault(
    wanted: dict[str, Any], *, actor: Actor, idempotency: Idempotency | None = None
) -> dict[str, Any]:
    """Carry out a request for a fault, from the API or the portal; its fields are those of the schema.

    Raises:
        FaultInvalid, FaultLimitReached, AppointmentNotFound, AppointmentNotActive, AlreadyStopped.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    operation = wanted.get("operation")
    if operation is not None and operation not in _operations:
        raise errors.FaultInvalid(field="operation")
    appointment = wanted.get("appointment_id")
    fault = await service.trigger_fault(
        NewFault(**wanted | {"appointment_id": None if appointment is None else parse_id(appointment)}),
        changing=operation is not None and _operations[operation],
        stop_clinic=rehearsals.stop_own_clinic,
        actor=actor,
        idempotency=idempotency,
    )
    return _driven(fault)


async def end_fault(fault_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> dict[str, Any]:
    """Call a fault off, from the API or the portal.

    Raises:
        FaultNotFound, FaultEnded, StopStatusConflict, RestartTooLate, IdempotencyMismatch, DatabaseUnavailable.
    """
    return _driven(
        await service.cancel_fault(
            fault_id, restart=rehearsals.restart_own_clinic, actor=actor, idempotency=idempotency
        )
    )


def _driven(fault: dict[str, Any]) -> dict[str, Any]:
    """Go on with the stop of a fault at once, rather than at the timetable's next turn."""
    if fault["stop_id"] is not None:
        saga.begin(parse_id(fault["stop_id"]))
    return fault
