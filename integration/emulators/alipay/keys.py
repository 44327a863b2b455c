"""The emulator's own key pair, made at its first start, and the applications that it knows."""

import base64
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from kernel.settings import SettingsError

KEY_BITS: Final = 2048
PRIVATE_KEY: Final = "alipay_private_key.pem"
PRIVATE_FILE: Final = 0o600
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
    """Give Alipay's private key of this sandbox, making it the first time."""
    path = folder / PRIVATE_KEY
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = rsa.generate_private_key(65537, KEY_BITS)
        _write(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey), "we made it so"
    return key


def publish(key: rsa.RSAPrivateKey, path: Path) -> None:
    """Write the public half to where the platform reads it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(path, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def load_apps(path: Path) -> dict[str, App]:
    """Read the applications: a JSON list of app_id, seller_id, seller_email and public_key (PEM).

    Raises:
        SettingsError: it cannot be read, or an application cannot be meant.
    """
    try:
        apps = [_read_app(one) for one in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"ALIPAY_EMULATOR_APPS cannot be read: {type(error).__name__}") from error
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


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
