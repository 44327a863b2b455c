"""The WeChat Pay emulator in its own process, a merchant's gateway to it, and an address that it notifies."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from kernel import clock
from payments.gateways.port import PaymentRequest, RefundRequest, RefundState, Scene
from payments.gateways.references import KeyStore
from payments.gateways.wechatpay.gateway import NotifyUrls, WechatPayGateway
from payments.gateways.wechatpay.keys import CertificateShelf
from runtime.processes import end_with_parent
from runtime.sandbox_channels import describe_wechatpay_merchant, open_wechatpay_account

ROOT = Path(__file__).parent.parent.parent
TOKEN = "a-token-for-the-sandbox"
READY_SECONDS_MAX = 60.0
PAYER = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"


@dataclass
class Emulator:
    """One `python -m integration.emulators.wechatpay.main`."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def keys_dir(self) -> Path:
        return self.folder / "keys"

    @property
    def our_keys(self) -> Path:
        return self.keys_dir / "sandbox" / "wechatpay"

    @property
    def own_dir(self) -> Path:
        return self.folder / "emulator"

    @classmethod
    @contextmanager
    def up(cls, folder: Path) -> Iterator["Emulator"]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        emulator = cls(folder, port)
        open_wechatpay_account(keys_dir=emulator.keys_dir, emulator_dir=emulator.own_dir)
        emulator.start()
        try:
            yield emulator
        finally:
            emulator.end(signal.SIGTERM)

    def start(self) -> None:
        ready, log = self.folder / "ready", self.folder / "emulator.log"
        ready.unlink(missing_ok=True)
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ} | {
            "WECHATPAY_EMULATOR_HTTP": f"127.0.0.1:{self.port}",
            "WECHATPAY_EMULATOR_DIR": str(self.own_dir),
            "EMULATORS_TOKEN": TOKEN,
            "READY_FILE": str(ready),
        }
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "integration.emulators.wechatpay.main"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=output,
                preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509  started before any thread of ours
            )
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not ready.exists():
            assert self.process.poll() is None and time.monotonic() < deadline, log.read_text(encoding="utf-8")  # noqa: PT018  one reason
            time.sleep(0.02)

    def end(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(30)

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = httpx.request(
            method,
            f"{self.base_url}/sandbox{path}",
            json=body,
            headers={"authorization": f"Bearer {TOKEN}"},
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, attempt_no: str, **more: Any) -> Any:
        return self.control("POST", "/payments", {"out_trade_no": attempt_no} | more)

    def fault(self, name: str, *, times: int | None = 1, **parameters: Any) -> None:
        self.control("PUT", f"/faults/{name}", {"times": times, "parameters": parameters})

    def advance(self, by: timedelta) -> datetime:
        state = self.control("POST", "/clock", {"advance_seconds": int(by.total_seconds())})
        return datetime.fromisoformat(state["now"])

    def now(self) -> datetime:
        return datetime.fromisoformat(self.control("GET", "/state")["now"])

    def gateway(
        self, *, urls: NotifyUrls, certificate_mode: bool = False, shelf: CertificateShelf | None = None
    ) -> WechatPayGateway:
        merchant = describe_wechatpay_merchant()
        references = {
            purpose: reference
            for purpose, reference in merchant.key_references.items()
            if not (certificate_mode and purpose.startswith("platform_"))
        }
        changed = type(merchant)(merchant.code, merchant.channel, merchant.merchant_no, merchant.app_id, references)
        return WechatPayGateway(changed, KeyStore(self.keys_dir), notify_urls=urls, base_url=self.base_url, shelf=shelf)


@dataclass
class Received:
    """A notification as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Listener:
    """The hospital's address for notifications."""

    port: int = 0
    status: int = 200
    came: list[Received] = field(default_factory=list)

    @property
    def urls(self) -> NotifyUrls:
        base = f"http://127.0.0.1:{self.port}"
        return NotifyUrls(payments=f"{base}/payments", refunds=f"{base}/refunds")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.came.append(Received(first.split(" ")[1], headers, body))
        writer.write(b"HTTP/1.1 %d OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % self.status)
        await writer.drain()
        writer.close()

    async def wait_for(self, count: int) -> None:
        await until(lambda: len(self.came) >= count)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


async def until_refunded(gateway: WechatPayGateway, number: str) -> None:
    """Wait until a refund of `refund_request` has come to its end at the channel."""
    async with asyncio.timeout(60):
        while (fact := await gateway.query_refund(refund_no=f"{number}R", attempt_no=number)).state is not (
            RefundState.SUCCEEDED
        ):
            assert fact.state is RefundState.PROCESSING
            await asyncio.sleep(0.02)


def payment_request(attempt_no: str, *, amount_fen: int = 5000, scene: Scene = Scene.MINI_PROGRAM) -> PaymentRequest:
    return PaymentRequest(
        attempt_no=attempt_no,
        scene=scene,
        amount_fen=amount_fen,
        description="门诊挂号费",
        # Far enough for tests that move the emulator's clock.
        expires_at=clock.now() + timedelta(days=300),
        payer=PAYER if scene is Scene.MINI_PROGRAM else None,
    )


def refund_request(
    attempt_no: str, *, refund_fen: int = 5000, paid_fen: int = 5000, suffix: str = "R"
) -> RefundRequest:
    return RefundRequest(f"{attempt_no}{suffix}", attempt_no, refund_fen, paid_fen, "医生停诊")
