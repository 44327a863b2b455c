"""Both clients of sdk/python behind one face, before a hospital that answers as a test tells it."""

import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from hospital_openapi import AsyncHospitalClient, ClientSecret, HospitalClient, RetryPolicy
from hospital_openapi.credentials import Credentials

Kind = Literal["sync", "async"]
KINDS: tuple[Kind, ...] = ("sync", "async")
BASE_URL = "https://hospital.example"
SECRET = ClientSecret("app", "s3cret:+ü")
AT_ONCE = RetryPolicy(first_seconds=0, longest_seconds=1)


@dataclass
class Hospital:
    """What a pretended hospital answers, one after another, and what it was asked. Tokens are given by number."""

    answers: list[httpx.Response | httpx.TransportError] = field(default_factory=list)
    token_answers: list[httpx.Response | httpx.TransportError] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)
    token_requests: list[httpx.Request] = field(default_factory=list)
    expires_in: float = 1800

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/oauth/token":
            # The client sends one request again and again: what it was this time is kept.
            self.asked.append(
                httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
            )
            return self._give(self.answers.pop(0))
        self.token_requests.append(request)
        if self.token_answers:
            return self._give(self.token_answers.pop(0))
        number = len(self.token_requests)
        told = {"access_token": f"token-{number}", "expires_in": self.expires_in, "scope": "slots.read queue.read"}
        return httpx.Response(200, json=told)

    @staticmethod
    def _give(answer: httpx.Response | httpx.TransportError) -> httpx.Response:
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    def header(self, name: str) -> list[str | None]:
        """What each request said under a name."""
        return [request.headers.get(name) for request in self.asked]


@dataclass
class Both:
    """A client of either kind, asked in one way."""

    client: HospitalClient | AsyncHospitalClient

    async def call(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Call a method; a list of what it gives if it gives one after another."""
        found = getattr(self.client, name)(*arguments, **named)
        if inspect.isawaitable(found):
            return await found
        if isinstance(found, AsyncIterator):
            return [one async for one in found]
        return list(found) if isinstance(found, Iterator) else found


def client_of(
    kind: Kind,
    answer: Callable[[httpx.Request], httpx.Response],
    *,
    credentials: Credentials = SECRET,
    retries: RetryPolicy = AT_ONCE,
) -> Both:
    """Make a client of a kind before a pretended hospital."""
    transport = httpx.MockTransport(answer)
    make = HospitalClient if kind == "sync" else AsyncHospitalClient
    return Both(make(BASE_URL, credentials, language="en", retries=retries, transport=transport))


def problem(status: int, code: str, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    """A refusal as the hospital writes it."""
    body = {"type": f"/docs#{code}", "title": "t", "status": status, "detail": "d", "code": code, "request_id": "r-1"}
    content = json.dumps(body | more)
    return httpx.Response(
        status, content=content, headers={"content-type": "application/problem+json", **(headers or {})}
    )
