import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from payments.gateways.wechatpay.gateway import WechatPayGateway
from tests.factories.wechatpay import Emulator, Listener

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator.up(tmp_path_factory.mktemp("wechatpay")) as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Emulator:
    """The worker's emulator, with every fault switched off."""
    shared_emulator.control("DELETE", "/faults")
    return shared_emulator


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    yield listener
    server.close()
    await server.wait_closed()


@pytest.fixture
async def gateway(emulator: Emulator, listener: Listener) -> AsyncIterator[WechatPayGateway]:
    gateway = emulator.gateway(urls=listener.urls)
    yield gateway
    await gateway.close_connections()


@pytest.fixture
def new_number() -> Callable[[], str]:
    """Give attempt numbers that no test of this run has used."""
    return lambda: f"A{next(_numbers):07d}"
