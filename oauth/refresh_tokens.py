"""Refresh tokens: each is used once and has one successor; who shows a used one ends the whole grant (RFC 9700 4.14.2).

A client whose answer was lost on the way sends the same request again: for ten seconds it gets the same answer, so
that a retry is no theft. The answer is kept sealed for that long (docs/adr/0201).
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, Transaction, database
from oauth import resources
from oauth.decisions import GrantClient, Request, TokenRequest, decide
from oauth.grants import COLUMNS, Grant, hold_grant, revoke_grant
from oauth.id_tokens import add_id_token
from oauth.refusals import InvalidTarget
from oauth.scopes import COMMON_SCOPES, is_within, within
from oauth.token_answers import answer_for_person

TOKEN_BYTES: Final = 32
TOKEN_CHARACTERS_MAX: Final = 100
KEPT: Final = timedelta(days=30)
GRACE: Final = timedelta(seconds=10)
PURGE_ROWS_MAX: Final = 5_000


def token_hash(token: str) -> bytes:
    """Hash a refresh token as it is kept."""
    return cipher().lookup_hash(f"refresh-token\n{token}")


async def add_refresh_token(tx: Transaction, grant: Grant, token: str, *, jkt: str | None) -> None:
    """Keep a new refresh token of a grant; it ends after thirty days without use, or with the grant."""
    now = clock.now()
    await tx.execute(
        "INSERT INTO oauth_refresh_token (hash, grant_id, jkt, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        token_hash(token),
        grant.id,
        jkt,
        now,
        min(grant.expires_at, now + KEPT),
    )


def new_refresh_token() -> str:
    """Make one up."""
    return secrets.token_urlsafe(TOKEN_BYTES)


async def client_of(token: str) -> str | None:
    """Tell whose refresh token this is: a public client need not say (npm's fhirclient does not).

    Raises:
        DatabaseUnavailable.
    """
    if not 0 < len(token) <= TOKEN_CHARACTERS_MAX:
        return None
    found: str | None = await database().fetchval(
        "SELECT g.client_id FROM oauth_refresh_token r JOIN oauth_grant g ON g.id = r.grant_id WHERE r.hash = $1",
        token_hash(token),
    )
    return found


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A refresh token as it is kept, with its grant."""

    grant: Grant
    row: Row

    def check_client(self, client: GrantClient) -> bool:
        """Tell whether it was given to this client."""
        return self.grant.client_id == client.client.id

    def get_scope(self) -> str:
        """Give all that it may be used for."""
        return " ".join(sorted(self.grant.scopes))


class _Refresh(RefreshTokenGrant):
    """Authlib's grant on a token that was loaded; what it would write is written by `refresh` in one transaction."""

    request: Request

    def authenticate_refresh_token(self, _refresh_token: str) -> Any:
        """Give the token, if it is one."""
        return self.request.loaded

    def _validate_token_scope(self, token: Any) -> None:
        """Refuse what was not granted; less of a FHIR scope is less."""
        if not all(is_within(one, token.grant.scopes) for one in self.request.form.get("scope", "").split()):
            raise InvalidScopeError

    def authenticate_user(self, refresh_token: Any) -> Any:
        """Give for whom it was made."""
        return refresh_token.grant

    def revoke_old_credential(self, refresh_token: Any) -> None:
        """Leave it to the transaction."""


async def refresh(request: TokenRequest) -> dict[str, Any]:
    """Give a new access token, and the next refresh token, for the present one.

    Raises:
        OAuth2Error: it is no token of this client's, ended, or was used before, which ends its grant.
        DatabaseUnavailable.
    """
    token = request.form.get("refresh_token", "")
    loaded = await _load(token) if 0 < len(token) <= TOKEN_CHARACTERS_MAX else None
    successor = new_refresh_token() if _rotates(request) else None

    def make(scopes: frozenset[str]) -> dict[str, Any]:
        assert loaded is not None, "Authlib has asked for it"
        return _make_answer(request, loaded.grant, scopes, successor)

    if loaded is not None and loaded.grant.client_id == request.client.id:
        _require_usable(request, loaded)
        if loaded.row["used"]:
            return await _answer_used(request, token, loaded.grant.id)
    body = decide(_Refresh, request, loaded=loaded, make=make)
    assert loaded is not None, "Authlib has refused a request without a token"
    if successor is None:
        return body
    async with database().transaction() as tx:
        if not await hold_grant(tx, loaded.grant.id):
            raise InvalidGrantError
        is_first = await tx.execute(
            "UPDATE oauth_refresh_token SET used = true, used_at = $2, request_hash = $3, answer = $4"
            " WHERE hash = $1 AND used = false",
            token_hash(token),
            clock.now(),
            _request_hash(request),
            cipher().seal(orjson.dumps(body).decode()),
        )
        if is_first:
            await add_refresh_token(tx, loaded.grant, successor, jkt=loaded.row["jkt"])
    return body if is_first else await _answer_used(request, token, loaded.grant.id)


def _rotates(request: TokenRequest) -> bool:
    """Tell whether the token is replaced: FAPI 2.0 section 5.3.2.1 wants none where tokens are bound to a key."""
    return request.client.profile != "fapi2"


def _require_usable(request: TokenRequest, loaded: _Loaded) -> None:
    row = loaded.row
    if not loaded.grant.is_in_force or row["expires_at"] <= clock.now():
        raise InvalidGrantError
    if row["jkt"] is not None and row["jkt"] != request.jkt:
        # A public client's token is bound to its key (RFC 9449 section 5).
        raise InvalidGrantError


def _make_answer(request: TokenRequest, grant: Grant, asked: frozenset[str], successor: str | None) -> dict[str, Any]:
    """Sign the access token: of the grant, what is asked for, and what the registration still allows."""
    scopes = within(asked, request.client.scopes | COMMON_SCOPES)
    is_narrowed = "scope" in request.form
    resource = resources.choose(
        request.form.get("resource"), scopes, allowed=grant.resources, explicit=is_narrowed and len(grant.resources) > 1
    )
    if resource is None:
        raise InvalidTarget
    body = answer_for_person(
        grant, request.client, resources.scopes_for(resource, scopes), resource=resource, jkt=request.jkt
    )
    if successor is not None:
        body["refresh_token"] = successor
    return add_id_token(body, grant, request.client)


async def _load(token: str) -> _Loaded | None:
    row = await database().fetchrow(
        f"SELECT r.used, r.used_at, r.jkt, r.expires_at, {COLUMNS}"  # noqa: S608  our own columns
        " FROM oauth_refresh_token r JOIN oauth_grant g ON g.id = r.grant_id WHERE r.hash = $1",
        token_hash(token),
    )
    return None if row is None else _Loaded(Grant.of(row), row)


async def _answer_used(request: TokenRequest, token: str, grant_id: UUID) -> dict[str, Any]:
    """Answer who shows a used token: the same request within the grace gets the same answer, any other ends the grant.

    Raises:
        InvalidGrantError: and the grant has ended.
    """
    row = await database().fetchrow(
        "SELECT used_at, request_hash, answer FROM oauth_refresh_token WHERE hash = $1", token_hash(token)
    )
    if (
        row is not None
        and row["answer"] is not None
        and row["used_at"] > clock.now() - GRACE
        and row["request_hash"] == _request_hash(request)
    ):
        found: dict[str, Any] = orjson.loads(cipher().open(row["answer"]))
        return found
    async with database().transaction() as tx:
        await revoke_grant(tx, grant_id, because="a refresh token was used twice")
    raise InvalidGrantError


def _request_hash(request: TokenRequest) -> bytes:
    """Hash what makes two refresh requests the same: the client, its key, and what is asked for."""
    form: Mapping[str, str] = request.form
    facts = [request.client.id, request.jkt, *(form.get(name) for name in ("refresh_token", "scope", "resource"))]
    return cipher().lookup_hash("refresh-request\n" + orjson.dumps(facts).decode())


async def forget_answers(db: Database, *, before: datetime) -> int:
    """Forget the answers kept for retries that can come no more.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "UPDATE oauth_refresh_token SET answer = NULL WHERE hash IN"
        " (SELECT hash FROM oauth_refresh_token WHERE answer IS NOT NULL AND used_at < $1 LIMIT $2)",
        before,
        PURGE_ROWS_MAX,
    )
