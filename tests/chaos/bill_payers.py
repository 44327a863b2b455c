"""People with bills: their doctors order, they pay several at once, and ask some of it back."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from runtime.demo_hospital.charges import AMLODIPINE, BLOOD_COUNT, CHEST_CT, GLUCOSE, IBUPROFEN, LIPIDS, Article
from tests.chaos.client import PartnerApplication
from tests.chaos.load import Person
from tests.chaos.payers import Payer

BILLS_AT_ONCE_MAX: Final = 3
CHANGED_BY_DOCTOR: Final = 0.08
PAID_AT_HIS_WINDOW: Final = 0.08
CARRIED_OUT: Final = 0.25
WHOLE: Final = 0.4
ORDERED: Final[tuple[tuple[str, tuple[Article, ...]], ...]] = (
    ("prescription", (AMLODIPINE, IBUPROFEN)),
    ("laboratory", (BLOOD_COUNT, GLUCOSE, LIPIDS)),
    ("examination", (CHEST_CT,)),
)


@dataclass
class Sick(Person):
    """Somebody whom the HIS knows; told: how its own programs name them. orders: of bills, that may have been paid."""

    told: dict[str, str] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)


@dataclass
class BillPayer(Payer):
    """Plays the doctor and the patient of bills."""

    his: PartnerApplication = field(kw_only=True)

    async def work(self, stop: asyncio.Event) -> None:
        """Do one thing after the other until told to stop."""
        await self._work(stop, (self._visit, self._ask_back), (2, 1))

    async def _visit(self, person: Person) -> None:
        assert isinstance(person, Sick), "bills are people's whom the HIS knows"
        for _ in range(self.rng.randint(1, BILLS_AT_ONCE_MAX)):
            await self._have_ordered(person)
        listed = await self.app.get("list bills", f"/bills?patient_id={person.id}")
        bills = listed.body.get("items", [])[:BILLS_AT_ONCE_MAX]
        if not bills:
            return
        if self.rng.random() < CHANGED_BY_DOCTOR:
            await self._change_one(bills[0])
        seen = [{"bill_no": bill["bill_no"], "hash": bill["hash"]} for bill in bills]
        made = await self._ask("order bills", "/orders", {"patient_id": person.id, "bills": seen})
        if not made.done:
            return
        if self.rng.random() < PAID_AT_HIS_WINDOW:
            # The HIS refuses to settle what its own window has settled: the money goes back.
            await asyncio.gather(self._pay(made.body), self._pay_at_his_window(bills[0]))
        else:
            await self._pay(made.body)
        person.orders.append(made.body["id"])

    async def _have_ordered(self, person: Sick) -> None:
        self._asked += 1
        kind, articles = self.rng.choice(ORDERED)
        body = {
            "patient": person.told,
            "kind": kind,
            "department_code": "YX0301",
            "ordered_by": "D0001",
            "items": [article.ordered(self.rng.randint(1, 2)) for article in articles],
            "request_id": f"{self.name}-{self._asked}",
        }
        await self.his.call("doctor orders", "POST", "/api/station/orders", body)

    async def _change_one(self, bill: dict[str, Any]) -> None:
        body = {"item_no": bill["items"][0]["item_no"], "quantity": 3}
        await self.his.call("doctor changes", "POST", f"/api/station/orders/{bill['bill_no']}/change", body)

    async def _pay_at_his_window(self, bill: dict[str, Any]) -> None:
        self._asked += 1
        body = {
            "bill_nos": [bill["bill_no"]],
            "clerk": "C001",
            "channel": "cash",
            "cash_fen": bill["total_fen"],
            "request_id": f"{self.name}-{self._asked}",
        }
        await self.his.call("window charge", "POST", "/api/window/charges", body)

    async def _ask_back(self, person: Person) -> None:
        """Ask for one item, some, or all of an order; what the hospital has carried out is refused by the HIS."""
        assert isinstance(person, Sick), "bills are people's whom the HIS knows"
        if not person.orders:
            return
        order = self.rng.choice(person.orders)
        shown = await self.app.get("list ordered bills", f"/orders/{order}/bills")
        items = [item["item_no"] for bill in shown.body.get("items", []) for item in bill["items"]]
        if not items:
            return
        if self.rng.random() < CARRIED_OUT:
            done = self.rng.choice(items)
            await self.his.call("carry out", "POST", f"/api/station/items/{done}/done", {"done_by": "P001"})
        body: dict[str, Any] = {"order_id": order, "reason": "不需要了"}
        if self.rng.random() >= WHOLE:
            body["item_nos"] = self.rng.sample(items, self.rng.randint(1, len(items)))
        await self._ask("ask refund of bills", "/refunds", body)


@dataclass
class Pharmacy:
    """Decides on refunds of drugs: most are approved."""

    his: PartnerApplication
    refuses: float
    rng: Any

    async def work(self, stop: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stop.is_set():
            await self.decide_all()
            await asyncio.sleep(self.rng.uniform(0.3, 1.5))

    async def decide_all(self) -> None:
        """Decide on whatever waits."""
        listed = await self.his.call("pharmacy looks", "GET", "/api/station/refund-requests", {})
        for one in listed.body.get("refund_requests", []):
            approves = self.rng.random() >= self.refuses
            body = {"approves": approves, "reason": "" if approves else "已配药", "decided_by": "P001"}
            path = f"/api/station/refund-requests/{one['approval_no']}/decide"
            await self.his.call(
                "pharmacy decides", "POST", path, {name: one for name, one in body.items() if one != ""}
            )
