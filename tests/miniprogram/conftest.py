"""The compiled mini-program in somebody's hands, before the real server and beside the emulated WeChat."""

from collections.abc import AsyncIterator

import pytest

from tests.factories.compiled_app import CompiledApp, compiled_app
from tests.factories.open_api import OpenApi
from tests.factories.wechat import WeChatBeside, wechat_of


@pytest.fixture
async def app(open_api: OpenApi) -> AsyncIterator[CompiledApp]:
    """The mini-program in Node, not yet started."""
    async with compiled_app(open_api.server.base_url) as held:
        yield held


@pytest.fixture
async def beside(open_api: OpenApi) -> AsyncIterator[WeChatBeside]:
    """The emulated WeChat that the server speaks with."""
    async with wechat_of(open_api.server) as emulator:
        yield emulator
