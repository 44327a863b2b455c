"""Client applications: which there are, and the review of those that have registered themselves."""

from typing import Final

from kernel.db import DatabaseUnavailable
from oauth import review
from oauth.errors import ApplicationDecided, ApplicationNotFound
from open_api.administration.entries import READ, WRITE, WRITE_ERRORS, after, shown_page
from open_api.calls import PartnerCall, Reply, ok
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import Routes

routes: Final = Routes("administration: clients", staff_only=True)
_LIST: Final = "clients"
_CLIENT: Final = "administration/client.json"


@routes.get(
    "/administration/clients",
    scope=READ,
    query="administration/client_query.json",
    response="administration/client_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_clients(call: PartnerCall) -> Reply:
    """List client applications, by id; `status=pending` shows those that wait for the hospital."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    found = await review.list_applications(
        status=call.query.get("status"), after=after(_LIST, call.query), limit=limit + 1
    )
    return shown_page(_LIST, found, limit, "id")


@routes.post(
    "/administration/clients/<client_id:str>/approve",
    scope=WRITE,
    response=_CLIENT,
    errors=[ApplicationNotFound, ApplicationDecided, *WRITE_ERRORS],
)
async def approve_client(call: PartnerCall) -> Reply:
    """Let an application in that has registered itself."""
    return ok(
        await review.approve_application(
            call.path["client_id"].replace("\x00", ""), actor=call.actor, idempotency=call.idempotency
        )
    )


@routes.post(
    "/administration/clients/<client_id:str>/refuse",
    scope=WRITE,
    response=_CLIENT,
    errors=[ApplicationNotFound, ApplicationDecided, *WRITE_ERRORS],
)
async def refuse_client(call: PartnerCall) -> Reply:
    """Refuse an application that has registered itself, for good."""
    return ok(
        await review.refuse_application(
            call.path["client_id"].replace("\x00", ""), actor=call.actor, idempotency=call.idempotency
        )
    )
