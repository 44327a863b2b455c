"""The people of the finance office: they decide what the platform leaves to them, approve, hand over and pay out."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.client import PartnerApplication

PAUSE_SECONDS: Final = (0.5, 2.0)
DECLINED: Final = 0.2
PAGE: Final = 100

# What may be decided of each cause, with its weight. A way that would leave the platform and the HIS apart on purpose
# (money sent although nobody knows what the HIS did) is no cashier's first choice, and not taken here.
DECISIONS: Final[dict[str, dict[str, int]]] = {
    "amount_mismatch": {"refund": 4, "explain": 1},
    "app_mismatch": {"refund": 1},
    "payer_mismatch": {"refund": 4, "explain": 1},
    "paid_again": {"refund": 1},
    "close_unanswered": {"ask_again": 1},
    "acceptance_failed": {"ask_again": 1},
    "settlement_unknown": {"ask_again": 2, "mark_settled": 3, "refund": 2},
    "reversal_unknown": {"retry": 1},
    "reversal_refused": {"cancel": 5, "proceed": 1, "retry": 1},
    "refund_abnormal": {"retry": 3, "pay_offline": 5, "cancel": 1},
    "refund_after_end": {"explain": 1},
    "refund_declined": {"refund": 3, "explain": 1},
    "discharge_unknown": {"ask_again": 1},
    "discharge_refused": {"ask_again": 1},
}


@dataclass
class Cashier:
    """Works off what waits for a person. colleague: the second person, who approves."""

    office: PartnerApplication
    colleague: PartnerApplication
    his: PartnerApplication
    rng: random.Random
    decided: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _asked: int = 0

    async def work(self, stop: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stop.is_set():
            await self.go_round()
            await asyncio.sleep(self.rng.uniform(*PAUSE_SECONDS))

    async def go_round(self) -> int:
        """Do what waits now; give how much there was."""
        return (
            await self._decide_cases()
            + await self._judge_refunds()
            + await self._hand_refunds_over()
            + await self._pay_out()
            + await self._ask_for_receipts()
        )

    async def _decide_cases(self) -> int:
        cases = await self._list("exceptions", f"/administration/finance/exceptions?limit={PAGE}")
        for case in cases:
            decision = await self._decision(case)
            if decision is None:
                continue
            answer = await self._post(f"/administration/finance/exceptions/{case['id']}/resolve", decision)
            if answer:
                self.decided[f"{case['cause']}: {decision['action']}"] += 1
        return len(cases)

    async def _decision(self, case: dict[str, Any]) -> dict[str, Any] | None:
        weights = DECISIONS.get(case["cause"])
        if weights is None:
            self.faults.append(f"a case that no run may have: {case}")
            return None
        (action,) = self.rng.choices(list(weights), list(weights.values()))
        decision = {"action": action, "reason": "已核实"}
        if action == "mark_settled":
            number = await self._number_at_the_his(case)
            decision |= {"proof": number} if number else {"action": "refund"}
        elif action == "pay_offline":
            decision["proof"] = f"TRANSFER-{case['id'][-8:]}"
        return decision

    async def _number_at_the_his(self, case: dict[str, Any]) -> str | None:
        """Look in the HIS, as the case says, whether it has settled."""
        number = case["facts"].get("settlement_no")
        if number is None:
            self.faults.append(f"a case that does not say what to look for in the HIS: {case}")
            return None
        found = await self.his.call("cashier looks", "GET", f"/api/billing/entries/{number}", {})
        return str(found.body["receipt_no"]) if found.done else None

    async def _judge_refunds(self) -> int:
        waiting = await self._list("refunds", f"/administration/finance/refunds?status=requested&limit={PAGE}")
        for refund in waiting:
            verdict = "decline" if self.rng.random() < DECLINED else "approve"
            path = f"/administration/finance/refunds/{refund['id']}/{verdict}"
            if await self._post(path, None, by=self.colleague):
                self.decided[f"refund above the limit: {verdict}"] += 1
        return len(waiting)

    async def _hand_refunds_over(self) -> int:
        """Hand over what is to go back in cash or onto a card; what belongs to a channel is refused."""
        handed = 0
        for refund in await self._list("refunds", f"/administration/finance/refunds?status=processing&limit={PAGE}"):
            self._asked += 1
            body = {"slip_no": f"BACK-{refund['refund_no']}"}
            if await self._post(f"/administration/cashier/refunds/{refund['id']}/hand-over", body):
                self.decided["refund handed over at the window"] += 1
                handed += 1
        return handed

    async def _pay_out(self) -> int:
        owed = await self._list("payouts", f"/administration/finance/payouts?limit={PAGE}")
        for one in owed:
            body = {"proof": f"PAYOUT-{one['id'][-8:]}"}
            if await self._post(f"/administration/cashier/payouts/{one['id']}/pay", body):
                self.decided["surplus paid out at the window"] += 1
        return len(owed)

    async def _ask_for_receipts(self) -> int:
        """Ask again for receipts that the fiscal platform refused, as if the reason had been mended."""
        refused = await self._list("refused receipts", f"/administration/finance/receipts?limit={PAGE}")
        for one in refused:
            if await self._post(f"/administration/finance/receipts/{one['id']}/ask-again", None):
                self.decided["refused receipt asked for again"] += 1
        return len(refused)

    async def _list(self, what: str, path: str) -> list[dict[str, Any]]:
        answer = await self.office.get(f"list {what}", path)
        found: list[dict[str, Any]] = answer.body.get("items", [])
        return found

    async def _post(self, path: str, body: dict[str, Any] | None, *, by: PartnerApplication | None = None) -> bool:
        self._asked += 1
        what = f"office: {path.rpartition('/')[2]}"
        answer = await (by or self.office).post(what, path, body, key=f"office-{self.rng.random()}-{self._asked}")
        return answer.done
