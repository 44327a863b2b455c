r"""Signatures and encryption of API v3 (https://pay.weixin.qq.com/doc/v3/merchant/4012365342).

A request signs `METHOD\npath?query\ntimestamp\nnonce\nbody\n`; an answer and a notification sign
`timestamp\nnonce\nbody\n`. Times of signatures are the machine's, not the sandbox's.
"""

import re
import secrets
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from integration.emulators.wechatpay.accounts import Account, Signer
from integration.emulators.wechatpay.errors import WireError

SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
PROBE: Final = "WECHATPAY/SIGNTEST/"
WINDOW_SECONDS: Final = 300
NONCES_MAX: Final = 100_000
NONCE_CHARACTERS: Final = 12
_PART: Final = re.compile(r'(mchid|nonce_str|signature|timestamp|serial_no)="([^"]{1,700})"')
_PARTS: Final = 5
# The channel's documents say SHA-1 here (敏感信息加密); as a mask of OAEP it is not broken.
_OAEP: Final = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)  # noqa: S303  as said


class RequestGate:
    """Decides whether a request is a merchant's: known, signed, fresh, and not seen before."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts
        self._nonces: OrderedDict[tuple[str, str], None] = OrderedDict()

    def admit(self, *, method: str, target: str, body: bytes, authorization: str, now: datetime) -> Account:
        """Give the merchant who signed a request.

        Raises:
            WireError: SIGN_ERROR, with what does not hold.
        """
        scheme, _, rest = authorization.partition(" ")
        parts = dict(_PART.findall(rest))
        if scheme != SCHEME or len(parts) != _PARTS:
            raise _sign_error("Http头Authorization的格式不正确")
        account = self._accounts.get(parts["mchid"])
        if account is None:
            raise _sign_error("商户号不存在")
        if parts["serial_no"] != account.certificate_serial:
            raise _sign_error("商户证书序列号有误")
        if not parts["timestamp"].isdigit() or abs(now.timestamp() - int(parts["timestamp"])) > WINDOW_SECONDS:
            raise _sign_error("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        head = f"{method}\n{target}\n{parts['timestamp']}\n{parts['nonce_str']}\n".encode()
        if not verify(account, parts["signature"], head + body + b"\n"):
            raise _sign_error("签名错误,验签未通过")
        self._see_once(account.merchant_no, parts["nonce_str"])
        return account

    def _see_once(self, merchant_no: str, nonce: str) -> None:
        if (merchant_no, nonce) in self._nonces:
            raise _sign_error("请求重放")
        self._nonces[merchant_no, nonce] = None
        if len(self._nonces) > NONCES_MAX:
            self._nonces.popitem(last=False)


def verify(account: Account, signature: str, message: bytes) -> bool:
    """Tell whether a merchant signed a message."""
    try:
        account.public_key.verify(b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def sign(signer: Signer, message: bytes) -> str:
    """Sign a message as the channel."""
    return b64encode(signer.key.sign(message, PKCS1v15(), SHA256())).decode()


def signed_headers(signer: Signer, body: bytes, *, now: datetime, is_probe: bool = False) -> dict[str, str]:
    """Give the headers of an answer or a notification; a probe's signature does not hold, and must be refused."""
    timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(16)
    signature = sign(signer, f"{timestamp}\n{nonce}\n".encode() + body + b"\n")
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": signer.serial,
        "Wechatpay-Signature": PROBE + signature[len(PROBE) :] if is_probe else signature,
        "Wechatpay-Signature-Type": SCHEME,
    }


def encrypt(account: Account, text: str, *, associated_data: str) -> dict[str, str]:
    """Seal a text under the merchant's API v3 key: AEAD_AES_256_GCM, 12 letters of nonce."""
    nonce = secrets.token_hex(NONCE_CHARACTERS // 2)
    sealed = AESGCM(account.apiv3_key).encrypt(nonce.encode(), text.encode(), associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": b64encode(sealed).decode(),
        "nonce": nonce,
        "associated_data": associated_data,
    }


def decrypt_field(signer: Signer, sealed: str) -> str | None:
    """Open a field that a merchant sealed under one of the channel's keys (RSA, OAEP with SHA-1), or give None."""
    try:
        return signer.key.decrypt(b64decode(sealed, validate=True), _OAEP).decode()
    except ValueError:
        return None


def _sign_error(message: str) -> WireError:
    return WireError(401, "SIGN_ERROR", message)
