"""Access tokens: JWT after RFC 9068, ES256, for one audience; a checked token is remembered until it ends."""

import time
import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError

from oauth.errors import InvalidToken
from oauth.keys import signing_keys

LIFETIME_SECONDS: Final = 1800
CLOCK_SKEW_SECONDS: Final = 30
TOKEN_CHARACTERS_MAX: Final = 4096
REMEMBERED_MAX: Final = 20_000
_ALGORITHMS: Final = ["ES256"]
_TYPE: Final = "at+jwt"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a verified token says. expires_at: seconds since 1970."""

    client_id: str
    scopes: frozenset[str]
    expires_at: int


@dataclass(slots=True)
class _Issuer:
    url: str = ""

    @property
    def audience(self) -> str:
        return f"{self.url}/open/v1"


_issuer = _Issuer()
_verified: dict[bytes, Grant] = {}


def set_issuer(public_url: str) -> None:
    """Name this deployment; tokens of another deployment are worth nothing here."""
    _issuer.url = public_url
    _verified.clear()


def issuer() -> str:
    """Give the issuer identifier."""
    return _issuer.url


def issue(client_id: str, scopes: frozenset[str]) -> tuple[str, int]:
    """Sign an access token for a client acting as itself; give it with its lifetime in seconds."""
    key = signing_keys().current
    now = int(time.time())
    claims = {
        "iss": _issuer.url,
        "aud": _issuer.audience,
        "sub": client_id,
        "client_id": client_id,
        "scope": " ".join(sorted(scopes)),
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
    }
    header = {"alg": "ES256", "typ": _TYPE, "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=_ALGORITHMS), LIFETIME_SECONDS


def verify(token: str) -> Grant:
    """Check an access token: signature, type, issuer, audience, time (RFC 9068 section 4).

    Raises:
        InvalidToken: whatever is wrong with it; we do not say what.
    """
    if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
        raise InvalidToken
    digest = sha256(token.encode()).digest()
    known = _verified.get(digest)
    if known is None:
        known = _verify(token)
        if len(_verified) >= REMEMBERED_MAX:
            _verified.clear()
        _verified[digest] = known
    if known.expires_at <= time.time():
        _verified.pop(digest, None)
        raise InvalidToken
    return known


def _verify(token: str) -> Grant:
    try:
        decoded = jwt.decode(token, signing_keys().verifying, algorithms=_ALGORITHMS)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise InvalidToken from error
    claims, now = decoded.claims, time.time()
    expires_at, issued_at = claims.get("exp"), claims.get("iat")
    scope, client_id = claims.get("scope"), claims.get("client_id")
    if (
        decoded.header.get("typ") != _TYPE
        or claims.get("iss") != _issuer.url
        or claims.get("aud") != _issuer.audience
        or not isinstance(expires_at, int)
        or not isinstance(issued_at, int)
        or issued_at > now + CLOCK_SKEW_SECONDS
        or not isinstance(scope, str)
        or not isinstance(client_id, str)
        or claims.get("sub") != client_id
        or "\x00" in client_id
    ):
        raise InvalidToken
    return Grant(client_id, frozenset(scope.split()), expires_at)
