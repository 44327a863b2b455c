"""The public status page: whether the interface serves, the core HIS is in step and webhooks go out, with the figures.

It is read anew every few seconds at most, however many look at it; it holds nothing of any patient or partner.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sanic import Request
from sanic.response import HTTPResponse

from console.developer.frame import HOME, facts, heading, paragraph, portal_page, say, time_of
from console.developer.routes import show
from console.developer.setup import portal
from integration.his.inbox import HANDLER
from integration.his.link import read_link
from kernel import clock
from kernel.db import DatabaseUnavailable, database
from kernel.outbox import OUTBOX
from open_api.pages.browser import Browser
from open_api.pages.html import Html, html, join
from partners.developers import find_developer
from partners.usage import Traffic, read_traffic
from partners.webhooks.metrics import Backlog, read_backlog

STATUS: Final = f"{HOME}/status"
REMEMBER_SECONDS: Final = 5.0
TRAFFIC_WITHIN: Final = timedelta(minutes=15)
BEHIND_AFTER: Final = timedelta(minutes=1)
"""So old may be what waits before we call it late."""
FAILED_SHARE_MAX: Final = 0.01

Light = Literal["good", "warn", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the platform is. at: when it was looked at. his_lag: the age of the oldest message that waits for the HIS."""

    at: datetime
    traffic: Traffic
    his_seen_at: datetime | None
    his_down_since: datetime | None
    his_lag: timedelta
    webhooks: Backlog


class _Looks:
    """The last look, and who may look next."""

    def __init__(self) -> None:
        self.until = 0.0
        self.found: Standing | None = None
        self.lock = asyncio.Lock()


_looks: Final = _Looks()


async def show_status(_request: Request, browser: Browser) -> HTTPResponse:
    """Show how the platform is, to everybody."""
    try:
        found = await _look()
    except DatabaseUnavailable:
        return _page(browser, [_down(browser)], status=503)
    parts = [
        html('<ul class="cards">{cards}</ul>', cards=join(_cards(browser, found))),
        heading(say(browser, "这个环境", "This deployment")),
        facts(
            [
                (say(browser, "接口地址", "Base address"), f"{portal().base_url}/open/v1"),
                (say(browser, "签发者（issuer）", "Issuer"), portal().base_url),
            ]
        ),
        paragraph(
            say(browser, "查看时间 {at}（广州）", "Looked at {at}, Guangzhou time", at=time_of(found.at)), "hint"
        ),
    ]
    return await _with_developer(browser, parts)


PAGES: Final = (show(STATUS, show_status),)


async def _look() -> Standing:
    """Look how the platform is, once in a while: most people look while the database does not answer.

    Raises:
        DatabaseUnavailable.
    """
    async with _looks.lock:
        if _looks.until <= time.monotonic():
            _looks.found = None
            try:
                _looks.found = await _read()
            finally:
                _looks.until = time.monotonic() + REMEMBER_SECONDS
        if _looks.found is None:
            raise DatabaseUnavailable
        return _looks.found


async def _read() -> Standing:
    link, letters = await read_link(database(), HANDLER), await OUTBOX.count(database(), HANDLER)
    waited = clock.machine_now() - letters.oldest_at if letters.oldest_at else timedelta(0)
    return Standing(
        at=clock.now(),
        traffic=await read_traffic(TRAFFIC_WITHIN),
        his_seen_at=link.last_contact_at,
        his_down_since=link.down_since,
        his_lag=max(timedelta(0), waited),
        webhooks=await read_backlog(database()),
    )


