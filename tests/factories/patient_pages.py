"""The patients' pages in headless Chromium, as one person holds them: a size, a language, elder mode, colours.

Whatever was opened is also watched: a page that asks another host, writes an error to its console or breaks its
Content-Security-Policy fails the test. Set HOSPITAL_SCREENSHOTS to a folder to keep pictures of what was seen.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Request, async_playwright, expect

from runtime.frontend import PROJECT
from tests.factories.browser import FLAGS, chromium

TYPED_MILLISECONDS: Final = 100
WAIT_SECONDS_MAX: Final = 25
"""A busy machine is no fault of the pages."""
SCREENSHOTS: Final = "HOSPITAL_SCREENSHOTS"
NO_OTHER_HOST: Final = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
# Playwright says these two itself.
_OWN_FLAGS: Final = ("--headless", "--remote-debugging-port=0")
_AXE: Final = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
# A sentence that is just fading has no contrast that means anything.
_BARRIERS: Final = "axe.run({ exclude: [['uni-toast']] }, { resultTypes: ['violations'] })"
_GRAVE: Final = ("serious", "critical")
LETTERS_PIXELS: Final = 16


@dataclass(frozen=True, slots=True)
class Look:
    """How a person holds and has set their phone. letters_pixels: of usual text, by the browser's settings."""

    name: str
    width: int = 390
    height: int = 844
    is_elder: bool = False
    is_dark: bool = False
    language: str = "zh-CN"
    letters_pixels: int = LETTERS_PIXELS


USUAL: Final = Look("usual")
SMALL: Final = Look("small", 360, 640)
ELDER: Final = Look("elder", 360, 640, is_elder=True)
DARK: Final = Look("dark", is_dark=True)
ENGLISH: Final = Look("english", language="en")
LOOKS: Final = (USUAL, SMALL, ELDER, DARK, ENGLISH)


@dataclass
class App:
    """The pages as one person sees them."""

    page: Page
    base_url: str
    look: Look
    complaints: list[str] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)

    async def open(self, path: str = "pages/home/home", **values: str) -> None:
        """Go to a screen by its address, as a link from outside does."""
        query = f"?{urlencode(values)}" if values else ""
        await self.page.goto(f"{self.base_url}/m/#/{path}{query}")

    async def remember(self, values: Mapping[str, Any]) -> None:
        """Have the phone keep what a screen before would have kept, as uni-app writes it."""
        for name, value in values.items():
            kept = json.dumps({"type": "string", "data": json.dumps(value)})
            await self.page.evaluate("([name, kept]) => localStorage.setItem(name, kept)", [name, kept])

    def part(self, name: str) -> Locator:
        """Name a part of the screen that lies on top, by its data-testid."""
        return self.page.locator(f'[data-testid="{name}"]:visible')

    async def tap(self, name: str) -> None:
        """Tap a part."""
        await self.part(name).click()

    async def write(self, name: str, text: str) -> None:
        """Write into a field, no faster than a person: uni-app hands on what is typed ten times a second at most."""
        await self.part(name).locator("input, textarea").first.fill(text)
        await self.page.wait_for_timeout(TYPED_MILLISECONDS)

    async def settled(self, screen: str, status: str = "ready") -> None:
        """Wait until a screen shows what it has to."""
        await expect(self.part(screen)).to_have_attribute("data-status", status)

    async def is_asked(self, *words: str) -> None:
        """Wait for a question before something is done. It names all of these, and nothing turns behind it."""
        question = self.page.locator(".uni-modal__bd:visible")
        for word in words:
            await expect(question).to_contain_text(word)
        await expect(self.page.locator('[aria-busy="true"]:visible')).to_have_count(0)

    async def comes_true(self, expression: str) -> None:
        """Wait until an expression of the page is true.

        Playwright's own way evaluates a string within the page, which the page's Content-Security-Policy refuses.
        """
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while not await self.page.evaluate(expression):
                await asyncio.sleep(0.05)

    async def cut_words(self) -> list[str]:
        """Name words of which a part cannot be seen: behind the edge of their box, or of the phone."""
        found: list[str] = await self.page.evaluate(_CUT_WORDS)
        return found

    async def lonely_characters(self) -> list[str]:
        """Name headings, buttons and rows of whose words one character stands on a line of its own."""
        found: list[str] = await self.page.evaluate(_LONELY_CHARACTERS)
        return found

    async def picture(self, name: str) -> None:
        """Keep what is seen, if somebody wants to look at it."""
        folder = os.environ.get(SCREENSHOTS)
        if folder:
            await self.page.screenshot(path=Path(folder) / f"{name}-{self.look.name}.png", animations="disabled")

    async def hold(self, look: Look) -> None:
        """Hold the same screen as somebody else would: of another size, in elder mode or not; it is opened anew."""
        kept = _ELDER_SETTINGS if look.is_elder else None
        self.look = look
        await self.page.set_viewport_size({"width": look.width, "height": look.height})
        await self.page.evaluate(
            "(kept) => kept ? localStorage.setItem('settings', kept) : localStorage.removeItem('settings')", kept
        )
        await self.page.reload()

    async def barriers(self) -> list[str]:
        """Name what keeps people out who see, hear or move differently (axe-core: serious and critical)."""
        await self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = await self.page.evaluate(_BARRIERS)
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found["violations"]
            if one["impact"] in _GRAVE
            for node in one["nodes"]
        ]

    async def small_targets(self, side_min: float = 44) -> list[str]:
        """Name what is too small for a thumb."""
        found: list[str] = await self.page.evaluate(_SMALL_TARGETS, side_min)
        return found

    async def _set_letters(self) -> None:
        devtools = await self.page.context.new_cdp_session(self.page)
        await devtools.send("Page.enable")
        await devtools.send("Page.setFontSizes", {"fontSizes": {"standard": self.look.letters_pixels}})

    def _hear(self, message: ConsoleMessage) -> None:
        # A refused request is the test's business, not the page's fault.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _watch(self, request: Request) -> None:
        if request.url.startswith("http") and urlsplit(request.url).netloc != urlsplit(self.base_url).netloc:
            self.strangers.add(request.url)


