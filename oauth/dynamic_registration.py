"""Applications that register themselves (RFC 7591, RFC 7592), with what the hospital handed out for it, then wait.

An initial access token is good for one application, on one channel, for no more scopes than it names. What was
registered is `pending` until somebody of the hospital has looked at it; until then it opens nothing.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

from kernel import clock
from kernel.audit import record_change
from kernel.crypto import cipher
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.ids import new_id
from oauth import tokens
from oauth.client_rules import MetadataRefused, Registration, require_registrable
from oauth.clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from oauth.refusals import NO_STORE, Answer
from oauth.registration import changeable_columns, register_client, set_client_status
from oauth.scopes import is_within
from oauth.states import ACTIVE, PENDING, REFUSED, SUSPENDED

TOKEN_BYTES: Final = 32
TOKEN_CHARACTERS_MAX: Final = 100
INITIAL_LIFETIME_MAX: Final = timedelta(days=30)
# What an application may not decide: who it belongs to, and by which channel it books, the hospital has decided.
_ACTOR: Final = Actor(client_id="system:registration", channel="system", kind="system")


@dataclass(frozen=True, slots=True)
class _Initial:
    """What an initial access token allows."""

    id: UUID
    channel: str
    scopes: frozenset[str]


async def hand_out_token(
    tx: Transaction, *, note: str, channel: str, scopes: frozenset[str], lifetime: timedelta, actor: Actor
) -> str:
    """Make an initial access token for one application of a partner; it is shown once.

    Raises:
        MetadataRefused: the note, the lifetime or the channel cannot be.
    """
    if not 1 <= len(note.strip()) <= 200:
        raise MetadataRefused("note", "Say in up to 200 characters for whom it is.")
    if not timedelta(0) < lifetime <= INITIAL_LIFETIME_MAX:
        raise MetadataRefused("lifetime", f"It is good for {INITIAL_LIFETIME_MAX.days} days at most.")
    if not await tx.fetchval("SELECT true FROM channel WHERE code = $1", channel):
        raise MetadataRefused("channel", f"There is no channel {channel!r}.")
    token, token_id, now = secrets.token_urlsafe(TOKEN_BYTES), new_id(), clock.now()
    await tx.execute(
        "INSERT INTO oauth_initial_access_token (id, hash, note, channel, scopes, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        token_id,
        _hash("initial", token),
        note.strip(),
        channel,
        sorted(scopes),
        now,
        now + lifetime,
    )
    after = {"note": note.strip(), "channel": channel, "scopes": sorted(scopes), "expires_at": now + lifetime}
    await record_change(
        tx, entity="initial_access_token", entity_id=str(token_id), action="created", before=None, after=after,
        actor=actor,
    )  # fmt: skip
    return token


async def answer_registration(token: str | None, metadata: Mapping[str, Any]) -> Answer:
    """Answer POST /oauth/register: keep the application as pending, and give what it needs to come back.

    metadata: of a shape that a schema has allowed.

    Raises:
        DatabaseUnavailable.
    """
    if not token or len(token) > TOKEN_CHARACTERS_MAX:
        return _unauthorized()
    try:
        async with database().transaction() as tx:
            initial = await _use_initial(tx, token)
            if initial is None:
                return _unauthorized()
            wanted = _registration(metadata, channel=initial.channel, limit=initial.scopes)
            client_id, management = f"app-{secrets.token_hex(8)}", secrets.token_urlsafe(TOKEN_BYTES)
            secret = await register_client(tx, wanted, client_id=client_id, actor=_ACTOR, status="pending")
            await tx.execute(
                "UPDATE oauth_client SET registration_token_hash = $2 WHERE id = $1",
                client_id,
                _hash("registration", management),
            )
            await tx.execute(
                "UPDATE oauth_initial_access_token SET client_id = $2 WHERE id = $1", initial.id, client_id
            )
            row = await _read(tx, client_id)
    except MetadataRefused as error:
        return _refuse(error)
    body = _describe(row) | {"registration_access_token": management}
    if secret is not None:
        body |= {"client_secret": secret, "client_secret_expires_at": 0}
    return 201, body, dict(NO_STORE)


async def answer_reading(client_id: str, token: str | None) -> Answer:
    """Answer GET /oauth/register/{client_id}: how it is registered, and whether it was let in.

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        row = await _managed(tx, client_id, token)
    return _unauthorized() if row is None else (200, _describe(row), dict(NO_STORE))


async def answer_replacement(client_id: str, token: str | None, metadata: Mapping[str, Any]) -> Answer:
    """Answer PUT /oauth/register/{client_id}: say it anew, as long as nobody has decided on it.

    Raises:
        DatabaseUnavailable.
    """
    try:
        async with database().transaction() as tx:
            row = await _managed(tx, client_id, token)
            if row is None:
                return _unauthorized()
            if metadata.get("client_id", client_id) != client_id:
                raise MetadataRefused("client_id", "It is another's.")
            if row["status"] != PENDING:
                # What was reviewed stays what was reviewed; the hospital changes it.
                return 403, {"error": "access_denied"}, dict(NO_STORE)
            limit = await tx.fetchval("SELECT scopes FROM oauth_initial_access_token WHERE client_id = $1", client_id)
            wanted = _registration(metadata, channel=row["channel"], limit=frozenset(limit or ()))
            if wanted.auth_method != row["auth_method"]:
                raise MetadataRefused("token_endpoint_auth_method", "Register anew to prove yourself otherwise.")
            await _replace(tx, row, wanted)
            row = await _read(tx, client_id)
    except MetadataRefused as error:
        return _refuse(error)
    return 200, _describe(row), dict(NO_STORE)


