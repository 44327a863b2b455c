"""The OAuth endpoints that applications themselves call: token (RFC 6749), introspection, revocation, keys."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from oauth import introspection, par, server
from oauth.clients import Client
from oauth.keys import signing_keys
from oauth.refusals import NO_STORE, Answer
from open_api.admission import Visit
from open_api.cross_origin import let_anybody_read, let_application_read, mount_preflight
from open_api.guard import language_of, request_id_of
from open_api.oauth.answers import answer
from open_api.oauth.discovery import CACHED, mount_discovery
from open_api.oauth.registration import mount_registration
from open_api.pages.browser import address_of_caller
from open_api.problems import problem
from open_api.routing import TOKENS

OPERATIONS: Final = (
    "POST /oauth/token",
    "POST /oauth/introspect",
    "POST /oauth/revoke",
    "POST /oauth/par",
    "GET /oauth/userinfo",
    "POST /oauth/userinfo",
)
"""What an application asks of the authorization server, as limits and records name it."""


def mount_oauth(app: Sanic[Any, Any]) -> None:
    """Put the endpoints into the application."""
    app.add_route(token, "/oauth/token", methods=["POST"], name="oauth_token")
    app.add_route(introspect, "/oauth/introspect", methods=["POST"], name="oauth_introspect")
    app.add_route(revoke, "/oauth/revoke", methods=["POST"], name="oauth_revoke")
    app.add_route(push, "/oauth/par", methods=["POST"], name="oauth_par")
    mount_registration(app)
    app.add_route(jwks, "/oauth/jwks", methods=["GET"], name="oauth_jwks")
    mount_discovery(app)
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/par"):
        mount_preflight(app, path, f"oauth_{path.rpartition('/')[2]}", methods=("POST",))
    mount_preflight(app, "/oauth/jwks", "oauth_jwks", methods=("GET",), is_public=True)


async def token(request: Request) -> HTTPResponse:
    """Give an access token to a client that proves who it is."""
    return await let_application_read(
        request, await _answer_form(request, server.answer_token_request, takes_proof=True)
    )


async def introspect(request: Request) -> HTTPResponse:
    """Tell whether a token is good (RFC 7662)."""
    return await _answer_form(request, introspection.answer_introspection)


async def revoke(request: Request) -> HTTPResponse:
    """Take a token back (RFC 7009)."""
    return await let_application_read(request, await _answer_form(request, introspection.answer_revocation))


async def push(request: Request) -> HTTPResponse:
    """Keep an authorization request until a browser brings its name (RFC 9126)."""
    return await let_application_read(request, await _answer_form(request, par.answer_push, takes_proof=True))


async def _answer_form(
    request: Request, rule: Callable[..., Awaitable[Answer]], *, takes_proof: bool = False
) -> HTTPResponse:
    """Let a rule answer a form; credentials and tokens in the address are refused (RFC 9700 section 4.3.2).

    What a client that has proved itself asked for is recorded like any request of it: how it ended, not what was sent.
    """
    form, proofs = read_form(request), request.headers.getall("dpop", [])
    if form is None or len(proofs) > 1 or request.query_string:
        return answer((400, {"error": "invalid_request"}, dict(NO_STORE)), request)
    operation = f"{request.method} {request.path}"
    visit = Visit(request, request_id_of(request), operation=operation, handling=TOKENS)
    more = {"proof": proofs[0] if proofs else None} if takes_proof else {}
    named: list[Client] = []
    body: dict[str, Any] = {}
    try:
        found = await rule(form, request.headers, address=address_of_caller(request), note=named.append, **more)
    except HospitalError as error:
        visit.code = error.code
        response = problem(error, request_id=request_id_of(request), language=language_of(request))
    else:
        body = found[1]
        visit.code = f"oauth.{body['error']}" if "error" in body else None
        response = answer(found, request)
    for client in named:
        # Anybody may name a public client. It has shown that it is one by a code or token that was good.
        if not client.is_public or "access_token" in body:
            visit.know(client)
    visit.end(response)
    return response


def read_form(request: Request) -> dict[str, str] | None:
    """Read a form in which nothing is given twice; None where there is none (RFC 6749 section 3.2)."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = request.get_form(keep_blank_values=True) if content_type == "application/x-www-form-urlencoded" else None
    if form is None or any(len(values) > 1 for values in form.values()):
        return None
    return {name: values[0] for name, values in form.items()}


async def jwks(request: Request) -> HTTPResponse:
    """Publish the keys that verify our tokens."""
    return let_anybody_read(answer((200, signing_keys().published(), {"cache-control": CACHED}), request))
