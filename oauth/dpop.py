"""Tokens bound to a key (RFC 9449): whoever shows one proves anew, for each request, that they hold the key."""

import base64
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from kernel import clock
from oauth import jose
from oauth.jose import Key, StatementRefused
from oauth.single_use import use_once

ALGORITHMS: Final = ("ES256", "PS256", "EdDSA", "Ed25519")
AGE_SECONDS_MAX: Final = 60
AHEAD_SECONDS_MAX: Final = 30
RSA_BITS: Final = range(2048, 4097)
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KEYS: Final[dict[str, type[ECKey] | type[RSAKey] | type[OKPKey]]] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}


async def check_proof(proof: str, *, method: str, url: str, access_token: str | None = None) -> str:
    """Check a proof for one request and give its key's thumbprint (RFC 7638).

    url: where we were reached, by our public address. access_token: the one shown with it, if one was.

    Raises:
        StatementRefused: it proves nothing, or was used before.
        DatabaseUnavailable: whether it was used before is not known.
    """
    key = _key_of(jose.read_header(proof))
    statement = jose.verify(proof, key, algorithms=ALGORITHMS)
    claims = statement.claims
    if claims.get("htm") != method or not _is_same_place(claims.get("htu"), url):
        raise StatementRefused("it is for another request")
    issued_at = jose.instant_of(claims, "iat")
    now = clock.now().timestamp()
    if issued_at is None or not now - AGE_SECONDS_MAX <= issued_at <= now + AHEAD_SECONDS_MAX:
        raise StatementRefused("it is not of now")
    if access_token is not None and claims.get("ath") != _digest(access_token):
        raise StatementRefused("it is for another token")
    identifier = jose.identifier_of(claims)
    thumbprint = str(key.thumbprint())
    # Until then it would pass for one of now.
    if not await use_once("proof", thumbprint, identifier, expires_at=issued_at + AGE_SECONDS_MAX + 1):
        raise StatementRefused("it was used before")
    return thumbprint


def _key_of(header: dict[str, Any]) -> Key:
    """Read the public key that a proof carries."""
    entry = header.get("jwk")
    if header.get("typ") != "dpop+jwt" or not isinstance(entry, dict):
        raise StatementRefused("it is no DPoP proof")
    kind = _KEYS.get(str(entry.get("kty")))
    if kind is None or entry.keys() & _PRIVATE_MEMBERS:
        raise StatementRefused("it carries no public key")
    try:
        key = kind.import_key(entry)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StatementRefused("its key cannot be read") from error
    if isinstance(key, RSAKey) and key.public_key.key_size not in RSA_BITS:
        raise StatementRefused("its key has a strange size")
    return key


def _is_same_place(told: object, url: str) -> bool:
    """Compare addresses without query and fragment, as RFC 9449 section 4.3 and RFC 3986 section 6.2 have it."""
    if not isinstance(told, str):
        return False
    try:
        given, ours = urlsplit(told), urlsplit(url)
        return _place(given.scheme, given.hostname, given.port, given.path) == _place(
            ours.scheme, ours.hostname, ours.port, ours.path
        )
    except ValueError:
        return False


def _place(scheme: str, host: str | None, port: int | None, path: str) -> tuple[str, str | None, int | None, str]:
    usual = {"https": 443, "http": 80}.get(scheme)
    return scheme, host, port or usual, path or "/"


def _digest(access_token: str) -> str:
    return base64.urlsafe_b64encode(sha256(access_token.encode()).digest()).rstrip(b"=").decode()
