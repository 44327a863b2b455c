"""An application's keys: its secret shown once and changed with an overlap, or its public keys replaced."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sanic import Request
from sanic.response import HTTPResponse

from console.developer.access import is_fresh, require_fresh, require_own
from console.developer.forms import Form
from console.developer.frame import (
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
    tag,
    time_of,
    told_done,
    told_error,
)
from console.developer.routes import APPLICATION, Tab, do, show
from console.developer.setup import portal
from kernel.db import database
from kernel.errors import HospitalError
from kernel.ids import parse_id
from oauth.registration import SecretInForce, has_secret
from open_api.pages.browser import Browser, read_form, see_other
from open_api.pages.html import Html, html
from partners import developer_applications as rules
from partners.developers import Developer
from partners.errors import ApplicationNotFound, DeveloperInvalid, SecretNotFound, VersionConflict

TAB: Final = Tab("keys", "密钥", "Keys", 20)
OVERLAPS: Final[dict[str, tuple[timedelta, tuple[str, str]]]] = {
    "24": (timedelta(hours=24), ("旧密钥再用24小时", "The old one works for 24 more hours")),
    "168": (timedelta(days=7), ("旧密钥再用7天", "The old one works for 7 more days")),
    "0": (timedelta(0), ("旧密钥立即失效（怀疑泄露时）", "The old one ends at once, as it may be known")),
}
DONE: Final = {
    "revoked": ("密钥已停用。", "The secret has been revoked."),
    "replaced": ("公钥已更换。", "The public keys have been replaced."),
}
_BOX: Final = """<section class="secret-box" aria-label="{label}"><p><strong>{title}</strong></p>
<p>{warning}</p><code class="secret" id="client-secret" tabindex="0">{secret}</code></section>
"""


async def show_keys(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Show which keys are in force, to somebody who has just proved who they are."""
    developer, application = await require_own(browser, application_id)
    require_fresh(browser)
    told = told_done(browser, request.args.get("done"), DONE)
    return await _keys_page(browser, developer, application, told=told)


