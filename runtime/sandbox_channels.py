"""The hospital's accounts with the emulated channels of a sandbox, made at the first start.

What two companies exchange when a hospital signs a contract with a channel happens here: the hospital gets its key
and certificate and the channel's public key; the channel gets the hospital's certificate. In production a person does
this on the channel's merchant platform (docs/payments-channels.md).
"""

import base64
import json
import secrets
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import gmssl_pyx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from payments.gateways.port import ChannelCode, Merchant
from runtime.data_folder import write_private
from runtime.sandbox_messages import CODE_TEMPLATES, write_sms_templates, write_templates

RSA_BITS: Final = 2048
CERTIFICATE_LIVES: Final = timedelta(days=5 * 365)
APIV3_KEY_CHARACTERS: Final = 32
FISCAL_KEY_BYTES: Final = 24

WECHATPAY_MERCHANT_NO: Final = "1900000109"
WECHATPAY_APP_ID: Final = "wxd678efh567hg6787"
WECHATPAY_MERCHANT_CODE: Final = "wechatpay-sandbox"

ALIPAY_SELLER_ID: Final = "2088000000000109"
ALIPAY_APP_ID: Final = "2021000000000109"
ALIPAY_MERCHANT_CODE: Final = "alipay-sandbox"

FISCAL_APP_ID: Final = "SANDBOX0000109"
FISCAL_PLACE_CODE: Final = "0001"
FISCAL_KEY: Final = "file:sandbox/fiscal/key"

INSURANCE_APP_ID: Final = "43AF047BBA47FC8A1AE8EFB200000109"
INSURANCE_ORG_CODE: Final = "H44010000109"
INSURANCE_MERCHANT_CODE: Final = "insurance-sandbox"
INSURANCE_SECRET_BYTES: Final = 16
INSURANCE_CONSENT_PARTNER: Final = "20000109"

WECHAT_APP_ID: Final = WECHATPAY_APP_ID
"""One mini-program signs people in, writes to them and takes their payments."""
WECHAT_APP_SECRET: Final = "file:sandbox/wechat/app_secret"  # noqa: S105  where the secret lies
WECHAT_SECRET_BYTES: Final = 16

SMS_APP_ID: Final = "1400000109"
SMS_SIGN_NAME: Final = "示范医院"
SMS_SECRET_ID_BYTES: Final = 16
SMS_SECRET_KEY_BYTES: Final = 16
SMS_SETTINGS: Final = {
    "SMS_APP_ID": SMS_APP_ID,
    "SMS_SIGN_NAME": SMS_SIGN_NAME,
    "SMS_SECRET_ID": "file:sandbox/sms/secret_id",
    "SMS_SECRET_KEY": "file:sandbox/sms/secret_key",
    "SMS_TEMPLATES": ",".join(f"{name}={one.id}" for name, one in CODE_TEMPLATES.items()),
}
"""How a sandbox that plays the gateway for short messages is told of its account there."""


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
            "merchant_key": "file:sandbox/wechatpay/merchant_key.pem",
            "merchant_certificate": "file:sandbox/wechatpay/merchant_certificate.pem",
            "apiv3_key": "file:sandbox/wechatpay/apiv3_key",
            "platform_public_key": "file:sandbox/wechatpay/platform_public_key.pem",
            "platform_public_key_id": "file:sandbox/wechatpay/platform_public_key_id",
        },
    )


def describe_alipay_merchant() -> Merchant:
    """Describe the sandbox's merchant with Alipay."""
    return Merchant(
        code=ALIPAY_MERCHANT_CODE,
        channel=ChannelCode.ALIPAY,
        merchant_no=ALIPAY_SELLER_ID,
        app_id=ALIPAY_APP_ID,
        key_references={
            "app_private_key": "file:sandbox/alipay/app_private_key.pem",
            "alipay_public_key": "file:sandbox/alipay/alipay_public_key.pem",
        },
    )


def describe_insurance_account() -> Merchant:
    """Describe the sandbox's account with the insurance's mobile payment centre."""
    return Merchant(
        code=INSURANCE_MERCHANT_CODE,
        channel=ChannelCode.INSURANCE,
        merchant_no=INSURANCE_ORG_CODE,
        app_id=INSURANCE_APP_ID,
        key_references={
            "app_secret": "file:sandbox/insurance/app_secret",
            "app_private_key": "file:sandbox/insurance/app_private_key",
            "app_public_key": "file:sandbox/insurance/app_public_key",
            "centre_public_key": "file:sandbox/insurance/centre_public_key",
        },
    )


