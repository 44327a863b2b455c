"""Trying a call: an operation of the description is filled in and sent to this sandbox from the developer's browser.

What reaches the page is a token of the application that lives for minutes; its secret and keys never do.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
from sanic import Request
from sanic.response import HTTPResponse

from console.developer.access import require_own
from console.developer.frame import (
    NOTHING,
    address_of_application,
    application_page,
    code,
    heading,
    paragraph,
    say,
)
from console.developer.routes import APPLICATION, Asset, Tab, script, show
from kernel.ids import new_id
from open_api.docs_page.examples import dereferenced, example_of
from open_api.documentation import DOCUMENT
from open_api.pages.browser import Browser, read_script_call
from open_api.pages.html import Html, html, join
from open_api.pages.layout import versioned
from open_api.pages.serving import script_answer
from open_api.routing import PREFIX
from partners.errors import ApplicationNotFound
from partners.sandbox.trials import issue_trial_token

SANDBOX_ONLY: Final = True
TAB: Final = Tab("try", "试调接口", "Try a call", 50)
PATH: Final = f"{APPLICATION}/try"
SCRIPT_PATH: Final = "/developer/try_call.js"
SCRIPT_FILE: Final = Path(__file__).resolve().parents[1] / "try_call.js"
ASSETS: Final = (Asset(SCRIPT_PATH, SCRIPT_FILE, "text/javascript; charset=utf-8"),)
USUAL: Final = "list_departments"
_BODY: Final = """<div class="field"><label for="body">{label}</label>
<textarea id="body" class="letters" rows="{rows}" spellcheck="false">{example}</textarea></div>
"""
_FIELD: Final = """<div class="field"><label for="{name}">{label}{mark}</label>
<input id="{name}" type="text" value="{value}" data-in="{place}" data-name="{plain}"{described}{required}
 autocomplete="off" spellcheck="false">{hint}</div>
"""
_CHOOSER: Final = """<form method="get" action="{action}" class="wide-form">
<div class="field"><label for="operation">{label}</label><select id="operation" name="operation">{groups}</select></div>
<div class="row"><button type="submit" class="quiet">{go}</button></div></form>
"""
_CALL: Final = """<form id="call" class="wide-form" data-method="{method}" data-path="{path}"
 data-token="{token_path}" data-form-token="{form_token}" data-failed="{failed}" data-missing="{missing}" novalidate>
{fields}<div class="row"><button type="submit">{send}</button></div></form>
<noscript><p class="notice bad">{noscript}</p></noscript>
<h2>{request}</h2><pre tabindex="0" aria-label="{request}"><code id="curl"></code></pre>
<section id="answer" hidden aria-live="polite"><h2>{answer}</h2>
<p><strong class="tag" id="status"></strong> <span id="took" class="hint"></span></p>
<details><summary>{headers}</summary><pre tabindex="0"><code id="headers"></code></pre></details>
<pre tabindex="0" aria-label="{answer}"><code id="content"></code></pre></section>
<p class="notice bad" id="trouble" role="alert" hidden></p>
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that can be tried."""

    method: str
    path: str
    told: dict[str, Any]

    @property
    def name(self) -> str:
        """Its operationId."""
        return str(self.told["operationId"])

    @property
    def scope(self) -> str:
        """The scope that it needs."""
        [scopes] = self.told["security"][0].values()
        return str(scopes[0])


@cache
def _document() -> dict[str, Any]:
    """Read the description of the API."""
    found: dict[str, Any] = orjson.loads(DOCUMENT.read_bytes())
    return found


@cache
def _operations() -> dict[str, Operation]:
    """Take what partners may call out of the description; streams are for programs."""
    found = {}
    for path, item in _document()["paths"].items():
        if not path.startswith(f"{PREFIX}/") or path.startswith(f"{PREFIX}/administration/"):
            continue
        for method, told in item.items():
            media = {kind for answer in told["responses"].values() for kind in answer.get("content", {})}
            if told.get("security") and "text/event-stream" not in media:
                operation = Operation(method.upper(), path, told)
                found[operation.name] = operation
    return found


async def show_call(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Show one operation to be filled in, and those to choose from."""
    developer, application = await require_own(browser, application_id)
    if application["client_id"] is None:
        raise ApplicationNotFound
    known = _operations()
    operation = known.get(request.args.get("operation", USUAL), known[USUAL])
    parts = [
        paragraph(
            say(
                browser,
                "选一个接口，填好参数，从浏览器直接发到沙箱。令牌属于本应用，5分钟内有效；密钥不会出现在页面上。",
                "Choose an operation, fill it in, and send it to the sandbox from here. The token is your application's"
                " and lives for five minutes; its secret never comes to this page.",
            ),
            "lead",
        ),
        _chooser(browser, application, operation),
        heading(operation.told["summary"].replace("`", "")),
        html(
            '<p class="hint">{method} {path} · {scope}</p>',
            method=code(operation.method),
            path=code(operation.path),
            scope=code(operation.scope),
        ),
        _missing_scope(browser, application, operation),
        _call(browser, application, operation),
    ]
    return application_page(
        browser, developer, application, parts, tab=TAB.path, scripts=[versioned(SCRIPT_PATH, SCRIPT_FILE)]
    )


