"""The compiled mini-program in somebody's hands: executed in Node on miniprogram-simulate, before a real server.

It draws with WeChat's component framework (exparser) what WeChat's compiler made of the templates, and what `wx` offers
is played by tests/miniprogram/wechat.cjs. That is the compiled output on WeChat's component framework, not WeChat.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from runtime.frontend import PROJECT
from tests.factories.front_end import require_build, require_packages
from tests.factories.wechat import WeChatBeside

IN_NODE: Final = Path(__file__).parent.parent / "miniprogram" / "in_node.cjs"
SCREEN_SECONDS_MAX: Final = 30
COMMAND_SECONDS_MAX: Final = 60
LINE_BYTES_MAX: Final = 1 << 24


@dataclass
class CompiledApp:
    """The mini-program as one person sees it."""

    process: asyncio.subprocess.Process

    async def do(self, command: str, *values: Any) -> Any:
        """Have something done in Node, and give what it answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([command, *values]).encode() + b"\n")
        async with asyncio.timeout(COMMAND_SECONDS_MAX):
            line = await self.process.stdout.readline()
        assert line, "the mini-program has ended"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    async def launch(self, path: str = "pages/home/home", **values: str) -> None:
        """Start it at a screen, as a shared card does."""
        await self.do("launch", _address(path, values))

    async def open(self, path: str, **values: str) -> None:
        """Go to a screen with nothing behind it."""
        await self.do("open", _address(path, values))

    async def tap(self, name: str, words: str = "") -> None:
        """Tap a part, once it is there; the one with these words on it where there are several."""
        await self.shows(words, name)
        await self.do("tap", name, words)

    async def write(self, name: str, text: str) -> None:
        """Write into a field."""
        await self.do("event", name, "input", {"value": text, "cursor": len(text)})

    async def text(self, name: str | None = None) -> str:
        """Read a part, or the whole screen."""
        found: str = await self.do("text", name)
        return found

    async def seen(self) -> dict[str, Any]:
        """Tell which screens are open, what was said and asked, and what there is to complain of."""
        found: dict[str, Any] = await self.do("seen")
        return found

    async def called(self, name: str) -> list[dict[str, Any]]:
        """List with what a function of WeChat's was called."""
        return [call["given"] for call in (await self.seen())["calls"] if call["name"] == name]

    async def sign_in(self, beside: WeChatBeside, number: str) -> None:
        """Sign in at the screen that is open, with WeChat and then with the number that WeChat knows."""
        openid = (await beside.person(phone=number))["openid"]
        await self.answer("login", code=await beside.login_code(openid))
        await self.settled("sign-in")
        await self.tap("agree-wechat")
        await self.tap("wechat")
        await self.shows("手机号", "wechat-phone")
        await self.allow_number(await beside.phone_code(openid))

    async def allow_number(self, code: str | None) -> None:
        """Answer WeChat's question for the number; None refuses it."""
        refused = {"errMsg": "getPhoneNumber:fail user deny"}
        await self.do("event", "wechat-phone", "getphonenumber", {"code": code} if code else refused)

    async def answer(self, name: str, **outcome: Any) -> None:
        """Settle what WeChat answers from now on when a function is called; `fail` refuses."""
        await self.do("answer", name, outcome)

    async def settled(self, screen: str, status: str = "ready") -> None:
        """Wait until a screen shows what it has to."""
        await self.until(f"{screen} is {status}", lambda: self._stands(screen, status))

    async def says(self, words: str) -> None:
        """Wait until a toast has said something."""
        await self.until(f"it was said: {words}", lambda: self._was_said(words))

    async def shows(self, words: str, name: str | None = None) -> None:
        """Wait until one of the parts of a name, or the screen, has these words on it."""
        await self.until(f"{name or 'the screen'} shows: {words}", lambda: self._has(words, name))

    async def is_at(self, route: str) -> None:
        """Wait until a screen lies on top that has something to say."""
        await self.until(f"at {route}", lambda: self._lies_on_top(route))

    async def until(self, what: str, is_so: Callable[[], Any]) -> None:
        """Look until something is so."""
        deadline = time.monotonic() + SCREEN_SECONDS_MAX
        while not await is_so():
            assert time.monotonic() < deadline, f"never: {what}\n{await self.text()}\n{await self.seen()}"
            await asyncio.sleep(0.03)

    async def _stands(self, screen: str, status: str) -> bool:
        return bool(await self.do("texts", screen)) and (await self.do("data", screen)).get("status") == status

    async def _has(self, words: str, name: str | None) -> bool:
        found = [await self.text()] if name is None else await self.do("texts", name)
        return any(words in text for text in found)

    async def _was_said(self, words: str) -> bool:
        return any(words in sentence for sentence in (await self.seen())["said"])

    async def _lies_on_top(self, route: str) -> bool:
        status = await self.do("status")
        return (await self.seen())["route"] == route and status not in ("", "loading")


@asynccontextmanager
async def compiled_app(base_url: str, *, language: str = "zh_CN") -> AsyncIterator[CompiledApp]:
    """Hold the mini-program as one person, with nothing remembered from others; at the end it must have behaved."""
    folder = await asyncio.to_thread(require_build, "mp-weixin")
    node = await asyncio.to_thread(require_packages)
    process = await asyncio.create_subprocess_exec(
        str(Path(node.folder) / "node"),
        str(IN_NODE),
        str(folder),
        base_url,
        language,
        cwd=PROJECT,
        env={**node.environment(), "NODE_PATH": str(PROJECT / "node_modules")},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES_MAX,
    )
    try:
        app = CompiledApp(process)
        yield app
        seen = await app.seen()
        assert (seen["complaints"], seen["missing"]) == ([], [])
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _address(path: str, values: dict[str, str]) -> str:
    return f"{path}?{urlencode(values)}" if values else path
