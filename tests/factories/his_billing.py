"""The micro-HIS's own programs (doctor, pharmacy, ward, cashier), as a test plays them over its HTTP."""

import uuid
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

import httpx

from integration.his.billing import Bill, HisReceipt, Money, RefundApproval
from integration.his.port import Rejected

AMOXICILLIN = {
    "code": "86900001", "name": "阿莫西林胶囊", "specification": "0.25g*24粒", "unit": "盒", "quantity": 2,
    "unit_price_fen": 1_235, "insurance_percent": 70, "executing_department": "pharmacy",
}  # fmt: skip
BLOOD_COUNT = {
    "code": "25010101", "name": "血常规", "unit": "次", "quantity": 1, "unit_price_fen": 2_000,
    "insurance_percent": 50, "executing_department": "laboratory",
}  # fmt: skip
CRP = BLOOD_COUNT | {"code": "25030606", "name": "C反应蛋白", "unit_price_fen": 3_333, "insurance_percent": 0}


def receipt(outcome: HisReceipt | Rejected) -> HisReceipt:
    """What was done."""
    assert isinstance(outcome, HisReceipt), outcome
    return outcome


async def refusal(work: Awaitable[RefundApproval | HisReceipt | Rejected]) -> str:
    """The word with which it was refused."""
    outcome = await work
    assert isinstance(outcome, Rejected), outcome
    return outcome.code


def a_number(prefix: str) -> str:
    """One of the platform's numbers."""
    return f"{prefix}{uuid.uuid4().hex[:20]}"


def by_phone(cash_fen: int, *, insurance_fen: int = 0) -> Money:
    """A payment by WeChat Pay."""
    return Money(cash_fen, "wechatpay", transaction_no=uuid.uuid4().hex[:28], insurance_fen=insurance_fen)


def seen(*bills: Bill) -> list[tuple[str, str]]:
    """The bills as their payer saw them."""
    return [(bill.bill_no, bill.hash) for bill in bills]


@dataclass
class Stations:
    """Everybody who works with the HIS itself."""

    http: httpx.AsyncClient
    document_number: str = field(default_factory=lambda: f"E{uuid.uuid4().int % 10**9:09d}")

    @property
    def patient(self) -> dict[str, str]:
        return {"name": "李时珍", "document_type": "PPN", "document_number": self.document_number}

    async def ask(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.http.post(f"/api/{path}", json=body if body is not None else {})

    async def done(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self.ask(path, body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def order(self, *items: dict[str, Any], kind: str = "laboratory", **more: Any) -> dict[str, Any]:
        body = {
            "patient": self.patient, "kind": kind, "items": list(items), "department_code": "YX0301",
            "ordered_by": "D0001",
        }  # fmt: skip
        return await self.done("station/orders", body | more)

    async def carry_out(self, item_no: str) -> httpx.Response:
        return await self.ask(f"station/items/{item_no}/done", {"done_by": "T0001"})

    async def decide(self, approval_no: str, *, approves: bool, reason: str = "") -> httpx.Response:
        body = {"approves": approves, "decided_by": "P0001"} | ({"reason": reason} if reason else {})
        return await self.ask(f"station/refund-requests/{approval_no}/decide", body)

    async def charge(self, *bill_nos: str, cash_fen: int, **more: Any) -> httpx.Response:
        body = {"bill_nos": list(bill_nos), "clerk": "S0001", "channel": "cash", "cash_fen": cash_fen}
        return await self.ask("window/charges", body | more)

    async def insure(self, mr: str) -> None:
        """Let the clerk read the person's insurance card."""
        await self.done(
            "window/insured-persons",
            {"mr": mr, "person_no": f"4401{uuid.uuid4().int % 10**10:010d}", "kind": "310", "place": "440100"},
        )

    async def admit(self, *, insurance_percent: int = 60, **more: Any) -> dict[str, Any]:
        body = {
            "patient": self.patient, "department_code": "0301", "ward": "六病区", "bed": "12",
            "insurance_percent": insurance_percent,
        }  # fmt: skip
        return await self.done("station/admissions", body | more)

    async def charge_stay(self, admission_no: str, day: str, *items: dict[str, Any]) -> dict[str, Any]:
        body = {"date": day, "items": list(items), "request_id": uuid.uuid4().hex}
        return await self.done(f"station/admissions/{admission_no}/charges", body)

    async def faults(self, **ordered: int) -> None:
        await self.done("faults", dict(ordered))
