"""The sandbox's keys: made once per data folder, never the same on two machines.

Production brings its own (docs/operations.md says how to make them): the names are the same.
"""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from runtime.data_folder import write_private

SIGNING_KEY = "oauth_signing.pem"
"""Signs access tokens: ES256, curve P-256 (RFC 7518 section 3.4)."""
RS256_SIGNING_KEY = "oauth_signing_rs256.pem"
"""Signs ID tokens for SMART applications: RS256, 2048 bits (RFC 7518 section 3.3)."""
RSA_BITS = 2048
FIELD_KEY = "field_key"
"""Encrypts identity numbers, phones and addresses: AES-256-GCM, 32 bytes as hexadecimal digits."""
LOOKUP_KEY = "lookup_key"
"""Finds them again by keyed hash: HMAC-SHA-256, 32 bytes as hexadecimal digits."""
SYMMETRIC_KEY_BYTES = 32


def create_missing(folder: Path) -> None:
    """Make the keys that are not there yet, readable by their owner alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (FIELD_KEY, LOOKUP_KEY):
        if not (folder / name).exists():
            write_private(folder / name, secrets.token_hex(SYMMETRIC_KEY_BYTES) + "\n")
    if not (folder / SIGNING_KEY).exists():
        write_private(folder / SIGNING_KEY, es256_key())
    if not (folder / RS256_SIGNING_KEY).exists():
        write_private(folder / RS256_SIGNING_KEY, rs256_key())


def es256_key() -> str:
    """Make a key for ES256, as PEM."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def rs256_key() -> str:
    """Make a key for RS256, as PEM."""
    return _pem(rsa.generate_private_key(65537, RSA_BITS))


def _pem(key: PrivateKeyTypes) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
