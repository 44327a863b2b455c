"""The consent page: who asks, for which family member, for which data, until when. Nothing is allowed by silence."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import quote, urlsplit
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from kernel import clock
from kernel.db import Transaction, database
from kernel.ids import parse_id
from oauth import ports, resources
from oauth.authorization_codes import issue_code
from oauth.clients import Client, read_client
from oauth.errors import ApplicationUnknown, InteractionGone
from oauth.grants import create_grant
from oauth.interactions import Interaction, decide_interaction, find_interaction
from oauth.scopes import COMMON_SCOPES
from oauth.sign_in.ports import Member
from oauth.sign_in.sessions import Session, hold_session
from oauth.sign_in.setup import sign_in
from oauth.token_answers import REFRESH_SCOPES
from open_api.oauth.authorize import send_back
from open_api.oauth.words import name_scope, say
from open_api.pages.browser import FIELDS_MAX, Browser, read_form, see_other
from open_api.pages.html import Html, html, join
from open_api.pages.layout import notice, page
from open_api.sign_in.words import say as say_of_sign_in
from patients.consents import give_consent

LIFETIMES: Final = {
    "day": timedelta(days=1),
    "month": timedelta(days=30),
    "quarter": timedelta(days=90),
    "year": timedelta(days=365),
}
# Who asks to change something, or to come back without the person, meets a person who has just shown who they are.
FRESH: Final = timedelta(minutes=5)

# What is not for the person to choose, in the order in which it is read.
IDENTITY: Final = ("openid", "profile", "fhirUser", "online_access", "offline_access")

FORM: Final = """{told}<p class="lead"><strong>{application}</strong> {asks}</p>
<p class="hint">{about}</p>
<form method="post" action="/oauth/consent/{id}" autocomplete="off">
{token}<ul class="steps">{identity}</ul>
{choices}
<div class="actions"><button type="submit" name="decision" value="allow">{allow}</button>
<button type="submit" name="decision" value="deny" class="quiet" formnovalidate>{deny}</button></div>
<p class="hint">{goes_to}</p>
</form>
"""
FIELDS: Final = """<fieldset class="field"><legend>{legend}</legend>
{entries}{hint}</fieldset>
"""
CHOICE: Final = """<label class="choice"><input type="{kind}" name="{name}" value="{value}"{checked}> {text}</label>
"""
CHECKED: Final = Html(" checked")


async def show_consent(_request: Request, browser: Browser, interaction_id: UUID) -> HTTPResponse:
    """Put a request before the person."""
    interaction, client = await _find(interaction_id, browser)
    session = browser.session
    if session is None or not _is_ready(session, interaction, client):
        return _to_sign_in(interaction, client, again=session is not None)
    if _is_plain_sign_in(interaction, client):
        return await _allow(browser, session, interaction, client, {})
    return await _page(browser, session, interaction, client)


async def decide(request: Request, browser: Browser, interaction_id: UUID) -> HTTPResponse:
    """Take the person's answer, once."""
    interaction, client = await _find(interaction_id, browser)
    # A tick is a field of its own, and no more are asked for than the request was let in with.
    form = read_form(request, browser, fields_max=FIELDS_MAX + len(_data(interaction)))
    session = browser.session
    if form.get("decision") == "deny":
        async with database().transaction() as tx:
            if not await decide_interaction(tx, interaction.id, "denied"):
                raise InteractionGone
        return send_back(interaction.asked, error="access_denied")
    if session is None or form.get("decision") != "allow" or not _is_ready(session, interaction, client):
        return _to_sign_in(interaction, client, again=session is not None)
    return await _allow(browser, session, interaction, client, form)


async def _find(interaction_id: UUID, browser: Browser) -> tuple[Interaction, Client]:
    interaction = await find_interaction(interaction_id, visit_hash=browser.visit.hash)
    if interaction is None:
        raise InteractionGone
    client = await read_client(interaction.asked.client_id)
    if client is None or await ports.is_stopped(client):
        raise ApplicationUnknown
    return interaction, client


def _is_ready(session: Session, interaction: Interaction, client: Client) -> bool:
    """Tell whether the right kind of person has shown strongly and lately enough who they are."""
    if session.subject.kind != client.subject_kind or not interaction.is_signed_in(session):
        return False
    return not _is_sensitive(interaction) or session.auth_time > interaction.created_at - FRESH


def _is_sensitive(interaction: Interaction) -> bool:
    scopes = interaction.asked.scopes
    if scopes & REFRESH_SCOPES:
        return True
    return any(set(scope.partition("?")[0].rpartition(".")[2]) & set("cud") for scope in _data(interaction))


def _is_plain_sign_in(interaction: Interaction, client: Client) -> bool:
    """Tell whether one of the hospital's own systems merely asks who is there: one sign-on asks nobody twice."""
    return client.kind == "internal" and not _data(interaction)


def _data(interaction: Interaction) -> list[str]:
    """List the scopes that open somebody's data."""
    return sorted(interaction.asked.scopes - COMMON_SCOPES)


