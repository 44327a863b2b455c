"""Alipay's gateway over HTTP: the SDK writes a request, we date it, sign it, send it, and check what comes back.

Why not the SDK's own `execute`: it dates requests by the machine's local time, cannot be told of a port, turns an
answer other than 200 into a TypeError, and signs in 27 ms (docs/adr/0315).
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlsplit

import httpx
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from kernel import clock
from kernel.log import get_logger
from payments.gateways.alipay.signing import SIGN_TYPE, is_signed_by, sign, signed_content
from payments.gateways.errors import ChannelRefused, ChannelUnavailable

CALL_SECONDS_MAX: Final = 15.0
CONNECT_SECONDS_MAX: Final = 4.0
READ_SECONDS_MAX: Final = 10.0
ANSWER_BYTES_MAX: Final = 256 * 1024
DOWNLOAD_SECONDS_MAX: Final = 120.0

SUCCESS: Final = "10000"
BUSINESS_FAILED: Final = "40004"
REFUSED_AT_THE_DOOR: Final = ("40001", "40002", "40003", "40006")
"""Something of the request is missing, malformed or not allowed: the gateway has not acted on it."""
SYSTEM_ERROR: Final = "SYSTEM_ERROR"
"""Ends the sub_code with which Alipay says that it does not know itself (ACQ.SYSTEM_ERROR, aop.ACQ.SYSTEM_ERROR)."""

Answer = dict[str, Any]

log = get_logger("payments.alipay")


class SdkRequest(Protocol):
    """What the SDK's request classes have in common."""

    def get_params(self) -> dict[str, Any]:
        """Give the parameters of the request."""
        ...


@dataclass(frozen=True, slots=True)
class Keys:
    """The application's private key, and Alipay's public one."""

    private: RSAPrivateKey
    alipay: RSAPublicKey


class AlipayWire:
    """One application's line to gateway.do."""

    def __init__(self, *, gateway_url: str, app_id: str, keys: Keys) -> None:
        self._url = gateway_url
        self._keys = keys
        config = AlipayClientConfig()
        config.app_id = app_id
        config.sign_type = SIGN_TYPE
        # We sign after dating; the SDK cannot be told the time.
        config.skip_sign = True
        self._sdk = DefaultAlipayClient(config)
        timeout = httpx.Timeout(READ_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
        self._client = httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def call(self, request: SdkRequest) -> Answer:
        """Send a request and give the checked answer of a call that succeeded.

        Raises:
            ChannelUnavailable: what Alipay did is not known.
            ChannelRefused: it said no, with its own sub_code.
        """
        form = self.write(request)
        body = await self._post(form)
        answer = read_answer(body, method=form["method"], key=self._keys.alipay)
        code, sub_code = str(answer.get("code")), str(answer.get("sub_code") or answer.get("code"))
        if code == SUCCESS:
            return answer
        log.info("alipay_refused", method=form["method"], code=code, sub_code=sub_code)
        if code in REFUSED_AT_THE_DOOR or (code == BUSINESS_FAILED and not sub_code.endswith(SYSTEM_ERROR)):
            raise ChannelRefused(sub_code)
        raise ChannelUnavailable(sub_code)

    def write(self, request: SdkRequest) -> dict[str, str]:
        """Write a request as the form that goes over the wire, dated by Shanghai time and signed."""
        form = dict(parse_qsl(self._sdk.sdk_execute(request), strict_parsing=True))
        form["timestamp"] = clock.clinic_time(clock.machine_now())
        form["sign"] = sign(self._keys.private, signed_content(form, without=frozenset({"sign"})))
        return form

    async def download(self, url: str, *, bytes_max: int) -> bytes:
        """Fetch a file from where Alipay said that it lies: there, or beside the gateway itself.

        Raises:
            ChannelUnavailable: the address is another's, nothing came, or more than may come.
        """
        gateway, target = urlsplit(self._url), urlsplit(url)
        is_beside = (target.scheme, target.netloc) == (gateway.scheme, gateway.netloc)
        if not is_beside and not (target.scheme == "https" and _is_alipays(target.hostname or "")):
            raise ChannelUnavailable("the download lies at a foreign address")
        return await self._fetch("GET", url, seconds_max=DOWNLOAD_SECONDS_MAX, bytes_max=bytes_max)

    async def _post(self, form: Mapping[str, str]) -> bytes:
        return await self._fetch("POST", self._url, seconds_max=CALL_SECONDS_MAX, bytes_max=ANSWER_BYTES_MAX, form=form)

    async def _fetch(
        self, method: str, url: str, *, seconds_max: float, bytes_max: int, form: Mapping[str, str] | None = None
    ) -> bytes:
        try:
            async with asyncio.timeout(seconds_max), self._client.stream(method, url, data=form) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise ChannelUnavailable(f"answered {answer.status_code}")
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > bytes_max:
                        raise ChannelUnavailable(f"answered more than {bytes_max} bytes")
                return bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise ChannelUnavailable(type(error).__name__) from error


def read_answer(body: bytes, *, method: str, key: RSAPublicKey) -> Answer:
    """Give what Alipay answered, once its signature over exactly those bytes holds.

    Raises:
        ChannelUnavailable: it is no such answer, or is not Alipay's.
    """
    name = f'"{method.replace(".", "_")}_response"'
    try:
        text = body.decode()
        whole = json.loads(text)
        # A second object of the name could be read by one parser and signed for another.
        if not isinstance(whole, dict) or text.count(name) != 1:
            raise ValueError(_told_at_the_door(whole))
        start = text.index("{", text.index(name))
        answer, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise ChannelUnavailable(f"unreadable answer: {error}"[:200]) from error
    if not is_signed_by(key, text[start:end].encode(), str(whole.get("sign", ""))):
        log.warning("alipay_answer_not_signed", method=method)
        raise ChannelUnavailable("the answer's signature does not hold")
    found: Answer = answer
    return found


def _told_at_the_door(whole: object) -> str:
    """Name an `error_response`, which says what is wrong with our settings; it bears no signature to rely on."""
    error = whole.get("error_response") if isinstance(whole, dict) else None
    return str(error.get("sub_code")) if isinstance(error, dict) else "another shape"


def _is_alipays(host: str) -> bool:
    return host == "alipay.com" or host.endswith(".alipay.com")
