from collections.abc import Iterator

import pytest

from kernel import clock
from kernel.db import Database
from tests.factories.registration import NOON, RegistrationUnderTest


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.frozen(NOON):
        yield


@pytest.fixture
async def clinic(database: Database) -> RegistrationUnderTest:
    return await RegistrationUnderTest(database).build()
