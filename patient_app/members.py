"""The people an account may act for: bound by real name and document, with their consent; minors by a guardian."""

from datetime import date
from typing import Any

from kernel import clock
from kernel.db import DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from oauth.sign_in.errors import TooManyAttempts
from open_api.calls import Reply, created, ok
from patient_app.calls import PatientCall
from patient_app.routing import MEMBER, NO_CONTENT, PREFIX, Routes
from patients import account_views, accounts
from patients.account_views import MemberView
from patients.errors import (
    AlreadyMember,
    ConsentMissing,
    DocumentDisagrees,
    GuardianRequired,
    InvalidDocument,
    MemberLimitReached,
    NameMismatch,
    PatientNotFound,
)
from patients.service import Registration

routes = Routes("members")


@routes.get("/members", response="app/member_list.json")
async def list_members(call: PatientCall) -> Reply:
    """List the people the account may act for, the default one first."""
    found = await account_views.list_members(call.account_id)
    return ok({"items": [render_member(one) for one in found], "limit": accounts.MEMBERS_MAX})


@routes.post(
    "/members",
    request="app/member_request.json",
    response="app/member.json",
    errors=[
        AlreadyMember,
        ConsentMissing,
        DocumentDisagrees,
        GuardianRequired,
        InvalidDocument,
        MemberLimitReached,
        NameMismatch,
        TooManyAttempts,
        IdempotencyMismatch,
        DatabaseUnavailable,
    ],
    status=201,
)
async def add_member(call: PatientCall) -> Reply:
    """Add a person by real name and document; for another, the version of the consent that was shown and agreed to."""
    body = call.body
    consent_version = body.get("consent_version")
    patient = await accounts.bind_member(
        call.account_id,
        Registration(
            name=body["name"],
            document_type=body["document"]["type"],
            document_number=body["document"]["number"],
            sex=body.get("sex"),
            birth_date=date.fromisoformat(body["birth_date"]) if "birth_date" in body else None,
            phone=body.get("phone"),
        ),
        relationship=body["relationship"],
        consent_note=consent_version and f"{call.channel}:{consent_version}",
        request_id=call.request_id,
        idempotency=call.idempotency,
    )
    members = await account_views.list_members(call.account_id)
    bound = next((one for one in members if one.patient_id == patient.id), None)
    if bound is None:
        # They were taken away again by another phone of the account.
        raise PatientNotFound
    return created(render_member(bound), location=f"{PREFIX}/members/{patient.id}")


@routes.get(MEMBER, response="app/member.json", errors=[PatientNotFound])
async def get_member(call: PatientCall) -> Reply:
    """Read one person the account may act for."""
    found = await account_views.list_members(call.account_id)
    mine = next((one for one in found if one.patient_id == call.patient_id), None)
    if mine is None:
        raise PatientNotFound
    return ok(render_member(mine))


@routes.put(f"{MEMBER}/default", errors=[PatientNotFound, DatabaseUnavailable])
async def choose_default_member(call: PatientCall) -> Reply:
    """Make a person the one who is meant when the app opens."""
    await accounts.choose_default(call.account_id, call.patient_id)
    return Reply(None, NO_CONTENT)


@routes.delete(MEMBER, errors=[PatientNotFound, DatabaseUnavailable])
async def remove_member(call: PatientCall) -> Reply:
    """Act for a person no longer; what was booked for them stands."""
    await accounts.unbind_member(call.account_id, call.patient_id, request_id=call.request_id)
    return Reply(None, NO_CONTENT)


def render_member(one: MemberView) -> dict[str, Any]:
    """Shape a member for the wire."""
    today = clock.today()
    had_birthday = (today.month, today.day) >= (one.birth_date.month, one.birth_date.day)
    return {
        "patient_id": one.patient_id,
        "name": one.name,
        "relationship": one.relationship,
        "is_default": one.is_default,
        "sex": one.sex,
        "birth_date": one.birth_date,
        "age_years": today.year - one.birth_date.year - (not had_birthday),
        "is_adult": one.is_adult,
        "document": {"type": one.document_type, "number": one.document_number},
        "bound_at": one.bound_at,
    }
