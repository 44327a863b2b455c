"""Making an application, and changing one that is still a draft."""

from collections.abc import Mapping
from typing import Any, Final, cast
from uuid import UUID

import orjson
from sanic import Request
from sanic.response import HTTPResponse

from console.developer.access import is_fresh, require_developer, require_fresh, require_own
from console.developer.forms import Form
from console.developer.frame import (
    HOME,
    address_of_application,
    application_page,
    link,
    paragraph,
    portal_page,
    refused,
    say,
)
from console.developer.pages.keys import read_keys, shown_once
from console.developer.routes import APPLICATION, do, show
from console.developer.scope_words import scope_words
from console.developer.setup import portal
from kernel.errors import HospitalError
from kernel.ids import new_id, parse_id
from oauth.clients import ApplicationType, AuthMethod
from open_api.pages.browser import Browser, read_form, see_other
from open_api.pages.html import Html, html
from partners import developer_applications as rules
from partners.developer_applications import Wanted
from partners.developers import Developer
from partners.errors import ApplicationExists, DeveloperInvalid

NEW: Final = f"{HOME}/applications/new"
JWKS_CHARACTERS_MAX: Final = 7_000
REDIRECTS_CHARACTERS_MAX: Final = 5_000
TYPES: Final[dict[str, tuple[str, str]]] = {
    "service": ("服务端程序（没有用户界面，以自己的名义调用）", "Service: a program on a server that calls for itself"),
    "web": ("网站（有服务器，患者登录授权）", "Web: a site with a server, at which patients sign in"),
    "browser": ("浏览器应用（没有服务器，患者登录授权）", "Browser: pages without a server, patients sign in"),
    "native": ("手机或桌面应用（患者登录授权）", "Native: on a phone or desktop, patients sign in"),
}
METHODS: Final[dict[str, tuple[str, str]]] = {
    "private_key_jwt": ("私钥签名（private_key_jwt，推荐）", "Private key (private_key_jwt), preferred"),
    "client_secret_basic": ("密钥（client_secret_basic）", "Secret (client_secret_basic)"),
    "client_secret_post": ("密钥（client_secret_post）", "Secret in the body (client_secret_post)"),
    "none": ("无（浏览器或手机应用，用 PKCE）", "None (browser and native, with PKCE)"),
}
USUAL: Final = {
    "application_type": "service",
    "auth_method": "client_secret_basic",
    "scope:catalogue.read": "yes",
    "scope:slots.read": "yes",
}


async def show_new(_request: Request, browser: Browser) -> HTTPResponse:
    """Ask what the application is to be."""
    developer = await require_developer(browser)
    require_fresh(browser)
    return _form_page(browser, developer, Form(browser, USUAL), application_id=new_id())


async def make(_request: Request, browser: Browser) -> HTTPResponse:
    """Make the application; in a sandbox its secret is shown on the answer, and nowhere else."""
    developer = await require_developer(browser)
    form = read_form(_request, browser)
    if not is_fresh(browser):
        return see_other(NEW)
    at, application_id = portal(), _read_id(form)
    try:
        made = await rules.create(
            developer,
            read_wanted(form),
            application_id=application_id,
            sandbox_channel=at.channel if at.is_sandbox else None,
            request_id=browser.visit.request_id,
        )
    except ApplicationExists:
        return see_other(address_of_application(application_id))
    except HospitalError as error:
        return refused(_form_page(browser, developer, Form(browser, form, error), application_id=application_id), error)
    if made is None or made.secret is None:
        return see_other(f"{address_of_application(application_id)}?done=made")
    application = await rules.get_own(developer, application_id)
    title = say(browser, "应用已创建，可以立即使用。", "The application is made, and may be used at once.")
    return application_page(
        browser, developer, application, [shown_once(browser, application, made.secret, title)], tab="keys"
    )


