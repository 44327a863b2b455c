"""Who changed which rule when."""

from collections.abc import Mapping
from typing import Literal

import orjson

from kernel.db import Transaction
from kernel.events import Actor


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
        "INSERT INTO change_log (entity, entity_id, action, before, after, client_id, staff_code, request_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        entity,
        entity_id,
        action,
        _json(before),
        _json(after),
        actor.client_id,
        actor.staff_code,
        actor.request_id,
    )


def _json(values: Mapping[str, object] | None) -> str | None:
    return None if values is None else orjson.dumps(dict(values), default=str).decode()
