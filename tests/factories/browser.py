"""Headless Chromium, driven by its DevTools protocol over one WebSocket; nothing of it is a dependency of ours."""

import asyncio
import base64
import itertools
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import ClientConnection, connect

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS_MAX: Final = 40
# No sandbox: tests may run as root, and open only pages of this machine. The rest keeps it off the network.
FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
    "--disable-dev-shm-usage", "--no-proxy-server",
)  # fmt: skip


def chromium() -> str:
    """Find a Chromium; a machine without one skips the test and says why."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed: apt-get install chromium (docs/development.md)")
    return found


class PageMoved(Exception):
    """The page went elsewhere while it was asked."""


class Page:
    """One page of a running browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.problems: list[str] = []

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and give its result; what the page complains of meanwhile is kept."""
        number = next(self._ids)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        async with asyncio.timeout(20):
            while True:
                heard = json.loads(await self._socket.recv())
                if heard.get("id") == number:
                    if "navigated or closed" in str(heard.get("error", "")):
                        raise PageMoved
                    assert "error" not in heard, heard
                    result: dict[str, Any] = heard["result"]
                    return result
                if heard.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                    self.problems.append(json.dumps(heard["params"])[:500])

    async def open(self, url: str, *, width: int = 1920, height: int = 1080) -> None:
        """Open an address in a window of that size."""
        for domain in ("Page", "Runtime", "Log"):
            await self.ask(f"{domain}.enable")
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        await self.ask("Page.navigate", url=url)

    async def evaluate(self, expression: str) -> Any:
        """Evaluate JavaScript in the page."""
        found = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, expression: str, *, seconds: float = 25) -> None:
        """Wait until an expression is true in the page."""
        try:
            async with asyncio.timeout(seconds):
                while not await self._is_true(expression):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            raise AssertionError(f"never true: {expression}\n{text}\n{self.problems}") from None

    async def _is_true(self, expression: str) -> bool:
        try:
            return bool(await self.evaluate(expression))
        except PageMoved:
            return False

    async def screenshot(self, file: Path) -> None:
        """Keep what the page looks like."""
        found = await self.ask("Page.captureScreenshot", format="png")
        await asyncio.to_thread(file.write_bytes, base64.b64decode(found["data"]))


@asynccontextmanager
async def browser_page() -> AsyncIterator[Page]:
    """Start a browser with one page in a folder of its own, and end it afterwards."""
    profile = Path(tempfile.mkdtemp(prefix="hospital-browser-"))
    process = subprocess.Popen(  # noqa: ASYNC220  started before anything else waits
        [chromium(), *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = await _port_of(profile, process)
        async with connect(await _address_of_page(port), max_size=None, proxy=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 20)
        shutil.rmtree(profile, ignore_errors=True)


async def _port_of(profile: Path, process: subprocess.Popen[bytes]) -> int:
    told = profile / "DevToolsActivePort"
    async with asyncio.timeout(START_SECONDS_MAX):
        while not (told.exists() and told.read_text().count("\n")):
            assert process.poll() is None, "the browser has ended"
            await asyncio.sleep(0.05)
    return int(told.read_text().splitlines()[0])


async def _address_of_page(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /json/list HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nconnection: close\r\n\r\n" % port)
    head, _, body = (await _read_answer(reader)).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 200"), head
    [address] = [one["webSocketDebuggerUrl"] for one in json.loads(body) if one["type"] == "page"]
    return str(address)


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length"))
    return head + await reader.readexactly(length)
