"""A patient on the running platform: an account with one member, whose phone opens the pages signed in already."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from playwright.async_api import Browser

from tests.factories.both_sides import OpenApi, Person
from tests.factories.patient_app import CONSENT, PRIVACY, Phone
from tests.factories.patient_pages import USUAL, App, Look, open_app, remember_session
from tests.factories.sign_in import Visitor


@dataclass
class Patient:
    """Somebody with the app. person: the member; patient_id: as the hospital knows them."""

    base_url: str
    person: Person
    phone: Phone
    patient_id: str = ""
    cookies: list[Any] = field(default_factory=list)

    @classmethod
    async def join(cls, base_url: str, person: Person, **headers: str) -> Self:
        """Sign in as somebody new, as a browser does, and add them by real name."""
        http = httpx.AsyncClient(base_url=base_url, timeout=30, headers=headers)
        phone = Phone(http, person.phone, transport="cookie")
        asked = (await phone.post("/phone-codes", {"phone": phone.number})).json()
        async with Visitor(base_url) as reader:
            code = await reader.code_for(phone.number)
        body = {"challenge": asked["challenge"], "code": code, "transport": "cookie", "privacy_version": PRIVACY}
        answer = await phone.post("/sessions", body)
        assert answer.status_code == 200, answer.text
        phone.keep(answer)
        made = cls(base_url, person, phone)
        made.cookies = [
            {"name": one.name, "value": one.value, "domain": "127.0.0.1", "path": one.path, "httpOnly": True}
            for one in phone.http.cookies.jar
        ]
        made.patient_id = await made.bind(person)
        return made

    async def bind(self, person: Person, relationship: str = "self") -> str:
        """Add a member by real name."""
        body = {
            "name": person.name,
            "document": {"type": "CN-ID", "number": person.number},
            "phone": person.phone,
            "relationship": relationship,
        }
        if relationship != "self":
            body["consent_version"] = CONSENT
        answer = await self.phone.post("/members", body)
        assert answer.status_code == 201, answer.text
        patient_id: str = answer.json()["patient_id"]
        return patient_id

    async def reads(self, path: str) -> Any:
        """Read something of the member, as the server holds it."""
        answer = await self.phone.get(f"/members/{self.patient_id}{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    @asynccontextmanager
    async def app(self, browser: Browser, look: Look = USUAL) -> AsyncIterator[App]:
        """Open the pages; the session goes on from one opening to the next."""
        async with open_app(browser, self.base_url, look) as app:
            context = app.page.context
            await context.add_cookies(self.cookies)
            await context.add_init_script(remember_session(self.phone.session_id))
            yield app
            self.cookies = await context.cookies()


def book_for(portal: OpenApi, patient: Patient, schedule_id: str, *, place: int = 0) -> dict[str, Any]:
    """Book for a patient by another platform, in the schedule's open slot of that place."""
    patient_id = portal.register(patient.person)
    assert patient_id == patient.patient_id, "one person is one patient, whoever names them"
    slots = [one for one in portal.get("/slots", schedule_id=schedule_id)["items"] if one["available"] > 0]
    done: dict[str, Any] = portal.done("/appointments", {"slot_id": slots[place]["id"], "patient_id": patient_id})
    return done
