"""Registering client applications and members of staff: the information department's own doing, at a terminal.

A client's secret is made here and shown once; only its keyed hash is kept. While a client changes to a new one, both
are good.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from kernel import clock
from kernel.audit import record_change
from kernel.db import Reader, Row, Transaction
from kernel.events import Actor
from kernel.ids import new_id
from oauth.client_rules import (
    NAME_CHARACTERS_MAX,
    Registration,
    RegistrationRefused,
    read_key_set,
    require_registrable,
)
from oauth.clients import STAFF_CODE, secret_hash
from oauth.states import CLIENT

SECRET_BYTES: Final = 32
OVERLAP_MAX: Final = timedelta(days=30)
_CLIENT_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,62}")
ClientStatus = Literal["pending", "active", "suspended", "refused"]


async def register_client(
    tx: Transaction,
    wanted: Registration,
    *,
    client_id: str,
    actor: Actor,
    status: Literal["active", "pending"] = "active",
) -> str | None:
    """Register a client application on an existing channel; give its secret if it proves itself by one.

    Raises:
        RegistrationRefused: the id has another form or is taken, or the channel is unknown.
        MetadataRefused: the application may not be registered like this.
    """
    if not _CLIENT_ID.fullmatch(client_id):
        raise RegistrationRefused("A client's id has 3 to 63 small letters, digits and hyphens.")
    require_registrable(wanted)
    if not await tx.fetchval("SELECT true FROM channel WHERE code = $1", wanted.channel):
        raise RegistrationRefused(f"There is no channel {wanted.channel!r}.")
    columns: dict[str, object] = {"id": client_id, "kind": wanted.kind, "channel": wanted.channel, "status": status}
    columns |= {"subject_kind": wanted.subject_kind}
    columns |= changeable_columns(wanted)
    made = await tx.execute(
        f"INSERT INTO oauth_client ({', '.join(columns)})"  # noqa: S608  the names are our own
        f" VALUES ({', '.join(f'${n}' for n in range(1, len(columns) + 1))}) ON CONFLICT (id) DO NOTHING",
        *columns.values(),
    )
    if made != 1:
        raise RegistrationRefused(f"There already is a client {client_id!r}.")
    secret = await _add_secret(tx, client_id) if has_secret(wanted.auth_method) else None
    await record_change(
        tx, entity="oauth_client", entity_id=client_id, action="created", before=None, after=columns, actor=actor
    )
    return secret


def has_secret(auth_method: str) -> bool:
    """Tell whether a client of this method proves itself by a shared secret."""
    return auth_method in ("client_secret_basic", "client_secret_post")


def changeable_columns(wanted: Registration) -> dict[str, object]:
    """Give what an application says of itself, as the columns of its row."""
    return {
        "name": wanted.name,
        "scopes": sorted(wanted.scopes),
        "profile": wanted.profile,
        "application_type": wanted.application_type,
        "auth_method": wanted.auth_method,
        "grant_types": sorted(wanted.grant_types),
        "redirect_uris": list(wanted.redirect_uris),
        "post_logout_redirect_uris": list(wanted.post_logout_redirect_uris),
        "jwks": wanted.jwks,
        "jwks_uri": wanted.jwks_uri,
        "dpop_required": wanted.dpop_required,
        "par_required": wanted.par_required,
        "contacts": list(wanted.contacts),
    }


async def _add_secret(tx: Transaction, client_id: str) -> str:
    secret = secrets.token_urlsafe(SECRET_BYTES)
    await tx.execute(
        "INSERT INTO oauth_client_secret (id, client_id, hash, created_at) VALUES ($1, $2, $3, $4)",
        new_id(),
        client_id,
        secret_hash(client_id, secret),
        clock.now(),
    )
    return secret


async def renew_secret(tx: Transaction, *, client_id: str, actor: Actor, overlap: timedelta = timedelta(0)) -> str:
    """Give a client a new secret; those before it are worth nothing any more, or after an overlap.

    Raises:
        RegistrationRefused: no such client, it has no secrets, or the overlap is longer than thirty days.
    """
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise RegistrationRefused(f"Secrets overlap for {OVERLAP_MAX.days} days at most.")
    before = await _lock_client(tx, client_id)
    if not has_secret(before["auth_method"]):
        raise RegistrationRefused(f"{client_id} proves itself by {before['auth_method']}, not by a secret.")
    ends_at = clock.now() + overlap
    if overlap:
        await tx.execute(
            "UPDATE oauth_client_secret SET expires_at = $2"
            " WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)",
            client_id,
            ends_at,
        )
    else:
        await tx.execute("DELETE FROM oauth_client_secret WHERE client_id = $1", client_id)
    secret = await _add_secret(tx, client_id)
    after: dict[str, Any] = {"secret": "renewed"}
    if overlap:
        after["earlier_secrets_until"] = ends_at
    await _next_version(tx, client_id, before, after, actor)
    return secret


@dataclass(frozen=True, slots=True)
class SecretInForce:
    """A secret as those may see it who look after it. expires_at: None until it is changed for another."""

    id: UUID
    created_at: datetime
    expires_at: datetime | None


async def list_secrets(db: Reader, client_id: str) -> list[SecretInForce]:
    """Give a client's secrets that are in force, the newest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT id, created_at, expires_at FROM oauth_client_secret"
        " WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at DESC, id DESC",
        client_id,
        clock.now(),
    )
    return [SecretInForce(*row.values()) for row in rows]


