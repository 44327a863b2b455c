"""The administrators' doings, each one transaction that answers a repeated request as it answered the first."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from kernel.db import Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from oauth.staff import delegations, invitations, people
from oauth.staff.delegations import Delegation
from oauth.staff.errors import DelegationNotFound
from oauth.staff.invitations import Invitation
from oauth.staff.people import RoleAt, StaffMember


async def employ(
    *, code: str, name: str, roles: list[RoleAt], actor: Actor, idempotency: Idempotency | None
) -> tuple[StaffMember, Invitation]:
    """Employ somebody and invite them.

    Raises:
        StaffExists, RoleUnknown, OwnRights, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """

    async def join(tx: Transaction) -> Invitation:
        await people.join(tx, code=code, name=name, roles=roles, actor=actor)
        return await invitations.invite(tx, code=code, actor=actor)

    return await _invited(join, code, idempotency)


async def invite(*, code: str, actor: Actor, idempotency: Idempotency | None) -> tuple[StaffMember, Invitation]:
    """Invite somebody anew; what they signed in with ends.

    Raises:
        StaffNotFound, OwnRights, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """

    async def again(tx: Transaction) -> Invitation:
        return await invitations.invite(tx, code=code, actor=actor)

    return await _invited(again, code, idempotency)


async def move(*, code: str, roles: list[RoleAt], actor: Actor, idempotency: Idempotency | None) -> StaffMember:
    """Give somebody other roles.

    Raises:
        StaffNotFound, RoleUnknown, OwnRights, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """
    return await _change(
        lambda tx: people.move(tx, code=code, roles=roles, actor=actor), code=code, idempotency=idempotency
    )


async def let_go(*, code: str, actor: Actor, idempotency: Idempotency | None) -> StaffMember:
    """Let somebody go.

    Raises:
        StaffNotFound, OwnRights, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """
    return await _change(lambda tx: people.leave(tx, code=code, actor=actor), code=code, idempotency=idempotency)


async def confirm(*, code: str, actor: Actor, idempotency: Idempotency | None) -> StaffMember:
    """Confirm somebody's roles.

    Raises:
        StaffNotFound, OwnRights, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """
    return await _change(lambda tx: people.review(tx, code=code, actor=actor), code=code, idempotency=idempotency)


async def delegate(
    *,
    from_code: str,
    to_code: str,
    role: RoleAt,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    idempotency: Idempotency | None,
) -> Delegation:
    """Let B act for A.

    Raises:
        StaffNotFound, OwnRights, DelegationRefused, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """
    return await _delegation(
        lambda tx: delegations.delegate(
            tx,
            from_code=from_code,
            to_code=to_code,
            role=role,
            starts_at=starts_at,
            ends_at=ends_at,
            actor=actor,
        ),
        from_code,
        idempotency,
    )


async def end_delegation(
    *, from_code: str, delegation_id: UUID, actor: Actor, idempotency: Idempotency | None
) -> Delegation:
    """End a delegation before its time.

    Raises:
        DelegationNotFound, IdempotencyMismatch, DatabaseBusy, DatabaseUnavailable.
    """
    return await _delegation(
        lambda tx: delegations.end_delegation(tx, from_code=from_code, delegation_id=delegation_id, actor=actor),
        from_code,
        idempotency,
    )


async def _change(
    change: Callable[[Transaction], Awaitable[Any]], *, code: str, idempotency: Idempotency | None
) -> StaffMember:
    async with database().transaction() as tx:
        if not (idempotency and await idempotency.replay(tx)):
            await change(tx)
            if idempotency:
                await idempotency.remember(tx, {"code": code})
        return await people.read_staff(tx, code)


async def _invited(
    change: Callable[[Transaction], Awaitable[Invitation]], code: str, idempotency: Idempotency | None
) -> tuple[StaffMember, Invitation]:
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            made = invitations.tell(UUID(stored["id"]), datetime.fromisoformat(stored["expires_at"]))
        else:
            made = await change(tx)
            if idempotency:
                # The code itself is worked out again from the id: a secret is kept nowhere.
                await idempotency.remember(tx, {"id": made.id, "expires_at": made.expires_at.isoformat()})
        return await people.read_staff(tx, code), made


async def _delegation(
    change: Callable[[Transaction], Awaitable[Delegation]], from_code: str, idempotency: Idempotency | None
) -> Delegation:
    async with database().transaction() as tx:
        stored = await idempotency.replay(tx) if idempotency else None
        if stored:
            known = await delegations.list_delegations(tx, from_code, ended=True)
            found = next((one for one in known if str(one.id) == stored["id"]), None)
            if found is None:
                raise DelegationNotFound
            return found
        made = await change(tx)
        if idempotency:
            await idempotency.remember(tx, {"id": made.id})
        return made
