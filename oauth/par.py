"""Pushed authorization requests (RFC 9126): the client itself sends the request, and the browser carries a name."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Transaction, database
from oauth import tokens
from oauth.authorization_requests import AuthorizationRequest, validate
from oauth.client_authentication import Note, authenticate, note_nobody
from oauth.clients import Client
from oauth.refusals import NO_STORE, Answer, refuse
from oauth.server import proved_key, require_sane

PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
NAME_BYTES: Final = 32
URI_CHARACTERS_MAX: Final = 120
LIFETIME: Final = timedelta(seconds=90)
# FAPI 2.0 section 5.3.2.2: ten minutes at most; people read before they agree.
FAPI2_LIFETIME: Final = timedelta(seconds=600)
_PROOFS: Final = ("client_secret", "client_assertion", "client_assertion_type")
PURGE_ROWS_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a client is told: the name of its request, and for how many seconds it is good."""

    request_uri: str
    expires_in: int


def par_url() -> str:
    """Give the endpoint's own address."""
    return f"{tokens.issuer()}/oauth/par"


async def answer_push(
    form: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    address: str = "",
    proof: str | None = None,
    note: Note = note_nobody,
) -> Answer:
    """Answer POST /oauth/par: hold the request against the rules at once, and name it (RFC 9126 section 2).

    Raises:
        DatabaseUnavailable.
    """
    try:
        require_sane(form)
        client = await authenticate(form, headers, url=par_url(), address=address, note=note)
        jkt = None if proof is None else await proved_key(client, proof, url=par_url())
        asked = {name: value for name, value in form.items() if name not in _PROOFS}
        if asked.pop("client_id", client.id) != client.id:
            raise InvalidRequestError
        pushed = await store(client, validate(client, asked, jkt=jkt))
    except OAuth2Error as error:
        return refuse(error)
    return 201, {"request_uri": pushed.request_uri, "expires_in": pushed.expires_in}, dict(NO_STORE)


async def store(client: Client, asked: AuthorizationRequest) -> Pushed:
    """Keep a request that was held against the rules, and give the name by which a browser brings it.

    Raises:
        DatabaseUnavailable.
    """
    lifetime = FAPI2_LIFETIME if client.profile == "fapi2" else LIFETIME
    name, now = PREFIX + secrets.token_urlsafe(NAME_BYTES), clock.now()
    await database().execute(
        "INSERT INTO oauth_pushed_request (hash, client_id, parameters, jkt, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        _name_hash(name),
        client.id,
        asked.as_parameters(),
        asked.jkt,
        now,
        now + lifetime,
    )
    return Pushed(name, int(lifetime.total_seconds()))


async def take(tx: Transaction, *, client_id: str, request_uri: str) -> AuthorizationRequest | None:
    """Give a pushed request and use it up; None for one that is another client's, has ended, or was taken before."""
    if len(request_uri) > URI_CHARACTERS_MAX:
        return None
    row = await tx.fetchrow(
        "UPDATE oauth_pushed_request SET used = true"
        " WHERE hash = $1 AND client_id = $2 AND used = false AND expires_at > $3 RETURNING parameters",
        _name_hash(request_uri),
        client_id,
        clock.now(),
    )
    return None if row is None else AuthorizationRequest.from_parameters(row["parameters"])


async def purge_pushed_requests(db: Database, *, before: datetime) -> int:
    """Forget pushed requests that have ended.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM oauth_pushed_request WHERE hash IN"
        " (SELECT hash FROM oauth_pushed_request WHERE expires_at < $1 LIMIT $2)",
        before,
        PURGE_ROWS_MAX,
    )


def _name_hash(request_uri: str) -> bytes:
    return cipher().lookup_hash(f"pushed-request\n{request_uri}")
