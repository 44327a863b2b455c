"""Authorization codes (RFC 6749 section 4.1, RFC 7636, RFC 9700): good once, for a minute, for who asked for them."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Row, Transaction, database
from oauth import resources
from oauth.decisions import Request, TokenRequest, decide
from oauth.grants import COLUMNS, Grant, hold_grant, revoke_grant
from oauth.id_tokens import add_id_token
from oauth.refresh_tokens import add_refresh_token, new_refresh_token
from oauth.refusals import InvalidTarget
from oauth.scopes import COMMON_SCOPES, within
from oauth.token_answers import answer_for_person, may_refresh

CODE_BYTES: Final = 32
CODE_CHARACTERS_MAX: Final = 100
CODE_LIFETIME: Final = timedelta(seconds=60)


async def issue_code(
    tx: Transaction,
    *,
    grant_id: UUID,
    redirect_uri: str,
    code_challenge: str,
    nonce: str | None = None,
    jkt: str | None = None,
    auth_time: datetime | None = None,
    acr: str | None = None,
) -> str:
    """Make a code for a grant that a person has just given, and keep its hash.

    redirect_uri: exactly as in the authorization request. code_challenge: of method S256; there is no other.
    jkt: the key that the request was bound to (RFC 9449 section 10). auth_time, acr: how the person has signed in for
    this request, where the grant is an earlier one.
    """
    code, now = secrets.token_urlsafe(CODE_BYTES), clock.now()
    await tx.execute(
        "INSERT INTO oauth_authorization_code"
        " (hash, grant_id, redirect_uri, code_challenge, nonce, jkt, created_at, expires_at, auth_time, acr)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        _code_hash(code),
        grant_id,
        redirect_uri,
        code_challenge,
        nonce,
        jkt,
        now,
        now + CODE_LIFETIME,
        auth_time,
        acr,
    )
    return code


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A code as it is kept, with its grant, as Authlib wants to see one."""

    grant: Grant
    row: Row

    @property
    def code_challenge(self) -> str:
        """What the verifier must hash to."""
        return str(self.row["code_challenge"])

    @property
    def code_challenge_method(self) -> str:
        """How it is hashed."""
        return "S256"

    def get_redirect_uri(self) -> str:
        """Give where it was sent."""
        return str(self.row["redirect_uri"])

    def get_scope(self) -> str:
        """Give what was allowed."""
        return " ".join(sorted(self.grant.scopes))


class _Redemption(AuthorizationCodeGrant):
    """Authlib's grant on a code that was loaded; what it would write is written by `redeem` in one transaction."""

    request: Request

    def query_authorization_code(self, _code: str, client: Any) -> Any:
        """Give the code, if it is this client's."""
        loaded = self.request.loaded
        return loaded if loaded is not None and loaded.grant.client_id == client.client.id else None

    def authenticate_user(self, authorization_code: Any) -> Any:
        """Give who allowed it."""
        return authorization_code.grant

    def delete_authorization_code(self, authorization_code: Any) -> None:
        """Leave it to the transaction."""


class S256Only(CodeChallenge):
    """PKCE of every client, by S256 alone: Authlib's asks public clients only, and takes `plain` unless told."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012  Authlib's own form
    CODE_CHALLENGE_METHODS = {"S256": CodeChallenge.CODE_CHALLENGE_METHODS["S256"]}  # noqa: RUF012  likewise

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        """Refuse a redemption without a verifier, whoever asks."""
        if not grant.request.form.get("code_verifier"):
            raise InvalidRequestError("Missing 'code_verifier'")
        super().validate_code_verifier(grant, result)


async def redeem(request: TokenRequest) -> dict[str, Any]:
    """Give the tokens of a grant for its code.

    Raises:
        OAuth2Error: it is no code of this client's, ended, or was used before, which ends its grant.
        DatabaseUnavailable.
    """
    code = request.form.get("code", "")
    loaded = await _load(code) if 0 < len(code) <= CODE_CHARACTERS_MAX else None
    if loaded is not None and loaded.grant.client_id == request.client.id:
        if loaded.row["used"]:
            await _end(loaded.grant)
        if loaded.row["expires_at"] <= clock.now() or not loaded.grant.is_in_force:
            raise InvalidGrantError
        if loaded.row["jkt"] not in (None, request.jkt):
            raise InvalidGrantError

    def make(scopes: frozenset[str]) -> dict[str, Any]:
        assert loaded is not None, "Authlib has asked for it"
        return add_id_token(
            _make_answer(request, loaded.grant, scopes), loaded.grant, request.client, nonce=loaded.row["nonce"]
        )

    body = decide(_Redemption, request, loaded=loaded, make=make, extensions=[S256Only()])
    assert loaded is not None, "Authlib has refused a request without a code"
    async with database().transaction() as tx:
        is_first = await hold_grant(tx, loaded.grant.id) and await tx.execute(
            "UPDATE oauth_authorization_code SET used = true WHERE hash = $1 AND used = false AND expires_at > $2",
            _code_hash(code),
            clock.now(),
        )
        if is_first and may_refresh(loaded.grant, request.client):
            body["refresh_token"] = new_refresh_token()
            bound_to = request.jkt if request.client.is_public else None
            await add_refresh_token(tx, loaded.grant, body["refresh_token"], jkt=bound_to)
    if not is_first:
        await _end(loaded.grant)
    return body


def _make_answer(request: TokenRequest, grant: Grant, granted: frozenset[str]) -> dict[str, Any]:
    scopes = within(granted, request.client.scopes | COMMON_SCOPES)
    resource = resources.choose(request.form.get("resource"), scopes, allowed=grant.resources, explicit=False)
    if resource is None:
        raise InvalidTarget
    return answer_for_person(
        grant, request.client, resources.scopes_for(resource, scopes), resource=resource, jkt=request.jkt
    )


async def _load(code: str) -> _Loaded | None:
    row = await database().fetchrow(
        "SELECT c.redirect_uri, c.code_challenge, c.nonce, c.jkt, c.used, c.expires_at,"  # noqa: S608  our own columns
        " c.auth_time AS signed_in_at, c.acr AS signed_in_by,"
        f" {COLUMNS} FROM oauth_authorization_code c JOIN oauth_grant g ON g.id = c.grant_id WHERE c.hash = $1",
        _code_hash(code),
    )
    if row is None:
        return None
    grant = Grant.of(row)
    if row["signed_in_at"] is not None:
        grant = replace(grant, auth_time=row["signed_in_at"], acr=row["signed_in_by"])
    return _Loaded(grant, row)


async def _end(grant: Grant) -> None:
    """End the grant of a code that is shown again: one of the two who had it is a thief (RFC 6749 section 4.1.2)."""
    async with database().transaction() as tx:
        await revoke_grant(tx, grant.id, because="an authorization code was used twice")
    raise InvalidGrantError


def _code_hash(code: str) -> bytes:
    return cipher().lookup_hash(f"authorization-code\n{code}")
