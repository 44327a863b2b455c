"""Asking whether a token is good (RFC 7662), and giving one back (RFC 7009)."""

from collections.abc import Mapping
from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError

from kernel import clock
from kernel.db import Row, database
from oauth import ports, revocation, tokens
from oauth.client_authentication import Note, authenticate, note_nobody
from oauth.clients import Client
from oauth.errors import InvalidToken
from oauth.grants import COLUMNS, Grant, revoke_grant
from oauth.refresh_tokens import TOKEN_CHARACTERS_MAX, token_hash
from oauth.refusals import NO_STORE, Answer, refuse
from oauth.server import require_sane
from oauth.tokens import AccessToken

# A resource server's own: others ask about their own tokens alone.
SCOPE: Final = "tokens.introspect"
_SHOWN: Final = (
    "iss", "aud", "sub", "client_id", "scope", "jti", "iat", "exp", "patient", "fhirUser", "acr", "auth_time", "cnf",
    "act",
)  # fmt: skip
INACTIVE: Final[Answer] = (200, {"active": False}, NO_STORE)


def introspection_url() -> str:
    """Give the endpoint's own address."""
    return f"{tokens.issuer()}/oauth/introspect"


def revocation_url() -> str:
    """Give the endpoint's own address."""
    return f"{tokens.issuer()}/oauth/revoke"


async def answer_introspection(
    form: Mapping[str, str], headers: Mapping[str, str], *, address: str = "", note: Note = note_nobody
) -> Answer:
    """Answer POST /oauth/introspect: what is not the caller's looks like what is no token (RFC 7662 section 2.2).

    Raises:
        DatabaseUnavailable.
    """
    try:
        token = _token_in(form)
        client = await authenticate(form, headers, url=introspection_url(), address=address, note=note)
    except OAuth2Error as error:
        return refuse(error)
    try:
        found = tokens.read(token)
        await revocation.require_in_force(found)
    except InvalidToken:
        return await _introspect_refresh_token(client, token)
    if not _may_know(client, found.client_id) or not await ports.is_let_in(found.client_id):
        return INACTIVE
    shown = {name: found.claims[name] for name in _SHOWN if name in found.claims}
    kind = "Bearer" if found.jkt is None else "DPoP"
    return 200, {"active": True, "token_type": kind} | shown, dict(NO_STORE)


async def _introspect_refresh_token(client: Client, token: str) -> Answer:
    row = await _refresh_row(token)
    if row is None or row["used"] or row["expires_at"] <= clock.now():
        return INACTIVE
    grant = Grant.of(row)
    if not grant.is_in_force or not _may_know(client, grant.client_id) or not await ports.is_let_in(grant.client_id):
        return INACTIVE
    body: dict[str, Any] = {
        "active": True,
        "iss": tokens.issuer(),
        "sub": str(grant.subject_id),
        "client_id": grant.client_id,
        "scope": " ".join(sorted(grant.scopes)),
        "exp": int(row["expires_at"].timestamp()),
    }
    if grant.patient_id is not None:
        body["patient"] = str(grant.patient_id)
    return 200, body, dict(NO_STORE)


def _may_know(client: Client, owner: str) -> bool:
    """Tell whether a client may learn of a token: of its own, or as a resource server; a public one proves nothing."""
    if client.is_public:
        return False
    return client.id == owner or SCOPE in client.scopes


async def answer_revocation(
    form: Mapping[str, str], headers: Mapping[str, str], *, address: str = "", note: Note = note_nobody
) -> Answer:
    """Answer POST /oauth/revoke: 200 whether or not there was such a token of the caller's (RFC 7009 section 2.2).

    A refresh token ends its whole grant; an access token ends alone.

    Raises:
        DatabaseUnavailable.
    """
    try:
        token = _token_in(form)
        client = await authenticate(form, headers, url=revocation_url(), address=address, note=note)
    except OAuth2Error as error:
        return refuse(error)
    try:
        found = tokens.read(token)
    except InvalidToken:
        await _revoke_refresh_token(client, token)
    else:
        await _revoke_access_token(client, found)
    return 200, {}, dict(NO_STORE)


async def _revoke_access_token(client: Client, found: AccessToken) -> None:
    if found.client_id != client.id:
        return
    async with database().transaction() as tx:
        await revocation.revoke(tx, "token", found.jti)


async def _revoke_refresh_token(client: Client, token: str) -> None:
    row = await _refresh_row(token)
    if row is None or row["client_id"] != client.id:
        return
    async with database().transaction() as tx:
        await revoke_grant(tx, row["id"], because="the client gave it back")


async def _refresh_row(token: str) -> Row | None:
    if not 0 < len(token) <= TOKEN_CHARACTERS_MAX:
        return None
    return await database().fetchrow(
        f"SELECT r.used, r.expires_at, {COLUMNS} FROM oauth_refresh_token r"  # noqa: S608  our own columns
        " JOIN oauth_grant g ON g.id = r.grant_id WHERE r.hash = $1",
        token_hash(token),
    )


def _token_in(form: Mapping[str, str]) -> str:
    """Give the token that is asked about.

    Raises:
        InvalidRequestError: there is none.
    """
    require_sane(form)
    if not form.get("token"):
        raise InvalidRequestError
    return form["token"]
