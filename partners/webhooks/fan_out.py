"""Events become deliveries: each event once for each endpoint that it concerns, in the feed's own order."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from kernel import clock
from kernel.db import Database, Row, Transaction
from kernel.ids import new_id

EVENTS_A_TURN_MAX: Final = 500
SCOPE: Final = "appointments.read"
"""What an application needs to be told of events; the feed asks for the same."""


class Place(NamedTuple):
    """A place in the feed: transactions are over in this order, ids are given out in another."""

    transaction_id: int
    event_id: int


class Event(NamedTuple):
    """Something that has happened. client_id: whom it concerns; None: everybody. No personal data is in `facts`."""

    place: Place
    at: datetime
    client_id: str | None
    kind: str
    subject_id: UUID
    facts: Mapping[str, Any]


ReadEvents = Callable[[Transaction, Place, int], Awaitable[Sequence[Event]]]
"""Reads so many events behind a place, in the order in which they happened; nothing can come to stand before the last
place among them any more."""


async def fan_out(db: Database, read: ReadEvents) -> int:
    """Make the deliveries of the next events; give how many events there were.

    The place in the feed moves in the same transaction: no event is left out, and none is taken twice.

    Raises:
        DatabaseUnavailable.
    """
    async with db.transaction() as tx:
        # Whoever else is at it does the same.
        row = await tx.fetchrow("SELECT transaction_id, event_id FROM webhook_feed FOR UPDATE SKIP LOCKED")
        if row is None:
            return 0
        events = await read(tx, Place(row["transaction_id"], row["event_id"]), EVENTS_A_TURN_MAX)
        if not events:
            return 0
        endpoints = await tx.fetch(
            "SELECT e.id, e.client_id, e.event_types, e.created_at FROM webhook_endpoint e"
            " JOIN oauth_client c ON c.id = e.client_id WHERE $1 = ANY (c.scopes) ORDER BY e.id",
            SCOPE,
        )
        wanted = [
            (endpoint["id"], event) for event in events for endpoint in endpoints if concerns(endpoint, event=event)
        ]
        if wanted:
            await _insert(tx, wanted)
        last = max(event.place for event in events)
        await tx.execute("UPDATE webhook_feed SET transaction_id = $1, event_id = $2", *last)
    return len(events)


def concerns(endpoint: Row, *, event: Event) -> bool:
    """Tell whether an event goes to an endpoint: its application's or everybody's, asked for, and new."""
    return (
        event.client_id in (None, endpoint["client_id"])
        and event.at >= endpoint["created_at"]
        and any(matches(pattern, event.kind) for pattern in endpoint["event_types"])
    )


def matches(pattern: str, kind: str) -> bool:
    """Tell whether a kind of event is asked for: `*`, `appointment.*` or its own name."""
    return pattern in ("*", kind) or (pattern.endswith(".*") and kind.startswith(pattern[:-1]))


async def _insert(tx: Transaction, wanted: Sequence[tuple[UUID, Event]]) -> None:
    now = clock.now()
    await tx.execute(
        "INSERT INTO webhook_delivery (id, endpoint_id, event_id, event_type, subject_id, body, due_at, created_at)"
        " SELECT o.id, o.endpoint_id, o.event_id, o.event_type, o.subject_id, o.body, $7, $7"
        " FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::uuid[], $6::text[]) WITH ORDINALITY"
        " AS o (id, endpoint_id, event_id, event_type, subject_id, body, place) ORDER BY o.place"
        " ON CONFLICT (endpoint_id, event_id) DO NOTHING",
        [new_id() for _ in wanted],
        [endpoint_id for endpoint_id, _ in wanted],
        [event.place.event_id for _, event in wanted],
        [event.kind for _, event in wanted],
        [event.subject_id for _, event in wanted],
        [render(event) for _, event in wanted],
        now,
    )


def render(event: Event) -> str:
    """Write the message: the same id, subject and facts that the feed of events has."""
    return render_message(
        event.kind, event.at, {"id": str(event.place.event_id), "subject_id": event.subject_id, "facts": event.facts}
    )


def render_message(kind: str, at: datetime, data: Mapping[str, object]) -> str:
    """Write a message in the form of Standard Webhooks: type, timestamp, data."""
    return orjson.dumps({"type": kind, "timestamp": at, "data": data}, default=str).decode()
