from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.wechat.miniprogram import MiniProgram
from tests.factories.wechat import WeChatBeside, wechat


@pytest.fixture(scope="module")
async def _wechat(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WeChatBeside]:
    async with wechat(tmp_path_factory.mktemp("wechat")) as opened:
        await opened.register()
        yield opened


@pytest.fixture
async def beside(_wechat: WeChatBeside) -> AsyncIterator[WeChatBeside]:
    yield _wechat
    await _wechat.process.clear_faults()


@pytest.fixture
async def own_beside(tmp_path: Path) -> AsyncIterator[WeChatBeside]:
    """An emulator of this test alone, whose tokens can be counted and whose clock moved."""
    async with wechat(tmp_path) as opened:
        await opened.register()
        yield opened


@pytest.fixture
async def mini_program(beside: WeChatBeside) -> AsyncIterator[MiniProgram]:
    opened = beside.mini_program()
    yield opened
    opened.close()
