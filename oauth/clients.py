"""Client applications and the staff they act for, as the guard sees them: remembered for a second, no longer."""

import asyncio
import hmac
import re
import time
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast

from kernel.crypto import cipher
from kernel.db import database
from oauth.errors import StaffRequired, StaffUnknown
from oauth.known_credentials import DEMO_CLIENTS

REMEMBER_SECONDS: Final = 1.0
REMEMBERED_MAX: Final = 10_000
STAFF_CODE: Final = re.compile(r"[A-Z][0-9]{3,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Client:
    """A client application. `scopes` are those registered, or after `narrowed` those of the token at hand."""

    id: str
    kind: Literal["partner", "internal"]
    channel: str
    secret_hash: bytes
    scopes: frozenset[str]

    def narrowed(self, granted: frozenset[str]) -> "Client":
        """Give the client with what the token grants and the registration still allows."""
        return self if granted == self.scopes else replace(self, scopes=self.scopes & granted)

    def secret_fits(self, secret: str) -> bool:
        """Compare a secret in constant time."""
        return hmac.compare_digest(self.secret_hash, secret_hash(self.id, secret))


class KnownCredentials(Exception):
    """A demonstration client's published secret works on this database."""


def secret_hash(client_id: str, secret: str) -> bytes:
    """Hash a server-generated secret: a keyed hash will do, for there is nothing to guess (128 bits and more)."""
    return cipher().lookup_hash(f"client-secret\n{client_id}\n{secret}")


class _Memory:
    """Rows remembered for a second, each read by one reader at a time."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[float, Any]] = {}
        self.locks: dict[str, asyncio.Lock] = {}

    def get(self, key: str) -> tuple[float, Any] | None:
        entry = self.rows.get(key)
        return entry if entry is not None and entry[0] > time.monotonic() else None

    def put(self, key: str, value: object) -> None:
        if len(self.rows) >= REMEMBERED_MAX:
            self.rows.clear()
            self.locks.clear()
        self.rows[key] = (time.monotonic() + REMEMBER_SECONDS, value)


_clients = _Memory()
_staff = _Memory()


async def active_client(client_id: str) -> Client | None:
    """Give an active client, or None for one that is unknown or suspended; at most a second old.

    Raises:
        DatabaseUnavailable.
    """
    known = _clients.get(client_id)
    if known is None:
        async with _clients.locks.setdefault(client_id, asyncio.Lock()):
            known = _clients.get(client_id)
            if known is None:
                _clients.put(client_id, await read_client(client_id))
                known = _clients.rows[client_id]
    return cast(Client | None, known[1])


async def read_client(client_id: str) -> Client | None:
    """Read an active client from the database.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT id, kind, channel, secret_hash, scopes FROM oauth_client WHERE id = $1 AND status = 'active'", client_id
    )
    return (
        None
        if row is None
        else Client(row["id"], row["kind"], row["channel"], row["secret_hash"], frozenset(row["scopes"]))
    )


async def require_staff(code: str | None) -> str:
    """Check that a member of staff of this code works here.

    Raises:
        StaffRequired, StaffUnknown, DatabaseUnavailable.
    """
    if not code:
        raise StaffRequired
    if not STAFF_CODE.fullmatch(code):
        raise StaffUnknown
    known = _staff.get(code)
    if known is None:
        _staff.put(
            code, await database().fetchval("SELECT true FROM staff WHERE code = $1 AND status = 'active'", code)
        )
        known = _staff.rows[code]
    if not known[1]:
        raise StaffUnknown
    return code


async def refuse_known_credentials() -> None:
    """Refuse to serve real patients where a published secret opens the door.

    Raises:
        KnownCredentials: naming the client.
    """
    for demo in DEMO_CLIENTS:
        client = await read_client(demo.client_id)
        if client is not None and client.secret_fits(demo.secret):
            raise KnownCredentials(f"the demonstration client {demo.client_id} is active with its published secret")