def remember_session(session_id: str) -> str:
    """Write the script by which a page finds the session of last time, as uni-app keeps it."""
    kept = json.dumps({"type": "string", "data": json.dumps(session_id)})
    return f'localStorage.setItem("was-signed-in", {json.dumps(kept)})'


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Start the system's Chromium, for which no other host than this machine exists."""
    path = chromium()
    expect.set_options(timeout=WAIT_SECONDS_MAX * 1_000)
    async with async_playwright() as playwright:
        flags = [*(flag for flag in FLAGS if flag not in _OWN_FLAGS), NO_OTHER_HOST]
        browser = await playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_app(
    browser: Browser,
    base_url: str,
    look: Look = USUAL,
    *,
    cashiers: Collection[str] = (),
    keeps_pages: bool = False,
) -> AsyncIterator[App]:
    """Hold the pages as one person, with nothing remembered from others; at the end they must have behaved.

    cashiers: the addresses of channels' own pages, to which a payer is led.
    keeps_pages: let the pages' service worker keep them, as a browser does.
    """
    context = await browser.new_context(
        service_workers="allow" if keeps_pages else "block",
        viewport={"width": look.width, "height": look.height},
        locale=look.language,
        color_scheme="dark" if look.is_dark else "light",
        timezone_id="America/New_York",  # The hospital's days are Shanghai's wherever the phone is.
        has_touch=True,
        reduced_motion="reduce",
    )
    try:
        if look.is_elder:
            await context.add_init_script(_AS_ELDER)
        app = App(await context.new_page(), base_url, look)
        if look.letters_pixels != LETTERS_PIXELS:
            await app._set_letters()
        app.page.on("console", app._hear)
        app.page.on("pageerror", lambda error: app.complaints.append(str(error)))
        app.page.on("request", app._watch)
        yield app
        assert app.complaints == [], app.complaints
        strangers = {url for url in app.strangers if not url.startswith(tuple(cashiers))}
        assert strangers == set(), strangers
    finally:
        await context.close()


# uni-app writes its storage so.
_ELDER_SETTINGS: Final = json.dumps({"type": "string", "data": json.dumps({"isElder": True})})
_AS_ELDER: Final = (
    f'localStorage.getItem("settings") ?? localStorage.setItem("settings", {json.dumps(_ELDER_SETTINGS)})'
)
_SMALL_TARGETS: Final = """
(side) => [...document.querySelectorAll('[role=button], [role=checkbox], [role=switch], [role=radio], a, input')]
  .map((node) => ({ node, box: (node.closest('.line') ?? node).getBoundingClientRect() }))
  .filter(({ box }) => box.width > 0 && (box.width < side || box.height < side))
  .map(({ node, box }) => `${node.dataset.testid ?? node.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)
"""
# A strip that is moved sideways may go on behind the edge; so may what only a reader of the screen hears.
_CUT_WORDS: Final = """
() => [...document.querySelectorAll('[role=main] *')]
  .filter((node) => [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim()) && node.checkVisibility())
  .filter((node) => {
    const words = document.createRange();
    words.selectNodeContents(node);
    const box = words.getBoundingClientRect();
    for (let at = node; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (['auto', 'scroll'].includes(style.overflowX) && at.scrollWidth > at.clientWidth) return false;
      if (style.overflowX !== 'visible') {
        const edge = at.getBoundingClientRect();
        if (edge.width <= 1) return false;
        if (box.right > edge.right + 1 || box.left < edge.left - 1) return true;
      }
    }
    return box.right > innerWidth + 1 || box.left < -1;
  })
  .map((node) => `cut: ${node.innerText.slice(0, 40)}`)
"""
_LONELY_CHARACTERS: Final = """
() => [...document.querySelectorAll('[role=main] [role=heading], [role=main] .button, [role=main] .title')]
  .filter((node) => node.checkVisibility())
  .map((node) => {
    const words = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    const lines = new Map();
    while (words.nextNode()) {
      [...words.currentNode.data].forEach((character, at) => {
        const range = document.createRange();
        range.setStart(words.currentNode, at);
        range.setEnd(words.currentNode, at + 1);
        const box = range.getBoundingClientRect();
        if (character.trim() && box.width) lines.set(box.top, (lines.get(box.top) ?? '') + character);
      });
    }
    return [...lines.values()];
  })
  .filter((lines) => lines.length > 1 && lines.some((line) => [...line].length === 1))
  .map((lines) => `a character alone: ${lines.join(' | ')}`)
"""
