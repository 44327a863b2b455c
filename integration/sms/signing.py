"""How a call to Tencent Cloud is signed: TC3-HMAC-SHA256 ("Signature v3" in the documents of its API).

Signed are the method, the path, three headers and the body; the key is derived from the secret, the day (UTC) and the
service. The gateway takes a signature for five minutes on either side of its own time.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

ALGORITHM: Final = "TC3-HMAC-SHA256"
ENDING: Final = "tc3_request"


@dataclass(frozen=True, slots=True)
class Key:
    """A pair of SecretId and SecretKey; never shown."""

    id: str = field(repr=False)
    secret: str = field(repr=False)


def authorize(key: Key, *, service: str, headers: Mapping[str, str], body: bytes, at: datetime) -> str:
    """Give the Authorization header of a POST to `/` with these headers and this body, made at this instant."""
    signed = {name.lower(): value.strip().lower() for name, value in sorted(headers.items())}
    names = ";".join(signed)
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    request = f"POST\n/\n\n{lines}\n{names}\n{_digest(body)}"
    day = f"{at.astimezone(UTC):%Y-%m-%d}"
    scope = f"{day}/{service}/{ENDING}"
    text = f"{ALGORITHM}\n{int(at.timestamp())}\n{scope}\n{_digest(request.encode())}"
    derived = f"TC3{key.secret}".encode()
    for part in (day, service, ENDING):
        derived = hmac.digest(derived, part.encode(), "sha256")
    signature = hmac.new(derived, text.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
