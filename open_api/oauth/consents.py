"""What a person has allowed applications, on a page of their own; taking it back counts at once."""

from typing import Final
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from kernel.db import database
from oauth.grants import Grant, end_own_grant, list_grants
from oauth.id_tokens import OPENID
from open_api.oauth.words import name_scope, say
from open_api.pages.browser import Browser, read_form, see_other
from open_api.pages.html import Html, html, join
from open_api.pages.layout import notice, page
from open_api.sign_in.sessions import PAGE as SESSIONS_PAGE
from open_api.sign_in.sessions import links, shown_time
from patients.consents import Consent, list_consents, withdraw_consent

PAGE: Final = "/account/consents"
ACCESSES_PAGE: Final = "/account/accesses"
ENTRY: Final = """<li><div class="what"><strong>{application}</strong>
<span class="when">{whom}</span>
<span class="when">{scopes}</span>
<span class="when">{when}</span></div>{action}</li>
"""
BUTTON: Final = """<form method="post" action="{action}">{token}<button class="danger small">{text}</button></form>
"""


async def show_consents(request: Request, browser: Browser) -> HTTPResponse:
    """List what the person has allowed, and what others have allowed about them."""
    session = browser.require_session("account")
    language = browser.language
    account_id = session.subject.id
    found = await list_consents(database(), account_id=account_id)
    sign_ins = [one for one in await list_grants(database(), subject_id=account_id) if one.consent_id is None]
    standing = [_entry(one, browser, account_id) for one in found if one.is_in_force]
    standing += [_sign_in_entry(one, browser) for one in sign_ins]
    ended = [_entry(one, browser, account_id) for one in found if not one.is_in_force]
    told = notice(say("withdrawn", language), bad=False) if request.args.get("done") == "withdrawn" else Html("")
    parts = [told, html('<p class="lead">{lead}</p>', lead=say("consents_lead", language))]
    if standing:
        parts.append(html('<ul class="list">{entries}</ul>', entries=join(standing)))
    else:
        parts.append(html('<p class="hint">{text}</p>', text=say("consents_none", language)))
    if ended:
        parts.append(html("<h2>{title}</h2>", title=say("ended_title", language)))
        parts.append(html('<ul class="list">{entries}</ul>', entries=join(ended)))
    others = ((ACCESSES_PAGE, "to_accesses"), (SESSIONS_PAGE, "to_sessions"))
    parts.append(links((href, say(word, language)) for href, word in others))
    return page(say("consents_title", language), join(parts), language=language)


async def withdraw(request: Request, browser: Browser, consent_id: UUID) -> HTTPResponse:
    """Take a consent back."""
    session = browser.require_session("account")
    read_form(request, browser)
    await withdraw_consent(consent_id, account_id=session.subject.id, request_id=browser.visit.request_id)
    return see_other(f"{PAGE}?done=withdrawn")


async def end_sign_in(request: Request, browser: Browser, grant_id: UUID) -> HTTPResponse:
    """End what an application knows by a sign-in alone."""
    session = browser.require_session("account")
    read_form(request, browser)
    async with database().transaction() as tx:
        await end_own_grant(tx, grant_id, subject_id=session.subject.id)
    return see_other(f"{PAGE}?done=withdrawn")


def _entry(one: Consent, browser: Browser, account_id: UUID) -> Html:
    language = browser.language
    since, until = shown_time(one.given_at), shown_time(one.until)
    if one.ended_at is not None:
        when = say("taken_back", language, since=since, ended=shown_time(one.ended_at))
    else:
        when = say("given_until" if one.is_in_force else "ran_out", language, since=since, until=until)
    if one.account_id != account_id:
        when += f" · {say('given_by_other', language)}"
    action = _button(browser, f"{PAGE}/{one.id}/withdraw") if one.is_in_force else Html("")
    return html(
        ENTRY,
        application=one.application,
        whom=say("consent_of", language, patient=one.patient),
        scopes=_scopes(one.scopes, language),
        when=when,
        action=action,
    )


def _sign_in_entry(one: Grant, browser: Browser) -> Html:
    language = browser.language
    return html(
        ENTRY,
        application=one.application or one.client_id,
        whom=say("signed_in_with", language),
        scopes=_scopes(sorted(one.scopes - {OPENID}), language),
        when=say("given_until", language, since=shown_time(one.auth_time), until=shown_time(one.expires_at)),
        action=_button(browser, f"/account/grants/{one.id}/end"),
    )


def _scopes(scopes: tuple[str, ...] | list[str], language: str) -> str:
    return ("; " if language == "en" else "；").join(name_scope(scope, language) for scope in scopes)


def _button(browser: Browser, action: str) -> Html:
    return html(BUTTON, action=action, token=browser.form_field, text=say("withdraw", browser.language))
