"""Signing keys: ES256, by reference to files. `oauth_signing.pem` signs; `oauth_signing.*.pem` still verify."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from joserfc.jwk import ECKey, KeySet


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key that signs now, and all that verify; a rotated-out key stays as long as its tokens live."""

    current: ECKey
    verifying: KeySet

    def published(self) -> dict[str, Any]:
        """Give the public JWK set (RFC 7517)."""
        keys = [cast(ECKey, key) for key in self.verifying.keys]
        return {"keys": [dict(key.as_dict(private=False)) | {"use": "sig", "alg": "ES256"} for key in keys]}


_keys: SigningKeys | None = None


def load_signing_keys(keys_dir: Path) -> SigningKeys:
    """Read the keys once for this process; a key's id is its RFC 7638 thumbprint.

    Raises:
        FileNotFoundError: there is no signing key.
    """
    global _keys  # noqa: PLW0603  one set a process, read at start-up
    current = _read(keys_dir / "oauth_signing.pem")
    older = [_read(path) for path in sorted(keys_dir.glob("oauth_signing.*.pem"))]
    _keys = SigningKeys(current, KeySet([current, *older]))
    return _keys


def signing_keys() -> SigningKeys:
    """Give the keys read at start-up."""
    assert _keys is not None, "load_signing_keys() runs at start-up"
    return _keys


def _read(path: Path) -> ECKey:
    key = ECKey.import_key(path.read_text())
    return ECKey.import_key(path.read_text(), {"kid": key.thumbprint()})
