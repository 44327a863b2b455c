"""One call and what becomes of it, without any input or output: shared by both clients."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import httpx

from hospital_openapi.errors import ConnectionFailed, Problem, UnexpectedAnswer, kind_of
from hospital_openapi.problems import BY_CODE
from hospital_openapi.retries import RETRIED, RetryPolicy, read_retry_after

FAILURES: Final = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)
"""What may go wrong on the way and be gone the next time."""

_STANDARD_FIELDS: Final = frozenset({"type", "title", "status", "detail", "code", "request_id"})


@dataclass(frozen=True, slots=True)
class Call:
    """One operation, ready to be sent.

    path: from the hospital's address on. query: values that are None are left out.
    changes: it gets an idempotency key. is_kept: its answer may be kept and asked for by its tag.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    changes: bool = False
    is_kept: bool = False
    idempotency_key: str | None = None
    device_id: str | None = None
    if_none_match: str | None = None

    def __post_init__(self) -> None:
        """Keep to the hospital: a whole address would take the token elsewhere.

        Raises:
            ValueError: the path does not begin with a slash.
        """
        if not self.path.startswith("/"):
            raise ValueError("A path begins with a slash, such as /open/v1/departments.")

    def params(self) -> dict[str, Any]:
        """Give the query as it is written in the address."""
        return {name: value for name, value in self.query.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered. data: None where there is no body. etag: send it as `if_none_match` the next time."""

    status: int
    data: Any
    etag: str | None
    request_id: str | None
    headers: Mapping[str, str]

    @property
    def is_unchanged(self) -> bool:
        """Tell whether it is still what you have (304)."""
        return self.status == 304


def segment(value: str) -> str:
    """Write a value as one segment of a path, whatever stands in it."""
    if value in ("", ".", ".."):
        raise ValueError("An id is needed, not an empty or relative path.")
    return quote(value, safe="")


class Exchange:
    """The attempts of one call: all under one request id and one idempotency key."""

    def __init__(self, call: Call, *, policy: RetryPolicy, language: str) -> None:
        self.call = call
        self.attempts = 0
        self.request_id = uuid.uuid4().hex
        self.idempotency_key = (call.idempotency_key or f"sdk-{uuid.uuid4()}") if call.changes else None
        self.has_renewed_token = False
        self.wants_new_token = False
        self._policy = policy
        self._language = language

    def headers(self, token: str, *, etag: str | None = None) -> dict[str, str]:
        """Give the headers of the next attempt."""
        self.attempts += 1
        found = {
            "authorization": f"Bearer {token}",
            "accept-language": self._language,
            "x-request-id": self.request_id,
        }
        if self.idempotency_key:
            found["idempotency-key"] = self.idempotency_key
        if self.call.device_id:
            found["device-id"] = self.call.device_id
        if tag := self.call.if_none_match or etag:
            found["if-none-match"] = tag
        return found

    def failed(self, error: httpx.TransportError) -> float:
        """Tell how long to wait after an attempt that got no answer.

        Raises:
            ConnectionFailed: it cannot be mended, or was tried often enough.
        """
        wait = self._policy.wait_seconds(attempt=self.attempts) if isinstance(error, FAILURES) else None
        if wait is None:
            raise ConnectionFailed(
                f"{type(error).__name__}: {error}",
                attempts=self.attempts,
                request_id=self.request_id,
                idempotency_key=self.idempotency_key,
            ) from error
        return wait

    def answered(self, response: httpx.Response) -> Answer | float:
        """Give the answer, or how long to wait before the next attempt.

        Raises:
            Problem: the hospital refuses.
            UnexpectedAnswer: this is not the hospital's API.
        """
        status = response.status_code
        self.wants_new_token = False
        if status in (200, 201, 204, 304):
            return read_answer(response)
        if status == 401 and not self.has_renewed_token:
            # It may have been revoked or the keys rotated since; one fresh token tells.
            self.has_renewed_token = self.wants_new_token = True
            return 0.0
        if status in RETRIED:
            after = read_retry_after(response.headers.get("retry-after"))
            wait = self._policy.wait_seconds(attempt=self.attempts, retry_after_seconds=after)
            if wait is not None:
                return wait
        raise read_problem(response)


def read_answer(response: httpx.Response) -> Answer:
    """Read an answer that is no refusal.

    Raises:
        UnexpectedAnswer: it is not JSON.
    """
    data = None
    if response.status_code in (200, 201):
        try:
            data = response.json()
        except ValueError as error:
            raise UnexpectedAnswer(
                "The answer is not JSON",
                status=response.status_code,
                request_id=response.headers.get("x-request-id"),
            ) from error
    return Answer(
        response.status_code,
        data,
        response.headers.get("etag"),
        response.headers.get("x-request-id"),
        response.headers,
    )


def read_problem(response: httpx.Response) -> Problem | UnexpectedAnswer:
    """Read a refusal: a problem of its own class, or word that it is not the hospital's."""
    request_id = response.headers.get("x-request-id")
    try:
        told = response.json()
        code, detail = str(told["code"]), str(told["detail"])
    except (ValueError, TypeError, KeyError):
        return UnexpectedAnswer(
            "The refusal is not a problem document", status=response.status_code, request_id=request_id
        )
    kind = BY_CODE.get(code, kind_of(response.status_code))
    return kind(
        code=code,
        status=response.status_code,
        detail=detail,
        request_id=told.get("request_id", request_id),
        retry_after_seconds=read_retry_after(response.headers.get("retry-after")),
        details={name: value for name, value in told.items() if name not in _STANDARD_FIELDS},
    )
