"""What a partner application says about where it wants to be told of what."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.audit import record_change
from kernel.crypto import cipher
from kernel.db import Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from partners.webhooks import errors, signing
from partners.webhooks.addresses import Resolver
from partners.webhooks.fan_out import render_message
from partners.webhooks.states import ENDPOINT

ENDPOINTS_MAX: Final = 10
"""Of one application."""
OVERLAP_HOURS_DEFAULT: Final = 24
TEST_EVENT: Final = "webhook.test"

_FIELDS: Final = (
    "id, client_id, url, description, event_types, status, reason, failures, failing_since, delivered_at, version,"
    " created_at, updated_at"
)
_SHOWN: Final = tuple(name for name in _FIELDS.split(", ") if name != "client_id")


async def subscribe(
    *, url: str, description: str, event_types: Sequence[str], resolver: Resolver, actor: Actor,
    idempotency: Idempotency | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Let an application be told of events at an address; the answer has the secret that signs them, this once.

    Raises:
        AddressRefused, LimitReached, IdempotencyMismatch, DatabaseUnavailable.
    """
    if idempotency:
        async with database().transaction() as tx:
            if stored := await idempotency.replay(tx):
                return await _with_secret(tx, stored, actor=actor)
    # The name is asked for outside a transaction: nothing that may hang belongs into one.
    await resolver.resolve(resolver.policy.parse(url))
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await _with_secret(tx, stored, actor=actor)
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 240))", actor.client_id)
        count = await tx.fetchval("SELECT count(*) FROM webhook_endpoint WHERE client_id = $1", actor.client_id)
        if count >= ENDPOINTS_MAX:
            raise errors.LimitReached(limit=ENDPOINTS_MAX)
        now = clock.now()
        row = await tx.fetchrow(
            "INSERT INTO webhook_endpoint"  # noqa: S608  our own list of fields
            " (id, client_id, url, description, event_types, status, created_at, updated_at)"
            f" VALUES ($1, $2, $3, $4, $5, 'active', $6, $6) RETURNING {_FIELDS}",
            new_id(),
            actor.client_id,
            url,
            description,
            sorted(set(event_types)),
            now,
        )
        assert row is not None, "an insert gives its row"
        made = {"webhook_id": str(row["id"]), "secret_id": str(await _add_secret(tx, row["id"], at=now))}
        await _record(tx, "created", row["id"], before=None, after=audited(row), actor=actor)
        if idempotency:
            await idempotency.remember(tx, made)
        return await _with_secret(tx, made, actor=actor)


