"""A person with the patients' pages before a whole platform: signed in, bound by real name, known to the HIS."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.async_api import Request, expect

from tests.factories.both_sides import HisWindow, OpenApi, Person, eventually
from tests.factories.his_billing import AMOXICILLIN, BLOOD_COUNT, CRP
from tests.factories.patient_pages import App
from tests.factories.sign_in import Visitor
from tests.platform import Hospital

SCREEN_SECONDS_MAX = 60


@dataclass
class Payer:
    """Somebody whose pages are open, with the same account's calls for what no screen of money does."""

    app: App
    hospital: Hospital
    person: Person
    patient_id: str = ""
    _token: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, app: App, hospital: Hospital, person: Person) -> "Payer":
        """Take somebody's pages, who may still have to sign in."""
        payer = cls(app, hospital, person)
        app.page.on("request", payer._watch)
        return payer

    @classmethod
    async def signed_in(cls, app: App, hospital: Hospital, person: Person) -> "Payer":
        """Sign in by the screen, and be bound as oneself."""
        payer = cls.of(app, hospital, person)
        await app.open("account/sign-in/sign-in")
        await app.settled("sign-in")
        await app.write("phone", person.phone)
        await app.tap("send-code")
        await expect(app.part("sandbox-messages")).to_be_visible(timeout=20_000)
        async with Visitor(hospital.base_url) as reader:
            await app.write("code", await reader.code_for(person.phone))
        await app.tap("agree")
        await app.tap("submit")
        await app.settled("home")
        await app.open("money/orders/orders")
        await app.settled("orders")
        body = {
            "name": person.name,
            "document": {"type": "CN-ID", "number": person.number},
            "relationship": "self",
        }
        payer.patient_id = (await payer.ask("POST", "/members", body))["patient_id"]
        await app.page.reload()
        await app.settled("orders")
        return payer

    def _watch(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if given.startswith("Bearer "):
            self._token[:] = [given]

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask for something below /app/v1 as the page itself would."""
        async with httpx.AsyncClient(base_url=self.hospital.base_url, timeout=30, trust_env=False) as http:
            headers = {"authorization": self._token[0], "idempotency-key": uuid.uuid4().hex}
            content = {} if body is None else {"json": body}
            answer = await http.request(method, f"/app/v1{path}", headers=headers, **content)
        assert answer.is_success, answer.text
        return answer.json()

    async def order(self, order_id: str) -> Any:
        """What the platform holds of an order."""
        return await self.ask("GET", f"/members/{self.patient_id}/orders/{order_id}")

    async def shows(self, part: str, state: str) -> None:
        """Wait until a screen says how it stands."""
        await expect(self.app.part(part)).to_have_attribute("data-state", state, timeout=SCREEN_SECONDS_MAX * 1_000)

    async def consent(self, *, name: str | None = None) -> None:
        """Agree on the insurance's own page, by default as oneself; it leads back."""
        await self.app.page.get_by_test_id("emulator-name").fill(name or self.person.name, timeout=20_000)
        await self.app.page.get_by_test_id("emulator-number").fill(self.person.number)
        await self.app.page.get_by_test_id("emulator-consent").click()

    async def pay_at_the_channel(self) -> None:
        """Confirm on the channel's own page, which leads back."""
        await self.app.page.get_by_test_id("emulator-pay").click(timeout=20_000)

    async def order_bills(self) -> None:
        """Order the chosen bills, to be paid by oneself also where the insurance is offered."""
        await self.app.settled("bills")
        if await self.app.part("without-insurance").count():
            await self.app.tap("without-insurance")
        await self.app.tap("pay-bills")

    async def turn_back_at_the_channel(self) -> None:
        """Leave the channel's page without paying: soon the choice of paying is back, and says so."""
        await self.app.page.get_by_test_id("emulator-back").click(timeout=20_000)
        await self.shows("pay-state", "choose")
        await expect(self.app.part("not-paid-yet")).to_be_visible()


def held_number(portal: OpenApi, person: Person, schedule_id: str) -> dict[str, Any]:
    """Hold a number for a person, and make the order of its fee; gives the order."""
    patient_id = portal.register(person)
    slots = [one for one in portal.get("/slots", schedule_id=schedule_id)["items"] if one["available"] > 0]
    hold = portal.done("/holds", {"slot_id": slots[0]["id"], "patient_id": patient_id})
    order: dict[str, Any] = portal.done("/orders", {"hold_id": hold["id"]})
    return order


def booked_number(portal: OpenApi, person: Person, schedule_id: str) -> dict[str, Any]:
    """Book a number for a person, whose fee is not paid yet; gives the appointment."""
    patient_id = portal.register(person)
    slots = [one for one in portal.get("/slots", schedule_id=schedule_id)["items"] if one["available"] > 0]
    body = {"slot_id": slots[0]["id"], "patient_id": patient_id}
    appointment: dict[str, Any] = portal.done("/appointments", body)
    return appointment


@dataclass
class Doctors:
    """Who orders, dispenses and decides at the HIS."""

    his: HisWindow

    def done(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Do something at a station."""
        answer = self.his.http.post(f"/api/{path}", json=dict(body))
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def prescribe(self, person: Person, *items: Mapping[str, Any], kind: str) -> str:
        """Order things for a person; gives the bill's number."""
        patient = {"name": person.name, "document_type": "CN-ID", "document_number": person.number}
        body = {"patient": patient, "kind": kind, "items": [dict(one) for one in items]}
        told = self.done("station/orders", body | {"department_code": "03.01", "ordered_by": "D0001"})
        return str(told["bill_no"])

    def two_bills(self, person: Person) -> Sequence[str]:
        """Medicines, and two tests."""
        return [
            self.prescribe(person, AMOXICILLIN, kind="prescription"),
            self.prescribe(person, BLOOD_COUNT, CRP, kind="laboratory"),
        ]

    def insured_bill(self, person: Person) -> str:
        """Two tests for a person whose insurance card the window has read; gives the bill's number."""
        bill_no = self.prescribe(person, BLOOD_COUNT, CRP, kind="laboratory")
        self.insure(person)
        return bill_no

    def insure(self, person: Person) -> None:
        """Have the window read a person's insurance card."""
        patient = {"name": person.name, "document_type": "CN-ID", "document_number": person.number}
        order = {"patient": patient, "kind": "laboratory", "items": [dict(BLOOD_COUNT)]}
        told = self.done("station/orders", order | {"department_code": "03.01", "ordered_by": "D0001"})
        self.done(f"station/orders/{told['bill_no']}/withdraw", {})
        card = {"mr": told["mr"], "person_no": f"4401{person.number[:10]}", "kind": "310", "place": "440100"}
        self.done("window/insured-persons", card)

    def waiting_request(self) -> str:
        """The number of the refund request that waits for a decision."""
        return eventually("a request for a refund at the HIS", self._waiting)

    def _waiting(self) -> str | None:
        listed = self.his.get("/api/station/refund-requests", status="pending")["refund_requests"]
        return str(listed[0]["approval_no"]) if listed else None
