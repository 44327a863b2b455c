from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.his.adapters.rest_billing import RestHisBilling
from kernel.db import Database
from payments.billing import close_billing
from tests.factories.hospital_bills import HospitalBills
from tests.factories.payments import PaymentsUnderTest
from tests.service.integration.micro_his.conftest import TOKEN, MicroHisProcess, running_micro_his


@pytest.fixture
async def payments(database: Database) -> PaymentsUnderTest:
    return await PaymentsUnderTest(database).build()


@pytest.fixture(scope="session")
async def _his_of_payments(
    services: dict[str, str], worker_name: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MicroHisProcess]:
    log = tmp_path_factory.mktemp("his-of-payments") / "log"
    async with running_micro_his(services["superuser_url"], f"his_of_payments_{worker_name}", log) as running:
        yield running


@pytest.fixture
async def hospital(
    database: Database, _his_of_payments: MicroHisProcess, tmp_path: Path
) -> AsyncIterator[HospitalBills]:
    """Payments before this worker's micro-HIS, and a person of the test's own."""
    billing = RestHisBilling(base_url=str(_his_of_payments.http.base_url), token=TOKEN)
    yield await HospitalBills(database, _his_of_payments, billing).admit_patient(tmp_path)
    await close_billing()
    await billing.close()
