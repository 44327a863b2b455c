"""Requests signed with SM2 and SM3, for channels that demand the national algorithms (GB/T 32918, GB/T 32905).

What is signed names all that counts: the application, the method, path and query as sent, the body by its digest, when,
and a nonce that is good once. An old request is refused by its time, a younger one by its nonce.
"""

import asyncio
import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import gmssl_pyx
from cryptography.hazmat.primitives.hashes import SM3, Hash

from kernel import clock
from kernel.db import database
from partners.errors import SignatureInvalid, SignatureReplayed, SignatureRequired

WINDOW: Final = timedelta(minutes=5)
SIGNATURE_CHARACTERS_MAX: Final = 120
PURGED_MAX: Final = 5_000
_TIMESTAMP: Final = re.compile(r"[0-9]{10}", re.ASCII)
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

# The curve of GB/T 32918.5: y^2 = x^3 + ax + b modulo p, with a = p - 3.
_P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request with what its headers say. target: path and query as sent."""

    client_id: str
    method: str
    target: str
    body: bytes
    timestamp: str | None
    nonce: str | None
    digest: str | None
    signature: str | None


def text_to_sign(*, client_id: str, method: str, target: str, digest: str, timestamp: str, nonce: str) -> bytes:
    """Write what is signed: one line for each part, in this order."""
    return f"HOSPITAL-SM2-1\n{client_id}\n{method}\n{target}\n{digest}\n{timestamp}\n{nonce}".encode()


def sm3(data: bytes) -> str:
    """Digest a body: SM3 as hex."""
    state = Hash(SM3())
    state.update(data)
    return state.finalize().hex()


def is_public_key(key: bytes) -> bool:
    """Tell whether 64 bytes are a point of the curve."""
    x, y = int.from_bytes(key[:32]), int.from_bytes(key[32:])
    return len(key) == 64 and x < _P and y < _P and (y * y - (x * x * x - 3 * x + _B)) % _P == 0


async def require_signature(request: SignedRequest, public_key: bytes) -> None:
    """Let only a request through that the application signed just now, and only once.

    Raises:
        SignatureRequired: a header is missing.
        SignatureInvalid: it is not signed by this application, or altered, or not of these five minutes.
        SignatureReplayed: its nonce was used before.
        DatabaseUnavailable.
    """
    given = (request.timestamp, request.nonce, request.digest, request.signature)
    if any(value is None for value in given):
        raise SignatureRequired
    timestamp, nonce, digest, signature = (str(value) for value in given)
    if not (_TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce) and _DIGEST.fullmatch(digest)):
        raise SignatureInvalid
    at = datetime.fromtimestamp(int(timestamp), UTC)
    if abs(clock.now() - at) > WINDOW or not hmac.compare_digest(sm3(request.body), digest):
        raise SignatureInvalid
    text = text_to_sign(
        client_id=request.client_id,
        method=request.method,
        target=request.target,
        digest=digest,
        timestamp=timestamp,
        nonce=nonce,
    )
    if not await asyncio.to_thread(verify, public_key, text, signature):
        raise SignatureInvalid
    # Only what was signed uses a nonce up: nobody can spend another's.
    kept = await database().execute(
        "INSERT INTO request_nonce (client_id, nonce, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        request.client_id,
        nonce,
        at + 2 * WINDOW,
    )
    if kept == 0:
        raise SignatureReplayed


def verify(public_key: bytes, text: bytes, signature: str) -> bool:
    """Check a signature: ASN.1 DER in base64, signer's id 1234567812345678 (GB/T 35276)."""
    if len(signature) > SIGNATURE_CHARACTERS_MAX:
        return False
    try:
        der = base64.b64decode(signature, validate=True)
        valid: bool = gmssl_pyx.sm2_verify(public_key, text, der)
    except (binascii.Error, ValueError, gmssl_pyx.GmsslInnerError):
        return False
    return valid


async def purge_nonces() -> int:
    """Forget nonces whose requests are too old to be taken; give how many.

    Raises:
        DatabaseUnavailable.
    """
    return await database().execute(
        "DELETE FROM request_nonce WHERE (client_id, nonce) IN"
        " (SELECT client_id, nonce FROM request_nonce WHERE expires_at < $1 LIMIT $2)",
        clock.now(),
        PURGED_MAX,
    )
