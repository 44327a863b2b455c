"""The front door in a real browser: it can be read and used at a phone's width and at a desk's."""

import pytest

from tests.factories.browser import browser_page
from tests.factories.pages import at, look, speak
from tests.server import WebServer

pytestmark = pytest.mark.browser


async def test_somebody_finds_their_way_from_the_bare_address_and_from_a_mistyped_one(web_server: WebServer) -> None:
    async with browser_page() as page:
        await speak(page, "zh-CN")
        await page.open(f"{web_server.base_url}/")
        await at(page, "/")
        await look(page, "front-door")
        await page.ask("Page.navigate", url=f"{web_server.base_url}/acount/consents")
        await at(page, "/acount/consents")
        assert "没有找到这个页面" in await page.evaluate("document.body.innerText")
        await look(page, "front-door-mistyped")
        await page.evaluate("document.querySelector('a[href=\"/sign-in\"]').click()")
        await at(page, "/sign-in")
        # The browser says itself that the mistyped address was not there.
        assert all("404" in one for one in page.problems)
