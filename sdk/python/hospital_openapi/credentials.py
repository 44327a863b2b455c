"""How an application proves who it is at the token endpoint: by a secret, or by a key that never leaves it."""

import base64
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote_plus

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.jwk import ECKey

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS: Final = 60
ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384"}
_NEEDED: Final = "A private key in PEM on the curve P-256 or P-384, without a password, is needed."


class Credentials(Protocol):
    """Proof of an application, made anew for each token."""

    @property
    def client_id(self) -> str:
        """The application's id."""
        ...

    def prove(self, *, issuer: str) -> tuple[dict[str, str], dict[str, str]]:
        """Give what a token request needs: fields of its form, and headers."""
        ...


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """An id and a secret, sent by HTTP Basic (RFC 6749 section 2.3.1)."""

    client_id: str
    secret: str = field(repr=False)

    def prove(self, *, issuer: str) -> tuple[dict[str, str], dict[str, str]]:  # noqa: ARG002  a secret proves the same to all
        """Give the secret in the header."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        return {}, {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """An elliptic-curve key, P-256 or P-384, whose public half the hospital knows (RFC 7523, private_key_jwt).

    key_id: the `kid` of the public key as registered; left out, the hospital looks for one that fits.
    audience: whom the assertion is for; the hospital's address unless given. Applications of the SMART profile give
    the token endpoint's address.
    """

    client_id: str
    key: ECKey = field(repr=False)
    key_id: str | None = None
    audience: str | None = None

    @classmethod
    def from_pem(
        cls, client_id: str, pem: bytes | str, *, key_id: str | None = None, audience: str | None = None
    ) -> "PrivateKey":
        """Read a key in PEM.

        Raises:
            ValueError: it is no private key of one of the two curves.
        """
        content = pem.encode() if isinstance(pem, str) else pem
        try:
            found = load_pem_private_key(content, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ValueError(_NEEDED) from error
        if not isinstance(found, EllipticCurvePrivateKey) or not isinstance(found.curve, SECP256R1 | SECP384R1):
            raise ValueError(_NEEDED)  # noqa: TRY004  a key of another kind is a wrong value, as a broken one is
        return cls(client_id, ECKey.import_key(content), key_id, audience)

    @classmethod
    def from_file(
        cls, client_id: str, path: Path | str, *, key_id: str | None = None, audience: str | None = None
    ) -> "PrivateKey":
        """Read a key from a PEM file.

        Raises:
            OSError: the file cannot be read.
            ValueError: it holds no private key of one of the two curves.
        """
        return cls.from_pem(client_id, Path(path).read_bytes(), key_id=key_id, audience=audience)

    def prove(self, *, issuer: str) -> tuple[dict[str, str], dict[str, str]]:
        """Sign an assertion that is good once, for a minute."""
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience or issuer,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        header = {"alg": ALGORITHMS[self.key.curve_name]} | ({"kid": self.key_id} if self.key_id else {})
        assertion = jwt.encode(header, claims, self.key, algorithms=[header["alg"]])
        form = {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        return form, {}
