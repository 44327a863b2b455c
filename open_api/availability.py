"""What has changed of what your channel may book, so that nobody needs to ask for everything again and again."""

from datetime import date
from typing import Final

import orjson

from booking import availability
from booking.availability_feed import FeedPlace, read_changes
from booking.errors import FeedCursorExpired
from kernel.db import DatabaseUnavailable
from open_api.calls import PartnerCall, Reply, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.routing import Routes

routes: Final = Routes("availability")
_FEED: Final = "availability"


@routes.get(
    "/availability/changes",
    scope="slots.read",
    query="availability/change_query.json",
    response="availability/change_list.json",
    errors=[FeedCursorExpired, InvalidCursor, DatabaseUnavailable],
)
async def list_availability_changes(call: PartnerCall) -> Reply:
    """Read the schedules whose free seats have changed for your channel since a cursor, each as it is now.

    Without a cursor: all schedules of your channel, to begin with.
    """
    found = await read_changes(
        call.channel, after=_place(call.query.get("cursor")), limit=call.query.get("limit", LIMIT_DEFAULT)
    )
    answers = await availability.slots_by_schedule(found.schedule_ids, call.channel)
    items = [
        {"schedule_id": schedule_id, "slots": orjson.Fragment(f"[{answer}]")}
        for schedule_id, answer in zip(found.schedule_ids, answers, strict=True)
    ]
    return ok({"items": items, "next": write_cursor(_FEED, found.next.place, found.next.given_on.isoformat())})


def _place(cursor: str | None) -> FeedPlace | None:
    if cursor is None:
        return None
    place, given_on = read_cursor(_FEED, cursor)
    return FeedPlace(int(place), date.fromisoformat(str(given_on)))
