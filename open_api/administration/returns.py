"""The release log: what became of each seat that came free, and when it was on sale again."""

from dataclasses import asdict
from datetime import datetime
from typing import Final

from booking.release_log import ReturnFilter, list_returns
from kernel.db import DatabaseUnavailable
from kernel.ids import parse_id
from open_api.administration.entries import READ, after, shown_page
from open_api.calls import PartnerCall, Reply
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes

routes: Final = Routes("administration: returns", staff_only=True, operation_class="sensitive")
_LIST: Final = "administration.return"


@routes.get(
    "/administration/release-log",
    scope=READ,
    query="administration/return_query.json",
    response="administration/return_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def show_release_log(call: PartnerCall) -> Reply:
    """List how seats came free, to whom they were offered or when they were on sale again; newest first."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_LIST, query)
    found = await list_returns(
        ReturnFilter(
            schedule_id=parse_id(query["schedule_id"]) if "schedule_id" in query else None,
            seat_id=query.get("seat_id"),
            since=datetime.fromisoformat(query["since"]) if "since" in query else None,
            until=datetime.fromisoformat(query["until"]) if "until" in query else None,
        ),
        before=int(last) if last else None,
        limit=limit + 1,
    )
    return shown_page(_LIST, [asdict(one) for one in found], limit, "id")
