"""The partner surface as one piece: every route behind the guard, and every failure as a problem."""

import re
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
from open_api import (
    availability,
    booking,
    catalogue,
    errors,
    events,
    fairness,
    patients,
    queue,
    rush,
    sandbox,
    stops,
    triage,
    waitlist,
    webhooks,
)
from open_api.administration import (
    accuracy,
    books,
    calendar,
    cashier,
    changes,
    clients,
    extra_seats,
    finance,
    partners,
    people,
    places,
    receipts,
    returns,
    rules,
    schedules,
    staff,
)
from open_api.administration import fairness as office_fairness
from open_api.administration import feedback as administered_feedback
from open_api.administration import messages as administered_messages
from open_api.administration import rush as office_rush
from open_api.administration import stops as administered_stops
from open_api.administration import webhooks as administered_webhooks
from open_api.administration import windows as administered_windows
from open_api.documentation import mount_documentation
from open_api.fhir.application import mount_fhir, refuse_elsewhere
from open_api.guard import language_of, mount, request_id_of
from open_api.health import mount_health
from open_api.oauth.endpoints import mount_oauth
from open_api.pages.front_door import mount_front_door, refusal_page, wants_page
from open_api.payments import attempts, bills, orders, pay_codes, refunds, stays
from open_api.payments.notifications import mount_notifications, note_oversized
from open_api.problems import problem
from open_api.routing import Routes

BODY_BYTES_MAX: Final = 64 * 1024
VERSIONS: Final = ("v1",)
_VERSION: Final = re.compile(r"/open/(v[0-9]{1,4})(?:/|$)")

FEATURES: Final[Sequence[Routes]] = (
    catalogue.routes,
    booking.routes,
    availability.routes,
    waitlist.routes,
    stops.routes,
    rush.routes,
    events.routes,
    webhooks.routes,
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
    office_rush.routes,
    administered_stops.routes,
    administered_messages.routes,
    administered_windows.routes,
    extra_seats.routes,
    staff.routes,
    changes.routes,
    accuracy.routes,
    partners.routes,
    administered_webhooks.routes,
    clients.routes,
    sandbox.routes,
    orders.routes,
    attempts.routes,
    refunds.routes,
    bills.routes,
    stays.routes,
    pay_codes.routes,
    cashier.routes,
    finance.routes,
    receipts.routes,
    books.routes,
    administered_feedback.routes,
)

log = get_logger("open_api")


def mount_open_api(app: Sanic[Any, Any], *, is_sandbox: bool) -> None:
    """Put the partner surface into the application; what belongs to the sandbox only into a sandbox."""
    served = [route for routes in FEATURES for route in routes if is_sandbox or not route.sandbox_only]
    for route in served:
        mount(app, route)
    sandbox.allow_faults_of(served)
    mount_oauth(app)
    mount_fhir(app)
    mount_notifications(app)
    mount_health(app)
    mount_documentation(app, is_sandbox=is_sandbox)
    mount_front_door(app)


def _nothing_there(path: str) -> HospitalError:
    """Tell a version that does not exist from an address that does not."""
    asked = _VERSION.match(path)
    if asked is None or asked[1] in VERSIONS:
        return errors.RouteNotFound()
    return errors.VersionUnknown(versions=list(VERSIONS))


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
                error = _nothing_there(request.path)
            case MethodNotAllowed():
                error = errors.MethodNotAllowed()
            case PayloadTooLarge() | URITooLong():
                note_oversized(request)
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
        if told is None and wants_page(request):
            return refusal_page(request, error)
        return told or problem(error, request_id=request_id, language=language_of(request))
