"""The HIS and the insurance's centre beside a worker's web process, at the addresses with which that was started."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from integration.his.adapters.rest_billing import RestHisBilling
from payments.billing import set_billing
from runtime.sandbox_channels import open_insurance_account
from tests.contract.cases import HisBeside
from tests.factories.emulators import EmulatorProcess, emulator
from tests.factories.his_billing import Stations
from tests.server import WebServer
from tests.service.integration.micro_his.conftest import TOKEN, MicroHisProcess, running_micro_his


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
