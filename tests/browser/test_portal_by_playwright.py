"""A developer's first quarter of an hour in the portal, by what a person sees: labels, buttons and headings alone.

Playwright drives the system's Chromium: in Chinese at a phone's size, in English at a desktop's.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.factories.browser import FLAGS, chromium
from tests.factories.oauth import basic
from tests.factories.patient_pages import WAIT_SECONDS_MAX
from tests.factories.sign_in import Visitor, new_phone
from tests.server import WebServer

pytestmark = pytest.mark.browser

# Playwright says these two itself.
OWN_FLAGS = ("--headless", "--remote-debugging-port=0")


@dataclass(frozen=True)
class Words:
    """What the pages say in a language."""

    language: str
    width: int
    height: int
    enter: str
    phone: str
    send_code: str
    code: str
    sign_in: str
    organisation: str
    contact: str
    email: str
    terms: str
    sign_up: str
    new: str
    name: str
    purpose: str
    scope: str
    make: str
    keys: str
    rotate: str


CHINESE = Words(
    *("zh-CN", 390, 844, "登录 / 注册", "手机号码", "获取验证码", "6位验证码", "登录"),
    *("单位名称", "联系人", "电子邮箱", "我已阅读并代表单位同意", "注册"),
    *("创建应用", "应用名称", "用途", "查询科室、医生、出诊与可预约时间", "创建", "密钥", "更换密钥"),
)
ENGLISH = Words(
    *("en", 1280, 800, "Sign in or sign up", "Mobile number", "Send the code", "Six-digit code", "Sign in"),
    *("Organisation", "Contact", "E-mail", "I have read, and accept", "Sign up"),
    *("Make an application", "Name", "What it is for", "Read the directory, schedules and what is open", "Make it"),
    *("Keys", "Make a new secret"),
)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    expect.set_options(timeout=WAIT_SECONDS_MAX * 1_000)
    async with async_playwright() as playwright:
        flags = [flag for flag in FLAGS if flag not in OWN_FLAGS]
        started = await playwright.chromium.launch(executable_path=path, args=flags)
        yield started
        await started.close()


async def token_status(server: WebServer, client: str, secret: str) -> int:
    async with httpx.AsyncClient(base_url=server.base_url) as http:
        form = {"grant_type": "client_credentials"}
        return (await http.post("/oauth/token", data=form, headers=basic(client, secret))).status_code


async def sign_up(page: Page, server: WebServer, words: Words) -> None:
    await page.goto(f"{server.base_url}/developer")
    await page.get_by_role("link", name=words.enter).click()
    phone = new_phone()
    await page.get_by_label(words.phone).fill(phone)
    await page.get_by_role("button", name=words.send_code).click()
    async with Visitor(server.base_url) as reader:
        await page.get_by_label(words.code).fill(await reader.code_for(phone))
    await page.get_by_role("button", name=words.sign_in, exact=True).click()
    await page.get_by_role("textbox", name=words.organisation).fill("晨星健康科技")
    await page.get_by_label(words.contact).fill("李工")
    await page.get_by_label(words.email).fill("li@a.example")
    await page.get_by_label(words.terms).check()
    await page.get_by_role("button", name=words.sign_up).click()


async def make_application(page: Page, words: Words) -> tuple[str, str]:
    """Make an application; gives its client and secret as the page shows them."""
    await page.get_by_role("link", name=words.new).click()
    await page.get_by_label(words.name, exact=True).fill("晨星预约助手")
    await page.get_by_label(words.purpose).fill("为社区居民预约挂号")
    await page.get_by_label(words.scope).check()
    await page.get_by_role("button", name=words.make).click()
    await expect(page.locator("#client-secret")).to_be_visible()
    return await page.locator(".facts code").first.inner_text(), await page.locator("#client-secret").inner_text()


@pytest.mark.parametrize("words", [CHINESE, ENGLISH], ids=["chinese-phone", "english-desktop"])
async def test_a_developer_gets_a_working_key_by_what_the_pages_say(
    browser: Browser, web_server: WebServer, words: Words
) -> None:
    context = await browser.new_context(locale=words.language, viewport={"width": words.width, "height": words.height})
    page = await context.new_page()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url.partition("?")[0]))
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)

    await sign_up(page, web_server, words)
    client, secret = await make_application(page, words)
    assert await token_status(web_server, client, secret) == 200

    # Shown once: its page has it no more, nor after asking again.
    await page.get_by_role("link", name=words.keys, exact=True).click()
    await expect(page.get_by_role("button", name=words.rotate)).to_be_visible()
    assert secret not in await page.content()
    await page.reload()
    await expect(page.locator("body")).not_to_contain_text(secret)

    # Nothing sideways to scroll, nothing asked of a foreign host, nothing the browser complains of.
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert {url for url in asked if not url.startswith(web_server.base_url)} == set()
    assert broken == []
