"""Identifiers: UUIDv7 for the database, short checkable numbers for people."""

import os
import time
from typing import Final
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as PostgresUUID  # noqa: N811  a class, though its name is all capitals

_NUMBER_DIGITS = 9
_NUMBER_SPACE = 10**_NUMBER_DIGITS
_NUMBER_MAX = 2**63 - 1  # what the database counts with
# Multiplying by a unit modulo 10^9 is a bijection: neighbours look unrelated, and no two collide.
_SCRAMBLE = 387_420_489
# Added to an order's, each of these digits makes another of the one that stands there, whatever is carried.
_ORDERS_APART: Final = 271_828_182
# A digit counted twice, by the sum of its digits (ISO/IEC 7812-1 annex B).
_DOUBLED: Final = {str(digit): digit * 2 - 9 * (digit > 4) for digit in range(10)}
_UNSCRAMBLE: Final = int(pow(_SCRAMBLE, -1, _NUMBER_SPACE))


def new_id() -> UUID:
    """Make a UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then 74 random bits."""
    value = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    value[6] = value[6] & 0x0F | 0x70
    value[8] = value[8] & 0x3F | 0x80
    return PostgresUUID(bytes(value))


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
    return _readable(sequence, apart=0)


def format_order_digits(sequence: int) -> str:
    """Turn the running number of a payment order into digits, made as an appointment's but never ending like it.

    Appointments and their orders are often counted in step. Made alike, one visit's two numbers ended in the same
    digits, and were taken for one another at windows.
    """
    return _readable(sequence, apart=_ORDERS_APART)


def _readable(sequence: int, *, apart: int) -> str:
    if sequence < _NUMBER_SPACE:
        body = f"{(sequence * _SCRAMBLE + apart) % _NUMBER_SPACE:0{_NUMBER_DIGITS}d}"
    else:
        body = str(sequence)
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
    if int(body) > _NUMBER_MAX:
        raise ValueError("no number is so high")
    return int(body)


def _luhn_digit(body: str) -> str:
    total = sum(map(_DOUBLED.__getitem__, body[::-2])) + sum(map(int, body[-2::-2]))
    return str(-total % 10)
