import pytest

from kernel.db import Database
from tests.factories.booking import HospitalUnderTest


@pytest.fixture
async def hospital(database: Database) -> HospitalUnderTest:
    return await HospitalUnderTest(database).build()
