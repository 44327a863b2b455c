"""Partners' applications: registration and review, their doors and limits, what they asked for and of whom."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from kernel.db import DatabaseUnavailable
from kernel.ids import parse_id
from open_api.administration.entries import READ, WRITE, WRITE_ERRORS, after, shown_page
from open_api.calls import PartnerCall, Reply, created, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor
from open_api.routing import Routes
from partners import applications, errors, gates
from partners.request_records import RecordFilter, list_records
from patients.access_log import list_accesses

routes: Final = Routes("administration: partners", staff_only=True, operation_class="sensitive")
_APPLICATION: Final = "partners/application.json"
_GATE: Final = "partners/gate.json"
_APPLICATIONS: Final = "partners.applications"
_POLICIES: Final = "partners.policies"
_RECORDS: Final = "partners.records"
_ACCESSES: Final = "partners.accesses"
# For the cursor alone, or for the patient's own page.
_UNSHOWN: Final = ("source", "application", "consent_id", "consented_at", "account_id")


@routes.post(
    "/administration/applications",
    scope=WRITE,
    request="partners/application_new.json",
    response=_APPLICATION,
    errors=WRITE_ERRORS,
    status=201,
)
async def create_application(call: PartnerCall) -> Reply:
    """Open the draft of a partner's application."""
    made = await applications.create_application(call.body, actor=call.actor, idempotency=call.idempotency)
    return created(made, location=f"/open/v1/administration/applications/{made['id']}")


