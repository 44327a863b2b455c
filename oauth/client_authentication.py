"""How a client proves who it is (RFC 6749 section 2.3, RFC 7523, RFC 9700 section 2.5): in the one way it registered.

Authlib's own client assertions name no algorithms, so that joserfc would refuse those that SMART and FAPI demand, and
cap no lifetime; therefore they are checked here.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

import orjson
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError

from kernel import clock
from oauth import attempts, jose, ports, tokens
from oauth.client_keys import key_for
from oauth.clients import Client, active_client, secret_hash
from oauth.jose import StatementRefused
from oauth.refusals import TooManyAttempts
from oauth.single_use import use_once

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS_MAX: Final = 300
# Between the client's clock and ours.
SKEW_SECONDS: Final = 10
CLIENT_ID_CHARACTERS_MAX: Final = 63
# SMART App Launch 2.2 wants RS384 and ES384; FAPI 2.0 section 5.4 allows these three. No one may share a key with us.
ALGORITHMS: Final[dict[str, tuple[str, ...]]] = {
    "plain": ("ES256", "ES384", "PS256", "RS256", "RS384", "EdDSA", "Ed25519"),
    "smart": ("RS384", "ES384", "ES256"),
    "fapi2": ("PS256", "ES256", "EdDSA", "Ed25519"),
}
Note = Callable[[Client], None]
_TYPES: Final = (None, "JWT", "client-authentication+jwt")


@dataclass(frozen=True, slots=True)
class _Offer:
    """What a request offers as proof: by which method, for whom, and the secret or assertion."""

    method: str
    client_id: str
    proof: str = ""


def note_nobody(_client: Client) -> None:
    """Tell nobody who has proved itself."""


async def authenticate(
    form: Mapping[str, str], headers: Mapping[str, str], *, url: str, address: str, note: Note = note_nobody
) -> Client:
    """Give the client that has proved itself.

    url: the endpoint's own address. address: where the request came from, for counting what fails. note: is told who
    has proved itself, also where the hospital's door stays shut.

    Raises:
        InvalidClientError: unknown, not let in, or not proved: these look alike.
        InvalidRequestError: it offers more than one proof.
        TooManyAttempts: it has failed too often from there, or asks too often.
        DatabaseUnavailable.
    """
    offer = _read_offer(form, headers)
    if seconds := attempts.seconds_locked(offer.client_id, address):
        raise TooManyAttempts(seconds)
    client = await active_client(offer.client_id) if _can_be_an_id(offer.client_id) else None
    if client is not None and await _is_proved(client, offer, url):
        note(client)
        await ports.admit(client, operation=f"POST {url.removeprefix(tokens.issuer())}", address=address)
        return client
    if client is None:
        # As long as for a client that is known.
        secret_hash("nobody", offer.proof)
    await attempts.count_failure(offer.client_id, address)
    raise InvalidClientError


def _can_be_an_id(client_id: str) -> bool:
    return 0 < len(client_id) <= CLIENT_ID_CHARACTERS_MAX and client_id.isascii() and client_id.isprintable()


async def _is_proved(client: Client, offer: _Offer, url: str) -> bool:
    if offer.method != client.auth_method:
        return False
    if offer.method == "none":
        return True
    if offer.method == "private_key_jwt":
        try:
            await _check_assertion(client, offer.proof, url)
        except StatementRefused:
            return False
        return True
    return client.secret_fits(offer.proof)


def _read_offer(form: Mapping[str, str], headers: Mapping[str, str]) -> _Offer:
    """Read what is offered; never more than one thing (RFC 6749 section 2.3)."""
    authorization = headers.get("authorization")
    if sum((authorization is not None, "client_secret" in form, "client_assertion" in form)) > 1:
        raise InvalidRequestError("one way of authentication only")
    client_id = form.get("client_id", "")
    if authorization is not None:
        offer = _read_basic(authorization)
    elif "client_assertion" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise InvalidRequestError("unknown client_assertion_type")
        offer = _Offer("private_key_jwt", _claimed_client(form["client_assertion"]), form["client_assertion"])
    elif "client_secret" in form:
        offer = _Offer("client_secret_post", client_id, form["client_secret"])
    else:
        offer = _Offer("none", client_id)
    if client_id and client_id != offer.client_id:
        raise InvalidClientError
    return offer


def _read_basic(authorization: str) -> _Offer:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClientError
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except ValueError as error:
        raise InvalidClientError from error
    client_id, _, secret = pair.partition(":")
    return _Offer("client_secret_basic", unquote_plus(client_id), unquote_plus(secret))


def _claimed_client(assertion: str) -> str:
    """Read for whom an assertion speaks, before anybody has checked it."""
    try:
        jose.read_header(assertion)
        body = assertion.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (StatementRefused, ValueError) as error:
        raise InvalidClientError from error
    subject = claims.get("sub") if isinstance(claims, dict) else None
    if not isinstance(subject, str):
        raise InvalidClientError
    return subject


def audiences(client: Client, url: str) -> tuple[str, ...]:
    """List whom an assertion may be meant for: the specifications disagree, so the profile decides.

    SMART: the token endpoint's address. FAPI 2.0 section 5.3.2.1: the issuer alone, so that an assertion for one server
    cannot be shown at another. RFC 7523 and RFC 9126: either, or the endpoint's own address.
    """
    token_url = f"{tokens.issuer()}/oauth/token"
    if client.profile == "smart":
        return (token_url,)
    if client.profile == "fapi2":
        return (tokens.issuer(),)
    return (tokens.issuer(), token_url, url)


async def _check_assertion(client: Client, assertion: str, url: str) -> None:
    header = jose.read_header(assertion)
    if header["alg"] not in ALGORITHMS[client.profile] or header.get("typ") not in _TYPES:
        raise StatementRefused("its algorithm or type is not allowed")
    statement = jose.verify(assertion, await key_for(client, header), algorithms=ALGORITHMS[client.profile])
    claims = statement.claims
    if claims.get("iss") != client.id or claims.get("sub") != client.id:
        raise StatementRefused("it speaks for another")
    if not _is_meant_for(claims.get("aud"), audiences(client, url)):
        raise StatementRefused("it is meant for another")
    now = clock.now().timestamp()
    expires_at = jose.instant_of(claims, "exp")
    if expires_at is None or not now < expires_at <= now + ASSERTION_SECONDS_MAX + SKEW_SECONDS:
        raise StatementRefused("it has expired, or lives too long")
    for name in ("iat", "nbf"):
        if (jose.instant_of(claims, name) or 0) > now + SKEW_SECONDS:
            raise StatementRefused("it is of the future")
    identifier = jose.identifier_of(claims)
    if not await use_once("assertion", client.id, identifier, expires_at=expires_at + 1):
        raise StatementRefused("it was used before")


def _is_meant_for(audience: Any, ours: tuple[str, ...]) -> bool:
    told = audience if isinstance(audience, list) else [audience]
    return len(told) == 1 and told[0] in ours
