from collections.abc import Iterator
from datetime import date, time
from pathlib import Path

import pytest

from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from tests.factories.booking import HospitalUnderTest
from tests.factories.feedback import Feedback
from tests.factories.keys import write_keys
from tests.factories.slot_office import restore_reference_data

FRIDAY = date(2026, 9, 4)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    """A Friday's noon in Guangzhou, a month before the National Day holidays."""
    with clock.frozen(clock.clinic_instant(FRIDAY, time(12))):
        yield


@pytest.fixture
async def feedback(database: Database, tmp_path: Path) -> Feedback:
    load_cipher(write_keys(tmp_path / "keys"))
    await restore_reference_data(database)
    return Feedback(await HospitalUnderTest(database).build())
