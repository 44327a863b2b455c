"""Every error that a route may answer: what it declares, and what the guard before it refuses."""

from kernel.db import DatabaseBusy, DatabaseUnavailable
from kernel.errors import HospitalError, Unavailable
from kernel.idempotency import IdempotencyMismatch
from oauth.errors import InsufficientScope, InvalidToken, StaffRequired, StaffUnknown
from open_api import errors
from open_api.routing import Route
from partners.errors import (
    AddressNotAllowed,
    ApplicationStopped,
    LimitsUnavailable,
    QuotaUsedUp,
    RateLimited,
    SignatureInvalid,
    SignatureReplayed,
    SignatureRequired,
)

_ALWAYS = (
    errors.MalformedRequest,
    InvalidToken,
    InsufficientScope,
    ApplicationStopped,
    AddressNotAllowed,
    RateLimited,
    QuotaUsedUp,
    LimitsUnavailable,
    SignatureRequired,
    SignatureInvalid,
    SignatureReplayed,
    errors.SchemaViolation,
    errors.BodyTooLarge,
    errors.InternalError,
    DatabaseUnavailable,
    Unavailable,
)
_WITH_A_BODY = (errors.UnsupportedMediaType,)
_WITH_AN_ID = (errors.RouteNotFound,)
_CHANGING = (errors.InvalidIdempotencyKey, StaffRequired, StaffUnknown, IdempotencyMismatch, DatabaseBusy)

# What is answered where no route is: nothing there, not with this method, or no request at all.
ELSEWHERE = (
    errors.RouteNotFound,
    errors.VersionUnknown,
    errors.MethodNotAllowed,
    errors.BodyTooLarge,
    errors.MalformedRequest,
)


def errors_of(route: Route) -> tuple[type[HospitalError], ...]:
    """List the errors of a route by code."""
    found: set[type[HospitalError]] = {*_ALWAYS, *route.errors}
    if route.request is not None:
        found |= set(_WITH_A_BODY)
    if "<" in route.path:
        found |= set(_WITH_AN_ID)
    if route.changes_state:
        found |= set(_CHANGING)
    return tuple(sorted(found, key=lambda error: error.code))
