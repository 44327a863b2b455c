"""Members of staff: who works here, in which roles and where, who comes, moves, leaves, and stands in for whom."""

from datetime import datetime
from typing import Any, Final

from kernel.db import DatabaseUnavailable, database
from kernel.errors import HospitalError
from kernel.ids import parse_id
from oauth.clients import STAFF_CODE
from oauth.staff import delegations, errors, office, people
from oauth.staff.delegations import Delegation
from oauth.staff.invitations import Invitation
from oauth.staff.people import RoleAt, StaffMember
from open_api.administration.entries import WRITE_ERRORS, after, shown_page
from open_api.calls import PartnerCall, Reply, created, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import PREFIX, Routes

routes: Final = Routes("administration: staff", staff_only=True)
READ: Final = "staff.read"
WRITE: Final = "staff.write"
_LIST: Final = "staff"
_BASE: Final = "/administration/staff"
_ONE: Final = f"{_BASE}/<code:str>"
_MEMBER: Final = "staff/member.json"
_CHANGES: Final[tuple[type[HospitalError], ...]] = (errors.StaffNotFound, errors.OwnRights, *WRITE_ERRORS)


@routes.get(
    _BASE,
    scope=READ,
    query="staff/query.json",
    response="staff/member_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_staff(call: PartnerCall) -> Reply:
    """List members of staff by code; for the periodic review, those whose roles nobody has confirmed for 90 days."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    found = await people.list_staff(
        status=query.get("status"),
        role=query.get("role"),
        review_due=query.get("review_due"),
        after=after(_LIST, query),
        limit=limit + 1,
    )
    return shown_page(_LIST, [_render(one) for one in found], limit, "code")


@routes.post(
    _BASE,
    scope=WRITE,
    request="staff/new.json",
    response="staff/invited.json",
    errors=[errors.StaffExists, errors.RoleUnknown, errors.OwnRights, *WRITE_ERRORS],
    status=201,
)
async def employ_staff(call: PartnerCall) -> Reply:
    """Employ somebody in roles. The link and the code to set up their sign-in are told this once; valid for a day."""
    body = call.body
    member, invitation = await office.employ(
        code=body["code"],
        name=body["name"],
        roles=[_role(one) for one in body["roles"]],
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(_invited(member, invitation), location=f"{PREFIX}{_BASE}/{member.code}")


@routes.get(_ONE, scope=READ, response=_MEMBER, errors=[errors.StaffNotFound, DatabaseUnavailable])
async def get_staff(call: PartnerCall) -> Reply:
    """Read a member of staff, or one who has left."""
    return ok(_render(await people.read_staff(database(), _code(call))))


@routes.put(
    f"{_ONE}/roles",
    scope=WRITE,
    request="staff/roles_change.json",
    response=_MEMBER,
    errors=[errors.RoleUnknown, *_CHANGES],
)
async def move_staff(call: PartnerCall) -> Reply:
    """Give somebody these roles and no others; what they let others do in a role they lose ends with it."""
    roles = [_role(one) for one in call.body["roles"]]
    return ok(_render(await office.move(code=_code(call), roles=roles, actor=call.actor, idempotency=call.idempotency)))


@routes.post(f"{_ONE}/invitation", scope=WRITE, response="staff/invited.json", errors=_CHANGES)
async def invite_staff(call: PartnerCall) -> Reply:
    """Let somebody set up their sign-in anew, as after a loss; what they had, and their sessions, end at once."""
    return ok(_invited(*await office.invite(code=_code(call), actor=call.actor, idempotency=call.idempotency)))


@routes.post(f"{_ONE}/leave", scope=WRITE, response=_MEMBER, errors=_CHANGES)
async def let_staff_go(call: PartnerCall) -> Reply:
    """Let somebody go: their sessions, credentials, roles and delegations end at once."""
    return ok(_render(await office.let_go(code=_code(call), actor=call.actor, idempotency=call.idempotency)))


@routes.post(f"{_ONE}/review", scope=WRITE, response=_MEMBER, errors=_CHANGES)
async def review_staff(call: PartnerCall) -> Reply:
    """Confirm that somebody's roles are still right."""
    return ok(_render(await office.confirm(code=_code(call), actor=call.actor, idempotency=call.idempotency)))


@routes.get(
    f"{_ONE}/delegations",
    scope=READ,
    response="staff/delegation_list.json",
    errors=[errors.StaffNotFound, DatabaseUnavailable],
)
async def list_delegations(call: PartnerCall) -> Reply:
    """List whom somebody lets act for them, now or later."""
    found = await delegations.list_delegations(database(), _code(call))
    return ok({"items": [_render_delegation(one) for one in found]})


@routes.post(
    f"{_ONE}/delegations",
    scope=WRITE,
    request="staff/delegation_new.json",
    response="staff/delegation.json",
    errors=[errors.DelegationRefused, *_CHANGES],
)
async def delegate_role(call: PartnerCall) -> Reply:
    """Let another act for somebody in one of their roles for a time: `On-Behalf-Of` beside `Acting-Staff`."""
    body = call.body
    made = await office.delegate(
        from_code=_code(call),
        to_code=body["to"],
        role=_role(body),
        starts_at=datetime.fromisoformat(body["starts_at"]),
        ends_at=datetime.fromisoformat(body["ends_at"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(_render_delegation(made))


@routes.post(
    f"{_ONE}/delegations/<delegation_id:uuid>/end",
    scope=WRITE,
    response="staff/delegation.json",
    errors=[errors.DelegationNotFound, errors.StaffNotFound, *WRITE_ERRORS],
)
async def end_delegation(call: PartnerCall) -> Reply:
    """End a delegation before its time."""
    ended = await office.end_delegation(
        from_code=_code(call),
        delegation_id=call.path["delegation_id"],
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return ok(_render_delegation(ended))


@routes.get("/administration/staff-roles", scope=READ, response="staff/role_list.json", errors=[DatabaseUnavailable])
async def list_roles(_call: PartnerCall) -> Reply:
    """List the roles that somebody may have, and what each may do."""
    found = await people.list_roles()
    return ok(
        {
            "items": [
                {"code": one.code, "name_zh": one.name_zh, "name_en": one.name_en, "scopes": list(one.scopes)}
                for one in found
            ]
        }
    )


def _code(call: PartnerCall) -> str:
    code: str = call.path["code"]
    if not STAFF_CODE.fullmatch(code):
        raise errors.StaffNotFound
    return code


def _role(body: dict[str, Any]) -> RoleAt:
    places = {name: parse_id(body[name]) for name in ("campus_id", "department_id") if body.get(name)}
    return RoleAt(body["role"], **places)


def _render(member: StaffMember) -> dict[str, Any]:
    return {
        "code": member.code,
        "name": member.name,
        "status": member.status,
        "roles": [one.plain for one in member.roles],
        "methods": list(member.methods),
        "signed_in_at": member.signed_in_at,
        "reviewed_at": member.reviewed_at,
        "reviewed_by": member.reviewed_by,
        "created_at": member.created_at,
        "left_at": member.left_at,
    }


def _invited(member: StaffMember, invitation: Invitation) -> dict[str, Any]:
    told = {"link": invitation.link, "code": invitation.code, "expires_at": invitation.expires_at}
    return _render(member) | {"invitation": told}


def _render_delegation(delegation: Delegation) -> dict[str, Any]:
    return {
        "id": str(delegation.id),
        "from": delegation.from_code,
        "to": delegation.to_code,
        "starts_at": delegation.starts_at,
        "ends_at": delegation.ends_at,
        "ended_at": delegation.ended_at,
    } | delegation.role.plain
