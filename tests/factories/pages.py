"""How tests use pages as people do: looking at both sizes, typing, pressing keys, and signing in by phone.

HOSPITAL_SCREENSHOTS names a folder in which pictures of each state are kept, to be looked at.
"""

import os
from pathlib import Path

from tests.factories.browser import Page
from tests.factories.sign_in import Visitor

SIZES = ((390, 844), (1280, 800))
TARGET_PIXELS_MIN = 44
# WCAG 2.2, 1.4.3: text against what stands behind it, in what is seen of the page.
CONTRASTS = """(() => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('h1, h2, p, a, button, label, li, span, strong')]
    .filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((e) => {
      const both = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))];
      const [one, other] = both.sort((a, b) => b - a);
      return [(one + 0.05) / (other + 0.05), e.innerText.slice(0, 30)];
    })
    .filter(([ratio, text]) => ratio < 4.5 && text !== '＋');
})()"""
SMALL_TARGETS = (
    "[...document.querySelectorAll('a, button, input:not([type=hidden])')].filter(e => e.checkVisibility())"
    # Whoever misses a box to tick hits its label.
    ".map(e => e.type === 'checkbox' && e.closest('label') || e)"
    f".filter(e => e.getBoundingClientRect().height < {TARGET_PIXELS_MIN}).map(e => e.outerHTML.slice(0, 80))"
)
OUTSIDE = (
    "[...document.querySelectorAll('main *')].filter(e => { const r = e.getBoundingClientRect();"
    " return r.width && (r.left < 0 || r.right > innerWidth + 1); }).map(e => e.outerHTML.slice(0, 80))"
)
TEXT = "document.querySelector('main p:not(.hint), main label, main dd, main li')"
UNLABELLED = (
    "[...document.querySelectorAll('input:not([type=hidden], [hidden])')]"
    ".filter((e) => !e.labels.length).map((e) => e.outerHTML)"
)
FOCUSED = "document.activeElement && document.activeElement.id"


async def speak(page: Page, language: str) -> None:
    """Set the browser's language."""
    await page.ask("Network.enable")
    await page.ask("Network.setExtraHTTPHeaders", headers={"accept-language": language})


async def look(page: Page, name: str) -> None:
    """Check that a page can be read and used at both sizes, and keep pictures where somebody wants to look."""
    folder = os.environ.get("HOSPITAL_SCREENSHOTS")
    await page.until("document.readyState === 'complete'")
    for width, height in SIZES:
        await page.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        assert await page.evaluate(OUTSIDE) == [], name
        assert await page.evaluate(SMALL_TARGETS) == [], name
        if folder:
            await _whole(page, width, height)
            await page.screenshot(Path(folder) / f"{name}-{width}.png")
    assert await page.evaluate(UNLABELLED) == [], name
    assert await page.evaluate(f"parseFloat(getComputedStyle({TEXT}).fontSize)") >= 18
    for scheme in ("dark", "light"):
        await page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert await page.evaluate(CONTRASTS) == [], f"{name} {scheme}"
        if folder and scheme == "dark":
            await page.screenshot(Path(folder) / f"{name}-dark.png")


async def _whole(page: Page, width: int, height: int) -> None:
    """Make the window as high as the page."""
    high = max(height, await page.evaluate("document.documentElement.scrollHeight"))
    await page.ask("Emulation.setDeviceMetricsOverride", width=width, height=high, deviceScaleFactor=1, mobile=False)


async def at(page: Page, path: str) -> None:
    """Wait until the browser stands at a page of ours."""
    await page.until(f"location.pathname === '{path}' && document.readyState === 'complete'")


async def type_in(page: Page, text: str) -> None:
    """Type where the focus is, as soon as it is in a field."""
    await page.until("['INPUT', 'TEXTAREA'].includes(document.activeElement?.tagName)")
    await page.ask("Input.insertText", text=text)


async def press(page: Page, key: str) -> None:
    """Press a key."""
    text = {"Enter": "\r"}.get(key, "")
    for kind in ("keyDown", "keyUp"):
        await page.ask(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            code=key,
            windowsVirtualKeyCode={"Enter": 13, "Tab": 9}[key],
            **({"text": text} if text and kind == "keyDown" else {}),
        )


async def sign_in_by_phone(page: Page, base_url: str, phone: str) -> None:
    """Sign in by keyboard with a code by text message."""
    await page.open(f"{base_url}/sign-in")
    await at(page, "/sign-in")
    # What is typed before the field has the focus is lost.
    await page.until(f"({FOCUSED}) === 'phone'")
    await type_in(page, phone)
    await press(page, "Enter")
    await at(page, "/sign-in/code")
    await page.until(f"({FOCUSED}) === 'code'")
    async with Visitor(base_url) as reader:
        await type_in(page, await reader.code_for(phone))
    await press(page, "Enter")
    await at(page, "/account/sessions")
