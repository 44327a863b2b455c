"""Codes that go by the gateway's real wire: they arrive, its answers reach the page, and a day has only so many."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from kernel.crypto import cipher, load_cipher
from kernel.db import Database
from oauth.sign_in.subjects import Visit
from oauth.sign_in.throttle import remember_address
from runtime.sandbox_channels import SMS_SETTINGS
from tests.factories.sign_in import Visitor
from tests.factories.sms import SmsBeside, new_phone, sms
from tests.server import WebServer

PER_DAY = 5
FOR_STRANGERS = 4


@pytest.fixture(scope="module")
async def _beside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SmsBeside]:
    async with sms(tmp_path_factory.mktemp("sms")) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(
    _beside: SmsBeside, tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str
) -> Iterator[WebServer]:
    with WebServer.up(
        tmp_path_factory.mktemp("web"),
        database_url=database_url,
        redis_url=redis_url,
        keys_from=_beside.keys_dir,
        SMS_BASE_URL=_beside.process.url,
        SMS_CODES_PER_DAY=str(PER_DAY),
        **SMS_SETTINGS,
    ) as up:
        yield up


@pytest.fixture
async def beside(_beside: SmsBeside) -> AsyncIterator[SmsBeside]:
    yield _beside
    await _beside.process.clear_faults()


@pytest.fixture
async def visitor(server: WebServer, database: Database) -> AsyncIterator[Visitor]:
    load_cipher(server.keys_dir)
    async with Visitor(server.base_url) as browser:
        yield browser


async def kinds(database: Database) -> list[str]:
    return [row["kind"] for row in await database.fetch("SELECT kind FROM sign_in_event ORDER BY id")]


async def ask(server: WebServer, phone: str) -> httpx.Response:
    async with Visitor(server.base_url) as browser:
        await browser.get("/sign-in")
        return await browser.post("/sign-in", phone=phone)


async def test_a_code_goes_to_the_telephone_and_signs_in(
    beside: SmsBeside, server: WebServer, visitor: Visitor, database: Database
) -> None:
    phone = new_phone()
    await visitor.get("/sign-in")
    await visitor.post("/sign-in", phone=phone)
    [text] = await beside.received(phone)
    assert text.startswith("【示范医院】登录验证码 ")
    found = re.search(r"[0-9]{6}", text)
    assert found is not None
    answer = await visitor.post("/sign-in/code", code=found[0])
    assert answer.url.path == "/account/sessions"
    assert await kinds(database) == ["code_sent", "signed_in"]
    written = server.log()
    assert phone not in written
    assert found[0] not in written


async def test_a_number_that_the_network_takes_no_more_for_is_told_when(
    beside: SmsBeside, visitor: Visitor, database: Database
) -> None:
    await beside.process.fault("number_refused", code="LimitExceeded.PhoneNumberOneHourLimit")
    await visitor.get("/sign-in")
    answer = await visitor.post("/sign-in", phone=new_phone())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    assert await kinds(database) == ["code_not_sent"]


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("InvalidParameterValue.IncorrectPhoneNumber", 422, "11位手机号码"),
        ("FailedOperation.PhoneNumberInBlacklist", 503, "短信暂时无法发送"),
        ("FailedOperation.InsufficientBalanceInSmsPackage", 503, "短信暂时无法发送"),
    ],
)
async def test_what_was_not_sent_is_not_said_to_be(
    beside: SmsBeside, visitor: Visitor, database: Database, code: str, status: int, told: str
) -> None:
    await beside.process.fault("number_refused", code=code)
    await visitor.get("/sign-in")
    answer = await visitor.post("/sign-in", phone=new_phone())
    assert answer.status_code == status
    assert told in answer.text
    assert await kinds(database) == ["code_not_sent"]


async def test_strangers_use_up_their_part_of_the_day_and_those_known_have_the_rest(
    beside: SmsBeside, server: WebServer, visitor: Visitor, database: Database
) -> None:
    before = await beside.taken()
    for _ in range(FOR_STRANGERS):
        assert (await ask(server, new_phone())).status_code == 200
    refused = await ask(server, new_phone())
    assert refused.status_code == 503
    assert "短信暂时无法发送" in refused.text

    known = [new_phone(), new_phone()]
    here = Visit(token="t", address="127.0.0.1", device="").address_hash
    async with database.transaction() as tx:
        for phone in known:
            await remember_address(tx, cipher().lookup_hash(f"throttle-subject\nphone:{phone}"), here)
    assert [(await ask(server, phone)).status_code for phone in known] == [200, 503]
    assert await beside.taken() == before + PER_DAY
    assert (await kinds(database)).count("code_sent") == PER_DAY

    figures = (await visitor.http.get("/metrics")).text
    assert f"\nsign_in_codes_of_the_day {PER_DAY}.0" in figures
    assert f"\nsign_in_codes_of_the_day_max {PER_DAY}.0" in figures
    assert f'\nsign_in_recent_codes{{outcome="code_sent"}} {PER_DAY}.0' in figures

    # A day later there are others.
    await database.execute("UPDATE sign_in_throttle SET ends_at = now()")
    assert (await ask(server, new_phone())).status_code == 200


@pytest.mark.usefixtures("database")
async def test_many_at_once_do_not_get_more_than_the_day_has(beside: SmsBeside, server: WebServer) -> None:
    before = await beside.taken()
    answers = await asyncio.gather(*(ask(server, new_phone()) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * FOR_STRANGERS + [503] * 8
    assert await beside.taken() == before + FOR_STRANGERS
