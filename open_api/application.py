"""The partner surface as one piece: every route behind the guard, and every failure as a problem."""

from collections.abc import Sequence
from typing import Any, Final

from sanic import Request, Sanic
from sanic.exceptions import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    RequestCancelled,
    SanicException,
    ServiceUnavailable,
    URITooLong,
)
from sanic.handlers import ErrorHandler
from sanic.response import HTTPResponse

from kernel.errors import HospitalError, Unavailable
from kernel.log import get_logger
from open_api import booking, catalogue, errors, events, fairness, patients, queue, stops, triage, waitlist
from open_api.administration import (
    accuracy,
    applications,
    calendar,
    changes,
    extra_seats,
    people,
    places,
    returns,
    rules,
    schedules,
)
from open_api.administration import fairness as office_fairness
from open_api.administration import stops as administered_stops
from open_api.documentation import mount_documentation
from open_api.fhir.application import mount_fhir, refuse_elsewhere
from open_api.guard import language_of, mount, request_id_of
from open_api.health import mount_health
from open_api.oauth.endpoints import mount_oauth
from open_api.problems import problem
from open_api.routing import Routes

BODY_BYTES_MAX: Final = 64 * 1024

FEATURES: Final[Sequence[Routes]] = (
    catalogue.routes,
    booking.routes,
    waitlist.routes,
    stops.routes,
    events.routes,
    patients.routes,
    queue.routes,
    triage.routes,
    fairness.routes,
    places.routes,
    people.routes,
    rules.routes,
    calendar.routes,
    schedules.routes,
    returns.routes,
    office_fairness.routes,
    administered_stops.routes,
    extra_seats.routes,
    changes.routes,
    accuracy.routes,
    applications.routes,
)

log = get_logger("open_api")


def mount_open_api(app: Sanic[Any, Any]) -> None:
    """Put the partner surface into the application."""
    for routes in FEATURES:
        for route in routes:
            mount(app, route)
    mount_oauth(app)
    mount_fhir(app)
    mount_health(app)
    mount_documentation(app)


class ProblemErrors(ErrorHandler):
    """Renders what Sanic itself refuses in the same form as everything else."""

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        """Turn any exception that no handler caught into a problem."""
        request_id = request_id_of(request)
        error: HospitalError
        match exception:
            case HospitalError():
                error = exception
            case NotFound():
                error = errors.RouteNotFound()
            case MethodNotAllowed():
                error = errors.MethodNotAllowed()
            case PayloadTooLarge() | URITooLong():
                error = errors.BodyTooLarge(limit_bytes=BODY_BYTES_MAX)
            case RequestCancelled():
                # Its sender has gone: nobody reads the answer.
                error = errors.MalformedRequest()
            case ServiceUnavailable():
                # Sanic says so of a request that was not answered in time, whoever was slow.
                error = Unavailable()
            case BadRequest():
                error = errors.MalformedRequest()
            case SanicException() if exception.status_code < 500:
                error = errors.MalformedRequest()
            case _:
                log.error("request_failed", path=request.path, request_id=request_id, exc_info=exception)
                error = errors.InternalError()
        told = refuse_elsewhere(request, error)
        return told or problem(error, request_id=request_id, language=language_of(request))
