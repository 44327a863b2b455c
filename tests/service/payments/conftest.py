import pytest

from kernel.db import Database
from tests.factories.payments import PaymentsUnderTest


@pytest.fixture
async def payments(database: Database) -> PaymentsUnderTest:
    return await PaymentsUnderTest(database).build()
