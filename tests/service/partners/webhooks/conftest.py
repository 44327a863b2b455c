"""A partner with a receiver on this machine."""

from collections.abc import AsyncIterator

import pytest

from kernel.crypto import load_cipher
from kernel.db import Database
from tests.factories.keys import write_keys
from tests.factories.webhooks import Partner, Receiver, partner


@pytest.fixture(autouse=True)
def _cipher(tmp_path_factory: pytest.TempPathFactory) -> None:
    load_cipher(write_keys(tmp_path_factory.mktemp("keys")))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().listening() as listening:
        yield listening


@pytest.fixture
async def portal(database: Database) -> Partner:
    return await partner(database)
