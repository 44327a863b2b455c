"""Signing in with WeChat over HTTP, before a web process that speaks with the emulated WeChat."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import pytest

from kernel.crypto import cipher, load_cipher
from kernel.db import Database
from runtime.sandbox_channels import WECHAT_APP_ID
from tests.contract.conformity import watch
from tests.factories.patient_app import PRIVACY, Phone
from tests.factories.wechat import WeChatBeside, wechat
from tests.server import WebServer

WAIT_SECONDS_MAX: Final = 10.0


@dataclass
class Entrance:
    """The web process, the emulated WeChat, and a client whose answers are held against their routes."""

    server: WebServer
    beside: WeChatBeside
    http: httpx.AsyncClient

    def phone(self) -> Phone:
        return Phone(self.http)

    async def begin(self, phone: Phone, openid: str, secret: str) -> dict[str, Any]:
        code = await self.beside.login_code(openid)
        answer = await phone.post("/sessions/wechat", {"code": code, "device_secret": secret})
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        found: dict[str, Any] = answer.json()
        return found

    async def show_number(self, phone: Phone, openid: str, secret: str, ticket: str) -> httpx.Response:
        body = {
            "ticket": ticket,
            "phone_code": await self.beside.phone_code(openid),
            "device_secret": secret,
            "privacy_version": PRIVACY,
        }
        return await phone.post("/sessions/wechat/phone", body)

    async def join(self, phone: Phone, openid: str) -> None:
        secret = secrets.token_urlsafe(32)
        begun = await self.begin(phone, openid, secret)
        answer = await self.show_number(phone, openid, secret, begun["ticket"])
        assert answer.status_code == 200, answer.text
        phone.keep(answer)


@pytest.fixture(scope="module")
async def _entrance(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str
) -> AsyncIterator[Entrance]:
    folder: Path = tmp_path_factory.mktemp("entrance")
    async with wechat(folder) as beside:
        settings: dict[str, Any] = {
            "WECHAT_BASE_URL": beside.process.url,
            "WECHAT_APP_ID": WECHAT_APP_ID,
            "WECHAT_APP_SECRET": "env:SECRET_OF_THE_TEST",
            "SECRET_OF_THE_TEST": beside.secret,
        }
        web = folder / "web"
        web.mkdir()
        with WebServer.up(web, database_url=database_url, redis_url=redis_url, **settings) as server:
            async with httpx.AsyncClient(
                base_url=server.base_url, timeout=30, event_hooks={"response": [watch]}
            ) as http:
                yield Entrance(server, beside, http)


@pytest.fixture
async def entrance(_entrance: Entrance, database: Database) -> AsyncIterator[Entrance]:
    load_cipher(_entrance.server.keys_dir)
    yield _entrance
    await _entrance.beside.process.clear_faults()


async def test_a_patient_signs_in_shows_their_number_and_is_known_the_next_time(entrance: Entrance) -> None:
    person = await entrance.beside.person()
    phone, secret = entrance.phone(), secrets.token_urlsafe(32)
    begun = await entrance.begin(phone, person["openid"], secret)
    assert begun["session"] is None
    answer = await entrance.show_number(phone, person["openid"], secret, begun["ticket"])
    assert answer.status_code == 200, answer.text
    phone.keep(answer)
    account = (await phone.get("/account")).json()
    assert account["phone"] == f"{person['phone'][:3]}****{person['phone'][-4:]}"
    assert account["privacy"]["version"] == PRIVACY
    await phone.add_member()

    again = entrance.phone()
    known = await entrance.begin(again, person["openid"], secrets.token_urlsafe(32))
    assert (known["ticket"], known["ticket_expires_at"]) == (None, None)
    again.access_token, again.refresh_token = known["session"]["access_token"], known["session"]["refresh_token"]
    assert (await again.get("/account")).json()["member_count"] == 1
    assert (await again.refresh()).status_code == 200


async def test_another_phone_cannot_use_the_ticket(entrance: Entrance) -> None:
    person = await entrance.beside.person()
    phone = entrance.phone()
    begun = await entrance.begin(phone, person["openid"], secrets.token_urlsafe(32))
    stolen = await entrance.show_number(phone, person["openid"], secrets.token_urlsafe(32), begun["ticket"])
    assert (stolen.status_code, stolen.json()["code"]) == (403, "sign_in.refused")


@pytest.mark.parametrize(
    "change",
    [
        {"code": ""},
        {"code": "x" * 129},
        {"code": "a b"},
        {"code": 5},
        {"code": "码"},
        {"device_secret": "short"},
        {"device_secret": None},
        {"openid": "oSomebodyElse"},
    ],
)
async def test_forged_requests_never_reach_wechat(entrance: Entrance, change: dict[str, Any]) -> None:
    body = {"code": "x", "device_secret": secrets.token_urlsafe(32)} | change
    answer = await entrance.phone().post("/sessions/wechat", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.schema_violation")


async def test_what_is_refused_and_what_is_down_says_so(entrance: Entrance) -> None:
    phone, body = entrance.phone(), {"code": "never-made", "device_secret": secrets.token_urlsafe(32)}
    refused = await phone.post("/sessions/wechat", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in.refused")
    await entrance.beside.process.fault("system_busy.login")
    down = await phone.post("/sessions/wechat", body)
    assert (down.status_code, down.json()["code"]) == (503, "sign_in.wechat_unavailable")
    assert "短信验证码" in down.json()["detail"]


async def test_an_account_is_unbound_and_its_sessions_go_on(entrance: Entrance) -> None:
    person = await entrance.beside.person()
    phone = entrance.phone()
    await entrance.join(phone, person["openid"])
    for _ in range(2):
        assert (await phone.send("DELETE", "/account/wechat")).status_code == 204
    assert (await phone.get("/account")).status_code == 200
    assert (await entrance.begin(entrance.phone(), person["openid"], secrets.token_urlsafe(32)))["session"] is None


async def test_nothing_of_wechats_stands_in_the_log(entrance: Entrance) -> None:
    person = await entrance.beside.person()
    phone = entrance.phone()
    await entrance.join(phone, person["openid"])
    await entrance.beside.process.fault("unavailable.login")
    await phone.post("/sessions/wechat", {"code": "a-code-to-look-for", "device_secret": secrets.token_urlsafe(32)})
    written = entrance.server.log()
    assert "wechat_sign_in_failed" in written
    for secret in (entrance.beside.secret, person["openid"], person["phone"], "a-code-to-look-for"):
        assert secret not in written


async def test_who_shows_a_number_of_long_ago_is_asked_and_bound_by_the_answer(
    entrance: Entrance, database: Database
) -> None:
    for is_same in (True, False):
        phone, secret = entrance.phone(), secrets.token_urlsafe(32)
        person = await entrance.beside.person()
        await entrance.join(phone, person["openid"])
        await phone.add_member()
        account = (await phone.get("/account")).json()["id"]
        await database.execute("UPDATE patient_account SET phone_proved_at = now() - interval '91 days'")
        newcomer, openid = entrance.phone(), (await entrance.beside.person(phone=person["phone"]))["openid"]
        begun = await entrance.begin(newcomer, openid, secret)
        asked = await entrance.show_number(newcomer, openid, secret, begun["ticket"])
        assert (asked.status_code, asked.json()["code"]) == (409, "sign_in.holder_unsure")
        sealed = await database.fetchval(
            "SELECT p.document_cipher FROM patient_account_member m JOIN patient p ON p.id = m.patient_id"
        )
        ending = cipher().open(sealed)[-4:] if is_same else None
        told = {"question": asked.json()["question"], "transport": "body", "privacy_version": PRIVACY}
        answer = await newcomer.post("/sessions/answers", told | {"ending": ending})
        assert answer.status_code == 200, answer.text
        newcomer.keep(answer)
        assert ((await newcomer.get("/account")).json()["id"] == account) is is_same
        # From now on WeChat knows them; and whoever it knew before is in as before.
        assert (await entrance.begin(entrance.phone(), openid, secret))["session"] is not None
        assert (await entrance.begin(entrance.phone(), person["openid"], secret))["session"] is not None
        await database.execute("DELETE FROM patient_account_member")


async def test_the_holder_confirms_by_wechat_and_nobody_else_does(entrance: Entrance, database: Database) -> None:
    phone, person = entrance.phone(), await entrance.beside.person()
    await entrance.join(phone, person["openid"])
    await database.execute("UPDATE sign_in_session SET auth_time = auth_time - interval '11 minutes'")
    stranger = await entrance.beside.person()
    path = "/session/confirmations/wechat"
    refused = await phone.post(path, {"code": await entrance.beside.login_code(stranger["openid"])})
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in.refused")
    number = (await entrance.beside.person())["openid"]
    asked = {"phone_code": await entrance.beside.phone_code(number)}
    assert (await phone.send("PUT", "/account/phone/wechat", asked)).status_code == 403
    code = await entrance.beside.login_code(person["openid"])
    assert (await phone.post(path, {"code": code})).status_code == 204
    assert (await phone.post(path, {"code": code})).status_code == 403
    # What was refused for want of a proof has not used WeChat's code up.
    assert (await phone.send("PUT", "/account/phone/wechat", asked)).status_code == 200


async def test_who_confirms_waits_for_a_change_of_the_number_and_not_the_other_way_round(
    entrance: Entrance, database: Database
) -> None:
    phone, person = entrance.phone(), await entrance.beside.person()
    await entrance.join(phone, person["openid"])
    code = await entrance.beside.login_code(person["openid"])
    async with database.transaction() as tx:
        # As who changes the number: first the sessions, then what an address has used.
        await tx.execute("SELECT FROM sign_in_session WHERE id = $1 FOR UPDATE", UUID(phone.session_id))
        confirming = asyncio.create_task(phone.post("/session/confirmations/wechat", {"code": code}))
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while not await database.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ):
                await asyncio.sleep(0.05)
        await tx.execute("UPDATE sign_in_throttle SET count = count")
    assert (await confirming).status_code == 204


async def test_who_has_lost_the_number_to_its_next_owner_goes_on_by_wechat(
    entrance: Entrance, database: Database
) -> None:
    person = await entrance.beside.person()
    await entrance.join(entrance.phone(), person["openid"])
    await database.execute(
        "UPDATE patient_account SET phone_cipher = NULL, phone_hash = NULL, phone_proved_at = NULL"
        " WHERE phone_hash = $1",
        cipher().lookup_hash(person["phone"]),
    )
    phone = entrance.phone()
    begun = await entrance.begin(phone, person["openid"], secrets.token_urlsafe(32))
    phone.access_token = begun["session"]["access_token"]
    assert (await phone.get("/account")).json()["phone"] is None
    # Nobody has begun an account with it after all.
    asked = {"phone_code": await entrance.beside.phone_code(person["openid"])}
    answer = await phone.send("PUT", "/account/phone/wechat", asked)
    assert (answer.status_code, answer.json()["ended"]) == (200, 1)
