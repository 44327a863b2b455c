"""Where an application wants to be told of events: its endpoints, and naming a new one."""

from typing import Any, Final
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from console.developer.access import is_fresh, require_fresh, require_own
from console.developer.forms import Form, idempotency_of, once
from console.developer.frame import (
    actions,
    address_of_application,
    application_page,
    heading,
    link,
    refused,
    say,
    tag,
    told_done,
)
from console.developer.routes import APPLICATION, Tab, do, show
from kernel.db import database
from kernel.errors import HospitalError
from kernel.events import Actor
from open_api.pages.browser import Browser, read_form, see_other
from open_api.pages.html import Html, html, join
from partners.developers import Developer
from partners.errors import ApplicationNotFound, DeveloperInvalid
from partners.webhooks import endpoints
from partners.webhooks.addresses import resolver
from partners.webhooks.errors import AddressRefused

TAB: Final = Tab("webhooks", "事件推送", "Webhooks", 40)
MANAGE: Final = "webhooks.manage"
URL_CHARACTERS_MAX: Final = 500
GROUPS: Final[dict[str, tuple[str, str]]] = {
    "appointment": ("预约（改期、停诊、取消等）", "Appointments: moved, stopped, cancelled ..."),
    "schedule": ("排班（停诊、恢复、新增）", "Schedules: stopped, resumed, added"),
    "waitlist": ("候补（有号、到期等）", "The waitlist: offers and their ends"),
    "hold": ("占号（到期等）", "Holds that end"),
    "payment": ("支付（已付、已结算、已退）", "Payments: paid, settled, refunded"),
    "ban": ("限制预约", "Bans"),
}
STATES: Final[dict[str, tuple[tuple[str, str], str]]] = {
    "active": (("推送中", "Active"), "good"),
    "paused": (("已暂停", "Paused"), "plain"),
    "disabled": (("已被停用", "Disabled"), "bad"),
}
DONE: Final = {"gone": ("推送地址已删除。", "The endpoint is gone.")}
_CARD: Final = """<li><strong>{url}</strong> {state}
<p class="hint">{about}</p>
<a href="{href}">{open}</a></li>
"""
_BOX: Final = """<section class="secret-box" aria-label="{label}"><p><strong>{title}</strong></p>
<p>{warning}</p><code class="secret" id="webhook-secret" tabindex="0">{secret}</code></section>
"""


