from collections.abc import AsyncIterator

import pytest

from kernel.db import Database
from tests.factories.sign_in import Visitor
from tests.factories.staff import prepare
from tests.server import WebServer


@pytest.fixture
async def visitor(web_server: WebServer, database: Database) -> AsyncIterator[Visitor]:
    """A browser before an otherwise empty hospital."""
    prepare(web_server.keys_dir, web_server.base_url)
    async with Visitor(web_server.base_url) as one:
        yield one
