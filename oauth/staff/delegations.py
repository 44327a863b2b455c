"""Delegation: while A is away, B acts for A in one of A's roles, from then until then; what B does names both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from kernel import clock
from kernel.audit import record_change
from kernel.db import Reader, Transaction, database
from kernel.events import Actor
from kernel.ids import new_id
from oauth.clients import STAFF_CODE
from oauth.errors import StaffUnknown
from oauth.staff.errors import DelegationNotFound, DelegationRefused, OwnRights, StaffNotFound
from oauth.staff.people import RoleAt, lock_staff

LENGTH_MAX: Final = timedelta(days=60)
OPEN_MAX: Final = 10
# Who gives rights does so in person.
NEVER_DELEGATED: Final = ("administrator",)


@dataclass(frozen=True, slots=True)
class Delegation:
    """B acts for A in a role of A's. from_code: A; to_code: B."""

    id: UUID
    from_code: str
    to_code: str
    role: RoleAt
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Authority:
    """What somebody may do now: a role of their own, or one of somebody's for whom they act."""

    role: RoleAt
    scopes: frozenset[str]
    on_behalf_of: str | None


async def delegate(
    tx: Transaction,
    *,
    from_code: str,
    to_code: str,
    role: RoleAt,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
) -> Delegation:
    """Let B act for A in one of A's own roles.

    Raises:
        StaffNotFound: one of them does not work here.
        OwnRights: B would let themselves act for A.
        DelegationRefused: rule `self`, `role_not_held`, `not_delegable`, `times`, `too_many` or `overlap`.
    """
    if from_code == to_code:
        raise DelegationRefused(rule="self")
    if to_code in (actor.staff_code, actor.on_behalf_of):
        raise OwnRights
    now = clock.now()
    if not (now < ends_at and starts_at < ends_at <= starts_at + LENGTH_MAX):
        raise DelegationRefused(rule="times")
    if role.role in NEVER_DELEGATED:
        raise DelegationRefused(rule="not_delegable")
    ids = {code: (await lock_staff(tx, code))["id"] for code in sorted((from_code, to_code))}
    assignment = await tx.fetchval(
        "SELECT id FROM staff_assignment WHERE staff_id = $1 AND role = $2 AND campus_id IS NOT DISTINCT FROM $3"
        " AND department_id IS NOT DISTINCT FROM $4",
        ids[from_code],
        role.role,
        role.campus_id,
        role.department_id,
    )
    if assignment is None:
        raise DelegationRefused(rule="role_not_held")
    count = await tx.fetchval(
        "SELECT count(*) FROM staff_delegation WHERE from_staff_id = $1 AND ended_at IS NULL AND ends_at > $2",
        ids[from_code],
        now,
    )
    if count >= OPEN_MAX:
        raise DelegationRefused(rule="too_many")
    made = Delegation(new_id(), from_code, to_code, role, starts_at, ends_at, None)
    try:
        await tx.execute(
            "INSERT INTO staff_delegation"
            " (id, from_staff_id, to_staff_id, assignment_id, starts_at, ends_at, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            made.id,
            ids[from_code],
            ids[to_code],
            assignment,
            starts_at,
            ends_at,
            now,
        )
    except asyncpg.ExclusionViolationError as error:
        raise DelegationRefused(rule="overlap") from error
    after = {"to": to_code, "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()} | role.plain
    await record_change(
        tx, entity="staff_delegation", entity_id=from_code, action="created", before=None, after=after, actor=actor
    )
    return made


async def end_delegation(tx: Transaction, *, from_code: str, delegation_id: UUID, actor: Actor) -> Delegation:
    """End a delegation of A's before its time.

    Raises:
        DelegationNotFound.
    """
    now = clock.now()
    ended = await tx.execute(
        "UPDATE staff_delegation d SET ended_at = $3 FROM staff s"
        " WHERE d.id = $1 AND s.id = d.from_staff_id AND s.code = $2 AND d.ended_at IS NULL AND d.ends_at > $3",
        delegation_id,
        from_code,
        now,
    )
    if ended != 1:
        raise DelegationNotFound
    before = {"ended_at": None, "id": str(delegation_id)}
    await record_change(
        tx,
        entity="staff_delegation",
        entity_id=from_code,
        action="updated",
        before=before,
        after={"ended_at": now.isoformat()},
        actor=actor,
    )
    [found] = [one for one in await list_delegations(tx, from_code, ended=True) if one.id == delegation_id]
    return found


async def list_delegations(db: Reader, from_code: str, *, ended: bool = False) -> list[Delegation]:
    """Give whom A lets act for her, the newest first; ended ones only when asked for.

    Raises:
        StaffNotFound, DatabaseUnavailable.
    """
    if not await db.fetch("SELECT FROM staff WHERE code = $1", from_code):
        raise StaffNotFound
    rows = await db.fetch(
        "SELECT d.id, f.code AS from_code, t.code AS to_code, a.role, a.campus_id, a.department_id,"
        " d.starts_at, d.ends_at, d.ended_at FROM staff_delegation d JOIN staff f ON f.id = d.from_staff_id"
        " JOIN staff t ON t.id = d.to_staff_id JOIN staff_assignment a ON a.id = d.assignment_id"
        " WHERE f.code = $1 AND ($2 OR (d.ended_at IS NULL AND d.ends_at > $3)) ORDER BY d.id DESC LIMIT 100",
        from_code,
        ended,
        clock.now(),
    )
    return [
        Delegation(
            row["id"],
            row["from_code"],
            row["to_code"],
            RoleAt(row["role"], row["campus_id"], row["department_id"]),
            row["starts_at"],
            row["ends_at"],
            row["ended_at"],
        )
        for row in rows
    ]


async def authority_of(staff_id: UUID) -> Sequence[Authority]:
    """Give what somebody may do now, their own roles first; nothing once they have left.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT a.role, a.campus_id, a.department_id, r.scopes, NULL::text AS on_behalf_of FROM staff_assignment a"
        " JOIN staff s ON s.id = a.staff_id AND s.status = 'active' JOIN staff_role r ON r.code = a.role"
        " WHERE a.staff_id = $1"
        " UNION ALL"
        " SELECT a.role, a.campus_id, a.department_id, r.scopes, f.code FROM staff_delegation d"
        " JOIN staff_assignment a ON a.id = d.assignment_id JOIN staff_role r ON r.code = a.role"
        " JOIN staff f ON f.id = d.from_staff_id AND f.status = 'active'"
        " JOIN staff t ON t.id = d.to_staff_id AND t.status = 'active'"
        " WHERE d.to_staff_id = $1 AND d.ended_at IS NULL AND d.starts_at <= $2 AND d.ends_at > $2",
        staff_id,
        clock.now(),
    )
    return [
        Authority(
            RoleAt(row["role"], row["campus_id"], row["department_id"]), frozenset(row["scopes"]), row["on_behalf_of"]
        )
        for row in rows
    ]


async def require_delegate(*, staff_code: str, on_behalf_of: str, scope: str) -> str:
    """Check that B may act for A in what a scope covers, now; gives A's code.

    Raises:
        StaffUnknown: A does not work here, or has not let B do this.
        DatabaseUnavailable.
    """
    if not STAFF_CODE.fullmatch(on_behalf_of):
        raise StaffUnknown
    staff_id = await database().fetchval("SELECT id FROM staff WHERE code = $1 AND status = 'active'", staff_code)
    found = await authority_of(staff_id) if staff_id else ()
    if not any(one.on_behalf_of == on_behalf_of and scope in one.scopes for one in found):
        raise StaffUnknown
    return on_behalf_of
