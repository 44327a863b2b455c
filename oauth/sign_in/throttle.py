"""How often something may be tried. Counted in PostgreSQL, one statement each: right across processes and restarts.

An attempt is counted before it is looked at and given back when it succeeds, so that a hundred at once are a hundred.
Who guesses delays only the pair of subject and address it guesses from. The wider limits, per subject and per
address, do not reach a pair that has signed in before: strangers cannot shut an honest person out.

What a stranger can have written is bounded too, whatever they make up: so many attempts of an address are looked at
in a minute, and so many of its refusals are kept (docs/adr/0482).
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Transaction, database
from oauth.sign_in.errors import TooManyAttempts
from oauth.sign_in.subjects import Subject, Visit, record_attempt

FREE_FAILURES: Final = 5
FIRST_DELAY_SECONDS: Final = 30
DELAY_SECONDS_MAX: Final = 900
FAILURES_KEPT: Final = timedelta(hours=24)
KNOWN_KEPT: Final = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in so long a time."""

    name: str
    count_max: int
    per: timedelta


SUBJECT_ELSEWHERE: Final = Limit("subject", 100, timedelta(days=1))
ADDRESS: Final = Limit("address", 100, timedelta(hours=1))
ASKS: Final = Limit("address-asks", 300, timedelta(minutes=1))
NOTED: Final = Limit("address-noted", 60, timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt under way: counted, and given back if it succeeds."""

    subject_hash: bytes
    address_hash: bytes
    pair: bytes
    counted: tuple[bytes, ...]

    async def was_not_made(self) -> None:
        """Give the attempt back: nobody could look at it, and that was not theirs who made it.

        Raises:
            DatabaseUnavailable.
        """
        for key in sorted((self.pair, *self.counted)):
            await database().execute(
                "UPDATE sign_in_throttle SET count = greatest(count - 1, 0), blocked_until = '-infinity'"
                " WHERE key = $1",
                key,
            )

    async def succeeded(self, tx: Transaction) -> None:
        """Forget the failures of this pair, and know it from now on."""
        await tx.execute("DELETE FROM sign_in_throttle WHERE key = $1", self.pair)
        # In the order of keys, so that two who succeed at once do not wait for each other.
        for key in sorted(self.counted):
            await tx.execute("UPDATE sign_in_throttle SET count = greatest(count - 1, 0) WHERE key = $1", key)
        await remember_address(tx, self.subject_hash, self.address_hash)


async def begin_attempt(subject: str, visit: Visit, *, per_address: Limit = ADDRESS) -> Attempt:
    """Count an attempt at a subject (a typed code or number, known or not) from an address.

    per_address: how many may fail there; more, and sooner again, where nothing can be guessed.

    Raises:
        TooManyAttempts: retry_after_seconds; the attempt is not made.
        DatabaseUnavailable.
    """
    subject_hash = cipher().lookup_hash(f"throttle-subject\n{subject}")
    pair = cipher().lookup_hash(f"throttle-pair\n{subject}\n{visit.address_hash.hex()}")
    counted: list[bytes] = []
    try:
        known = await is_known(subject_hash, visit.address_hash)
        if not known:
            # Before anything of the subject is written: there is no end of subjects.
            counted.append(await take(ASKS, visit.address_hash.hex()))
        await _delay(pair)
        if not known:
            counted.append(await take(per_address, visit.address_hash.hex()))
            counted.append(await take(SUBJECT_ELSEWHERE, subject_hash.hex()))
    except TooManyAttempts:
        await note_refusal("held_back", visit)
        raise
    return Attempt(subject_hash, visit.address_hash, pair, tuple(counted))


async def take(limit: Limit, whose: str) -> bytes:
    """Count one use against a limit, and give the key under which it counts.

    Raises:
        TooManyAttempts: retry_after_seconds.
        DatabaseUnavailable.
    """
    key = _key(limit, whose)
    now = clock.now()
    row = await database().fetchrow(
        "INSERT INTO sign_in_throttle AS t (key, count, ends_at) VALUES ($1, 1, $2)"
        " ON CONFLICT (key) DO UPDATE SET count = CASE WHEN t.ends_at <= $3 THEN 1 ELSE t.count + 1 END,"
        " ends_at = CASE WHEN t.ends_at <= $3 THEN $2 ELSE t.ends_at END"
        " WHERE t.ends_at <= $3 OR t.count < $4 RETURNING count",
        key,
        now + limit.per,
        now,
        limit.count_max,
    )
    if row is None:
        ends_at = await database().fetchval("SELECT ends_at FROM sign_in_throttle WHERE key = $1", key)
        raise TooManyAttempts(retry_after_seconds=_seconds(ends_at - now) if ends_at else 1)
    return key


async def count_left(limit: Limit, whose: str) -> int:
    """Count how many uses a limit leaves.

    Raises:
        DatabaseUnavailable.
    """
    used: int | None = await database().fetchval(
        "SELECT count FROM sign_in_throttle WHERE key = $1 AND ends_at > $2", _key(limit, whose), clock.now()
    )
    return max(limit.count_max - (used or 0), 0)


async def forget(tx: Transaction, limit: Limit, whose: str) -> None:
    """Give all uses of a limit back: whoever used them was right."""
    await tx.execute("DELETE FROM sign_in_throttle WHERE key = $1", _key(limit, whose))


async def note_refusal(kind: str, visit: Visit, *, subject: Subject | None = None, method: str | None = None) -> None:
    """Write down that a stranger was refused; of an address that is refused without end, only so many a minute.

    Raises:
        DatabaseUnavailable.
    """
    with suppress(TooManyAttempts):
        await take(NOTED, visit.address_hash.hex())
        await record_attempt(database(), kind, visit, subject=subject, method=method)


async def is_known(subject_hash: bytes, address_hash: bytes) -> bool:
    """Tell whether a subject has signed in from an address in the last half year."""
    found = await database().fetchval(
        "SELECT true FROM sign_in_known_address WHERE subject_hash = $1 AND address_hash = $2 AND used_at > $3",
        subject_hash,
        address_hash,
        clock.now() - KNOWN_KEPT,
    )
    return found is not None


async def remember_address(tx: Transaction, subject_hash: bytes, address_hash: bytes) -> None:
    """Note that a subject has signed in from an address."""
    await tx.execute(
        "INSERT INTO sign_in_known_address (subject_hash, address_hash, used_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (subject_hash, address_hash) DO UPDATE SET used_at = excluded.used_at",
        subject_hash,
        address_hash,
        clock.now(),
    )


async def purge_throttle(db: Database, *, limit: int = 5_000) -> int:
    """Delete counts that no longer count and addresses not used for long; gives how many."""
    now = clock.now()
    gone = await db.execute(
        "DELETE FROM sign_in_throttle WHERE key IN (SELECT key FROM sign_in_throttle WHERE ends_at < $1 LIMIT $2)",
        now,
        limit,
    )
    return gone + await db.execute(
        "DELETE FROM sign_in_known_address WHERE (subject_hash, address_hash) IN ("
        "SELECT subject_hash, address_hash FROM sign_in_known_address WHERE used_at < $1 LIMIT $2)",
        now - KNOWN_KEPT,
        limit,
    )


async def _delay(pair: bytes) -> None:
    """Count an attempt as a failure to be, and set the wait that follows it: 30 s, doubled up to a quarter hour."""
    now = clock.now()
    won = await database().fetchval(
        "INSERT INTO sign_in_throttle AS t (key, count, ends_at) VALUES ($1, 1, $2)"
        " ON CONFLICT (key) DO UPDATE SET ends_at = $2,"
        " count = CASE WHEN t.ends_at <= $3 THEN 1 ELSE least(t.count + 1, 1000) END,"
        " blocked_until = CASE WHEN t.ends_at <= $3 OR t.count + 1 < $4 THEN '-infinity'::timestamptz"
        " ELSE $3 + least($5 * power(2, least(t.count + 1 - $4, 20)), $6) * interval '1 second' END"
        " WHERE t.blocked_until <= $3 RETURNING true",
        pair,
        now + FAILURES_KEPT,
        now,
        FREE_FAILURES,
        float(FIRST_DELAY_SECONDS),
        float(DELAY_SECONDS_MAX),
    )
    if won is None:
        until = await database().fetchval("SELECT blocked_until FROM sign_in_throttle WHERE key = $1", pair)
        raise TooManyAttempts(retry_after_seconds=_seconds(until - now) if until else 1)


def _key(limit: Limit, whose: str) -> bytes:
    return cipher().lookup_hash(f"throttle\n{limit.name}\n{whose}")


def _seconds(left: timedelta) -> int:
    return max(1, int(left.total_seconds()) + 1)
