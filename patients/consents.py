"""Consents: what a person has allowed a partner's application to do with one patient's data, until when.

Given on the consent page by an account that may act for the patient; the latest word counts. A consent ends by its
time, or is taken back: by who gave it, or by the patient's own account whoever gave it. What hangs on it (grants and
their tokens, which belong to `oauth`) ends in the same transaction, so on every process within a second.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from kernel import clock
from kernel.db import Reader, Row, Transaction, database
from kernel.ids import new_id
from kernel.states import TransitionTable
from oauth.grants import revoke_grants_of_consent
from oauth.ports import Consent as GivenConsent
from patients.errors import AccountNotFound, ConsentNotFound

LIFETIME_MAX: Final = timedelta(days=365)
LISTED_MAX: Final = 200

ACTIVE: Final = "active"
WITHDRAWN: Final = "withdrawn"
REPLACED: Final = "replaced"
CONSENT: Final = TransitionTable(
    {ACTIVE: frozenset({WITHDRAWN, REPLACED}), WITHDRAWN: frozenset(), REPLACED: frozenset()}
)

Ending = Literal["withdrawn", "replaced", "unbound", "account_closed", "hospital"]

_COLUMNS: Final = (
    "c.id, c.account_id, c.patient_id, c.client_id, a.name AS application, p.name AS patient, c.scopes, c.status,"
    " c.given_at, c.until, c.ended_at, c.ended_because"
)
_FROM: Final = "patient_consent c JOIN oauth_client a ON a.id = c.client_id JOIN patient p ON p.id = c.patient_id"


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent as its giver sees it. ended_at: when it was taken back or replaced; `until` counts otherwise."""

    id: UUID
    account_id: UUID
    patient_id: UUID
    client_id: str
    application: str
    patient: str
    scopes: tuple[str, ...]
    status: str
    given_at: datetime
    until: datetime
    ended_at: datetime | None
    ended_because: str | None

    @property
    def is_in_force(self) -> bool:
        """Tell whether it opens anything now."""
        return self.status == ACTIVE and self.until > clock.now()


class Consents:
    """The consents as the authorization server asks for them (`oauth.ports.Consents`)."""

    async def find_consent(self, *, client_id: str, account_id: UUID, patient_id: UUID) -> GivenConsent | None:
        """Give the consent in force of this account, for this patient, to this application."""
        row = await database().fetchrow(
            "SELECT c.id, c.scopes, c.until FROM patient_consent c"
            " JOIN patient_account_member m ON m.account_id = c.account_id AND m.patient_id = c.patient_id"
            " AND m.ended_at IS NULL"
            " WHERE c.client_id = $1 AND c.account_id = $2 AND c.patient_id = $3 AND c.status = 'active'"
            " AND c.until > $4",
            client_id,
            account_id,
            patient_id,
            clock.now(),
        )
        return None if row is None else GivenConsent(row["id"], frozenset(row["scopes"]), row["until"])


async def give_consent(
    tx: Transaction,
    *,
    account_id: UUID,
    patient_id: UUID,
    client_id: str,
    scopes: Collection[str],
    until: datetime,
    request_id: str | None = None,
) -> UUID:
    """Keep what a person has just allowed an application, in place of what they had allowed it before; give its id.

    The grants of the consent that it replaces end with that. until: at most `LIFETIME_MAX` ahead.

    Raises:
        AccountNotFound: the account may not act for this patient.
    """
    assert scopes, "a consent to nothing is none"
    now = clock.now()
    assert now < until <= now + LIFETIME_MAX, "the page offers no longer time"
    # Held until the end: a member that is unbound meanwhile has its consents ended by who unbinds it.
    member = await tx.fetchval(
        "SELECT true FROM patient_account_member m JOIN patient_account a ON a.id = m.account_id"
        " WHERE m.account_id = $1 AND m.patient_id = $2 AND m.ended_at IS NULL AND a.status = 'active'"
        " FOR NO KEY UPDATE OF m",
        account_id,
        patient_id,
    )
    if member is None:
        raise AccountNotFound
    condition = "account_id = $5 AND patient_id = $6 AND client_id = $7"
    await _end(tx, REPLACED, "replaced", condition, account_id, patient_id, client_id, request_id=request_id)
    consent_id = new_id()
    await tx.execute(
        "INSERT INTO patient_consent (id, account_id, patient_id, client_id, scopes, given_at, until)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        consent_id,
        account_id,
        patient_id,
        client_id,
        sorted(scopes),
        now,
        until,
    )
    await _record(tx, consent_id, "given", account_id, {"scopes": sorted(scopes), "until": until}, request_id)
    return consent_id


async def withdraw_consent(consent_id: UUID, *, account_id: UUID, request_id: str | None = None) -> None:
    """Take a consent back: by who gave it, or by the account whose own holder the patient is. Twice is once.

    Raises:
        ConsentNotFound: there is none that this account may take back.
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        mine = await tx.fetchval(
            f"SELECT true FROM patient_consent c WHERE c.id = $1 AND {_MINE}",  # noqa: S608  our own condition
            consent_id,
            account_id,
        )
        if mine is None:
            raise ConsentNotFound
        await _end(tx, WITHDRAWN, "withdrawn", "id = $5", consent_id, by=account_id, request_id=request_id)


async def end_consents_of_member(
    tx: Transaction, *, account_id: UUID, patient_id: UUID, because: Ending, request_id: str | None = None
) -> int:
    """End what an account had allowed for a person whom it no longer acts for; give how many consents that were."""
    condition = "account_id = $5 AND patient_id = $6"
    return await _end(tx, WITHDRAWN, because, condition, account_id, patient_id, request_id=request_id)


async def list_consents(reader: Reader, *, account_id: UUID) -> list[Consent]:
    """List what an account has allowed, and what others have allowed about its own holder; the newest first."""
    rows = await reader.fetch(
        f"SELECT {_COLUMNS} FROM {_FROM} WHERE {_MINE.replace('$2', '$1')}"  # noqa: S608  our own words
        f" ORDER BY c.id DESC LIMIT {LISTED_MAX}",
        account_id,
    )
    return [_consent(row) for row in rows]


# What an account may see and take back.
_MINE: Final = (
    "(c.account_id = $2 OR EXISTS (SELECT FROM patient_account_member m WHERE m.account_id = $2"
    " AND m.patient_id = c.patient_id AND m.relationship = 'self' AND m.ended_at IS NULL))"
)


async def _end(
    tx: Transaction,
    status: str,
    because: Ending,
    condition: str,
    *values: object,
    by: UUID | None = None,
    request_id: str | None = None,
) -> int:
    rows = await tx.fetch(
        "UPDATE patient_consent SET status = $1, ended_at = $2, ended_because = $3"  # noqa: S608  our own conditions
        f" WHERE {condition} AND status = ANY($4) RETURNING id, account_id",
        status,
        clock.now(),
        because,
        CONSENT.before(status),
        *values,
    )
    for row in rows:
        await _record(tx, row["id"], because, by or row["account_id"], {}, request_id)
        await revoke_grants_of_consent(tx, row["id"], because=f"consent {because}")
    return len(rows)


async def _record(
    tx: Transaction, consent_id: UUID, kind: str, account_id: UUID, details: dict[str, object], request_id: str | None
) -> None:
    await tx.execute(
        "INSERT INTO patient_consent_event (consent_id, kind, at, account_id, request_id, details)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        consent_id,
        kind,
        clock.now(),
        account_id,
        request_id,
        details,
    )


def _consent(row: Row) -> Consent:
    return Consent(**(dict(row) | {"scopes": tuple(row["scopes"])}))
