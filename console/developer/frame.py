"""What the portal's pages have in common: which deployment one is in, the way round, tables, forms and refusals."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sanic.response import HTTPResponse

from console.developer.routes import Tab
from console.developer.setup import portal
from kernel import clock
from kernel.errors import HospitalError
from open_api.pages.browser import Browser
from open_api.pages.html import Html, html, join
from open_api.pages.layout import notice, page, versioned
from open_api.pages.serving import set_refusal
from partners.developers import Developer

STYLE_PATH: Final = "/developer/portal.css"
STYLE_FILE: Final = Path(__file__).resolve().parent / "portal.css"
HOME: Final = "/developer"
NOTHING: Final = Html("")

_TOP: Final = """
<div class="deployment {kind}"><p><strong>{name}</strong> <span>{what}</span></p>{other}</div>
<nav aria-label="{label}"><ul class="ways">{ways}</ul></nav>"""
_WAY: Final = '<li><a href="{href}"{current}>{text}</a></li>'
_CURRENT: Final = Html(' aria-current="page"')
_BUTTON: Final = """<form method="post" action="{action}">{token}{fields}<button class="{look}">{text}</button></form>
"""

_tabs: list[Tab] = []


def set_tabs(tabs: Sequence[Tab]) -> None:
    """Say at start-up which tabs an application has."""
    _tabs[:] = tabs


def say(browser: Browser, zh: str, en: str, **values: object) -> str:
    """Say something in the language of whoever reads."""
    return (en if browser.language == "en" else zh).format(**values)


def portal_page(
    browser: Browser,
    title: str,
    parts: Iterable[Html],
    *,
    developer: Developer | None = None,
    here: str = "",
    told: Html = NOTHING,
    status: int = 200,
    scripts: Sequence[str] = (),
) -> HTTPResponse:
    """Make a page of the portal. here: the address of the way that is taken, to mark it."""
    return page(
        title,
        join([told, *parts]),
        language=browser.language,
        status=status,
        wide=True,
        styles=[versioned(STYLE_PATH, STYLE_FILE)],
        scripts=scripts,
        top=_top(browser, developer, here),
    )


def application_page(
    browser: Browser,
    developer: Developer,
    application: dict[str, Any],
    parts: Iterable[Html],
    *,
    tab: str,
    told: Html = NOTHING,
    status: int = 200,
    scripts: Sequence[str] = (),
) -> HTTPResponse:
    """Make one of an application's pages. tab: the path of its tab. Those of keys and calls begin with a client."""
    base = f"{HOME}/applications/{application['id']}"
    shown = [one for one in _tabs if one.path == "" or application["client_id"] is not None]
    links = join(
        html(
            _WAY,
            href=f"{base}/{one.path}".rstrip("/"),
            current=_CURRENT if one.path == tab else NOTHING,
            text=one.name(browser.language),
        )
        for one in shown
    )
    tabs = html('<nav aria-label="{label}"><ul class="tabs">{links}</ul></nav>', label=application["name"], links=links)
    return portal_page(
        browser,
        application["name"],
        [tabs if len(shown) > 1 else NOTHING, told, *parts],
        developer=developer,
        here=HOME,
        status=status,
        scripts=scripts,
    )


def address_of_application(application_id: UUID | str, path: str = "") -> str:
    """Give the address of an application's page."""
    return f"{HOME}/applications/{application_id}/{path}".rstrip("/")


def heading(text: str) -> Html:
    """Write a section's title."""
    return html("<h2>{text}</h2>", text=text)


def paragraph(text: object, look: str = "") -> Html:
    """Write a paragraph; `lead` and `hint` are quieter."""
    return html('<p class="{look}">{text}</p>', look=look, text=text)


def facts(rows: Iterable[tuple[str, object]]) -> Html:
    """Write names with their values."""
    return html(
        '<dl class="facts">{rows}</dl>',
        rows=join(html("<div><dt>{name}</dt><dd>{value}</dd></div>", name=name, value=value) for name, value in rows),
    )


