"""The access token that is in use, and what it takes to get the next one; without any input or output."""

import time
from dataclasses import dataclass, field
from typing import Final

import httpx

from hospital_openapi.credentials import Credentials
from hospital_openapi.errors import TokenRefused, UnexpectedAnswer
from hospital_openapi.exchange import FAILURES, read_problem
from hospital_openapi.retries import RETRIED, RetryPolicy, read_retry_after

EARLY_SECONDS_MAX: Final = 60.0
EARLY_SHARE: Final = 0.2
TOKEN_PATH: Final = "/oauth/token"  # noqa: S105  an address


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. renew_at: when it is to be replaced, on the monotonic clock, shortly before it ends."""

    value: str = field(repr=False)
    scopes: tuple[str, ...]
    renew_at: float

    @property
    def is_fresh(self) -> bool:
        """Tell whether it will still be good when it arrives."""
        return time.monotonic() < self.renew_at


class TokenExchange:
    """The attempts to get one token: each with a proof of its own, for an assertion is good only once."""

    def __init__(self, credentials: Credentials, *, issuer: str, scopes: tuple[str, ...], policy: RetryPolicy) -> None:
        self.attempts = 0
        self._credentials = credentials
        self._issuer = issuer
        self._scopes = scopes
        self._policy = policy

    def request(self) -> tuple[dict[str, str], dict[str, str]]:
        """Give the form and the headers of the next attempt."""
        self.attempts += 1
        form, headers = self._credentials.prove(issuer=self._issuer)
        form = {"grant_type": "client_credentials"} | form
        if self._scopes:
            form["scope"] = " ".join(self._scopes)
        return form, headers

    def failed(self, error: httpx.TransportError) -> float | None:
        """Tell how long to wait after an attempt without an answer; None: give up."""
        return self._policy.wait_seconds(attempt=self.attempts) if isinstance(error, FAILURES) else None

    def answered(self, response: httpx.Response, *, asked_at: float) -> Token | float:
        """Give the token, or how long to wait before the next attempt.

        Raises:
            TokenRefused: no such application, or not this proof of it.
            Problem, UnexpectedAnswer: anything else.
        """
        request_id = response.headers.get("x-request-id")
        if response.status_code in RETRIED:
            after = read_retry_after(response.headers.get("retry-after"))
            wait = self._policy.wait_seconds(attempt=self.attempts, retry_after_seconds=after)
            if wait is not None:
                return wait
        try:
            told = response.json()
            if response.status_code == 200:
                lives = float(told["expires_in"])
                early = min(EARLY_SECONDS_MAX, lives * EARLY_SHARE)
                return Token(
                    str(told["access_token"]), tuple(str(told.get("scope", "")).split()), asked_at + lives - early
                )
            if "error" in told:
                raise TokenRefused(
                    str(told["error"]),
                    told.get("error_description"),
                    status=response.status_code,
                    request_id=request_id,
                )
        except (ValueError, TypeError, KeyError) as error:
            raise UnexpectedAnswer(
                "The token endpoint gives no token", status=response.status_code, request_id=request_id
            ) from error
        raise read_problem(response)
