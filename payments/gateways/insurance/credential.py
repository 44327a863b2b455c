"""The insurance's electronic credential over its wire (docs/adr/0475): what a code stands for that a person brings."""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson

from kernel import clock
from kernel.ids import new_id
from kernel.log import get_logger
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.insurance.port import Consent, Insured
from payments.gateways.references import KeyStore

PATH: Final = "/api/mipuserquery/userQuery/"
SECONDS_MAX: Final = 10.0
ANSWER_BYTES_MAX: Final = 64 * 1024
TEXT_MAX: Final = 64
SUCCESS: Final = "0"
SECRET: Final = "consent_secret"  # noqa: S105  a purpose, not the secret

log = get_logger("payments")


def sign(partner: str, secret: str, timestamp: str) -> str:
    """Sign a question: HMAC-SHA256 over who asks and when, in hexadecimal."""
    return hmac.new(secret.encode(), f"{partner}{timestamp}".encode(), hashlib.sha256).hexdigest()


class CredentialDesk:
    """Asks for one hospital, the credential's partner."""

    def __init__(self, store: KeyStore, *, base_url: str, partner: str, secret_reference: str) -> None:
        self._partner = partner
        self._store = store
        self._references = {SECRET: secret_reference}
        self._client = httpx.AsyncClient(
            base_url=base_url, timeout=SECONDS_MAX, follow_redirects=False, trust_env=False
        )

    async def close_connections(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def read(self, code: str, *, openid: str | None) -> Consent:
        """Give the consent that a code stands for.

        Raises:
            ChannelUnavailable, ChannelRefused.
            KeyUnusable: the secret is not where its reference says.
        """
        told = await self._ask({"qrcode": code} | ({"openid": openid} if openid else {}))
        refused = str(told.get("code"))
        if refused != SUCCESS:
            log.info("insurance_consent_refused", code=refused[:TEXT_MAX])
            raise ChannelRefused(refused[:TEXT_MAX])
        # Some answer below `data`, some beside `code`.
        inner = told.get("data")
        found = inner if isinstance(inner, dict) else told
        return Consent(_text(found, "pay_auth_no"), Insured(_text(found, "user_name"), _text(found, "user_card_no")))

    async def _ask(self, body: Mapping[str, str]) -> dict[str, Any]:
        """Raises: ChannelUnavailable, KeyUnusable."""
        secret = self._store.read(self._references, SECRET)
        timestamp = str(int(clock.machine_now().timestamp() * 1000))
        headers = {
            "content-type": "application/json",
            "god-portal-timestamp": timestamp,
            "god-portal-signature": sign(self._partner, secret, timestamp),
            "god-portal-request-id": new_id().hex,
        }
        try:
            async with (
                asyncio.timeout(SECONDS_MAX),
                self._client.stream(
                    "POST", f"{PATH}{self._partner}", content=orjson.dumps(body), headers=headers
                ) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise ChannelUnavailable(f"answered {answer.status_code}")
                content = bytearray()
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > ANSWER_BYTES_MAX:
                        raise ChannelUnavailable(f"answered more than {ANSWER_BYTES_MAX} bytes")
            told = orjson.loads(content)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, orjson.JSONDecodeError) as error:
            raise ChannelUnavailable(type(error).__name__) from error
        if not isinstance(told, dict):
            raise ChannelUnavailable("no object was answered")
        return told


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= TEXT_MAX:
        raise ChannelUnavailable(f"an answer without {name}")
    return value
