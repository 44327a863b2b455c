"""A member of the app who is insured and owes a bill: the HIS and the insurance's centre stand beside the server."""

from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import httpx

from patients.his import HIS_SYSTEM
from patients.service import attach_identifier
from payments import merchants
from runtime.sandbox_channels import describe_insurance_account
from tests.contract.cases import HisBeside
from tests.factories.his_billing import BLOOD_COUNT, CRP
from tests.factories.open_api import OpenApi, registration
from tests.factories.patient_app import Phone
from tests.factories.payments import CASHIER


@dataclass
class InsuredMember:
    """Somebody whose insurance card the window has read, by their own phone."""

    api: OpenApi
    phone: Phone
    his: HisBeside
    patient_id: UUID
    name: str
    number: str

    @classmethod
    async def owing(cls, api: OpenApi, phone: Phone, his: HisBeside, *, account: bool = True) -> Self:
        """A new member with a bill. account: the hospital has one at the centre."""
        body = registration(name="陈大文") | {"relationship": "self"}
        answer = await phone.post("/members", body)
        assert answer.status_code == 201, answer.text
        own = cls(api, phone, his, UUID(answer.json()["patient_id"]), body["name"], body["document"]["number"])
        told = await his.stations.order(BLOOD_COUNT, CRP)
        await his.stations.insure(told["mr"])
        async with api.db.transaction() as tx:
            await attach_identifier(tx, patient_id=own.patient_id, system=HIS_SYSTEM, value=told["mr"])
            if account:
                await merchants.save_merchant(tx, describe_insurance_account(), campus_id=None, actor=CASHIER)
        return own

    @property
    def bills(self) -> str:
        """The address of what they owe."""
        return f"/members/{self.patient_id}/bills"

    def order_at(self, order_id: str) -> str:
        """The address of an order of theirs."""
        return f"/members/{self.patient_id}/orders/{order_id}"

    async def consent(self, *, name: str | None = None, number: str | None = None) -> str:
        """Agree at the insurance, by default as themselves; gives the code that the phone brings."""
        told = await self.his.centre.ask(
            "/consents", {"user_name": name or self.name, "user_card_no": number or self.number}
        )
        return str(told["code"])

    async def seen(self) -> list[dict[str, str]]:
        """What they owe, as they saw it."""
        items = (await self.phone.get(self.bills)).json()["items"]
        return [{"bill_no": one["bill_no"], "hash": one["hash"]} for one in items]

    async def share(self, code: str | None = None, *, key: str | None = None, **parts: Any) -> httpx.Response:
        """Have the insurance share what they owe. parts: what it pays of it, in percent."""
        if parts:
            await self.his.centre.fault("insurance_share", times=1, **parts)
        body = {"bills": await self.seen(), "consent_code": code or await self.consent()}
        return await self.phone.post(f"{self.bills}/insured-order", body, key=key)

    async def shared(self, **parts: Any) -> dict[str, Any]:
        """An order that the insurance shares, as its screens read it."""
        answer = await self.share(**parts)
        assert answer.status_code == 201, answer.text
        return await self.order(answer.json()["order_id"])

    async def order(self, order_id: str) -> dict[str, Any]:
        """Read an order as its screens do."""
        found: dict[str, Any] = (await self.phone.get(self.order_at(order_id))).json()
        return found

    async def agree(self, order_id: str, act: str = "insurance") -> None:
        """Agree to the insurance's part, or let it end otherwise."""
        number = await self.api.db.fetchval(
            "SELECT pay_order_id FROM insurance_share WHERE order_id = $1", UUID(order_id)
        )
        await self.his.centre.ask("/payments", {"pay_ord_id": number, "act": act})

    async def look(self, order_id: str) -> dict[str, Any]:
        """Ask how an order stands, some seconds after it was asked before."""
        await self.api.db.execute("UPDATE insurance_share SET next_try_at = now() - interval '1 second'")
        found: dict[str, Any] = (await self.phone.get(f"{self.order_at(order_id)}/state")).json()
        return found
