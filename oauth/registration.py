"""Registering client applications and members of staff: the information department's own doing, at a terminal.

A client's secret is made here and shown once; only its keyed hash is kept.
"""

import re
import secrets
from collections.abc import Collection
from typing import Final, Literal

from kernel.audit import record_change
from kernel.db import Row, Transaction
from kernel.events import Actor
from kernel.ids import new_id
from oauth.clients import STAFF_CODE, secret_hash

SECRET_BYTES: Final = 32
NAME_CHARACTERS_MAX: Final = 100
_CLIENT_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,62}")


class RegistrationRefused(Exception):
    """It cannot be registered or changed as asked; the text says why in plain words."""


async def register_client(
    tx: Transaction,
    *,
    client_id: str,
    name: str,
    kind: Literal["partner", "internal"],
    channel: str,
    scopes: Collection[str],
    actor: Actor,
) -> str:
    """Register a client application on an existing channel and give its secret.

    Raises:
        RegistrationRefused: the id has another form or is taken, the name is too long, the channel is unknown.
    """
    if not _CLIENT_ID.fullmatch(client_id):
        raise RegistrationRefused("A client's id has 3 to 63 small letters, digits and hyphens.")
    _require_name(name)
    if not await tx.fetchval("SELECT true FROM channel WHERE code = $1", channel):
        raise RegistrationRefused(f"There is no channel {channel!r}.")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    made = await tx.execute(
        "INSERT INTO oauth_client (id, name, kind, channel, secret_hash, scopes) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (id) DO NOTHING",
        client_id,
        name,
        kind,
        channel,
        secret_hash(client_id, secret),
        sorted(scopes),
    )
    if made != 1:
        raise RegistrationRefused(f"There already is a client {client_id!r}.")
    after = {"name": name, "kind": kind, "channel": channel, "scopes": sorted(scopes), "status": "active"}
    await record_change(
        tx, entity="oauth_client", entity_id=client_id, action="created", before=None, after=after, actor=actor
    )
    return secret


async def renew_secret(tx: Transaction, *, client_id: str, actor: Actor) -> str:
    """Give a client a new secret; the old one is worth nothing from now on.

    Raises:
        RegistrationRefused: there is no such client.
    """
    before = await _lock_client(tx, client_id)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    await tx.execute(
        "UPDATE oauth_client SET secret_hash = $2, version = version + 1 WHERE id = $1",
        client_id,
        secret_hash(client_id, secret),
    )
    await record_change(
        tx,
        entity="oauth_client",
        entity_id=client_id,
        action="updated",
        before={"version": before["version"]},
        after={"version": before["version"] + 1, "secret": "renewed"},
        actor=actor,
    )
    return secret


async def set_client_status(
    tx: Transaction, *, client_id: str, status: Literal["active", "suspended"], actor: Actor
) -> None:
    """Shut a client out, its tokens too, or let it in again.

    Raises:
        RegistrationRefused: there is no such client.
    """
    before = await _lock_client(tx, client_id)
    if before["status"] == status:
        return
    await tx.execute(
        "UPDATE oauth_client SET status = $2, version = version + 1 WHERE id = $1 AND status <> $2", client_id, status
    )
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


async def let_staff_go(tx: Transaction, *, code: str, actor: Actor) -> None:
    """Let no application act for a member of staff any more; what they did stays under their code.

    Raises:
        RegistrationRefused: nobody of that code works here.
    """
    if await tx.execute("UPDATE staff SET status = 'left' WHERE code = $1 AND status = 'active'", code) != 1:
        raise RegistrationRefused(f"Nobody with the code {code!r} works here.")
    await record_change(
        tx,
        entity="staff",
        entity_id=code,
        action="updated",
        before={"status": "active"},
        after={"status": "left"},
        actor=actor,
    )


async def _lock_client(tx: Transaction, client_id: str) -> Row:
    row = await tx.fetchrow("SELECT status, version FROM oauth_client WHERE id = $1 FOR UPDATE", client_id)
    if row is None:
        raise RegistrationRefused(f"There is no client {client_id!r}.")
    return row


def _require_name(name: str) -> None:
    if not 1 <= len(name.strip()) <= NAME_CHARACTERS_MAX:
        raise RegistrationRefused(f"A name has 1 to {NAME_CHARACTERS_MAX} characters.")
