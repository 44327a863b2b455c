"""
HospitalApiError
├── ConnectionFailed    nothing was answered, however often it was asked
├── UnexpectedAnswer    what was answered is not of this API: a proxy's page, a broken list
├── TokenRefused        the token endpoint knows no such application, or not this proof of it
├── WebhookRefused      a message that the hospital did not sign, or not just now
└── Problem             the hospital refuses, and says why by `code`
    ├── BadRequest           400, 405, 413, 415
    ├── Unauthenticated      401
    ├── Forbidden            403
    ├── NotFound             404: absent, or not yours
    ├── Conflict             409: a rule or another patient stands in the way
    ├── Unprocessable        422: `violations` says where
    ├── TooManyRequests      429: `retry_after_seconds` says when again
    ├── Unavailable          502, 503, 504
    └── ServerError          500 and the rest

Every code has a class of its own in `hospital_openapi.problems`, below one of these.
"""

from typing import Any, ClassVar


class HospitalApiError(Exception):
    """Whatever this library raises on purpose."""


class ConnectionFailed(HospitalApiError):
    """No answer came. A change may have happened or not: the same idempotency key finds out, and is safe to send.

    request_id and idempotency_key: those that were sent each time; the key is None where nothing would be changed.
    """

    def __init__(self, reason: str, *, attempts: int, request_id: str, idempotency_key: str | None) -> None:
        super().__init__(f"{reason} (asked {attempts} times, request {request_id})")
        self.attempts = attempts
        self.request_id = request_id
        self.idempotency_key = idempotency_key


class UnexpectedAnswer(HospitalApiError):
    """An answer that this API does not give: often a proxy's or a firewall's own page."""

    def __init__(self, reason: str, *, status: int, request_id: str | None) -> None:
        super().__init__(f"{reason} (status {status}, request {request_id})")
        self.status = status
        self.request_id = request_id


class TokenRefused(HospitalApiError):
    """The token endpoint refuses (RFC 6749 section 5.2): `error` is its code, such as `invalid_client`."""

    def __init__(self, error: str, description: str | None, *, status: int, request_id: str | None) -> None:
        super().__init__(f"{error}{': ' + description if description else ''} (request {request_id})")
        self.error = error
        self.description = description
        self.status = status
        self.request_id = request_id


class WebhookRefused(HospitalApiError):
    """A webhook message that must not be believed; answer it with 400 and do nothing."""


class Problem(HospitalApiError):
    """A refusal by the hospital (RFC 9457).

    code: what programs decide by. detail: a sentence that can be shown to a patient. request_id: quote it when you ask
    the hospital. details: whatever else the refusal says, such as `field` or `violations`.
    """

    default_code: ClassVar[str] = ""

    def __init__(
        self,
        *,
        code: str,
        status: int,
        detail: str,
        request_id: str | None,
        retry_after_seconds: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail} (status {status}, request {request_id})")
        self.code = code
        self.status = status
        self.detail = detail
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.details = details or {}


class BadRequest(Problem):
    """The request cannot be meant; the same again will be refused again."""


class Unauthenticated(Problem):
    """The access token is not accepted, nor was a fresh one."""


class Forbidden(Problem):
    """This application may not do that."""


class NotFound(Problem):
    """Not there, or not yours: the two look alike."""


class Conflict(Problem):
    """A rule of the hospital or another patient stands in the way."""


class Unprocessable(Problem):
    """The request breaks its schema."""

    @property
    def violations(self) -> list[dict[str, Any]]:
        """Where it breaks: a JSON pointer, the rule, and a sentence each."""
        found: list[dict[str, Any]] = self.details.get("violations", [])
        return found


class TooManyRequests(Problem):
    """Your application is faster than is allowed."""


class Unavailable(Problem):
    """Something the hospital needs is out of reach for now."""


class ServerError(Problem):
    """The hospital's own fault; the request id finds it."""


def kind_of(status: int) -> type[Problem]:
    """Tell which kind of problem a status means, for codes that this library does not know yet."""
    known: dict[int, type[Problem]] = {
        401: Unauthenticated,
        403: Forbidden,
        404: NotFound,
        409: Conflict,
        422: Unprocessable,
        429: TooManyRequests,
        502: Unavailable,
        503: Unavailable,
        504: Unavailable,
    }
    return known.get(status, ServerError if status >= 500 else BadRequest)
