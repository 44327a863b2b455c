"""An application at a glance: where it stands and why, what it may do, its limits and today's use."""

from typing import Any, Final, Literal, cast
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from console.developer.access import is_fresh, require_fresh, require_own
from console.developer.frame import (
    HOME,
    NOTHING,
    actions,
    address_of_application,
    application_page,
    button,
    code,
    facts,
    heading,
    lines,
    link,
    paragraph,
    refused,
    say,
    table,
    time_of,
    told_done,
    told_error,
)
from console.developer.pages.home import state_tag
from console.developer.pages.keys import shown_once, token_command
from console.developer.pages.new_application import METHODS, TYPES
from console.developer.routes import APPLICATION, Tab, do, show
from console.developer.scope_words import scope_words
from console.developer.setup import portal
from kernel.errors import HospitalError
from open_api.pages.browser import Browser, read_form, see_other
from open_api.pages.html import Html, html, join
from open_api.pages.layout import notice
from partners import developer_applications as rules
from partners.developers import Developer
from partners.policies import DAY_SECONDS, read_gate
from partners.states import APPLICATION as APPLICATION_STATES
from partners.usage import USE_COUNTED_MAX, read_use

TAB: Final = Tab("", "概览", "Overview", 10)
DONE: Final = {
    "made": ("应用已创建。", "The application is made."),
    "changed": ("修改已保存。", "The change is kept."),
    "submitted": ("已提交医院审核。", "It has been sent to the hospital."),
    "draft": ("已恢复为草稿，可以修改后重新提交。", "It is a draft again, to be changed and sent once more."),
    "live": ("应用已启用。", "The application is live."),
}
WHY: Final[dict[str, tuple[str, str]]] = {
    "draft": (
        "草稿只有您的组织可见。确认无误后提交医院审核。",
        "Only your organisation sees a draft. Send it to the hospital when it is right.",
    ),
    "submitted": ("医院正在审核，结果会显示在这里。", "The hospital looks at it; what it decides stands here."),
    "approved": (
        "医院已批准。启用后生成客户端编号和密钥。",
        "The hospital has approved it. Put it live to get its client_id and key.",
    ),
    "refused": (
        "医院没有批准。可以恢复为草稿，修改后重新提交。",
        "The hospital has not approved it. Make it a draft again to change it.",
    ),
    "live": ("应用可以调用接口。", "It may call the interface."),
    "suspended": (
        "医院暂停了这个应用，所有调用都会被拒绝。请联系医院。",
        "The hospital has suspended it; every call is refused. Please contact the hospital.",
    ),
    "retired": ("应用已停用，不能恢复。", "It has been retired, for good."),
}
COVERS: Final[dict[str, tuple[str, str]]] = {
    "all": ("全部接口", "Everything"),
    "care": ("就诊相关接口", "What care needs"),
    "bulk": ("批量读取", "Bulk reading"),
    "sensitive": ("敏感接口", "Sensitive calls"),
}


