"""Whether a webhook message is the hospital's own (Standard Webhooks 1.0); needs nothing but the standard library."""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from hospital_openapi.errors import WebhookRefused

TOLERANCE_SECONDS: Final = 300
SECRETS_MAX: Final = 8
SIGNATURES_MAX: Final = 16
_PREFIX: Final = "whsec_"
_VERSION: Final = "v1,"


class Headers(Protocol):
    """A message's headers, as any web framework has them."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Give names and values."""
        ...


def verify_webhook(
    body: bytes,
    headers: Headers,
    secrets: str | Sequence[str],
    *,
    tolerance_seconds: int = TOLERANCE_SECONDS,
    now: float | None = None,
) -> Any:
    """Check a message and give what it says.

    body: the bytes as they came, before anybody has parsed them. secrets: one, or several while one is exchanged for
    another. now: seconds since 1970 in UTC, for tests.

    A message may come twice: its `webhook-id` stays the same at every delivery, so remember those that you have had.

    Raises:
        WebhookRefused: it is not signed by any of the secrets, is too old or of the future, or is not JSON.
        ValueError: a secret of yours is none.
    """
    keys = _keys([secrets] if isinstance(secrets, str) else secrets)
    given = {name.lower(): value for name, value in headers.items()}
    name, timestamp, signatures = (given.get(f"webhook-{part}") for part in ("id", "timestamp", "signature"))
    if not name or not timestamp or not signatures:
        raise WebhookRefused("A webhook header is missing.")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise WebhookRefused("The timestamp is not one.")
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance_seconds:
        raise WebhookRefused("The message is too old, or of the future; is your clock right?")
    signed = f"{name}.{timestamp}.".encode() + body
    offered = [one.removeprefix(_VERSION) for one in signatures.split()[:SIGNATURES_MAX] if one.startswith(_VERSION)]
    expected = [base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
    # Every pair is compared, each in constant time: how long it takes says nothing.
    matches = [hmac.compare_digest(ours.encode(), theirs.encode()) for ours in expected for theirs in offered]
    if not any(matches):
        raise WebhookRefused("No signature fits.")
    try:
        return json.loads(body)
    except ValueError as error:
        raise WebhookRefused("The message is signed, but is not JSON.") from error


def _keys(secrets: Sequence[str]) -> list[bytes]:
    if not 1 <= len(secrets) <= SECRETS_MAX:
        raise ValueError(f"From one to {SECRETS_MAX} secrets are needed.")
    try:
        keys = [base64.b64decode(secret.removeprefix(_PREFIX), validate=True) for secret in secrets]
    except binascii.Error as error:
        raise ValueError("A webhook secret is `whsec_` and base64.") from error
    if not all(keys):
        raise ValueError("A webhook secret is empty.")
    return keys
