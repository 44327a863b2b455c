from pathlib import Path

import pytest

from integration.his.intake import Intake
from kernel.crypto import load_cipher
from kernel.db import Database
from runtime.subscriptions import build_subscriptions
from tests.factories.booking import HospitalUnderTest
from tests.factories.slot_office import restore_reference_data
from tests.factories.windows import Window


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    await restore_reference_data(database)
    return await HospitalUnderTest(database).build()


@pytest.fixture
def window(hospital: HospitalUnderTest, database: Database, tmp_path: Path) -> Window:
    (tmp_path / "field_key").write_text("11" * 32)
    (tmp_path / "lookup_key").write_text("22" * 32)
    return Window(database, Intake(database, build_subscriptions(), cipher=load_cipher(tmp_path)))
