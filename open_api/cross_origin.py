"""Which pages of other origins may read our answers (https://fetch.spec.whatwg.org/#http-cors-protocol).

What is public, anybody's may. Tokens and data, those of registered applications that run in browsers may. Never with
cookies: our own pages are nobody else's.
"""

from collections.abc import Sequence
from typing import Any, Final

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from kernel.db import DatabaseUnavailable
from oauth.origins import is_application_origin

_EXPOSED: Final = (
    "ETag, Last-Modified, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
)
_ASKED_WITH: Final = "Accept, Accept-Language, Authorization, Content-Type, DPoP, If-None-Match, Prefer, X-Request-Id"
PREFLIGHT_SECONDS: Final = "600"


def let_anybody_read(response: HTTPResponse) -> HTTPResponse:
    """Let pages of any origin read an answer that is public."""
    response.headers["access-control-allow-origin"] = "*"
    return response


async def let_application_read(request: Request, response: HTTPResponse) -> HTTPResponse:
    """Let the page that asked read an answer, if a registered application runs under its origin."""
    origin = request.headers.get("origin")
    response.headers["vary"] = "Origin"
    if origin is not None and await _is_known(origin):
        response.headers["access-control-allow-origin"] = origin
        response.headers["access-control-expose-headers"] = _EXPOSED
    return response


def mount_preflight(
    app: Sanic[Any, Any], path: str, name: str, *, methods: Sequence[str], is_public: bool = False
) -> None:
    """Answer browsers that ask whether they may ask. is_public: for anybody's pages."""

    async def preflight(request: Request, **_path: Any) -> HTTPResponse:
        response = HTTPResponse(b"", 204)
        if is_public:
            let_anybody_read(response)
        else:
            await let_application_read(request, response)
        if "access-control-allow-origin" in response.headers:
            response.headers["access-control-allow-methods"] = ", ".join(methods)
            response.headers["access-control-allow-headers"] = _ASKED_WITH
            response.headers["access-control-max-age"] = PREFLIGHT_SECONDS
        return response

    app.add_route(preflight, path, methods=["OPTIONS"], name=f"preflight_{name}")


async def _is_known(origin: str) -> bool:
    try:
        return await is_application_origin(origin)
    except DatabaseUnavailable:
        return False