async def rotate(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Change the secret; the new one stands on the answer, and nowhere else."""
    developer, application = await require_own(browser, application_id)
    form = read_form(request, browser)
    if not is_fresh(browser):
        return see_other(address_of_application(application_id, "keys"))
    overlap = OVERLAPS.get(form.get("overlap", ""))
    try:
        if overlap is None:
            raise DeveloperInvalid(field="overlap")
        secret = await rules.rotate_secret(
            developer,
            application_id,
            overlap=overlap[0],
            newest=_read_id(form.get("newest", "")),
            request_id=browser.visit.request_id,
        )
    except VersionConflict:
        return see_other(address_of_application(application_id, "keys"))
    except HospitalError as error:
        told = told_error(browser, error)
        return refused(await _keys_page(browser, developer, application, told=told), error)
    title = say(browser, "密钥已更换。", "There is a new secret.")
    return await _keys_page(
        browser, developer, application, told=shown_once(browser, application, secret, title, goes_on=True)
    )


async def revoke(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Take one secret away."""
    developer, application = await require_own(browser, application_id)
    form = read_form(request, browser)
    if not is_fresh(browser):
        return see_other(address_of_application(application_id, "keys"))
    try:
        await rules.revoke_secret(
            developer, application_id, _read_id(form.get("secret", "")), request_id=browser.visit.request_id
        )
    except HospitalError as error:
        told = told_error(browser, error)
        return refused(await _keys_page(browser, developer, application, told=told), error)
    return see_other(f"{address_of_application(application_id, 'keys')}?done=revoked")


async def replace(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Replace the public keys."""
    developer, application = await require_own(browser, application_id)
    form = read_form(request, browser)
    if not is_fresh(browser):
        return see_other(address_of_application(application_id, "keys"))
    try:
        keys = read_keys(form.get("jwks", ""))
        await rules.replace_keys(developer, application_id, keys, request_id=browser.visit.request_id)
    except HospitalError as error:
        page = await _keys_page(browser, developer, application, form=Form(browser, form, error))
        return refused(page, error)
    return see_other(f"{address_of_application(application_id, 'keys')}?done=replaced")


PAGES: Final = (
    show(f"{APPLICATION}/keys", show_keys),
    do(f"{APPLICATION}/keys/rotate", rotate),
    do(f"{APPLICATION}/keys/revoke", revoke),
    do(f"{APPLICATION}/keys/replace", replace),
)


def read_keys(text: str) -> dict[str, Any]:
    """Read a key set as it was pasted; one key alone is a set of one.

    Raises:
        DeveloperInvalid: it is no JSON object.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DeveloperInvalid(field="jwks") from error
    if not isinstance(found, dict):
        raise DeveloperInvalid(field="jwks")
    return {"keys": [found]} if "kty" in found else found


def shown_once(
    browser: Browser, application: dict[str, Any], secret: str, title: str, *, goes_on: bool = False
) -> Html:
    """Show a secret, and where the page holds nothing else (goes_on is false), what to do with it and a way on."""
    box = html(
        _BOX,
        label=say(browser, "新密钥", "The new secret"),
        title=title,
        warning=say(
            browser,
            "请现在复制并妥善保存：密钥只显示这一次，离开本页后无法再次查看。",
            "Copy it now and keep it safe: it is shown this once, and nobody can show it again.",
        ),
        secret=secret,
    )
    if goes_on:
        return box
    client = facts([(say(browser, "客户端编号（client_id）", "client_id"), code(application["client_id"]))])
    trying = html(
        "<p>{text}</p>{command}",
        text=say(browser, "换取访问令牌：", "Get an access token:"),
        command=lines(token_command(application["client_id"])),
    )
    href = address_of_application(application["id"])
    on = actions(link(href, say(browser, "已保存，继续", "I have kept it, go on"), look=""))
    return html("{box}{client}{trying}{on}", box=box, client=client, trying=trying, on=on)


def token_command(client_id: str) -> str:
    """Write the command that gets a token; the secret is asked for, so that it stays out of the shell's history."""
    return f"curl -u {client_id} -d grant_type=client_credentials {portal().base_url}/oauth/token"


def name_of(secret: SecretInForce) -> str:
    """Name a secret without telling it."""
    return f"secret-{secret.id.hex[-6:]}"


async def _keys_page(
    browser: Browser,
    developer: Developer,
    application: dict[str, Any],
    *,
    told: Html = NOTHING,
    form: Form | None = None,
) -> HTTPResponse:
    client_id = application["client_id"]
    row = client_id and await database().fetchrow("SELECT auth_method, jwks FROM oauth_client WHERE id = $1", client_id)
    if not row:
        raise ApplicationNotFound
    parts = [facts([(say(browser, "客户端编号（client_id）", "client_id"), code(client_id))])]
    if application["status"] == "retired":
        parts.append(paragraph(say(browser, "应用已停用，密钥不再有效。", "It is retired; no key opens anything.")))
    elif has_secret(row["auth_method"]):
        parts += _secrets(browser, application, await rules.list_own_secrets(client_id))
    elif row["auth_method"] == "private_key_jwt":
        parts += _key_set(browser, application, row["jwks"], form or Form(browser))
    else:
        parts.append(
            paragraph(
                say(
                    browser,
                    "这种应用不能保守秘密，因此没有密钥；每次授权都使用 PKCE。",
                    "What runs on people's own devices keeps no secret, so it has none; it uses PKCE each time.",
                )
            )
        )
    shown = told if form is None else form.told
    return application_page(browser, developer, application, parts, tab="keys", told=shown)


def _secrets(browser: Browser, application: dict[str, Any], found: list[SecretInForce]) -> list[Html]:
    base = address_of_application(application["id"], "keys")
    rows = []
    for one in found:
        ends = (
            tag(say(browser, "使用中", "In force"))
            if one.expires_at is None
            else tag(say(browser, "{at} 失效", "Ends {at}", at=time_of(one.expires_at)), "warn")
        )
        revoked = button(
            browser,
            f"{base}/revoke",
            say(browser, "停用", "Revoke"),
            look="danger small",
            fields={"secret": one.id},
        )
        rows.append((code(name_of(one)), time_of(one.created_at), ends, revoked if len(found) > 1 else ""))
    names = (
        say(browser, "名称", "Name"),
        say(browser, "创建于", "Made"),
        say(browser, "状态", "State"),
        "",
    )
    listed = table(names, rows, empty=say(browser, "没有有效的密钥。", "No secret is in force."))
    parts = [heading(say(browser, "密钥", "Secrets")), listed]
    if found:
        form = Form(browser)
        changed = form.send(
            f"{base}/rotate",
            [
                html('<input type="hidden" name="newest" value="{id}">', id=found[0].id),
                form.select(
                    "overlap",
                    say(browser, "旧密钥何时失效", "When the old one ends"),
                    [(value, say(browser, *words)) for value, (_, words) in OVERLAPS.items()],
                    hint=say(
                        browser,
                        "先部署新密钥，确认无误后再停用旧密钥，服务不会中断。",
                        "Put the new one to use first and revoke the old one afterwards: nothing is interrupted.",
                    ),
                ),
            ],
            go=say(browser, "更换密钥", "Make a new secret"),
        )
        parts += [heading(say(browser, "更换", "Change")), changed]
    return parts


def _key_set(browser: Browser, application: dict[str, Any], jwks: Any, form: Form) -> list[Html]:
    keys = jwks["keys"] if jwks else []
    listed = table(
        ("kid", say(browser, "类型", "Type"), say(browser, "算法", "Algorithm")),
        [(code(key.get("kid", "-")), key.get("crv") or key["kty"], key.get("alg", "-")) for key in keys],
        empty=say(browser, "公钥按地址（jwks_uri）读取。", "The keys are read from an address (jwks_uri)."),
    )
    changed = form.send(
        address_of_application(application["id"], "keys/replace"),
        [
            form.area(
                "jwks",
                say(browser, "新的公钥集（JWKS）", "The new key set (JWKS)"),
                most=7_000,
                rows=8,
                hint=say(
                    browser,
                    "不在其中的公钥一秒内失效：更换期间请同时包含新旧两个公钥。",
                    "Keys that are not in it end within a second: include the old and the new one while you change.",
                ),
            )
        ],
        go=say(browser, "更换公钥", "Replace the keys"),
    )
    return [
        heading(say(browser, "公钥", "Public keys")),
        listed,
        heading(say(browser, "更换", "Change")),
        changed,
    ]


def _read_id(text: str) -> UUID:
    try:
        return parse_id(text)
    except ValueError as error:
        raise SecretNotFound from error
