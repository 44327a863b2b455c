"""Applications that ask people, and people who answer: the whole way from the request to the tokens."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import httpx

from kernel.db import Database
from patients.accounts import bind_member
from tests.factories.grants import REDIRECT, challenge_of, redemption
from tests.factories.oauth import RegisteredClient
from tests.factories.patients import registration, resident_id
from tests.factories.sign_in import Visitor, new_phone

SCOPE = "openid fhirUser launch/patient offline_access patient/Appointment.rs patient/Patient.r"


def request_of(client: RegisteredClient, base_url: str, **changes: str | None) -> dict[str, str]:
    """An authorization request; None leaves a parameter out."""
    usual: dict[str, str | None] = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": REDIRECT,
        "scope": SCOPE,
        "state": "state of the application",
        "nonce": "nonce-of-the-application",
        "aud": f"{base_url}/fhir",
        "code_challenge": challenge_of("v" * 20 + "erifier-of-forty-three-characters-and-more"),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def answer_of(response: httpx.Response, *, address: str = REDIRECT) -> dict[str, str]:
    """What an application is told at its address."""
    assert response.status_code == 303, response.text
    location = response.headers["location"]
    assert location.startswith(address), location
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


@dataclass
class Holder:
    """Somebody with an account, signed in at a browser, with themselves as its first member."""

    visitor: Visitor
    phone: str
    account_id: UUID
    patient_id: UUID

    async def open(self, client: RegisteredClient, **changes: str | None) -> httpx.Response:
        """Be led to the authorization endpoint; a page of ours is opened, an answer to the application is not."""
        query = urlencode(request_of(client, self.visitor.base_url, **changes))
        answer = await self.visitor.http.get(f"/oauth/authorize?{query}")
        while answer.status_code == 303 and answer.headers["location"].startswith("/"):
            answer = await self.visitor.http.get(answer.headers["location"])
        self.visitor.page = answer
        return answer

    @property
    def action(self) -> str:
        """Where the consent form is sent."""
        assert self.visitor.page is not None
        return urlsplit(str(self.visitor.page.url)).path

    async def allow(self, *scopes: str, patient_id: UUID | None = None, until: str = "month") -> httpx.Response:
        """Tick what is to be shared, and allow it."""
        ticks = {f"scope:{scope}": "yes" for scope in scopes or ("patient/Appointment.rs", "patient/Patient.r")}
        fields = {"patient": str(patient_id or self.patient_id), "until": until, "decision": "allow"}
        return await self.visitor.post(self.action, follow=False, **ticks, **fields)

    async def answer(self, address: str, *, until: str = "month") -> str:
        """Open a page where an application has led the browser, allow all that it asks, and say where that leads."""
        answer = await self.visitor.http.get(address)
        while answer.status_code == 303 and answer.headers["location"].startswith("/"):
            answer = await self.visitor.http.get(answer.headers["location"])
        self.visitor.page = answer
        if answer.status_code == 200:
            answer = await self.allow(*re.findall(r'name="scope:([^"]*)"', answer.text), until=until)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def code_for(self, client: RegisteredClient, *scopes: str, **changes: str | None) -> str:
        """Allow a request, and give the code that the application gets."""
        await self.open(client, **changes)
        return answer_of(await self.allow(*scopes))["code"]

    async def tokens_for(self, client: RegisteredClient, **changes: str | None) -> dict[str, Any]:
        """Allow a request, and give the tokens that the application gets."""
        return await redeem(self.visitor.base_url, client, await self.code_for(client, **changes))


async def new_holder(visitor: Visitor, database: Database, *, sequence: int = 11) -> Holder:
    """Sign somebody in who has no account yet, and bind them to it."""
    phone = new_phone()
    await visitor.sign_in(phone)
    account_id = await database.fetchval(
        "SELECT subject_id FROM sign_in_session ORDER BY created_at DESC, id DESC LIMIT 1"
    )
    number = resident_id(born=date(1985, 6, 1), sequence=sequence)
    patient = await bind_member(account_id, registration(name="王建国", number=number), relationship="self")
    return Holder(visitor, phone, account_id, patient.id)


async def redeem(base_url: str, client: RegisteredClient, code: str, **changes: str | None) -> dict[str, Any]:
    """Redeem a code."""
    answer = await post_token(base_url, client, redemption(code, **changes))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def post_token(
    base_url: str, client: RegisteredClient, form: Mapping[str, str], *, is_public: bool = False
) -> httpx.Response:
    """Ask the token endpoint as a client with a secret, or as one without."""
    headers = {} if is_public else dict(client.basic)
    more = {"client_id": client.id} if is_public else {}
    async with httpx.AsyncClient(base_url=base_url, timeout=30) as http:
        return await http.post("/oauth/token", data=dict(form) | more, headers=headers)


async def until_refused(http: httpx.AsyncClient, path: str, token: str) -> int:
    """Ask again until the token is refused; give how often it was taken before that."""
    for taken in range(200):
        answer = await http.get(path, headers={"authorization": f"Bearer {token}"})
        if answer.status_code == 401:
            return taken
        await asyncio.sleep(0.02)
    raise AssertionError("the token is good for ever")
