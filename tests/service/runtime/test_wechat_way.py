"""Subscribe messages as the notification centre hands them over: what WeChat's answers mean there."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from kernel.crypto import load_cipher
from kernel.settings import Settings
from notifications.ports import Handed, SubscribeMessage
from runtime.embedded.ports import any_free
from runtime.wechat import WeChatWay, build_mini_program
from tests.factories.keys import write_keys
from tests.factories.wechat import DATA, TEMPLATE, WeChatBeside, wechat


@pytest.fixture(scope="module")
async def _beside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WeChatBeside]:
    async with wechat(tmp_path_factory.mktemp("wechat")) as opened:
        await opened.register()
        yield opened


@pytest.fixture
async def beside(_beside: WeChatBeside, tmp_path: Path) -> AsyncIterator[WeChatBeside]:
    load_cipher(write_keys(tmp_path / "keys"))
    yield _beside
    await _beside.process.clear_faults()


@pytest.fixture
async def way(beside: WeChatBeside) -> AsyncIterator[WeChatWay]:
    mini_program = beside.mini_program()
    yield WeChatWay(mini_program)
    mini_program.close()


async def message_to(beside: WeChatBeside, *, accepted: int = 1) -> SubscribeMessage:
    openid = (await beside.person())["openid"]
    if accepted:
        await beside.choose(openid, times=accepted)
    return SubscribeMessage(openid, TEMPLATE, DATA, "pages/visits/detail?message=1")


async def test_a_message_is_accepted_once_for_each_yes(beside: WeChatBeside, way: WeChatWay) -> None:
    message = await message_to(beside)
    handed = await way.send(message)
    assert handed.outcome == "accepted"
    received = await beside.received(message.openid)
    assert [(str(one["id"]), one["data"], one["page"]) for one in received] == [(handed.code, DATA, message.page)]
    assert await way.send(message) == Handed("no_quota", "43101")
    assert len(await beside.received(message.openid)) == 1


async def test_what_is_wrong_with_a_message_is_told(beside: WeChatBeside, way: WeChatWay) -> None:
    message = await message_to(beside)
    for changed, handed in (
        (replace(message, openid="oNobody"), Handed("no_receiver", "40003")),
        (replace(message, template_id="none"), Handed("bad_template", "40037")),
        (replace(message, page="/pages"), Handed("bad_template", "41030")),
        (replace(message, data=DATA | {"thing1": "长" * 21}), Handed("bad_content", "47003")),
    ):
        assert await way.send(changed) == handed
    assert (await way.send(message)).outcome == "accepted"


@pytest.mark.parametrize(
    ("fault", "handed", "arrived"),
    [
        ("system_busy.send", Handed("busy", "-1"), 0),
        ("frequency_limited.send", Handed("busy", "45011"), 0),
        ("system_busy.token", Handed("busy", "-1"), 0),
        ("unavailable.send", Handed("unknown"), 0),
        ("answer_lost.send", Handed("unknown"), 1),
        ("connection_cut.send", Handed("unknown"), 1),
    ],
)
async def test_what_became_of_it_is_never_claimed_wrongly(
    beside: WeChatBeside, fault: str, handed: Handed, arrived: int
) -> None:
    message = await message_to(beside)
    mini_program = beside.mini_program()
    await beside.process.fault(fault)
    assert await WeChatWay(mini_program).send(message) == handed
    assert len(await beside.received(message.openid)) == arrived
    mini_program.close()


async def test_a_message_outlives_a_token_that_ended(beside: WeChatBeside, way: WeChatWay) -> None:
    message = await message_to(beside, accepted=3)
    assert (await way.send(message)).outcome == "accepted"
    await beside.process.fault("token_expired.send")
    assert (await way.send(message)).outcome == "accepted"
    assert len(await beside.received(message.openid)) == 2


async def test_a_wrong_secret_is_no_fault_of_the_message(beside: WeChatBeside) -> None:
    stranger = beside.mini_program(secret="0" * 32)
    assert await WeChatWay(stranger).send(await message_to(beside)) == Handed("busy", "40125")
    stranger.close()
    nowhere = beside.mini_program(base_url=f"http://127.0.0.1:{any_free('127.0.0.1')}")
    assert await WeChatWay(nowhere).send(await message_to(beside)) == Handed("busy")
    nowhere.close()


def settings(keys_dir: Path, **more: str) -> Settings:
    return Settings.from_environment({"DATABASE_URL": "postgresql://h@127.0.0.1/h", "KEYS_DIR": str(keys_dir)} | more)


def test_a_sandbox_speaks_with_the_wechat_that_is_played(beside: WeChatBeside, tmp_path: Path) -> None:
    assert build_mini_program(settings(beside.keys_dir)) is None
    opened = build_mini_program(settings(beside.keys_dir, WECHAT_BASE_URL=beside.process.url))
    assert opened is not None
    opened.close()
    with pytest.raises(FileNotFoundError, match="WECHAT_APP_SECRET"):
        build_mini_program(settings(tmp_path, WECHAT_BASE_URL=beside.process.url))