async def _page(
    browser: Browser, session: Session, interaction: Interaction, client: Client, *, wrong: str | None = None
) -> HTTPResponse:
    language, asked = browser.language, interaction.asked
    members = await _members(session)
    told = notice(say(wrong, language), bad=True) if wrong else Html("")
    target = urlsplit(asked.redirect_uri)
    if _data(interaction) and not members:
        told = notice(say("no_members", language), bad=True)
    identity = [scope for scope in IDENTITY if scope in asked.scopes]
    body = html(
        FORM,
        told=told,
        application=client.name,
        asks=say("asks", language),
        about=say("own_application" if client.kind == "internal" else "about_application", language),
        id=interaction.id,
        token=browser.form_field,
        identity=join(html("<li>{text}</li>\n", text=name_scope(scope, language)) for scope in identity),
        choices=_choices(interaction, members, language) if members or not _data(interaction) else Html(""),
        allow=say("allow", language),
        deny=say("deny", language),
        goes_to=say("goes_to", language, host=target.netloc or target.scheme),
    )
    # Browsers hold a form's answer, too, against what a form may lead to.
    origin = f"{target.scheme}://{target.netloc}" if target.netloc else f"{target.scheme}:"
    return page(
        say("consent_title", language), body, language=language, form_targets=[origin], status=422 if wrong else 200
    )


def _choices(interaction: Interaction, members: Sequence[Member], language: str) -> Html:
    data = _data(interaction)
    parts: list[Html] = []
    if data:
        people = [
            (str(one.patient_id), f"{one.name}（{say_of_sign_in(one.relationship, language)}）", one.is_default)
            for one in members
        ]
        parts += [
            _fields("for_whom", "radio", "patient", people, language),
            _fields(
                "which_data",
                "checkbox",
                "scope",
                [(scope, name_scope(scope, language), True) for scope in data],
                language,
                hint="data_hint",
            ),
        ]
    lifetimes = _lifetimes(interaction)
    parts.append(
        _fields(
            "until_when",
            "radio",
            "until",
            [(name, say(name, language), name == lifetimes[0]) for name in lifetimes],
            language,
            hint="until_hint",
        )
    )
    return join(parts)


def _lifetimes(interaction: Interaction) -> list[str]:
    """List how long it may last: without a way to come back later, today is all that can be used."""
    return list(LIFETIMES) if interaction.asked.scopes & REFRESH_SCOPES else ["day"]


def _fields(
    legend: str,
    kind: str,
    name: str,
    entries: Sequence[tuple[str, str, bool]],
    language: str,
    *,
    hint: str | None = None,
) -> Html:
    return html(
        FIELDS,
        legend=say(legend, language),
        entries=join(
            html(
                CHOICE,
                kind=kind,
                # Forms of ours give nothing twice: a tick is a field of its own.
                name=f"{name}:{value}" if kind == "checkbox" else name,
                value="yes" if kind == "checkbox" else value,
                checked=CHECKED if chosen else Html(""),
                text=text,
            )
            for value, text, chosen in entries
        ),
        hint=html('<p class="hint">{text}</p>', text=say(hint, language)) if hint else Html(""),
    )


async def _allow(
    browser: Browser, session: Session, interaction: Interaction, client: Client, form: dict[str, str]
) -> HTTPResponse:
    asked, data = interaction.asked, _data(interaction)
    chosen = [scope for scope in data if form.get(f"scope:{scope}") == "yes"]
    members = {one.patient_id: one for one in await _members(session)}
    patient_id = _read_id(form.get("patient", ""))
    if data and patient_id not in members:
        return await _page(browser, session, interaction, client, wrong="choose_member")
    if data and not chosen:
        return await _page(browser, session, interaction, client, wrong="choose_data")
    lifetimes = _lifetimes(interaction)
    lifetime = form.get("until", lifetimes[0])
    until = clock.now() + LIFETIMES[lifetime if lifetime in lifetimes else lifetimes[0]]
    own = next((one.patient_id for one in members.values() if one.relationship == "self"), None)
    async with database().transaction() as tx:
        # Who leaves or closes their account just now ends this too, or it does not begin.
        await hold_session(tx, session)
        if not await decide_interaction(tx, interaction.id, "allowed"):
            raise InteractionGone
        consent_id = None
        if chosen and patient_id is not None:
            consent_id = await give_consent(
                tx,
                account_id=session.subject.id,
                patient_id=patient_id,
                client_id=client.id,
                scopes=chosen,
                until=until,
                request_id=browser.visit.request_id,
            )
        grant = await create_grant(
            tx,
            client_id=client.id,
            subject_kind=session.subject.kind,
            subject_id=session.subject.id,
            patient_id=patient_id if consent_id else None,
            consent_id=consent_id,
            scopes=[*(asked.scopes & COMMON_SCOPES), *chosen],
            resources=asked.resources,
            auth_time=session.auth_time,
            acr=session.acr,
            fhir_user=f"{resources.fhir()}/Patient/{own}" if own is not None else None,
            expires_at=until,
        )
        code = await _issue(tx, interaction, grant.id)
    return send_back(asked, code=code)


async def _issue(tx: Transaction, interaction: Interaction, grant_id: UUID) -> str:
    asked = interaction.asked
    return await issue_code(
        tx,
        grant_id=grant_id,
        redirect_uri=asked.redirect_uri,
        code_challenge=asked.code_challenge,
        nonce=asked.nonce,
        jkt=asked.jkt,
    )


async def _members(session: Session) -> Sequence[Member]:
    if session.subject.kind != "account":
        return ()
    return await sign_in().accounts.members(session.subject.id)


def _to_sign_in(interaction: Interaction, client: Client, *, again: bool) -> HTTPResponse:
    where = "/staff/sign-in" if client.subject_kind == "staff" else "/sign-in"
    target = quote(f"/oauth/consent/{interaction.id}", safe="")
    return see_other(f"{where}?continue={target}{'&again=1' if again else ''}")


def _read_id(text: str) -> UUID | None:
    try:
        return parse_id(text)
    except ValueError:
        return None
