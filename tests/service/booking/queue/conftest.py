from pathlib import Path

import pytest

from kernel.crypto import load_cipher
from kernel.db import Database
from runtime.keys import create_missing
from tests.factories.booking import HospitalUnderTest
from tests.factories.queue import ClinicDay


@pytest.fixture
async def day(database: Database, tmp_path: Path) -> ClinicDay:
    create_missing(tmp_path / "keys")
    load_cipher(tmp_path / "keys")
    return ClinicDay(await HospitalUnderTest(database).build())
