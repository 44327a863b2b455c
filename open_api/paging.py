"""Cursors: opaque to partners, and only ours are taken."""

import base64
import binascii
import hmac
from typing import Final

import orjson

from kernel.crypto import cipher
from open_api.errors import InvalidCursor

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
_TAG_BYTES: Final = 8


def write_cursor(list_name: str, *position: str | int) -> str:
    """Make the cursor of the next page of a list from the last entry's position."""
    body = orjson.dumps([list_name, *position])
    return base64.urlsafe_b64encode(_tag(body) + body).decode().rstrip("=")


def read_cursor(list_name: str, text: str) -> list[str | int]:
    """Read a position back.

    Raises:
        InvalidCursor: not ours, or of another list.
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor from error
    tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(body)):
        raise InvalidCursor
    name, *position = orjson.loads(body)
    if name != list_name:
        raise InvalidCursor
    return list(position)


def _tag(body: bytes) -> bytes:
    return hmac.digest(cipher().lookup_key, b"cursor\n" + body, "sha256")[:_TAG_BYTES]
