"""The way of a FHIR request to its handler, and of the answer back: JSON, and errors as OperationOutcomes."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

import orjson
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from integration.exchange.fhir import CONTENT_TYPE, Resource, version_of, write_outcome
from kernel.errors import HospitalError
from kernel.log import get_logger
from oauth import resources
from oauth.clients import Client
from open_api import errors
from open_api.admission import Visit
from open_api.answers import Answer
from open_api.authentication import authenticate
from open_api.cross_origin import let_application_read, mount_preflight
from open_api.fhir.errors import FormatNotOffered
from open_api.guard import ANSWERS, language_of, request_id_of
from open_api.problems import problem
from open_api.routing import Handling

PREFIX: Final = "/fhir"
HANDLING: Final = Handling()

_ISSUES: Final = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    500: "exception",
    503: "transient",
}
_FORMATS: Final = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
_ACCEPTED: Final = frozenset({"application/fhir+json", "application/json", "application/*", "text/json", "*/*", ""})

log = get_logger("open_api")


@dataclass(frozen=True, slots=True)
class FhirCall:
    """A request of a known application that was let in. visit: takes down whose data it sees."""

    request: Request
    client: Client
    visit: Visit


Handler = Callable[..., Awaitable[HTTPResponse]]
"""Takes the call and the address's parts, and answers."""


def mount_interaction(app: Sanic[Any, Any], method: str, path: str, name: str, handler: Handler) -> None:
    """Put a FHIR interaction into the application, behind authentication and the gateway."""
    app.add_route(_guarded(handler, f"{method} {PREFIX}{path}"), PREFIX + path, methods=[method], name=f"fhir_{name}")
    mount_preflight(app, PREFIX + path, f"fhir_{name}", methods=(method,))


def answer_resource(request: Request, resource: Resource, *, is_versioned: bool) -> HTTPResponse:
    """Answer with a resource. is_versioned: whoever has this version already need not have it again."""
    headers = {"x-request-id": request_id_of(request), "cache-control": "private, no-cache"}
    if is_versioned:
        tag = f'W/"{version_of(resource)}"'
        headers["etag"] = tag
        if "lastUpdated" in resource["meta"]:
            changed = datetime.fromisoformat(resource["meta"]["lastUpdated"]).astimezone(UTC)
            headers["last-modified"] = format_datetime(changed, usegmt=True)
        known = request.headers.get("if-none-match", "")
        if known == "*" or tag.removeprefix("W/") in (one.strip().removeprefix("W/") for one in known.split(",")):
            return Answer(b"", 304, headers, CONTENT_TYPE)
    return Answer(orjson.dumps(resource), 200, headers, CONTENT_TYPE)


def outcome(error: HospitalError, request: Request) -> HTTPResponse:
    """Render an error as an OperationOutcome; the status and the headers are those of the open API."""
    language = language_of(request)
    told = problem(error, request_id=request_id_of(request), language=language)
    details = ", ".join(f"{name}: {value}" for name, value in error.details.items())
    body = write_outcome(
        code="too-costly" if error.code == "fhir.search_too_wide" else _ISSUES[told.status],
        sentence=error.sentence(language),
        diagnostics=f"{error.code} ({details})" if details else error.code,
    )
    return Answer(orjson.dumps(body, default=str), told.status, dict(told.headers), CONTENT_TYPE)


def _guarded(handler: Handler, operation: str) -> Callable[..., Coroutine[Any, Any, HTTPResponse]]:
    async def handle(request: Request, **path: Any) -> HTTPResponse:
        visit = Visit(request, request_id_of(request), operation=operation, handling=HANDLING)
        try:
            client = await authenticate(request, audience=resources.fhir())
            await visit.admit(client)
            require_json(request)
            response = await handler(FhirCall(request, client, visit), **path)
        except HospitalError as error:
            visit.code = error.code
            response = outcome(error, request)
        except Exception as error:
            log.error("request_failed", operation=operation, request_id=request_id_of(request), exc_info=error)
            visit.code = errors.InternalError.code
            response = outcome(errors.InternalError(), request)
        visit.end(response)
        ANSWERS.labels(operation, response.status).inc()
        return await let_application_read(request, response)

    return handle


def require_json(request: Request) -> None:
    """Require that the caller takes JSON; `_format` goes before Accept (http.html#mime-type).

    Raises:
        FormatNotOffered.
    """
    wanted = request.args.get("_format")
    if wanted is not None:
        # A plus sign that was not escaped has come as a space.
        if wanted.partition(";")[0].strip().replace(" ", "+") not in _FORMATS:
            raise FormatNotOffered
        return
    accepted = (one.partition(";")[0].strip().lower() for one in request.headers.get("accept", "").split(","))
    if _ACCEPTED.isdisjoint(accepted):
        raise FormatNotOffered
