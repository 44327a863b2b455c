"""The way of a request to a handler: who, may they, for whom, is it well-formed; and the way of the answer back.

Written to be cheap: it runs before every booking of a rush. No middleware, no signals, no work for what a route
does not declare.
"""

import os
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from kernel import event_stream
from kernel.crypto import cipher
from kernel.errors import HospitalError
from kernel.event_stream import read_event_id
from kernel.events import Actor
from kernel.log import get_logger
from kernel.metrics import Counter
from oauth import clients, tokens
from oauth.errors import InsufficientScope
from oauth.staff.delegations import require_delegate
from open_api import errors
from open_api.admission import Visit
from open_api.authentication import authenticate, token_of
from open_api.calls import PartnerCall, Stream
from open_api.problems import problem
from open_api.reading import body_reader, query_reader, read_idempotency
from open_api.rendering import render
from open_api.routing import PREFIX, Route
from open_api.streams import streams

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_DEVICE_ID: Final = re.compile(r"[\x21-\x7e]{8,128}")

log = get_logger("open_api")
ANSWERS = Counter("hospital_open_api_answers_total", "Answers given to partners", ["operation", "status"])

SanicHandler = Callable[..., Coroutine[Any, Any, HTTPResponse]]


def mount(app: Sanic[Any, Any], route: Route) -> None:
    """Put one route into the application, behind the guard."""
    app.add_route(
        guarded(route),
        PREFIX + route.path,
        methods=[route.method],
        name=re.sub(r"\W+", "_", f"{route.method}_{route.path}").lower(),
    )


def guarded(route: Route) -> SanicHandler:
    """Wrap a route's handler so that nothing unknown, unasked or malformed reaches it."""
    read_body = body_reader(route.request)
    read_query = query_reader(route.query)
    counts: dict[int, Any] = {}

    async def handle(request: Request, **path: Any) -> HTTPResponse:
        request_id = request_id_of(request)
        language = language_of(request)
        visit = Visit(request, request_id, operation=route.operation, handling=route.handling)
        try:
            client = await authenticate(request, audience=tokens.open_api_audience())
            await visit.admit(client)
            if visit.faults and not route.sandbox_only:
                await visit.strike_before(route.name)
            if not _may(client, route):
                raise InsufficientScope(scope=route.scope)
            staff, behalf = await _staff(request, client, route.scope) if route.changes_state else (None, None)
            body, query = read_body(request), read_query(request)
            visit.call = call = PartnerCall(
                body=body,
                query=query,
                path=path,
                client=client,
                actor=Actor(
                    client.id, client.channel, client.kind, staff, request_id, _device(request, client), behalf
                ),
                idempotency=read_idempotency(request, route.operation, client.id, body, query | path)
                if route.changes_state
                else None,
                request_id=request_id,
                language=language,
                last_event_id=read_event_id(request.headers.get("last-event-id")) if route.is_stream else None,
            )
            answer = await route.handler(call)
            await visit.log_access(call, answer, is_change=route.changes_state)
            if visit.faults and not route.sandbox_only and not route.is_stream:
                await visit.strike_after(route.name, is_change=route.changes_state)
            if isinstance(answer, Stream):
                response = await _stream(request, answer, request_id, visit.headers(), scope=route.scope)
            else:
                response = render(request, answer, request_id)
        except HospitalError as error:
            visit.code = error.code
            response = problem(error, request_id=request_id, language=language)
        except Exception as error:
            log.error("request_failed", operation=route.operation, request_id=request_id, exc_info=error)
            visit.code = errors.InternalError.code
            response = problem(errors.InternalError(), request_id=request_id, language=language)
        visit.end(response)
        count = counts.get(response.status)
        if count is None:
            count = counts[response.status] = ANSWERS.labels(route.operation, response.status)
        count.inc()
        return response

    handle.__name__ = route.handler.__name__
    return handle


def request_id_of(request: Request) -> str:
    """Take the caller's request id if it is a sane one, else make one; the same for one request."""
    known: str | None = getattr(request.ctx, "hospital_request_id", None)
    if known is None:
        given = request.headers.get("x-request-id")
        known = given if given and _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
        request.ctx.hospital_request_id = known
    return known


def language_of(request: Request) -> str:
    """Choose the language of sentences: Chinese unless the caller puts English first."""
    accepted = request.headers.get("accept-language")
    return "en" if accepted and accepted.lstrip().lower().startswith("en") else "zh"


def _may(client: clients.Client, route: Route) -> bool:
    """Tell whether a client may ask for this; for the persons it may act for, nothing is open here."""
    if client.person is not None or (route.staff_only and client.kind != "internal"):
        return False
    return route.scope in client.scopes


async def _staff(request: Request, client: clients.Client, scope: str) -> tuple[str | None, str | None]:
    """Give the member of staff an internal application acts for, and whose delegate that one is, if they say so."""
    if client.kind != "internal":
        return None, None
    staff = await clients.require_staff(request.headers.get("acting-staff"))
    behalf = request.headers.get("on-behalf-of")
    return staff, await require_delegate(staff_code=staff, on_behalf_of=behalf, scope=scope) if behalf else None


def _device(request: Request, client: clients.Client) -> bytes | None:
    """Hash the device that a partner's application names; what is no name counts as none."""
    given = request.headers.get("device-id")
    if given is None or client.kind != "partner" or not _DEVICE_ID.fullmatch(given):
        return None
    return cipher().lookup_hash(f"device\n{client.id}\n{given}")


async def _stream(
    request: Request, stream: Stream, request_id: str, limits: dict[str, str], *, scope: str
) -> HTTPResponse:
    """Send events until there are no more, nobody reads them, or who reads them would be refused now.

    What goes wrong ends the stream: they come back.
    """
    source = stream.source
    try:
        token = token_of(request, audience=tokens.open_api_audience())
        source = streams.hold(source, token=token, scope=scope)
        response: HTTPResponse | None = await request.respond(
            content_type=event_stream.CONTENT_TYPE, headers=event_stream.HEADERS | limits | {"x-request-id": request_id}
        )
        assert response is not None, "nobody has answered this request yet"
        try:
            await event_stream.feed(response.send, source)
        except (TimeoutError, HospitalError) as error:
            log.info("stream_cut", reason=type(error).__name__, request_id=request_id)
            if isinstance(error, TimeoutError):
                # The reader takes nothing: what still waits to be sent is dropped with the connection.
                transport: Any = request.transport
                transport.abort()
        return response
    finally:
        source.close()
