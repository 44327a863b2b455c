"""The hospital's accounts with the emulated payment channels of a sandbox, made at the first start.

What two companies exchange when a hospital signs a contract with a channel happens here: the hospital gets its key
and certificate and the channel's public key; the channel gets the hospital's certificate. In production a person does
this on the channel's merchant platform (docs/payments-channels.md).
"""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from payments.gateways.port import ChannelCode, Merchant
from runtime.data_folder import write_private

RSA_BITS: Final = 2048
CERTIFICATE_LIVES: Final = timedelta(days=5 * 365)
APIV3_KEY_CHARACTERS: Final = 32

WECHATPAY_MERCHANT_NO: Final = "1900000109"
WECHATPAY_APP_ID: Final = "wxd678efh567hg6787"
WECHATPAY_MERCHANT_CODE: Final = "wechatpay-sandbox"


@dataclass(frozen=True, slots=True)
class _Pair:
    key_pem: str
    certificate_pem: str


def describe_wechatpay_merchant() -> Merchant:
    """Describe the sandbox's merchant, as the demonstration hospital registers it."""
    return Merchant(
        code=WECHATPAY_MERCHANT_CODE,
        channel=ChannelCode.WECHATPAY,
        merchant_no=WECHATPAY_MERCHANT_NO,
        app_id=WECHATPAY_APP_ID,
        key_references={
            "merchant_key": "file:wechatpay/merchant_key.pem",
            "merchant_certificate": "file:wechatpay/merchant_certificate.pem",
            "apiv3_key": "file:wechatpay/apiv3_key",
            "platform_public_key": "file:wechatpay/platform_public_key.pem",
            "platform_public_key_id": "file:wechatpay/platform_public_key_id",
        },
    )


def open_wechatpay_account(*, keys_dir: Path, emulator_dir: Path) -> None:
    """Make both sides' keys where they are not there yet: ours below keys_dir, the channel's in emulator_dir."""
    ours = keys_dir / "wechatpay"
    if (emulator_dir / "merchants.json").exists():
        return
    for folder in (ours, emulator_dir):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    merchant = _certified(WECHATPAY_MERCHANT_NO)
    channel = _certified("Tenpay.com Root CA (sandbox)")
    signing_key = rsa.generate_private_key(65537, RSA_BITS)
    key_id = f"PUB_KEY_ID_01{WECHATPAY_MERCHANT_NO}{datetime.now(UTC):%Y%m%d}{secrets.randbelow(10**10):010d}"
    apiv3_key = secrets.token_hex(APIV3_KEY_CHARACTERS // 2)
    public_pem = signing_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    write_private(ours / "merchant_key.pem", merchant.key_pem)
    write_private(ours / "merchant_certificate.pem", merchant.certificate_pem)
    write_private(ours / "apiv3_key", f"{apiv3_key}\n")
    write_private(ours / "platform_public_key.pem", public_pem)
    write_private(ours / "platform_public_key_id", f"{key_id}\n")
    write_private(emulator_dir / "certificate_key.pem", channel.key_pem)
    write_private(emulator_dir / "certificate.pem", channel.certificate_pem)
    write_private(emulator_dir / "signing_key.pem", _pem(signing_key))
    write_private(emulator_dir / "signing_key_id", f"{key_id}\n")
    registered = {
        "merchant_no": WECHATPAY_MERCHANT_NO,
        "app_ids": [WECHATPAY_APP_ID],
        "apiv3_key": apiv3_key,
        "certificate": merchant.certificate_pem,
    }
    # Written last: with it the account is open.
    write_private(emulator_dir / "merchants.json", json.dumps([registered], indent=2) + "\n")


def _certified(name: str) -> _Pair:
    key = rsa.generate_private_key(65537, RSA_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + CERTIFICATE_LIVES)
        .sign(key, SHA256())
    )
    return _Pair(_pem(key), certificate.public_bytes(Encoding.PEM).decode())


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