def table(names: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> Html:
    """Write a table; on a telephone each row stands as a card, with its columns named."""
    if not rows:
        return html('<p class="empty">{text}</p>', text=empty)
    head = join(html('<th scope="col">{name}</th>', name=name) for name in names)
    body = join(
        html(
            "<tr>{cells}</tr>",
            cells=join(
                html('<td data-name="{name}">{value}</td>', name=name, value=value)
                for name, value in zip(names, row, strict=True)
            ),
        )
        for row in rows
    )
    return html("<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>", head=head, body=body)


def button(
    browser: Browser, action: str, text: str, *, look: str = "quiet small", fields: dict[str, object] | None = None
) -> Html:
    """Write a form of one button; `look` is quiet, danger or nothing for what is meant to be pressed."""
    hidden = join(
        html('<input type="hidden" name="{name}" value="{value}">', name=name, value=value)
        for name, value in (fields or {}).items()
    )
    return html(_BUTTON, action=action, token=browser.form_field, fields=hidden, look=look, text=text)


def link(href: str, text: str, *, look: str = "quiet small") -> Html:
    """Write a link that looks like a button."""
    return html('<a class="button {look}" href="{href}">{text}</a>', look=look, href=href, text=text)


def actions(*parts: Html) -> Html:
    """Put buttons beside one another."""
    return html('<div class="row">{parts}</div>', parts=join(parts))


def code(text: object) -> Html:
    """Write something to be copied letter for letter."""
    return html("<code>{text}</code>", text=text)


def lines(text: str) -> Html:
    """Write lines to be copied letter for letter, such as a command."""
    return html('<pre tabindex="0"><code>{text}</code></pre>', text=text)


def tag(text: str, kind: str = "good") -> Html:
    """Write a short word that stands out: good, bad, warn or plain."""
    return html('<span class="tag {kind}">{text}</span>', kind=kind, text=text)


def told_done(browser: Browser, done: str | None, words: dict[str, tuple[str, str]]) -> Html:
    """Say above a page what was just done."""
    return notice(say(browser, *words[done]), bad=False) if done in words else NOTHING


def told_error(browser: Browser, error: HospitalError, more: str = "") -> Html:
    """Say above a page what was refused."""
    return notice(f"{error.sentence(browser.language)}{more}", bad=True)


def refused(response: HTTPResponse, error: HospitalError) -> HTTPResponse:
    """Give a page that says what was refused its status."""
    return set_refusal(response, error)


def time_of(instant: datetime) -> str:
    """Write an instant as people in Guangzhou read it, to the second."""
    return clock.clinic_time(instant)


def _top(browser: Browser, developer: Developer | None, here: str) -> Html:
    at = portal()
    if at.is_sandbox:
        name, other = say(browser, "沙箱环境", "Sandbox"), say(browser, "前往正式环境", "Go to production")
        what = say(
            browser, "虚构的医院和患者，可以放心试用。", "An invented hospital and patients; try whatever you like."
        )
    else:
        name, other = say(browser, "正式环境", "Production"), say(browser, "前往沙箱环境", "Go to the sandbox")
        what = say(browser, "真实的医院和患者，应用须经审核。", "Real patients; applications are reviewed.")
    leads = NOTHING
    if at.other_portal is not None:
        leads = html('<a class="other" href="{href}">{text} →</a>', href=at.other_portal, text=other)
    ways = [(HOME, say(browser, "应用", "Applications") if developer else say(browser, "首页", "Home"))]
    if developer is not None:
        ways.append((f"{HOME}/members", say(browser, "成员", "Members")))
    ways += [
        (f"{HOME}/guide", say(browser, "快速上手", "Quickstart")),
        ("/docs", say(browser, "接口文档", "Reference")),
        (f"{HOME}/status", say(browser, "运行状态", "Status")),
    ]
    if developer is not None:
        ways.append(("/account/sessions", say(browser, "账户", "Account")))
    return html(
        _TOP,
        kind="sandbox" if at.is_sandbox else "production",
        name=name,
        what=what,
        other=leads,
        label=say(browser, "开发者平台", "Developer portal"),
        ways=join(
            html(_WAY, href=href, current=_CURRENT if href == here else NOTHING, text=text) for href, text in ways
        ),
    )
