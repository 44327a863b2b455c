"""Joiners, movers and leavers. Who leaves loses sessions, credentials and delegations in one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.audit import record_change
from kernel.db import Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.ids import new_id
from oauth import registration
from oauth.client_rules import RegistrationRefused
from oauth.sign_in.endings import end_access
from oauth.sign_in.sessions import Ending
from oauth.sign_in.subjects import Subject
from oauth.staff.errors import OwnRights, RoleUnknown, StaffExists, StaffNotFound

REVIEW_EVERY: Final = timedelta(days=90)
CREDENTIALS: Final = ("sign_in_password", "sign_in_totp", "sign_in_recovery_code", "sign_in_passkey")


@dataclass(frozen=True, slots=True)
class RoleAt:
    """A role everywhere, or at one campus or in one department."""

    role: str
    campus_id: UUID | None = None
    department_id: UUID | None = None

    @property
    def plain(self) -> dict[str, str | None]:
        """As it is kept in the record of changes."""
        return {
            "role": self.role,
            "campus_id": str(self.campus_id) if self.campus_id else None,
            "department_id": str(self.department_id) if self.department_id else None,
        }


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A member of staff as administrators see them. methods: what they can sign in with."""

    id: UUID
    code: str
    name: str
    status: str
    roles: Sequence[RoleAt]
    methods: Sequence[str]
    signed_in_at: datetime | None
    reviewed_at: datetime | None
    reviewed_by: str | None
    created_at: datetime
    left_at: datetime | None


@dataclass(frozen=True, slots=True)
class Role:
    """What somebody of this role may do."""

    code: str
    name_zh: str
    name_en: str
    scopes: Sequence[str]


async def join(tx: Transaction, *, code: str, name: str, roles: Collection[RoleAt], actor: Actor) -> StaffMember:
    """Employ somebody in roles; an invitation lets them set up what they sign in with.

    Raises:
        StaffExists, RoleUnknown, OwnRights.
    """
    if await tx.fetchval("SELECT true FROM staff WHERE code = $1", code):
        raise StaffExists
    try:
        await registration.register_staff(tx, code=code, name=name, actor=actor)
    except RegistrationRefused as error:
        raise StaffExists from error
    return await move(tx, code=code, roles=roles, actor=actor)


async def holds_role(
    db: Reader, *, staff_code: str, role: str, campus_id: UUID | None, department_id: UUID | None
) -> bool:
    """Tell whether somebody who works here has a role everywhere, or at this campus or in this department."""
    found = await db.fetch(
        "SELECT FROM staff s JOIN staff_assignment a ON a.staff_id = s.id"
        " WHERE s.code = $1 AND s.status = 'active' AND a.role = $2"
        " AND (a.campus_id IS NULL OR a.campus_id = $3) AND (a.department_id IS NULL OR a.department_id = $4)",
        staff_code,
        role,
        campus_id,
        department_id,
    )
    return bool(found)


async def move(tx: Transaction, *, code: str, roles: Collection[RoleAt], actor: Actor) -> StaffMember:
    """Give somebody these roles and no others. What stays keeps its delegations; what goes takes them along.

    Raises:
        StaffNotFound, RoleUnknown, OwnRights.
    """
    row = await lock_staff(tx, code)
    require_another(actor, code)
    wanted, present = set(roles), await _roles(tx, row["id"])
    for one in wanted - set(present):
        await _require_place(tx, one)
    for one in set(present) - wanted:
        await tx.execute("DELETE FROM staff_assignment WHERE id = $1", present[one])
    for one in wanted - set(present):
        await tx.execute(
            "INSERT INTO staff_assignment (id, staff_id, role, campus_id, department_id, given_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            new_id(),
            row["id"],
            one.role,
            one.campus_id,
            one.department_id,
            clock.now(),
        )
    if wanted != set(present):
        await _record(tx, code, {"roles": _plain(present)}, {"roles": _plain(wanted)}, actor)
    return await read_staff(tx, code)


