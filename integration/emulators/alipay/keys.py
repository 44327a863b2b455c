"""What the emulator has in its folder: its own key, and the applications that were registered with it."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from kernel.settings import SettingsError

KEY_BITS: Final = 2048
PRIVATE_KEY: Final = "alipay_private_key.pem"
APPS: Final = "apps.json"
DIGITS_16: Final = re.compile(r"[0-9]{16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class App:
    """One application of one merchant, as Alipay's console holds it.

    seller_id: the merchant's number (2088 and twelve digits). key: of the application, to check what it signs.
    """

    app_id: str
    seller_id: str
    seller_email: str
    key: rsa.RSAPublicKey


def load_own_key(folder: Path) -> rsa.RSAPrivateKey:
    """Read Alipay's private key of this sandbox.

    Raises:
        SettingsError: it is not there, or is none.
    """
    try:
        key = load_pem_private_key((folder / PRIVATE_KEY).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"{PRIVATE_KEY} cannot be read: {type(error).__name__}") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SettingsError(f"{PRIVATE_KEY} is not an RSA key")
    return key


def load_apps(folder: Path) -> dict[str, App]:
    """Read the applications: a JSON list of app_id, seller_id, seller_email and public_key (PEM).

    Raises:
        SettingsError: it cannot be read, or an application cannot be meant.
    """
    try:
        apps = [_read_app(one) for one in json.loads((folder / APPS).read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{APPS} cannot be read: {type(error).__name__}") from error
    return {app.app_id: app for app in apps}


def sign(key: rsa.RSAPrivateKey, content: bytes) -> str:
    """Sign by RSA2, as base64."""
    return base64.b64encode(key.sign(content, PKCS1v15(), SHA256())).decode("ascii")


def holds(key: rsa.RSAPublicKey, content: bytes, signature: str) -> bool:
    """Tell whether an RSA2 signature holds."""
    try:
        key.verify(base64.b64decode(signature, validate=True), content, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def content_of(parameters: Mapping[str, str], *without: str) -> bytes:
    """Write what is signed: `k=v` of the non-empty parameters, by name, joined by `&`."""
    kept = {name: value for name, value in parameters.items() if value and name not in without}
    return "&".join(f"{name}={kept[name]}" for name in sorted(kept)).encode()


def _read_app(found: Mapping[str, Any]) -> App:
    key = load_pem_public_key(found["public_key"].encode())
    if not isinstance(key, rsa.RSAPublicKey) or not DIGITS_16.fullmatch(found["app_id"]):
        raise ValueError("an application has an app_id of 16 digits and an RSA key")
    if not DIGITS_16.fullmatch(found["seller_id"]):
        raise ValueError("a seller has a number of 16 digits")
    return App(found["app_id"], found["seller_id"], found.get("seller_email", ""), key)
