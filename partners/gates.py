"""What the hospital sets at an application's door: stopped or not, networks, the key of its signatures; and limits.

Every process sees a change within a second.
"""

from ipaddress import ip_network
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.audit import record_change
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from partners import errors
from partners.policies import DAY_SECONDS
from partners.signatures import is_public_key

_GATE: Final = """
SELECT c.client_id, coalesce(g.stopped, false) AS stopped, g.stop_reason, g.stopped_at,
       coalesce(g.networks::text[], '{}') AS networks, encode(g.sm2_public_key, 'hex') AS sm2_public_key,
       coalesce(g.signature_required, false) AS signature_required, coalesce(g.version, 0) AS version
FROM (SELECT id AS client_id FROM oauth_client WHERE id = $1) c LEFT JOIN application_gate g USING (client_id)
"""
_POLICY: Final = "SELECT id, client_id, client_kind, covers, window_seconds, requests, version FROM rate_policy"

Values = dict[str, Any]


async def get_gate(client_id: str) -> Values:
    """Read an application's door.

    Raises:
        ClientNotFound, DatabaseUnavailable.
    """
    row = await database().fetchrow(_GATE, client_id)
    if row is None:
        raise errors.ClientNotFound
    return dict(row)


async def set_gate(
    client_id: str,
    *,
    networks: list[str],
    sm2_public_key: str | None,
    signature_required: bool,
    version: int,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Values:
    """Set from where an application may come and how it signs. networks: CIDR; none: from anywhere.

    sm2_public_key: 64 bytes as hex (x and y). version: as it was read, 0 where nothing was set yet.

    Raises:
        ClientNotFound, GateInvalid, VersionConflict, IdempotencyMismatch, DatabaseUnavailable.
    """
    if sm2_public_key is not None and not is_public_key(bytes.fromhex(sm2_public_key)):
        raise errors.GateInvalid(field="sm2_public_key")
    if signature_required and sm2_public_key is None:
        raise errors.GateInvalid(field="sm2_public_key")
    try:
        masks = sorted({str(ip_network(text)) for text in networks})
    except ValueError as error:
        raise errors.GateInvalid(field="networks") from error
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        before = await _lock(tx, client_id)
        if before["version"] != version:
            raise errors.VersionConflict(current_version=before["version"])
        await tx.execute(
            "UPDATE application_gate SET networks = $2::text[]::cidr[], sm2_public_key = decode($3, 'hex'),"
            " signature_required = $4, version = version + 1 WHERE client_id = $1",
            client_id,
            masks,
            sm2_public_key,
            signature_required,
        )
        return await _told(tx, before, actor=actor, idempotency=idempotency, reason=None)


async def stop_client(
    client_id: str, *, stopped: bool, reason: str, actor: Actor, idempotency: Idempotency | None = None
) -> Values:
    """Stop an application at once, or let it in again; the reason is kept with the change.

    Raises:
        ClientNotFound, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        before = await _lock(tx, client_id)
        await tx.execute(
            "UPDATE application_gate SET stopped = $2, stop_reason = $3, stopped_at = $4, version = version + 1"
            " WHERE client_id = $1 AND stopped <> $2",
            client_id,
            stopped,
            reason if stopped else None,
            clock.now() if stopped else None,
        )
        return await _told(tx, before, actor=actor, idempotency=idempotency, reason=reason)


async def set_policy(
    *,
    client_id: str | None,
    client_kind: str | None,
    covers: str,
    window_seconds: int,
    requests: int | None,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Values:
    """Set the limit of one application, or of all of a kind, on something; a rate and a day's quota stand side by side.

    requests: None lifts the limit.

    Raises:
        ClientNotFound, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        policy = await put_policy(
            tx, client_id=client_id, client_kind=client_kind, covers=covers, window_seconds=window_seconds,
            requests=requests, actor=actor,
        )  # fmt: skip
        if idempotency:
            await idempotency.remember(tx, policy)
        return policy


async def put_policy(
    tx: Transaction,
    *,
    client_id: str | None,
    client_kind: str | None,
    covers: str,
    window_seconds: int,
    requests: int | None,
    actor: Actor,
) -> Values:
    """Set a limit within a transaction, as `set_policy` says.

    Raises:
        ClientNotFound.
    """
    if client_id is not None:
        await _lock(tx, client_id)
    is_daily = window_seconds == DAY_SECONDS
    # One who sets a policy of a kind at the same time waits here, and then sees this one's row.
    await tx.execute("LOCK TABLE rate_policy IN SHARE ROW EXCLUSIVE MODE")
    before = await tx.fetchrow(
        f"{_POLICY} WHERE client_id IS NOT DISTINCT FROM $1"
        " AND client_kind IS NOT DISTINCT FROM $2 AND covers = $3 AND (window_seconds = 86400) = $4",
        client_id,
        client_kind,
        covers,
        is_daily,
    )
    after = await tx.fetchrow(
        "INSERT INTO rate_policy (id, client_id, client_kind, covers, window_seconds, requests)"
        " VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (id) DO UPDATE SET window_seconds = excluded.window_seconds, requests = excluded.requests,"
        " version = rate_policy.version + 1 RETURNING *",
        before["id"] if before else new_id(),
        client_id,
        client_kind,
        covers,
        window_seconds,
        requests,
    )
    assert after is not None, "an upsert gives its row"
    await _keep_policy_change(tx, before, after, actor=actor)
    return dict(after)


async def remove_policy(
    policy_id: UUID, *, version: int, actor: Actor, idempotency: Idempotency | None = None
) -> Values:
    """Remove a limit; that of the application's kind counts again.

    Raises:
        PolicyNotFound, VersionConflict, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        before = await tx.fetchrow(f"{_POLICY} WHERE id = $1 FOR UPDATE", policy_id)
        if before is None:
            raise errors.PolicyNotFound
        if before["version"] != version:
            raise errors.VersionConflict(current_version=before["version"])
        await tx.execute("DELETE FROM rate_policy WHERE id = $1", policy_id)
        await _keep_policy_change(tx, before, None, actor=actor)
        if idempotency:
            await idempotency.remember(tx, dict(before))
        return dict(before)


async def list_policies(*, client_id: str | None, before: UUID | None, limit: int) -> list[Values]:
    """List limits, the newest first: all, or those of one application.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"{_POLICY} WHERE ($1::text IS NULL OR client_id = $1)"
        " AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        client_id,
        before,
        limit,
    )
    return [dict(row) | {"id": str(row["id"])} for row in rows]


