"""The client for programs that wait: one connection pool, one access token, one method per operation."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self

import httpx

from hospital_openapi.connection import DEFAULT_TIMEOUT, cleaned, connection_failed, page_of
from hospital_openapi.credentials import Credentials
from hospital_openapi.exchange import Answer, Call, Exchange
from hospital_openapi.kept import KeptAnswers
from hospital_openapi.operations import Operations
from hospital_openapi.retries import RetryPolicy
from hospital_openapi.streams import SILENCE_SECONDS_MAX, EventReader
from hospital_openapi.tokens import TOKEN_PATH, Token, TokenExchange


class HospitalClient(Operations):
    """The hospital's open API, for one application. Threads may share it.

    base_url: the hospital's address, without a path. scopes: fewer than the application has been granted, if it needs
    fewer. language: of the sentences for patients. transport: for tests, or to go through a proxy.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        scopes: tuple[str, ...] = (),
        language: Literal["zh", "en"] = "zh",
        timeout: httpx.Timeout | float = DEFAULT_TIMEOUT,
        retries: RetryPolicy | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = cleaned(base_url)
        self._credentials = credentials
        self._scopes = scopes
        self._language = language
        self._retries = retries or RetryPolicy()
        self._http = httpx.Client(base_url=self.base_url, timeout=timeout, transport=transport)
        self._kept = KeptAnswers()
        self._token: Token | None = None
        self._token_lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        device_id: str | None = None,
        if_none_match: str | None = None,
    ) -> Answer:
        """Send anything, with status, tag and headers in the answer: for what has no method of its own.

        Raises:
            HospitalApiError: see `hospital_openapi.errors`.
        """
        call = Call(
            method,
            path,
            query=query or {},
            body=body,
            changes=method not in ("GET", "HEAD"),
            idempotency_key=idempotency_key,
            device_id=device_id,
            if_none_match=if_none_match,
        )
        return self._answer(call)

    def token(self) -> Token:
        """Give the access token, after getting a fresh one if the last is nearly over; one thread asks, others wait.

        Raises:
            TokenRefused: no such application, or not this proof of it.
            HospitalApiError: anything else that stands in the way.
        """
        token = self._token
        if token is not None and token.is_fresh:
            return token
        with self._token_lock:
            if self._token is None or not self._token.is_fresh:
                self._token = self._new_token()
            return self._token

    def renew_token(self) -> Token:
        """Get a fresh token although the last one is still good, such as after scopes were granted."""
        with self._token_lock:
            self._token = self._new_token()
            return self._token

    def use_token(self, token: Token) -> None:
        """Go on with a token that was kept from elsewhere; it is replaced when it ends, or is refused."""
        with self._token_lock:
            self._token = token

    def _forget(self, token: Token) -> None:
        """Let the next request get a new token, unless another thread already has."""
        with self._token_lock:
            if self._token is token:
                self._token = None

    def _new_token(self) -> Token:
        exchange = TokenExchange(self._credentials, issuer=self.base_url, scopes=self._scopes, policy=self._retries)
        while True:
            form, headers = exchange.request()
            asked_at = time.monotonic()
            try:
                response = self._http.post(TOKEN_PATH, data=form, headers=headers)
            except httpx.TransportError as error:
                wait = exchange.failed(error)
                if wait is None:
                    raise connection_failed(error, attempts=exchange.attempts) from error
            else:
                outcome = exchange.answered(response, asked_at=asked_at)
                if isinstance(outcome, Token):
                    return outcome
                wait = outcome
            time.sleep(wait)

    def _send(self, call: Call) -> Any:
        return self._answer(call).data

    def _answer(self, call: Call) -> Answer:
        exchange = Exchange(call, policy=self._retries, language=self._language)
        request = self._http.build_request(call.method, call.path, params=call.params(), json=call.body)
        address = f"{self._language} {request.url}"
        kept = self._kept.find(address) if call.is_kept and call.if_none_match is None else None
        while True:
            token = self.token()
            request.headers.update(exchange.headers(token.value, etag=kept[0] if kept else None))
            try:
                response = self._http.send(request)
            except httpx.TransportError as error:
                time.sleep(exchange.failed(error))
                continue
            outcome = exchange.answered(response)
            if isinstance(outcome, Answer):
                return self._keep(address, response, outcome, kept) if call.is_kept else outcome
            if exchange.wants_new_token:
                self._forget(token)
            time.sleep(outcome)

    def _keep(self, address: str, response: httpx.Response, answer: Answer, kept: tuple[str, bytes] | None) -> Answer:
        if answer.is_unchanged and kept is not None:
            return Answer(200, json.loads(kept[1]), kept[0], answer.request_id, answer.headers)
        if answer.etag is not None and answer.status == 200:
            self._kept.keep(address, etag=answer.etag, body=response.content)
        return answer

    def _iterate(self, read_page: Callable[[str | None], Any]) -> Iterator[Any]:
        """Give the entries of all pages, one after another; a page is read when it is needed."""
        cursor: str | None = None
        while True:
            items, following = page_of(read_page(cursor), cursor)
            yield from items
            if following is None:
                return
            cursor = following

    def _watch(self, call: Call) -> Iterator[Any]:
        """Give the events of a stream, coming back where it broke off, until the hospital says that it is over."""
        reader = EventReader()
        exchange = Exchange(call, policy=self._retries, language=self._language)
        timeout = httpx.Timeout(self._http.timeout.connect, read=SILENCE_SECONDS_MAX)
        while True:
            token = self.token()
            headers = exchange.headers(token.value) | reader.begin()
            wait = reader.retry_seconds
            try:
                with self._http.stream(call.method, call.path, headers=headers, timeout=timeout) as response:
                    if response.status_code == 200:
                        for line in response.iter_lines():
                            exchange.attempts = 0
                            if (data := reader.take(line)) is not None:
                                yield data
                        wait = reader.retry_seconds
                    else:
                        response.read()
                        outcome = exchange.answered(response)
                        if isinstance(outcome, Answer):
                            return
                        if exchange.wants_new_token:
                            self._forget(token)
                        wait = outcome
            except httpx.TransportError as error:
                wait = exchange.failed(error)
            time.sleep(wait)
