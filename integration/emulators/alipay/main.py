"""`python -m integration.emulators.alipay.main`: Alipay in a sandbox, in a process of its own.

It is told what every emulator is (docs/adr/0310); its own key and the applications that it knows lie in its folder.
"""

import asyncio
import sqlite3
import sys
from typing import Any, Final

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from integration.emulators.alipay import bills
from integration.emulators.alipay.gateway import BILL_PERTURBED, GATEWAY_FAULTS, Gateway
from integration.emulators.alipay.keys import load_apps, load_own_key
from integration.emulators.alipay.memory import FEN_MAX, SCHEMA
from integration.emulators.alipay.told import NOTIFICATION_FORGED, Teller
from integration.emulators.alipay.trades import TRADE_FAULTS, Trades
from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.control import Control, read_object, reply, text, whole_number
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.faults import Faults
from integration.emulators.common.process import Emulator, run
from integration.emulators.common.settings import EmulatorSettings
from integration.emulators.common.store import Store
from kernel.log import get_logger

NAME: Final = "alipay-emulator"
PREFIX: Final = "ALIPAY_EMULATOR"
LOOK_EVERY_SECONDS: Final = 0.5

log = get_logger("emulators")


class PayerControl(Control):
    """Plays the payer, and knows which ways a bill may be perturbed in."""

    def __init__(self, trades: Trades, teller: Teller, faults: Faults, **common: Any) -> None:
        super().__init__(faults=faults, notifier=teller.notifier, **common)
        self._trades = trades
        self._teller = teller

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the control routes into the application."""
        super().mount(app)
        self.add(app, "POST", "/scan", self.scan)
        self.add(app, "POST", "/pay", self.pay)
        self.add(app, "GET", "/trades/<out_trade_no:str>", self.show_trade)

    async def scan(self, request: Request) -> HTTPResponse:
        """Scan a code: `qr_code`, `buyer_open_id`."""
        body = read_object(request.body)
        return reply(self._trades.scan(text(body, "qr_code"), text(body, "buyer_open_id")))

    async def pay(self, request: Request) -> HTTPResponse:
        """Pay a trade: `trade_no`, or `out_trade_no`; `late` and `amount_fen` as nobody should."""
        body = read_object(request.body)
        trade_no = text(body, "trade_no") if "trade_no" in body else self._trades.find(text(body, "out_trade_no"))
        self._trades.let_time_pass()
        amount_fen = whole_number(body, "amount_fen") if "amount_fen" in body else None
        if amount_fen is not None and not 0 < amount_fen <= FEN_MAX:
            raise ControlRefused("amount_fen is an amount that may be paid")
        paid = self._trades.pay(trade_no, late=body.get("late") is True, amount_fen=amount_fen)
        self._teller.notifier.wake()
        return reply(paid)

    async def show_trade(self, _request: Request, out_trade_no: str) -> HTTPResponse:
        """Show a trade as the emulator holds it."""
        self._trades.let_time_pass()
        return reply(self._trades.show(self._trades.find(out_trade_no)))

    async def set_fault(self, request: Request, name: str) -> HTTPResponse:
        """Switch a fault on; a bill is perturbed in a way that is known."""
        parameters = read_object(request.body).get("parameters") or {}
        if name == BILL_PERTURBED and parameters.get("kind") not in bills.PERTURBATIONS:
            raise ControlRefused(f"kind is one of {', '.join(bills.PERTURBATIONS)}")
        return await super().set_fault(request, name)


class Process:
    """What the process opens and closes: its memory, its notifier, and the passing of time."""

    def __init__(self, settings: EmulatorSettings) -> None:
        """Open the memory and the keys.

        Raises:
            SettingsError: the key or the applications cannot be read.
        """
        apps = load_apps(settings.folder)
        key = load_own_key(settings.folder)
        self._store = Store(settings.folder / "alipay.sqlite3", schema=SCHEMA)
        clock = EmulatorClock(self._store)
        faults = Faults(self._store, own=TRADE_FAULTS | GATEWAY_FAULTS | {NOTIFICATION_FORGED})
        self._teller = Teller(self._store, clock, faults, apps=apps, key=key)
        self._trades = Trades(self._store, clock, faults, self._teller)
        self._gateway = Gateway(
            store=self._store,
            clock=clock,
            switches=faults,
            trades=self._trades,
            apps=apps,
            key=key,
            own_url=f"http://{settings.http}",
        )
        self._control = PayerControl(self._trades, self._teller, faults, token=settings.token, clock=clock)
        self._time: asyncio.Task[None] | None = None

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put all routes into the application."""
        self._gateway.mount(app)
        self._control.mount(app)

    async def start(self) -> None:
        """Begin to tell, and let time pass."""
        self._teller.notifier.start()
        self._time = asyncio.create_task(self._let_time_pass())

    async def stop(self) -> None:
        """Stop both and close the memory."""
        if self._time is not None:
            self._time.cancel()
            await asyncio.gather(self._time, return_exceptions=True)
        await self._teller.notifier.stop()
        self._store.close()

    async def _let_time_pass(self) -> None:
        while True:
            try:
                if self._trades.let_time_pass():
                    self._teller.notifier.wake()
            except sqlite3.Error as error:
                log.error("alipay_emulator_time_stands", reason=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_SECONDS)


def make(settings: EmulatorSettings) -> Emulator:
    """Open everything and give what is served."""
    process = Process(settings)
    return Emulator(
        mount=process.mount, render_error=lambda _request, _error: None, start=process.start, stop=process.stop
    )


def main() -> int:
    """Serve until SIGTERM."""
    return run(NAME, PREFIX, make)


if __name__ == "__main__":
    sys.exit(main())
