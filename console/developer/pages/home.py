"""The portal's front door: what it is for strangers, signing up, and the applications of whoever is a developer."""

from typing import Any, Final

from sanic import Request
from sanic.response import HTTPResponse

from console.developer.forms import Form
from console.developer.frame import (
    HOME,
    NOTHING,
    actions,
    address_of_application,
    button,
    code,
    facts,
    heading,
    link,
    paragraph,
    portal_page,
    refused,
    say,
    tag,
    time_of,
    told_done,
)
from console.developer.routes import do, show
from console.developer.setup import portal
from kernel.errors import HospitalError
from open_api.pages.browser import Browser, read_form, see_other
from open_api.pages.html import Html, html, join
from open_api.sign_in.addresses import with_continue
from partners.developer_applications import list_own
from partners.developers import (
    NAME_CHARACTERS_MAX,
    ORGANISATION_CHARACTERS_MAX,
    Developer,
    Invitation,
    decline_invitation,
    find_developer,
    invitations_for,
    sign_up,
    take_invitation,
)
from patients.accounts import phone_hash_of

SIGN_UP: Final = f"{HOME}/sign-up"
TERMS: Final = f"{HOME}/terms"
STATES: Final[dict[str, tuple[tuple[str, str], str]]] = {
    "draft": (("草稿", "Draft"), "plain"),
    "submitted": (("医院审核中", "With the hospital"), "warn"),
    "approved": (("已批准，待启用", "Approved, not live yet"), "warn"),
    "refused": (("未通过", "Not approved"), "bad"),
    "live": (("使用中", "Live"), "good"),
    "suspended": (("已被医院暂停", "Suspended by the hospital"), "bad"),
    "retired": (("已停用", "Retired"), "plain"),
}
DONE: Final = {
    "joined": ("您已加入该组织。", "You have joined the organisation."),
    "declined": ("已谢绝该邀请。", "The invitation has been declined."),
    "retired": ("应用已停用。", "The application has been retired."),
}
_CARD: Final = """<li><strong>{name}</strong> {state}
<p class="hint">{made}</p>
<a href="{href}">{open}</a></li>
"""


async def show_home(request: Request, browser: Browser) -> HTTPResponse:
    """Show a developer their applications, and everybody else how to become one."""
    session = browser.session
    told = told_done(browser, request.args.get("done"), DONE)
    if session is None or session.subject.kind != "account":
        return _welcome(browser)
    developer = await find_developer(session.subject.id)
    if developer is None:
        invitations = await invitations_for(await phone_hash_of(session.subject.id))
        return _sign_up_page(browser, Form(browser), invitations, told=told)
    return _applications(browser, developer, await list_own(developer), told=told)


async def send_sign_up(request: Request, browser: Browser) -> HTTPResponse:
    """Become a developer."""
    session = browser.require_session("account")
    form = read_form(request, browser)
    try:
        await sign_up(
            account_id=session.subject.id,
            organisation=form.get("organisation", ""),
            contact_name=form.get("contact_name", ""),
            email=form.get("email", ""),
            accepts_terms=form.get("terms") == "yes",
            request_id=browser.visit.request_id,
        )
    except HospitalError as error:
        return refused(_sign_up_page(browser, Form(browser, form, error), []), error)
    return see_other(HOME)


async def take(request: Request, browser: Browser, invitation_id: Any) -> HTTPResponse:
    """Join the organisation that has invited whoever is signed in."""
    session = browser.require_session("account")
    read_form(request, browser)
    await take_invitation(
        invitation_id,
        account_id=session.subject.id,
        phone_hash=await phone_hash_of(session.subject.id),
        request_id=browser.visit.request_id,
    )
    return see_other(f"{HOME}?done=joined")


async def decline(request: Request, browser: Browser, invitation_id: Any) -> HTTPResponse:
    """Say no to an invitation."""
    session = browser.require_session("account")
    read_form(request, browser)
    await decline_invitation(invitation_id, phone_hash=await phone_hash_of(session.subject.id))
    return see_other(f"{HOME}?done=declined")


async def show_terms(_request: Request, browser: Browser) -> HTTPResponse:
    """Show what a developer agrees to."""
    parts = [html("<ol class='steps'>{items}</ol>", items=join(html("<li>{t}</li>", t=say(browser, *t)) for t in TEXT))]
    return portal_page(browser, say(browser, "开发者使用条款", "Terms for developers"), parts)


TEXT: Final = (
    (
        "只为申请时说明的用途使用接口，不超出所批准的权限。",
        "You use the interface for the purpose that you have given, within the scopes that were approved.",
    ),
    (
        "患者的信息只在其本人授权的范围和期限内使用；授权收回后立即停止使用并删除不再需要的数据。",
        "You use patients' data within what each has allowed, until it ends; then you stop, and delete it.",
    ),
    (
        "妥善保管密钥和私钥；怀疑泄露时立即更换，并通知医院。",
        "You keep secrets and private keys safe; you change them at once when one may be known, and tell the hospital.",
    ),
    (
        "不绕过限额和实名要求，不囤积号源，不加价转售。",
        "You do not get round limits or real names, do not hoard appointments and do not resell them.",
    ),
    (
        "医院会记录每次调用，并可以暂停违反条款的应用。",
        "The hospital records every call, and may suspend an application that breaks these terms.",
    ),
    (
        "遵守《个人信息保护法》《网络安全法》《数据安全法》及卫生健康主管部门的规定。",
        "You keep the laws on personal information, network and data security, and the health authorities' rules.",
    ),
)
PAGES: Final = (
    show(HOME, show_home),
    do(SIGN_UP, send_sign_up),
    show(TERMS, show_terms),
    do(f"{HOME}/invitations/<invitation_id:uuid>/take", take),
    do(f"{HOME}/invitations/<invitation_id:uuid>/decline", decline),
)


