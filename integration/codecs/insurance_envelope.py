"""The envelope of the medical insurance's mobile payment centre: words signed with SM2 (SM3withSM2), sealed with SM4.

What is signed: every field of the message but signData, encData and extra, in ASCII order, as `name=value` joined by
`&`, `data` as compact JSON in the order of its names without what is empty, and at last `&key=` and the secret. What is
sealed: `data`, under a key that both sides make of the application's id and secret. What of this is known, and what is
not, is in docs/adr/0313.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import gmssl_pyx
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

VERSION: Final = "2.0.1"
SIGNER: Final = b"1234567812345678"
"""Whom a signature names (GB/T 35276). Some provinces name the secret instead."""
NOT_SIGNED: Final = frozenset({"signData", "encData", "extra"})
APP_ID_CHARACTERS_MIN: Final = 16
_PRIVATE_BYTES: Final = 32
_PUBLIC_BYTES: Final = 64
_BLOCK_BITS: Final = 128

Message = Mapping[str, Any]


class EnvelopeRefused(Exception):
    """A message that is not the other side's, or cannot be read; `reason` is a stable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Number(str):
    """A number as it was written: 12.50 stays 12.50."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Party:
    """One side of the line: its own pair of keys, the other's public key, and what both share."""

    app_id: str
    secret: str = field(repr=False)
    private_key: bytes = field(repr=False)
    public_key: bytes
    other_public_key: bytes
    signer: bytes = SIGNER


def read_private_key(text: str) -> bytes:
    """Read a private key: base64 of 32 bytes, or of 33 that begin with 0. Raises: ValueError."""
    raw = base64.b64decode(text, validate=True)
    raw = raw[1:] if len(raw) == _PRIVATE_BYTES + 1 and raw[0] == 0 else raw
    if len(raw) != _PRIVATE_BYTES:
        raise ValueError("an SM2 private key has 32 bytes")
    return raw


def read_public_key(text: str) -> bytes:
    """Read a public key: base64 of the point's 64 bytes, with or without the leading 04. Raises: ValueError."""
    raw = base64.b64decode(text, validate=True)
    raw = raw[1:] if len(raw) == _PUBLIC_BYTES + 1 and raw[0] == 4 else raw
    if len(raw) != _PUBLIC_BYTES:
        raise ValueError("an SM2 public key has 64 bytes")
    try:
        point: bytes = gmssl_pyx.normalize_sm2_public_key(raw)
    except gmssl_pyx.GmsslInnerError as error:
        raise ValueError("no point of SM2's curve") from error
    return point


def seal(party: Party, data: Message, *, timestamp: str, outer: Message | None = None) -> dict[str, Any]:
    """Write a message: `data` signed and sealed, `outer` (an answer's code and words) signed beside it."""
    message = {
        "appId": party.app_id,
        "encType": "SM4",
        "signType": "SM2",
        "version": VERSION,
        "timestamp": timestamp,
        **(outer or {}),
    }
    text = text_to_sign(message | {"data": data}, party.secret)
    message["signData"] = sign(party, text)
    if data:
        message["encData"] = encrypt(party, compact(data))
    return message


