"""Applications register themselves here (RFC 7591) and look after their registration (RFC 7592)."""

from collections.abc import Awaitable
from typing import Any, Final

import orjson
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from oauth import dynamic_registration
from oauth.refusals import NO_STORE, Answer
from open_api.answers import JSON
from open_api.guard import language_of, request_id_of
from open_api.oauth.answers import answer
from open_api.problems import problem
from schema.registry import validator, violations

METADATA: Final = "oauth/client_metadata.json"
_BEARER: Final = "Bearer "


def mount_registration(app: Sanic[Any, Any]) -> None:
    """Put the endpoints into the application."""
    app.add_route(register, "/oauth/register", methods=["POST"], name="oauth_register")
    own = "/oauth/register/<client_id:str>"
    app.add_route(read, own, methods=["GET"], name="oauth_registration_read")
    app.add_route(replace, own, methods=["PUT"], name="oauth_registration_replace")
    app.add_route(remove, own, methods=["DELETE"], name="oauth_registration_remove")


async def register(request: Request) -> HTTPResponse:
    """Register an application with the initial access token that the hospital has handed out."""
    metadata = _read_metadata(request)
    if not isinstance(metadata, dict):
        return answer(metadata, request)
    return await _answer(request, dynamic_registration.answer_registration(_token(request), metadata))


async def read(request: Request, client_id: str) -> HTTPResponse:
    """Show an application how it is registered."""
    return await _answer(request, dynamic_registration.answer_reading(client_id, _token(request)))


async def replace(request: Request, client_id: str) -> HTTPResponse:
    """Let an application say itself anew while it waits for its review."""
    metadata = _read_metadata(request)
    if not isinstance(metadata, dict):
        return answer(metadata, request)
    return await _answer(request, dynamic_registration.answer_replacement(client_id, _token(request), metadata))


async def remove(request: Request, client_id: str) -> HTTPResponse:
    """Take an application back."""
    return await _answer(request, dynamic_registration.answer_removal(client_id, _token(request)))


async def _answer(request: Request, work: Awaitable[Answer]) -> HTTPResponse:
    try:
        return answer(await work, request)
    except HospitalError as error:
        return problem(error, request_id=request_id_of(request), language=language_of(request))


def _token(request: Request) -> str | None:
    header = request.headers.get("authorization", "")
    return header.removeprefix(_BEARER) if header.startswith(_BEARER) else None


def _read_metadata(request: Request) -> dict[str, Any] | Answer:
    """Read the application's own words; where they cannot be read, the refusal."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        return 400, {"error": "invalid_client_metadata", "error_description": f"want {JSON}"}, dict(NO_STORE)
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return 400, {"error": "invalid_client_metadata", "error_description": "that is no JSON"}, dict(NO_STORE)
    if not validator(METADATA).is_valid(body):
        first = violations(METADATA, body)[0]
        told = f"{first['pointer']}: {first['message']}"
        return 400, {"error": "invalid_client_metadata", "error_description": told}, dict(NO_STORE)
    found: dict[str, Any] = body
    return found
