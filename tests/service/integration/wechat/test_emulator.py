"""The emulated WeChat as wechatpy, unmodified but for the addresses, sees it."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from wechatpy.client import WeChatClient
from wechatpy.exceptions import APILimitedException, WeChatClientException

from runtime.sandbox_channels import WECHAT_APP_ID
from tests.factories.wechat import DATA, TEMPLATE, WeChatBeside

MADE = {name: {"value": value} for name, value in DATA.items()}


def client_of(
    beside: WeChatBeside, token: str = "none", *, secret: str | None = None, app_id: str = WECHAT_APP_ID
) -> WeChatClient:
    client = WeChatClient(app_id, secret or beside.secret, access_token=token, timeout=20, auto_retry=False)
    client.API_BASE_URL = f"{beside.process.url}/cgi-bin/"
    client.wxa.API_BASE_URL = f"{beside.process.url}/"
    client._http.trust_env = False
    return client


async def stable_token(beside: WeChatBeside, **wishes: Any) -> dict[str, Any]:
    body = {"grant_type": "client_credential", "appid": WECHAT_APP_ID, "secret": beside.secret} | wishes
    answer = await beside.process.control.post("/cgi-bin/stable_token", json=body)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def signed_on(beside: WeChatBeside) -> WeChatClient:
    return client_of(beside, (await stable_token(beside))["access_token"])


async def errcode_of(call: Callable[[], Any]) -> int:
    with pytest.raises(WeChatClientException) as refused:
        await asyncio.to_thread(call)
    assert " rid: " in refused.value.errmsg
    code: int = refused.value.errcode
    return code


async def test_a_login_code_tells_who_it_is_once(beside: WeChatBeside) -> None:
    person = await beside.person(unionid="oUnion0001")
    code = await beside.login_code(person["openid"])
    client = client_of(beside)
    told = await asyncio.to_thread(client.wxa.code_to_session, code)
    assert set(told) == {"openid", "unionid", "session_key"}
    assert (told["openid"], told["unionid"]) == (person["openid"], "oUnion0001")
    assert await errcode_of(lambda: client.wxa.code_to_session(code)) == 40163


async def test_without_an_open_platform_there_is_no_unionid(beside: WeChatBeside) -> None:
    person = await beside.person()
    code = await beside.login_code(person["openid"])
    told = await asyncio.to_thread(client_of(beside).wxa.code_to_session, code)
    assert set(told) == {"openid", "session_key"}


async def test_what_cannot_log_in(beside: WeChatBeside) -> None:
    person = await beside.person()
    blocked = await beside.person(blocked=True)
    client = client_of(beside)
    code = await beside.login_code(person["openid"])
    phone_code = await beside.phone_code(person["openid"])
    blocked_code = await beside.login_code(blocked["openid"])
    assert await errcode_of(lambda: client.wxa.code_to_session("never-made")) == 40029
    assert await errcode_of(lambda: client.wxa.code_to_session(phone_code)) == 40029
    assert await errcode_of(lambda: client.wxa.code_to_session("")) == 41008
    assert await errcode_of(lambda: client.wxa.code_to_session(blocked_code)) == 40226
    stranger = client_of(beside, secret="0" * 32)
    assert await errcode_of(lambda: stranger.wxa.code_to_session(code)) == 40125
    elsewhere = client_of(beside, app_id="wx0000000000000000")
    assert await errcode_of(lambda: elsewhere.wxa.code_to_session(code)) == 40013


async def test_codes_end_after_five_minutes(own_beside: WeChatBeside) -> None:
    person = await own_beside.person()
    client = await signed_on(own_beside)
    login, phone = await own_beside.login_code(person["openid"]), await own_beside.phone_code(person["openid"])
    await own_beside.process.advance(301)
    assert await errcode_of(lambda: client.wxa.code_to_session(login)) == 40029
    assert await errcode_of(lambda: ask_phone(client, phone)) == 40029


def ask_phone(client: WeChatClient, code: str) -> Any:
    return client.post("wxa/business/getuserphonenumber", data={"code": code}, api_base_url=client.wxa.API_BASE_URL)


async def test_a_phone_code_tells_the_number_once(beside: WeChatBeside) -> None:
    person = await beside.person(phone="13800138000")
    client = await signed_on(beside)
    code = await beside.phone_code(person["openid"])
    told = (await asyncio.to_thread(ask_phone, client, code))["phone_info"]
    assert (told["phoneNumber"], told["purePhoneNumber"], told["countryCode"]) == ("13800138000", "13800138000", "86")
    assert told["watermark"]["appid"] == WECHAT_APP_ID
    assert await errcode_of(lambda: ask_phone(client, code)) == 40029


async def test_a_number_of_elsewhere_names_its_country(beside: WeChatBeside) -> None:
    person = await beside.person(phone="61234567", country_code="852")
    client = await signed_on(beside)
    told = (await asyncio.to_thread(ask_phone, client, await beside.phone_code(person["openid"])))["phone_info"]
    assert (told["phoneNumber"], told["purePhoneNumber"], told["countryCode"]) == ("852-61234567", "61234567", "852")


async def test_the_token_is_the_same_until_near_its_end(own_beside: WeChatBeside) -> None:
    first = await stable_token(own_beside)
    assert first["expires_in"] == 7200
    await own_beside.process.advance(6000)
    again = await stable_token(own_beside)
    assert again["access_token"] == first["access_token"]
    assert 1100 <= again["expires_in"] <= 1200
    await own_beside.process.advance(950)
    renewed = await stable_token(own_beside)
    assert renewed["access_token"] != first["access_token"]
    assert renewed["expires_in"] == 7200
    old, new = client_of(own_beside, first["access_token"]), client_of(own_beside, renewed["access_token"])
    # Both are good for what the first had left.
    assert await errcode_of(lambda: ask_phone(old, "x")) == 40029
    await own_beside.process.advance(250)
    assert await errcode_of(lambda: ask_phone(old, "x")) == 40001
    assert await errcode_of(lambda: ask_phone(new, "x")) == 40029


async def test_a_forced_token_leaves_the_old_one_five_minutes(own_beside: WeChatBeside) -> None:
    first = await stable_token(own_beside)
    forced = await stable_token(own_beside, force_refresh=True)
    assert forced["access_token"] != first["access_token"]
    # Within half a minute nothing more is forced.
    assert (await stable_token(own_beside, force_refresh=True))["access_token"] == forced["access_token"]
    old = client_of(own_beside, first["access_token"])
    await own_beside.process.advance(290)
    assert await errcode_of(lambda: ask_phone(old, "x")) == 40029
    await own_beside.process.advance(11)
    assert await errcode_of(lambda: ask_phone(old, "x")) == 40001


async def test_forcing_twice_ends_a_leaked_token_at_once(own_beside: WeChatBeside) -> None:
    leaked = client_of(own_beside, (await stable_token(own_beside))["access_token"])
    await stable_token(own_beside, force_refresh=True)
    await own_beside.process.advance(31)
    await stable_token(own_beside, force_refresh=True)
    assert await errcode_of(lambda: ask_phone(leaked, "x")) == 40001


async def test_twenty_forced_tokens_a_day(own_beside: WeChatBeside) -> None:
    for _ in range(20):
        assert "access_token" in await stable_token(own_beside, force_refresh=True)
    assert (await stable_token(own_beside, force_refresh=True))["errcode"] == 45009
    assert "access_token" in await stable_token(own_beside)
    await own_beside.process.advance(86_400)
    assert "access_token" in await stable_token(own_beside, force_refresh=True)


async def test_who_gets_no_token(beside: WeChatBeside) -> None:
    for wishes, errcode in (
        ({"grant_type": "authorization_code"}, 40002),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wx1"}, 40013),
        ({"secret": "f" * 32}, 40125),
    ):
        assert (await stable_token(beside, **wishes))["errcode"] == errcode
    assert (await beside.process.control.get("/cgi-bin/stable_token")).json()["errcode"] == 43002


async def test_tokens_that_are_none(beside: WeChatBeside) -> None:
    for token, errcode in (("short", 40014), ("x" * 60, 40001)):
        assert await errcode_of(partial(ask_phone, client_of(beside, token), "x")) == errcode
    answer = await beside.process.control.post("/wxa/business/getuserphonenumber", json={"code": "x"})
    assert answer.json()["errcode"] == 41001


async def test_an_ended_token_is_called_expired(own_beside: WeChatBeside) -> None:
    client = await signed_on(own_beside)
    await own_beside.process.advance(7200)
    assert await errcode_of(lambda: ask_phone(client, "x")) == 42001


async def test_each_acceptance_is_one_message(beside: WeChatBeside) -> None:
    openid = (await beside.person())["openid"]
    client = await signed_on(beside)
    send = partial(client.wxa.send_subscribe_message, openid, TEMPLATE, MADE, "booking/pages/detail?id=1")
    assert await errcode_of(send) == 43101
    await beside.choose(openid, times=2)
    await beside.choose(openid, "reject")
    first, second = await asyncio.to_thread(send), await asyncio.to_thread(send)
    assert first["errcode"] == 0
    assert second["msgid"] > first["msgid"]
    assert await errcode_of(send) == 43101
    assert [one["data"] for one in await beside.received(openid)] == [DATA, DATA]
    assert (await beside.received(openid))[0]["page"] == "booking/pages/detail?id=1"


async def test_who_turns_messages_off_gets_none_until_they_accept_again(beside: WeChatBeside) -> None:
    openid = (await beside.person())["openid"]
    client = await signed_on(beside)
    await beside.choose(openid, times=5)
    await beside.choose(openid, "ban")
    assert await errcode_of(lambda: client.wxa.send_subscribe_message(openid, TEMPLATE, MADE)) == 43101
    await beside.choose(openid)
    await asyncio.to_thread(client.wxa.send_subscribe_message, openid, TEMPLATE, MADE)


async def test_a_long_term_template_is_not_used_up(beside: WeChatBeside) -> None:
    await beside.register("long", fields=["thing1"], long_term=True)
    openid = (await beside.person())["openid"]
    client = await signed_on(beside)
    await beside.choose(openid, template_id="long")
    for _ in range(3):
        await asyncio.to_thread(client.wxa.send_subscribe_message, openid, "long", {"thing1": {"value": "叫号"}})
    await beside.choose(openid, "ban", template_id="long")
    refused = partial(client.wxa.send_subscribe_message, openid, "long", {"thing1": {"value": "叫号"}})
    assert await errcode_of(refused) == 43101


async def test_messages_that_are_not_sent_use_nothing_up(beside: WeChatBeside) -> None:
    openid = (await beside.person())["openid"]
    client = await signed_on(beside)
    await beside.choose(openid)
    send = client.wxa.send_subscribe_message
    assert await errcode_of(lambda: send("oNobody", TEMPLATE, MADE)) == 40003
    assert await errcode_of(lambda: send(openid, "no-such-template", MADE)) == 40037
    assert await errcode_of(lambda: send(openid, TEMPLATE, MADE, "/pages/home")) == 41030
    assert await errcode_of(lambda: send(openid, TEMPLATE, {"thing1": {"value": "x"}})) == 47003
    assert await errcode_of(lambda: send(openid, TEMPLATE, MADE | {"thing9": {"value": "x"}})) == 47003
    assert await beside.received(openid) == []
    assert (await asyncio.to_thread(send, openid, TEMPLATE, MADE))["errcode"] == 0


async def test_only_pages_that_were_released_are_opened(own_beside: WeChatBeside) -> None:
    openid = (await own_beside.person())["openid"]
    client = await signed_on(own_beside)
    await own_beside.choose(openid)
    answer = await own_beside.process.control.put("/sandbox/pages", json={"pages": ["pages/home"]})
    assert answer.status_code == 200
    send = client.wxa.send_subscribe_message
    assert await errcode_of(lambda: send(openid, TEMPLATE, MADE, "pages/hame?x=1")) == 41030
    await asyncio.to_thread(send, openid, TEMPLATE, MADE, "pages/home?x=1")


async def test_faults_before_anything_is_done(beside: WeChatBeside) -> None:
    person = await beside.person()
    code = await beside.login_code(person["openid"])
    client = client_of(beside)
    for fault, errcode in (("system_busy", -1), ("frequency_limited.login", 45011)):
        await beside.process.fault(fault)
        assert await errcode_of(lambda: client.wxa.code_to_session(code)) == errcode
    await beside.process.fault("unavailable")
    with pytest.raises(WeChatClientException) as down:
        await asyncio.to_thread(client.wxa.code_to_session, code)
    assert down.value.response.status_code == 503
    assert (await asyncio.to_thread(client.wxa.code_to_session, code))["openid"] == person["openid"]


async def test_the_daily_limit_is_wechatpys_own_error(own_beside: WeChatBeside) -> None:
    client = client_of(own_beside)
    body = {"grant_type": "client_credential", "appid": WECHAT_APP_ID, "secret": own_beside.secret}
    for _ in range(20):
        await asyncio.to_thread(client.post, "stable_token", data=body | {"force_refresh": True})
    with pytest.raises(APILimitedException):
        await asyncio.to_thread(client.post, "stable_token", data=body | {"force_refresh": True})


async def test_what_was_answered_survives_a_kill(own_beside: WeChatBeside) -> None:
    openid = (await own_beside.person())["openid"]
    token = await stable_token(own_beside)
    await own_beside.choose(openid)
    code = await own_beside.login_code(openid)
    own_beside.process.kill()
    await own_beside.process.start()
    assert (await stable_token(own_beside))["access_token"] == token["access_token"]
    client = client_of(own_beside, token["access_token"])
    assert (await asyncio.to_thread(client.wxa.code_to_session, code))["openid"] == openid
    await asyncio.to_thread(client.wxa.send_subscribe_message, openid, TEMPLATE, MADE)


@pytest.mark.parametrize("path", ["/state", "/people/x/login-codes", "/tokens", "/templates"])
async def test_nobody_plays_a_user_without_the_sandboxs_token(beside: WeChatBeside, path: str) -> None:
    method = "POST" if "codes" in path else "GET"
    answer = await beside.process.control.request(
        method, f"/sandbox{path}", headers={"authorization": "Bearer not-it"}, json={} if method == "POST" else None
    )
    assert answer.status_code == 401
