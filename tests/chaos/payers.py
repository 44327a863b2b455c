"""People who pay, each in one way or another: by either channel, at the window, by a relative, twice, late, wrongly."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.channels import EmulatedAlipay, EmulatedChannel, EmulatedWechatPay, Wrong
from tests.chaos.client import Answer, PartnerApplication
from tests.chaos.load import ASKED_TWICE, Person, Visitor

CANCELLED: Final = 0.3
LOOKED_AT: Final = 0.4

WAYS: Final = {
    "pays once": 40,
    "pays by two channels": 10,
    "begins, goes away, and pays": 6,
    "pays while the order is given up": 8,
    "pays after it was given up": 7,
    "pays in cash": 8,
    "pays by card": 7,
    "a relative pays": 10,
    "pays another amount": 4,
    "somebody else pays": 4,
    "never pays": 6,
}


@dataclass
class Till:
    """What everybody pays by, and how often which way was gone."""

    wechatpay: EmulatedWechatPay
    alipay: EmulatedAlipay
    cashier: PartnerApplication
    ways: Counter[str] = field(default_factory=Counter)

    def of(self, channel: str) -> EmulatedChannel:
        """Give a channel by its code."""
        return self.alipay if channel == "alipay" else self.wechatpay

    @property
    def paid_count(self) -> int:
        """Tell how many payments the channels have acknowledged to their payers."""
        return len(self.wechatpay.paid) + len(self.alipay.paid)


@dataclass
class Payer(Visitor):
    """Pays orders. What they are for, those who follow say."""

    till: Till = field(kw_only=True)

    async def _pay(self, order: dict[str, Any]) -> None:
        """Pay an order in a way that the dice choose."""
        (way,) = self.rng.choices(list(WAYS), list(WAYS.values()))
        self.till.ways[way] += 1
        match way:
            case "pays in cash":
                await self._pay_at_window(order, "cash")
            case "pays by card":
                await self._pay_at_window(order, "card")
            case "a relative pays":
                await self._have_relative_pay(order)
            case _:
                await self._pay_by_phone(order, way)

    async def _pay_by_phone(self, order: dict[str, Any], way: str) -> None:
        channel = self.rng.choice(("wechatpay", "alipay"))
        if way in ("begins, goes away, and pays", "somebody else pays"):
            channel = "wechatpay"
        first = await self._start(order, channel, "mini_program")
        if first is None or way == "never pays":
            return
        match way:
            case "pays by two channels":
                other = "alipay" if channel == "wechatpay" else "wechatpay"
                second = await self._start(order, other, "native_code")
                await asyncio.gather(*(self._act(one) for one in (first, second) if one is not None))
            case "begins, goes away, and pays":
                await self._act(first, act="begin")
                await self._act(first, act="abandon")
                await self._act(first)
            case "pays while the order is given up":
                await asyncio.gather(self._give_up(order), self._act(first))
            case "pays after it was given up":
                await self._give_up(order)
                await self._act(first, late=True)
            case "pays another amount":
                await self._act(first, wrong=Wrong(amount_fen=int(order["amount_fen"]) + 1))
            case "somebody else pays":
                await self._act(first, wrong=Wrong(payer=f"oStranger{self._asked}"))
            case _:
                await self._act(first)
        if self.rng.random() < LOOKED_AT:
            # A phone that asks has the platform ask the channel, while the notification is on its way.
            await asyncio.gather(self._look(order), self._look(order))

    async def _pay_at_window(self, order: dict[str, Any], channel: str) -> None:
        self._asked += 1
        body: dict[str, Any] = {"channel": channel, "amount_fen": order["amount_fen"]}
        if channel == "card":
            body["slip_no"] = f"SLIP-{self.name}-{self._asked}"
        path = f"/administration/cashier/orders/{order['id']}/payment"
        await self.till.cashier.post(f"pay by {channel}", path, body, key=f"{self.name}-{self._asked}")

    async def _have_relative_pay(self, order: dict[str, Any]) -> None:
        made = await self._ask("make pay code", f"/orders/{order['id']}/pay-codes", None)
        if not made.done:
            return
        code = made.body["code"]
        await self._ask("look pay code up", "/pay-codes/lookup", {"code": code})
        body = {"code": code, "channel": self.rng.choice(("wechatpay", "alipay")), "scene": "mini_program"}
        begun = await self._ask("pay by code", "/pay-codes/pay", body | {"payer": self._payer_name()})
        if begun.done:
            await self._act(begun.body)

    async def _start(self, order: dict[str, Any], channel: str, scene: str) -> dict[str, Any] | None:
        """Begin a payment, sometimes twice at once: one key is one payment, shown as it stands."""
        self._asked += 1
        key, path = f"{self.name}-{self._asked}", f"/orders/{order['id']}/payments"
        body: dict[str, Any] = {"channel": channel, "scene": scene}
        if scene == "mini_program":
            body["payer"] = self._payer_name()
        times = 2 if self.rng.random() < ASKED_TWICE else 1
        answers = await asyncio.gather(*(self.app.post("start payment", path, body, key=key) for _ in range(times)))
        begun = {str(answer.body["payment_no"]): answer.body for answer in answers if answer.done}
        if len(begun) > 1:
            self.tally.faults.append(f"start payment: one key, two payments: {key}")
        return next(iter(begun.values()), None)

    def _payer_name(self) -> str:
        return f"oChaos{self.name.replace('-', '')[:20]}"

    async def _act(
        self, payment: dict[str, Any], *, act: str = "pay", late: bool = False, wrong: Wrong | None = None
    ) -> None:
        await asyncio.sleep(self.rng.uniform(0, 0.3))
        await self.till.of(payment["channel"]).act(payment, act=act, late=late, wrong=wrong or Wrong())

    async def _give_up(self, order: dict[str, Any]) -> None:
        await self._ask("give order up", f"/orders/{order['id']}/close", None)

    async def _look(self, order: dict[str, Any]) -> None:
        listed = await self.app.get("list payments", f"/orders/{order['id']}/payments")
        for one in listed.body.get("items", []):
            await self.app.get("look at payment", f"/payments/{one['id']}")

    async def _ask(self, what: str, path: str, body: dict[str, Any] | None) -> Answer:
        """Ask for a change whose answer shows how money stands now: a repetition may show more than the first did."""
        self._asked += 1
        return await self.app.post(what, path, body, key=f"{self.name}-{self._asked}")


@dataclass
class NumberPayer(Payer):
    """Holds numbers, pays their fee, and cancels some of what was had."""

    async def work(self, stop: asyncio.Event) -> None:
        """Do one thing after the other until told to stop."""
        await self._work(stop, (self._visit,), (1,))

    async def _visit(self, person: Person) -> None:
        slot = self.rng.choice(self.slots)
        hold = await self._change("hold", "/holds", {"slot_id": slot.id, "patient_id": person.id})
        if not hold.done:
            await self._cancel_one(person)
            return
        made = await self._ask("order fee", "/orders", {"hold_id": hold.body["id"]})
        if not made.done:
            return
        await self._pay(made.body)
        if self.rng.random() < CANCELLED:
            await self._cancel_one(person)

    async def _cancel_one(self, person: Person) -> None:
        listed = await self.app.get("list appointments", f"/appointments?patient_id={person.id}&status=booked")
        items = listed.body.get("items", [])
        if items:
            chosen = self.rng.choice(items)
            await self._ask("cancel", f"/appointments/{chosen['id']}/cancel", {"reason": "chaos"})
