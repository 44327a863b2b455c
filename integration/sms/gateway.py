"""Tencent Cloud SMS, API version 2021-01-11: SendSms for one number at a time, and PullSmsSendStatus.

https://cloud.tencent.com/document/api/382/55981 (SendSms), /59177 (codes), /52077 (PullSmsSendStatus). Why the call is
signed here and not by the vendor's SDK: docs/adr/0490.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson

from integration.sms.errors import AnswerLost, NotReached, SendRefused
from integration.sms.signing import Key, authorize
from kernel import clock

TENCENT: Final = "https://sms.tencentcloudapi.com"
SERVICE: Final = "sms"
VERSION: Final = "2021-01-11"
REGION: Final = "ap-guangzhou"
CONTENT_TYPE: Final = "application/json; charset=utf-8"
CONNECT_SECONDS_MAX: Final = 2.0
ANSWER_SECONDS_MAX: Final = 6.0
CALL_SECONDS_MAX: Final = 8.0
"""From being asked to giving up, waiting for a connection included."""
CONNECTIONS_MAX: Final = 16
ANSWER_BYTES_MAX: Final = 256 * 1024
REPORTS_MAX: Final = 100
"""So many reports are given out at a time."""
CODE_CHARACTERS_MAX: Final = 64
SERIAL_CHARACTERS_MAX: Final = 64
_CODE: Final = re.compile(r"[A-Z][A-Za-z]*(\.[A-Z][A-Za-z]*)*", re.ASCII)
_IN_DOUBT: Final = frozenset(
    {
        "InternalError",
        "InternalError.OtherError",
        "InternalError.ParseBackendResponseFail",
        "InternalError.SendAndRecvFail",
        "InternalError.Timeout",
        "InternalError.UnknownError",
    }
)
"""The gateway's own words for not knowing itself whether the network has the message."""

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """The application at Tencent Cloud (SmsSdkAppId), the signature that stands in 【】, and the key of a sub-user."""

    app_id: str
    sign_name: str
    key: Key


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a message, by the number that the gateway gave it. reason: the network's code, like `MK:0001`."""

    serial: str
    has_arrived: bool
    reason: str


class SmsGateway:
    """One account with the gateway."""

    def __init__(
        self, account: Account, *, base_url: str = TENCENT, answer_seconds_max: float = ANSWER_SECONDS_MAX
    ) -> None:
        self._account = account
        self._host = urlsplit(base_url).netloc
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(answer_seconds_max, connect=CONNECT_SECONDS_MAX),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            follow_redirects=False,
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def send(self, *, phone: str, template_id: str, values: Sequence[str]) -> str:
        """Hand a message to a mainland number over, and give the gateway's number for it. One request, no repetition.

        Raises:
            SendRefused: with the gateway's code, of the call or of the number.
            NotReached, AnswerLost.
        """
        answer = await self._call(
            "SendSms",
            {
                "PhoneNumberSet": [f"+86{phone}"],
                "SmsSdkAppId": self._account.app_id,
                "SignName": self._account.sign_name,
                "TemplateId": template_id,
                "TemplateParamSet": list(values),
            },
        )
        statuses = answer.get("SendStatusSet")
        if not isinstance(statuses, list) or len(statuses) != 1 or not isinstance(statuses[0], dict):
            raise AnswerLost
        code = _text(statuses[0], "Code", CODE_CHARACTERS_MAX)
        if code.lower() != "ok":
            raise _refusal(code)
        return _text(statuses[0], "SerialNo", SERIAL_CHARACTERS_MAX)

    async def pull_reports(self) -> Sequence[Report]:
        """Fetch the next reports; the gateway gives each out once. Fewer than REPORTS_MAX: there are no more now.

        Raises:
            SendRefused, NotReached, AnswerLost.
        """
        answer = await self._call("PullSmsSendStatus", {"SmsSdkAppId": self._account.app_id, "Limit": REPORTS_MAX})
        found = answer.get("PullSmsSendStatusSet")
        if not isinstance(found, list):
            raise AnswerLost
        return [
            Report(
                serial=_text(one, "SerialNo", SERIAL_CHARACTERS_MAX),
                has_arrived=one.get("ReportStatus") == "SUCCESS",
                reason=_text(one, "Description", CODE_CHARACTERS_MAX),
            )
            for one in found[:REPORTS_MAX]
            if isinstance(one, dict)
        ]

    async def _call(self, action: str, asked: Mapping[str, Any]) -> Answer:
        body = orjson.dumps(asked)
        now = clock.machine_now()
        signed = {"content-type": CONTENT_TYPE, "host": self._host, "x-tc-action": action}
        headers = signed | {
            "authorization": authorize(self._account.key, service=SERVICE, headers=signed, body=body, at=now),
            "x-tc-version": VERSION,
            "x-tc-region": REGION,
            "x-tc-timestamp": str(int(now.timestamp())),
        }
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                content = await self._post(body, headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise NotReached from None
        except (httpx.HTTPError, TimeoutError):
            raise AnswerLost from None
        return _read(content)

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        async with self._client.stream("POST", "/", content=body, headers=headers) as answer:
            # Success and refusal alike come with status 200; anything else is not the gateway's own word.
            if answer.status_code != 200:
                raise AnswerLost(f"http {answer.status_code}")
            content = b""
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > ANSWER_BYTES_MAX:
                    raise AnswerLost("too long")
            return content


def _read(content: bytes) -> Answer:
    """Read an answer.

    Raises:
        SendRefused: it is the refusal of the whole call. AnswerLost: it is none, or the gateway is in doubt itself.
    """
    try:
        answer = orjson.loads(content)["Response"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise AnswerLost from None
    if not isinstance(answer, dict):
        raise AnswerLost
    if (error := answer.get("Error")) is not None:
        raise _refusal(_text(error, "Code", CODE_CHARACTERS_MAX) if isinstance(error, dict) else "")
    return answer


def _refusal(code: str) -> SendRefused | AnswerLost:
    # Codes are written down and logged; a number or words in a code's place are not.
    if not _CODE.fullmatch(code):
        return AnswerLost()
    return AnswerLost(code) if code in _IN_DOUBT else SendRefused(code)


def _text(answer: Answer, name: str, characters_max: int) -> str:
    """Read a text; one with anything in it that cannot be printed, which the database might not take, is none."""
    value = answer.get(name)
    return value[:characters_max] if isinstance(value, str) and value.isprintable() else ""
