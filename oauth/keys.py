"""Signing keys, by reference to files, and noticed anew when the files change.

`oauth_signing.pem` signs access tokens (ES256); `oauth_signing.*.pem` are published and verify: the next one before it
signs, and earlier ones while their tokens live. `oauth_signing_rs256.pem` signs ID tokens for SMART applications
(RS256), with others beside it in the same way.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from kernel.log import get_logger

ES256_KEY: Final = "oauth_signing"
RS256_KEY: Final = "oauth_signing_rs256"

log = get_logger("oauth")


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key that signs now, and all that verify; a rotated-out key stays as long as its tokens live.

    rs256: signs ID tokens for those who know no other algorithm; None where the hospital has made none.
    """

    current: ECKey
    verifying: KeySet
    rs256: RSAKey | None
    rs256_verifying: tuple[RSAKey, ...]

    def published(self) -> dict[str, Any]:
        """Give the public JWK set (RFC 7517)."""
        pairs = [(key, "ES256") for key in self.verifying.keys] + [(key, "RS256") for key in self.rs256_verifying]
        return {"keys": [dict(key.as_dict(private=False)) | {"use": "sig", "alg": alg} for key, alg in pairs]}


@dataclass(slots=True)
class _Loaded:
    """What this process has read, from where, and what the files looked like then."""

    keys: SigningKeys | None = None
    folder: Path | None = None
    stamp: tuple[tuple[str, int, int], ...] = ()


_loaded = _Loaded()


def load_signing_keys(keys_dir: Path) -> SigningKeys:
    """Read the keys for this process; a key's id is its RFC 7638 thumbprint.

    Raises:
        FileNotFoundError: there is no signing key.
        ValueError: a file is no key of its kind.
    """
    stamp = _stamp(keys_dir)
    keys = _read_folder(keys_dir)
    _loaded.keys, _loaded.folder, _loaded.stamp = keys, keys_dir, stamp
    return keys


def reload_if_changed() -> bool:
    """Read the keys again if their files have changed; what cannot be read leaves the known ones in place."""
    assert _loaded.folder is not None, "load_signing_keys() runs at start-up"
    stamp = _stamp(_loaded.folder)
    if stamp == _loaded.stamp:
        return False
    try:
        load_signing_keys(_loaded.folder)
    except (OSError, ValueError) as error:
        log.error("signing_keys_unreadable", reason=type(error).__name__)
        # Looked at again when the files change again, not at every tick.
        _loaded.stamp = stamp
        return False
    log.info("signing_keys_changed", signs=signing_keys().current.kid)
    return True


def signing_keys() -> SigningKeys:
    """Give the keys that this process knows."""
    assert _loaded.keys is not None, "load_signing_keys() runs at start-up"
    return _loaded.keys


def _read_folder(folder: Path) -> SigningKeys:
    current = _read_ec(folder / f"{ES256_KEY}.pem")
    others = [_read_ec(path) for path in sorted(folder.glob(f"{ES256_KEY}.*.pem"))]
    verifying = {key.kid: key for key in (current, *others)}
    rs256_path = folder / f"{RS256_KEY}.pem"
    rs256 = _read_rsa(rs256_path) if rs256_path.exists() else None
    rs256_others = [_read_rsa(path) for path in sorted(folder.glob(f"{RS256_KEY}.*.pem"))]
    rs256_verifying = {key.kid: key for key in (*((rs256,) if rs256 else ()), *rs256_others)}
    return SigningKeys(current, KeySet(list(verifying.values())), rs256, tuple(rs256_verifying.values()))


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Describe the files: which there are, and when and how each was last written."""
    found = []
    for path in sorted(folder.glob("oauth_signing*.pem")):
        try:
            status = path.stat()
        except FileNotFoundError:
            # Renamed between listing and looking: the next look sees it under its new name.
            continue
        found.append((path.name, status.st_mtime_ns, status.st_ino))
    return tuple(found)


def _read_ec(path: Path) -> ECKey:
    try:
        key = ECKey.import_key(path.read_text())
    except JoseError as error:
        raise ValueError(f"{path.name} is no key for ES256") from error
    if key.curve_name != "P-256":
        raise ValueError(f"{path.name} is no key for ES256")
    return ECKey.import_key(path.read_text(), {"kid": key.thumbprint()})


def _read_rsa(path: Path) -> RSAKey:
    try:
        key = RSAKey.import_key(path.read_text())
    except JoseError as error:
        raise ValueError(f"{path.name} is no key for RS256") from error
    return RSAKey.import_key(path.read_text(), {"kid": key.thumbprint()})
