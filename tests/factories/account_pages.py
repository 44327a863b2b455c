"""A patient's account in a browser: signing in as people do, and reading the code on their phone."""

import re

from playwright.async_api import expect

from kernel.db import Database
from oauth.sign_in.sandbox_messages import read_messages
from tests.factories.patient_pages import App

_CODE = re.compile(r"[0-9]{6}")


async def code_on_phone(number: str) -> str:
    """Read the newest code that came to a telephone."""
    found = _CODE.search((await read_messages(number))[0].text)
    assert found is not None
    return found[0]


async def ask_for_code(app: App) -> None:
    """Tap for a code, and wait until it was sent."""
    await app.tap("send-code")
    await expect(app.part("sandbox-messages")).to_be_visible()


async def enter_with_code(app: App, number: str) -> None:
    """Sign in on the sign-in screen, which lies on top."""
    await app.settled("sign-in")
    await app.write("phone", number)
    await ask_for_code(app)
    await app.write("code", await code_on_phone(number))
    await app.tap("agree")
    await app.tap("submit")


async def sign_in_at_mine(app: App, number: str) -> None:
    """Sign in from the last tab, and come back to it."""
    await app.open("pages/mine/mine")
    await app.tap("to-sign-in")
    await enter_with_code(app, number)
    await app.settled("mine")
    await expect(app.part("who")).to_contain_text(f"{number[:3]}****{number[-4:]}")


async def let_codes_be_asked_again(db: Database) -> None:
    """As if the minute between two codes were over."""
    await db.execute("DELETE FROM sign_in_throttle")


async def agree_in_dialogue(app: App) -> None:
    """Press the dialogue's yes."""
    await app.page.locator(".uni-modal__btn_primary:visible").click()
    await expect(app.page.locator(".uni-modal:visible")).to_have_count(0)
