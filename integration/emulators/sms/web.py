"""sms.tencentcloudapi.com over HTTP: one address, the action in a header, always status 200."""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse

from integration.emulators.common.faults import ANSWER_LOST
from integration.emulators.sms.errors import WireError
from integration.emulators.sms.messages import ELSEWHERE, MAINLAND, Message
from integration.emulators.sms.service import (
    CALL_REFUSED,
    CONNECTION_CUT,
    IN_DOUBT,
    NUMBER_REFUSED,
    SLOW,
    UNAVAILABLE,
    Gateway,
)
from integration.emulators.sms.signatures import require_signature
from kernel import clock

VERSION: Final = "2021-01-11"
REGIONS: Final = frozenset({"ap-beijing", "ap-guangzhou", "ap-nanjing"})
SLOW_SECONDS: Final = 10
SLOW_SECONDS_MAX: Final = 30
NUMBERS_MAX: Final = 200
REPORTS_MAX: Final = 100
CHARACTERS_MAX: Final = 1_000
_SEND: Final[Mapping[str, type]] = {
    "PhoneNumberSet": list,
    "SmsSdkAppId": str,
    "TemplateId": str,
    "SignName": str,
    "TemplateParamSet": list,
    "ExtendCode": str,
    "SessionContext": str,
    "SenderId": str,
}
_SEND_WANTS: Final = ("SmsSdkAppId", "TemplateId", "SignName")
_PULL: Final[Mapping[str, type]] = {"Limit": int, "SmsSdkAppId": str}


class SmsApi:
    """The route of the wire."""

    def __init__(self, service: Gateway) -> None:
        self._service = service

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the route into the application."""
        app.add_route(self.answer, "/", methods=["POST"], name="api")

    def render_error(self, request: Request, error: Exception) -> HTTPResponse | None:
        """Word a failure as the gateway does; what is not of the wire is left to others."""
        if request.path.startswith("/sandbox"):
            return None
        if isinstance(error, SanicException) and error.status_code in (404, 405):
            error = WireError("InvalidAction")
        if not isinstance(error, WireError):
            return None
        return _answer({"Error": {"Code": error.code, "Message": error.message}})

    async def answer(self, request: Request) -> HTTPResponse:
        """Answer a call."""
        faults = self._service.faults
        if (slow := faults.take(SLOW)) is not None:
            await asyncio.sleep(min(slow.get("seconds", SLOW_SECONDS), SLOW_SECONDS_MAX))
        if faults.take(UNAVAILABLE) is not None:
            return HTTPResponse(b"", 503)
        asked = self._open(request)
        if (refused := faults.take(CALL_REFUSED)) is not None:
            raise WireError(str(refused["code"]))
        actions = {"SendSms": self.send, "PullSmsSendStatus": self.pull}
        act = actions.get(request.headers.get("x-tc-action", ""))
        if act is None:
            raise WireError("InvalidAction")
        with self._service.store.transaction():
            body = act(asked)
        if faults.take(ANSWER_LOST) is not None:
            return HTTPResponse(b"<html>502 Bad Gateway</html>", 502, content_type="text/html")
        if faults.take(CONNECTION_CUT) is not None:
            transport = request.transport
            assert isinstance(transport, asyncio.WriteTransport), "a request has come over a connection"
            transport.abort()
        return _answer(body)

    def send(self, asked: Mapping[str, Any]) -> Message:
        """Send a message to each number; what is wrong with one is said in its status."""
        _require_types(asked, _SEND)
        numbers, values = asked.get("PhoneNumberSet", []), asked.get("TemplateParamSet", [])
        if not numbers:
            raise WireError("MissingParameter.EmptyPhoneNumberSet")
        if len(numbers) > NUMBERS_MAX:
            raise WireError("LimitExceeded.PhoneNumberCountLimit")
        if any(name not in asked for name in _SEND_WANTS):
            raise WireError("MissingParameter")
        self._require_application(asked)
        if any(MAINLAND.fullmatch(one) for one in numbers) and any(ELSEWHERE.fullmatch(one) for one in numbers):
            raise WireError("UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber")
        return {"SendStatusSet": [self._send_one(one, asked, values) for one in numbers]}

    def pull(self, asked: Mapping[str, Any]) -> Message:
        """Give reports out."""
        _require_types(asked, _PULL)
        if "Limit" not in asked or "SmsSdkAppId" not in asked:
            raise WireError("MissingParameter")
        self._require_application(asked)
        if not 1 <= asked["Limit"] <= REPORTS_MAX:
            raise WireError("InvalidParameterValue.LimitVerifyFail")
        return {"PullSmsSendStatusSet": self._service.messages.pull(asked["Limit"])}

    def _send_one(self, number: str, asked: Mapping[str, Any], values: Sequence[str]) -> Message:
        try:
            if (refused := self._service.faults.take(NUMBER_REFUSED)) is not None:
                raise WireError(str(refused["code"]))
            status = self._service.messages.send(
                number, sign_name=asked["SignName"], template_id=asked["TemplateId"], values=values
            )
        except WireError as error:
            return _status(number, error.code, error.message, asked.get("SessionContext", ""))
        if self._service.faults.take(IN_DOUBT) is not None:
            return _status(number, "InternalError.Timeout", "timeout", asked.get("SessionContext", ""))
        return status | {"SessionContext": asked.get("SessionContext", "")}

    def _require_application(self, asked: Mapping[str, Any]) -> None:
        if asked["SmsSdkAppId"] != self._service.account.app_id:
            raise WireError("InvalidParameterValue.SdkAppIdNotExist")

    def _open(self, request: Request) -> Mapping[str, Any]:
        account = self._service.account
        require_signature(
            request.headers,
            request.body,
            secret_id=account.secret_id,
            secret_key=account.secret_key,
            now=clock.machine_now(),
        )
        if request.headers.get("x-tc-version") != VERSION:
            raise WireError("NoSuchVersion")
        if "x-tc-region" not in request.headers:
            raise WireError("MissingParameter")
        if request.headers["x-tc-region"] not in REGIONS:
            raise WireError("UnsupportedRegion")
        try:
            asked = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise WireError("InvalidRequest") from error
        if not isinstance(asked, dict):
            raise WireError("InvalidRequest")
        return asked


def _require_types(asked: Mapping[str, Any], wanted: Mapping[str, type]) -> None:
    for name, value in asked.items():
        if name not in wanted:
            raise WireError("UnknownParameter")
        texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
        if type(value) is not wanted[name] or any(type(one) is not str or len(one) > CHARACTERS_MAX for one in texts):
            raise WireError("InvalidParameter")


def _status(number: str, code: str, message: str, session: str) -> Message:
    return {
        "SerialNo": "",
        "PhoneNumber": number,
        "Fee": 0,
        "SessionContext": session,
        "Code": code,
        "Message": message,
        "IsoCode": "",
    }


def _answer(body: Mapping[str, Any]) -> HTTPResponse:
    request_id = secrets.token_hex(16)
    told = {"Response": dict(body) | {"RequestId": f"{request_id[:8]}-{request_id[8:12]}-{request_id[12:]}"}}
    return HTTPResponse(json.dumps(told, ensure_ascii=False), content_type="application/json")