async def give_token(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Give the page's script a token of the application that lives for minutes."""
    developer, application = await require_own(browser, application_id)
    read_script_call(request, browser)
    if application["client_id"] is None:
        raise ApplicationNotFound
    trial = await issue_trial_token(application["client_id"], account_id=developer.account_id)
    return script_answer({"token": trial.token, "seconds": trial.lifetime_seconds, "scopes": trial.scopes})


PAGES: Final = (show(PATH, show_call), script(f"{PATH}/token", give_token))


def _missing_scope(browser: Browser, application: dict[str, Any], operation: Operation) -> Html:
    if operation.scope in application["scopes"]:
        return NOTHING
    text = say(
        browser,
        "本应用没有 {scope} 权限，这个调用会被拒绝（403）。",
        "Your application does not have {scope}; this call will be refused (403).",
        scope=operation.scope,
    )
    return html('<p class="notice bad">{text}</p>', text=text)


def _chooser(browser: Browser, application: dict[str, Any], chosen: Operation) -> Html:
    by_tag: dict[str, list[Operation]] = {}
    for operation in _operations().values():
        by_tag.setdefault(operation.told["tags"][0], []).append(operation)
    groups = join(
        html(
            '<optgroup label="{tag}">{options}</optgroup>',
            tag=tag,
            options=join(
                html(
                    '<option value="{name}"{selected}>{name} — {method} {path}</option>',
                    name=one.name,
                    method=one.method,
                    path=one.path.removeprefix(PREFIX),
                    selected=Html(" selected") if one is chosen else NOTHING,
                )
                for one in operations
            ),
        )
        for tag, operations in by_tag.items()
    )
    return html(
        _CHOOSER,
        action=f"{address_of_application(application['id'])}/try",
        label=say(browser, "接口", "Operation"),
        groups=groups,
        go=say(browser, "选择", "Choose"),
    )


def _call(browser: Browser, application: dict[str, Any], operation: Operation) -> Html:
    return html(
        _CALL,
        method=operation.method,
        path=operation.path,
        token_path=f"{address_of_application(application['id'])}/try/token",
        form_token=browser.form_token,
        failed=say(browser, "没有收到响应：", "No answer came: "),
        missing=say(browser, "请先填写：", "Fill this in first: "),
        fields=join([*_fields(browser, operation), _body(browser, operation)]),
        send=say(browser, "发送", "Send"),
        noscript=say(browser, "发送需要启用脚本；下面的命令可以在终端里运行。", "Sending needs scripts."),
        request=say(browser, "请求", "Request"),
        answer=say(browser, "响应", "Answer"),
        headers=say(browser, "响应头", "Headers"),
    )


def _fields(browser: Browser, operation: Operation) -> list[Html]:
    """Write a field for each parameter; those without which the call is refused have an example in them."""
    document = _document()
    fields = []
    for number, given in enumerate(operation.told.get("parameters", ())):
        parameter = dereferenced(document, given)
        if parameter["in"] == "header":
            continue
        schema = dereferenced(document, parameter["schema"])
        required = parameter.get("required", False)
        fields.append(
            _field(
                f"parameter-{number}",
                parameter["name"],
                place=parameter["in"],
                value=str(example_of(document, schema)) if required else "",
                hint=(parameter.get("description") or schema.get("description", "")).replace("`", ""),
                required=required,
                optional=say(browser, "可选", "optional"),
            )
        )
    if any(given.get("$ref") == "#/components/parameters/IdempotencyKey" for given in operation.told["parameters"]):
        hint = say(
            browser,
            "同一个键重复发送只办一次；换一个键才是新的请求。",
            "Sent again with the same key it happens once; another key is another request.",
        )
        fields.append(
            _field(
                "idempotency-key",
                "Idempotency-Key",
                place="header",
                value=f"try-{new_id()}",
                hint=hint,
                required=False,
                optional=say(browser, "可选", "optional"),
            )
        )
    return fields


def _field(name: str, plain: str, *, place: str, value: str, hint: str, required: bool, optional: str) -> Html:
    return html(
        _FIELD,
        name=name,
        label=plain,
        plain=plain,
        place=place,
        value=value,
        mark=NOTHING if required else html(' <span class="hint">{optional}</span>', optional=optional),
        required=Html(' aria-required="true"') if required else NOTHING,
        described=html(' aria-describedby="{name}-hint"', name=name) if hint else NOTHING,
        hint=html('<p class="hint" id="{name}-hint">{hint}</p>', name=name, hint=hint) if hint else NOTHING,
    )


def _body(browser: Browser, operation: Operation) -> Html:
    content = operation.told.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return NOTHING
    example = json.dumps(example_of(_document(), content["schema"]), ensure_ascii=False, indent=2)
    label = say(browser, "请求体（JSON）", "Body (JSON)")
    return html(_BODY, label=label, rows=min(16, example.count("\n") + 2), example=example)
