"""The OAuth endpoints: token (RFC 6749), keys (RFC 7517) and metadata (RFC 8414) with only what works."""

from typing import Any, get_args

import orjson
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from oauth import dpop, server, tokens
from oauth.client_authentication import ALGORITHMS
from oauth.clients import AuthMethod
from oauth.keys import signing_keys
from oauth.refusals import NO_STORE, Answer
from open_api.guard import language_of, request_id_of
from open_api.oauth.scopes import SCOPES
from open_api.problems import problem


def mount_oauth(app: Sanic[Any, Any]) -> None:
    """Put the endpoints into the application."""
    app.add_route(token, "/oauth/token", methods=["POST"], name="oauth_token")
    app.add_route(jwks, "/oauth/jwks", methods=["GET"], name="oauth_jwks")
    app.add_route(metadata, "/.well-known/oauth-authorization-server", methods=["GET"], name="oauth_metadata")


async def token(request: Request) -> HTTPResponse:
    """Give an access token to a client that proves who it is."""
    form, proofs = read_form(request), request.headers.getall("dpop", [])
    if form is None or len(proofs) > 1:
        return answer((400, {"error": "invalid_request"}, dict(NO_STORE)), request)
    try:
        found = await server.answer_token_request(
            form, request.headers, address=request.client_ip, proof=proofs[0] if proofs else None
        )
    except HospitalError as error:
        return problem(error, request_id=request_id_of(request), language=language_of(request))
    return answer(found, request)


def read_form(request: Request) -> dict[str, str] | None:
    """Read a form in which nothing is given twice; None where there is none (RFC 6749 section 3.2)."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = request.get_form(keep_blank_values=True) if content_type == "application/x-www-form-urlencoded" else None
    if form is None or any(len(values) > 1 for values in form.values()):
        return None
    return {name: values[0] for name, values in form.items()}


def answer(found: Answer, request: Request) -> HTTPResponse:
    """Render what an OAuth rule has answered."""
    status, body, headers = found
    return _json(status, body, headers, request_id_of(request))


async def jwks(request: Request) -> HTTPResponse:
    """Publish the keys that verify our tokens."""
    return _json(200, signing_keys().published(), {"cache-control": "public, max-age=300"}, request_id_of(request))


async def metadata(request: Request) -> HTTPResponse:
    """Say what this authorization server can do."""
    url = tokens.issuer()
    body = {
        "issuer": url,
        "token_endpoint": f"{url}/oauth/token",
        "jwks_uri": f"{url}/oauth/jwks",
        "scopes_supported": list(SCOPES),
        "response_types_supported": [],
        "grant_types_supported": server.grant_types(),
        "token_endpoint_auth_methods_supported": list(get_args(AuthMethod)),
        "token_endpoint_auth_signing_alg_values_supported": sorted(
            {one for all_ in ALGORITHMS.values() for one in all_}
        ),
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "service_documentation": f"{url}/docs",
    }
    return _json(200, body, {"cache-control": "public, max-age=300"}, request_id_of(request))


def _json(status: int, body: object, headers: dict[str, str], request_id: str) -> HTTPResponse:
    return HTTPResponse(orjson.dumps(body), status, headers | {"x-request-id": request_id}, "application/json")
