"""People who pay for the numbers that they hold, and the channel that they pay by, with its moods."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.chaos.client import Answer
from tests.chaos.load import ASKED_TWICE, Person, Visitor

ASK_SECONDS_MAX = 150
PAUSE_SECONDS = 0.5
FAULT_PAUSE_SECONDS: Final = (0.2, 1.2)
CANCELLED: Final = 0.3
LOOKED_AT: Final = 0.4

FAULTS: Final[tuple[tuple[str, dict[str, int]], ...]] = (
    ("notification_dropped", {}),
    ("notification_doubled", {}),
    ("notification_delayed", {"seconds": 3}),
    ("notification_reordered", {}),
    ("notification_probe", {}),
    ("answer_lost", {}),
    ("answer_probe", {}),
    ("system_error", {}),
    ("frequency_limited", {}),
)

WAYS: Final = {
    "pays once": 55,
    "pays by two ways": 12,
    "begins, goes away, and pays": 8,
    "pays while the order is given up": 10,
    "pays after it was given up": 8,
    "never pays": 7,
}


@dataclass
class EmulatedChannel:
    """WeChat Pay's control surface, which may be killed like the rest; it is asked until it answers."""

    http: httpx.AsyncClient
    paid: dict[str, int] = field(default_factory=dict)
    acts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    async def act(self, payment_no: str, amount_fen: int, *, act: str = "pay", late: bool = False) -> bool:
        """Do something as a payer; tells whether the channel took it. `paid` keeps what it acknowledged."""
        answer = await self._ask("POST", "/payments", {"out_trade_no": payment_no, "act": act, "late": late})
        is_done = answer.status_code == 200
        self.acts[f"{'late ' if late else ''}{act} {'done' if is_done else 'refused'}"] += 1
        if is_done and act == "pay":
            self.paid[payment_no] = amount_fen
        return is_done

    async def set_fault(self, name: str, parameters: dict[str, int], *, times: int) -> None:
        """Have the channel misbehave so many times."""
        answer = await self._ask("PUT", f"/faults/{name}", {"times": times, "parameters": parameters})
        assert answer.status_code == 200, answer.text
        self.faults[name] += times

    async def heal(self) -> None:
        """Have it behave from now on."""
        assert (await self._ask("DELETE", "/faults", None)).status_code == 200

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        async with asyncio.timeout(ASK_SECONDS_MAX):
            while True:
                try:
                    answer = await self.http.request(method, f"/sandbox{path}", json=body)
                except httpx.TransportError:
                    answer = None
                if answer is not None and answer.status_code < 500:
                    return answer
                await asyncio.sleep(PAUSE_SECONDS)


@dataclass
class Mood:
    """Has the channel misbehave, one fault after another."""

    channel: EmulatedChannel
    rng: random.Random

    async def work(self, stop: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stop.is_set():
            name, parameters = self.rng.choice(FAULTS)
            await self.channel.set_fault(name, parameters, times=self.rng.randint(1, 3))
            await asyncio.sleep(self.rng.uniform(*FAULT_PAUSE_SECONDS))


@dataclass
class Payer(Visitor):
    """Holds numbers, orders their fee, pays in one way or another, and cancels some of what was had."""

    channel: EmulatedChannel = field(kw_only=True)

    async def work(self, stop: asyncio.Event) -> None:
        """Do one thing after the other until told to stop."""
        await self._work(stop, (self._visit,), (1,))

    async def _visit(self, person: Person) -> None:
        slot = self.rng.choice(self.slots)
        hold = await self._change("hold", "/holds", {"slot_id": slot.id, "patient_id": person.id})
        if not hold.done:
            await self._cancel_one(person)
            return
        made = await self._ask("order", "/orders", {"hold_id": hold.body["id"]})
        if not made.done:
            return
        order = made.body
        (way,) = self.rng.choices(list(WAYS), list(WAYS.values()))
        self.channel.acts[way] += 1
        await self._pay(order, way)
        if self.rng.random() < CANCELLED:
            await self._cancel_one(person)

    async def _pay(self, order: dict[str, Any], way: str) -> None:
        first = await self._start(order, "mini_program")
        if first is None or way == "never pays":
            return
        match way:
            case "pays by two ways":
                second = await self._start(order, "native_code")
                await asyncio.gather(*(self._act(order, one) for one in (first, second) if one is not None))
            case "begins, goes away, and pays":
                await self._act(order, first, act="begin")
                await self._act(order, first, act="abandon")
                await self._act(order, first)
            case "pays while the order is given up":
                await asyncio.gather(self._give_up(order), self._act(order, first))
            case "pays after it was given up":
                await self._give_up(order)
                await self._act(order, first, late=True)
            case _:
                await self._act(order, first)
        if self.rng.random() < LOOKED_AT:
            # A phone that asks has the platform ask the channel, while the notification is on its way.
            await asyncio.gather(self._look(order), self._look(order))

    async def _start(self, order: dict[str, Any], scene: str) -> str | None:
        """Begin a payment, sometimes twice at once: one key is one payment, shown as it stands."""
        self._asked += 1
        key, path = f"{self.name}-{self._asked}", f"/orders/{order['id']}/payments"
        body: dict[str, Any] = {"channel": "wechatpay", "scene": scene}
        if scene == "mini_program":
            body["payer"] = f"oChaos{self.name.replace('-', '')[:20]}"
        times = 2 if self.rng.random() < ASKED_TWICE else 1
        answers = await asyncio.gather(*(self.app.post("start payment", path, body, key=key) for _ in range(times)))
        numbers = {str(answer.body["payment_no"]) for answer in answers if answer.done}
        if len(numbers) > 1:
            self.tally.faults.append(f"start payment: one key, two payments: {key}")
        return min(numbers, default=None)

    async def _act(self, order: dict[str, Any], payment_no: str, *, act: str = "pay", late: bool = False) -> None:
        await asyncio.sleep(self.rng.uniform(0, 0.3))
        await self.channel.act(payment_no, int(order["amount_fen"]), act=act, late=late)

    async def _give_up(self, order: dict[str, Any]) -> None:
        await self._ask("give order up", f"/orders/{order['id']}/close", None)

    async def _look(self, order: dict[str, Any]) -> None:
        listed = await self.app.get("list payments", f"/orders/{order['id']}/payments")
        for one in listed.body.get("items", []):
            await self.app.get("look at payment", f"/payments/{one['id']}")

    async def _cancel_one(self, person: Person) -> None:
        listed = await self.app.get("list appointments", f"/appointments?patient_id={person.id}&status=booked")
        items = listed.body.get("items", [])
        if items:
            chosen = self.rng.choice(items)
            await self._ask("cancel", f"/appointments/{chosen['id']}/cancel", {"reason": "chaos"})

    async def _ask(self, what: str, path: str, body: dict[str, Any] | None) -> Answer:
        """Ask for a change whose answer shows how money stands now: a repetition may show more than the first did."""
        self._asked += 1
        return await self.app.post(what, path, body, key=f"{self.name}-{self._asked}")
