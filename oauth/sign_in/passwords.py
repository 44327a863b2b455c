"""Staff passwords (NIST SP 800-63B): long, none that everybody knows; argon2id off the event loop, few at once."""

import asyncio
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kernel import clock
from kernel.db import Transaction
from kernel.errors import Unavailable
from oauth.sign_in.errors import WeakPassword
from oauth.sign_in.subjects import Subject

CHARACTERS_MIN: Final = 12
CHARACTERS_MAX: Final = 128
DIFFERENT_CHARACTERS_MIN: Final = 5
# Each takes 64 MB and some 25 ms of a core: more at once would only make everybody wait longer.
AT_ONCE_MAX: Final = 2
WAITING_MAX: Final = 64
COMMON: Final = Path(__file__).resolve().parent / "common_passwords.txt"

_hasher: Final = PasswordHasher()
_turns: Final = asyncio.Semaphore(AT_ONCE_MAX)
_waiting = 0


async def hash_password(password: str) -> str:
    """Hash a password for keeping.

    Raises:
        Unavailable: too many wait for their turn.
    """
    return str(await _take_turn(_hasher.hash, _normal(password)))


async def password_fits(kept: str | None, password: str) -> bool:
    """Compare a password; where none is kept the same work is done for nothing.

    Raises:
        Unavailable: too many wait for their turn.
    """
    fits = await _take_turn(_fits, kept or await _nobodys(), _normal(password)[:CHARACTERS_MAX])
    return bool(fits) and kept is not None


async def keep_password(tx: Transaction, subject: Subject, hashed: str) -> None:
    """Make this a subject's password; the one before is worth nothing."""
    await tx.execute(
        "INSERT INTO sign_in_password (subject_kind, subject_id, hash, changed_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (subject_kind, subject_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at",
        subject.kind,
        subject.id,
        hashed,
        clock.now(),
    )


def require_strong_password(password: str, *, about: tuple[str, ...]) -> None:
    """Check a new password. about: what belongs to the person, such as their staff code; it may not be the password.

    Raises:
        WeakPassword: rule `length`, `repetitive`, `common` or `personal`.
    """
    normal = _normal(password)
    if not CHARACTERS_MIN <= len(normal) <= CHARACTERS_MAX:
        raise WeakPassword(rule="length")
    if len(set(normal)) < DIFFERENT_CHARACTERS_MIN:
        raise WeakPassword(rule="repetitive")
    folded = normal.casefold()
    # A well-known word does not become another by figures behind it, nor by the disguises everybody knows.
    word = re.sub(r"[\W\d_]+", "", re.sub(r"[\W\d_]+$", "", folded).translate(_DISGUISES))
    plain = re.sub(r"[\W\d_]+", "", folded)
    if not _common().isdisjoint((folded, word, plain)) or _is_run(folded):
        raise WeakPassword(rule="common")
    bare = re.sub(r"[\W_]+", "", folded)
    for own in about:
        if own and len(bare.replace(own.casefold(), "")) < CHARACTERS_MIN // 2:
            raise WeakPassword(rule="personal")


async def _nobodys() -> str:
    """Give the hash that passwords of nobody are compared with."""
    if not _dummy:
        _dummy.append(str(await _take_turn(_hasher.hash, "nobody's password")))
    return _dummy[0]


_dummy: Final[list[str]] = []


async def _take_turn(work: Callable[..., str | bool], *arguments: str) -> str | bool:
    global _waiting  # noqa: PLW0603  one queue a process
    if _waiting >= WAITING_MAX:
        raise Unavailable
    _waiting += 1
    try:
        async with _turns:
            return await asyncio.to_thread(work, *arguments)
    finally:
        _waiting -= 1


def _fits(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """Write a password in one way, however the keyboard composes its letters (RFC 8265 section 4)."""
    return unicodedata.normalize("NFKC", password)


@cache
def _common() -> frozenset[str]:
    return frozenset(COMMON.read_text(encoding="utf-8").split())


# Disguises that everybody knows, read back to letters.
_DISGUISES: Final = str.maketrans("@4$5013!7", "aassoieit")
_RUNS: Final = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv")


def _is_run(text: str) -> bool:
    """Tell whether a text is made of neighbours on the keyboard or in the alphabet, or repeats one short piece."""
    if any(len(text) > 2 * size and text == (text[:size] * len(text))[: len(text)] for size in range(1, 7)):
        return True
    pairs = {run[i : i + 2] for run in _RUNS for i in range(len(run) - 1)}
    pairs |= {pair[::-1] for pair in pairs}
    neighbours = sum(text[i : i + 2] in pairs for i in range(len(text) - 1))
    return neighbours >= 0.7 * (len(text) - 1)