async def leave(tx: Transaction, *, code: str, actor: Actor) -> StaffMember:
    """Let somebody go: from this commit on no session, credential or invitation of theirs is worth anything.

    Raises:
        StaffNotFound, OwnRights.
    """
    row = await lock_staff(tx, code)
    require_another(actor, code)
    now = clock.now()
    await tx.execute(
        "UPDATE staff SET status = 'left', left_at = $2, version = version + 1 WHERE id = $1", row["id"], now
    )
    await end_credentials(tx, row["id"], ending="left")
    await tx.execute("DELETE FROM staff_assignment WHERE staff_id = $1", row["id"])
    await tx.execute(
        "UPDATE staff_delegation SET ended_at = $2 WHERE to_staff_id = $1 AND ended_at IS NULL", row["id"], now
    )
    await tx.execute(
        "UPDATE staff_invitation SET ended_at = $2, ended_by = 'left' WHERE staff_id = $1 AND ended_at IS NULL",
        row["id"],
        now,
    )
    await _record(tx, code, {"status": "active"}, {"status": "left"}, actor)
    return await read_staff(tx, code)


async def review(tx: Transaction, *, code: str, actor: Actor) -> StaffMember:
    """Confirm that somebody's roles are still right.

    Raises:
        StaffNotFound, OwnRights.
    """
    row = await lock_staff(tx, code)
    require_another(actor, code)
    now = clock.now()
    await tx.execute(
        "UPDATE staff SET reviewed_at = $2, reviewed_by = $3, version = version + 1 WHERE id = $1",
        row["id"],
        now,
        actor.staff_code or actor.client_id,
    )
    before = {"reviewed_at": row["reviewed_at"] and str(row["reviewed_at"])}
    await _record(tx, code, before, {"reviewed_at": str(now), "roles": _plain(await _roles(tx, row["id"]))}, actor)
    return await read_staff(tx, code)


async def end_credentials(tx: Transaction, staff_id: UUID, *, ending: Ending) -> None:
    """End everything that somebody signs in with, and every session of theirs."""
    await end_access(tx, Subject("staff", staff_id), ending=ending)
    for table in CREDENTIALS:
        await tx.execute(f"DELETE FROM {table} WHERE subject_kind = 'staff' AND subject_id = $1", staff_id)  # noqa: S608  our own tables


async def read_staff(db: Reader, code: str) -> StaffMember:
    """Give a member of staff, or one who has left.

    Raises:
        StaffNotFound, DatabaseUnavailable.
    """
    rows = await db.fetch(f"{_SELECT} WHERE s.code = $1", code)
    if not rows:
        raise StaffNotFound
    return _shape(rows[0])


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a member of staff is to the hospital's other systems. roles: codes of those held anywhere."""

    code: str
    name: str
    roles: tuple[str, ...]


async def identify(staff_id: UUID) -> Identity | None:
    """Tell who a member of staff is; None for one who has left.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT s.code, s.name,"
        " array(SELECT DISTINCT a.role FROM staff_assignment a WHERE a.staff_id = s.id ORDER BY 1) AS roles"
        " FROM staff s WHERE s.id = $1 AND s.status = 'active'",
        staff_id,
    )
    return None if row is None else Identity(row["code"], row["name"], tuple(row["roles"]))


async def list_staff(
    *, status: str | None, role: str | None, review_due: bool | None, after: str | None, limit: int
) -> list[StaffMember]:
    """List staff by code. review_due: those whose roles nobody has looked at for a quarter, or the others.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"{_SELECT} WHERE ($1::text IS NULL OR s.status = $1)"
        " AND ($2::text IS NULL OR EXISTS (SELECT FROM staff_assignment a WHERE a.staff_id = s.id AND a.role = $2))"
        " AND ($3::boolean IS NULL OR (s.status = 'active' AND coalesce(s.reviewed_at, s.created_at) < $4) = $3)"
        " AND ($5::text IS NULL OR s.code > $5) ORDER BY s.code LIMIT $6",
        status,
        role,
        review_due,
        clock.now() - REVIEW_EVERY,
        after,
        limit,
    )
    return [_shape(row) for row in rows]


