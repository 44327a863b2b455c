"""Grants: what a person has allowed a client. Codes, refresh tokens and access tokens hang on one and end with it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from kernel import clock
from kernel.db import Database, Reader, Row, Transaction, database
from kernel.ids import new_id
from oauth.authorization_requests import AuthorizationRequest
from oauth.revocation import KEPT, revoke
from oauth.scopes import is_within
from oauth.states import ACTIVE, GRANT, REVOKED

COLUMNS: Final = (
    "g.id, g.client_id, g.subject_kind, g.subject_id, g.patient_id, g.consent_id, g.scopes, g.resources, g.auth_time,"
    " g.acr, g.fhir_user, g.status, g.expires_at AS grant_expires_at"
)
PURGE_ROWS_MAX: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a person has allowed a client.

    resources: what tokens may be for, the usual one first (RFC 8707). auth_time: when the person signed in.
    fhir_user: who that is as a FHIR resource's address, for SMART. application: the client's name, where it was read.
    """

    id: UUID
    client_id: str
    subject_kind: Literal["staff", "account"]
    subject_id: UUID
    patient_id: UUID | None
    consent_id: UUID | None
    scopes: frozenset[str]
    resources: tuple[str, ...]
    auth_time: datetime
    acr: str | None
    fhir_user: str | None
    expires_at: datetime
    is_active: bool = True
    application: str | None = None

    @classmethod
    def of(cls, row: Row) -> "Grant":
        """Read a row of COLUMNS."""
        return cls(
            id=row["id"],
            client_id=row["client_id"],
            subject_kind=row["subject_kind"],
            subject_id=row["subject_id"],
            patient_id=row["patient_id"],
            consent_id=row["consent_id"],
            scopes=frozenset(row["scopes"]),
            resources=tuple(row["resources"]),
            auth_time=row["auth_time"],
            acr=row["acr"],
            fhir_user=row["fhir_user"],
            expires_at=row["grant_expires_at"],
            is_active=row["status"] == ACTIVE,
            application=row.get("application"),
        )

    @property
    def is_in_force(self) -> bool:
        """Tell whether it stands now."""
        return self.is_active and self.expires_at > clock.now()


async def create_grant(
    tx: Transaction,
    *,
    client_id: str,
    subject_kind: Literal["staff", "account"],
    subject_id: UUID,
    patient_id: UUID | None,
    consent_id: UUID | None,
    scopes: Collection[str],
    resources: Sequence[str],
    auth_time: datetime,
    acr: str | None,
    fhir_user: str | None,
    expires_at: datetime,
) -> Grant:
    """Keep what a person has just allowed a client."""
    grant = Grant(
        id=new_id(),
        client_id=client_id,
        subject_kind=subject_kind,
        subject_id=subject_id,
        patient_id=patient_id,
        consent_id=consent_id,
        scopes=frozenset(scopes),
        resources=tuple(resources),
        auth_time=auth_time,
        acr=acr,
        fhir_user=fhir_user,
        expires_at=expires_at,
    )
    await tx.execute(
        "INSERT INTO oauth_grant (id, client_id, subject_kind, subject_id, patient_id, consent_id, scopes, resources,"
        " auth_time, acr, fhir_user, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        grant.id,
        client_id,
        subject_kind,
        subject_id,
        patient_id,
        consent_id,
        sorted(scopes),
        list(resources),
        auth_time,
        acr,
        fhir_user,
        clock.now(),
        expires_at,
    )
    return grant


async def hold_grant(tx: Transaction, grant_id: UUID) -> bool:
    """Keep a grant from being revoked until this transaction is over; tell whether it is in force."""
    found = await tx.fetchval(
        "SELECT true FROM oauth_grant WHERE id = $1 AND status = 'active' AND expires_at > $2 FOR SHARE",
        grant_id,
        clock.now(),
    )
    return bool(found)


async def revoke_grant(tx: Transaction, grant_id: UUID, *, because: str) -> bool:
    """End a grant with all its tokens, on every process within a second; tell whether it was in force."""
    return await _revoke(tx, "id = $4", grant_id, because=because) == 1


async def revoke_grants_of_consent(tx: Transaction, consent_id: UUID, *, because: str) -> int:
    """End every grant that rests on a consent, as when it is withdrawn; give how many there were."""
    return await _revoke(tx, "consent_id = $4", consent_id, because=because)


async def revoke_grants_of_subject(tx: Transaction, subject_id: UUID, *, because: str) -> int:
    """End every grant of a person, as when they leave or their account is closed; give how many there were."""
    return await _revoke(tx, "subject_id = $4", subject_id, because=because)


async def _revoke(tx: Transaction, condition: str, value: UUID, *, because: str) -> int:
    rows = await tx.fetch(
        "UPDATE oauth_grant SET status = $1, revoked_at = $2, revoked_because = $3"  # noqa: S608  our own conditions
        f" WHERE {condition} AND status = ANY($5) RETURNING id",
        REVOKED,
        clock.now(),
        because,
        value,
        GRANT.before(REVOKED),
    )
    for row in rows:
        await revoke(tx, "grant", str(row["id"]))
    return len(rows)


async def list_grants(reader: Reader, *, subject_id: UUID) -> list[Grant]:
    """List what a person has allowed and not taken back, the newest first."""
    rows = await reader.fetch(
        f"SELECT {COLUMNS}, c.name AS application FROM oauth_grant g JOIN oauth_client c ON c.id = g.client_id"  # noqa: S608  our own columns
        " WHERE g.subject_id = $1 AND g.status = 'active' AND g.expires_at > $2 ORDER BY g.id DESC LIMIT 200",
        subject_id,
        clock.now(),
    )
    return [Grant.of(row) for row in rows]


async def purge_grants(db: Database, *, before: datetime) -> int:
    """Forget grants that have ended, with their codes and refresh tokens, once nothing of them can be shown.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM oauth_grant WHERE id IN"
        " (SELECT id FROM oauth_grant WHERE expires_at < $1 OR revoked_at < $1 LIMIT $2)",
        before - KEPT,
        PURGE_ROWS_MAX,
    )


async def standing_grant(
    tx: Transaction, *, client_id: str, subject_id: UUID, asked: AuthorizationRequest
) -> Grant | None:
    """Give the newest grant in force of a person to a client that covers all that is asked; None without one."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM oauth_grant g WHERE g.client_id = $1 AND g.subject_id = $2 AND g.status = 'active'"  # noqa: S608  our own columns
        " AND g.expires_at > $3 AND g.resources @> $4 ORDER BY g.id DESC LIMIT 20 FOR SHARE",
        client_id,
        subject_id,
        clock.now(),
        list(asked.resources),
    )
    grants = (Grant.of(row) for row in rows)
    return next((one for one in grants if all(is_within(scope, one.scopes) for scope in asked.scopes)), None)


async def find_grant(grant_id: UUID) -> Grant | None:
    """Give a grant in force.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        f"SELECT {COLUMNS} FROM oauth_grant g"  # noqa: S608  our own columns
        " WHERE g.id = $1 AND g.status = 'active' AND g.expires_at > $2",
        grant_id,
        clock.now(),
    )
    return None if row is None else Grant.of(row)


async def end_own_grant(tx: Transaction, grant_id: UUID, *, subject_id: UUID) -> bool:
    """End a grant of a person's own; tell whether there was one in force."""
    mine = await tx.fetchval("SELECT true FROM oauth_grant WHERE id = $1 AND subject_id = $2", grant_id, subject_id)
    return bool(mine) and await revoke_grant(tx, grant_id, because="taken back by the person")
