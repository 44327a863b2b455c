"""Field encryption and keyed look-up hashes for identity numbers, telephones and addresses.

A sealed field is `key id (1 byte) | nonce (12) | AES-256-GCM ciphertext and tag`, so that keys can be changed
without rewriting every row. Look-up hashes are HMAC-SHA-256 under a key of their own: equal inputs can be found,
and nobody without the key can try all eighteen-digit numbers.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class FieldCipher:
    """Seals fields with the current key and opens them with any known one."""

    current: int
    keys: dict[int, AESGCM]
    lookup_key: bytes

    @classmethod
    def from_directory(cls, keys_dir: Path) -> "FieldCipher":
        """Read `field_key` (32 bytes as hex; older ones as `field_key.1`, ...) and `lookup_key`.

        `field_key` may be written `N:hex` to name its key id; without it the id is 1.

        Raises:
            FileNotFoundError: a key file is missing.
            ValueError: a key is not 32 bytes of hex.
        """
        keys: dict[int, AESGCM] = {}
        current, key = _read_key(keys_dir / "field_key")
        keys[current] = AESGCM(key)
        for older in sorted(keys_dir.glob("field_key.*")):
            number, key = _read_key(older)
            keys.setdefault(number, AESGCM(key))
        return cls(current, keys, _read_key(keys_dir / "lookup_key")[1])

    def seal(self, text: str) -> bytes:
        """Encrypt one field."""
        nonce = os.urandom(_NONCE_BYTES)
        return bytes([self.current]) + nonce + self.keys[self.current].encrypt(nonce, text.encode(), None)

    def open(self, sealed: bytes) -> str:
        """Decrypt one field.

        Raises:
            KeyError: sealed under a key that is not in the folder.
            cryptography.exceptions.InvalidTag: altered, or another key.
        """
        key, nonce, body = sealed[0], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        return self.keys[key].decrypt(nonce, body, None).decode()

    def lookup_hash(self, text: str) -> bytes:
        """Hash a value so that equal ones can be found without being readable (32 bytes)."""
        return hmac.digest(self.lookup_key, text.encode(), "sha256")

    def short_hash(self, data: bytes) -> str:
        """Hash a request field for idempotency comparison: keyed BLAKE2b, 16 bytes as hex."""
        return hashlib.blake2b(data, digest_size=16, key=self.lookup_key).hexdigest()


_cipher: FieldCipher | None = None


def load_cipher(keys_dir: Path) -> FieldCipher:
    """Read the keys once for this process."""
    global _cipher  # noqa: PLW0603  one cipher a process, set at start-up
    _cipher = FieldCipher.from_directory(keys_dir)
    return _cipher


def cipher() -> FieldCipher:
    """Give the cipher loaded at start-up."""
    assert _cipher is not None, "load_cipher() runs at start-up"
    return _cipher


def _read_key(path: Path) -> tuple[int, bytes]:
    text = path.read_text().strip()
    number, _, digits = text.rpartition(":")
    key = bytes.fromhex(digits)
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path.name}: want {_KEY_BYTES} bytes as hex")
    return int(number or 1), key
