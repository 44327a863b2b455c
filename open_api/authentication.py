"""Who calls: the client behind an access token, and the person it acts for, if for one (RFC 6750, RFC 9449)."""

from typing import Final

from sanic import Request

from oauth import clients, tokens
from oauth.dpop import check_proof
from oauth.errors import InvalidToken
from oauth.jose import StatementRefused
from oauth.revocation import require_in_force
from oauth.tokens import AccessToken

BEARER: Final = "Bearer "
DPOP: Final = "DPoP "


async def authenticate(request: Request, *, audience: str) -> clients.Client:
    """Give the client whose token this is, with what the token and the registration both allow.

    audience: the resource that is asked; a token for another is worth nothing here.

    Raises:
        InvalidToken: whatever is wrong; we do not say what.
        DatabaseUnavailable.
    """
    shown, is_bound = _shown_token(request)
    token = tokens.verify(shown, audience=audience)
    # A bound token without its proof is a stolen one, until it is proved otherwise.
    if is_bound != (token.jkt is not None):
        raise InvalidToken
    await require_in_force(token)
    client = await clients.active_client(token.client_id)
    if client is None or (client.dpop_required and not is_bound):
        raise InvalidToken
    if is_bound:
        await _require_proof(request, shown, token)
    return client.narrowed(token.scopes, token.person)


def token_of(request: Request, *, audience: str) -> AccessToken:
    """Give the token of a request that was let in by it.

    Raises:
        InvalidToken: it has run out meanwhile.
    """
    return tokens.verify(_shown_token(request)[0], audience=audience)


def _shown_token(request: Request) -> tuple[str, bool]:
    """Give the token, and whether it is shown as one that is bound to a key."""
    header = request.headers.get("authorization")
    if header is None:
        raise InvalidToken
    is_bound = header.startswith(DPOP)
    if not is_bound and not header.startswith(BEARER):
        raise InvalidToken
    return header[len(DPOP if is_bound else BEARER) :], is_bound


async def _require_proof(request: Request, shown: str, token: AccessToken) -> None:
    """Require that the caller holds the key that a token is bound to."""
    proofs = request.headers.getall("dpop", [])
    if len(proofs) != 1:
        raise InvalidToken
    url = tokens.issuer() + request.path
    try:
        thumbprint = await check_proof(proofs[0], method=request.method, url=url, access_token=shown)
    except StatementRefused as error:
        raise InvalidToken from error
    if thumbprint != token.jkt:
        raise InvalidToken
