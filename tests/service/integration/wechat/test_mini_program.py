"""The hospital's side of WeChat against the emulator: what each answer, and each missing one, becomes."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.wechat.errors import AnswerLost, CallRefused, CodeRefused, WeChatBusy, WeChatError
from integration.wechat.miniprogram import MiniProgram
from kernel.crypto import load_cipher
from runtime.embedded.ports import any_free
from tests.factories.keys import write_keys
from tests.factories.wechat import DATA, TEMPLATE, WeChatBeside


@pytest.fixture(scope="module", autouse=True)
def _keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    load_cipher(write_keys(Path(tmp_path_factory.mktemp("keys"))))


@pytest.fixture
async def impatient(beside: WeChatBeside) -> AsyncIterator[MiniProgram]:
    opened = beside.mini_program(answer_seconds_max=0.3)
    yield opened
    opened.close()


async def send(
    mini_program: MiniProgram, openid: str, *, template_id: str = TEMPLATE, page: str | None = None, thing: str = "内科"
) -> str | None:
    return await mini_program.send(openid=openid, template_id=template_id, data=DATA | {"thing1": thing}, page=page)


async def test_a_code_becomes_a_user_and_their_number(beside: WeChatBeside, mini_program: MiniProgram) -> None:
    person = await beside.person(unionid="oUnion42", phone="13800138000")
    user = await mini_program.log_in(await beside.login_code(person["openid"]))
    assert (user.openid, user.unionid) == (person["openid"], "oUnion42")
    phone = await mini_program.read_phone(await beside.phone_code(person["openid"]))
    assert (phone.number, phone.country_code) == ("13800138000", "86")


async def test_codes_that_are_worth_nothing(beside: WeChatBeside, mini_program: MiniProgram) -> None:
    openid = (await beside.person())["openid"]
    blocked = (await beside.person(blocked=True))["openid"]
    used, used_phone = await beside.login_code(openid), await beside.phone_code(openid)
    await mini_program.log_in(used)
    await mini_program.read_phone(used_phone)
    for code, errcode in (("never-made", 40029), (used, 40163), (await beside.login_code(blocked), 40226)):
        with pytest.raises(CodeRefused) as refused:
            await mini_program.log_in(code)
        assert refused.value.errcode == errcode
    for code in (used_phone, "never-made", await beside.login_code(openid)):
        with pytest.raises(CodeRefused) as refused:
            await mini_program.read_phone(code)
        assert refused.value.errcode == 40029


async def test_of_many_who_bring_one_code_one_is_let_in(beside: WeChatBeside, mini_program: MiniProgram) -> None:
    code = await beside.login_code((await beside.person())["openid"])
    outcomes = await asyncio.gather(*(mini_program.log_in(code) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in outcomes) == 1
    assert [one.errcode for one in outcomes if isinstance(one, CodeRefused)] == [40163] * 7


async def test_messages_and_why_they_are_refused(beside: WeChatBeside, mini_program: MiniProgram) -> None:
    openid = (await beside.person())["openid"]
    await beside.choose(openid)
    for refuse, errcode in (
        (send(mini_program, "oNobody"), 40003),
        (send(mini_program, openid, template_id="none"), 40037),
        (send(mini_program, openid, page="/home"), 41030),
        (send(mini_program, openid, thing="一" * 21), 47003),
    ):
        with pytest.raises(CallRefused) as refused:
            await refuse
        assert refused.value.errcode == errcode
    assert int(await send(mini_program, openid, page="pages/home") or 0) > 0
    assert [one["data"]["thing1"] for one in await beside.received(openid)] == ["内科"]
    with pytest.raises(CallRefused) as refused:
        await send(mini_program, openid)
    assert refused.value.errcode == 43101


@pytest.mark.parametrize(("fault", "errcode"), [("system_busy", -1), ("frequency_limited", 45011)])
async def test_what_passes_is_busy(beside: WeChatBeside, mini_program: MiniProgram, fault: str, errcode: int) -> None:
    openid = (await beside.person())["openid"]
    await beside.choose(openid)
    for interface, ask in (
        ("login", lambda: mini_program.log_in("x")),
        ("phone", lambda: mini_program.read_phone("x")),
        ("send", lambda: send(mini_program, openid)),
    ):
        await beside.process.fault(f"{fault}.{interface}")
        with pytest.raises(WeChatBusy) as busy:
            await ask()
        assert busy.value.errcode == errcode
    assert await beside.received(openid) == []


@pytest.mark.parametrize("fault", ["answer_lost.send", "connection_cut.send", "unavailable.send"])
async def test_a_lost_answer_is_neither_yes_nor_no(beside: WeChatBeside, mini_program: MiniProgram, fault: str) -> None:
    openid = (await beside.person())["openid"]
    await beside.choose(openid)
    await beside.process.fault(fault)
    with pytest.raises(AnswerLost):
        await send(mini_program, openid)
    assert len(await beside.received(openid)) == (0 if fault == "unavailable.send" else 1)


async def test_a_slow_answer_is_not_waited_for(beside: WeChatBeside, impatient: MiniProgram) -> None:
    openid = (await beside.person())["openid"]
    await beside.choose(openid)
    await beside.process.fault("slow.send", seconds=1)
    with pytest.raises(AnswerLost):
        await send(impatient, openid)


async def test_where_nobody_answers_nothing_was_done(beside: WeChatBeside) -> None:
    alone = beside.mini_program(base_url=f"http://127.0.0.1:{any_free('127.0.0.1')}")
    try:
        for ask in (alone.log_in("x"), alone.read_phone("x"), send(alone, "oNobody")):
            with pytest.raises(WeChatBusy):
                await ask
    finally:
        alone.close()


async def test_what_is_no_answer_of_wechats_is_none(beside: WeChatBeside) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = bodies.pop()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    bodies = [b"<html>", b"[]", b"{}", b'{"openid": ""}', b'{"openid": 5}']
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    strange = beside.mini_program(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        while bodies:
            with pytest.raises(AnswerLost):
                await strange.log_in("x")
        strange.close()


async def test_a_redirect_takes_the_secret_nowhere(beside: WeChatBeside) -> None:
    came: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    strange = beside.mini_program(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        with pytest.raises(AnswerLost):
            await strange.log_in("x")
        strange.close()
    assert len(came) == 1


async def test_no_error_shows_the_secret_or_a_code(beside: WeChatBeside) -> None:
    nobody = beside.mini_program(base_url=f"http://127.0.0.1:{any_free('127.0.0.1')}")
    here = beside.mini_program()
    try:
        for ask in (nobody.log_in("a-code-of-somebody"), here.log_in("a-code-of-somebody")):
            with pytest.raises(WeChatError) as refused:
                await ask
            shown = "".join(traceback.format_exception(refused.value))
            assert "a-code-of-somebody" not in shown.replace('log_in("a-code-of-somebody")', "")
            assert beside.secret not in shown
    finally:
        nobody.close()
        here.close()
