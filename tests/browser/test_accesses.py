"""Who used a patient's data, in a real browser: by member, page by page, at a phone's width and at a desk's."""

from collections.abc import AsyncIterator, Iterator
from datetime import date

import pytest

from kernel.db import Database
from patients.access_log import access_log
from patients.accounts import bind_member
from tests.factories.browser import Page, browser_page
from tests.factories.grants import web_client
from tests.factories.pages import at, look, sign_in_by_phone, speak
from tests.factories.patients import registration, resident_id
from tests.factories.sign_in import new_phone
from tests.factories.staff import prepare
from tests.server import WebServer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str) -> Iterator[WebServer]:
    folder = tmp_path_factory.mktemp("accesses")
    with WebServer.up(folder, database_url=database_url, redis_url=redis_url, public_host="localhost") as one:
        yield one


@pytest.fixture
async def page(server: WebServer, database: Database) -> AsyncIterator[Page]:
    prepare(server.keys_dir, server.base_url)
    async with browser_page() as one:
        await speak(one, "zh-CN")
        yield one


async def test_a_guardian_looks_through_who_used_whose_information(
    page: Page, server: WebServer, database: Database
) -> None:
    await sign_in_by_phone(page, server.base_url, new_phone())
    account = await database.fetchval("SELECT id FROM patient_account")
    own = await bind_member(account, registration(name="王建国"), relationship="self")
    child = resident_id(born=date(2020, 6, 1), sequence=23)
    await bind_member(account, registration(name="王小明", number=child), relationship="child", consent_note="guardian")
    client = await web_client(database, name="健康助手")
    for number in range(25):
        await access_log().record(
            [own.id],
            client_id=client.id,
            operation="GET /fhir/Appointment" if number % 2 else "GET /fhir/Patient/<resource_id:str>",
            action="read",
            request_id=f"request-{number:03}",
        )
    await page.evaluate("document.querySelector('a[href=\"/account/accesses\"]').click()")
    await at(page, "/account/accesses")
    entries = "document.querySelectorAll('.list > li').length"
    assert await page.evaluate(entries) == 20
    text = await page.evaluate("document.body.innerText")
    for words in ("谁使用过我的信息", "健康助手", "查看预约挂号记录", "查看基本信息（姓名、性别、出生日期）"):
        assert words in text
    assert "GET /" not in text
    await look(page, "accesses")
    await page.evaluate("[...document.querySelectorAll('.links a')].find(a => a.innerText === '更早的记录').click()")
    await page.until("document.body?.innerText.includes('回到最近的记录')")
    assert await page.evaluate(entries) == 5
    await look(page, "accesses-earlier")
    await page.evaluate("[...document.querySelectorAll('.choose a')].find(a => a.innerText === '王小明').click()")
    await page.until("document.body?.innerText.includes('还没有应用使用过王小明的信息')")
    assert await page.evaluate("document.querySelector('.choose [aria-current]').innerText") == "王小明"
    await look(page, "accesses-none")
    await speak(page, "en")
    await page.ask("Page.navigate", url=f"{server.base_url}/account/accesses")
    await page.until("document.body?.innerText.includes('Looked at appointments')")
    await look(page, "accesses-english")
    assert page.problems == []
