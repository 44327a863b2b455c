"""A patient's phone: signed in at the app, with members, calling the real server below /app/v1."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Self
from uuid import UUID

import httpx

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database
from kernel.events import Actor
from kernel.ids import new_id
from oauth.sign_in.sandbox_messages import read_messages
from patient_app.calls import CHANNEL
from patient_app.routing import PREFIX
from tests.factories.booking import HospitalUnderTest, ScheduleUnderTest
from tests.factories.open_api import registration
from tests.factories.sign_in import PHONES

PRIVACY = "2026-11"
CONSENT = "2026-11"
HOUR = timedelta(hours=1)
_CODE = re.compile(r"[0-9]{6}")


@dataclass
class Phone:
    """One phone or browser. transport: `body` as the mini-program, `cookie` as a browser."""

    http: httpx.AsyncClient
    number: str = field(default_factory=lambda: str(next(PHONES)))
    transport: str = "body"
    access_token: str = ""
    refresh_token: str | None = None
    session_id: str = ""
    language: str = "zh"
    tries_left: int | None = None

    @classmethod
    async def signed_in(cls, http: httpx.AsyncClient, **more: Any) -> Self:
        """A phone whose owner has signed in, with an account of a number of its own."""
        phone = cls(http, **more)
        await phone.sign_in()
        return phone

    async def ask_code(self, path: str = "/phone-codes") -> tuple[dict[str, Any], str]:
        """Have a code sent; gives the answer and the code."""
        answer = await self.post(path, {"phone": self.number} if path == "/phone-codes" else None)
        assert answer.status_code == 200, answer.text
        return answer.json(), await newest_code(self.number)

    async def sign_in(self) -> httpx.Response:
        """Sign in with a code."""
        asked, code = await self.ask_code()
        answer = await self.post(
            "/sessions",
            {
                "challenge": asked["challenge"],
                "code": code,
                "transport": self.transport,
                "privacy_version": PRIVACY,
            },
        )
        assert answer.status_code == 200, answer.text
        self.keep(answer)
        return answer

    async def ask_change_code(self, number: str) -> tuple[dict[str, Any], str]:
        """Have a code sent to the number that the account is to have; gives the answer and the code."""
        answer = await self.post("/account/phone/codes", {"phone": number})
        assert answer.status_code == 200, answer.text
        return answer.json(), await newest_code(number)

    async def change_number(self, number: str) -> httpx.Response:
        """Change the account's number with a code to the new one."""
        asked, code = await self.ask_change_code(number)
        return await self.send("PUT", "/account/phone", {"challenge": asked["challenge"], "code": code})

    async def asked_about_holder(self, db: Database) -> dict[str, Any]:
        """Prove the number as its next owner: its account is in use, and it was proved 91 days ago.

        Gives what an answer has beside itself.
        """
        await db.execute(
            "UPDATE patient_account SET phone_proved_at = $2 WHERE phone_hash = $1",
            cipher().lookup_hash(self.number),
            clock.now() - timedelta(days=91),
        )
        # A minute passes between two messages to one number.
        await db.execute("DELETE FROM sign_in_throttle WHERE ends_at <= $1", clock.now() + HOUR)
        asked, code = await self.ask_code()
        told = {"transport": self.transport, "privacy_version": PRIVACY}
        answer = await self.post("/sessions", told | {"challenge": asked["challenge"], "code": code})
        assert (answer.status_code, answer.json()["code"]) == (409, "sign_in.holder_unsure"), answer.text
        self.tries_left = answer.json()["tries_left"]
        return told | {"question": answer.json()["question"]}

    async def refresh(self, token: str | None = None) -> httpx.Response:
        """Ask for the next tokens, as the transport has it; what is given is not kept."""
        body: dict[str, Any] = {"transport": self.transport}
        if self.transport == "body":
            body["refresh_token"] = token or self.refresh_token
        headers = {"origin": str(self.http.base_url).rstrip("/")}
        return await self.post("/sessions/refresh", body, headers=headers)

    def keep(self, answer: httpx.Response) -> None:
        """Go on with the tokens of an answer."""
        given = answer.json()
        self.session_id = given["session_id"]
        self.access_token, self.refresh_token = given["access_token"], given["refresh_token"]

    async def add_member(
        self, relationship: str = "self", *, sex: int = 1, born: date = date(1980, 5, 17), name: str = "陈大文"
    ) -> UUID:
        """Add somebody new by real name."""
        body = registration(sex=sex, born=born, name=name) | {"relationship": relationship}
        if relationship != "self":
            body["consent_version"] = CONSENT
        answer = await self.post("/members", body)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["patient_id"])

    def headers(self, more: Mapping[str, str] | None = None, *, key: str | None = None) -> dict[str, str]:
        """The headers that this phone sends."""
        found = {"accept-language": self.language}
        if self.access_token:
            found["authorization"] = f"Bearer {self.access_token}"
        if key:
            found["idempotency-key"] = key
        return found | dict(more or {})

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Ask for something below /app/v1; without a body none is sent."""
        content = {} if body is None else {"json": body}
        return await self.http.request(
            method, PREFIX + path, params=params, headers=self.headers(headers, key=key), **content
        )

    async def get(
        self, path: str, *, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Read something below /app/v1."""
        return await self.send("GET", path, params=params, headers=headers)

    async def post(
        self, path: str, body: Any = None, *, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """POST below /app/v1."""
        return await self.send("POST", path, body, key=key, headers=headers)


async def newest_code(number: str) -> str:
    """Read the newest code that came to a telephone."""
    messages = await read_messages(number)
    found = _CODE.search(messages[0].text)
    assert found is not None
    return found[0]


def new_token() -> str:
    """A token that nobody has."""
    return secrets.token_urlsafe(32)


def account_actor(account_id: UUID | None = None) -> Actor:
    """An account as features know it."""
    return Actor(client_id=f"account:{account_id or new_id()}", channel=CHANNEL, kind="account", device_hash=b"a phone")


async def open_to_app(hospital: HospitalUnderTest, schedule: ScheduleUnderTest) -> ScheduleUnderTest:
    """Let the app's channel book what the portal may."""
    await hospital.db.execute("INSERT INTO channel VALUES ($1, 'c', 'c') ON CONFLICT DO NOTHING", CHANNEL)
    await hospital.db.execute(
        "INSERT INTO schedule_release (schedule_id, channel, pool, opens_at, via)"
        " SELECT schedule_id, $2, pool, opens_at, via FROM schedule_release"
        " WHERE schedule_id = $1 AND channel = 'portal'",
        schedule.id,
        CHANNEL,
    )
    return schedule
