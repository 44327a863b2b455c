"""People in beds: admitted, asked for deposits, charged day by day, discharged, and settled one way or the other."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from runtime.demo_hospital.charges import CEFTRIAXONE, INFUSION
from tests.chaos.bill_payers import Sick
from tests.chaos.client import Answer, PartnerApplication
from tests.chaos.load import Person
from tests.chaos.payers import Payer

DEPOSITS_FEN: Final = (8_000, 20_000, 45_000)
DEPOSITS_MAX: Final = 3
AT_HIS_WINDOW: Final = 0.15
RETURNED: Final = 0.15


@dataclass
class Bedridden(Sick):
    """Somebody who is, was or will be in a bed. stay: the admission's number, None between two."""

    stay: str | None = None
    deposits: int = 0
    is_discharged: bool = False


@dataclass
class WardPayer(Payer):
    """Plays the ward and its patients."""

    his: PartnerApplication = field(kw_only=True)

    async def work(self, stop: asyncio.Event) -> None:
        """Do one thing after the other until told to stop."""
        await self._work(stop, (self._go_on,), (1,))

    async def _go_on(self, person: Person) -> None:
        """Take somebody's stay one step further."""
        assert isinstance(person, Bedridden), "the ward's people"
        if person.stay is None:
            await self._admit(person)
        elif person.is_discharged:
            await self._settle(person)
        elif person.deposits < DEPOSITS_MAX and (person.deposits == 0 or self.rng.random() < 0.6):
            await self._deposit(person)
        else:
            await self._charge_and_discharge(person)

    async def finish(self) -> None:
        """Let everybody who is still in a bed go home, and pay what they owe."""
        for person in self.people:
            assert isinstance(person, Bedridden), "the ward's people"
            if person.stay is not None and not person.is_discharged:
                await self._charge_and_discharge(person)
            if person.stay is not None and person.is_discharged:
                await self._settle(person)

    async def _admit(self, person: Bedridden) -> None:
        body = {
            "patient": person.told,
            "department_code": "0301",
            "ward": "六病区",
            "bed": str(self.rng.randint(1, 60)),
            "insurance_percent": 70,
        }
        answer = await self._tell("admit", "/api/station/admissions", body)
        if answer.done:
            person.stay, person.deposits, person.is_discharged = answer.body["admission_no"], 0, False

    async def _deposit(self, person: Bedridden) -> None:
        person.deposits += 1
        amount_fen = self.rng.choice(DEPOSITS_FEN)
        if self.rng.random() < AT_HIS_WINDOW:
            body = {"admission_no": person.stay, "clerk": "C001", "channel": "cash", "cash_fen": amount_fen}
            await self._tell("deposit at the HIS", "/api/window/deposits", body)
            return
        wanted = {"admission_no": person.stay, "amount_fen": amount_fen}
        made = await self._ask("order deposit", "/orders", {"patient_id": person.id, "deposit": wanted})
        if not made.done:
            return
        await self._pay(made.body)
        if self.rng.random() < RETURNED:
            self._asked += 1
            body = {"order_id": made.body["id"], "reason": "多交了"}
            await self.till.cashier.post("ask refund of deposit", "/refunds", body, key=f"{self.name}-{self._asked}")

    async def _charge_and_discharge(self, person: Bedridden) -> None:
        """Charge little or much, so that some leave with a surplus and some owe, and let them go."""
        self._asked += 1
        today = await self.app.get("look at stays", f"/stays?patient_id={person.id}")
        if not today.done or not today.body["items"]:
            return
        times = self.rng.choice((1, 4, 25))
        body = {
            "date": today.body["items"][0]["admitted_at"][:10],
            "items": [INFUSION.ordered(times), CEFTRIAXONE.ordered(times)],
            "request_id": f"{self.name}-{self._asked}",
        }
        await self.his.call("charge stay", "POST", f"/api/station/admissions/{person.stay}/charges", body)
        gone = await self.his.call("discharge", "POST", f"/api/station/admissions/{person.stay}/discharge", {})
        person.is_discharged = gone.done or gone.code == "admission_not_open"

    async def _settle(self, person: Bedridden) -> None:
        """Pay what is owed; where nothing is, the platform settles by itself and sends the surplus back."""
        shown = await self.app.get("look at stays", f"/stays?patient_id={person.id}")
        if not shown.done or not shown.body["items"]:
            return
        stay = shown.body["items"][0]
        if stay["admission_no"] != person.stay or stay["status"] == "settled":
            person.stay = None
            return
        if stay["balance_fen"] <= 0:
            return
        wanted = {"admission_no": person.stay}
        made = await self._ask("order discharge", "/orders", {"patient_id": person.id, "discharge": wanted})
        if made.done:
            await self._pay(made.body)

    async def _tell(self, what: str, path: str, body: dict[str, Any]) -> Answer:
        self._asked += 1
        return await self.his.call(what, "POST", path, body | {"request_id": f"{self.name}-{self._asked}"})
