"""Emulators as processes of their own, and a merchant's address that they tell."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from payments.gateways.alipay.gateway import AlipayGateway
from payments.gateways.alipay.signing import load_private_key
from payments.gateways.references import KeyStore
from runtime.embedded.ports import any_free
from runtime.sandbox_channels import describe_alipay_merchant, open_alipay_account

ROOT = Path(__file__).parent.parent.parent
TOKEN = "the-sandbox-token-of-the-tests"
READY_SECONDS_MAX = 60


@dataclass
class EmulatorProcess:
    """One emulator: its address, its control surface, its log; it may be killed and started again."""

    module: str
    environment: dict[str, str]
    log: Path
    url: str
    control: httpx.AsyncClient
    process: "subprocess.Popen[bytes] | None" = None

    async def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: ASYNC220  it takes a millisecond, and outlives the loop's turn
                [sys.executable, "-m", self.module], cwd=ROOT, env=self.environment, stdout=output, stderr=output
            )
        async with asyncio.timeout(READY_SECONDS_MAX):
            while not await self._serves():
                assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def _serves(self) -> bool:
        try:
            return (await self.control.get("/health")).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    async def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self.control.post(f"/sandbox{path}", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def show(self, path: str) -> dict[str, Any]:
        answer = await self.control.get(f"/sandbox{path}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def fault(self, name: str, *, times: int | None = 1, **parameters: Any) -> None:
        body = {"times": times, "parameters": parameters}
        answer = await self.control.put(f"/sandbox/faults/{name}", json=body)
        assert answer.status_code == 200, answer.text

    async def clear_faults(self) -> None:
        assert (await self.control.delete("/sandbox/faults")).status_code == 200

    async def advance(self, seconds: int) -> None:
        await self.ask("/clock", {"advance_seconds": seconds})


@asynccontextmanager
async def emulator(
    module: str, prefix: str, folder: Path, *, port: int | None = None
) -> AsyncIterator[EmulatorProcess]:
    """Start an emulator with its memory in a folder, and end it afterwards."""
    port = port or any_free("127.0.0.1")
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    environment = kept | {
        "MODE": "sandbox",
        f"{prefix}_HTTP": f"127.0.0.1:{port}",
        f"{prefix}_DIR": str(folder),
        "EMULATORS_TOKEN": TOKEN,
        "TZ": "UTC",
    }
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  it takes a millisecond
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=30) as control:
        started = EmulatorProcess(module, environment, folder / "emulator.log", url, control)
        try:
            await started.start()
            yield started
        finally:
            if started.process is not None and started.process.poll() is None:
                started.stop()


@dataclass
class Listener:
    """A merchant's address: every form that came, and what it answers."""

    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    usual: tuple[int, bytes] = (200, b"success")
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["Listener"]:
        listener = cls()
        server = await asyncio.start_server(listener._serve, "127.0.0.1", 0)
        listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/notify"
        async with server:
            yield listener

    @property
    def forms(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(body.decode())) for _, body in self.came]

    async def wait_for(self, count: int, seconds: float = 20) -> None:
        async with asyncio.timeout(seconds), self.arrived:
            await self.arrived.wait_for(lambda: len(self.came) >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        status, answer = self.answers.pop(0) if self.answers else self.usual
        writer.write(
            b"HTTP/1.1 %d OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (status, len(answer), answer)
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with self.arrived:
            self.came.append((headers, body))
            self.arrived.notify_all()


@dataclass
class Alipay:
    """The emulated Alipay, the platform's gateway to it, and the address that it tells."""

    process: EmulatorProcess
    gateway: AlipayGateway
    listener: Listener
    keys_dir: Path

    @property
    def our_keys(self) -> Path:
        return self.keys_dir / "sandbox" / "alipay"

    @property
    def app_key(self) -> rsa.RSAPrivateKey:
        return load_private_key((self.our_keys / "app_private_key.pem").read_text())

    @property
    def alipays_key(self) -> rsa.RSAPrivateKey:
        return load_private_key((self.keys_dir.parent / "alipay" / "alipay_private_key.pem").read_text())


@asynccontextmanager
async def alipay(folder: Path) -> AsyncIterator[Alipay]:
    """Bring the emulated Alipay up with one merchant, and a gateway that speaks with it."""
    keys_dir, own_dir = folder / "keys", folder / "alipay"
    open_alipay_account(keys_dir=keys_dir, emulator_dir=own_dir)
    async with (
        emulator("integration.emulators.alipay.main", "ALIPAY_EMULATOR", own_dir) as process,
        Listener.open() as listener,
    ):
        gateway = AlipayGateway(
            describe_alipay_merchant(), KeyStore(keys_dir), notify_url=listener.url, base_url=process.url
        )
        try:
            yield Alipay(process, gateway, listener, keys_dir)
        finally:
            await gateway.close_connections()
