"""A merchant's keys with WeChat Pay, and which signatures of the channel's are believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from payments.gateways.references import KeyStore, KeyUnusable

APIV3_KEY_BYTES: Final = 32
RSA_BITS_MIN: Final = 2048


class Kept(NamedTuple):
    """A certificate of the channel's as it is kept."""

    pem: str
    expires_at: datetime


class CertificateShelf(Protocol):
    """Where the processes of the platform share the channel's certificates."""

    async def put(self, merchant_code: str, certificates: Mapping[str, Kept]) -> None:
        """Keep what the channel gives now, by serial. Raises: DatabaseUnavailable."""
        ...

    async def read(self, merchant_code: str) -> Mapping[str, str]:
        """Give the certificates that have not ended, by serial, as PEM. Raises: DatabaseUnavailable."""
        ...


@dataclass(slots=True)
class WechatPayKeys:
    """What signs our requests, opens what the channel seals, and verifies what it signs.

    trusted: the channel's public keys by the serial that it names: the one of public-key mode, or in certificate mode
    those of the certificates that were fetched. It is replaced as a whole when certificates change.
    """

    merchant_key_pem: str = field(repr=False)
    merchant_serial: str
    apiv3_key: str = field(repr=False)
    public_key_id: str | None
    public_key_pem: str | None
    trusted: Mapping[str, RSAPublicKey] = field(default_factory=dict, repr=False)
    seal: AESGCM = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare the cipher once: every notification is opened with it."""
        self.seal = AESGCM(self.apiv3_key.encode())

    @property
    def is_certificate_mode(self) -> bool:
        """Tell whether the channel's certificates have to be fetched."""
        return self.public_key_id is None


def load_keys(store: KeyStore, references: Mapping[str, str]) -> WechatPayKeys:
    """Read and check a merchant's keys.

    Without `platform_public_key` the merchant is in certificate mode.

    Raises:
        KeyUnusable: one is missing, or is not what it should be.
    """
    merchant_key_pem = store.read(references, "merchant_key")
    certificate = _certificate(store.read(references, "merchant_certificate"))
    _require_pair(merchant_key_pem, certificate)
    apiv3_key = store.read(references, "apiv3_key")
    if len(apiv3_key.encode()) != APIV3_KEY_BYTES:
        raise KeyUnusable(f"apiv3_key: wants {APIV3_KEY_BYTES} characters")
    key_id, public_pem, trusted = None, None, {}
    if "platform_public_key" in references:
        key_id = store.read(references, "platform_public_key_id")
        public_pem = store.read(references, "platform_public_key")
        trusted[key_id] = _public_key(public_pem)
    return WechatPayKeys(
        merchant_key_pem=merchant_key_pem,
        merchant_serial=serial_of(certificate),
        apiv3_key=apiv3_key,
        public_key_id=key_id,
        public_key_pem=public_pem,
        trusted=trusted,
    )


def serial_of(certificate: x509.Certificate) -> str:
    """Write a certificate's serial number as API v3 does: 40 hexadecimal digits, upper case."""
    return f"{certificate.serial_number:040X}"


def trusted_of(certificates: Mapping[str, str]) -> dict[str, RSAPublicKey]:
    """Give the public keys of kept certificates, by serial.

    Raises:
        KeyUnusable: one is not what was kept.
    """
    return {serial: _rsa_key(_certificate(pem)) for serial, pem in certificates.items()}


def _rsa_key(certificate: x509.Certificate) -> RSAPublicKey:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise KeyUnusable("platform certificate: wants RSA")
    return key


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise KeyUnusable("merchant_certificate: not a certificate") from error


def _require_pair(key_pem: str, certificate: x509.Certificate) -> None:
    try:
        key = load_pem_private_key(key_pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnusable("merchant_key: not a private key") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < RSA_BITS_MIN:
        raise KeyUnusable("merchant_key: wants RSA of 2048 bits")
    if key.public_key() != certificate.public_key():
        raise KeyUnusable("merchant_certificate: belongs to another key")


def _public_key(pem: str) -> RSAPublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise KeyUnusable("platform_public_key: not a public key") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < RSA_BITS_MIN:
        raise KeyUnusable("platform_public_key: wants RSA of 2048 bits")
    return key
