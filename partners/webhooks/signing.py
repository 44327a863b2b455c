"""Signatures after the Standard Webhooks specification, 1.0: any of its libraries verifies them.

What is signed is `id.timestamp.body` under HMAC-SHA-256 (https://www.standardwebhooks.com, "Signature scheme"). While
a secret is being exchanged both sign, and the receiver takes either.
"""

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

SECRET_BYTES: Final = 32
_PREFIX: Final = "whsec_"


def new_secret() -> str:
    """Make a secret as its owner keeps it: `whsec_` and base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Give the key that a secret stands for."""
    return base64.b64decode(secret.removeprefix(_PREFIX))


def message_id(delivery_id: UUID) -> str:
    """Name a delivery to its receiver; the same at every try, so it tells repetitions."""
    return f"msg_{delivery_id.hex}"


def headers(name: str, body: bytes, *, keys: Sequence[bytes], at: datetime) -> list[tuple[str, str]]:
    """Sign a message of this name for one try at an instant."""
    timestamp = int(at.timestamp())
    signed = f"{name}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return [
        ("webhook-id", name),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", " ".join(f"v1,{signature}" for signature in signatures)),
    ]
