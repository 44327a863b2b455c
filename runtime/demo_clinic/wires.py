"""The wires that the day is played over: the open API for three applications, and the window of the HIS."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import httpx

ANSWER_SECONDS_MAX: Final = 30.0
TRIES_MAX: Final = 8
PAUSE_SECONDS: Final = 0.5
# A token lives for half an hour of the machine's time.
TOKEN_SECONDS: Final = 1200.0
BUSY: Final = 503
OK: Final = (200, 201)

Record = dict[str, Any]


class Refused(Exception):
    """The other side said no, and why."""

    def __init__(self, what: str, status: int, code: str) -> None:
        super().__init__(f"{what}: {status} {code}")
        self.status, self.code = status, code


class Wire:
    """A connection pool to one side for one application. `asked` counts what was asked for, by path."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=ANSWER_SECONDS_MAX,
            trust_env=False,
            headers={"accept-language": "en", **headers},
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=16),
        )
        self.asked = Counter[str]()

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Record:
        """Ask as a good client does: the same request again, under the same key, while the other side is too busy.

        Raises:
            Refused: with the problem's code.
            httpx.HTTPError: the other side is not there.
        """
        key = {"idempotency-key": secrets.token_hex(12)} if method == "POST" else {}
        for attempt in range(TRIES_MAX):
            answer = await self._http.request(
                method, path, json=None if body is None else dict(body), headers={**key, **(headers or {})}
            )
            if answer.status_code != BUSY or attempt == TRIES_MAX - 1:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        told: Record = answer.json()
        if answer.status_code not in OK:
            raise Refused(f"{method} {path}", answer.status_code, str(told.get("code")))
        return told


class App(Wire):
    """An application of the open API; its token is renewed by itself."""

    def __init__(self, base_url: str, credentials: Mapping[str, str], *, staff: str | None = None) -> None:
        super().__init__(base_url, {"acting-staff": staff} if staff else {})
        self._credentials = (credentials["client_id"], credentials["client_secret"])
        self._token, self._got_at = "", -TOKEN_SECONDS
        self._signing_in = asyncio.Lock()

    async def get(self, path: str, **query: str | int) -> Record:
        """Read something."""
        asked = str(httpx.URL(f"/open/v1{path}", params=query)) if query else f"/open/v1{path}"
        return await self.send("GET", asked, headers=await self._authorization())

    async def post(self, path: str, body: Mapping[str, object] | None = None, *, staff: str | None = None) -> Record:
        """Change something, under a fresh key; `staff` acts instead of the usual member of staff."""
        headers = await self._authorization() | ({"acting-staff": staff} if staff else {})
        return await self.send("POST", f"/open/v1{path}", body=body or {}, headers=headers)

    async def _authorization(self) -> dict[str, str]:
        async with self._signing_in:
            if time.monotonic() - self._got_at > TOKEN_SECONDS:
                answer = await self._http.post(
                    "/oauth/token", data={"grant_type": "client_credentials"}, auth=self._credentials
                )
                if answer.status_code not in OK:
                    raise Refused("POST /oauth/token", answer.status_code, answer.text[:200])
                self._token, self._got_at = answer.json()["access_token"], time.monotonic()
        return {"authorization": f"Bearer {self._token}"}


class Window(Wire):
    """The registration window of the HIS, as its clerks use it."""

    def __init__(self, base_url: str, token: str) -> None:
        super().__init__(base_url, {"authorization": f"Bearer {token}"})

    async def find(self, appointment_id: str) -> Record | None:
        """Give what the HIS has of an appointment."""
        found = await self.send("GET", f"/api/appointments?platform_id={appointment_id}")
        listed: list[Record] = found["appointments"]
        return listed[0] if listed else None

    async def post(self, path: str, body: Mapping[str, object]) -> Record:
        """Do something at the window."""
        return await self.send("POST", path, body={**body, "clerk": "W0007"})
