from collections.abc import AsyncIterator

import pytest

from integration.sms.gateway import SmsGateway
from tests.factories.sms import SmsBeside, sms


@pytest.fixture(scope="module")
async def _beside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SmsBeside]:
    async with sms(tmp_path_factory.mktemp("sms")) as opened:
        yield opened


@pytest.fixture
async def beside(_beside: SmsBeside) -> AsyncIterator[SmsBeside]:
    yield _beside
    await _beside.process.clear_faults()


@pytest.fixture
async def gateway(beside: SmsBeside) -> AsyncIterator[SmsGateway]:
    opened = beside.gateway()
    yield opened
    await opened.aclose()
