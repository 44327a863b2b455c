"""One endpoint: how it answers, what was delivered to it, each try, and having it delivered once more."""

from collections.abc import Awaitable
from datetime import datetime
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
    button,
    code,
    facts,
    heading,
    link,
    paragraph,
    refused,
    say,
    table,
    tag,
    time_of,
    told_done,
    told_error,
)
from console.developer.pages.webhooks import actor_of, shown_once, state_tag
from console.developer.routes import APPLICATION, do, show
from kernel.errors import HospitalError
from kernel.events import Actor
from open_api.pages.browser import Browser, read_form, see_other
from open_api.pages.html import Html, html
from open_api.paging import read_cursor, write_cursor
from partners.developers import Developer
from partners.webhooks import endpoints, history
from partners.webhooks.addresses import resolver
from partners.webhooks.history import DeliveryFilter
from partners.webhooks.retries import DELAYS_SECONDS

ENDPOINT: Final = f"{APPLICATION}/webhooks/<webhook_id:uuid>"
DELIVERY: Final = f"{ENDPOINT}/deliveries/<delivery_id:uuid>"
SHOWN_MAX: Final = 30
ATTEMPTS_MAX: Final = 100
_LIST: Final = "developer.deliveries"
STATES: Final[dict[str, tuple[tuple[str, str], str]]] = {
    "pending": (("待推送", "Pending"), "warn"),
    "delivered": (("已送达", "Delivered"), "good"),
    "failed": (("已放弃", "Given up"), "bad"),
}
OUTCOMES: Final[dict[str, tuple[str, str]]] = {
    "delivered": ("已送达", "Taken"),
    "gone": ("地址已不存在（410）", "Gone (410)"),
    "refused": ("接收方拒绝", "Refused by the receiver"),
    "timeout": ("超时", "Took too long"),
    "connection": ("无法连接", "Could not connect"),
    "redirected": ("接收方要求跳转", "Led elsewhere by the receiver"),
    "tls": ("证书无效", "The certificate is not valid"),
    "address_refused": ("地址不可用", "The address cannot be used"),
    "answer_unreadable": ("回答无法解析", "The answer could not be read"),
}
DONE: Final = {
    "test": ("测试事件已安排，几秒内推送。", "A test event is on its way."),
    "paused": ("推送已暂停，期间的事件会保留。", "It is paused; what happens meanwhile is kept."),
    "active": ("推送已恢复。", "It goes on."),
    "replayed": ("已安排重新推送。", "It will be delivered once more."),
}


async def show_endpoint(request: Request, browser: Browser, application_id: UUID, webhook_id: UUID) -> HTTPResponse:
    """Show an endpoint and its newest deliveries."""
    developer, application = await require_own(browser, application_id)
    told = told_done(browser, request.args.get("done"), DONE)
    return await _page(browser, developer, application, webhook_id, told=told, cursor=request.args.get("cursor"))


async def send_test(request: Request, browser: Browser, application_id: UUID, webhook_id: UUID) -> HTTPResponse:
    """Have a test event sent."""
    actor = await _asked(request, browser, application_id)
    work = endpoints.send_test(webhook_id, actor=actor)
    return await _done(browser, application_id, webhook_id, work, "test")


async def turn(request: Request, browser: Browser, application_id: UUID, webhook_id: UUID, status: str) -> HTTPResponse:
    """Pause an endpoint, or let it go on."""
    actor = await _asked(request, browser, application_id)
    if status not in ("active", "paused"):
        return see_other(_address(application_id, webhook_id))
    work = endpoints.change_endpoint(webhook_id, {"status": status}, resolver=resolver(), actor=actor)
    return await _done(browser, application_id, webhook_id, work, status)


async def remove(request: Request, browser: Browser, application_id: UUID, webhook_id: UUID) -> HTTPResponse:
    """Take an endpoint away."""
    actor = await _asked(request, browser, application_id)
    await endpoints.unsubscribe(webhook_id, actor=actor)
    return see_other(f"{address_of_application(application_id, 'webhooks')}?done=gone")


