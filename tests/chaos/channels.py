"""The foreign systems that are paid through or receipted by, as a test drives them, and their moods."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.chaos.client import PartnerApplication

ASK_SECONDS_MAX: Final = 400
PAUSE_SECONDS: Final = 0.5
FAULT_PAUSE_SECONDS: Final = (0.2, 1.2)

Fault = tuple[str, Mapping[str, Any]]

TELLING: Final[tuple[Fault, ...]] = (
    ("notification_dropped", {}),
    ("notification_doubled", {}),
    ("notification_delayed", {"seconds": 3}),
    ("notification_reordered", {}),
    ("answer_lost", {}),
    ("system_error", {}),
    ("refund_abnormal", {}),
)
WECHATPAY_FAULTS: Final[tuple[Fault, ...]] = (
    *TELLING,
    ("notification_probe", {}),
    ("answer_probe", {}),
    ("frequency_limited", {}),
    ("refund_closed", {}),
    ("not_enough", {}),
)
ALIPAY_FAULTS: Final[tuple[Fault, ...]] = (
    *TELLING,
    ("notification_forged", {}),
    ("answer_forged", {}),
    ("wait_buyer_pay", {"seconds": 2}),
    ("refund_delayed", {"seconds": 3}),
)
FISCAL_FAULTS: Final[tuple[Fault, ...]] = (
    ("answer_lost", {}),
    ("answer_forged", {}),
    ("platform_silent", {}),
    ("receipt_refused", {"code": "E0999"}),
)

SELDOM: Final = 0.3


def is_lasting(fault: str) -> bool:
    """Tell whether what befalls stays until a person sees to it: such are seldom, or nothing else would be seen."""
    return fault.startswith(("refund_abnormal", "refund_closed", "not_enough"))


@dataclass
class Emulated:
    """An emulator's control surface, which may be killed like the rest; it is asked until it answers."""

    name: str
    http: httpx.AsyncClient
    known_faults: Sequence[Fault]
    calm: float = 1.0
    """How many times longer than the busiest it behaves between two faults."""
    faults: Counter[str] = field(default_factory=Counter)

    async def set_fault(self, name: str, parameters: Mapping[str, Any], *, times: int) -> None:
        """Have it misbehave so many times."""
        answer = await self._ask("PUT", f"/faults/{name}", {"times": times, "parameters": dict(parameters)})
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
class Wrong:
    """In what a payment differs from what was asked: another amount, or another payer."""

    amount_fen: int | None = None
    payer: str | None = None

    @property
    def is_right(self) -> bool:
        """Tell whether nothing differs."""
        return self.amount_fen is None and self.payer is None


RIGHT: Final = Wrong()


@dataclass
class EmulatedChannel(Emulated, ABC):
    """A channel as its payers use it. `paid` keeps what it acknowledged to them, by payment number, in fen."""

    paid: dict[str, int] = field(default_factory=dict)
    acts: Counter[str] = field(default_factory=Counter)

    async def act(self, payment: dict[str, Any], *, act: str = "pay", late: bool = False, wrong: Wrong = RIGHT) -> bool:
        """Do something as a payer; tells whether the channel took it."""
        answer = await self._act(payment, act, late=late, wrong=wrong)
        is_done = answer.status_code == 200
        self.acts[f"{'late ' if late else ''}{act} {'done' if is_done else 'refused'}"] += 1
        if is_done and act == "pay":
            self.paid[payment["payment_no"]] = wrong.amount_fen or int(payment["amount_fen"])
        return is_done

    @abstractmethod
    async def _act(self, payment: dict[str, Any], act: str, *, late: bool, wrong: Wrong) -> httpx.Response:
        """Ask the emulator for it, each in its own words."""


class EmulatedWechatPay(EmulatedChannel):
    """WeChat Pay: `begin` and `abandon` besides `pay`."""

    async def _act(self, payment: dict[str, Any], act: str, *, late: bool, wrong: Wrong) -> httpx.Response:
        body: dict[str, Any] = {"out_trade_no": payment["payment_no"], "act": act, "late": late}
        if wrong.amount_fen is not None:
            body["amount_fen"] = wrong.amount_fen
        if wrong.payer is not None:
            body["openid"] = wrong.payer
        return await self._ask("POST", "/payments", body)


class EmulatedAlipay(EmulatedChannel):
    """Alipay: a code is scanned before it is paid."""

    async def _act(self, payment: dict[str, Any], act: str, *, late: bool, wrong: Wrong) -> httpx.Response:
        assert act == "pay", "Alipay's payer does nothing else"
        if payment["code_url"]:
            scan = {"qr_code": payment["code_url"], "buyer_open_id": f"chaos-{payment['payment_no'][-8:]}"}
            scanned = await self._ask("POST", "/scan", scan)
            if scanned.status_code != 200:
                return scanned
        body: dict[str, Any] = {"out_trade_no": payment["payment_no"], "late": late}
        if wrong.amount_fen is not None:
            body["amount_fen"] = wrong.amount_fen
        return await self._ask("POST", "/pay", body)


@dataclass
class Mood:
    """Has a foreign system misbehave, one fault after another."""

    system: Emulated
    rng: random.Random

    async def work(self, stop: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stop.is_set():
            known = self.system.known_faults
            [(name, parameters)] = self.rng.choices(known, [SELDOM if is_lasting(name) else 1.0 for name, _ in known])
            times = 1 if is_lasting(name) else self.rng.randint(1, 3)
            await self.system.set_fault(name, parameters, times=times)
            await asyncio.sleep(self.rng.uniform(*FAULT_PAUSE_SECONDS) * self.system.calm)


@dataclass
class MoodOfHis:
    """Has the HIS lose answers to commands that it has carried out, or give them late."""

    his: PartnerApplication
    rng: random.Random
    faults: Counter[str] = field(default_factory=Counter)

    async def work(self, stop: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stop.is_set():
            name = self.rng.choice(("answers_lost", "answers_late"))
            await self.misbehave(name, times=self.rng.randint(1, 3))
            await asyncio.sleep(self.rng.uniform(*FAULT_PAUSE_SECONDS) * 3)

    async def misbehave(self, fault: str, *, times: int) -> None:
        """Have it lose or delay so many answers."""
        await self.his.call("his fault", "POST", "/api/faults", {fault: times, "late_seconds": 2})
        self.faults[fault] += times

    async def heal(self) -> None:
        """Have it answer from now on."""
        await self.his.call("his fault", "POST", "/api/faults", {})