async def show_change(_request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Show a draft, to be changed, to somebody who has just proved who they are: its public keys are among it."""
    developer, application = await require_own(browser, application_id)
    require_fresh(browser)
    if application["status"] != "draft" or application["registration"] is None:
        return see_other(address_of_application(application_id))
    return _form_page(browser, developer, Form(browser, _filled(application)), draft=application)


async def change(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Change a draft."""
    developer, application = await require_own(browser, application_id)
    form = read_form(request, browser)
    if not is_fresh(browser):
        return see_other(f"{address_of_application(application_id)}/change")
    version = form.get("version", "")
    try:
        await rules.change(
            developer,
            application_id,
            read_wanted(form),
            version=int(version) if version.isascii() and version.isdigit() else 0,
            request_id=browser.visit.request_id,
        )
    except HospitalError as error:
        return refused(_form_page(browser, developer, Form(browser, form, error), draft=application), error)
    return see_other(f"{address_of_application(application_id)}?done=changed")


PAGES: Final = (
    show(NEW, show_new),
    do(NEW, make),
    show(f"{APPLICATION}/change", show_change),
    do(f"{APPLICATION}/change", change),
)


def read_wanted(form: Mapping[str, str]) -> Wanted:
    """Read what an application is to be.

    Raises:
        DeveloperInvalid: the form was not filled in on our page, or its keys are no JSON.
    """
    application_type, method = form.get("application_type"), form.get("auth_method")
    if application_type not in TYPES:
        raise DeveloperInvalid(field="application_type")
    if method not in METHODS:
        raise DeveloperInvalid(field="token_endpoint_auth_method")
    context = "system" if application_type == "service" else "patient"
    asked = {name.removeprefix("scope:") for name in form if name.startswith("scope:")}
    asked |= {f"{context}/{name.removeprefix('fhir:')}.rs" for name in form if name.startswith("fhir:")}
    return Wanted(
        name=form.get("name", ""),
        purpose=form.get("purpose", "").replace("\r\n", "\n"),
        application_type=cast(ApplicationType, application_type),
        auth_method=cast(AuthMethod, method),
        redirect_uris=tuple(form.get("redirect_uris", "").split()),
        scopes=frozenset(asked),
        jwks=read_keys(form.get("jwks", "")) if method == "private_key_jwt" else None,
    )


def _filled(application: dict[str, Any]) -> dict[str, str]:
    wanted = rules.wanted_of(application)
    values = {
        "name": wanted.name,
        "purpose": wanted.purpose,
        "application_type": wanted.application_type,
        "auth_method": wanted.auth_method,
        "redirect_uris": "\n".join(wanted.redirect_uris),
        "jwks": "" if wanted.jwks is None else orjson.dumps(wanted.jwks, option=orjson.OPT_INDENT_2).decode(),
    }
    for scope in wanted.scopes:
        kind = scope.partition("/")[2].partition(".")[0]
        values[f"fhir:{kind}" if "/" in scope else f"scope:{scope}"] = "yes"
    return values


def _form_page(
    browser: Browser,
    developer: Developer,
    form: Form,
    *,
    application_id: UUID | None = None,
    draft: dict[str, Any] | None = None,
) -> HTTPResponse:
    """Make the page of the form, for a new application or for a draft."""
    if draft is None:
        action, back = NEW, HOME
        title = say(browser, "创建应用", "Make an application")
        hidden = html('<input type="hidden" name="application_id" value="{id}">', id=application_id)
    else:
        back = address_of_application(draft["id"])
        action = f"{back}/change"
        title = say(browser, "修改应用", "Change the application")
        hidden = html('<input type="hidden" name="version" value="{version}">', version=draft["version"])
    if portal().is_sandbox:
        lead = say(
            browser, "沙箱应用创建后立即可用，限额较小。", "In the sandbox it may be used at once, within small limits."
        )
    else:
        lead = say(
            browser,
            "正式环境的应用先保存为草稿，提交医院审核，批准后由您启用。",
            "In production it is a draft first; you send it to the hospital, and put it live when it is approved.",
        )
    fields = [hidden, *_fields(browser, form)]
    cancel = link(back, say(browser, "取消", "Cancel"), look="quiet")
    sent = form.send(
        action, fields, go=say(browser, "保存" if draft else "创建", "Save" if draft else "Make it"), back=cancel
    )
    return portal_page(browser, title, [form.told, paragraph(lead, "lead"), sent], developer=developer, here=HOME)


def _fields(browser: Browser, form: Form) -> list[Html]:
    named = say(browser, "患者授权时看到的名称", "What patients read when they are asked")
    return [
        form.text("name", say(browser, "应用名称", "Name"), most=rules.NAME_CHARACTERS_MAX, hint=named),
        form.area(
            "purpose",
            say(browser, "用途", "What it is for"),
            most=rules.PURPOSE_CHARACTERS_MAX,
            rows=3,
            hint=say(
                browser, "谁使用、做什么、为什么需要这些权限", "Who uses it, for what, and why it needs these scopes"
            ),
        ),
        form.select(
            "application_type",
            say(browser, "类型", "Type"),
            [(value, say(browser, *words)) for value, words in TYPES.items()],
        ),
        form.select(
            "auth_method",
            say(browser, "认证方式", "How it proves itself"),
            [(value, say(browser, *words)) for value, words in METHODS.items()],
        ),
        form.wrong("token_endpoint_auth_method"),
        form.area(
            "jwks",
            say(browser, "公钥集（JWKS）", "Public keys (JWKS)"),
            most=JWKS_CHARACTERS_MAX,
            hint=say(browser, "仅“私钥签名”需要；只粘贴公钥", "For private keys only; paste the public ones"),
        ),
        form.area(
            "redirect_uris",
            say(browser, "回调地址", "Redirect addresses"),
            most=REDIRECTS_CHARACTERS_MAX,
            rows=2,
            hint=say(browser, "每行一个；服务端程序留空", "One a line; none for a service"),
        ),
        form.group(
            "scopes",
            say(browser, "接口权限", "Scopes"),
            [
                form.check(f"scope:{scope}", scope_words(scope, browser.language), hint=scope)
                for scope in rules.api_scopes()
            ],
            hint=say(browser, "只选择真正需要的", "Choose what you really need"),
        ),
        form.group(
            "fhir",
            say(browser, "FHIR 读取权限", "Reading by FHIR"),
            [
                form.check(f"fhir:{kind}", scope_words(f"patient/{kind}.rs", browser.language), hint=f"{kind}.rs")
                for kind in rules.FHIR_KINDS
            ],
        ),
    ]


def _read_id(form: Mapping[str, str]) -> UUID:
    try:
        return parse_id(form.get("application_id", ""))
    except ValueError as error:
        raise DeveloperInvalid(field="application_id") from error