async def confirm_rotation(_request: Request, browser: Browser, application_id: UUID, webhook_id: UUID) -> HTTPResponse:
    """Ask once more before the signing secret is changed, of somebody who has just proved who they are."""
    developer, application = await require_own(browser, application_id)
    await endpoints.get_endpoint(webhook_id, actor=await actor_of(application, browser))
    require_fresh(browser)
    lead = say(
        browser,
        "更换后{hours}小时内，每条推送同时带新旧两个签名；请在此期间换用新密钥。",
        "For {hours} hours each message has two signatures, of the old secret too; change to the new one meanwhile.",
        hours=endpoints.OVERLAP_HOURS_DEFAULT,
    )
    here = _address(application_id, webhook_id)
    change = Form(browser).send(f"{here}/secret", [once()], go=say(browser, "更换密钥", "Make a new secret"))
    back = link(here, say(browser, "取消", "Cancel"), look="quiet")
    parts = [heading(say(browser, "更换签名密钥", "Change the signing secret")), paragraph(lead), actions(change, back)]
    return application_page(browser, developer, application, parts, tab="webhooks")


async def rotate(request: Request, browser: Browser, application_id: UUID, webhook_id: UUID) -> HTTPResponse:
    """Change the signing secret; the new one stands on the answer, and nowhere else."""
    developer, application = await require_own(browser, application_id)
    actor, form = await actor_of(application, browser), read_form(request, browser)
    here = _address(application_id, webhook_id)
    if not is_fresh(browser):
        return see_other(f"{here}/secret")
    asked = idempotency_of(form, actor, f"rotate {webhook_id}")
    made = await endpoints.rotate_secret(
        webhook_id, overlap_hours=endpoints.OVERLAP_HOURS_DEFAULT, actor=actor, idempotency=asked
    )
    if asked.was_replayed:
        return see_other(here)
    parts = [
        shown_once(browser, made["secret"], say(browser, "签名密钥已更换。", "There is a new signing secret.")),
        actions(link(here, say(browser, "已保存，继续", "I have kept it, go on"), look="")),
    ]
    return application_page(browser, developer, application, parts, tab="webhooks")


async def show_delivery(
    request: Request, browser: Browser, application_id: UUID, webhook_id: UUID, delivery_id: UUID
) -> HTTPResponse:
    """Show each try of a delivery, in their order."""
    developer, application = await require_own(browser, application_id)
    actor = await actor_of(application, browser)
    found = await history.list_attempts(delivery_id, actor=actor, after=None, limit=ATTEMPTS_MAX)
    rows = [
        (
            str(number),
            time_of(one["at"]),
            _outcome(browser, one),
            f"{one['milliseconds']:,} ms",
            code(one["answer"]) if one["answer"] else "-",
        )
        for number, (_, one) in enumerate(found, 1)
    ]
    names = (
        say(browser, "次数", "Try"),
        say(browser, "时间", "Time"),
        say(browser, "结果", "Outcome"),
        say(browser, "耗时", "Took"),
        say(browser, "接收方的回答", "What your receiver answered"),
    )
    nothing = say(browser, "还没有尝试过。", "It was not tried yet.")
    here = _address(application_id, webhook_id)
    again = button(
        browser,
        f"{here}/deliveries/{delivery_id}/replay",
        say(browser, "重新推送", "Deliver it once more"),
        look="quiet",
    )
    parts = [
        heading(say(browser, "每次尝试", "Each try")),
        paragraph(
            say(
                browser,
                "失败后自动重试，共{n}次，历时三天。",
                "What fails is tried again by itself, {n} times over three days.",
                n=len(DELAYS_SECONDS) + 1,
            ),
            "lead",
        ),
        table(names, rows, empty=nothing),
        actions(again, link(here, say(browser, "返回", "Back"), look="quiet")),
    ]
    told = told_done(browser, request.args.get("done"), DONE)
    return application_page(browser, developer, application, parts, tab="webhooks", told=told)


async def replay(
    request: Request, browser: Browser, application_id: UUID, webhook_id: UUID, delivery_id: UUID
) -> HTTPResponse:
    """Have something delivered once more."""
    actor = await _asked(request, browser, application_id)
    work = history.replay_delivery(delivery_id, actor=actor)
    return await _done(browser, application_id, webhook_id, work, "replayed")


PAGES: Final = (
    show(ENDPOINT, show_endpoint),
    do(f"{ENDPOINT}/test", send_test),
    do(f"{ENDPOINT}/status/<status:str>", turn),
    do(f"{ENDPOINT}/remove", remove),
    show(f"{ENDPOINT}/secret", confirm_rotation),
    do(f"{ENDPOINT}/secret", rotate),
    show(DELIVERY, show_delivery),
    do(f"{DELIVERY}/replay", replay),
)


