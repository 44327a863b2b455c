"""The authorization endpoint (RFC 6749 section 3.1): a request is held against the rules, then put before a person.

What names no application or no address of its own is told to the person here; anything else that is wrong is told to
the application, at its address, with our name (RFC 9207).
"""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from sanic import Request
from sanic.response import HTTPResponse

from kernel.db import database
from oauth import ports, tokens
from oauth.authorization_codes import issue_code
from oauth.authorization_requests import AuthorizationRequest, RedirectRefused, require_redirect_uri, validate
from oauth.clients import Client, read_client
from oauth.errors import ApplicationUnknown, RedirectUnknown
from oauth.grants import standing_grant
from oauth.interactions import Interaction, open_interaction
from oauth.par import store, take
from oauth.refusals import describe
from open_api.oauth.endpoints import read_form
from open_api.pages.browser import Browser, see_other

PARAMETERS_MAX = 40


class PersonNeeded(Exception):
    """Somebody has to do something first; `error` says so where `prompt=none` was asked (OpenID Connect 3.1.2.6)."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


async def authorize(request: Request, browser: Browser) -> HTTPResponse:
    """Take an authorization request, by GET or POST."""
    asked = _parameters(request)
    client_id = asked.get("client_id", "")
    client = await read_client(client_id) if client_id and "\x00" not in client_id else None
    if client is None or await ports.is_stopped(client):
        raise ApplicationUnknown
    try:
        wanted = await _request_of(client, asked)
    except RedirectRefused as error:
        raise RedirectUnknown from error
    except OAuth2Error as error:
        return _refuse(client, asked, error)
    if request.method == "POST" and browser.is_new:
        return await _come_back(client, wanted)
    answer = await _answer_unasked(client, wanted, browser)
    if answer is not None:
        return answer
    async with database().transaction() as tx:
        interaction = await open_interaction(tx, wanted, visit_hash=browser.visit.hash)
    return see_other(f"/oauth/consent/{interaction.id}")


async def _come_back(client: Client, asked: AuthorizationRequest) -> HTTPResponse:
    """Let a browser bring by GET what another site made it post: with such a post it does not say which one it is."""
    pushed = await store(client, asked)
    return see_other(f"/oauth/authorize?{urlencode({'client_id': client.id, 'request_uri': pushed.request_uri})}")


def send_back(asked: AuthorizationRequest, **answer: str) -> HTTPResponse:
    """Lead the browser back to the application with an answer, its own state and our name."""
    return _redirect(asked.redirect_uri, asked.state, answer)


def _parameters(request: Request) -> dict[str, str]:
    """Read the parameters, each given once at most; an empty one is as good as none (RFC 6749 section 3.1)."""
    if request.method == "POST":
        given = read_form(request)
        if given is None:
            raise ApplicationUnknown
    else:
        repeated = request.get_args(keep_blank_values=True)
        if len(repeated) > PARAMETERS_MAX or any(len(values) > 1 for values in repeated.values()):
            raise ApplicationUnknown
        given = {name: values[0] for name, values in repeated.items()}
    return {name: value for name, value in given.items() if value}


async def _request_of(client: Client, asked: Mapping[str, str]) -> AuthorizationRequest:
    """Give the request: pushed before, or brought by the browser."""
    if "request_uri" not in asked:
        require_redirect_uri(client, asked.get("redirect_uri"))
        if client.par_required:
            raise InvalidRequestError
        return validate(client, asked)
    async with database().transaction() as tx:
        pushed = await take(tx, client_id=client.id, request_uri=asked["request_uri"])
    if pushed is None:
        # Nobody knows where it should be sent back to.
        raise RedirectRefused
    # The registration may have changed since it was pushed.
    require_redirect_uri(client, pushed.redirect_uri)
    return pushed


async def _answer_unasked(client: Client, asked: AuthorizationRequest, browser: Browser) -> HTTPResponse | None:
    """Answer at once where nobody need be asked: they have allowed just this before, to one that can prove itself."""
    is_silent = "none" in asked.prompts
    session = browser.session
    if session is not None and session.subject.kind != client.subject_kind:
        session = None
    try:
        if session is None or not Interaction.now(asked).is_signed_in(session):
            raise PersonNeeded("login_required")
        if client.is_public or "consent" in asked.prompts or "select_account" in asked.prompts:
            raise PersonNeeded("consent_required")
        async with database().transaction() as tx:
            grant = await standing_grant(tx, client_id=client.id, subject_id=session.subject.id, asked=asked)
            if grant is None:
                raise PersonNeeded("consent_required")
            code = await issue_code(
                tx,
                grant_id=grant.id,
                redirect_uri=asked.redirect_uri,
                code_challenge=asked.code_challenge,
                nonce=asked.nonce,
                jkt=asked.jkt,
                auth_time=session.auth_time,
                acr=session.acr,
            )
    except PersonNeeded as error:
        return send_back(asked, error=error.error) if is_silent else None
    return send_back(asked, code=code)


def _refuse(client: Client, asked: Mapping[str, str], error: OAuth2Error) -> HTTPResponse:
    try:
        where = require_redirect_uri(client, asked.get("redirect_uri"))
    except RedirectRefused as refused:
        raise RedirectUnknown from refused
    return _redirect(where, asked.get("state"), {"error": error.error or "invalid_request"} | describe(error))


def _redirect(where: str, state: str | None, answer: Mapping[str, str]) -> HTTPResponse:
    more = dict(answer) | ({} if state is None else {"state": state}) | {"iss": tokens.issuer()}
    parts = urlsplit(where)
    query = "&".join(part for part in (parts.query, urlencode(more)) if part)
    location = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    # Without our address: it would tell the application's other pages what was asked.
    headers = {"location": location, "cache-control": "no-store", "referrer-policy": "no-referrer"}
    return HTTPResponse(b"", 303, headers)
