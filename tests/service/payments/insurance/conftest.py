from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.his.adapters.rest_billing import RestHisBilling
from kernel.db import Database
from payments.billing import close_billing
from payments.insurance.centres import close_centres
from tests.factories.insurance import Centre, insurance_centre
from tests.factories.insured_bills import InsuredBills
from tests.service.integration.micro_his.conftest import TOKEN, MicroHisProcess


@pytest.fixture(scope="package")
async def _centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    async with insurance_centre(tmp_path_factory.mktemp("insurance")) as centre:
        yield centre


@pytest.fixture
async def insured(
    database: Database, _his_of_payments: MicroHisProcess, _centre: Centre, tmp_path: Path
) -> AsyncIterator[InsuredBills]:
    """Payments before this worker's micro-HIS and insurance centre, and an insured person of the test's own."""
    billing = RestHisBilling(base_url=str(_his_of_payments.http.base_url), token=TOKEN)
    hospital = InsuredBills(database, _his_of_payments, billing)
    hospital.centre = _centre
    yield await hospital.admit_patient(tmp_path)
    await _centre.process.clear_faults()
    await close_centres()
    await close_billing()
    await billing.close()
