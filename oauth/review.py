"""Applications that wait for the hospital: what they want to be, let in or refused by somebody of the hospital."""

from typing import Any, Final

from kernel.audit import record_change
from kernel.db import Row, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from oauth.errors import ApplicationDecided, ApplicationNotFound
from oauth.states import ACTIVE, CLIENT, PENDING, REFUSED

Values = dict[str, Any]
_COLUMNS: Final = (
    "id, name, kind, channel, status, scopes, profile, application_type, auth_method, grant_types, redirect_uris,"
    " jwks_uri, dpop_required, par_required, contacts, created_at"
)


async def list_applications(*, status: str | None, after: str | None, limit: int) -> list[Values]:
    """List applications by id; `after` is the last one of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"SELECT {_COLUMNS} FROM oauth_client"  # noqa: S608  our own columns
        " WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR id > $2) ORDER BY id LIMIT $3",
        status,
        after,
        limit,
    )
    return [_shown(row) for row in rows]


async def approve_application(client_id: str, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Let an application in that has registered itself.

    Raises:
        ApplicationNotFound, ApplicationDecided, IdempotencyMismatch, DatabaseUnavailable.
    """
    return await _decide(client_id, to=ACTIVE, actor=actor, idempotency=idempotency)


async def refuse_application(client_id: str, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Refuse an application that has registered itself, for good.

    Raises:
        ApplicationNotFound, ApplicationDecided, IdempotencyMismatch, DatabaseUnavailable.
    """
    return await _decide(client_id, to=REFUSED, actor=actor, idempotency=idempotency)


async def _decide(client_id: str, *, to: str, actor: Actor, idempotency: Idempotency | None) -> Values:
    assert CLIENT.allows(PENDING, to), "a review lets in or refuses"
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        row = await tx.fetchrow(
            "UPDATE oauth_client SET status = $2, version = version + 1"  # noqa: S608  our own columns
            f" WHERE id = $1 AND status = 'pending' RETURNING {_COLUMNS}",
            client_id,
            to,
        )
        if row is None:
            if await tx.fetchval("SELECT true FROM oauth_client WHERE id = $1", client_id):
                raise ApplicationDecided
            raise ApplicationNotFound
        await record_change(
            tx,
            entity="oauth_client",
            entity_id=client_id,
            action="updated",
            before={"status": PENDING},
            after={"status": to},
            actor=actor,
        )
        values = _shown(row)
        if idempotency:
            await idempotency.remember(tx, values)
        return values


def _shown(row: Row) -> Values:
    values = {name: value for name, value in row.items() if value is not None}
    return values | {"created_at": row["created_at"].isoformat().replace("+00:00", "Z")}
