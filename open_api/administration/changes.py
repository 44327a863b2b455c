"""Who changed which rule when."""

from datetime import datetime
from typing import Any, Final

from kernel.audit import Change, ChangeFilter, list_changes
from kernel.db import DatabaseUnavailable
from open_api.administration.entries import READ, after, shown_page
from open_api.calls import PartnerCall, Reply
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes

routes: Final = Routes("administration: changes", staff_only=True, operation_class="sensitive")
_LIST: Final = "administration.change"


@routes.get(
    "/administration/changes",
    scope=READ,
    query="administration/change_query.json",
    response="administration/change_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def show_changes(call: PartnerCall) -> Reply:
    """List what was changed by whom, newest first: of one entry, of one kind, by one member of staff, in a time."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_LIST, query)
    found = await list_changes(
        ChangeFilter(
            entity=query.get("entity"),
            entity_id=query.get("entity_id"),
            staff_code=query.get("staff_code"),
            client_id=query.get("client_id"),
            since=datetime.fromisoformat(query["since"]) if "since" in query else None,
            until=datetime.fromisoformat(query["until"]) if "until" in query else None,
        ),
        before=int(last) if last else None,
        limit=limit + 1,
    )
    return shown_page(_LIST, [render_change(change) for change in found], limit, "id")


def render_change(change: Change) -> dict[str, Any]:
    """Shape a change for the wire."""
    return {
        "id": change.id,
        "at": change.at,
        "entity": change.entity,
        "entity_id": change.entity_id,
        "action": change.action,
        "before": change.before,
        "after": change.after,
        "client_id": change.client_id,
        "staff_code": change.staff_code,
        "request_id": change.request_id,
        "on_behalf_of": change.on_behalf_of,
    }
