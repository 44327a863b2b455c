"""wechatpayv3 with its traps closed (docs/adr/0311).

The SDK builds and signs requests. Around it: our own HTTP client with time limits, no proxy of the environment and a
bound on what comes back; our own verification of answers, which fetches nothing; no logger, because the SDK writes the
Authorization header into it; and certificates that are exchanged only when the new ones are in hand.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from wechatpayv3.async_ import AsyncWeChatPay, WeChatPayType
from wechatpayv3.async_.core import AsyncCore
from wechatpayv3.async_.type import RequestType

from kernel import clock
from kernel.log import get_logger
from payments.gateways.errors import ChannelUnavailable, NotificationRefused
from payments.gateways.wechatpay import gate
from payments.gateways.wechatpay.keys import Kept, WechatPayKeys, serial_of

LIVE_URL: Final = "https://api.mch.weixin.qq.com"
CONNECT_SECONDS_MAX: Final = 5.0
ANSWER_SECONDS_MAX: Final = 15.0
CALL_SECONDS_MAX: Final = 30.0
DOWNLOAD_SECONDS_MAX: Final = 600.0
ANSWER_BYTES_MAX: Final = 512 * 1024 * 1024
"""A bill of a million lines is some 300 MB; anything else is a few hundred bytes."""
CONNECTIONS_MAX: Final = 20
# The channel's documents say SHA-1 here (敏感信息加密); as a mask of OAEP it is not broken.
_OAEP: Final = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)  # noqa: S303  as said
CERTIFICATES_PATH: Final = "/v3/certificates"
CERTIFICATES_LIVE: Final = timedelta(hours=12)
CERTIFICATES_AGAIN: Final = timedelta(minutes=5)

Keep = Callable[[Mapping[str, Kept]], Awaitable[None]]
"""Keeps the certificates that were fetched for the other processes."""

log = get_logger("payments")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, and a JSON object where there was one."""

    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """The channel's own code of a refusal."""
        code = self.body.get("code")
        return code if isinstance(code, str) else ""


class _BoundedStream(httpx.AsyncByteStream):
    """Stops reading an answer that is larger than anything the channel has to say."""

    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for piece in self._inner:
            count += len(piece)
            if count > ANSWER_BYTES_MAX:
                raise httpx.ReadError("the answer is too large")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedTransport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream), "an asynchronous transport streams so"
        response.stream = _BoundedStream(response.stream)
        return response


class _Core(AsyncCore):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's core, believing only what our own gate believes."""

    keys: WechatPayKeys

    async def _verify_signature_async(self, headers: Mapping[str, str], body: str) -> bool:
        try:
            gate.verify(headers, body.encode(), self.keys.trusted, now=clock.machine_now())
        except NotificationRefused as refusal:
            raise ChannelUnavailable(f"an answer that is not believed: {refusal.reason}") from refusal
        return True

    async def _init_certificates(self) -> None:
        """Leave certificates to `WechatPayClient.fetch_certificates`: the SDK would drop the old ones first."""


