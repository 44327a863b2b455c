"""One's own sessions and passkeys: looking through them, and ending what one does not know."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from kernel import clock
from oauth.sign_in import passkeys, sessions
from oauth.sign_in.sessions import Session
from oauth.sign_in.setup import sign_in
from open_api.pages.browser import Browser, forget_session, read_form, see_other
from open_api.pages.html import Html, html, join
from open_api.pages.layout import notice, page
from open_api.sign_in.passkeys import passkey_button
from open_api.sign_in.words import say

PAGE: Final = "/account/sessions"
LINKS: Final = """<p class="links">{links}</p>
"""
LINK: Final = '<a href="{href}">{text}</a>'
DONE: Final = ("ended", "others_ended", "passkey_is_there", "passkey_removed")
ENTRY: Final = """<li><div class="what"><strong>{device}</strong><span class="when">{when}</span></div>{action}</li>
"""
BUTTON: Final = """<form method="post" action="{action}">{token}<button class="{look}">{text}</button></form>
"""


async def show_sessions(request: Request, browser: Browser) -> HTTPResponse:
    """List where one is signed in."""
    session = browser.require_session()
    language = browser.language
    done = request.args.get("done")
    told = notice(say(done, language), bad=False) if done in DONE else Html("")
    found = await sessions.list_sessions(session.subject)
    entries = join(_entry(one, browser, is_this=one.id == session.id) for one in found)
    body = html(
        '{told}<p class="lead">{lead}</p><ul class="list">{entries}</ul><div class="actions">{others}{out}</div>\n',
        told=told,
        lead=say("sessions_lead", language),
        entries=entries,
        others=_button(browser, f"{PAGE}/end-others", "end_others", "quiet") if len(found) > 1 else Html(""),
        out=_button(browser, "/sign-out", "sign_out", "danger"),
    )
    keys, members = await _passkeys(session, browser), await _members(session, language)
    scripts = ["passkey.js"] if keys else []
    parts = [body, members, keys]
    if session.subject.kind == "account":
        others = (("/account/consents", "to_consents"), ("/account/accesses", "to_accesses"))
        parts.append(links((href, say(word, language)) for href, word in others))
    return page(say("sessions_title", language), join(parts), language=language, scripts=scripts)


async def end_one(request: Request, browser: Browser, session_id: UUID) -> HTTPResponse:
    """End one session of one's own."""
    session = browser.require_session()
    read_form(request, browser)
    await sessions.end_session(session_id, subject=session.subject, visit=browser.visit, ending="revoked")
    if session_id == session.id:
        return forget_session(see_other("/sign-in?signed_out=1"))
    return see_other(f"{PAGE}?done=ended")


async def end_others(request: Request, browser: Browser) -> HTTPResponse:
    """End all sessions but this one."""
    session = browser.require_session()
    read_form(request, browser)
    await sessions.end_other_sessions(session, visit=browser.visit)
    return see_other(f"{PAGE}?done=others_ended")


async def sign_out(request: Request, browser: Browser) -> HTTPResponse:
    """End this session."""
    session = browser.require_session()
    read_form(request, browser)
    await sessions.end_session(session.id, subject=session.subject, visit=browser.visit, ending="signed_out")
    where = "/staff/sign-in" if session.subject.kind == "staff" else "/sign-in"
    return forget_session(see_other(f"{where}?signed_out=1"))


def shown_time(instant: datetime) -> str:
    """Write an instant as the list shows it: to the minute, in Guangzhou."""
    return clock.clinic_time(instant)[:-3]


def links(others: Iterable[tuple[str, str]]) -> Html:
    """Lead on to other pages of one's account: each its address and what it is called."""
    return html(LINKS, links=join(html(LINK, href=href, text=text) for href, text in others))


def _entry(one: Session, browser: Browser, *, is_this: bool) -> Html:
    language = browser.language
    when = html(
        '{seen}</span><span class="when">{since}',
        seen=say("seen", language, seen=shown_time(one.seen_at)),
        since=say("since", language, since=shown_time(one.created_at)),
    )
    if is_this:
        action = html('<span class="tag">{text}</span>', text=say("this_device", language))
    else:
        action = _button(browser, f"{PAGE}/{one.id}/end", "end_session", "quiet small")
    return html(ENTRY, device=one.device or say("unknown_device", language), when=when, action=action)


async def _passkeys(session: Session, browser: Browser) -> Html:
    if sign_in().relying_party is None:
        return Html("")
    language = browser.language
    entries = [
        html(
            ENTRY,
            device=one.name or say("unknown_device", language),
            when=say("passkey_used", language, since=shown_time(one.created_at), seen=shown_time(one.used_at))
            if one.used_at
            else say("passkey_added", language, since=shown_time(one.created_at)),
            action=_button(browser, f"/account/passkeys/{one.id}/remove", "remove", "quiet small"),
        )
        for one in await passkeys.list_passkeys(session.subject)
    ]
    return html(
        '<h2>{title}</h2><p class="lead">{lead}</p>{entries}{button}',
        title=say("passkeys_title", language),
        lead=say("passkeys_lead", language),
        entries=html('<ul class="list">{entries}</ul>', entries=join(entries)) if entries else Html(""),
        button=passkey_button(browser, "create", "/account/passkeys", word="add_passkey", look="quiet"),
    )


async def _members(session: Session, language: str) -> Html:
    if session.subject.kind != "account":
        return Html("")
    found = await sign_in().accounts.members(session.subject.id)
    entries = join(
        html(
            '<li><div class="what"><strong>{name}</strong><span class="when">{how}</span></div>{tag}</li>',
            name=one.name,
            how=say(one.relationship, language),
            tag=html('<span class="tag">{text}</span>', text=say("default", language)) if one.is_default else Html(""),
        )
        for one in found
    )
    title = html("<h2>{title}</h2>", title=say("members_title", language))
    if not found:
        return join([title, html('<p class="hint">{text}</p>', text=say("members_none", language))])
    return join([title, html('<ul class="list">{entries}</ul>', entries=entries)])


def _button(browser: Browser, action: str, word: str, look: str) -> Html:
    return html(BUTTON, action=action, token=browser.form_field, look=look, text=say(word, browser.language))