async def _lock(tx: Transaction, client_id: str) -> Row:
    """Lock an application's door, which is made where it has none."""
    if not await tx.fetchval("SELECT true FROM oauth_client WHERE id = $1", client_id):
        raise errors.ClientNotFound
    await tx.execute(
        "INSERT INTO application_gate (client_id, version) VALUES ($1, 0) ON CONFLICT DO NOTHING", client_id
    )
    await tx.execute("SELECT 1 FROM application_gate WHERE client_id = $1 FOR UPDATE", client_id)
    row = await tx.fetchrow(_GATE, client_id)
    assert row is not None, "its client exists"
    return row


async def _told(
    tx: Transaction, before: Row, *, actor: Actor, idempotency: Idempotency | None, reason: str | None
) -> Values:
    after = await tx.fetchrow(_GATE, before["client_id"])
    assert after is not None, "its client exists"
    told = dict(after)
    await record_change(
        tx,
        entity="application_gate",
        entity_id=before["client_id"],
        action="updated",
        before=dict(before),
        after=told if reason is None else told | {"reason": reason},
        actor=actor,
    )
    if idempotency:
        await idempotency.remember(tx, told)
    return told


async def _keep_policy_change(tx: Transaction, before: Row | None, after: Row | None, *, actor: Actor) -> None:
    row = after or before
    assert row is not None, "one of both"
    await record_change(
        tx,
        entity="rate_policy",
        entity_id=str(row["id"]),
        action="deleted" if after is None else "updated" if before else "created",
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        actor=actor,
    )
