"""ID tokens (OpenID Connect Core section 2): who has signed in, for the one application that asked.

Signed by RS256, which every client knows and SMART wants; by ES256 for FAPI 2.0, which forbids RS256.
"""

import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from oauth import tokens
from oauth.clients import Client
from oauth.grants import Grant
from oauth.keys import signing_keys

OPENID: Final = "openid"
LIFETIME_SECONDS: Final = 600
TOKEN_CHARACTERS_MAX: Final = 4_096
ALGORITHMS: Final = ("RS256", "ES256")


def add_id_token(body: dict[str, Any], grant: Grant, client: Client, *, nonce: str | None = None) -> dict[str, Any]:
    """Put an ID token beside an access token, where `openid` was granted."""
    if OPENID in body["scope"].split():
        body["id_token"] = sign_id_token(grant, client, access_token=body["access_token"], nonce=nonce)
    return body


def sign_id_token(grant: Grant, client: Client, *, access_token: str, nonce: str | None) -> str:
    """Sign who has signed in. nonce: of the authorization request; a refreshed one has none."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": tokens.issuer(),
        "sub": str(grant.subject_id),
        "aud": client.id,
        "azp": client.id,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "auth_time": int(grant.auth_time.timestamp()),
        "at_hash": _left_half(access_token),
        "sid": str(grant.id),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if grant.acr is not None:
        claims["acr"] = grant.acr
    if grant.fhir_user is not None and "fhirUser" in grant.scopes:
        claims["fhirUser"] = grant.fhir_user
    keys = signing_keys()
    if keys.rs256 is not None and client.profile != "fapi2":
        return jwt.encode({"alg": "RS256", "kid": keys.rs256.kid}, claims, keys.rs256, algorithms=["RS256"])
    return jwt.encode({"alg": "ES256", "kid": keys.current.kid}, claims, keys.current, algorithms=["ES256"])


def read_hint(token: str) -> Mapping[str, Any] | None:
    """Read an ID token of ours that is shown as a hint, also one that has run out; None for anything else."""
    if not 0 < len(token) <= TOKEN_CHARACTERS_MAX or not token.isascii():
        return None
    keys = signing_keys()
    known = KeySet([*keys.verifying.keys, *keys.rs256_verifying])
    try:
        decoded = jwt.decode(token, known, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
    claims = decoded.claims
    # An access token is no ID token, though the same key has signed it.
    if claims.get("iss") != tokens.issuer() or decoded.header.get("typ") == "at+jwt":
        return None
    return claims


def _left_half(access_token: str) -> str:
    digest = sha256(access_token.encode()).digest()
    return urlsafe_b64encode(digest[:16]).decode().rstrip("=")
