"""Registration and review of partners' applications; the developer portal and the administration both come here.

The application is the hospital's agreement with a partner; the client of the authorization server with its keys is
named by `client_id` from going live on. One that is suspended or retired is shut out at the gateway within a second.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from kernel import clock
from kernel.audit import record_change
from kernel.crypto import cipher
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from partners import errors
from partners.states import APPLICATION, ApplicationState

_READ: Final = "SELECT * FROM partner_application"
_CHANGEABLE: Final = ("name", "organisation", "purpose", "contacts", "scopes", "registration")

Values = dict[str, Any]


async def create_application(
    values: Mapping[str, Any], *, actor: Actor, idempotency: Idempotency | None = None
) -> Values:
    """Open a draft.

    Raises:
        IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        made = await open_draft(tx, values, actor=actor)
        if idempotency:
            await idempotency.remember(tx, made)
        return made


async def open_draft(
    tx: Transaction, values: Mapping[str, Any], *, actor: Actor, application_id: UUID | None = None
) -> Values:
    """Open a draft; one that is made at the portal has an organisation, and says how its client is to be registered."""
    row = await tx.fetchrow(
        "INSERT INTO partner_application (id, name, organisation, purpose, contacts, scopes, status, created_at,"
        " updated_at, organisation_id, registration) VALUES ($1, $2, $3, $4, $5, $6, 'draft', $7, $7, $8, $9)"
        " RETURNING *",
        application_id or new_id(),
        values["name"],
        values["organisation"],
        values["purpose"],
        _sealed(values["contacts"]),
        sorted(set(values["scopes"])),
        clock.now(),
        values.get("organisation_id"),
        values.get("registration"),
    )
    assert row is not None, "an insert gives its row"
    return await _told(tx, None, row, actor=actor)


async def change_application(
    application_id: UUID,
    changes: Mapping[str, Any],
    *,
    version: int,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Values:
    """Change a draft that is still as it was read.

    Raises:
        ApplicationNotFound, ApplicationNotDraft, VersionConflict, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        changed = await change_draft(tx, application_id, changes, version=version, actor=actor)
        if idempotency:
            await idempotency.remember(tx, changed)
        return changed


async def change_draft(
    tx: Transaction, application_id: UUID, changes: Mapping[str, Any], *, version: int, actor: Actor
) -> Values:
    """Change a draft that is still as it was read.

    Raises:
        ApplicationNotFound, ApplicationNotDraft, VersionConflict.
    """
    before = await _lock(tx, application_id)
    if before["status"] != "draft":
        raise errors.ApplicationNotDraft(current_status=before["status"])
    if before["version"] != version:
        raise errors.VersionConflict(current_version=before["version"])
    merged = {name: changes.get(name, before[name]) for name in _CHANGEABLE}
    contacts = _sealed(changes["contacts"]) if "contacts" in changes else before["contacts"]
    row = await tx.fetchrow(
        "UPDATE partner_application SET name = $2, organisation = $3, purpose = $4, contacts = $5, scopes = $6,"
        " registration = $7, updated_at = $8, version = version + 1 WHERE id = $1 RETURNING *",
        application_id,
        merged["name"],
        merged["organisation"],
        merged["purpose"],
        contacts,
        sorted(set(merged["scopes"])),
        merged["registration"],
        clock.now(),
    )
    assert row is not None, "its row is locked"
    return await _told(tx, before, row, actor=actor)


async def move_application(
    application_id: UUID,
    status: ApplicationState,
    *,
    reason: str | None,
    client_id: str | None,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Values:
    """Submit, approve, refuse, reopen, put live, suspend or retire an application.

    client_id: the client of the authorization server, on first going live; it may no more than was approved.

    Raises:
        ApplicationNotFound, ApplicationStatus, ClientNotFound, ClientMismatch, IdempotencyMismatch,
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        moved = await take_step(tx, application_id, status, reason=reason, client_id=client_id, actor=actor)
        if idempotency:
            await idempotency.remember(tx, moved)
        return moved


async def take_step(
    tx: Transaction,
    application_id: UUID,
    status: ApplicationState,
    *,
    reason: str | None = None,
    client_id: str | None = None,
    actor: Actor,
) -> Values:
    """Take one step in an application's life.

    Raises:
        ApplicationNotFound, ApplicationStatus, ClientNotFound, ClientMismatch.
    """
    before = await _lock(tx, application_id)
    if not APPLICATION.allows(before["status"], status):
        raise errors.ApplicationStatus(current_status=before["status"])
    client = before["client_id"]
    if status == "live" and client is None:
        client = await _fitting_client(tx, client_id, before)
    row = await tx.fetchrow(
        "UPDATE partner_application SET status = $2, reason = $3, client_id = $4, updated_at = $5,"
        " version = version + 1 WHERE id = $1 AND status = ANY ($6) RETURNING *",
        application_id,
        status,
        reason,
        client,
        clock.now(),
        APPLICATION.before(status),
    )
    assert row is not None, "its row is locked, and the step exists"
    return await _told(tx, before, row, actor=actor)


async def get_application(application_id: UUID) -> Values:
    """Read an application.

    Raises:
        ApplicationNotFound, DatabaseUnavailable.
    """
    row = await database().fetchrow(f"{_READ} WHERE id = $1", application_id)
    if row is None:
        raise errors.ApplicationNotFound
    return _shown(row)


async def list_applications(*, status: ApplicationState | None, before: UUID | None, limit: int) -> list[Values]:
    """List applications, the newest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"{_READ} WHERE ($1::text IS NULL OR status = $1) AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        status,
        before,
        limit,
    )
    return [_shown(row) for row in rows]


async def _lock(tx: Transaction, application_id: UUID) -> Row:
    row = await tx.fetchrow(f"{_READ} WHERE id = $1 FOR UPDATE", application_id)
    if row is None:
        raise errors.ApplicationNotFound
    return row


async def _fitting_client(tx: Transaction, client_id: str | None, application: Row) -> str:
    client = await tx.fetchrow(
        "SELECT id, kind, scopes FROM oauth_client WHERE id = $1 AND status = 'active'", client_id
    )
    if client is None:
        raise errors.ClientNotFound
    beyond = set(client["scopes"]) - set(application["scopes"])
    if client["kind"] != "partner" or beyond:
        raise errors.ClientMismatch(scopes=sorted(beyond))
    if await tx.fetchval("SELECT true FROM partner_application WHERE client_id = $1", client_id):
        raise errors.ClientMismatch(scopes=[])
    found: str = client["id"]
    return found


async def _told(tx: Transaction, before: Row | None, after: Row, *, actor: Actor) -> Values:
    """Keep what changed, without the contacts, and give the answer."""
    shown = _shown(after)
    await record_change(
        tx,
        entity="partner_application",
        entity_id=str(after["id"]),
        action="created" if before is None else "updated",
        before=None if before is None else _without_contacts(_shown(before)),
        after=_without_contacts(shown),
        actor=actor,
    )
    return shown


def _shown(row: Row) -> Values:
    return dict(row) | {
        "id": str(row["id"]),
        "organisation_id": row["organisation_id"] and str(row["organisation_id"]),
        "contacts": orjson.loads(cipher().open(row["contacts"])),
    }


def _without_contacts(values: Values) -> Values:
    return {name: value for name, value in values.items() if name != "contacts"}


def _sealed(contacts: Sequence[Mapping[str, str]]) -> bytes:
    return cipher().seal(orjson.dumps(list(contacts)).decode())
