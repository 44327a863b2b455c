"""Cases of signing in with WeChat."""

import secrets

import httpx

from tests.contract.app_cases import app_case
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import PRIVACY, Phone
from tests.factories.wechat import WeChatBeside, wechat_of


async def begin(beside: WeChatBeside, phone: Phone, openid: str, secret: str) -> httpx.Response:
    body = {"code": await beside.login_code(openid), "device_secret": secret}
    return await phone.post("/sessions/wechat", body)


async def show_number(api: OpenApi, *, again: bool) -> httpx.Response:
    """Sign in for the first time; again: and once more, when one is known."""
    newcomer, secret = Phone(api.http), secrets.token_urlsafe(32)
    async with wechat_of(api.server) as beside:
        openid = (await beside.person())["openid"]
        begun = await begin(beside, newcomer, openid, secret)
        body = {
            "ticket": begun.json()["ticket"],
            "phone_code": await beside.phone_code(openid),
            "device_secret": secret,
            "privacy_version": PRIVACY,
        }
        answer = await newcomer.post("/sessions/wechat/phone", body)
        return await begin(beside, newcomer, openid, secret) if again else answer


@app_case("POST /app/v1/sessions/wechat")
async def _(api: OpenApi, _phone: Phone) -> httpx.Response:
    return await show_number(api, again=True)


@app_case("POST /app/v1/sessions/wechat/phone")
async def _(api: OpenApi, _phone: Phone) -> httpx.Response:
    return await show_number(api, again=False)


async def with_wechat(api: OpenApi, path: str) -> httpx.Response:
    """Do something that is for who is signed in by WeChat: show a new number, or confirm."""
    newcomer, secret = Phone(api.http), secrets.token_urlsafe(32)
    async with wechat_of(api.server) as beside:
        openid = (await beside.person())["openid"]
        begun = await begin(beside, newcomer, openid, secret)
        shown = {"ticket": begun.json()["ticket"], "phone_code": await beside.phone_code(openid)}
        body = shown | {"device_secret": secret, "privacy_version": PRIVACY}
        newcomer.keep(await newcomer.post("/sessions/wechat/phone", body))
        if path == "/session/confirmations/wechat":
            return await newcomer.post(path, {"code": await beside.login_code(openid)})
        other = (await beside.person())["openid"]
        return await newcomer.send("PUT", path, {"phone_code": await beside.phone_code(other)})


@app_case("POST /app/v1/session/confirmations/wechat")
async def _(api: OpenApi, _phone: Phone) -> httpx.Response:
    return await with_wechat(api, "/session/confirmations/wechat")


@app_case("PUT /app/v1/account/phone/wechat")
async def _(api: OpenApi, _phone: Phone) -> httpx.Response:
    return await with_wechat(api, "/account/phone/wechat")


@app_case("DELETE /app/v1/account/wechat")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.send("DELETE", "/account/wechat")
