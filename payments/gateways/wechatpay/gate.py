"""Our own gate before anything that claims to be WeChat Pay's: signature, time, serial, size, form.

The SDK believes a year-old time stamp and goes out to fetch certificates at the word of whoever names an unknown one;
here nothing is fetched and nothing is changed. That a notification counts once is kept by the inbox, by its event id.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from payments.gateways.errors import NotificationRefused

SIGNATURE_TYPE: Final = "WECHATPAY2-SHA256-RSA2048"
PROBE: Final = "WECHATPAY/SIGNTEST/"
WINDOW: Final = timedelta(minutes=5)
BODY_BYTES_MAX: Final = 64 * 1024
DEPTH_MAX: Final = 8
NONCE_CHARACTERS_MAX: Final = 64
SIGNATURE_CHARACTERS_MAX: Final = 1024
ALGORITHM: Final = "AEAD_AES_256_GCM"
_PADDING: Final = PKCS1v15()
_DIGEST: Final = SHA256()
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_EVENT_ID: Final = re.compile(r"[0-9A-Za-z_\-]{1,64}")
_EVENT_TYPE: Final = re.compile(r"[A-Z_.]{1,64}")


def verify(headers: Mapping[str, str], body: bytes, trusted: Mapping[str, RSAPublicKey], *, now: datetime) -> None:
    """Make sure that the channel signed this body within the last five minutes.

    Raises:
        NotificationRefused: unsigned, signature_type, probing_signature, unknown_serial, stale or bad_signature.
    """
    # Servers and clients keep names in lower case; only where they do not, all are read.
    given = headers if "wechatpay-signature" in headers else {name.lower(): one for name, one in headers.items()}
    try:
        timestamp, nonce = given["wechatpay-timestamp"], given["wechatpay-nonce"]
        serial, signature = given["wechatpay-serial"], given["wechatpay-signature"]
    except KeyError as error:
        raise NotificationRefused("unsigned") from error
    # The channel leaves the type out of some messages; it has no other.
    if given.get("wechatpay-signature-type", SIGNATURE_TYPE) != SIGNATURE_TYPE:
        raise NotificationRefused("signature_type")
    if signature.startswith(PROBE):
        raise NotificationRefused("probing_signature")
    key = trusted.get(serial)
    if key is None:
        raise NotificationRefused("unknown_serial")
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        raise NotificationRefused("stale")
    if len(nonce) > NONCE_CHARACTERS_MAX or len(signature) > SIGNATURE_CHARACTERS_MAX:
        raise NotificationRefused("bad_signature")
    try:
        message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        key.verify(b64decode(signature, validate=True), message, _PADDING, _DIGEST)
    except (InvalidSignature, ValueError) as error:
        raise NotificationRefused("bad_signature") from error


def read_envelope(body: bytes) -> dict[str, Any]:
    """Read the object that a signed body is.

    Raises:
        NotificationRefused: too_large, too_deep, malformed.
    """
    if len(body) > BODY_BYTES_MAX:
        raise NotificationRefused("too_large")
    if _depth(body) > DEPTH_MAX:
        raise NotificationRefused("too_deep")
    try:
        found = orjson.loads(body)
    except ValueError as error:
        raise NotificationRefused("malformed") from error
    if not isinstance(found, dict):
        raise NotificationRefused("malformed")
    return found


def name_of(envelope: dict[str, Any]) -> tuple[str, str]:
    """Give the channel's number of a notification, and its kind. Raises: NotificationRefused (malformed)."""
    event_id, event_type = envelope.get("id"), envelope.get("event_type")
    if not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
        raise NotificationRefused("malformed")
    if not isinstance(event_type, str) or not _EVENT_TYPE.fullmatch(event_type):
        raise NotificationRefused("malformed")
    return event_id, event_type


def open_resource(envelope: dict[str, Any], seal: AESGCM) -> dict[str, Any]:
    """Open the sealed part of a notification.

    Raises:
        NotificationRefused: malformed, algorithm, or cannot_open (sealed under another key).
    """
    resource = envelope.get("resource")
    if not isinstance(resource, dict):
        raise NotificationRefused("malformed")
    if resource.get("algorithm") != ALGORITHM:
        raise NotificationRefused("algorithm")
    try:
        opened = unseal(resource, seal)
    except (KeyError, TypeError, AttributeError) as error:
        raise NotificationRefused("malformed") from error
    except (InvalidTag, ValueError) as error:
        raise NotificationRefused("cannot_open") from error
    return read_envelope(opened)


def unseal(sealed: Mapping[str, Any], seal: AESGCM) -> bytes:
    """Open what the channel has sealed under the API v3 key, which `seal` holds.

    Raises:
        KeyError, TypeError, AttributeError: not a sealed object.
        cryptography.exceptions.InvalidTag, ValueError: altered, or sealed under another key.
    """
    nonce, associated = sealed["nonce"].encode(), (sealed.get("associated_data") or "").encode()
    return seal.decrypt(nonce, b64decode(sealed["ciphertext"], validate=True), associated)


def _depth(body: bytes) -> int:
    """Count how deep a JSON text nests, without building it."""
    opened = body.count(b"{") + body.count(b"[")
    if opened <= DEPTH_MAX:
        # What opens so seldom cannot nest deeper; no need to tell braces from those within strings.
        return opened
    depth = deepest = 0
    for found in re.finditer(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', body):
        mark = found.group()
        if mark in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif mark in (b"]", b"}"):
            depth -= 1
    return deepest
