"""The token endpoint: who asks has proved itself, then the grant that it names decides (RFC 6749 section 3.2)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError, UnsupportedGrantTypeError

from oauth import ports, tokens
from oauth.authorization_codes import redeem
from oauth.client_authentication import Note, authenticate, note_nobody
from oauth.client_credentials import grant_to_client
from oauth.clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN, TOKEN_EXCHANGE, Client
from oauth.decisions import TokenRequest
from oauth.dpop import check_proof
from oauth.jose import StatementRefused
from oauth.refresh_tokens import client_of, refresh
from oauth.refusals import NO_STORE, Answer, InvalidProof, refuse
from oauth.token_exchange import exchange

PARAMETER_CHARACTERS_MAX: Final = 2_000
# Tokens and assertions are longer than what people type.
LONG_PARAMETERS: Final = {
    "client_assertion": 8_192,
    "subject_token": tokens.TOKEN_CHARACTERS_MAX,
    "token": tokens.TOKEN_CHARACTERS_MAX,
}


async def _exchange(request: TokenRequest) -> dict[str, Any]:
    consents = ports.consents()
    if consents is None:
        raise UnsupportedGrantTypeError(TOKEN_EXCHANGE)
    return await exchange(request, consents)


_GRANTS: Final[dict[str, Callable[[TokenRequest], Awaitable[dict[str, Any]]]]] = {
    CLIENT_CREDENTIALS: grant_to_client,
    AUTHORIZATION_CODE: redeem,
    REFRESH_TOKEN: refresh,
    TOKEN_EXCHANGE: _exchange,
}


def grant_types() -> list[str]:
    """List the grants that can be had here from the beginning to the end."""
    exchange = [TOKEN_EXCHANGE] if ports.consents() is not None else []
    return [CLIENT_CREDENTIALS, AUTHORIZATION_CODE, REFRESH_TOKEN, *exchange]


def token_url() -> str:
    """Give the token endpoint's own address, by which assertions and proofs name it."""
    return f"{tokens.issuer()}/oauth/token"


async def answer_token_request(
    form: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    address: str = "",
    proof: str | None = None,
    note: Note = note_nobody,
) -> Answer:
    """Answer POST /oauth/token: give the status, the JSON body and headers of RFC 6749 section 5.

    address: where the request came from. proof: the DPoP header, if there is one. note: is told who has
    proved itself.

    Raises:
        DatabaseUnavailable.
    """
    try:
        require_sane(form)
        grant_type = form.get("grant_type")
        if not grant_type:
            raise InvalidRequestError
        form = await _with_public_client(form, headers, grant_type)
        client = await authenticate(form, headers, url=token_url(), address=address, note=note)
        grant = _GRANTS.get(grant_type)
        if grant is None:
            raise UnsupportedGrantTypeError(grant_type)
        jkt = await proved_key(client, proof, url=token_url())
        return 200, await grant(TokenRequest(form, client, jkt)), dict(NO_STORE)
    except OAuth2Error as error:
        return refuse(error)


def require_sane(form: Mapping[str, str]) -> None:
    """Refuse parameters that nobody needs so long, or that no database keeps.

    Raises:
        InvalidRequestError.
    """
    for name, value in form.items():
        if len(value) > LONG_PARAMETERS.get(name, PARAMETER_CHARACTERS_MAX) or len(name) > PARAMETER_CHARACTERS_MAX:
            raise InvalidRequestError
        if "\x00" in value:
            raise InvalidRequestError


async def proved_key(client: Client, proof: str | None, *, url: str) -> str | None:
    """Give the thumbprint of the key that a request has proved to hold; None where none was shown.

    Raises:
        InvalidProof: it proves nothing, or the client must show one.
        DatabaseUnavailable.
    """
    if proof is None:
        if client.dpop_required:
            raise InvalidProof
        return None
    try:
        return await check_proof(proof, method="POST", url=url)
    except StatementRefused as error:
        raise InvalidProof from error


async def _with_public_client(
    form: Mapping[str, str], headers: Mapping[str, str], grant_type: str
) -> Mapping[str, str]:
    """Find the client of a refresh token that comes without any word of who sends it; only public ones may."""
    if grant_type != REFRESH_TOKEN or "authorization" in headers or form.keys() & {"client_id", "client_assertion"}:
        return form
    client_id = await client_of(form.get("refresh_token", ""))
    return form if client_id is None else {**form, "client_id": client_id}