def insurance_consent_settings(base_url: str) -> dict[str, str]:
    """Say how people agree to paying with their insurance where the emulated centre is played: on its pages."""
    return {
        "INSURANCE_CONSENT_BASE_URL": base_url,
        "INSURANCE_CONSENT_PARTNER": INSURANCE_CONSENT_PARTNER,
        "INSURANCE_CONSENT_SECRET": "file:sandbox/insurance/app_secret",
        "INSURANCE_CONSENT_PAGE": f"{base_url}/consent",
        "INSURANCE_CASHIER_PAGE": f"{base_url}/cashier?payOrdId={{payOrdId}}",
    }


class KeysInTheWay(Exception):
    """Keys of another sandbox lie where this one's would go; the text says where."""


def open_wechatpay_account(*, keys_dir: Path, emulator_dir: Path) -> None:
    """Make both sides' keys where they are not there yet: ours below keys_dir/sandbox, the channel's in emulator_dir.

    Raises:
        KeysInTheWay: ours are there and the channel does not know them; nothing is overwritten.
    """
    ours, registered = keys_dir / "sandbox" / "wechatpay", emulator_dir / "merchants.json"
    if _is_open(ours, registered):
        return
    emulator_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (keys_dir / "sandbox").mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=keys_dir / "sandbox", prefix=".wechatpay."))
    merchant = _certified(WECHATPAY_MERCHANT_NO)
    apiv3_key = secrets.token_hex(APIV3_KEY_CHARACTERS // 2)
    write_private(beside / "merchant_key.pem", merchant.key_pem)
    write_private(beside / "merchant_certificate.pem", merchant.certificate_pem)
    write_private(beside / "apiv3_key", f"{apiv3_key}\n")
    key_id, public_pem = _make_channel(emulator_dir)
    write_private(beside / "platform_public_key.pem", public_pem)
    write_private(beside / "platform_public_key_id", f"{key_id}\n")
    account = {
        "merchant_no": WECHATPAY_MERCHANT_NO,
        "app_ids": [WECHATPAY_APP_ID],
        "apiv3_key": apiv3_key,
        "certificate": merchant.certificate_pem,
    }
    write_private(registered, json.dumps([account], indent=2) + "\n")
    # Last and in one step: with our side in its place the account is open.
    beside.rename(ours)


def open_alipay_account(*, keys_dir: Path, emulator_dir: Path) -> None:
    """Make both sides' keys with Alipay where they are not there yet.

    Raises:
        KeysInTheWay: ours are there and Alipay does not know them; nothing is overwritten.
    """
    ours, registered = keys_dir / "sandbox" / "alipay", emulator_dir / "apps.json"
    if _is_open(ours, registered):
        return
    emulator_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (keys_dir / "sandbox").mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=keys_dir / "sandbox", prefix=".alipay."))
    application, alipay = (rsa.generate_private_key(65537, RSA_BITS) for _ in range(2))
    write_private(beside / "app_private_key.pem", _pem(application))
    write_private(beside / "alipay_public_key.pem", _public_pem(alipay))
    write_private(emulator_dir / "alipay_private_key.pem", _pem(alipay))
    app = {
        "app_id": ALIPAY_APP_ID,
        "seller_id": ALIPAY_SELLER_ID,
        "seller_email": "pay@hospital.example",
        "public_key": _public_pem(application),
    }
    write_private(registered, json.dumps([app], indent=2) + "\n")
    beside.rename(ours)


def open_fiscal_account(*, keys_dir: Path, emulator_dir: Path) -> None:
    """Agree on a key with the fiscal e-receipt platform where there is none yet.

    Raises:
        KeysInTheWay: ours is there and the platform does not know it; nothing is overwritten.
    """
    ours, registered = keys_dir / "sandbox" / "fiscal", emulator_dir / "account.json"
    if _is_open(ours, registered):
        return
    emulator_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (keys_dir / "sandbox").mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=keys_dir / "sandbox", prefix=".fiscal."))
    key = secrets.token_hex(FISCAL_KEY_BYTES)
    write_private(beside / "key", f"{key}\n")
    write_private(registered, json.dumps({"app_id": FISCAL_APP_ID, "key": key}, indent=2) + "\n")
    beside.rename(ours)


