"""Who changed which rule when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from kernel.db import Transaction, database
from kernel.events import Actor


@dataclass(frozen=True, slots=True)
class Change:
    """One change, as it was kept; `id` grows with time. before: None on creation; after: None on removal."""

    id: int
    at: datetime
    entity: str
    entity_id: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    client_id: str
    staff_code: str | None
    request_id: str | None
    on_behalf_of: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFilter:
    """Which changes to list; None leaves a filter off. `since` is included, `until` is not.

    staff_code: made by them, or by their delegate.
    """

    entity: str | None = None
    entity_id: str | None = None
    staff_code: str | None = None
    client_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def record_change(
    tx: Transaction,
    *,
    entity: str,
    entity_id: str,
    action: Literal["created", "updated", "deleted"],
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
    actor: Actor,
) -> None:
    """Keep what a rule was and became, with the actor, in the change's own transaction."""
    await tx.execute(
        "INSERT INTO change_log (entity, entity_id, action, before, after, client_id, staff_code, request_id,"
        " on_behalf_of) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        entity,
        entity_id,
        action,
        _json(before),
        _json(after),
        actor.client_id,
        actor.staff_code,
        actor.request_id,
        actor.on_behalf_of,
    )


async def list_changes(wanted: ChangeFilter, *, before: int | None, limit: int) -> list[Change]:
    """List changes, newest first; `before` is the id of the last one of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT id, at, entity, entity_id, action, before, after, client_id, staff_code, request_id, on_behalf_of"
        " FROM change_log WHERE ($1::text IS NULL OR entity = $1) AND ($2::text IS NULL OR entity_id = $2)"
        " AND ($3::text IS NULL OR staff_code = $3 OR on_behalf_of = $3) AND ($4::text IS NULL OR client_id = $4)"
        " AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)"
        " AND ($7::bigint IS NULL OR id < $7) ORDER BY id DESC LIMIT $8",
        wanted.entity,
        wanted.entity_id,
        wanted.staff_code,
        wanted.client_id,
        wanted.since,
        wanted.until,
        before,
        limit,
    )
    return [Change(*row.values()) for row in rows]


def _json(values: Mapping[str, object] | None) -> str | None:
    return None if values is None else orjson.dumps(dict(values), default=str).decode()
