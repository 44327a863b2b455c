"""What has happened to your patients' appointments without your doing, in order."""

from typing import Any, Final

from booking.notices import START, Notice, Place, place_behind, read_notices
from kernel.db import DatabaseUnavailable
from open_api.calls import PartnerCall, Reply, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.routing import Routes

routes: Final = Routes("events", operation_class="bulk")
_FEED: Final = "events"


@routes.get(
    "/events",
    scope="appointments.read",
    query="events/event_query.json",
    response="events/event_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_events(call: PartnerCall) -> Reply:
    """Read events that concern you, the oldest first; they are kept for 30 days."""
    after = _place(call.query.get("cursor"))
    found = await read_notices(call.client.id, after=after, limit=call.query.get("limit", LIMIT_DEFAULT))
    place = place_behind(found, after=after)
    return ok({"items": [render_event(notice) for notice in found], "next": write_cursor(_FEED, *place)})


def render_event(notice: Notice) -> dict[str, Any]:
    """Shape an event for the wire."""
    return {
        "id": str(notice.place.notice_id),
        "at": notice.at,
        "kind": notice.kind,
        "subject_id": notice.subject_id,
        "facts": notice.facts,
    }


def _place(cursor: str | None) -> Place:
    if cursor is None:
        return START
    position = read_cursor(_FEED, cursor)
    if len(position) != len(Place._fields):
        # Of the feed as it was, which went by ids alone.
        raise InvalidCursor
    return Place(*map(int, position))
