"""The slot office calling the real server; every answer is compared with the schema that its route declares."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from integration.his.adapters.rest_billing import RestHisBilling
from open_api.application import FEATURES
from open_api.routing import Route
from payments.billing import set_billing
from runtime.sandbox_channels import open_insurance_account
from schema.registry import validator, violations
from tests.contract.cases import HisBeside
from tests.factories.emulators import EmulatorProcess, emulator
from tests.factories.his_billing import Stations
from tests.factories.open_api import Caller, OpenApi
from tests.factories.slot_office import restore_reference_data
from tests.server import WebServer
from tests.service.integration.micro_his.conftest import TOKEN, MicroHisProcess, running_micro_his

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


@pytest.fixture(scope="session")
async def _his_beside(
    services: dict[str, str], web_server: WebServer, worker_name: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MicroHisProcess]:
    port = urlsplit(web_server.environment["HIS_HTTP_URL"]).port
    log = tmp_path_factory.mktemp("his-beside") / "log"
    name = f"his_beside_{worker_name}"
    async with running_micro_his(services["superuser_url"], name, log, http_port=port) as running:
        yield running


@pytest.fixture(scope="session")
async def _centre_beside(
    web_server: WebServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[EmulatorProcess]:
    """The insurance's centre at the address that this worker's web process was started with."""
    port = urlsplit(web_server.environment["INSURANCE_BASE_URL"]).port
    folder = tmp_path_factory.mktemp("centre") / "insurance"
    open_insurance_account(keys_dir=web_server.keys_dir, emulator_dir=folder)
    async with emulator("integration.emulators.insurance.main", "INSURANCE_EMULATOR", folder, port=port) as running:
        yield running


@pytest.fixture
async def his_beside(_his_beside: MicroHisProcess, _centre_beside: EmulatorProcess) -> AsyncIterator[HisBeside]:
    """The micro-HIS that this worker's web process asks for bills and stays."""
    billing = RestHisBilling(base_url=str(_his_beside.http.base_url), token=TOKEN)
    set_billing(billing)
    yield HisBeside(Stations(_his_beside.http), billing, _centre_beside)
    await _centre_beside.clear_faults()
    set_billing(None)
    await billing.close()
