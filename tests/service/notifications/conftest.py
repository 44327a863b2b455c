from collections.abc import Iterator

import pytest

from kernel import clock
from kernel.crypto import FieldCipher, load_cipher
from kernel.db import Database
from notifications.ways import Ways, set_ways
from tests.factories.keys import write_keys
from tests.factories.notifications import NOON, Centre


@pytest.fixture(scope="session", autouse=True)
def cipher(tmp_path_factory: pytest.TempPathFactory) -> FieldCipher:
    return load_cipher(write_keys(tmp_path_factory.mktemp("keys")))


@pytest.fixture
def centre(database: Database) -> Iterator[Centre]:
    with clock.frozen(NOON):
        yield Centre(database).connect()
    set_ways(Ways())
