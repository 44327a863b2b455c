from collections.abc import AsyncIterator

import pytest

from tests.clients import node
from tests.factories.authorization import Holder, new_holder
from tests.factories.open_api import OpenApi
from tests.factories.sign_in import Visitor


@pytest.fixture(scope="session")
def clients() -> None:
    """The clients of this folder, installed; where they cannot be, CI fails and anywhere else the tests are skipped."""
    node.require()


@pytest.fixture
async def holder(open_api: OpenApi) -> AsyncIterator[Holder]:
    """Somebody with an account, who is a patient here."""
    async with Visitor(open_api.server.base_url) as visitor:
        yield await new_holder(visitor, open_api.db)
