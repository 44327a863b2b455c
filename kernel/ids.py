"""Identifiers: UUIDv7 for the database, short checkable numbers for people."""

import os
import time
from typing import Final
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as PostgresUUID  # noqa: N811  a class, though its name is all capitals

_NUMBER_DIGITS = 9
_NUMBER_SPACE = 10**_NUMBER_DIGITS
# Multiplying by a unit modulo 10^9 is a bijection: neighbours look unrelated, and no two collide.
_SCRAMBLE = 387_420_489
_UNSCRAMBLE: Final = int(pow(_SCRAMBLE, -1, _NUMBER_SPACE))


def new_id() -> UUID:
    """Make a UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def parse_id(text: str) -> UUID:
    """Read a UUID in its usual form; asyncpg's own kind, which is made and sent several times faster.

    Raises:
        ValueError: not a UUID.
    """
    return PostgresUUID(text)


def format_appointment_number(sequence: int) -> str:
    """Turn the running number of an appointment into what a patient reads: ten digits or more, the last a check.

    Numbers below 10^9 are scrambled so that one does not tell the next; above, a longer plain number follows.
    """
    body = f"{sequence * _SCRAMBLE % _NUMBER_SPACE:0{_NUMBER_DIGITS}d}" if sequence < _NUMBER_SPACE else str(sequence)
    return body + _luhn_digit(body)


def parse_appointment_number(text: str) -> int:
    """Turn what a patient reads back into the running number.

    Raises:
        ValueError: not a number of ours; a single mistyped digit is always found (ISO/IEC 7812-1 annex B).
    """
    if not (text.isascii() and text.isdigit() and len(text) > _NUMBER_DIGITS):
        raise ValueError("not an appointment number")
    body, check = text[:-1], text[-1]
    if _luhn_digit(body) != check:
        raise ValueError("check digit does not fit")
    if len(body) == _NUMBER_DIGITS:
        number: int = int(body) * _UNSCRAMBLE % _NUMBER_SPACE
        return number
    return int(body)


def _luhn_digit(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