def open_insurance_account(*, keys_dir: Path, emulator_dir: Path) -> None:
    """Make both sides' SM2 keys with the insurance's centre, and what they share, where there are none yet.

    Raises:
        KeysInTheWay: ours are there and the centre does not know them; nothing is overwritten.
    """
    ours, registered = keys_dir / "sandbox" / "insurance", emulator_dir / "account.json"
    if _is_open(ours, registered):
        return
    emulator_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (keys_dir / "sandbox").mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=keys_dir / "sandbox", prefix=".insurance."))
    public_key, private_key = (base64.b64encode(key).decode() for key in gmssl_pyx.sm2_key_generate())
    centre_public_key, centre_private_key = (base64.b64encode(key).decode() for key in gmssl_pyx.sm2_key_generate())
    secret = secrets.token_hex(INSURANCE_SECRET_BYTES).upper()
    write_private(beside / "app_secret", f"{secret}\n")
    write_private(beside / "app_private_key", f"{private_key}\n")
    write_private(beside / "app_public_key", f"{public_key}\n")
    write_private(beside / "centre_public_key", f"{centre_public_key}\n")
    account = {
        "app_id": INSURANCE_APP_ID,
        "org_code": INSURANCE_ORG_CODE,
        "secret": secret,
        "private_key": centre_private_key,
        "public_key": centre_public_key,
        "hospital_public_key": public_key,
    }
    write_private(registered, json.dumps(account, indent=2) + "\n")
    beside.rename(ours)


def open_wechat_account(*, keys_dir: Path, emulator_dir: Path) -> None:
    """Register the mini-program with the emulated WeChat where it is not registered yet, and have its templates.

    Raises:
        KeysInTheWay: our secret is there and WeChat does not know it; nothing is overwritten.
    """
    ours, registered = keys_dir / "sandbox" / "wechat", emulator_dir / "account.json"
    if _is_open(ours, registered):
        write_templates(emulator_dir)
        return
    emulator_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (keys_dir / "sandbox").mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=keys_dir / "sandbox", prefix=".wechat."))
    secret = secrets.token_hex(WECHAT_SECRET_BYTES)
    write_private(beside / "app_secret", f"{secret}\n")
    write_private(registered, json.dumps({"app_id": WECHAT_APP_ID, "secret": secret}, indent=2) + "\n")
    write_templates(emulator_dir)
    beside.rename(ours)


def open_sms_account(*, keys_dir: Path, emulator_dir: Path) -> None:
    """Open an application with the emulated gateway for short messages where there is none, and have its templates.

    Raises:
        KeysInTheWay: our key is there and the gateway does not know it; nothing is overwritten.
    """
    ours, registered = keys_dir / "sandbox" / "sms", emulator_dir / "account.json"
    if _is_open(ours, registered):
        write_sms_templates(emulator_dir)
        return
    emulator_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (keys_dir / "sandbox").mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=keys_dir / "sandbox", prefix=".sms."))
    secret_id, secret_key = f"AKID{secrets.token_hex(SMS_SECRET_ID_BYTES)}", secrets.token_hex(SMS_SECRET_KEY_BYTES)
    write_private(beside / "secret_id", f"{secret_id}\n")
    write_private(beside / "secret_key", f"{secret_key}\n")
    account = {
        "app_id": SMS_APP_ID,
        "sign_name": SMS_SIGN_NAME,
        "secret_id": secret_id,
        "secret_key": secret_key,
    }
    write_private(registered, json.dumps(account, ensure_ascii=False, indent=2) + "\n")
    write_sms_templates(emulator_dir)
    beside.rename(ours)


def _is_open(ours: Path, registered: Path) -> bool:
    """Tell whether an account is there, on both sides."""
    if ours.exists() and not registered.exists():
        raise KeysInTheWay(f"{ours} belongs to another sandbox: give this one a KEYS_DIR of its own.")
    return ours.exists()


def _make_channel(emulator_dir: Path) -> tuple[str, str]:
    """Make the channel's own keys; give the name and the public half of the one that merchants verify with."""
    channel = _certified("Tenpay.com Root CA (sandbox)")
    signing_key = rsa.generate_private_key(65537, RSA_BITS)
    key_id = f"PUB_KEY_ID_01{WECHATPAY_MERCHANT_NO}{datetime.now(UTC):%Y%m%d}{secrets.randbelow(10**10):010d}"
    write_private(emulator_dir / "certificate_key.pem", channel.key_pem)
    write_private(emulator_dir / "certificate.pem", channel.certificate_pem)
    write_private(emulator_dir / "signing_key.pem", _pem(signing_key))
    write_private(emulator_dir / "signing_key_id", f"{key_id}\n")
    return key_id, _public_pem(signing_key)


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


def _public_pem(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
