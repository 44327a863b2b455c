"""The gateway as requests see it: an application's door before the handler, and what is told about its limits."""

from sanic import Request

from oauth.clients import Client
from open_api.routing import Route
from partners.addresses import client_address
from partners.gateway import Admission, gateway


async def admit(request: Request, route: Route, client: Client) -> Admission:
    """Let a request of a known application in, or not.

    Raises:
        ApplicationStopped, AddressNotAllowed, RateLimited, QuotaUsedUp, LimitsUnavailable, DatabaseUnavailable.
    """
    door = gateway()
    forwarded = request.headers.getall("x-forwarded-for", ()) if door.trusted_proxies else ()
    address = client_address(request.ip, forwarded, trusted_proxies=door.trusted_proxies)
    return await door.admit(
        client.id, client.kind, operation=route.operation, operation_class=route.operation_class, address=address
    )