async def revoke_secret(tx: Transaction, *, client_id: str, secret_id: UUID, actor: Actor) -> bool:
    """Take one secret away, at once; tells whether the client had it.

    Raises:
        RegistrationRefused: there is no such client.
    """
    before = await _lock_client(tx, client_id)
    gone = await tx.execute("DELETE FROM oauth_client_secret WHERE client_id = $1 AND id = $2", client_id, secret_id)
    if gone:
        await _next_version(tx, client_id, before, {"secret": "revoked", "secret_id": str(secret_id)}, actor)
    return gone == 1


async def replace_key_set(tx: Transaction, *, client_id: str, jwks: dict[str, Any], actor: Actor) -> None:
    """Give a client other public keys; those that are not among them are worth nothing within a second.

    Raises:
        RegistrationRefused: there is no such client, or it proves itself otherwise.
        MetadataRefused: that is no set of public keys.
    """
    read_key_set(jwks)
    before = await _lock_client(tx, client_id)
    if before["auth_method"] != "private_key_jwt":
        raise RegistrationRefused(f"{client_id} proves itself by {before['auth_method']}, not by keys.")
    await tx.execute("UPDATE oauth_client SET jwks = $2, jwks_uri = NULL WHERE id = $1", client_id, jwks)
    await _next_version(tx, client_id, before, {"jwks": jwks}, actor)


async def _next_version(tx: Transaction, client_id: str, before: Row, after: dict[str, Any], actor: Actor) -> None:
    await tx.execute("UPDATE oauth_client SET version = version + 1 WHERE id = $1", client_id)
    await record_change(
        tx,
        entity="oauth_client",
        entity_id=client_id,
        action="updated",
        before={"version": before["version"]},
        after={"version": before["version"] + 1} | after,
        actor=actor,
    )


async def set_client_status(tx: Transaction, *, client_id: str, status: ClientStatus, actor: Actor) -> None:
    """Review a client, shut it out with its tokens, or let it in again.

    Raises:
        RegistrationRefused: there is no such client, or it cannot come there from where it is.
    """
    before = await _lock_client(tx, client_id)
    if before["status"] == status:
        return
    changed = await tx.execute(
        "UPDATE oauth_client SET status = $2, version = version + 1 WHERE id = $1 AND status = ANY($3)",
        client_id,
        status,
        CLIENT.before(status),
    )
    if changed != 1:
        raise RegistrationRefused(f"{client_id} is {before['status']} and cannot become {status}.")
    await record_change(
        tx,
        entity="oauth_client",
        entity_id=client_id,
        action="updated",
        before={"status": before["status"]},
        after={"status": status},
        actor=actor,
    )


async def register_staff(tx: Transaction, *, code: str, name: str, actor: Actor) -> None:
    """Let internal applications act for a member of staff.

    Raises:
        RegistrationRefused: the code has another form or is taken, or the name is too long.
    """
    if not STAFF_CODE.fullmatch(code):
        raise RegistrationRefused("A staff code is a capital letter and 3 to 9 digits.")
    _require_name(name)
    made = await tx.execute(
        "INSERT INTO staff (id, code, name) VALUES ($1, $2, $3) ON CONFLICT (code) DO NOTHING", new_id(), code, name
    )
    if made != 1:
        raise RegistrationRefused(f"There already is a member of staff {code!r}.")
    await record_change(
        tx, entity="staff", entity_id=code, action="created", before=None, after={"status": "active"}, actor=actor
    )


async def _lock_client(tx: Transaction, client_id: str) -> Row:
    row = await tx.fetchrow("SELECT status, version, auth_method FROM oauth_client WHERE id = $1 FOR UPDATE", client_id)
    if row is None:
        raise RegistrationRefused(f"There is no client {client_id!r}.")
    return row


def _require_name(name: str) -> None:
    if not 1 <= len(name.strip()) <= NAME_CHARACTERS_MAX:
        raise RegistrationRefused(f"A name has 1 to {NAME_CHARACTERS_MAX} characters.")