async def list_roles() -> list[Role]:
    """Give the roles that somebody may have.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch("SELECT code, name_zh, name_en, scopes FROM staff_role ORDER BY code")
    return [Role(*row.values()) for row in rows]


async def lock_staff(tx: Transaction, code: str) -> Row:
    """Lock somebody who works here.

    Raises:
        StaffNotFound.
    """
    row = await tx.fetchrow("SELECT * FROM staff WHERE code = $1 AND status = 'active' FOR UPDATE", code)
    if row is None:
        raise StaffNotFound
    return row


def require_another(actor: Actor, code: str) -> None:
    """Let nobody do this to themselves, in person or through a delegate.

    Raises:
        OwnRights.
    """
    if code in (actor.staff_code, actor.on_behalf_of):
        raise OwnRights


_SELECT: Final = """
SELECT s.*,
    coalesce((SELECT jsonb_agg(jsonb_build_array(a.role, a.campus_id, a.department_id) ORDER BY a.role, a.given_at)
              FROM staff_assignment a WHERE a.staff_id = s.id), '[]') AS roles,
    (SELECT array_remove(ARRAY[
        CASE WHEN EXISTS (SELECT FROM sign_in_password p WHERE p.subject_kind = 'staff' AND p.subject_id = s.id)
             THEN 'password' END,
        CASE WHEN EXISTS (SELECT FROM sign_in_passkey k WHERE k.subject_kind = 'staff' AND k.subject_id = s.id)
             THEN 'passkey' END], NULL)) AS methods,
    (SELECT max(e.at) FROM sign_in_event e
     WHERE e.subject_kind = 'staff' AND e.subject_id = s.id AND e.kind = 'signed_in') AS signed_in_at
FROM staff s"""


def _shape(row: Row) -> StaffMember:
    return StaffMember(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        status=row["status"],
        roles=[RoleAt(role, campus and UUID(campus), room and UUID(room)) for role, campus, room in row["roles"]],
        methods=row["methods"],
        signed_in_at=row["signed_in_at"],
        reviewed_at=row["reviewed_at"],
        reviewed_by=row["reviewed_by"],
        created_at=row["created_at"],
        left_at=row["left_at"],
    )


async def _roles(tx: Transaction, staff_id: UUID) -> dict[RoleAt, UUID]:
    rows = await tx.fetch(
        "SELECT id, role, campus_id, department_id FROM staff_assignment WHERE staff_id = $1 ORDER BY id", staff_id
    )
    return {RoleAt(row["role"], row["campus_id"], row["department_id"]): row["id"] for row in rows}


async def _require_place(tx: Transaction, wanted: RoleAt) -> None:
    """Check that a role and its place are there; a place is a campus or a department, not both.

    Raises:
        RoleUnknown.
    """
    if wanted.campus_id and wanted.department_id:
        raise RoleUnknown(field="department_id")
    for field, query, value in (
        ("role", "SELECT true FROM staff_role WHERE code = $1", wanted.role),
        ("campus_id", "SELECT true FROM campus WHERE id = $1", wanted.campus_id),
        ("department_id", "SELECT true FROM department WHERE id = $1", wanted.department_id),
    ):
        if value is not None and not await tx.fetchval(query, value):
            raise RoleUnknown(field=field)


def _plain(roles: Collection[RoleAt]) -> list[dict[str, str | None]]:
    return sorted((one.plain for one in roles), key=str)


async def _record(tx: Transaction, code: str, before: dict[str, Any], after: dict[str, Any], actor: Actor) -> None:
    await record_change(tx, entity="staff", entity_id=code, action="updated", before=before, after=after, actor=actor)
