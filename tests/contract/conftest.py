"""The slot office calling the real server; every answer is compared with the schema that its route declares."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from open_api.application import FEATURES
from open_api.routing import Route
from schema.registry import validator, violations
from tests.factories.open_api import Caller, OpenApi
from tests.factories.slot_office import restore_reference_data

ADMINISTRATION = [route for routes in FEATURES for route in routes if route.path.startswith("/administration/")]
_PATTERNS = [(route, re.compile(re.sub(r"<[^>]+>", "[^/]+", route.path) + r"(\?.*)?")) for route in ADMINISTRATION]


def route_of(method: str, path: str) -> Route:
    """The route that serves an address."""
    (found,) = [route for route, pattern in _PATTERNS if route.method == method and pattern.fullmatch(path)]
    return found


@dataclass
class SlotOffice:
    """The slot office's application: sends requests, and holds each answer against its schema."""

    caller: Caller
    used: set[str] = field(default_factory=set)

    async def ask(
        self, method: str, path: str, body: Any = None, *, status: int, key: str | None = None, code: str | None = None
    ) -> Any:
        """Send a request and give the answer's body; an error must be one that the route declares."""
        answer = await self.caller.send(method, path, body=body, key=key)
        assert answer.status_code == status, answer.text
        route, shown = route_of(method, path), answer.json()
        if status < 400:
            assert code is None
            assert route.response is not None
            assert violations(route.response, shown) == []
            self.used.add(route.operation)
        else:
            self.require_problem(answer, route, code)
        return shown

    def require_problem(self, answer: httpx.Response, route: Route, code: str | None) -> None:
        """Compare an error with the problem schema and the route's own declaration."""
        shown = answer.json()
        assert validator("common/problem.json").is_valid(shown)
        assert answer.headers["content-type"] == "application/problem+json"
        assert shown["code"] == code, answer.text
        assert code is not None
        assert code.startswith("request.") or code in {error.code for error in route.errors}, route.operation

    async def add(self, path: str, **values: Any) -> Any:
        """Create an entry, and find it again where the answer says it is."""
        body = await self.ask("POST", path, values, status=201)
        found = [key for key in ("id", "code", "date") if key in body]
        key = "id" if "id" in found else found[0]
        assert await self.ask("GET", f"{path}/{body[key]}", status=200) == body
        return body


@pytest.fixture
async def office(open_api: OpenApi) -> AsyncIterator[SlotOffice]:
    """The slot office, and the migrations' reference data put back afterwards."""
    await restore_reference_data(open_api.db)
    yield SlotOffice(open_api.office)
    await restore_reference_data(open_api.db)
