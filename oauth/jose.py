"""Signed statements of others (RFC 7515, 7519): who signed is looked up, and the algorithm is the reader's to allow.

joserfc accepts HS256, RS256 and ES256 unless it is told, so nothing here is checked without a list.
"""

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

STATEMENT_CHARACTERS_MAX: Final = 8_192
HEADER_BYTES_MAX: Final = 4_096
IDENTIFIER_CHARACTERS_MAX: Final = 256
_KEY_TYPES: Final = {
    "ES256": "EC", "ES384": "EC", "PS256": "RSA", "RS256": "RSA", "RS384": "RSA", "EdDSA": "OKP", "Ed25519": "OKP",
}  # fmt: skip
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}

Key = ECKey | RSAKey | OKPKey


class StatementRefused(Exception):
    """A signed statement cannot be believed; the text is for our own log at most, never for who sent it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose signature holds."""

    header: dict[str, Any]
    claims: dict[str, Any]


class _Registry(JWSRegistry):
    """Joserfc's algorithms, with room for a key in the header, and without a warning at each use of EdDSA.

    RFC 9864 renames EdDSA; FAPI 2.0 still demands it under its old name.
    """

    max_header_length = HEADER_BYTES_MAX

    def get_alg(self, name: str) -> Any:
        if self.allowed is None or name not in self.allowed:
            raise StatementRefused("its algorithm is not allowed")
        return self.algorithms[name]


def read_header(statement: str) -> dict[str, Any]:
    """Read the header of a statement that nobody has checked yet.

    Raises:
        StatementRefused: it is none, it is too long, or it wants something that we do not know.
    """
    if len(statement) > STATEMENT_CHARACTERS_MAX or not statement.isascii() or statement.count(".") != 2:
        raise StatementRefused("that is no compact JWS")
    encoded = statement.partition(".")[0]
    try:
        header = orjson.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (orjson.JSONDecodeError, binascii.Error, ValueError) as error:
        raise StatementRefused("its header cannot be read") from error
    if not isinstance(header, dict) or not isinstance(header.get("alg"), str):
        raise StatementRefused("its header names no algorithm")
    if "crit" in header or "b64" in header:
        raise StatementRefused("it wants an extension that we do not know")
    return header


def verify(statement: str, key: Key, *, algorithms: Collection[str]) -> Statement:
    """Check a statement's signature by one key and one of the given algorithms.

    Raises:
        StatementRefused: the algorithm is another, does not fit the key, or the signature does not hold.
    """
    header = read_header(statement)
    algorithm = header["alg"]
    if algorithm not in algorithms or not fits(key, algorithm):
        raise StatementRefused("its algorithm is not allowed, or not this key's")
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    try:
        decoded = jwt.decode(statement, key, algorithms=[algorithm], registry=registry)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise StatementRefused("its signature does not hold") from error
    return Statement(dict(decoded.header), dict(decoded.claims))


def fits(key: Key, algorithm: str) -> bool:
    """Tell whether a key may be used with an algorithm."""
    if key.key_type != _KEY_TYPES.get(algorithm) or (key.alg or algorithm) != algorithm:
        return False
    if key.dict_value.get("use", "sig") != "sig":
        return False
    curve = _CURVES.get(algorithm)
    return curve is None or key.dict_value.get("crv") == curve


def find_key(keys: KeySet, header: Mapping[str, Any]) -> Key | None:
    """Find the key that a header names; without a name, the only one that there is."""
    kid = header.get("kid")
    if kid is None:
        return keys.keys[0] if len(keys.keys) == 1 else None  # type: ignore[return-value]  # no shared keys in sets
    found = [key for key in keys.keys if key.dict_value.get("kid") == kid]
    return found[0] if len(found) == 1 else None  # type: ignore[return-value]  # likewise


def instant_of(claims: Mapping[str, Any], name: str) -> float | None:
    """Give a time claim in seconds since 1970, or None where it is missing.

    Raises:
        StatementRefused: it is no number that can be a time.
    """
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise StatementRefused(f"its {name} is no time")
    return float(value)


def identifier_of(claims: Mapping[str, Any]) -> str:
    """Give the jti.

    Raises:
        StatementRefused: there is none, or it is too long.
    """
    value = claims.get("jti")
    if not isinstance(value, str) or not 1 <= len(value) <= IDENTIFIER_CHARACTERS_MAX:
        raise StatementRefused("it has no usable jti")
    return value
