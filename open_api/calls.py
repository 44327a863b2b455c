"""What a handler gets and gives: a checked call, and a reply."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from kernel.event_stream import Source
from kernel.events import Actor
from kernel.idempotency import Idempotency
from oauth.clients import Client


@dataclass(slots=True)
class PartnerCall:
    """One request that has passed the guard: known client, scope, staff member, schema.

    body:  the JSON object, valid against the route's schema; empty where the route takes none.
    query: query parameters, as the types of the route's schema.
    path:  path parameters.
    last_event_id: where a reader of a stream wants to go on, if it says so.
    patient_ids: whose data the handler has touched; it adds those whose `patient_id` its answer does not show.
    """

    body: dict[str, Any]
    query: dict[str, Any]
    path: dict[str, Any]
    client: Client
    actor: Actor
    idempotency: Idempotency | None
    request_id: str
    language: str
    last_event_id: int | None = None
    patient_ids: list[UUID] = field(default_factory=list)

    @property
    def channel(self) -> str:
        """The booking channel whose pools and release rules apply."""
        return self.actor.channel


@dataclass(slots=True)
class Reply:
    """A status, a JSON body (already plain values), and headers of its own."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class WatchedSource(Source, Protocol):
    """Something watched that wants to know when nobody watches any more."""

    def close(self) -> None:
        """Let go."""
        ...


@dataclass(slots=True)
class Stream:
    """Server-sent events until the source is over or the reader is gone; the guard closes it."""

    source: WatchedSource


def ok(body: Any) -> Reply:
    """Answer 200 with a body."""
    return Reply(body)


def created(body: Any, *, location: str) -> Reply:
    """Answer 201 with the new resource and where it can be read."""
    return Reply(body, 201, {"location": location})


def page(items: list[Any], *, next_cursor: str | None) -> Reply:
    """Answer 200 with one page of a list; `next` is null on the last."""
    return Reply({"items": items, "next": next_cursor})


def plain(values: Mapping[str, Any], *, leave_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Copy a mapping without some of its fields."""
    return {name: value for name, value in values.items() if name not in leave_out}