class WechatPayClient:
    """One merchant's connection; opened at its first call, for one event loop."""

    def __init__(
        self,
        keys: WechatPayKeys,
        *,
        merchant_no: str,
        app_id: str,
        base_url: str = LIVE_URL,
        keep: Keep | None = None,
    ) -> None:
        self._keys = keys
        self._keep = keep
        self._base_url = base_url.rstrip("/")
        self._opening = asyncio.Lock()
        self._certificates_due = datetime.min.replace(tzinfo=UTC)
        self._http: httpx.AsyncClient | None = None
        self._sdk: Any = AsyncWeChatPay(
            wechatpay_type=WeChatPayType.MINIPROG,
            mchid=merchant_no,
            private_key=keys.merchant_key_pem,
            cert_serial_no=keys.merchant_serial,
            appid=app_id,
            apiv3_key=keys.apiv3_key,
            logger=None,
            public_key=keys.public_key_pem,
            public_key_id=keys.public_key_id,
        )
        self._core = _Core(
            mchid=merchant_no,
            cert_serial_no=keys.merchant_serial,
            private_key=keys.merchant_key_pem,
            apiv3_key=keys.apiv3_key,
            logger=None,
            public_key=keys.public_key_pem,
            public_key_id=keys.public_key_id,
        )
        self._core.keys = keys
        # The SDK takes neither a base URL nor a client of ours otherwise.
        self._core._gate_way = self._base_url  # noqa: SLF001  as said
        self._sdk._core = self._core  # noqa: SLF001  as said

    @property
    def sdk(self) -> Any:
        """The SDK, for building calls."""
        return self._sdk

    @property
    def download_prefix(self) -> str:
        """Where alone bills are fetched from."""
        return f"{self._base_url}/v3/billdownload/"

    async def open(self) -> None:
        """Connect; in certificate mode fetch the channel's certificates, and renew them when their time has come.

        Raises:
            ChannelUnavailable: there are no certificates to believe.
        """
        async with self._opening:
            if self._http is None:
                self._http = httpx.AsyncClient(
                    timeout=httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
                    transport=_BoundedTransport(
                        limits=httpx.Limits(max_connections=CONNECTIONS_MAX), trust_env=False, retries=0
                    ),
                    follow_redirects=False,
                    trust_env=False,
                    # What is packed by the way would be unpacked without a bound.
                    headers={"accept-encoding": "identity"},
                )
                self._core._client = self._http  # noqa: SLF001  the SDK's own has no time limit of ours
            if self._keys.is_certificate_mode and clock.machine_now() >= self._certificates_due:
                await self._renew_certificates()

    async def close(self) -> None:
        """Give the connections back."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def call(self, build: str, **arguments: object) -> Answer:
        """Make a call that the SDK builds.

        Raises:
            ChannelUnavailable: no answer, or one that is not believed.
        """
        await self.open()
        status, content = await self._bounded(getattr(self._sdk, build)(**arguments), CALL_SECONDS_MAX)
        return _answer(status, content)

    async def request(self, path: str, *, data: dict[str, Any] | None = None) -> Answer:
        """Make a call for which the SDK has no builder: a POST where there is data, else a GET.

        Raises:
            ChannelUnavailable: no answer, or one that is not believed.
        """
        await self.open()
        method = RequestType.GET if data is None else RequestType.POST
        # Which of the channel's keys sealed fields are sealed under, and signs the answer.
        headers = {"Wechatpay-Serial": next(iter(self._keys.trusted))}
        call = self._core.request(path, method=method, data=data, headers=headers)
        status, content = await self._bounded(call, CALL_SECONDS_MAX)
        return _answer(status, content)

    def seal(self, text: str) -> str:
        """Seal a field that only the channel may read; `open` comes first."""
        key = next(iter(self._keys.trusted.values()))
        return b64encode(key.encrypt(text.encode(), _OAEP)).decode()

    async def download(self, url: str) -> bytes:
        """Fetch a bill from where the channel said, and only if that is the channel's own place.

        Raises:
            ChannelUnavailable: elsewhere, or no answer.
        """
        if not url.startswith(self.download_prefix):
            raise ChannelUnavailable("a bill at an address that is not the channel's")
        await self.open()
        status, content = await self._bounded(self._sdk.download_bill(url), DOWNLOAD_SECONDS_MAX)
        if status != httpx.codes.OK:
            raise ChannelUnavailable(f"the bill's address answers {status}")
        return content.encode() if isinstance(content, str) else bytes(content)

    async def fetch_certificates(self) -> None:
        """Exchange the channel's certificates for those that it gives now (it changes them yearly).

        Raises:
            ChannelUnavailable: none could be had; the known ones stay.
        """
        await self.open()
        async with self._opening:
            await self._fetch_certificates()

    async def _renew_certificates(self) -> None:
        """Fetch certificates; those that are known serve on while no new ones can be had."""
        try:
            await self._fetch_certificates()
        except ChannelUnavailable:
            if not self._keys.trusted:
                raise
            self._certificates_due = clock.machine_now() + CERTIFICATES_AGAIN
            log.warning("wechatpay_certificates_put_off")

    async def _fetch_certificates(self) -> None:
        status, content = await self._bounded(
            # The key that signs this answer is inside it, sealed under a key that only the channel and we have.
            self._core.request(CERTIFICATES_PATH, skip_verify=True),
            CALL_SECONDS_MAX,
        )
        answer = _answer(status, content)
        if answer.status != httpx.codes.OK:
            raise ChannelUnavailable(f"certificates: {answer.status} {answer.code}")
        found = _certificates(answer.body, self._keys.seal)
        if not found:
            raise ChannelUnavailable("certificates: none that is valid")
        if self._keep is not None:
            await self._keep({serial_of(one): _kept(one) for one, _ in found})
        self._keys.trusted = {serial_of(one): key for one, key in found}
        self._certificates_due = clock.machine_now() + CERTIFICATES_LIVE

    async def _bounded(self, call: Any, seconds: float) -> tuple[int, str | bytes]:
        try:
            async with asyncio.timeout(seconds):
                status, content = await call
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise ChannelUnavailable(type(error).__name__) from error
        return int(status), content


def _answer(status: int, content: str | bytes) -> Answer:
    """Read an answer; what is no JSON object is one without fields."""
    try:
        body = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        body = {}
    return Answer(status, body if isinstance(body, dict) else {})


def _certificates(body: dict[str, Any], seal: AESGCM) -> list[tuple[x509.Certificate, RSAPublicKey]]:
    """Open the certificates that are valid today."""
    found = []
    entries = body.get("data")
    for entry in entries if isinstance(entries, list) else []:
        try:
            certificate = x509.load_pem_x509_certificate(gate.unseal(entry["encrypt_certificate"], seal))
        except (KeyError, TypeError, AttributeError, ValueError, InvalidTag) as error:
            raise ChannelUnavailable("certificates: one that cannot be opened") from error
        key, now = certificate.public_key(), datetime.now(UTC)
        is_valid = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
        if is_valid and isinstance(key, RSAPublicKey):
            found.append((certificate, key))
    return found


def _kept(certificate: x509.Certificate) -> Kept:
    return Kept(certificate.public_bytes(Encoding.PEM).decode(), certificate.not_valid_after_utc)
