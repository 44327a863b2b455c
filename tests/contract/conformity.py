"""Holds a real answer against its route: the status, the schema, the headers, and that its error is a declared one."""

import json
import re
from functools import cache
from typing import Any

import httpx

from kernel.errors import HospitalError
from kernel.event_stream import CONTENT_TYPE
from open_api.application import FEATURES
from open_api.oauth.scopes import SCOPES
from open_api.problems import STATUS, TITLES
from open_api.refusals import ELSEWHERE, errors_of
from open_api.routing import PREFIX, Route
from patient_app.application import FEATURES as APP_FEATURES
from patient_app.refusals import errors_of as app_errors_of
from patient_app.routing import PREFIX as APP_PREFIX
from patient_app.routing import Route as AppRoute
from schema.registry import violations

ROUTES = [route for feature in FEATURES for route in feature]
APP_ROUTES = [route for feature in APP_FEATURES for route in feature]
OTHER_SCHEMAS = {
    ("POST", "/oauth/token", 200): "oauth/token.json",
    ("POST", "/oauth/token", 400): "oauth/error.json",
    ("POST", "/oauth/token", 401): "oauth/error.json",
    ("POST", "/oauth/token", 429): "oauth/error.json",
    ("POST", "/oauth/introspect", 200): "oauth/introspection.json",
    ("POST", "/oauth/introspect", 400): "oauth/error.json",
    ("POST", "/oauth/introspect", 401): "oauth/error.json",
    ("POST", "/oauth/revoke", 400): "oauth/error.json",
    ("POST", "/oauth/revoke", 401): "oauth/error.json",
    ("POST", "/oauth/par", 201): "oauth/pushed.json",
    ("POST", "/oauth/par", 400): "oauth/error.json",
    ("POST", "/oauth/par", 401): "oauth/error.json",
    ("POST", "/oauth/register", 201): "oauth/client_information.json",
    ("POST", "/oauth/register", 400): "oauth/error.json",
    ("POST", "/oauth/register", 401): "oauth/error.json",
    ("GET", "/oauth/jwks", 200): "oauth/jwks.json",
    ("GET", "/.well-known/oauth-authorization-server", 200): "oauth/metadata.json",
    ("GET", "/.well-known/openid-configuration", 200): "oauth/metadata.json",
    ("GET", "/health/live", 200): "health/health.json",
    ("GET", "/health/ready", 200): "health/health.json",
}


@cache
def _patterns() -> list[tuple[Route | AppRoute, re.Pattern[str]]]:
    # A fixed path goes before one with a parameter: /departments/tree is no department's id.
    found: list[tuple[Route | AppRoute, str]] = [(route, PREFIX + route.path) for route in ROUTES]
    found += [(route, APP_PREFIX + route.path) for route in APP_ROUTES]
    found.sort(key=lambda one: "<" in one[1])
    return [(route, re.compile(re.sub(r"<[^>]+>", "[^/]+", path))) for route, path in found]


def route_of(method: str, path: str) -> Route | AppRoute | None:
    """Find the route that a request was for."""
    return next((route for route, form in _patterns() if route.method == method and form.fullmatch(path)), None)


def require_conformity(response: httpx.Response) -> None:
    """Check one answer below /open/v1 or beside it.

    Raises:
        AssertionError: the answer is none that was promised.
    """
    # As it was sent: an encoded slash belongs to a parameter.
    method, path = response.request.method, response.request.url.raw_path.partition(b"?")[0].decode()
    where = f"{method} {path}: {response.status_code} {response.text[:500]}"
    if method == "HEAD":
        return
    if response.headers.get("content-type") == "application/problem+json":
        _require_problem(response, route_of(method, path), where)
    elif (method, path, response.status_code) in OTHER_SCHEMAS:
        assert violations(OTHER_SCHEMAS[method, path, response.status_code], response.json()) == [], where
    elif route := route_of(method, path):
        _require_success(response, route, where)


def _require_success(response: httpx.Response, route: Route | AppRoute, where: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", response.headers["x-request-id"]), where
    if route.is_stream:
        _require_stream(response, route, where)
        return
    if route.method == "GET":
        assert re.fullmatch(r'"[0-9a-f]{24}"', response.headers["etag"]), where
        is_own = isinstance(route, AppRoute) and not route.is_public
        assert response.headers["cache-control"] == ("no-store" if is_own else "private, no-cache"), where
    if response.status_code == 304:
        assert route.method == "GET", where
        assert response.content == b"", where
        return
    assert response.status_code in _statuses(route), where
    if isinstance(route, AppRoute) and response.status_code == 204:
        assert response.content == b"", where
        return
    assert response.headers["content-type"] == "application/json", where
    assert (response.status_code == 201) == ("location" in response.headers), where
    assert route.response is not None, where
    assert violations(route.response, response.json()) == [], where


def _statuses(route: Route | AppRoute) -> tuple[int, ...]:
    return route.statuses if isinstance(route, AppRoute) else (route.status, *route.other_statuses)


def _require_stream(response: httpx.Response, route: Route | AppRoute, where: str) -> None:
    """Check a stream that has ended: each event's data fits the route's schema."""
    assert response.status_code in _statuses(route), where
    if response.status_code == 204:
        assert response.content == b"", where
        return
    assert response.headers["content-type"] == CONTENT_TYPE, where
    assert response.headers["cache-control"] == "no-store", where
    assert route.response is not None, where
    for block in response.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if fields.get("event") not in (None, "still-here"):
            assert fields["id"].isdigit(), where
            assert violations(route.response, json.loads(fields["data"])) == [], where


def _declared(route: Route | AppRoute | None) -> tuple[type[HospitalError], ...]:
    if route is None:
        return ELSEWHERE
    return app_errors_of(route) if isinstance(route, AppRoute) else errors_of(route)


def _require_problem(response: httpx.Response, route: Route | AppRoute | None, where: str) -> None:
    body: dict[str, Any] = response.json()
    assert violations("common/problem.json", body) == [], where
    known = {error.code: error for error in _declared(route)}
    if response.request.url.path.startswith((PREFIX, APP_PREFIX)):
        assert body["code"] in known, f"not declared: {where}"
        language = "en" if response.headers["content-language"] == "en" else "zh"
        assert body["detail"] == known[body["code"]]().sentence(language), where
    status = STATUS[body["code"]]
    assert (body["status"], response.status_code, body["title"]) == (status, status, TITLES[status]), where
    assert body["type"] == f"/docs#{body['code']}", where
    assert body["request_id"] == response.headers["x-request-id"], where
    if status == 401:
        assert response.headers["www-authenticate"].startswith("Bearer "), where
    if status in (429, 503):
        assert int(response.headers["retry-after"]) >= 1, where
    if body["code"] == "oauth.insufficient_scope":
        assert body["scope"] in SCOPES, where


async def watch(response: httpx.Response) -> None:
    """Check every answer that a test gets, whatever the test itself asks."""
    await response.aread()
    require_conformity(response)
