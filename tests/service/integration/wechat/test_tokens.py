"""One token for all processes: each `MiniProgram` here has a memory of its own, as a process has."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import redis as plain_redis

from integration.wechat.errors import CallRefused, CodeRefused, WeChatBusy
from integration.wechat.miniprogram import MiniProgram
from kernel import redis
from kernel.crypto import load_cipher
from runtime.embedded.ports import any_free
from tests.factories.keys import write_keys
from tests.factories.wechat import WeChatBeside

Make = Callable[[], MiniProgram]


@pytest.fixture(scope="module", autouse=True)
def _keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    load_cipher(write_keys(Path(tmp_path_factory.mktemp("keys"))))


@pytest.fixture
async def valkey(clean_redis_url: str) -> AsyncIterator[str]:
    redis.open_redis(clean_redis_url)
    yield clean_redis_url
    await redis.close_redis()


@pytest.fixture
async def valkey_away() -> AsyncIterator[None]:
    redis.open_redis(f"redis://127.0.0.1:{any_free('127.0.0.1')}/0")
    yield
    await redis.close_redis()


@pytest.fixture
async def process(own_beside: WeChatBeside) -> AsyncIterator[Make]:
    opened: list[MiniProgram] = []

    def make() -> MiniProgram:
        opened.append(own_beside.mini_program())
        return opened[-1]

    yield make
    for one in opened:
        one.close()


async def ask(mini_program: MiniProgram) -> int | None:
    """Make a call that wants a token; 40029 says that WeChat took it."""
    with pytest.raises(CodeRefused) as refused:
        await mini_program.read_phone("no-code")
    return refused.value.errcode


@pytest.mark.race
async def test_twenty_processes_fetch_one_token(own_beside: WeChatBeside, valkey: str, process: Make) -> None:
    processes = [process() for _ in range(20)]
    outcomes = await asyncio.gather(*(ask(one) for one in processes for _ in range(3)))
    assert outcomes == [40029] * 60
    assert await own_beside.tokens() == {"issued": 1, "ordinary": 1, "forced": 0}


async def test_what_is_shared_cannot_be_read(own_beside: WeChatBeside, valkey: str, process: Make) -> None:
    await ask(process())
    with plain_redis.Redis.from_url(valkey) as client:
        keys = client.keys("wechat:*")
        assert len(keys) == 1
        assert 7000 < client.ttl(keys[0]) <= 7200
        shared = client.get(keys[0])
        body = {"grant_type": "client_credential", "appid": process().app_id, "secret": own_beside.secret}
        token = (await own_beside.process.control.post("/cgi-bin/stable_token", json=body)).json()["access_token"]
        assert token.encode() not in shared
        # What is not ours is overwritten, not believed.
        client.set(keys[0], b"\x01nonsense")
    assert await ask(process()) == 40029


@pytest.mark.race
@pytest.mark.parametrize("fault", ["token_expired.phone", "token_spoiled.phone"])
async def test_a_refused_token_is_replaced_once_for_all(
    own_beside: WeChatBeside, valkey: str, process: Make, fault: str
) -> None:
    processes = [process() for _ in range(20)]
    await asyncio.gather(*(ask(one) for one in processes))
    await own_beside.process.fault(fault)
    outcomes = await asyncio.gather(*(ask(one) for one in processes))
    assert outcomes == [40029] * 20
    told = await own_beside.tokens()
    assert told["issued"] == 2
    # Forced only where WeChat went on giving what it refused.
    assert told["forced"] == (1 if fault == "token_spoiled.phone" else 0)


async def test_a_call_is_repeated_once_with_another_token(own_beside: WeChatBeside, valkey: str, process: Make) -> None:
    mini_program = process()
    await ask(mini_program)
    await own_beside.process.fault("token_spoiled.phone", times=None)
    with pytest.raises(WeChatBusy) as busy:
        await mini_program.read_phone("no-code")
    assert busy.value.errcode == 40001
    assert (await own_beside.tokens())["forced"] == 1


async def test_forcing_has_an_end_each_day(own_beside: WeChatBeside, valkey: str, process: Make) -> None:
    mini_program = process()
    await own_beside.process.fault("token_spoiled.phone", times=None)
    for _ in range(14):
        with pytest.raises(WeChatBusy):
            await mini_program.read_phone("no-code")
        await own_beside.process.advance(31)
    assert (await own_beside.tokens())["forced"] == 10


async def test_without_valkey_each_asks_and_all_get_the_same(
    own_beside: WeChatBeside, valkey_away: None, process: Make
) -> None:
    processes = [process() for _ in range(4)]
    assert await asyncio.gather(*(ask(one) for one in processes for _ in range(3))) == [40029] * 12
    assert await own_beside.tokens() == {"issued": 1, "ordinary": 4, "forced": 0}


async def test_without_valkey_an_ended_token_is_renewed_and_none_is_forced(
    own_beside: WeChatBeside, valkey_away: None, process: Make
) -> None:
    mini_program = process()
    await ask(mini_program)
    await own_beside.process.fault("token_expired.phone")
    assert await ask(mini_program) == 40029
    await own_beside.process.fault("token_spoiled.phone")
    with pytest.raises(WeChatBusy):
        await mini_program.read_phone("no-code")
    assert (await own_beside.tokens())["forced"] == 0


async def test_who_dies_while_fetching_holds_nobody_up_for_long(
    own_beside: WeChatBeside, valkey: str, process: Make
) -> None:
    mini_program = process()
    with plain_redis.Redis.from_url(valkey) as client:
        client.set(f"wechat:token-turn:{mini_program.app_id}", "of-one-who-died", px=400)
    assert await ask(mini_program) == 40029


async def test_a_wrong_secret_is_said_and_shared_with_nobody(
    own_beside: WeChatBeside, valkey: str, process: Make
) -> None:
    stranger = own_beside.mini_program(secret="0" * 32)
    with pytest.raises(CallRefused) as refused:
        await stranger.read_phone("no-code")
    assert refused.value.errcode == 40125
    stranger.close()
    assert await ask(process()) == 40029
