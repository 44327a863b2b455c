"""A partner application that does not give up: it asks with the same key until it knows the outcome."""

import asyncio
import base64
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

ASK_SECONDS_MAX = 400
"""How long one request may stay unknown: longer than the whole platform takes to come back."""
ANSWER_SECONDS_MAX = 20
PAUSE_SECONDS_FIRST = 0.1
PAUSE_SECONDS_MAX = 1.5


@dataclass
class Tally:
    """What all clients together have met. `faults` fail the run, whatever else holds."""

    answers: Counter[str] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """Requests that came to a known end."""
        return sum(self.answers.values())


@dataclass(frozen=True)
class Answer:
    """A known outcome."""

    status: int
    body: dict[str, Any]

    @property
    def done(self) -> bool:
        """Tell whether it took effect."""
        return self.status in (200, 201)

    @property
    def code(self) -> str:
        """The stable code of a refusal, and of the one behind it where the HIS passes one on; of what was done none."""
        if self.done:
            return ""
        reason = self.body.get("refusal")
        code = str(self.body.get("code", ""))
        return f"{code} ({reason['code']})" if isinstance(reason, dict) else code


@dataclass
class PartnerApplication:
    """One client application with its token."""

    http: httpx.AsyncClient
    client_id: str
    secret: str
    tally: Tally
    staff: str | None = None
    _token: str = ""

    async def sign_in(self) -> None:
        """Get a token, however long that takes."""
        form = {"grant_type": "client_credentials"}
        answer = await self._ask("sign in", "POST", "/oauth/token", form=form)
        assert answer.status == 200, answer
        self._token = answer.body["access_token"]

    async def get(self, what: str, path: str) -> Answer:
        """Read."""
        return await self._ask(what, "GET", f"/open/v1{path}")

    async def call(self, what: str, method: str, path: str, body: dict[str, Any]) -> Answer:
        """Ask another system than the open API, by its own path."""
        return await self._ask(what, method, path, body=body)

    async def post(self, what: str, path: str, body: dict[str, Any] | None, *, key: str) -> Answer:
        """Change something; the key makes asking again harmless."""
        return await self._ask(what, "POST", f"/open/v1{path}", body=body, key=key)

    async def put(self, what: str, path: str, body: dict[str, Any], *, key: str) -> Answer:
        """Set something; the key makes asking again harmless."""
        return await self._ask(what, "PUT", f"/open/v1{path}", body=body, key=key)

    async def _ask(
        self,
        what: str,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        form: dict[str, str] | None = None,
        key: str | None = None,
    ) -> Answer:
        headers = {"Accept-Language": "en"}  # The HIS's client brings its own Authorization.
        if form is not None:
            pair = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        elif self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self.staff:
            headers["Acting-Staff"] = self.staff
        if key:
            headers["Idempotency-Key"] = key
        deadline, pause = time.monotonic() + ASK_SECONDS_MAX, PAUSE_SECONDS_FIRST
        while True:
            try:
                given = await self.http.request(method, path, headers=headers, json=body, data=form)
                answer = Answer(given.status_code, given.json() if given.content else {})
            except (httpx.TransportError, ValueError) as error:
                self.tally.repeats[type(error).__name__] += 1
            else:
                if answer.status < 500:
                    self.tally.answers[f"{what} {answer.code or answer.status}"] += 1
                    return answer
                self.tally.repeats[answer.code or str(answer.status)] += 1
                if answer.status != 503:
                    self.tally.faults.append(f"{what}: {answer.status} {answer.code}, {answer.body.get('request_id')}")
            if time.monotonic() > deadline:
                self.tally.faults.append(f"{what}: the outcome stayed unknown for {ASK_SECONDS_MAX} s")
                raise TimeoutError(what)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