def state_tag(browser: Browser, status: str) -> Html:
    """Say in a word where an application stands."""
    words, kind = STATES[status]
    return tag(say(browser, *words), kind)


def _welcome(browser: Browser) -> HTTPResponse:
    parts = [
        paragraph(
            say(
                browser,
                "把预约挂号、候补、签到和排队接入您的应用：注册、创建应用、拿到密钥，几分钟就能调通第一个请求。",
                "Bring appointments, waitlists, check-in and queues into your application: sign up, make an"
                " application, get its key, and send the first request within minutes.",
            ),
            "lead",
        ),
        facts(
            [
                (say(browser, "接口地址", "Base address"), code(f"{portal().base_url}/open/v1")),
                (say(browser, "签发者（issuer）", "Issuer"), code(portal().base_url)),
            ]
        ),
        actions(
            link(with_continue("/sign-in", HOME), say(browser, "登录 / 注册", "Sign in or sign up"), look=""),
            link("/docs", say(browser, "阅读接口文档", "Read the reference"), look="quiet"),
        ),
    ]
    return portal_page(browser, say(browser, "开发者平台", "Developer portal"), parts, here=HOME)


def _sign_up_page(browser: Browser, form: Form, invitations: list[Invitation], *, told: Html = NOTHING) -> HTTPResponse:
    fields = [
        form.text(
            "organisation",
            say(browser, "单位名称", "Organisation"),
            most=ORGANISATION_CHARACTERS_MAX,
            hint=say(browser, "营业执照或法人证书上的全称", "Its full name, as it is registered"),
        ),
        form.text("contact_name", say(browser, "联系人", "Contact"), most=NAME_CHARACTERS_MAX),
        form.text(
            "email",
            say(browser, "电子邮箱", "E-mail"),
            most=200,
            kind="email",
            hint=say(browser, "审核结果和重要通知发到这里", "For the outcome of reviews and what you have to know"),
        ),
        form.group(
            "terms",
            say(browser, "使用条款", "Terms"),
            [
                form.check(
                    "terms",
                    html(
                        '{before}<a href="{href}" target="_blank" rel="noopener">{name}</a>',
                        before=say(
                            browser, "我已阅读并代表单位同意 ", "I have read, and accept for my organisation, the "
                        ),
                        href=TERMS,
                        name=say(browser, "《开发者使用条款》", "terms for developers"),
                    ),
                )
            ],
        ),
    ]
    parts = [_invitation(browser, one) for one in invitations]
    if invitations:
        parts.append(heading(say(browser, "或者：注册新的组织", "Or: sign up for an organisation of your own")))
    parts.append(form.send(SIGN_UP, fields, go=say(browser, "注册", "Sign up")))
    title = say(browser, "注册成为开发者", "Become a developer")
    return portal_page(browser, title, [form.told, *parts], told=told, here=HOME)


def _invitation(browser: Browser, one: Invitation) -> Html:
    base = f"{HOME}/invitations/{one.id}"
    return html(
        '<section><p class="lead">{text}</p>{buttons}</section>',
        text=say(
            browser,
            "“{organisation}”邀请您加入，有效期至 {until}。",
            "{organisation} invites you to join, until {until}.",
            organisation=one.organisation,
            until=time_of(one.expires_at),
        ),
        buttons=actions(
            button(browser, f"{base}/take", say(browser, "加入", "Join"), look=""),
            button(browser, f"{base}/decline", say(browser, "谢绝", "Decline")),
        ),
    )


def _applications(browser: Browser, developer: Developer, found: list[dict[str, Any]], *, told: Html) -> HTTPResponse:
    cards = join(
        html(
            _CARD,
            name=one["name"],
            state=state_tag(browser, one["status"]),
            made=say(browser, "创建于 {at}", "Made {at}", at=time_of(one["created_at"])),
            href=address_of_application(one["id"]),
            open=say(browser, "打开", "Open"),
        )
        for one in found
    )
    parts = [
        paragraph(developer.organisation, "lead"),
        html('<ul class="cards">{cards}</ul>', cards=cards)
        if found
        else html(
            '<p class="empty">{text}</p>',
            text=say(
                browser,
                "还没有应用。创建第一个，就能拿到调用接口的密钥。",
                "There is no application yet. Make the first one to get a key for the interface.",
            ),
        ),
        actions(link(f"{HOME}/applications/new", say(browser, "创建应用", "Make an application"), look="")),
    ]
    title = say(browser, "我的应用", "Applications")
    return portal_page(browser, title, parts, developer=developer, told=told, here=HOME)
