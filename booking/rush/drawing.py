"""The draw: an order that nobody can steer and everybody can check, by the standard library of any language.

1. Before anybody joins, the hospital draws 32 random bytes, the seed, and shows their SHA-256: the commitment.
2. At the release the ids of all tickets that have joined are written in order, one a line, and the line-up's key is
   HMAC-SHA-256(seed, that text). So the order depends on everybody who has joined: whoever knows the seed does not
   know the order before the last one has, and nobody can be taken out afterwards.
3. A ticket's place is the rank of HMAC-SHA-256(key, its id); those of a device or telephone with too many tickets
   stand behind all others.
4. The seed is shown, with every ticket's id and place.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final
from uuid import UUID

SEED_BYTES: Final = 32


def new_seed() -> bytes:
    """Make what decides an order, from the operating system's own randomness."""
    return secrets.token_bytes(SEED_BYTES)


def commitment_of(seed: bytes) -> bytes:
    """Give what is shown of a seed before the draw."""
    return hashlib.sha256(seed).digest()


def order_tickets(seed: bytes, is_behind: Mapping[UUID, bool]) -> list[UUID]:
    """Put the tickets of a rush in order; given with each whether it stands behind the others."""
    names = {ticket: str(ticket).encode() for ticket in is_behind}
    key = hmac.digest(seed, b"\n".join(sorted(names.values())), "sha256")
    return sorted(is_behind, key=lambda ticket: (is_behind[ticket], hmac.digest(key, names[ticket], "sha256")))
