"""api.weixin.qq.com over HTTP: always status 200, success and refusal told apart by errcode."""

import asyncio
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse

from integration.emulators.common.faults import ANSWER_LOST
from integration.emulators.wechat.errors import WireError
from integration.emulators.wechat.service import (
    CONNECTION_CUT,
    FREQUENCY_LIMITED,
    SLOW,
    SYSTEM_BUSY,
    TOKEN_EXPIRED,
    TOKEN_SPOILED,
    UNAVAILABLE,
    WeChat,
    fault_of,
)
from kernel import clock

SLOW_SECONDS: Final = 10
SLOW_SECONDS_MAX: Final = 30

Handler = Callable[[Request], dict[str, Any]]


class WeChatApi:
    """The routes of the wire."""

    def __init__(self, service: WeChat) -> None:
        self._service = service

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the routes into the application."""
        self._add(app, "GET", "/sns/jscode2session", "login", self.code_to_session)
        self._add(app, "POST", "/cgi-bin/stable_token", "token", self.stable_token)
        self._add(app, "POST", "/wxa/business/getuserphonenumber", "phone", self.phone_number)
        self._add(app, "POST", "/cgi-bin/message/subscribe/send", "send", self.send_message)

    def render_error(self, request: Request, error: Exception) -> HTTPResponse | None:
        """Word a failure as WeChat does; what is not of the wire is left to others."""
        if request.path.startswith("/sandbox"):
            return None
        if isinstance(error, SanicException) and error.status_code in (404, 405):
            error = WireError(43002 if error.status_code == 405 else 48001)
        if not isinstance(error, WireError):
            return None
        rid = f"{int(clock.machine_now().timestamp()):x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
        return _answer({"errcode": error.errcode, "errmsg": f"{error.errmsg} rid: {rid}"})

    # --- the interfaces

    def code_to_session(self, request: Request) -> dict[str, Any]:
        """Tell who logs in."""
        given = {name: _argument(request, name) for name in ("appid", "secret", "js_code", "grant_type")}
        self._require_application(given)
        if not given["js_code"]:
            raise WireError(41008)
        if given["grant_type"] != "authorization_code":
            raise WireError(40002)
        return self._service.people.log_in(given["js_code"])

    def stable_token(self, request: Request) -> dict[str, Any]:
        """Give the application its token."""
        body = _read_object(request)
        if body.get("grant_type") != "client_credential":
            raise WireError(40002)
        self._require_application({name: str(body.get(name) or "") for name in ("appid", "secret")})
        token, seconds = self._service.tokens.give(force=body.get("force_refresh") is True)
        return {"access_token": token, "expires_in": seconds}

    def phone_number(self, request: Request) -> dict[str, Any]:
        """Tell a user's number."""
        self._require_token(request)
        code = _read_object(request).get("code")
        if not isinstance(code, str) or not code:
            raise WireError(40029)
        return self._service.people.tell_phone(code)

    def send_message(self, request: Request) -> dict[str, Any]:
        """Write to a user by a template."""
        self._require_token(request)
        number = self._service.messages.send(_read_object(request))
        return {"errcode": 0, "errmsg": "ok", "msgid": number}

    # --- what all have

    def _add(self, app: Sanic[Any, Any], method: str, path: str, interface: str, handler: Handler) -> None:
        async def answer(request: Request) -> HTTPResponse:
            await self._be_slow(interface)
            if self._take(UNAVAILABLE, interface) is not None:
                return HTTPResponse(b"", 503)
            self._apply_faults(interface)
            refusal: WireError | None = None
            body: dict[str, Any] = {}
            with self._service.store.transaction():
                try:
                    body = handler(request)
                except WireError as error:
                    # What was counted or used up before a refusal stays so.
                    refusal = error
            if refusal is not None:
                raise refusal
            if self._take(ANSWER_LOST, interface) is not None:
                return HTTPResponse(b"<html>502 Bad Gateway</html>", 502, content_type="text/html")
            if self._take(CONNECTION_CUT, interface) is not None:
                _cut(request)
            return _answer(body, is_text=interface == "login")

        app.add_route(answer, path, methods=[method], name=interface)

    async def _be_slow(self, interface: str) -> None:
        if (slow := self._take(SLOW, interface)) is not None:
            await asyncio.sleep(min(slow.get("seconds", SLOW_SECONDS), SLOW_SECONDS_MAX))

    def _apply_faults(self, interface: str) -> None:
        """Do what the faults say before anything is done."""
        for name, errcode in ((SYSTEM_BUSY, -1), (FREQUENCY_LIMITED, 45011)):
            if self._take(name, interface) is not None:
                raise WireError(errcode)
        if self._take(TOKEN_EXPIRED, interface) is not None:
            self._service.tokens.expire()
        if self._take(TOKEN_SPOILED, interface) is not None:
            self._service.tokens.spoil()

    def _take(self, name: str, interface: str) -> Mapping[str, Any] | None:
        """Use a fault once, of this interface or of any."""
        found = self._service.faults.take(fault_of(name, interface))
        return found if found is not None else self._service.faults.take(name)

    def _require_application(self, given: Mapping[str, str]) -> None:
        for name, missing in (("appid", 41002), ("secret", 41004)):
            if not given[name]:
                raise WireError(missing)
        if given["appid"] != self._service.account.app_id:
            raise WireError(40013)
        if not hmac.compare_digest(given["secret"].encode(), self._service.account.secret.encode()):
            raise WireError(40125)

    def _require_token(self, request: Request) -> None:
        self._service.tokens.require(_argument(request, "access_token"))


def _cut(request: Request) -> None:
    transport = request.transport
    assert isinstance(transport, asyncio.WriteTransport), "a request has come over a connection"
    transport.abort()


def _argument(request: Request, name: str) -> str:
    value = request.args.get(name)
    return value if isinstance(value, str) else ""


def _read_object(request: Request) -> dict[str, Any]:
    if not request.body:
        raise WireError(44002)
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise WireError(47001) from error
    if not isinstance(found, dict):
        raise WireError(47001)
    return found


def _answer(body: Mapping[str, Any], *, is_text: bool = False) -> HTTPResponse:
    # This one interface calls its JSON a text, which clients must not stumble over.
    content_type = "text/plain" if is_text else "application/json; encoding=utf-8"
    return HTTPResponse(json.dumps(body, ensure_ascii=False), content_type=content_type)
