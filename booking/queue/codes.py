"""The check-in code (报到码): the patient's phone shows it as a QR code, a scanner at the hospital reads it.

It says "this phone was here a moment ago": it lives for two minutes, so a picture of it is soon worth nothing, and
only the hospital's own applications may redeem it. Nothing is stored; the appointment's state keeps it from being
used twice.
"""

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from booking.queue import errors
from kernel.crypto import cipher

LIFETIME: Final = timedelta(seconds=120)
_ID_BYTES: Final = 16
_TIME_BYTES: Final = 5
_SEAL_BYTES: Final = 15
CODE_CHARACTERS: Final = 48


def write_code(appointment_id: UUID, *, at: datetime) -> tuple[str, datetime]:
    """Give a code for an appointment, and until when it is good (UTC)."""
    expires_at = (at + LIFETIME).replace(microsecond=0)
    body = appointment_id.bytes + int(expires_at.timestamp()).to_bytes(_TIME_BYTES, "big")
    return base64.urlsafe_b64encode(body + _seal(body)).decode(), expires_at


def read_code(code: str, *, at: datetime) -> UUID:
    """Give the appointment that a code is for.

    Raises:
        CodeInvalid: not one of ours, or altered.
        CodeExpired: its two minutes are over.
    """
    try:
        raw = base64.b64decode(code.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise errors.CodeInvalid from error
    body, seal = raw[: _ID_BYTES + _TIME_BYTES], raw[_ID_BYTES + _TIME_BYTES :]
    if len(raw) != _ID_BYTES + _TIME_BYTES + _SEAL_BYTES or not hmac.compare_digest(seal, _seal(body)):
        raise errors.CodeInvalid
    if datetime.fromtimestamp(int.from_bytes(body[_ID_BYTES:], "big"), UTC) <= at:
        raise errors.CodeExpired
    return UUID(bytes=body[:_ID_BYTES])


def _seal(body: bytes) -> bytes:
    """Seal under the hospital's look-up key, in a room of its own among what that key seals."""
    return hmac.digest(cipher().lookup_key, b"check-in-code\n" + body, "sha256")[:_SEAL_BYTES]
