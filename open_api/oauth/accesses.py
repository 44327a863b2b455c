"""Who used a patient's data, on a page of the patient's own: which application, what, when, and what allowed it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from kernel.ids import parse_id
from oauth.sign_in.ports import Member
from oauth.sign_in.setup import sign_in
from open_api.oauth.access_words import as_told, name_access, name_accessor, name_reason, say
from open_api.oauth.consents import ACCESSES_PAGE as PAGE
from open_api.oauth.consents import PAGE as CONSENTS_PAGE
from open_api.oauth.words import say as say_of_consents
from open_api.pages.browser import Browser
from open_api.pages.html import Html, html, join
from open_api.pages.layout import page
from open_api.paging import read_cursor, write_cursor
from open_api.sign_in.sessions import PAGE as SESSIONS_PAGE
from open_api.sign_in.sessions import links, shown_time
from patients.access_log import Access, list_accesses
from patients.errors import AccountNotFound

SHOWN_MAX: Final = 20
_CURSOR: Final = "account.accesses"
ENTRY: Final = """<li><div class="what"><strong>{application}</strong>
<span>{what}</span>
<span class="when">{when}</span>
<span class="when">{why}</span></div></li>
"""
MEMBER: Final = '<a class="button quiet small" href="{href}"{current}>{name}</a>\n'
CHOOSE: Final = '<nav class="choose" aria-label="{label}">{entries}</nav>'
CURRENT: Final = Html(' aria-current="page"')


async def show_accesses(request: Request, browser: Browser) -> HTTPResponse:
    """List what applications did with the data of one whom the account may act for, the newest first."""
    session = browser.require_session("account")
    language = browser.language
    members = await sign_in().accounts.members(session.subject.id)
    parts = [html('<p class="lead">{lead}</p>', lead=say("lead", language))]
    if members:
        member = _member(members, request.args.get("patient"))
        place = request.args.get("before")
        found = await list_accesses(
            patient_id=member.patient_id, before=_position(place) if place else None, limit=SHOWN_MAX + 1
        )
        if len(members) > 1:
            parts.append(_choice(members, member, language))
        parts.append(_list(found[:SHOWN_MAX], member, session.subject.id, language))
        parts.append(_turning(found, member, language, is_first=not place))
    else:
        parts.append(html('<p class="hint">{text}</p>', text=say("no_members", language)))
    others = ((CONSENTS_PAGE, "to_consents"), (SESSIONS_PAGE, "to_sessions"))
    parts.append(links((href, say_of_consents(word, language)) for href, word in others))
    return page(say("title", language), join(parts), language=language)


def _member(members: Sequence[Member], wanted: str | None) -> Member:
    """Give the member who is asked for, or the default one, who is the first.

    Raises:
        AccountNotFound: the account does not act for such a person.
    """
    if wanted is None:
        return members[0]
    try:
        patient_id = parse_id(wanted)
    except ValueError as error:
        raise AccountNotFound from error
    found = next((one for one in members if one.patient_id == patient_id), None)
    if found is None:
        raise AccountNotFound
    return found


def _position(cursor: str) -> tuple[datetime, str, int]:
    at, source, entry_id = read_cursor(_CURSOR, cursor)
    return datetime.fromisoformat(str(at)), str(source), int(entry_id)


def _choice(members: Sequence[Member], shown: Member, language: str) -> Html:
    entries = join(
        html(
            MEMBER,
            href=_address(one),
            current=CURRENT if one.patient_id == shown.patient_id else Html(""),
            name=one.name,
        )
        for one in members
    )
    return html(CHOOSE, label=say("whose", language), entries=entries)


def _list(found: list[Access], member: Member, account_id: UUID, language: str) -> Html:
    title = html("<h2>{name}</h2>", name=member.name)
    if not found:
        return join([title, html('<p class="hint">{text}</p>', text=say("none", language, patient=member.name))])
    entries = join(_entry(one, account_id, language) for one in found)
    return join([title, html('<ul class="list">{entries}</ul>', entries=entries)])


def _entry(one: Access, account_id: UUID, language: str) -> Html:
    one = as_told(one, account_id)
    return html(
        ENTRY,
        application=name_accessor(one, account_id, language),
        what=name_access(one.operation, source=one.source, action=one.action, language=language),
        when=shown_time(one.at),
        why=name_reason(one, account_id, language, since=shown_time(one.consented_at) if one.consented_at else ""),
    )


def _turning(found: list[Access], member: Member, language: str, *, is_first: bool) -> Html:
    others = []
    if not is_first:
        others.append((_address(member), say("newest", language)))
    if len(found) > SHOWN_MAX:
        last = found[SHOWN_MAX - 1]
        cursor = write_cursor(_CURSOR, last.at.isoformat(), last.source, last.id)
        others.append((_address(member, before=cursor), say("older", language)))
    return links(others) if others else Html("")


def _address(member: Member, **more: str) -> str:
    return f"{PAGE}?{urlencode({'patient': str(member.patient_id)} | more)}"
