"""The developer portal as its pages are served: who sees what, what is shown once, and what a second post does."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from console.developer.application import page_modules
from kernel import crypto
from kernel.db import Database
from kernel.ids import new_id
from oauth.sign_in.sessions import PASSKEY, open_session
from oauth.sign_in.subjects import Subject, Visit
from patients.accounts import Accounts
from tests.factories.developers import SERVICE, DeveloperAtBrowser, secret_on
from tests.factories.oauth import basic
from tests.factories.sign_in import new_phone
from tests.server import WebServer


@pytest.fixture
async def developer(web_server: WebServer, database: Database) -> AsyncIterator[DeveloperAtBrowser]:
    async with DeveloperAtBrowser(web_server.base_url) as one:
        yield await one.sign_up()


@pytest.fixture
async def stranger(web_server: WebServer, database: Database) -> AsyncIterator[DeveloperAtBrowser]:
    async with DeveloperAtBrowser(web_server.base_url) as one:
        yield await one.sign_up("别家科技有限公司")


async def token_with(developer: DeveloperAtBrowser, client_id: str, secret: str) -> int:
    answer = await developer.http.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers=basic(client_id, secret)
    )
    return answer.status_code


async def test_a_stranger_is_told_what_the_portal_is(web_server: WebServer, database: Database) -> None:
    async with DeveloperAtBrowser(web_server.base_url) as visitor:
        page = await visitor.get("/developer")
        assert page.status_code == 200
        assert visitor.says("沙箱环境")
        assert 'href="/sign-in?continue=%2Fdeveloper"' in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        # Whoever wants more has to sign in, and comes back.
        await visitor.get("/developer/applications/new")
        assert visitor.path == "/sign-in"


async def test_an_application_of_a_sandbox_is_usable_at_once(developer: DeveloperAtBrowser, database: Database) -> None:
    made = await developer.make()
    assert await token_with(developer, made["client_id"], made["secret"]) == 200
    row = await database.fetchrow("SELECT * FROM partner_application")
    assert row is not None
    assert (row["status"], row["organisation"], str(row["id"])) == ("live", "晨星科技有限公司", made["id"])
    client = await database.fetchrow("SELECT * FROM oauth_client WHERE id = $1", made["client_id"])
    assert client is not None
    assert (client["kind"], client["channel"], client["status"]) == ("partner", "city_portal", "active")
    limits = await database.fetch(
        "SELECT covers, window_seconds, requests FROM rate_policy WHERE client_id = $1 ORDER BY 2", made["client_id"]
    )
    assert [tuple(one) for one in limits] == [("all", 10, 300), ("all", 86_400, 50_000)]


async def test_a_secret_is_shown_once(developer: DeveloperAtBrowser, database: Database) -> None:
    made = await developer.make()
    for path in ("", "/keys"):
        page = await developer.get(f"/developer/applications/{made['id']}{path}")
        assert page.status_code == 200
        assert made["secret"] not in page.text
    keys = await database.fetch("SELECT hash FROM oauth_client_secret WHERE client_id = $1", made["client_id"])
    assert len(keys) == 1
    assert made["secret"].encode() not in keys[0]["hash"]


async def test_a_form_sent_twice_makes_and_shows_nothing_more(
    developer: DeveloperAtBrowser, database: Database
) -> None:
    made = await developer.make()
    before = await database.fetchval("SELECT count(*) FROM oauth_client_secret")
    # The browser still has the form that made it.
    await developer.get("/developer/applications/new")
    form: dict[str, Any] = SERVICE | {"application_id": made["id"], "name": "x"}
    again = await developer.post("/developer/applications/new", **form)
    assert secret_on(again.text) is None
    assert developer.path == f"/developer/applications/{made['id']}"
    assert await database.fetchval("SELECT count(*) FROM oauth_client_secret") == before
    assert await database.fetchval("SELECT count(*) FROM partner_application") == 1


async def test_keys_are_seen_to_by_whoever_has_just_signed_in(
    developer: DeveloperAtBrowser, database: Database
) -> None:
    made = await developer.make()
    keys = f"/developer/applications/{made['id']}/keys"
    await developer.get(keys)
    await database.execute("UPDATE sign_in_session SET auth_time = auth_time - interval '11 minutes'")
    before = await database.fetch("SELECT * FROM oauth_client_secret")
    # The form of a page that was open leads to signing in, and does nothing.
    await developer.post(f"{keys}/rotate", overlap="0")
    assert await database.fetch("SELECT * FROM oauth_client_secret") == before
    page = await developer.get(keys)
    assert developer.path == "/sign-in"
    assert page.url.params["continue"] == keys
    assert developer.says("请再次确认身份")
    # Whatever shows no key is there as before.
    assert (await developer.get(f"/developer/applications/{made['id']}")).status_code == 200


async def test_who_sees_to_keys_is_changed_by_an_owner_who_has_just_signed_in(
    developer: DeveloperAtBrowser, database: Database
) -> None:
    await developer.get("/developer/members")
    await developer.post("/developer/members/invite", name="王工", phone=new_phone())
    await developer.get("/developer/members")
    await database.execute("UPDATE sign_in_session SET auth_time = auth_time - interval '11 minutes'")
    tables = ("developer_invitation", "developer_member", "change_log")
    before = [await database.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in tables]
    form = developer.hidden("/developer/members/invite") | {"name": "陌生人", "phone": new_phone()}
    member = await database.fetchval("SELECT id FROM developer_member")
    for path in ("invite", f"{member}/remove"):
        answer = await developer.http.post(
            f"/developer/members/{path}", data=form, headers={"origin": developer.base_url}
        )
        assert answer.status_code == 303
        assert answer.headers["location"] == "/sign-in?continue=%2Fdeveloper%2Fmembers&again=1"
    assert [await database.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in tables] == before


async def test_a_drafts_keys_are_changed_by_whoever_has_just_signed_in(
    developer: DeveloperAtBrowser, database: Database
) -> None:
    made = await developer.make()
    # As a production has it before the hospital has looked at it.
    await database.execute("UPDATE partner_application SET status = 'draft', client_id = NULL")
    change = f"/developer/applications/{made['id']}/change"
    await developer.get(change)
    before = await database.fetch("SELECT * FROM partner_application")
    await database.execute("UPDATE sign_in_session SET auth_time = auth_time - interval '11 minutes'")
    form: dict[str, Any] = SERVICE | {"name": "另一个"}
    await developer.post(change, **form)
    assert developer.path == "/sign-in"
    assert await database.fetch("SELECT * FROM partner_application") == before


async def test_a_post_from_elsewhere_changes_nothing(developer: DeveloperAtBrowser, database: Database) -> None:
    made = await developer.make()
    keys = f"/developer/applications/{made['id']}/keys"
    await developer.get(keys)
    form = developer.hidden(f"{keys}/rotate") | {"overlap": "0"}
    before = await database.fetch("SELECT * FROM oauth_client_secret")
    evil = {"origin": "https://evil.example"}
    assert (await developer.http.post(f"{keys}/rotate", data=form, headers=evil)).status_code == 403
    form["form_token"] = "x" * 43
    assert (await developer.http.post(f"{keys}/rotate", data=form)).status_code == 403
    assert await database.fetch("SELECT * FROM oauth_client_secret") == before


def every_address(application_id: str) -> list[tuple[str, str]]:
    """Every page and post of an application, with ids where there are some."""
    found = []
    for module in page_modules():
        for page in module.PAGES:
            if "<application_id:uuid>" in page.path:
                path = page.path.replace("<application_id:uuid>", application_id)
                path = re.sub(r"<\w+:uuid>", str(new_id()), path)
                found.append((page.method, re.sub(r"<\w+:str>", "retired", path)))
    return found


async def test_anothers_application_is_absent_on_every_page(
    developer: DeveloperAtBrowser, stranger: DeveloperAtBrowser, database: Database
) -> None:
    made = await developer.make()
    await stranger.get("/developer/members")
    token = stranger.hidden("/developer/members/invite")["form_token"]
    tables = ("partner_application", "oauth_client", "oauth_client_secret", "webhook_endpoint", "change_log")
    before = [await database.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in tables]
    addresses = every_address(made["id"])
    assert len(addresses) >= 20
    for method, path in addresses:
        answer = await stranger.http.request(
            method,
            path,
            data={"form_token": token} if method == "POST" else None,
            headers={"origin": stranger.base_url},
        )
        assert answer.status_code == 404, (method, path)
        assert made["client_id"] not in answer.text
        assert "晨星" not in answer.text
    assert [await database.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in tables] == before


async def test_every_page_wants_somebody_signed_in(web_server: WebServer, database: Database) -> None:
    async with httpx.AsyncClient(base_url=web_server.base_url) as nobody:
        for method, path in every_address(str(new_id())):
            answer = await nobody.request(method, path)
            if path.endswith("/try/token"):
                # A script asks, which shows the sentence.
                assert (answer.status_code, answer.json()["code"]) == (401, "sign_in.not_signed_in")
                continue
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith("/sign-in?continue=%2Fdeveloper"), (method, path)
        # Signed in, but no developer: to the front door.
    async with DeveloperAtBrowser(web_server.base_url) as visitor:
        await visitor.arrive()
        for method, path in every_address(str(new_id())):
            if method == "GET":
                await visitor.get(path)
                assert visitor.path == "/developer"


async def test_a_colleague_joins_by_invitation(
    developer: DeveloperAtBrowser, web_server: WebServer, database: Database
) -> None:
    made = await developer.make()
    async with DeveloperAtBrowser(web_server.base_url) as colleague:
        await colleague.arrive()
        await developer.get("/developer/members")
        wrong = await developer.post("/developer/members/invite", name="", phone=colleague.phone)
        assert wrong.status_code == 422
        await developer.post("/developer/members/invite", name="王工", phone=colleague.phone)
        assert developer.says("邀请已发出")
        page = await colleague.get("/developer")
        assert colleague.says("“晨星科技有限公司”邀请您加入")
        taken = re.search(r'action="(/developer/invitations/[^"]+/take)"', page.text)
        assert taken is not None
        await colleague.post(taken[1])
        assert colleague.says("您已加入该组织")
        assert (await colleague.get(f"/developer/applications/{made['id']}")).status_code == 200
        # A member is shown no way to invite, and has none.
        await colleague.get("/developer/members")
        assert not colleague.says("邀请同事")
        await developer.get("/developer/members")
        removed = re.search(
            r'action="(/developer/members/[^"]+/remove)"', (await developer.get("/developer/members")).text
        )
        assert removed is not None
        await developer.post(removed[1])
        assert (await colleague.get(f"/developer/applications/{made['id']}")).url.path == "/developer"


async def test_the_status_page_is_everybodys_and_tells_no_names(
    developer: DeveloperAtBrowser, web_server: WebServer, database: Database
) -> None:
    await developer.make()
    async with httpx.AsyncClient(base_url=web_server.base_url) as nobody:
        page = await nobody.get("/developer/status")
        assert page.status_code == 200
        assert "晨星" not in page.text
        assert "app-" not in page.text
        assert "事件推送" in page.text
        english = await nobody.get("/developer/status", headers={"accept-language": "en"})
        assert "Webhooks" in english.text


async def test_the_quickstart_shows_both_clients_at_this_deployments_address(web_server: WebServer) -> None:
    async with httpx.AsyncClient(base_url=web_server.base_url) as nobody:
        page = html.unescape((await nobody.get("/developer/guide")).text)
    for begun in ("HospitalClient(", "new HospitalClient("):
        assert f'{begun}"{web_server.base_url}", ' in page


async def test_a_sandbox_that_strangers_reach_sends_nothing_to_its_own_machine(
    tmp_path: Path, database_url: str, redis_url: str, database: Database
) -> None:
    public = "https://sandbox.hospital.example"
    with WebServer.up(tmp_path, database_url=database_url, redis_url=redis_url, PUBLIC_URL=public) as server:
        crypto.load_cipher(server.keys_dir)
        cookies = {"cookie": f"__Host-session={await signed_in(database)}; __Host-visit={'v' * 43}", "origin": public}
        address = f"http://127.0.0.1:{server.environment['HTTP_PORT']}"
        async with httpx.AsyncClient(base_url=address, headers=cookies) as http:
            form = {"form_token": token_on((await http.get("/developer")).text), "organisation": "晨星",
                    "contact_name": "李工", "email": "li@a.example", "terms": "yes"}  # fmt: skip
            assert (await http.post("/developer/sign-up", data=form)).status_code == 303
            form |= SERVICE | {"application_id": str(new_id())}
            assert secret_on((await http.post("/developer/applications/new", data=form)).text)
            for url in (f"{address}/health", "http://localhost:6379/", "https://[::1]:8443/"):
                form |= {"once": str(new_id()), "url": url, "event:appointment": "yes"}
                path = f"/developer/applications/{form['application_id']}/webhooks/new"
                assert (await http.post(path, data=form)).status_code == 422, url
    assert await database.fetchval("SELECT count(*) FROM webhook_endpoint") == 0


async def test_production_is_told_from_the_sandbox_and_reviews(
    tmp_path: Path, database_url: str, redis_url: str, database: Database
) -> None:
    public = "https://open.hospital.example"
    with WebServer.up(
        tmp_path, database_url=database_url, redis_url=redis_url, MODE="production", PUBLIC_URL=public,
        SANDBOX_URL="https://sandbox.hospital.example", HIS_MLLP="127.0.0.1:9", HIS_HTTP_URL="http://127.0.0.1:9",
        HIS_HTTP_TOKEN="9f2c41d7",
    ) as server:  # fmt: skip
        crypto.load_cipher(server.keys_dir)
        session = await signed_in(database)
        cookies = {"cookie": f"__Host-session={session}; __Host-visit={'v' * 43}", "origin": public}
        address = f"http://127.0.0.1:{server.environment['HTTP_PORT']}"
        async with httpx.AsyncClient(base_url=address, headers=cookies) as http:
            page = (await http.get("/developer")).text
            assert "正式环境" in page
            assert 'href="https://sandbox.hospital.example/developer"' in page
            form = {"form_token": token_on(page), "organisation": "晨星", "contact_name": "李工",
                    "email": "li@a.example", "terms": "yes"}  # fmt: skip
            assert (await http.post("/developer/sign-up", data=form)).status_code == 303
            page = (await http.get("/developer/applications/new")).text
            form = {"form_token": token_on(page), "application_id": str(new_id()), "name": "助手", "purpose": "挂号",
                    "application_type": "service", "auth_method": "client_secret_basic",
                    "scope:catalogue.read": "yes"}  # fmt: skip
            made = await http.post("/developer/applications/new", data=form)
            where = f"/developer/applications/{form['application_id']}"
            assert (made.status_code, made.headers["location"]) == (303, f"{where}?done=made")
            assert "草稿" in (await http.get(where)).text
            assert await database.fetchval("SELECT count(*) FROM oauth_client") == 0
            sent = await http.post(f"{where}/status/submitted", data={"form_token": form["form_token"]})
            assert sent.status_code == 303
            assert "医院审核中" in (await http.get(where)).text
            assert (await http.post(f"{where}/live", data={"form_token": form["form_token"]})).status_code == 409
            await database.execute("UPDATE partner_application SET status = 'approved', reason = '欢迎'")
            page = (await http.get(where)).text
            assert "欢迎" in page
            assert "已批准" in page
            live = await http.post(f"{where}/live", data={"form_token": form["form_token"]})
            assert live.status_code == 200
            assert secret_on(live.text)
            assert await database.fetchval("SELECT channel FROM oauth_client") == "partner"


async def signed_in(db: Database) -> str:
    """Sign a person in by a passkey, as production has it; gives the cookie."""
    async with db.transaction() as tx:
        account_id = await Accounts().open_account(tx, phone=new_phone())
        visit = Visit(token="v" * 43, address="127.0.0.1", device="", request_id="r", language="zh")
        token, _ = await open_session(tx, Subject("account", account_id), PASSKEY, visit, present=None)
    return token


def token_on(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]
