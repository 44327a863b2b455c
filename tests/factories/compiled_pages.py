"""The compiled mini-program on WeChat's component framework, with a real screen: Chromium taps it and takes pictures.

It is the compiled output on WeChat's component framework, not WeChat: elements, bars and `wx` are played.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from playwright.async_api import Browser, Route, expect

from tests.factories.front_end import require_build, run_node
from tests.factories.patient_pages import USUAL, App, Look
from tests.factories.wechat import WeChatBeside

PACK: Final = Path(__file__).parent.parent / "miniprogram" / "pack.cjs"
ADDRESS: Final = "/compiled"
TAPS_MAX: Final = 3


def pack(folder: Path) -> Path:
    """Make one page of the build for WeChat."""
    page = folder / "compiled.html"
    run_node(PACK, str(require_build("mp-weixin")), str(page))
    return page


@dataclass
class CompiledPages(App):
    """The mini-program as one person sees it."""

    async def open(self, path: str = "pages/home/home", **values: str) -> None:
        query = f"?{urlencode(values)}" if values else ""
        language = "en" if self.look.language == "en" else "zh_CN"
        await self.page.goto(f"{self.base_url}{ADDRESS}?language={language}#{path}{query}")

    async def tap(self, name: str) -> None:
        """Tap a part once the phone has drawn what it draws: a busy one takes a tap for a long press."""
        await self.part(name).first.wait_for()
        await self.page.evaluate("new Promise((idle) => requestIdleCallback(() => idle(), { timeout: 5000 }))")
        await self.part(name).first.tap()

    async def choose(self, name: str) -> None:
        """Tap a choice until its mark stands.

        While a phone is busy drawing, its framework takes a tap for a long press; people tap once more.
        """
        chosen = self.part(name).locator(".chosen")
        for _ in range(TAPS_MAX):
            await self.tap(name)
            with suppress(AssertionError):
                await expect(chosen).to_be_visible()
                return
        await expect(chosen).to_be_visible()

    async def answer_wechat(self, beside: WeChatBeside, openid: str) -> None:
        """Let WeChat know who holds the phone, and let them give their number when they are asked."""
        outcomes = {
            "login": {"code": await beside.login_code(openid)},
            "getPhoneNumber": {"code": await beside.phone_code(openid)},
        }
        await self.page.add_init_script(f"window.ANSWERS = {json.dumps(outcomes)}")

    async def is_at(self, route: str) -> None:
        """Wait until a screen lies on top."""
        await self.comes_true(f"phone.seen().route === {json.dumps(route)}")

    async def seen(self) -> dict[str, Any]:
        """Tell which screens are open, what was said and asked, and what there is to complain of."""
        found: dict[str, Any] = await self.page.evaluate("phone.seen()")
        return found


@asynccontextmanager
async def compiled_pages(
    browser: Browser, base_url: str, page: Path, look: Look = USUAL
) -> AsyncIterator[CompiledPages]:
    """Hold the mini-program as one person; at the end it must have behaved."""
    context = await browser.new_context(
        viewport={"width": look.width, "height": look.height},
        timezone_id="America/New_York",
        has_touch=True,
        reduced_motion="reduce",
    )
    try:

        async def give(route: Route) -> None:
            await route.fulfill(path=page, content_type="text/html; charset=utf-8")

        await context.route(f"{base_url}{ADDRESS}?*", give)
        app = CompiledPages(await context.new_page(), base_url, look)
        app.page.on("console", app._hear)
        app.page.on("pageerror", lambda error: app.complaints.append(str(error)))
        app.page.on("request", app._watch)
        yield app
        seen = await app.seen()
        assert (app.complaints, app.strangers) == ([], set())
        assert (seen["complaints"], seen["missing"]) == ([], [])
    finally:
        await context.close()
