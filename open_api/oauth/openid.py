"""OpenID Connect: discovery, who is signed in (userinfo), and signing out where an application asks for it."""

from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from oauth import ports, resources
from oauth.clients import Client, Person, read_client
from oauth.errors import InsufficientScope, InvalidToken
from oauth.grants import find_grant
from oauth.id_tokens import OPENID, read_hint
from oauth.sign_in import sessions
from oauth.sign_in.setup import sign_in
from oauth.staff import people
from open_api.admission import Visit
from open_api.authentication import authenticate
from open_api.cross_origin import let_application_read
from open_api.guard import language_of, request_id_of
from open_api.oauth.answers import answer
from open_api.oauth.words import say
from open_api.pages.browser import Browser, forget_session, read_form, see_other
from open_api.pages.html import html
from open_api.pages.layout import page
from open_api.problems import problem
from open_api.routing import TOKENS
from partners.errors import ApplicationStopped

CONFIRM = """<p class="lead">{lead}</p>
<form method="post" action="/oauth/logout">{token}
<input type="hidden" name="client_id" value="{client_id}"><input type="hidden" name="to" value="{to}">
<input type="hidden" name="state" value="{state}">
<div class="actions"><button type="submit">{out}</button>
<a class="button quiet" href="{stay_at}">{stay}</a></div></form>
"""


async def userinfo(request: Request) -> HTTPResponse:
    """Say who is signed in (OpenID Connect Core section 5.3), to an application that they allowed to know."""
    operation = f"{request.method} /oauth/userinfo"
    visit = Visit(request, request_id_of(request), operation=operation, handling=TOKENS)
    try:
        client = await _authenticate(request)
        visit.know(client)
        if await ports.is_stopped(client):
            raise ApplicationStopped
        if OPENID not in client.scopes:
            raise InsufficientScope(scope=OPENID)
        person = client.person
        if person is None:
            raise InvalidToken
        claims, patient_ids = await _claims(client, person)
        await visit.log_patients(client, patient_ids)
    except HospitalError as error:
        visit.code = error.code
        response = problem(error, request_id=request_id_of(request), language=language_of(request))
    else:
        response = answer((200, claims, {"cache-control": "no-store"}), request)
    visit.end(response)
    return await let_application_read(request, response)


async def _claims(client: Client, person: Person) -> tuple[dict[str, Any], list[UUID]]:
    """Say what an application may know of a person, and which patients it learns of by that."""
    claims: dict[str, Any] = {"sub": person.id}
    patients: set[UUID] = set()
    grant = await find_grant(UUID(person.grant_id))
    if "fhirUser" in client.scopes and grant is not None and grant.fhir_user is not None:
        claims["fhirUser"] = grant.fhir_user
        patients.add(UUID(grant.fhir_user.rpartition("/")[2]))
    if "profile" in client.scopes and person.kind == "staff":
        claims |= await _staff_profile(person)
    elif "profile" in client.scopes:
        members = await sign_in().accounts.members(UUID(person.id))
        for one in (one for one in members if one.relationship == "self"):
            claims["name"] = one.name
            patients.add(one.patient_id)
    return claims, sorted(patients)


async def _authenticate(request: Request) -> Client:
    """Take a token for either resource: who somebody is belongs to none of them."""
    try:
        return await authenticate(request, audience=resources.open_api())
    except InvalidToken:
        return await authenticate(request, audience=resources.fhir())


async def _staff_profile(person: Person) -> dict[str, Any]:
    """Say who a member of staff is: by name, code and roles."""
    known = await people.identify(UUID(person.id))
    if known is None:
        raise InvalidToken
    return {"name": known.name, "preferred_username": known.code, "roles": list(known.roles)}


async def show_logout(request: Request, browser: Browser) -> HTTPResponse:
    """Ask whether to sign out (OpenID Connect RP-Initiated Logout 1.0): no other site does it behind one's back."""
    language = browser.language
    given = {name: values[0] for name, values in request.get_args().items() if len(values) == 1}
    client, to = await _where_to(
        given.get("id_token_hint"), given.get("client_id"), given.get("post_logout_redirect_uri")
    )
    if browser.session is None:
        return _leave(to, given.get("state")) if to else _told(language)
    target = urlsplit(to) if to else None
    body = html(
        CONFIRM,
        lead=say("sign_out_lead", language),
        token=browser.form_field,
        client_id=client.id if client else "",
        to=to or "",
        state=given.get("state", "")[:1_000],
        out=say("sign_out", language),
        stay=say("stay", language),
        stay_at="/account/sessions",
    )
    origins = [f"{target.scheme}://{target.netloc}" if target.netloc else f"{target.scheme}:"] if target else []
    return page(say("sign_out_title", language), body, language=language, form_targets=origins)


async def logout(request: Request, browser: Browser) -> HTTPResponse:
    """Sign out, and go back to the application that asked for it, if the address is its own."""
    form = read_form(request, browser)
    if browser.session is not None:
        await sessions.end_session(
            browser.session.id, subject=browser.session.subject, visit=browser.visit, ending="signed_out"
        )
    _, to = await _where_to(None, form.get("client_id"), form.get("to"))
    return forget_session(_leave(to, form.get("state")) if to else see_other("/sign-in?signed_out=1"))


async def _where_to(hint: str | None, client_id: str | None, asked: str | None) -> tuple[Client | None, str | None]:
    """Tell which application asks, and where it wants the browser, if that is an address of its own."""
    claims = read_hint(hint) if hint else None
    named = str(claims["aud"]) if claims is not None else client_id
    if not named or "\x00" in named or (claims is not None and client_id not in (None, named)):
        return None, None
    client = await read_client(named)
    if client is None:
        return None, None
    return client, asked if asked in client.post_logout_redirect_uris else None


def _leave(to: str, state: str | None) -> HTTPResponse:
    joint = "&" if "?" in to else "?"
    location = f"{to}{joint}{urlencode({'state': state})}" if state else to
    headers = {"location": location, "cache-control": "no-store", "referrer-policy": "no-referrer"}
    return HTTPResponse(b"", 303, headers)


def _told(language: str) -> HTTPResponse:
    body = html('<p class="lead">{text}</p>', text=say("signed_out", language))
    return page(say("sign_out_title", language), body, language=language)
