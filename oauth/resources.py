"""What tokens are for (RFC 8707): the open API or the FHIR API, and which scopes belong to which."""

from collections.abc import Collection
from typing import Final

from oauth import tokens
from oauth.scopes import COMMON_SCOPES

_FHIR_CONTEXTS: Final = ("system", "patient", "user")


def open_api() -> str:
    """Give the open API's address, which is the audience of its tokens."""
    return tokens.open_api_audience()


def fhir() -> str:
    """Give the FHIR API's address, which is the audience of its tokens."""
    return tokens.fhir_audience()


def resource_of(scope: str) -> str | None:
    """Tell which resource a scope opens; None for those common to both."""
    if scope in COMMON_SCOPES:
        return None
    return fhir() if "/" in scope and scope.partition("/")[0] in _FHIR_CONTEXTS else open_api()


def choose(asked: str | None, scopes: Collection[str], *, allowed: Collection[str], explicit: bool) -> str | None:
    """Choose the one resource that a token is for; None where what is asked for cannot be had.

    asked: the `resource` parameter. scopes: those the token would carry. explicit: the client named them itself; then
    one token for both resources is refused rather than cut short.
    """
    if asked is not None:
        wanted = asked.rstrip("/")
        return wanted if wanted in allowed else None
    named = {found for scope in scopes if (found := resource_of(scope)) is not None}
    if explicit and len(named) > 1:
        return None
    for candidate in (open_api(), fhir()):
        if candidate in named and candidate in allowed:
            return candidate
    return next(iter(allowed), None)


def scopes_for(resource: str, scopes: Collection[str]) -> frozenset[str]:
    """Keep the scopes that mean something at a resource."""
    return frozenset(scope for scope in scopes if resource_of(scope) in (None, resource))