async def _asked(request: Request, browser: Browser, application_id: UUID) -> Actor:
    """Read a post of one of these pages; gives the application as the webhooks know it."""
    _, application = await require_own(browser, application_id)
    read_form(request, browser)
    return await actor_of(application, browser)


async def _done(
    browser: Browser, application_id: UUID, webhook_id: UUID, work: Awaitable[object], done: str
) -> HTTPResponse:
    """Do it, and show the endpoint with what came of it."""
    try:
        await work
    except HospitalError as error:
        developer, application = await require_own(browser, application_id)
        told = told_error(browser, error)
        return refused(await _page(browser, developer, application, webhook_id, told=told), error)
    return see_other(f"{_address(application_id, webhook_id)}?done={done}")


async def _page(
    browser: Browser,
    developer: Developer,
    application: dict[str, Any],
    webhook_id: UUID,
    *,
    told: Html,
    cursor: str | None = None,
) -> HTTPResponse:
    actor = await actor_of(application, browser)
    endpoint = await endpoints.get_endpoint(webhook_id, actor=actor)
    before = int(read_cursor(_LIST, cursor)[0]) if cursor else None
    found = await history.list_deliveries(webhook_id, DeliveryFilter(), actor=actor, before=before, limit=SHOWN_MAX + 1)
    here = _address(application["id"], webhook_id)
    last = endpoint["delivered_at"]
    parts = [
        facts(
            [
                (say(browser, "地址", "Address"), code(endpoint["url"])),
                (say(browser, "状态", "State"), state_tag(browser, endpoint)),
                (say(browser, "事件", "Events"), ", ".join(endpoint["event_types"])),
                (say(browser, "最近送达", "Last taken"), time_of(datetime.fromisoformat(last)) if last else "-"),
            ]
        ),
        _buttons(browser, endpoint, here),
        heading(say(browser, "推送记录", "What was delivered")),
        _deliveries(browser, [one for _, one in found[:SHOWN_MAX]], here),
    ]
    if len(found) > SHOWN_MAX:
        place = write_cursor(_LIST, found[SHOWN_MAX - 1][0])
        parts.append(actions(link(f"{here}?cursor={place}", say(browser, "更早的", "Earlier"))))
    return application_page(browser, developer, application, parts, tab="webhooks", told=told)


def _buttons(browser: Browser, endpoint: dict[str, Any], here: str) -> Html:
    offered = []
    if endpoint["status"] == "active":
        offered.append(button(browser, f"{here}/test", say(browser, "发送测试事件", "Send a test event"), look="small"))
        offered.append(button(browser, f"{here}/status/paused", say(browser, "暂停", "Pause")))
    else:
        offered.append(button(browser, f"{here}/status/active", say(browser, "恢复", "Go on"), look="small"))
    offered.append(link(f"{here}/secret", say(browser, "更换签名密钥", "Change the secret")))
    offered.append(button(browser, f"{here}/remove", say(browser, "删除", "Remove"), look="danger small"))
    return actions(*offered)


def _deliveries(browser: Browser, found: list[dict[str, Any]], here: str) -> Html:
    rows = [
        (
            time_of(datetime.fromisoformat(str(one["created_at"]))),
            code(one["event_type"]),
            tag(say(browser, *STATES[one["status"]][0]), STATES[one["status"]][1]),
            str(one["tries"]),
            html(
                '<a href="{href}">{text}</a>', href=f"{here}/deliveries/{one['id']}", text=say(browser, "查看", "Show")
            ),
        )
        for one in found
    ]
    names = (
        say(browser, "时间", "Time"),
        say(browser, "事件", "Event"),
        say(browser, "状态", "State"),
        say(browser, "尝试次数", "Tries"),
        "",
    )
    return table(names, rows, empty=say(browser, "还没有推送过事件。", "Nothing was delivered yet."))


def _outcome(browser: Browser, attempt: dict[str, Any]) -> Html:
    words = OUTCOMES.get(attempt["outcome"])
    text = attempt["outcome"] if words is None else say(browser, *words)
    if attempt["status_code"] is not None:
        text = f"{text} · {attempt['status_code']}"
    return tag(text, "good" if attempt["outcome"] == "delivered" else "bad")


def _address(application_id: UUID | str, webhook_id: UUID) -> str:
    return address_of_application(application_id, f"webhooks/{webhook_id}")
