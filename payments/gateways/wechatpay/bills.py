"""Bills as they come from the channel: unpacked within a bound, and compared with the hash that was given before."""

import hashlib
import hmac
import zlib
from typing import Final

from payments.gateways.errors import ChannelUnavailable

BILL_BYTES_MAX: Final = 512 * 1024 * 1024
GZIP_MARK: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
HASHES: Final = {"SHA1": "sha1"}


def unpack(content: bytes, *, bytes_max: int = BILL_BYTES_MAX) -> bytes:
    """Unpack a bill where it is packed (gzip).

    Raises:
        ChannelUnavailable: it is cut off, broken, or larger than any bill.
    """
    if not content.startswith(GZIP_MARK):
        return content
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        unpacked = unpacker.decompress(content, bytes_max)
    except zlib.error as error:
        raise ChannelUnavailable("a packed bill that is broken") from error
    if unpacker.unconsumed_tail:
        raise ChannelUnavailable("a packed bill that is larger than any bill")
    if not unpacker.eof:
        raise ChannelUnavailable("a packed bill that is cut off")
    return unpacked


def require_hash(content: bytes, *, hash_type: object, hash_value: object) -> None:
    """Make sure that a bill is the one that the channel made.

    Raises:
        ChannelUnavailable: another hash than was given, or a kind of hash that is not known.
    """
    name = HASHES.get(hash_type) if isinstance(hash_type, str) else None
    if name is None or not isinstance(hash_value, str):
        raise ChannelUnavailable("a bill without a hash that can be checked")
    found = hashlib.new(name, content, usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(found.encode(), hash_value.lower().encode()):
        raise ChannelUnavailable("a bill whose hash does not hold")
