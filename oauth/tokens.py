"""Access tokens: JWT after RFC 9068, ES256, for one audience; a checked token is remembered until it ends."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError

from oauth.clients import Person
from oauth.errors import InvalidToken
from oauth.keys import signing_keys

LIFETIME_SECONDS: Final = 1800
# SMART Backend Services: no longer than five minutes.
SMART_LIFETIME_SECONDS: Final = 300
PERSON_LIFETIME_SECONDS: Final = 900
CLOCK_SKEW_SECONDS: Final = 30
TOKEN_CHARACTERS_MAX: Final = 4096
REMEMBERED_MAX: Final = 20_000
_ALGORITHMS: Final = ["ES256"]
_TYPE: Final = "at+jwt"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a verified token says.

    audience: the one resource it is good at. person: for whom the client acts, if for somebody. jkt: the thumbprint of
    the DPoP key that must be shown with it. expires_at, issued_at: seconds since 1970.
    """

    client_id: str
    scopes: frozenset[str]
    expires_at: int
    audience: str
    jti: str
    issued_at: int
    person: Person | None
    jkt: str | None
    claims: Mapping[str, Any]


@dataclass(slots=True)
class _Issuer:
    url: str = ""
    open_api: str = ""
    fhir: str = ""


_issuer = _Issuer()
_verified: dict[bytes, AccessToken] = {}


def set_issuer(public_url: str) -> None:
    """Name this deployment; tokens of another deployment are worth nothing here."""
    _issuer.url = public_url
    _issuer.open_api, _issuer.fhir = f"{public_url}/open/v1", f"{public_url}/fhir"
    forget()


def forget() -> None:
    """Check every token anew: a key may have been taken away because somebody else has it."""
    _verified.clear()


def issuer() -> str:
    """Give the issuer identifier."""
    return _issuer.url


def open_api_audience() -> str:
    """Give the audience of tokens for the open API."""
    return _issuer.open_api


def fhir_audience() -> str:
    """Give the audience of tokens for the FHIR API."""
    return _issuer.fhir


def issue(
    client_id: str,
    scopes: frozenset[str],
    *,
    audience: str | None = None,
    lifetime_seconds: int = LIFETIME_SECONDS,
    subject: str | None = None,
    more: Mapping[str, Any] | None = None,
) -> tuple[str, int]:
    """Sign an access token; give it with its lifetime in seconds.

    audience: the open API unless another is named. subject: whom the client acts for; itself unless somebody is named.
    more: claims of a person's grant, and of the key that the token is bound to.
    """
    key = signing_keys().current
    now = int(time.time())
    claims = {
        "iss": _issuer.url,
        "aud": audience or _issuer.open_api,
        "sub": subject or client_id,
        "client_id": client_id,
        "scope": " ".join(sorted(scopes)),
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + lifetime_seconds,
    } | dict(more or {})
    header = {"alg": "ES256", "typ": _TYPE, "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=_ALGORITHMS), lifetime_seconds


def verify(token: str, *, audience: str | None = None) -> AccessToken:
    """Check an access token: signature, type, issuer, audience, time (RFC 9068 section 4).

    audience: the resource that is asked; the open API unless another is named. Whether the token was revoked since is
    asked elsewhere (oauth/revocation.py), and so is the proof of a bound one (oauth/dpop.py).

    Raises:
        InvalidToken: whatever is wrong with it; we do not say what.
    """
    known = read(token)
    if known.audience != (audience or _issuer.open_api):
        raise InvalidToken
    return known


def read(token: str) -> AccessToken:
    """Check an access token of ours, whichever resource it is for.

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


def _verify(token: str) -> AccessToken:
    try:
        decoded = jwt.decode(token, signing_keys().verifying, algorithms=_ALGORITHMS)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidToken from error
    claims, now = decoded.claims, time.time()
    expires_at, issued_at = claims.get("exp"), claims.get("iat")
    scope, client_id, jti = claims.get("scope"), claims.get("client_id"), claims.get("jti")
    audience = claims.get("aud")
    if (
        decoded.header.get("typ") != _TYPE
        or claims.get("iss") != _issuer.url
        or audience not in (_issuer.open_api, _issuer.fhir)
        or not isinstance(expires_at, int)
        or not isinstance(issued_at, int)
        or issued_at > now + CLOCK_SKEW_SECONDS
        or not isinstance(scope, str)
        or not isinstance(jti, str)
        or not isinstance(client_id, str)
        or "\x00" in client_id
    ):
        raise InvalidToken
    return AccessToken(
        client_id,
        frozenset(scope.split()),
        expires_at,
        audience,
        jti,
        issued_at,
        _person(claims),
        _thumbprint(claims),
        claims,
    )


def _person(claims: Mapping[str, Any]) -> Person | None:
    """Read for whom the client acts; a token without a grant is the client's own."""
    if "grant" not in claims:
        if claims.get("sub") != claims["client_id"]:
            raise InvalidToken
        return None
    kind, patient_id = claims.get("subject_kind"), claims.get("patient")
    if kind not in ("staff", "account"):
        raise InvalidToken
    try:
        grant_id, subject = str(UUID(claims["grant"])), str(UUID(claims["sub"]))
        patient_id = None if patient_id is None else str(UUID(patient_id))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise InvalidToken from error
    return Person(kind, subject, grant_id, patient_id)


def _thumbprint(claims: Mapping[str, Any]) -> str | None:
    confirmation = claims.get("cnf")
    if confirmation is None:
        return None
    # A binding that we cannot check is none that may be passed over.
    if not isinstance(confirmation, dict) or not isinstance(confirmation.get("jkt"), str):
        raise InvalidToken
    return str(confirmation["jkt"])