async def answer_removal(client_id: str, token: str | None) -> Answer:
    """Answer DELETE /oauth/register/{client_id}: shut it out; what it did stays under its name.

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        row = await _managed(tx, client_id, token)
        if row is None:
            return _unauthorized()
        after = {PENDING: REFUSED, ACTIVE: SUSPENDED}.get(row["status"])
        if after is not None:
            await set_client_status(tx, client_id=client_id, status=cast(Any, after), actor=_ACTOR)
        await tx.execute("UPDATE oauth_client SET registration_token_hash = NULL WHERE id = $1", client_id)
    return 204, {}, dict(NO_STORE)


async def _use_initial(tx: Transaction, token: str) -> _Initial | None:
    row = await tx.fetchrow(
        "UPDATE oauth_initial_access_token SET used = true WHERE hash = $1 AND used = false AND expires_at > $2"
        " RETURNING id, channel, scopes",
        _hash("initial", token),
        clock.now(),
    )
    return None if row is None else _Initial(row["id"], row["channel"], frozenset(row["scopes"]))


async def _managed(tx: Transaction, client_id: str, token: str | None) -> Row | None:
    """Read and lock the application that a registration token belongs to."""
    if not token or len(token) > TOKEN_CHARACTERS_MAX or "\x00" in client_id:
        return None
    return await tx.fetchrow(
        "SELECT * FROM oauth_client WHERE id = $1 AND registration_token_hash = $2 FOR UPDATE",
        client_id,
        _hash("registration", token),
    )


async def _read(tx: Transaction, client_id: str) -> Row:
    row = await tx.fetchrow("SELECT * FROM oauth_client WHERE id = $1", client_id)
    assert row is not None, "it was registered in this transaction"
    return row


async def _replace(tx: Transaction, before: Row, wanted: Registration) -> None:
    columns = changeable_columns(wanted)
    changes = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 2))
    changed = await tx.execute(
        f"UPDATE oauth_client SET {changes}, version = version + 1"  # noqa: S608  the names are our own
        " WHERE id = $1 AND status = 'pending'",
        before["id"],
        *columns.values(),
    )
    assert changed == 1, "the row is locked, and pending"
    await record_change(
        tx,
        entity="oauth_client",
        entity_id=before["id"],
        action="updated",
        before={name: before[name] for name in columns},
        after=columns,
        actor=_ACTOR,
    )


def _registration(metadata: Mapping[str, Any], *, channel: str, limit: frozenset[str]) -> Registration:
    """Read an application's own words; what it leaves out takes RFC 7591's defaults, or the narrower of ours.

    Raises:
        MetadataRefused.
    """
    redirects = tuple(metadata.get("redirect_uris", ()))
    usual = [AUTHORIZATION_CODE, REFRESH_TOKEN] if redirects else [CLIENT_CREDENTIALS]
    asked = metadata.get("scope")
    scopes = limit if asked is None else frozenset(asked.split())
    if not all(is_within(scope, limit) for scope in scopes):
        raise MetadataRefused("scope", "The hospital has allowed fewer scopes.")
    profile = metadata.get("profile", "plain")
    wanted = Registration(
        name=metadata["client_name"],
        kind="partner",
        channel=channel,
        scopes=scopes,
        profile=profile,
        application_type=metadata.get("application_type", "web" if redirects else "service"),
        auth_method=metadata.get("token_endpoint_auth_method", "client_secret_basic"),
        grant_types=frozenset(metadata.get("grant_types", usual)),
        redirect_uris=redirects,
        post_logout_redirect_uris=tuple(metadata.get("post_logout_redirect_uris", ())),
        jwks=metadata.get("jwks"),
        jwks_uri=metadata.get("jwks_uri"),
        dpop_required=metadata.get("dpop_bound_access_tokens", profile == "fapi2"),
        par_required=metadata.get("require_pushed_authorization_requests", profile == "fapi2"),
        contacts=tuple(metadata.get("contacts", ())),
    )
    require_registrable(wanted)
    return wanted


def _describe(row: Row) -> dict[str, Any]:
    """Say how an application is registered, in RFC 7591's words, and what became of it."""
    body = {
        "client_id": row["id"],
        "client_id_issued_at": int(row["created_at"].timestamp()),
        "registration_client_uri": f"{tokens.issuer()}/oauth/register/{row['id']}",
        "status": row["status"],
        "client_name": row["name"],
        "scope": " ".join(row["scopes"]),
        "profile": row["profile"],
        "application_type": row["application_type"],
        "token_endpoint_auth_method": row["auth_method"],
        "grant_types": list(row["grant_types"]),
        "response_types": ["code"] if AUTHORIZATION_CODE in row["grant_types"] else [],
        "redirect_uris": list(row["redirect_uris"]),
        "post_logout_redirect_uris": list(row["post_logout_redirect_uris"]),
        "dpop_bound_access_tokens": row["dpop_required"],
        "require_pushed_authorization_requests": row["par_required"],
        "contacts": list(row["contacts"]),
    }
    for name in ("jwks", "jwks_uri"):
        if row[name] is not None:
            body[name] = row[name]
    return body


def _refuse(error: MetadataRefused) -> Answer:
    code = "invalid_redirect_uri" if error.field == "redirect_uris" else "invalid_client_metadata"
    return 400, {"error": code, "error_description": f"{error.field}: {error}"}, dict(NO_STORE)


def _unauthorized() -> Answer:
    return 401, {"error": "invalid_token"}, NO_STORE | {"www-authenticate": 'Bearer realm="hospital"'}


def _hash(kind: str, token: str) -> bytes:
    return cipher().lookup_hash(f"{kind}-access-token\n{token}")
