"""What staff do with the queue before a room: call, pass, let back in, transfer, triage, see, finish."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from booking.queue import errors, queries, service
from booking.queue.facts import Entry
from kernel import clock
from kernel.db import DatabaseBusy, DatabaseUnavailable
from kernel.errors import HospitalError
from kernel.idempotency import IdempotencyMismatch
from kernel.ids import parse_id
from open_api.calls import PartnerCall, Reply, ok
from open_api.queue import render_entry
from open_api.routing import Handler, Routes

routes: Final = Routes("triage", staff_only=True)

_ALWAYS: Final[tuple[type[HospitalError], ...]] = (IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable)
_OF_ENTRY: Final[tuple[type[HospitalError], ...]] = (errors.EntryNotFound, errors.EntryMoved, *_ALWAYS)


@routes.get(
    "/queues",
    scope="queue.write",
    query="queue/queue_query.json",
    response="queue/queue_list.json",
    errors=[DatabaseUnavailable],
)
async def list_queues(call: PartnerCall) -> Reply:
    """Read today's queues before a room, everybody in order."""
    found = await queries.list_queues(room_id=parse_id(call.query["room_id"]))
    at = clock.now()
    items: list[dict[str, Any]] = []
    for state in found:
        entries = state.entries_at(at)
        items.append(
            {
                "practitioner_id": state.place.practitioner_id,
                "practitioner_name": state.place.practitioner_name,
                "date": state.place.clinic_date,
                "waiting": [render_entry(entry) for entry in entries[: len(state.waiting)]],
                "others": [render_entry(entry) for entry in entries[len(state.waiting) :]],
            }
        )
    return ok({"items": items})


@routes.post(
    "/queues/call-next",
    scope="queue.write",
    request="queue/call_request.json",
    response="queue/entry.json",
    errors=[errors.QueueNotFound, errors.SomebodyCalled, errors.NobodyWaiting, *_ALWAYS],
)
async def call_next(call: PartnerCall) -> Reply:
    """Call whoever's turn it is to a practitioner's room."""
    return _shown(
        await service.call_next(
            practitioner_id=parse_id(call.body["practitioner_id"]),
            room_id=parse_id(call.body["room_id"]),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


def _step(
    name: str, *, request: str | None = None, errors: Sequence[type[HospitalError]] = ()
) -> Callable[[Handler], Handler]:
    """Declare one step of one person's place in a queue."""
    return routes.post(
        f"/queue/<entry_id:uuid>/{name}",
        scope="queue.write",
        request=request,
        response="queue/entry.json",
        errors=(*errors, *_OF_ENTRY),
    )


@_step("call", errors=[errors.SomebodyCalled])
async def call_entry(call: PartnerCall) -> Reply:
    """Call one person out of turn, as the doctor wishes."""
    return _shown(await service.call_entry(**_who(call)))


@_step("recall")
async def recall_entry(call: PartnerCall) -> Reply:
    """Call the person once more who was called and has not come."""
    return _shown(await service.recall_entry(**_who(call)))


@_step("pass")
async def pass_entry(call: PartnerCall) -> Reply:
    """Pass the person by who was called and has not come."""
    return _shown(await service.pass_entry(**_who(call)))


@_step("return")
async def return_entry(call: PartnerCall) -> Reply:
    """Let somebody back in: who was passed, some places further down; who was seen, with results."""
    return _shown(await service.return_entry(**_who(call)))


@_step("triage", request="queue/triage_request.json", errors=[errors.SameClass])
async def triage_entry(call: PartnerCall) -> Reply:
    """Give somebody another class after a second look, with the reason."""
    return _shown(await service.triage_entry(class_=call.body["class"], reason=call.body["reason"], **_who(call)))


@_step("transfer", request="queue/transfer_request.json", errors=[errors.QueueNotFound, errors.SameQueue])
async def transfer_entry(call: PartnerCall) -> Reply:
    """Send somebody to another practitioner's room."""
    return _shown(
        await service.transfer_entry(
            practitioner_id=parse_id(call.body["practitioner_id"]),
            room_id=parse_id(call.body["room_id"]),
            reason=call.body["reason"],
            **_who(call),
        )
    )


@_step("start")
async def start_consultation(call: PartnerCall) -> Reply:
    """Note that the person who was called is with the doctor."""
    return _shown(await service.start_consultation(**_who(call)))


@_step("finish")
async def finish_consultation(call: PartnerCall) -> Reply:
    """Note that the consultation has ended; the appointment is fulfilled, and the HIS is told."""
    return _shown(await service.finish_consultation(**_who(call)))


@_step("leave", request="queue/leave_request.json")
async def leave_queue(call: PartnerCall) -> Reply:
    """Note that somebody went home without being seen."""
    return _shown(await service.leave_queue(reason=call.body["reason"], **_who(call)))


def _who(call: PartnerCall) -> dict[str, Any]:
    """Give what every step takes: of whom, by whom, and under which key."""
    return {"entry_id": call.path["entry_id"], "actor": call.actor, "idempotency": call.idempotency}


def _shown(entry: Entry) -> Reply:
    return ok(render_entry(entry))
