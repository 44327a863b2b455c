"""Where partner applications are told of events, and which of them do not hear us."""

from typing import Final
from uuid import UUID

from kernel.db import DatabaseUnavailable
from open_api.administration.entries import READ, after, shown_page
from open_api.calls import PartnerCall, Reply
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes
from partners.webhooks.endpoints import list_all_endpoints

routes: Final = Routes("administration: webhooks", staff_only=True)
_LIST: Final = "administration.webhook"


@routes.get(
    "/administration/webhooks",
    scope=READ,
    query="webhooks/office_query.json",
    response="webhooks/office_endpoint_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_webhooks(call: PartnerCall) -> Reply:
    """List the endpoints of every application, the oldest first; `status=disabled` are those we gave up."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    last = after(_LIST, query)
    found = await list_all_endpoints(
        status=query.get("status"),
        client_id=query.get("client_id"),
        after=UUID(str(last)) if last else None,
        limit=limit + 1,
    )
    return shown_page(_LIST, found, limit, "id")