@routes.get(
    "/administration/applications",
    scope=READ,
    query="partners/application_query.json",
    response="partners/application_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_applications(call: PartnerCall) -> Reply:
    """List partners' applications, the newest first."""
    limit, last = call.query.get("limit", LIMIT_DEFAULT), after(_APPLICATIONS, call.query)
    found = await applications.list_applications(
        status=call.query.get("status"), before=parse_id(last) if last else None, limit=limit + 1
    )
    return shown_page(_APPLICATIONS, found, limit, "id")


@routes.get(
    "/administration/applications/<application_id:uuid>",
    scope=READ,
    response=_APPLICATION,
    errors=[errors.ApplicationNotFound, DatabaseUnavailable],
)
async def get_application(call: PartnerCall) -> Reply:
    """Read a partner's application."""
    return ok(await applications.get_application(call.path["application_id"]))


@routes.patch(
    "/administration/applications/<application_id:uuid>",
    scope=WRITE,
    request="partners/application_change.json",
    response=_APPLICATION,
    errors=[errors.ApplicationNotFound, errors.ApplicationNotDraft, errors.VersionConflict, *WRITE_ERRORS],
)
async def change_application(call: PartnerCall) -> Reply:
    """Change a draft that is still as you read it (`version`)."""
    return ok(
        await applications.change_application(
            call.path["application_id"],
            call.body,
            version=int(call.body["version"]),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.post(
    "/administration/applications/<application_id:uuid>/status",
    scope=WRITE,
    request="partners/application_move.json",
    response=_APPLICATION,
    errors=[
        errors.ApplicationNotFound,
        errors.ApplicationStatus,
        errors.ClientNotFound,
        errors.ClientMismatch,
        *WRITE_ERRORS,
    ],
)
async def move_application(call: PartnerCall) -> Reply:
    """Submit, approve, refuse, reopen, put live, suspend or retire an application; it takes effect within a second."""
    return ok(
        await applications.move_application(
            call.path["application_id"],
            call.body["status"],
            reason=call.body.get("reason"),
            client_id=call.body.get("client_id"),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.get(
    "/administration/gates/<client_id:str>",
    scope=READ,
    response=_GATE,
    errors=[errors.ClientNotFound, DatabaseUnavailable],
)
async def get_gate(call: PartnerCall) -> Reply:
    """Read the door of an application: stopped or not, from where it may come, how it signs."""
    return ok(await gates.get_gate(call.path["client_id"]))


@routes.put(
    "/administration/gates/<client_id:str>",
    scope=WRITE,
    request="partners/gate_change.json",
    response=_GATE,
    errors=[errors.ClientNotFound, errors.GateInvalid, errors.VersionConflict, *WRITE_ERRORS],
)
async def set_gate(call: PartnerCall) -> Reply:
    """Set from where an application may come and how it signs, if that is still as you read it (`version`)."""
    body = call.body
    return ok(
        await gates.set_gate(
            call.path["client_id"],
            networks=body["networks"],
            sm2_public_key=body["sm2_public_key"],
            signature_required=body["signature_required"],
            version=int(body["version"]),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.post(
    "/administration/gates/<client_id:str>/stop",
    scope=WRITE,
    request="partners/gate_turn.json",
    response=_GATE,
    errors=[errors.ClientNotFound, *WRITE_ERRORS],
)
async def stop_client(call: PartnerCall) -> Reply:
    """Stop an application: every process refuses it within a second."""
    return ok(await _turn(call, stopped=True))


@routes.post(
    "/administration/gates/<client_id:str>/resume",
    scope=WRITE,
    request="partners/gate_turn.json",
    response=_GATE,
    errors=[errors.ClientNotFound, *WRITE_ERRORS],
)
async def resume_client(call: PartnerCall) -> Reply:
    """Let an application that was stopped in again."""
    return ok(await _turn(call, stopped=False))


async def _turn(call: PartnerCall, *, stopped: bool) -> dict[str, Any]:
    return await gates.stop_client(
        call.path["client_id"],
        stopped=stopped,
        reason=call.body["reason"],
        actor=call.actor,
        idempotency=call.idempotency,
    )


@routes.get(
    "/administration/rate-policies",
    scope=READ,
    query="partners/rate_policy_query.json",
    response="partners/rate_policy_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_rate_policies(call: PartnerCall) -> Reply:
    """List limits: how often applications may ask."""
    limit, last = call.query.get("limit", LIMIT_DEFAULT), after(_POLICIES, call.query)
    found = await gates.list_policies(
        client_id=call.query.get("client_id"), before=parse_id(last) if last else None, limit=limit + 1
    )
    return shown_page(_POLICIES, found, limit, "id")


@routes.put(
    "/administration/rate-policies",
    scope=WRITE,
    request="partners/rate_policy_set.json",
    response="partners/rate_policy.json",
    errors=[errors.ClientNotFound, *WRITE_ERRORS],
)
async def set_rate_policy(call: PartnerCall) -> Reply:
    """Set a limit: a rate or a day's quota, of one application or of all of a kind; within a second it counts."""
    body = call.body
    return ok(
        await gates.set_policy(
            client_id=body.get("client_id"),
            client_kind=body.get("client_kind"),
            covers=body["covers"],
            window_seconds=int(body["window_seconds"]),
            requests=None if body["requests"] is None else int(body["requests"]),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.delete(
    "/administration/rate-policies/<policy_id:uuid>",
    scope=WRITE,
    query="administration/removal_query.json",
    response="partners/rate_policy.json",
    errors=[errors.PolicyNotFound, errors.VersionConflict, *WRITE_ERRORS],
)
async def remove_rate_policy(call: PartnerCall) -> Reply:
    """Remove a limit; that of the application's kind counts again."""
    return ok(
        await gates.remove_policy(
            call.path["policy_id"],
            version=int(call.query["version"]),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.get(
    "/administration/requests",
    scope=READ,
    query="partners/record_query.json",
    response="partners/record_page.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_requests(call: PartnerCall) -> Reply:
    """Search what applications asked for, the newest first: who, what, whose data, outcome and latency."""
    query, limit = call.query, call.query.get("limit", LIMIT_DEFAULT)
    place = read_cursor(_RECORDS, query["cursor"]) if "cursor" in query else None
    found = await list_records(
        RecordFilter(
            client_id=query.get("client_id"),
            operation=query.get("operation"),
            status=query.get("status"),
            code=query.get("code"),
            patient_id=parse_id(query["patient_id"]) if "patient_id" in query else None,
            request_id=query.get("request_id"),
            since=_instant(query.get("since")),
            until=_instant(query.get("until")),
        ),
        before=(datetime.fromisoformat(str(place[0])), int(place[1])) if place else None,
        limit=limit + 1,
    )
    return shown_page(_RECORDS, found, limit, "at", "id")


@routes.get(
    "/administration/patient-accesses",
    scope=READ,
    query="partners/access_query.json",
    response="partners/access_page.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_patient_accesses(call: PartnerCall) -> Reply:
    """List which partners read or changed a patient's data, or what one partner did, the newest first."""
    query, limit = call.query, call.query.get("limit", LIMIT_DEFAULT)
    place = read_cursor(_ACCESSES, query["cursor"]) if "cursor" in query else None
    found = await list_accesses(
        patient_id=parse_id(query["patient_id"]) if "patient_id" in query else None,
        client_id=query.get("client_id"),
        since=_instant(query.get("since")),
        until=_instant(query.get("until")),
        before=(datetime.fromisoformat(str(place[0])), str(place[1]), int(place[2])) if place else None,
        limit=limit + 1,
    )
    answer = shown_page(_ACCESSES, [asdict(entry) for entry in found], limit, "at", "source", "id")
    for item in answer.body["items"]:
        for name in _UNSHOWN:
            del item[name]
    return answer


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
