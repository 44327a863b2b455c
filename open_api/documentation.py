"""The description of the API for programs and for people: openapi.json, and the page made from it."""

from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import orjson
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from open_api import sandbox
from open_api.docs_page.page import render_page
from open_api.guard import SanicHandler, request_id_of
from open_api.routing import PREFIX

DOCUMENT: Final = Path(__file__).resolve().parent / "openapi.json"


def mount_documentation(app: Sanic[Any, Any], *, is_sandbox: bool) -> None:
    """Put both into the application; they are made once, at start-up. A production's tell nothing of the sandbox's."""
    document = DOCUMENT.read_bytes()
    if not is_sandbox:
        document = orjson.dumps(_of_production(orjson.loads(document)), option=orjson.OPT_INDENT_2)
    page, policy = render_page(orjson.loads(document))
    headers = {"content-security-policy": policy, "referrer-policy": "no-referrer"}
    app.add_route(
        _unchanging(document, "application/json", {}), f"{PREFIX}/openapi.json", methods=["GET"], name="openapi"
    )
    app.add_route(
        _unchanging(page.encode(), "text/html; charset=utf-8", headers), "/docs", methods=["GET"], name="docs"
    )


def _of_production(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only a sandbox has."""
    paths = {path: item for path, item in document["paths"].items() if not path.startswith(f"{PREFIX}/sandbox/")}
    tags = [tag for tag in document["tags"] if tag["name"] != sandbox.routes.tag]
    return document | {"paths": paths, "tags": tags}


def _unchanging(content: bytes, content_type: str, more: dict[str, str]) -> SanicHandler:
    """Serve one content, known by its tag (RFC 9110 section 13.1.2)."""
    tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
    fixed = {"etag": tag, "cache-control": "public, max-age=300", "x-content-type-options": "nosniff"} | more

    async def serve(request: Request) -> HTTPResponse:
        headers = fixed | {"x-request-id": request_id_of(request)}
        if request.headers.get("if-none-match") == tag:
            return HTTPResponse(b"", 304, headers)
        return HTTPResponse(content, 200, headers, content_type)

    return serve
