"""One sign-on for the hospital's other systems: staff sign in here, and the system learns who they are."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from kernel.db import Database
from oauth.staff import people
from oauth.staff.people import RoleAt
from tests.factories.authorization import answer_of, post_token, request_of, until_refused
from tests.factories.grants import redemption, web_client
from tests.factories.oauth import RegisteredClient
from tests.factories.sign_in import Visitor
from tests.factories.staff import ADMINISTRATOR, Credentials, employ, invite, prepare, set_up
from tests.factories.staff import sign_in as sign_staff_in
from tests.server import WebServer

SCOPE = "openid profile"


@pytest.fixture(autouse=True)
def _keys(web_server: WebServer) -> None:
    prepare(Path(web_server.keys_dir), web_server.base_url)


@pytest.fixture
async def visitor(web_server: WebServer) -> AsyncIterator[Visitor]:
    async with Visitor(web_server.base_url) as one:
        yield one


@pytest.fixture
async def nurse(visitor: Visitor, database: Database) -> Credentials:
    code = await employ(database, RoleAt("nurse"))
    return await set_up(visitor, await invite(database, code), code)


async def system_of_ours(database: Database) -> RegisteredClient:
    return await web_client(database, kind="internal", subject_kind="staff", scopes=())


async def asked(visitor: Visitor, client: RegisteredClient, **changes: str | None) -> httpx.Response:
    query = httpx.QueryParams(request_of(client, visitor.base_url, **{"scope": SCOPE, "aud": None, **changes}))
    answer = await visitor.http.get(f"/oauth/authorize?{query}")
    while answer.status_code == 303 and answer.headers["location"].startswith("/"):
        answer = await visitor.http.get(answer.headers["location"])
    visitor.page = answer
    return answer


async def test_who_is_signed_in_is_known_to_the_next_system_without_a_question(
    visitor: Visitor, database: Database, nurse: Credentials
) -> None:
    client = await system_of_ours(database)
    assert (await asked(visitor, client)).url.path == "/staff/sign-in"
    await sign_staff_in(visitor, nurse)
    answer = answer_of(await asked(visitor, client))
    token = (await post_token(visitor.base_url, client, redemption(answer["code"]))).json()
    assert set(token["scope"].split()) == {"openid", "profile"}
    info = await visitor.http.get("/oauth/userinfo", headers={"authorization": f"Bearer {token['access_token']}"})
    told = info.json()
    assert (told["name"], told["preferred_username"], told["roles"]) == ("王芳", nurse.code, ["nurse"])
    other = await system_of_ours(database)
    assert answer_of(await asked(visitor, other))["code"]


async def test_no_scope_opens_data_to_a_system_where_staff_sign_in(
    visitor: Visitor, database: Database, nurse: Credentials
) -> None:
    client = await system_of_ours(database)
    await sign_staff_in(visitor, nurse)
    for scope in ("openid patient/Patient.r", "openid administration.read", "openid user/Patient.r"):
        assert answer_of(await asked(visitor, client, scope=scope))["error"] == "invalid_scope"


async def test_who_leaves_is_signed_out_of_every_system(
    visitor: Visitor, database: Database, nurse: Credentials
) -> None:
    client = await system_of_ours(database)
    await sign_staff_in(visitor, nurse)
    answer = answer_of(await asked(visitor, client))
    token = (await post_token(visitor.base_url, client, redemption(answer["code"]))).json()
    async with database.transaction() as tx:
        await people.leave(tx, code=nurse.code, actor=ADMINISTRATOR)
    await until_refused(visitor.http, "/oauth/userinfo", token["access_token"])
    assert (await asked(visitor, client)).url.path == "/staff/sign-in"


async def test_a_partners_application_has_no_staff(database: Database) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="oauth_client_staff_are_ours"):
        await web_client(database, kind="partner", subject_kind="staff", scopes=())
