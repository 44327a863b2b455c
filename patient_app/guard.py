"""The way of a request to a handler: who asks, for whom, is it well-formed; and the way of the answer back.

A route that names a person in its path is refused before anything of it is read, when the account may not act for
them. What a handler reads or changes of a person is in their access log before the answer goes out.
"""

import re
from collections.abc import Callable, Coroutine
from email.utils import format_datetime
from typing import Any, Final

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from kernel import clock
from kernel.crypto import cipher
from kernel.errors import HospitalError
from kernel.event_stream import read_event_id
from kernel.events import Actor
from kernel.log import get_logger
from kernel.metrics import Counter
from oauth.sign_in.sessions import Session
from oauth.sign_in.subjects import Visit
from open_api import errors
from open_api.calls import Reply, Stream
from open_api.guard import language_of, request_id_of
from open_api.pages.browser import address_of_caller
from open_api.pages.devices import describe_device
from open_api.problems import problem
from open_api.reading import body_reader, query_reader, read_idempotency
from open_api.rendering import render
from partners.request_records import patient_ids_of
from patient_app.access import Access, let_in
from patient_app.calls import CHANNEL, PatientCall
from patient_app.cookie import read_cookie
from patient_app.limits import turnstile
from patient_app.routing import PREFIX, Route
from patient_app.streams import send_stream
from patients.access_log import access_log

_DEVICE_ID: Final = re.compile(r"[\x21-\x7e]{8,128}")

log = get_logger("patient_app")
ANSWERS = Counter("hospital_patient_app_answers_total", "Answers given to patients' phones", ["operation", "status"])

SanicHandler = Callable[..., Coroutine[Any, Any, HTTPResponse]]


def mount(app: Sanic[Any, Any], route: Route) -> None:
    """Put one route into the application, behind the guard."""
    app.add_route(
        guarded(route),
        PREFIX + route.path,
        methods=[route.method],
        name="app_" + re.sub(r"\W+", "_", f"{route.method}_{route.path}").lower(),
    )


def guarded(route: Route) -> SanicHandler:
    """Wrap a route's handler so that nobody unknown and nothing malformed reaches it."""
    read_body = body_reader(route.request)
    read_query = query_reader(route.query)

    async def handle(request: Request, **path: Any) -> HTTPResponse:
        request_id, language = request_id_of(request), language_of(request)
        try:
            visit = _visit(request, request_id, language)
            await turnstile.count_address(visit.address_hash)
            access = None
            if not route.is_public:
                patient_id = path["patient_id"] if route.is_member else None
                access = await let_in(request.headers.get("authorization"), patient_id)
                await turnstile.count_person(access.session.subject.id)
            call = PatientCall(read_body(request), read_query(request), path, visit, language, request_id)
            if route.reads_cookie:
                call.cookie = read_cookie(request)
            if access is not None:
                _sign(call, request, route, access.session)
            answer = await route.handler(call)
            if access is not None:
                await _log_access(route, call, answer, access)
            if isinstance(answer, Stream):
                assert access is not None, "a stream is somebody's"
                response = await send_stream(request, answer, access, {"x-request-id": request_id})
            else:
                response = render(request, answer, request_id)
        except HospitalError as error:
            response = problem(error, request_id=request_id, language=language)
        except Exception as error:
            log.error("request_failed", operation=route.operation, request_id=request_id, exc_info=error)
            response = problem(errors.InternalError(), request_id=request_id, language=language)
        if not route.is_stream or response.status != route.status:
            _dress(response, route)
        ANSWERS.labels(route.operation, response.status).inc()
        return response

    handle.__name__ = f"app_{route.handler.__name__}"
    return handle


def _dress(response: HTTPResponse, route: Route) -> None:
    # A phone compares it with its own clock, which may be wrong.
    response.headers["date"] = format_datetime(clock.now(), usegmt=True)
    response.headers["x-content-type-options"] = "nosniff"
    if not route.is_public or response.status >= 400:
        # A browser's own store outlives the session, and a shared computer's next user can look into it; what our
        # pages keep by the tag lies in the tab alone.
        response.headers["cache-control"] = "no-store"


def _visit(request: Request, request_id: str, language: str) -> Visit:
    return Visit(
        token="",
        address=address_of_caller(request),
        device=describe_device(request.headers.get("user-agent", "")),
        request_id=request_id,
        language=language,
    )


def _sign(call: PatientCall, request: Request, route: Route, session: Session) -> None:
    """Say in the call who asks."""
    client_id = f"account:{session.subject.id}"
    call.signed_in = session
    call.acting = Actor(
        client_id, CHANNEL, "account", request_id=call.request_id, device_hash=_device(request, session)
    )
    if route.changes_state:
        address = call.query | call.path
        call.idempotency = read_idempotency(request, route.operation, client_id, call.body, address)
    if route.is_stream:
        call.last_event_id = read_event_id(request.headers.get("last-event-id"))


def _device(request: Request, session: Session) -> bytes:
    """Hash the device that the app names, whoever is signed in at it; where it names none, the session is one."""
    given = request.headers.get("device-id", "")
    name = given if _DEVICE_ID.fullmatch(given) else str(session.id)
    return cipher().lookup_hash(f"device\n{CHANNEL}\n{name}")


async def _log_access(route: Route, call: PatientCall, answer: Reply | Stream, access: Access) -> None:
    """Write whose data an account is about to see, or has changed, before it is told.

    Raises:
        DatabaseUnavailable, Unavailable: it could not be written, so nothing is shown.
    """
    known = [access.patient_id] if access.patient_id is not None else []
    patient_ids = patient_ids_of(answer.body if isinstance(answer, Reply) else None, known + call.patient_ids)
    if not patient_ids:
        return
    is_replay = call.idempotency is not None and call.idempotency.was_replayed
    try:
        await access_log().record(
            patient_ids,
            client_id=call.actor.client_id,
            operation=route.operation,
            action="change" if route.changes_state and not is_replay else "read",
            request_id=call.request_id,
            account_id=call.account_id,
        )
    except BaseException:
        if isinstance(answer, Stream):
            # Nobody will read it, and it holds a watcher's place.
            answer.source.close()
        raise
