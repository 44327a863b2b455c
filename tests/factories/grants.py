"""Grants, codes and assertions as the authorization endpoint and clients make them; and consents in a table."""

import base64
import hashlib
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from kernel import clock
from kernel.db import Database
from kernel.ids import new_id
from oauth import resources, tokens
from oauth.authorization_codes import issue_code
from oauth.clients import AUTHORIZATION_CODE, REFRESH_TOKEN
from oauth.grants import Grant, create_grant
from oauth.jose import _Registry
from oauth.ports import Consent
from tests.factories.oauth import RegisteredClient, register_client

REDIRECT = "https://app.example/callback"
VERIFIER = "v" * 20 + "erifier-of-forty-three-characters-and-more"
PERSON_SCOPES = ("openid", "offline_access", "patient/Appointment.rs", "patient/Patient.r")
Key = ECKey | RSAKey | OKPKey


def challenge_of(verifier: str) -> str:
    """Hash a verifier by S256 (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def new_client_id() -> str:
    """A name that no process remembers."""
    return f"test-{secrets.token_hex(6)}"


async def web_client(db: Database, **columns: Any) -> RegisteredClient:
    """Register an application with somebody before it, and a secret."""
    usual = {
        "application_type": "web",
        "grant_types": [AUTHORIZATION_CODE, REFRESH_TOKEN],
        "redirect_uris": [REDIRECT],
        "client_id": new_client_id(),
        "scopes": PERSON_SCOPES,
    }
    return await register_client(db, **(usual | columns))


async def public_client(db: Database, **columns: Any) -> RegisteredClient:
    """Register an application on people's own devices, without a secret."""
    usual = {"application_type": "native", "auth_method": "none", "redirect_uris": ["http://127.0.0.1/callback"]}
    return await web_client(db, **(usual | columns))


async def keyed_client(db: Database, key: Key, **columns: Any) -> RegisteredClient:
    """Register an application that proves itself by a key."""
    jwks = {"keys": [dict(key.as_dict(private=False))]}
    usual = {"auth_method": "private_key_jwt", "jwks": jwks, "client_id": new_client_id()}
    return await register_client(db, **(usual | columns))


async def grant_of(
    db: Database,
    client: RegisteredClient,
    *,
    scopes: tuple[str, ...] = PERSON_SCOPES,
    lives: timedelta = timedelta(days=90),
    **more: Any,
) -> Grant:
    """A person's grant to a client, for one patient, for the FHIR API."""
    usual: dict[str, Any] = {
        "subject_kind": "account",
        "subject_id": new_id(),
        "patient_id": new_id(),
        "consent_id": new_id(),
        "resources": [resources.fhir()],
        "auth_time": clock.now(),
        "acr": "phone",
        "fhir_user": None,
        "expires_at": clock.now() + lives,
    }
    async with db.transaction() as tx:
        return await create_grant(tx, client_id=client.id, scopes=scopes, **(usual | more))


async def code_for(db: Database, grant: Grant, *, redirect_uri: str = REDIRECT, jkt: str | None = None) -> str:
    """A code for a grant, bound to VERIFIER."""
    async with db.transaction() as tx:
        return await issue_code(
            tx, grant_id=grant.id, redirect_uri=redirect_uri, code_challenge=challenge_of(VERIFIER), jkt=jkt
        )


def redemption(code: str, **changes: str | None) -> dict[str, str]:
    """The form by which a code is redeemed; None leaves a parameter out."""
    form = {"grant_type": AUTHORIZATION_CODE, "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return {name: value for name, value in (form | changes).items() if value is not None}


def sign(key: Key, algorithm: str, claims: Mapping[str, Any], **header: Any) -> str:
    """Sign a statement; None leaves a claim or a header out."""
    whole = {"alg": algorithm, "typ": "JWT", **header}
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode(
        {name: value for name, value in whole.items() if value is not None},
        {name: value for name, value in claims.items() if value is not None},
        key,
        algorithms=[algorithm],
        registry=registry,
        default_type=None,
    )


def assertion(client_id: str, key: Key, algorithm: str = "ES384", *, header: Any = None, **claims: Any) -> str:
    """A client's assertion for the token endpoint (RFC 7523 section 3)."""
    now = int(time.time())
    usual = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{tokens.issuer()}/oauth/token",
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + 120,
    }
    return sign(key, algorithm, usual | claims, **({"kid": key.dict_value.get("kid")} | (header or {})))


def with_assertion(statement: str, **form: str) -> dict[str, str]:
    """The form by which a client shows an assertion."""
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": statement,
    } | form


def proof(
    key: Key, method: str, url: str, *, algorithm: str = "ES256", token: str | None = None, header: Any = None,
    **claims: Any,
) -> str:  # fmt: skip
    """A DPoP proof (RFC 9449 section 4.2)."""
    usual: dict[str, Any] = {"jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time())}
    if token is not None:
        usual["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    head = {"typ": "dpop+jwt", "jwk": dict(key.as_dict(private=False))} | (header or {})
    return sign(key, algorithm, usual | claims, **head)


@dataclass
class ConsentsInATable:
    """Consents as `patients` will keep them: the port over a real table, so that races and withdrawals are real."""

    db: Database

    async def build(self) -> "ConsentsInATable":
        """Make the table of this test's database, empty."""
        await self.db.execute(
            "CREATE TABLE IF NOT EXISTS test_consent (id uuid PRIMARY KEY, client_id text NOT NULL, account_id uuid"
            " NOT NULL, patient_id uuid NOT NULL, scopes text[] NOT NULL, until timestamptz NOT NULL)"
        )
        return self

    async def give(
        self, client: RegisteredClient, *, account_id: UUID, patient_id: UUID, scopes: tuple[str, ...], until: datetime
    ) -> UUID:
        """A person consents."""
        consent_id = new_id()
        await self.db.execute(
            "INSERT INTO test_consent VALUES ($1, $2, $3, $4, $5, $6)",
            consent_id, client.id, account_id, patient_id, list(scopes), until,
        )  # fmt: skip
        return consent_id

    async def find_consent(self, *, client_id: str, account_id: UUID, patient_id: UUID) -> Consent | None:
        """Find it, as the port has it."""
        row = await self.db.fetchrow(
            "SELECT id, scopes, until FROM test_consent WHERE client_id = $1 AND account_id = $2 AND patient_id = $3"
            " ORDER BY until DESC LIMIT 1",
            client_id, account_id, patient_id,
        )  # fmt: skip
        return None if row is None else Consent(row["id"], frozenset(row["scopes"]), row["until"])
