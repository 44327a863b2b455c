"""Refusals of the OAuth endpoints, beyond those that Authlib has, and how one is told."""

from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidScopeError

Answer = tuple[int, dict[str, Any], dict[str, str]]
"""Status, JSON body and headers."""

NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}


class InvalidTarget(OAuth2Error):
    """There is no such resource, or one token cannot be for both (RFC 8707 section 2)."""

    error = "invalid_target"


class InvalidProof(OAuth2Error):
    """A DPoP proof is missing, or does not prove what it should (RFC 9449 section 5)."""

    error = "invalid_dpop_proof"


class TooManyScopes(InvalidScopeError):
    """More kinds of data are asked for than a person could weigh, and than a consent keeps."""

    def __init__(self, limit: int) -> None:
        super().__init__(description=f"at most {limit} scopes of a patient's data")


def describe(error: OAuth2Error) -> dict[str, str]:
    """Tell more than a refusal's code, where that helps whoever builds the application and nobody else."""
    return {"error_description": error.description} if isinstance(error, TooManyScopes) else {}


class TooManyAttempts(OAuth2Error):
    """This client has failed too often from this address; nobody else is locked out by it."""

    error = "temporarily_unavailable"
    status_code = 429

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


def refuse(error: OAuth2Error) -> Answer:
    """Tell a refusal by its code alone: a wrong secret and an unknown client look alike (RFC 6749 section 5.2)."""
    is_unproven = isinstance(error, InvalidClientError) or error.error == "invalid_client"
    headers = {"www-authenticate": 'Basic realm="hospital"'} if is_unproven else {}
    if isinstance(error, TooManyAttempts):
        headers["retry-after"] = str(error.retry_after_seconds)
    return 401 if is_unproven else error.status_code, {"error": error.error} | describe(error), headers | NO_STORE