def read(party: Party, body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Verify and open a message: what stands outside, and its data.

    Raises:
        EnvelopeRefused.
    """
    message = _parse(body, "malformed")
    if message.get("appId") != party.app_id or message.get("signType") != "SM2" or message.get("encType") != "SM4":
        raise EnvelopeRefused("not_for_us")
    sealed = message.get("encData")
    data = _parse(decrypt(party, sealed), "cannot_open") if isinstance(sealed, str) and sealed else {}
    signed = message | {"data": data}
    # Whether a number is signed as a number or as text is read in both ways; we send texts alone.
    texts = {text_to_sign(signed, party.secret, bare=bare) for bare in (False, True)}
    if not any(verify(party, text, message.get("signData")) for text in texts):
        raise EnvelopeRefused("bad_signature")
    return message, data


def text_to_sign(message: Message, secret: str, *, bare: bool = False) -> str:
    """Write what is signed. bare: numbers and truths inside `data` stay as they are, without quotes."""
    parts = []
    for name in sorted(message):
        value = _without_empty(message[name])
        if name in NOT_SIGNED or value is None:
            continue
        parts.append(f"{name}={_plain(value) if _is_scalar(value) else compact(value, bare=bare)}")
    return "&".join([*parts, f"key={secret}"])


def compact(value: object, *, bare: bool = True) -> str:
    """Write JSON without spaces, names in order, without what is empty."""
    value = _without_empty(value)
    if isinstance(value, dict):
        inner = (f"{json.dumps(name)}:{compact(value[name], bare=bare)}" for name in sorted(value))
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(compact(one, bare=bare) for one in value) + "]"
    if bare and not isinstance(value, str):
        return json.dumps(value)
    if bare and isinstance(value, Number):
        return str(value)
    return json.dumps(_plain(value), ensure_ascii=False)


def sign(party: Party, text: str) -> str:
    """Sign: r and s, 32 bytes each, in base64."""
    der = gmssl_pyx.sm2_sign(party.private_key, party.public_key, text.encode(), party.signer)
    r, s = decode_dss_signature(der)
    return base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()


def verify(party: Party, text: str, signature: object) -> bool:
    """Tell whether the other side signed this."""
    try:
        raw = base64.b64decode(str(signature), validate=True)
        if len(raw) != _PUBLIC_BYTES:
            return False
        der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        holds: bool = gmssl_pyx.sm2_verify(party.other_public_key, text.encode(), der, party.signer)
    except (binascii.Error, ValueError, gmssl_pyx.GmsslInnerError):
        return False
    return holds


def sealing_key(party: Party) -> bytes:
    """Make the key of `data`: the secret sealed under the id's first 16 characters, 16 characters of that as hex."""
    sealed = _cipher(party.app_id[:16].encode()).encryptor()
    padder = PKCS7(_BLOCK_BITS).padder()
    content = padder.update(party.secret.encode()) + padder.finalize()
    return (sealed.update(content) + sealed.finalize()).hex().upper()[:16].encode()


def encrypt(party: Party, text: str) -> str:
    """Seal a text: SM4-ECB with PKCS#7, upper-case hex."""
    padder, cipher = PKCS7(_BLOCK_BITS).padder(), _cipher(sealing_key(party)).encryptor()
    return (cipher.update(padder.update(text.encode()) + padder.finalize()) + cipher.finalize()).hex().upper()


def decrypt(party: Party, sealed: str) -> bytes:
    """Open it again. Raises: EnvelopeRefused."""
    unpadder, cipher = PKCS7(_BLOCK_BITS).unpadder(), _cipher(sealing_key(party)).decryptor()
    try:
        return unpadder.update(cipher.update(bytes.fromhex(sealed)) + cipher.finalize()) + unpadder.finalize()
    except ValueError as error:
        raise EnvelopeRefused("cannot_open") from error


def _cipher(key: bytes) -> Cipher[modes.ECB]:
    return Cipher(algorithms.SM4(key), modes.ECB())  # noqa: S305  the centre's own mode; the signature is what protects


def _parse(body: bytes, reason: str) -> dict[str, Any]:
    try:
        found = json.loads(body, parse_int=Number, parse_float=Number)
    except (ValueError, RecursionError) as error:
        raise EnvelopeRefused(reason) from error
    if not isinstance(found, dict):
        raise EnvelopeRefused(reason)
    return found


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool | int | float)


def _plain(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)


def _without_empty(value: object) -> Any:
    """Leave out what is empty, all the way down; None where nothing is left."""
    if isinstance(value, Mapping):
        kept = {name: left for name, one in value.items() if (left := _without_empty(one)) is not None}
        return kept or None
    if isinstance(value, list | tuple):
        return [left for one in value if (left := _without_empty(one)) is not None] or None
    return None if value == "" else value
