from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from payments.gateways.port import PaymentRequest, Scene
from tests.factories.emulators import Alipay, alipay

PAYER = "0123456789abcdefPAYER"
_numbers = count(1)


@dataclass
class Shop:
    """The emulated Alipay, with the steps that tests repeat."""

    alipay: Alipay
    told: list[dict[str, str]] = field(default_factory=list)

    @property
    def gateway(self) -> Any:
        return self.alipay.gateway

    @property
    def process(self) -> Any:
        return self.alipay.process

    async def now(self) -> datetime:
        return datetime.fromisoformat((await self.process.show("/state"))["now"])

    async def request(self, fen: int = 1250, scene: Scene = Scene.MINI_PROGRAM, minutes: int = 10) -> PaymentRequest:
        expires_at = await self.now() + timedelta(minutes=minutes)
        payer = PAYER if scene is Scene.MINI_PROGRAM else None
        return PaymentRequest(f"T{next(_numbers):08d}", scene, fen, "挂号费 内科", expires_at, payer)

    async def prepare(self, fen: int = 1250) -> str:
        request = await self.request(fen)
        await self.gateway.prepare(request)
        return request.attempt_no

    async def pay(self, attempt_no: str) -> None:
        await self.process.ask("/pay", {"out_trade_no": attempt_no})

    async def paid(self, fen: int = 1250) -> str:
        attempt_no = await self.prepare(fen)
        await self.pay(attempt_no)
        return attempt_no

    def forms_of(self, attempt_no: str) -> list[dict[str, str]]:
        return [form for form in self.alipay.listener.forms if form["out_trade_no"] == attempt_no]

    async def wait_for_forms(self, attempt_no: str, wanted: int) -> list[dict[str, str]]:
        """Wait until so many notifications of an attempt have come."""
        while len(found := self.forms_of(attempt_no)) < wanted:
            await self.alipay.listener.wait_for(len(self.alipay.listener.came) + 1)
        return found


@pytest.fixture(scope="module")
async def _alipay(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Alipay]:
    async with alipay(tmp_path_factory.mktemp("alipay")) as opened:
        yield opened


@pytest.fixture
async def shop(_alipay: Alipay) -> AsyncIterator[Shop]:
    yield Shop(_alipay)
    await _alipay.process.clear_faults()
    _alipay.listener.answers.clear()


@pytest.fixture
async def own_shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """An emulator of this test alone, to be killed."""
    async with alipay(tmp_path) as opened:
        yield Shop(opened)
