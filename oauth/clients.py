"""Client applications and the staff they act for, as the guard sees them: remembered for a second, no longer."""

import asyncio
import hmac
import re
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, cast

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Row, database
from oauth.errors import StaffRequired, StaffUnknown
from oauth.known_credentials import DEMO_CLIENTS
from oauth.scopes import COMMON_SCOPES, within

REMEMBER_SECONDS: Final = 1.0
REMEMBERED_MAX: Final = 10_000
STAFF_CODE: Final = re.compile(r"[A-Z][0-9]{3,9}", re.ASCII)

CLIENT_CREDENTIALS: Final = "client_credentials"
AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105  the name of a grant, RFC 6749 section 6
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  likewise, RFC 8693
GRANT_TYPES: Final = (CLIENT_CREDENTIALS, AUTHORIZATION_CODE, REFRESH_TOKEN, TOKEN_EXCHANGE)

Profile = Literal["plain", "smart", "fapi2"]
ApplicationType = Literal["service", "web", "native", "browser"]
AuthMethod = Literal["private_key_jwt", "client_secret_basic", "client_secret_post", "none"]


@dataclass(frozen=True, slots=True)
class Secret:
    """One of a client's secrets, as its keyed hash. expires_at: None until the client changes to another."""

    hash: bytes
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """For whom a client acts: who allowed it, and the one patient whose data may be touched (None: no patient's)."""

    kind: Literal["staff", "account"]
    id: str
    grant_id: str
    patient_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client application.

    scopes: those registered, or after `narrowed` those of the token at hand.
    profile: whose rules it keeps; `plain` is RFC 9700, `smart` SMART App Launch 2.2, `fapi2` FAPI 2.0.
    auth_method: the one way in which it proves who it is (RFC 7591 section 2).
    jwks, jwks_uri: its public keys, inline or by address; never both.
    subject_kind: who signs in at it, patients with their accounts or the hospital's staff.
    person: for whom the token at hand was given; None where the client acts for itself.
    """

    id: str
    name: str
    kind: Literal["partner", "internal"]
    channel: str
    scopes: frozenset[str]
    profile: Profile = "plain"
    application_type: ApplicationType = "service"
    auth_method: AuthMethod = "client_secret_basic"
    secrets: tuple[Secret, ...] = ()
    jwks: dict[str, Any] | None = field(default=None, compare=False)
    jwks_uri: str | None = None
    grant_types: frozenset[str] = frozenset({CLIENT_CREDENTIALS})
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    dpop_required: bool = False
    par_required: bool = False
    subject_kind: Literal["account", "staff"] = "account"
    person: Person | None = None

    @property
    def is_public(self) -> bool:
        """Tell whether it can keep no secret, as what runs on people's own devices."""
        return self.auth_method == "none"

    def narrowed(self, granted: frozenset[str], person: Person | None = None) -> "Client":
        """Give the client with what the token grants and the registration still allows."""
        if person is None and granted == self.scopes:
            return self
        return replace(self, scopes=within(granted, self.scopes | COMMON_SCOPES), person=person)

    def secret_fits(self, secret: str) -> bool:
        """Compare a secret with every one that is in force, in constant time."""
        given, now, fits = secret_hash(self.id, secret), clock.now(), False
        for known in self.secrets:
            equal = hmac.compare_digest(known.hash, given)
            fits |= equal and (known.expires_at is None or known.expires_at > now)
        return fits


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
    """Give an active client, or None for one that is unknown or not let in; at most a second old.

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
        "SELECT c.id, c.name, c.kind, c.channel, c.scopes, c.profile, c.application_type, c.auth_method, c.jwks,"
        " c.jwks_uri, c.grant_types, c.redirect_uris, c.post_logout_redirect_uris, c.dpop_required, c.par_required,"
        " c.subject_kind,"
        " (SELECT array_agg(s.hash ORDER BY s.id) FROM oauth_client_secret s WHERE s.client_id = c.id) AS hashes,"
        " (SELECT array_agg(s.expires_at ORDER BY s.id) FROM oauth_client_secret s WHERE s.client_id = c.id) AS ends"
        " FROM oauth_client c WHERE c.id = $1 AND c.status = 'active'",
        client_id,
    )
    return None if row is None else _client(row)


def _client(row: Row) -> Client:
    return Client(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        channel=row["channel"],
        scopes=frozenset(row["scopes"]),
        profile=row["profile"],
        application_type=row["application_type"],
        auth_method=row["auth_method"],
        secrets=tuple(Secret(*pair) for pair in zip(row["hashes"] or (), row["ends"] or (), strict=True)),
        jwks=row["jwks"],
        jwks_uri=row["jwks_uri"],
        grant_types=frozenset(row["grant_types"]),
        redirect_uris=tuple(row["redirect_uris"]),
        post_logout_redirect_uris=tuple(row["post_logout_redirect_uris"]),
        dpop_required=row["dpop_required"],
        par_required=row["par_required"],
        subject_kind=row["subject_kind"],
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