async def show_webhooks(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """List an application's endpoints."""
    developer, application = await require_own(browser, application_id)
    actor = await actor_of(application, browser)
    told = told_done(browser, request.args.get("done"), DONE)
    if MANAGE not in application["scopes"]:
        missing = say(
            browser,
            "这个应用没有 webhooks.manage 权限，不能接收事件推送。",
            "This application has not got the scope webhooks.manage, so it is told of nothing.",
        )
        parts = [html('<p class="empty">{text}</p>', text=missing)]
        return application_page(browser, developer, application, parts, tab="webhooks", told=told)
    found = await endpoints.list_endpoints(actor=actor)
    base = address_of_application(application_id, "webhooks")
    cards = join(
        html(
            _CARD,
            url=one["url"],
            state=state_tag(browser, one),
            about=", ".join(one["event_types"]),
            href=f"{base}/{one['id']}",
            open=say(browser, "查看推送记录", "See what was delivered"),
        )
        for one in found
    )
    nothing = say(
        browser,
        "还没有推送地址。填写一个 https 地址，预约有变化时我们会通知它。",
        "There is no endpoint yet. Name an https address, and it is told when something happens.",
    )
    parts = [
        html('<ul class="cards">{cards}</ul>', cards=cards)
        if found
        else html('<p class="empty">{text}</p>', text=nothing),
        actions(link(f"{base}/new", say(browser, "添加推送地址", "Add an endpoint"), look="")),
    ]
    return application_page(browser, developer, application, parts, tab="webhooks", told=told)


async def show_new(_request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Ask for an address."""
    developer, application = await require_own(browser, application_id)
    await actor_of(application, browser)
    require_fresh(browser)
    usual = {"event:appointment": "yes", "event:schedule": "yes", "event:waitlist": "yes"}
    return _form_page(browser, developer, application, Form(browser, usual))


async def subscribe(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Add an endpoint; its secret stands on the answer, and nowhere else."""
    developer, application = await require_own(browser, application_id)
    actor = await actor_of(application, browser)
    form = read_form(request, browser)
    base = address_of_application(application_id, "webhooks")
    if not is_fresh(browser):
        return see_other(f"{base}/new")
    kinds = [f"{name}.*" for name in GROUPS if form.get(f"event:{name}")]
    try:
        if MANAGE not in application["scopes"]:
            raise ApplicationNotFound
        if not kinds:
            raise DeveloperInvalid(field="event_types")
        asked = idempotency_of(form, actor, "subscribe")
        made = await endpoints.subscribe(
            url=form.get("url", "").strip()[:URL_CHARACTERS_MAX],
            description="",
            event_types=kinds,
            resolver=resolver(),
            actor=actor,
            idempotency=asked,
        )
    except AddressRefused as error:
        return refused(_form_page(browser, developer, application, Form(browser, form, wrong_url(error))), error)
    except HospitalError as error:
        return refused(_form_page(browser, developer, application, Form(browser, form, error)), error)
    here = f"{base}/{made['id']}"
    if asked.was_replayed:
        return see_other(here)
    shown = [
        shown_once(browser, made["secret"], say(browser, "推送地址已添加。", "The endpoint is added.")),
        actions(link(here, say(browser, "已保存，继续", "I have kept it, go on"), look="")),
    ]
    return application_page(browser, developer, application, shown, tab="webhooks")


PAGES: Final = (
    show(f"{APPLICATION}/webhooks", show_webhooks),
    show(f"{APPLICATION}/webhooks/new", show_new),
    do(f"{APPLICATION}/webhooks/new", subscribe),
)


async def actor_of(application: dict[str, Any], browser: Browser) -> Actor:
    """Give the application as who sees to its webhooks.

    Raises:
        ApplicationNotFound: it has no client, or was retired.
    """
    if application["client_id"] is None or application["status"] == "retired":
        raise ApplicationNotFound
    channel = await database().fetchval("SELECT channel FROM oauth_client WHERE id = $1", application["client_id"])
    return Actor(application["client_id"], channel, "partner", request_id=browser.visit.request_id)


def wrong_url(error: AddressRefused) -> DeveloperInvalid:
    """Say of an address that it is the field that is wrong."""
    return DeveloperInvalid(field="url", reason=error.details.get("reason"))


def state_tag(browser: Browser, endpoint: dict[str, Any]) -> Html:
    """Say in a word how an endpoint is."""
    if endpoint["status"] == "active" and endpoint["failures"]:
        return tag(say(browser, "推送失败，重试中", "Failing, tried again"), "warn")
    words, kind = STATES[endpoint["status"]]
    return tag(say(browser, *words), kind)


def shown_once(browser: Browser, secret: str, title: str) -> Html:
    """Show the secret that signs an endpoint's messages."""
    return html(
        _BOX,
        label=say(browser, "签名密钥", "The signing secret"),
        title=title,
        warning=say(
            browser,
            "用它验证每条推送的签名。请现在复制：只显示这一次。",
            "Check the signature of each message with it. Copy it now: it is shown this once.",
        ),
        secret=secret,
    )


def _form_page(browser: Browser, developer: Developer, application: dict[str, Any], form: Form) -> HTTPResponse:
    base = address_of_application(application["id"], "webhooks")
    fields = [
        once(),
        form.text(
            "url",
            say(browser, "地址", "Address"),
            most=URL_CHARACTERS_MAX,
            kind="url",
            hint=say(browser, "公网可访问的 https 地址", "An https address that can be reached in public"),
        ),
        form.group(
            "event_types",
            say(browser, "事件", "Events"),
            [form.check(f"event:{name}", say(browser, *words), hint=f"{name}.*") for name, words in GROUPS.items()],
        ),
    ]
    cancel = link(base, say(browser, "取消", "Cancel"), look="quiet")
    sent = form.send(f"{base}/new", fields, go=say(browser, "添加", "Add"), back=cancel)
    return application_page(
        browser,
        developer,
        application,
        [form.told, heading(say(browser, "添加推送地址", "Add an endpoint")), sent],
        tab="webhooks",
    )
