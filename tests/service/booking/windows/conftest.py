from pathlib import Path

import pytest

from kernel.db import Database
from tests.factories.booking import HospitalUnderTest
from tests.factories.slot_office import restore_reference_data
from tests.factories.windows import Window, open_window


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    await restore_reference_data(database)
    return await HospitalUnderTest(database).build()


@pytest.fixture
def window(hospital: HospitalUnderTest, tmp_path: Path) -> Window:
    return open_window(hospital.db, tmp_path)
