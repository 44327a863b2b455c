"""How an endpoint has answered of late, and what follows: less at a time, rest, and in the end nothing more."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel.db import Transaction
from kernel.log import get_logger
from partners.webhooks.claims import Sent
from partners.webhooks.states import ENDPOINT

SLOW_MILLISECONDS: Final = 2_000
FAILURES_UNTIL_REST: Final = 10
REST_SECONDS_MIN: Final = 5
REST_SECONDS_MAX: Final = 300
FAILING_UNTIL_DISABLED: Final = timedelta(days=5)
"""Of nothing but failures, at least `FAILURES_UNTIL_REST` of them."""
DELIVERED_NOTED_EVERY: Final = timedelta(seconds=30)
"""An endpoint that is well is not written to for each delivery."""

log = get_logger("partners.webhooks")

Tell = Callable[[Transaction, str, UUID, str, datetime], Awaitable[None]]
"""Tells a client that an endpoint of its was disabled, and why: transaction, client, endpoint, reason, instant."""


async def note_answers(tx: Transaction, sent: Sequence[Sent], *, tell: Tell, at: datetime) -> None:
    """Keep how the endpoints of some tries are, and disable those that are gone or have failed for days."""
    groups: dict[UUID, list[Sent]] = defaultdict(list)
    for one in sent:
        groups[one.endpoint_id].append(one)
    for endpoint_id in sorted(groups):
        group = groups[endpoint_id]
        is_slow = any(one.milliseconds >= SLOW_MILLISECONDS for one in group)
        if any(one.outcome == "gone" for one in group):
            await _disable(tx, endpoint_id, reason="gone", tell=tell, at=at)
        elif any(one.outcome == "delivered" for one in group):
            await _note_success(tx, endpoint_id, is_slow=is_slow, at=at)
        else:
            await _note_failures(tx, endpoint_id, len(group), is_slow=is_slow, tell=tell, at=at)


async def _note_success(tx: Transaction, endpoint_id: UUID, *, is_slow: bool, at: datetime) -> None:
    await tx.execute(
        "UPDATE webhook_endpoint SET failures = 0, failing_since = NULL, rest_until = '-infinity', is_slow = $2,"
        " delivered_at = $3 WHERE id = $1"
        " AND (failures > 0 OR is_slow <> $2 OR delivered_at IS NULL OR delivered_at < $4)",
        endpoint_id,
        is_slow,
        at,
        at - DELIVERED_NOTED_EVERY,
    )


async def _note_failures(
    tx: Transaction, endpoint_id: UUID, count: int, *, is_slow: bool, tell: Tell, at: datetime
) -> None:
    row = await tx.fetchrow(
        "UPDATE webhook_endpoint SET failures = failures + $2, failing_since = coalesce(failing_since, $3),"
        " is_slow = is_slow OR $4 WHERE id = $1 RETURNING failures, failing_since",
        endpoint_id,
        count,
        at,
        is_slow,
    )
    if row is None or row["failures"] < FAILURES_UNTIL_REST:
        return
    if row["failing_since"] <= at - FAILING_UNTIL_DISABLED:
        await _disable(tx, endpoint_id, reason="failing", tell=tell, at=at)
        return
    doublings = min(row["failures"] - FAILURES_UNTIL_REST, 16)
    seconds = min(REST_SECONDS_MIN * 2**doublings, REST_SECONDS_MAX)
    await tx.execute(
        "UPDATE webhook_endpoint SET rest_until = $2 WHERE id = $1", endpoint_id, at + timedelta(seconds=seconds)
    )


async def _disable(tx: Transaction, endpoint_id: UUID, *, reason: str, tell: Tell, at: datetime) -> None:
    """Send nothing more, and tell the partner by the other ways that there are."""
    client_id = await tx.fetchval(
        "UPDATE webhook_endpoint SET status = 'disabled', reason = $2, updated_at = $3, version = version + 1"
        " WHERE id = $1 AND status = ANY ($4) RETURNING client_id",
        endpoint_id,
        reason,
        at,
        ENDPOINT.before("disabled"),
    )
    if client_id is not None:
        log.warning("webhook_disabled", endpoint=str(endpoint_id), client=client_id, reason=reason)
        await tell(tx, client_id, endpoint_id, reason, at)
