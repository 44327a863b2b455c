"""Every error that a route of the patient surface may answer: what it declares, and what its guard refuses."""

from kernel.db import DatabaseBusy, DatabaseUnavailable
from kernel.errors import HospitalError, Unavailable
from kernel.idempotency import IdempotencyMismatch
from oauth.sign_in.errors import NotSignedIn
from open_api import errors
from partners.errors import RateLimited
from patient_app.routing import Route
from patients.errors import PatientNotFound

_ALWAYS = (
    errors.MalformedRequest,
    errors.SchemaViolation,
    errors.BodyTooLarge,
    errors.InternalError,
    RateLimited,
    DatabaseUnavailable,
    Unavailable,
)
_SIGNED_IN = (NotSignedIn,)
_OF_A_MEMBER = (PatientNotFound,)
_WITH_A_BODY = (errors.UnsupportedMediaType,)
_WITH_AN_ID = (errors.RouteNotFound,)
_CHANGING = (errors.InvalidIdempotencyKey, IdempotencyMismatch, DatabaseBusy)


def errors_of(route: Route) -> tuple[type[HospitalError], ...]:
    """List the errors of a route by code."""
    found: set[type[HospitalError]] = {*_ALWAYS, *route.errors}
    if not route.is_public:
        found |= set(_SIGNED_IN)
    if route.is_member:
        found |= set(_OF_A_MEMBER)
    if route.request is not None:
        found |= set(_WITH_A_BODY)
    if "<" in route.path:
        found |= set(_WITH_AN_ID)
    if route.changes_state:
        found |= set(_CHANGING)
    return tuple(sorted(found, key=lambda error: error.code))