async def list_endpoints(*, actor: Actor) -> list[dict[str, Any]]:
    """Give an application's endpoints, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"SELECT {_FIELDS} FROM webhook_endpoint WHERE client_id = $1 ORDER BY id",  # noqa: S608  our own list of fields
        actor.client_id,
    )
    return [_shown(row) for row in rows]


async def list_all_endpoints(
    *, status: str | None, client_id: str | None, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Give the endpoints of every application for the hospital's own eyes, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"SELECT {_FIELDS} FROM webhook_endpoint WHERE ($1::text IS NULL OR status = $1)"  # noqa: S608  our own list of fields
        " AND ($2::text IS NULL OR client_id = $2) AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4",
        status,
        client_id,
        after,
        limit,
    )
    return [_shown(row) | {"client_id": row["client_id"]} for row in rows]


async def get_endpoint(webhook_id: UUID, *, actor: Actor) -> dict[str, Any]:
    """Give one endpoint.

    Raises:
        WebhookNotFound, DatabaseUnavailable.
    """
    return _shown(await _own(database(), webhook_id, actor=actor))


async def change_endpoint(
    webhook_id: UUID, changes: dict[str, Any], *, resolver: Resolver, actor: Actor,
    idempotency: Idempotency | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Change where an endpoint is, what it is told of, or whether it is told now.

    One that is made active again begins as if nothing had failed, with what has waited meanwhile.

    Raises:
        WebhookNotFound, AddressRefused, IdempotencyMismatch, DatabaseUnavailable.
    """
    if "url" in changes:
        if idempotency:
            async with database().transaction() as tx:
                if stored := await idempotency.replay(tx):
                    return stored
        await resolver.resolve(resolver.policy.parse(changes["url"]))
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        before = await _own(tx, webhook_id, actor=actor, locked=True)
        status = changes.get("status", before["status"])
        assert status == before["status"] or ENDPOINT.allows(before["status"], status), "a partner may take either step"
        begins_anew = status != before["status"] or changes.get("url", before["url"]) != before["url"]
        row = await tx.fetchrow(
            "UPDATE webhook_endpoint SET url = $3, description = $4, event_types = $5, status = $6,"  # noqa: S608  our own list of fields
            " reason = CASE WHEN $6 = 'disabled' THEN reason END, updated_at = $7, version = version + 1,"
            " failures = CASE WHEN $8 THEN 0 ELSE failures END,"
            " rest_until = CASE WHEN $8 THEN '-infinity' ELSE rest_until END,"
            " failing_since = CASE WHEN $8 THEN NULL ELSE failing_since END, is_slow = is_slow AND NOT $8"
            f" WHERE id = $1 AND status = $2 RETURNING {_FIELDS}",
            webhook_id,
            before["status"],
            changes.get("url", before["url"]),
            changes.get("description", before["description"]),
            sorted(set(changes.get("event_types", before["event_types"]))),
            status,
            clock.now(),
            begins_anew,
        )
        assert row is not None, "it is locked"
        await _record(tx, "updated", webhook_id, before=audited(before), after=audited(row), actor=actor)
        answer = _shown(row)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def unsubscribe(webhook_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> dict[str, Any]:
    """Tell an address nothing more, and forget what it was told; gives it as it was.

    Raises:
        WebhookNotFound, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        row = await _own(tx, webhook_id, actor=actor, locked=True)
        await tx.execute("DELETE FROM webhook_endpoint WHERE id = $1", webhook_id)
        await _record(tx, "deleted", webhook_id, before=audited(row), after=None, actor=actor)
        answer = _shown(row)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def rotate_secret(
    webhook_id: UUID, *, overlap_hours: int, actor: Actor, idempotency: Idempotency | None = None
) -> dict[str, Any]:
    """Give an endpoint a new secret. The present one signs beside it for some hours; one older than that no more.

    Raises:
        WebhookNotFound, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await _with_secret(tx, stored, actor=actor)
        await _own(tx, webhook_id, actor=actor, locked=True)
        now = clock.now()
        await tx.execute("DELETE FROM webhook_secret WHERE endpoint_id = $1 AND expires_at < 'infinity'", webhook_id)
        await tx.execute(
            "UPDATE webhook_secret SET expires_at = $2 WHERE endpoint_id = $1",
            webhook_id,
            now + timedelta(hours=overlap_hours),
        )
        made = {"webhook_id": str(webhook_id), "secret_id": str(await _add_secret(tx, webhook_id, at=now))}
        await _record(tx, "updated", webhook_id, before={}, after={"secret": "rotated"}, actor=actor)
        if idempotency:
            await idempotency.remember(tx, made)
        return await _with_secret(tx, made, actor=actor)


async def send_test(webhook_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> dict[str, Any]:
    """Post a test event to an endpoint; gives the delivery, whose attempts show what came of it.

    Raises:
        WebhookNotFound, StatusConflict, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        row = await _own(tx, webhook_id, actor=actor, locked=True)
        if row["status"] != "active":
            raise errors.StatusConflict(current_status=row["status"])
        now, delivery_id = clock.now(), new_id()
        body = render_message(TEST_EVENT, now, {"id": f"test-{delivery_id.hex}", "subject_id": webhook_id, "facts": {}})
        await tx.execute(
            "INSERT INTO webhook_delivery (id, endpoint_id, event_type, subject_id, body, due_at, created_at)"
            " VALUES ($1, $2, $3, $2, $4, $5, $5)",
            delivery_id,
            webhook_id,
            TEST_EVENT,
            body,
            now,
        )
        answer = {
            "id": str(delivery_id), "message_id": signing.message_id(delivery_id), "event_id": None,
            "event_type": TEST_EVENT, "subject_id": str(webhook_id), "status": "pending", "tries": 0,
            "next_try_at": now.isoformat(), "created_at": now.isoformat(), "finished_at": None,
        }  # fmt: skip
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def _own(db: Reader, webhook_id: UUID, *, actor: Actor, locked: bool = False) -> Row:
    rows = await db.fetch(
        f"SELECT {_FIELDS} FROM webhook_endpoint WHERE id = $1 AND client_id = $2"  # noqa: S608  our own list of fields
        + (" FOR UPDATE" if locked else ""),
        webhook_id,
        actor.client_id,
    )
    if not rows:
        raise errors.WebhookNotFound
    return rows[0]


async def _add_secret(tx: Transaction, webhook_id: UUID, *, at: datetime) -> UUID:
    secret_id = new_id()
    await tx.execute(
        "INSERT INTO webhook_secret (id, endpoint_id, sealed, created_at) VALUES ($1, $2, $3, $4)",
        secret_id,
        webhook_id,
        cipher().seal(signing.new_secret()),
        at,
    )
    return secret_id


async def _with_secret(tx: Transaction, made: dict[str, Any], *, actor: Actor) -> dict[str, Any]:
    """Show an endpoint with the secret that was made. A repeated request sees it again, from its sealed row.

    Raises:
        WebhookNotFound: either is gone since.
    """
    row = await _own(tx, UUID(made["webhook_id"]), actor=actor)
    sealed = await tx.fetchval("SELECT sealed FROM webhook_secret WHERE id = $1", UUID(made["secret_id"]))
    if sealed is None:
        raise errors.WebhookNotFound
    return _shown(row) | {"secret": cipher().open(sealed)}


async def _record(tx: Transaction, action: Any, webhook_id: UUID, *, before: Any, after: Any, actor: Actor) -> None:
    await record_change(
        tx, entity="webhook_endpoint", entity_id=str(webhook_id), action=action, before=before, after=after, actor=actor
    )


def audited(row: Row) -> dict[str, Any]:
    """Give what the record of changes keeps of an endpoint."""
    return {name: row[name] for name in ("url", "event_types", "status")}


def _shown(row: Row) -> dict[str, Any]:
    return {name: _plain(row[name]) for name in _SHOWN}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