def _cards(browser: Browser, found: Standing) -> list[Html]:
    traffic, minutes = found.traffic, int(TRAFFIC_WITHIN.total_seconds() // 60)
    share = traffic.failed / traffic.requests if traffic.requests else 0.0
    if traffic.requests:
        served = say(
            browser,
            "最近{minutes}分钟 {n:,} 个请求，{share:.2%} 因我方出错，95% 在 {ms:,.0f} 毫秒内回答。",
            "{n:,} requests in {minutes} minutes; {share:.2%} failed on our side; 95% answered within {ms:,.0f} ms.",
            minutes=minutes,
            n=traffic.requests,
            share=share,
            ms=traffic.slowest_milliseconds,
        )
    else:
        served = say(browser, "最近{minutes}分钟没有请求。", "No requests in {minutes} minutes.", minutes=minutes)
    api: Light = "warn" if share > FAILED_SHARE_MAX else "good"
    trouble = ("部分请求出错", "Failing in part")
    card = _card(browser, ("接口", "The interface"), api, served, word=trouble if api == "warn" else None)
    return [card, _his(browser, found), _webhooks(browser, found)]


def _his(browser: Browser, found: Standing) -> Html:
    name = ("医院信息系统（HIS）", "The hospital's core system (HIS)")
    if found.his_down_since is not None:
        text = say(
            browser,
            "{at} 起没有应答。预约照常进行，恢复后自动补送。",
            "It has not answered since {at}. Appointments go on, and are handed over when it is back.",
            at=time_of(found.his_down_since),
        )
        return _card(browser, name, "bad", text)
    if found.his_seen_at is None:
        return _card(browser, name, "unknown", say(browser, "还没有与它通信过。", "There was no contact with it yet."))
    if found.his_lag > BEHIND_AFTER:
        text = say(browser, "同步落后 {late}。", "It is {late} behind.", late=_length(browser, found.his_lag))
        return _card(browser, name, "warn", text)
    return _card(browser, name, "good", say(browser, "同步正常。", "It is in step."))


def _webhooks(browser: Browser, found: Standing) -> Html:
    name = ("事件推送（Webhook）", "Webhooks")
    if found.webhooks.lag > BEHIND_AFTER:
        text = say(
            browser,
            "落后 {late}，{n:,} 条待推送。",
            "{late} behind; {n:,} deliveries wait.",
            late=_length(browser, found.webhooks.lag),
            n=found.webhooks.pending,
        )
        return _card(browser, name, "warn", text)
    text = say(browser, "推送及时，{n:,} 条待推送或重试。", "On time; {n:,} deliveries wait or are tried again.",
               n=found.webhooks.pending)  # fmt: skip
    return _card(browser, name, "good", text)


def _card(
    browser: Browser, name: tuple[str, str], light: Light, text: str, *, word: tuple[str, str] | None = None
) -> Html:
    words = {
        "good": ("正常", "Good"),
        "warn": ("有延迟", "Late"),
        "bad": ("中断", "Down"),
        "unknown": ("未知", "Not known"),
    }
    return html(
        '<li><strong>{name}</strong><p><span class="light {light}" aria-hidden="true"></span>{word}</p>'
        "<p>{text}</p></li>",
        name=say(browser, *name),
        light=light,
        word=say(browser, *(word or words[light])),
        text=text,
    )


def _down(browser: Browser) -> Html:
    text = say(
        browser,
        "数据库没有应答，接口暂时不能服务。",
        "The database does not answer; the interface cannot serve at the moment.",
    )
    card = _card(browser, ("接口", "The interface"), "bad", text)
    return html('<ul class="cards">{card}</ul>', card=card)


def _length(browser: Browser, length: timedelta) -> str:
    minutes = max(1, int(length.total_seconds() // 60))
    return say(browser, "{n} 分钟", "{n} minutes", n=minutes)


async def _with_developer(browser: Browser, parts: list[Html]) -> HTTPResponse:
    session = browser.session
    developer = None
    if session is not None and session.subject.kind == "account":
        developer = await find_developer(session.subject.id)
    title = say(browser, "运行状态", "Status")
    return portal_page(browser, title, parts, developer=developer, here=STATUS)


def _page(browser: Browser, parts: list[Html], *, status: int) -> HTTPResponse:
    return portal_page(browser, say(browser, "运行状态", "Status"), parts, here=STATUS, status=status)
