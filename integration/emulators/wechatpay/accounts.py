"""Whom the emulator knows: its own keys, and the merchants that were registered with it, read from its folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

CERTIFICATE_KEY: Final = "certificate_key.pem"
CERTIFICATE: Final = "certificate.pem"
SIGNING_KEY: Final = "signing_key.pem"
SIGNING_KEY_ID: Final = "signing_key_id"
MERCHANTS: Final = "merchants.json"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key of the channel's and the name by which a merchant knows its other half."""

    serial: str
    key: RSAPrivateKey


@dataclass(frozen=True, slots=True)
class PlatformKeys:
    """The channel's keys: of the platform certificate, and of the public-key mode that follows it."""

    certificate_pem: str
    certificate: x509.Certificate
    by_certificate: Signer
    by_public_key: Signer

    def signer(self, serial: str | None) -> Signer | None:
        """Choose by what a request names in Wechatpay-Serial; without it the certificate's key signs."""
        if serial is None:
            return self.by_certificate
        return {one.serial: one for one in (self.by_certificate, self.by_public_key)}.get(serial)


@dataclass(frozen=True, slots=True)
class Account:
    """A merchant as the channel has registered it."""

    merchant_no: str
    app_ids: tuple[str, ...]
    apiv3_key: bytes
    certificate_serial: str
    public_key: RSAPublicKey


def serial_of(certificate: x509.Certificate) -> str:
    """Write a certificate's serial number as API v3 does: 40 hexadecimal digits, upper case."""
    return f"{certificate.serial_number:040X}"


def load_platform_keys(folder: Path) -> PlatformKeys:
    """Read the channel's own keys."""
    certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    return PlatformKeys(
        certificate_pem=certificate.public_bytes(Encoding.PEM).decode(),
        certificate=certificate,
        by_certificate=Signer(serial_of(certificate), _private_key(folder / CERTIFICATE_KEY)),
        by_public_key=Signer(
            (folder / SIGNING_KEY_ID).read_text(encoding="ascii").strip(), _private_key(folder / SIGNING_KEY)
        ),
    )


def load_accounts(folder: Path) -> Mapping[str, Account]:
    """Read the merchants: by merchant number."""
    found = {}
    for entry in json.loads((folder / MERCHANTS).read_text(encoding="utf-8")):
        certificate = x509.load_pem_x509_certificate(entry["certificate"].encode())
        public_key = certificate.public_key()
        assert isinstance(public_key, RSAPublicKey), "merchants are registered with RSA certificates"
        found[entry["merchant_no"]] = Account(
            merchant_no=entry["merchant_no"],
            app_ids=tuple(entry["app_ids"]),
            apiv3_key=entry["apiv3_key"].encode(),
            certificate_serial=serial_of(certificate),
            public_key=public_key,
        )
    return found


def _private_key(path: Path) -> RSAPrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, RSAPrivateKey), "API v3 signs with RSA"
    return key