async def show_application(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Show where an application stands."""
    developer, application = await require_own(browser, application_id)
    told = told_done(browser, request.args.get("done"), DONE)
    return await _page(browser, developer, application, told=told)


async def move(request: Request, browser: Browser, application_id: UUID, status: str) -> HTTPResponse:
    """Send an application to the hospital, take it up again, or retire it."""
    developer, application = await require_own(browser, application_id)
    read_form(request, browser)
    if status not in ("submitted", "draft", "retired"):
        return see_other(address_of_application(application_id))
    try:
        step = cast(Literal["submitted", "draft", "retired"], status)
        await rules.move(developer, application_id, step, request_id=browser.visit.request_id)
    except HospitalError as error:
        return refused(await _page(browser, developer, application, told=told_error(browser, error)), error)
    if status == "retired":
        return see_other(f"{HOME}?done=retired")
    return see_other(f"{address_of_application(application_id)}?done={status}")


async def go_live(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Put an approved application live; its secret stands on the answer, and nowhere else."""
    developer, application = await require_own(browser, application_id)
    read_form(request, browser)
    if not is_fresh(browser):
        return see_other(address_of_application(application_id, "live"))
    try:
        made = await rules.go_live(
            developer, application_id, channel=portal().channel, request_id=browser.visit.request_id
        )
    except HospitalError as error:
        return refused(await _page(browser, developer, application, told=told_error(browser, error)), error)
    if made.secret is None:
        return see_other(f"{address_of_application(application_id)}?done=live")
    application = await rules.get_own(developer, application_id)
    title = say(browser, "应用已启用。", "The application is live.")
    return application_page(
        browser, developer, application, [shown_once(browser, application, made.secret, title)], tab="keys"
    )


async def confirm_live(_request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Ask once more before an application goes live, of somebody who has just proved who they are."""
    developer, application = await require_own(browser, application_id)
    require_fresh(browser)
    if application["status"] != "approved":
        return see_other(address_of_application(application_id))
    lead = say(
        browser,
        "启用后生成客户端编号；用密钥认证的应用，密钥只显示一次，请准备好保存的地方。",
        "It gets its client_id now. If it proves itself by a secret, that is shown once: have a safe place ready.",
    )
    live = button(browser, address_of_application(application_id, "live"), say(browser, "启用", "Put it live"), look="")
    return application_page(browser, developer, application, [paragraph(lead, "lead"), actions(live)], tab="")


PAGES: Final = (
    show(APPLICATION, show_application),
    do(f"{APPLICATION}/status/<status:str>", move),
    show(f"{APPLICATION}/live", confirm_live),
    do(f"{APPLICATION}/live", go_live),
)


async def _page(
    browser: Browser, developer: Developer, application: dict[str, Any], *, told: Html = NOTHING
) -> HTTPResponse:
    status, client_id = application["status"], application["client_id"]
    said = application["registration"]
    parts = [html("<p>{state} {why}</p>", state=state_tag(browser, status), why=say(browser, *WHY[status]))]
    if application["reason"]:
        hospital = say(browser, "医院的说明：{reason}", "The hospital says: {reason}", reason=application["reason"])
        parts.append(notice(hospital, bad=status in ("refused", "suspended")))
    parts.append(_steps(browser, application))
    rows: list[tuple[str, object]] = [(say(browser, "用途", "What it is for"), application["purpose"])]
    if client_id:
        rows.insert(0, (say(browser, "客户端编号（client_id）", "client_id"), code(client_id)))
    if said:
        rows += [
            (say(browser, "类型", "Type"), say(browser, *TYPES[said["application_type"]])),
            (say(browser, "认证方式", "Proves itself by"), say(browser, *METHODS[said["auth_method"]])),
        ]
        if said["redirect_uris"]:
            addresses = join(html("{one}<br>", one=code(one)) for one in said["redirect_uris"])
            rows.append((say(browser, "回调地址", "Redirect addresses"), addresses))
    scopes = join(
        html("{name} {scope}<br>", name=scope_words(scope, browser.language), scope=code(scope))
        for scope in application["scopes"]
    )
    rows.append((say(browser, "权限", "Scopes"), scopes))
    parts.append(facts(rows))
    if client_id and status != "retired":
        parts += await _use(browser, application)
    return application_page(browser, developer, application, parts, tab="", told=told)


def _steps(browser: Browser, application: dict[str, Any]) -> Html:
    """Offer what may be done next, as the table of an application's life has it."""
    base, status = address_of_application(application["id"]), application["status"]
    offered = []
    if status == "draft" and application["registration"]:
        send = say(browser, "提交医院审核", "Send it to the hospital")
        offered.append(button(browser, f"{base}/status/submitted", send, look=""))
        offered.append(link(f"{base}/change", say(browser, "修改", "Change"), look="quiet"))
    if status == "approved" and application["registration"]:
        offered.append(link(f"{base}/live", say(browser, "启用", "Put it live"), look=""))
    if status == "refused":
        again = say(browser, "恢复为草稿", "Make it a draft again")
        offered.append(button(browser, f"{base}/status/draft", again, look="quiet"))
    if application["client_id"] is None and status in APPLICATION_STATES.before("retired"):
        offered.append(button(browser, f"{base}/status/retired", say(browser, "放弃", "Give it up"), look="danger"))
    return actions(*offered) if offered else NOTHING


async def _use(browser: Browser, application: dict[str, Any]) -> list[Html]:
    """Show an application's limits, how much of today's is used, and how to begin."""
    client_id = application["client_id"]
    gate, use = await read_gate(client_id, "partner"), await read_use(client_id)
    most = say(browser, "（只数到 {most}）", " (counted up to {most})", most=f"{USE_COUNTED_MAX:,}")
    rows: list[tuple[str, object]] = [
        (
            say(browser, "今日请求", "Requests today"),
            f"{use.requests:,}" + (most if use.requests >= USE_COUNTED_MAX else ""),
        ),
        (say(browser, "其中被拒绝", "Refused of these"), f"{use.refused:,}"),
        (say(browser, "其中医院方出错", "Failed on our side"), f"{use.failed:,}"),
    ]
    if use.last_at is not None:
        rows.append((say(browser, "最近一次", "The last one"), time_of(use.last_at)))
    limits = [
        (
            say(browser, *COVERS[one["covers"]]) if one["covers"] in COVERS else code(one["covers"]),
            _window(browser, one["window_seconds"]),
            say(browser, "不限", "no limit") if one["requests"] is None else f"{one['requests']:,}",
        )
        for one in gate.policies
    ]
    names = (say(browser, "范围", "Covers"), say(browser, "时间", "Within"), say(browser, "最多请求", "Requests"))
    parts = []
    if gate.stopped and application["status"] == "live":
        stopped = say(browser, "医院已在网关停用此应用。", "The hospital has stopped it at the gateway.")
        parts.append(notice(stopped, bad=True))
    parts += [heading(say(browser, "今日用量", "Today's use")), facts(rows)]
    parts += [heading(say(browser, "限额", "Limits")), table(names, limits, empty=say(browser, "没有限额。", "None."))]
    if application["registration"] and application["registration"]["application_type"] == "service":
        parts += [heading(say(browser, "第一个请求", "The first request")), lines(token_command(client_id))]
    return [*parts, _retire(browser, application)]


def _retire(browser: Browser, application: dict[str, Any]) -> Html:
    """Offer the end of an application behind one more step, as there is no way back."""
    end = button(
        browser,
        address_of_application(application["id"], "status/retired"),
        say(browser, "永久停用", "Retire it for good"),
        look="danger small",
    )
    return html(
        "<details><summary>{title}</summary><p>{warning}</p>{end}</details>",
        title=say(browser, "停用这个应用", "Retire this application"),
        warning=say(
            browser,
            "停用后密钥和推送立即失效，不能恢复。",
            "Its keys and webhooks end at once, and cannot be brought back.",
        ),
        end=actions(end),
    )


def _window(browser: Browser, seconds: int) -> str:
    if seconds == DAY_SECONDS:
        return say(browser, "24小时", "24 hours")
    return say(browser, "{seconds}秒", "{seconds} seconds", seconds=seconds)
