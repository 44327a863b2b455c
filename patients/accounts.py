"""Patients' accounts: a telephone number that was verified, and the people it may act for.

A person is bound by real name and document, as at the counter. Who acts for another says how that person agreed;
minors are bound by a grown-up guardian who has shown who they are.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from oauth.sign_in import throttle
from oauth.sign_in.endings import end_access
from oauth.sign_in.ports import Member, Relationship
from oauth.sign_in.sessions import APP_IDLE, last_seen
from oauth.sign_in.subjects import Subject
from patients.consents import end_consents_of_member
from patients.errors import AccountNotFound, AlreadyMember, ConsentMissing, GuardianRequired, MemberLimitReached
from patients.heralds import tell_holder
from patients.rights.exports import take_copies_away
from patients.service import Patient, Registration, recognise_patient, record_event

CHANNEL: Final = "account"
ADULT_YEARS: Final = 18
MEMBERS_MAX: Final = 6
ACCOUNTS_PER_PATIENT_MAX: Final = 5
UNUSED_AFTER: Final = APP_IDLE
"""Operators give a number out again ninety days after it was given up; no session of the app lasts longer unused."""
# Names cannot be tried out against a document's number.
BINDINGS: Final = throttle.Limit("bind-member", 10, timedelta(days=1))


class Accounts:
    """The accounts as sign-in and consent ask for them (`oauth.sign_in.ports.PatientAccounts`)."""

    async def open_account(self, tx: Transaction, *, phone: str) -> UUID:
        """Give the account of a verified number, or open one. Two at once open one.

        An account that nobody has used for long is closed: the number may be somebody else's by now, and who proves
        it begins anew (docs/adr/0480).
        """
        keys = cipher()
        phone_hash = keys.lookup_hash(phone)
        while True:
            await _close_unused(tx, phone_hash)
            found: UUID | None = await tx.fetchval(
                # Who signs in while the account is being closed, or gets another number, waits, and gets a new one.
                "UPDATE patient_account SET phone_proved_at = $2 WHERE phone_hash = $1 AND status = 'active'"
                " RETURNING id",
                phone_hash,
                clock.now(),
            )
            if found is not None:
                return found
            made: UUID | None = await tx.fetchval(
                "INSERT INTO patient_account (id, phone_cipher, phone_hash, created_at) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (phone_hash) WHERE status = 'active' DO NOTHING RETURNING id",
                new_id(),
                keys.seal(phone),
                phone_hash,
                clock.now(),
            )
            if made is not None:
                return made

    async def holder_to_ask(self, tx: Transaction, *, phone: str) -> UUID | None:
        """Give the account of a verified number that was verified so long ago that it may be somebody else's by now.

        The account is in use, without the number (docs/adr/0492); None: whoever has the number may have the account.
        """
        phone_hash = cipher().lookup_hash(phone)
        await _close_unused(tx, phone_hash)
        found: UUID | None = await tx.fetchval(
            "SELECT id FROM patient_account WHERE phone_hash = $1 AND status = 'active'"
            " AND coalesce(phone_proved_at, created_at) < $2",
            phone_hash,
            clock.now() - UNUSED_AFTER,
        )
        return found

    async def knows_people(self, account_id: UUID, ending: str) -> bool:
        """Tell whether a document of somebody whom an account acts for ends so; with "" whether it acts for anybody."""
        rows = await database().fetch(
            "SELECT p.document_cipher FROM patient_account_member m"
            " JOIN patient_account a ON a.id = m.account_id AND a.status = 'active'"
            " JOIN patient p ON p.id = m.patient_id WHERE m.account_id = $1 AND m.ended_at IS NULL LIMIT $2",
            account_id,
            MEMBERS_MAX,
        )
        return any(cipher().open(row["document_cipher"]).endswith(ending.upper()) for row in rows)

    async def release_phone(self, tx: Transaction, account_id: UUID, *, phone: str) -> bool:
        """Take a number away from an account, for its next owner; whoever uses the account goes on, and is told."""
        released = await tx.execute(
            "UPDATE patient_account SET phone_cipher = NULL, phone_hash = NULL, phone_proved_at = NULL"
            " WHERE id = $1 AND phone_hash = $2 AND status = 'active'",
            account_id,
            cipher().lookup_hash(phone),
        )
        if released:
            await tell_holder(tx, account_id, "account.phone_released")
        return bool(released)

    async def is_active(self, account_id: UUID) -> bool:
        """Tell whether an account is there and not closed."""
        found = await database().fetchval(
            "SELECT true FROM patient_account WHERE id = $1 AND status = 'active'", account_id
        )
        return found is not None

    async def members(self, account_id: UUID) -> Sequence[Member]:
        """Give the people an account may act for, the default one first."""
        rows = await database().fetch(
            "SELECT m.patient_id, p.name, m.relationship, m.is_default FROM patient_account_member m"
            " JOIN patient_account a ON a.id = m.account_id AND a.status = 'active'"
            " JOIN patient p ON p.id = m.patient_id WHERE m.account_id = $1 AND m.ended_at IS NULL"
            " ORDER BY m.is_default DESC, m.bound_at, m.id LIMIT $2",
            account_id,
            MEMBERS_MAX,
        )
        return [Member(*row.values()) for row in rows]


async def _close_unused(tx: Transaction, phone_hash: bytes) -> None:
    """Close the account of a number that nobody was signed in to for so long that the number may have a new owner."""
    row = await tx.fetchrow(
        "SELECT id, created_at FROM patient_account WHERE phone_hash = $1 AND status = 'active'", phone_hash
    )
    if row is not None and await is_unused(tx, row):
        with suppress(AccountNotFound):  # another who proves the number has closed it
            await end_account(tx, row["id"])


async def is_unused(tx: Transaction, account: Row) -> bool:
    """Tell whether nobody has been signed in to an account (its id and created_at) for long."""
    seen = await last_seen(tx, Subject("account", account["id"])) or account["created_at"]
    return clock.now() - seen > UNUSED_AFTER


async def phone_hash_of(account_id: UUID) -> bytes:
    """Give the keyed hash of an account's number, by which somebody may have invited it; empty where it has none.

    Raises:
        AccountNotFound, DatabaseUnavailable.
    """
    found: bytes | None = await database().fetchval(
        "SELECT coalesce(phone_hash, '') FROM patient_account WHERE id = $1 AND status = 'active'", account_id
    )
    if found is None:
        raise AccountNotFound
    return found


@dataclass(frozen=True, slots=True)
class Concerned:
    """A person for whom accounts act, and which."""

    name: str
    account_ids: tuple[UUID, ...]


async def accounts_of_patients(db: Reader, patient_ids: Collection[UUID]) -> Mapping[UUID, Concerned]:
    """Give those of these people for whom an account acts now.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT m.patient_id, p.name, array_agg(m.account_id ORDER BY m.account_id) AS account_ids"
        " FROM patient_account_member m JOIN patient_account a ON a.id = m.account_id AND a.status = 'active'"
        " JOIN patient p ON p.id = m.patient_id"
        " WHERE m.patient_id = ANY ($1) AND m.ended_at IS NULL GROUP BY m.patient_id, p.name",
        list(patient_ids),
    )
    return {row["patient_id"]: Concerned(row["name"], tuple(row["account_ids"])) for row in rows}


async def read_phone(db: Reader, account_id: UUID) -> str | None:
    """Give the number of an account as the caller's transaction sees it; None: it has none, or is closed.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch("SELECT phone_cipher FROM patient_account WHERE id = $1 AND status = 'active'", account_id)
    return cipher().open(rows[0]["phone_cipher"]) if rows and rows[0]["phone_cipher"] else None


async def read_phone_in_use(tx: Transaction, account_id: UUID) -> str | None:
    """Give the number of an account to send something to; None: it has none, or that may have a new owner by now."""
    row = await tx.fetchrow(
        "SELECT id, created_at, phone_cipher FROM patient_account WHERE id = $1 AND status = 'active'", account_id
    )
    if row is None or row["phone_cipher"] is None or await is_unused(tx, row):
        return None
    return cipher().open(row["phone_cipher"])


async def require_member(account_id: UUID, patient_id: UUID) -> None:
    """Check that an account may act for a person now.

    Raises:
        AccountNotFound, DatabaseUnavailable.
    """
    found = await database().fetchval(
        "SELECT true FROM patient_account_member m JOIN patient_account a ON a.id = m.account_id"
        " WHERE m.account_id = $1 AND m.patient_id = $2 AND m.ended_at IS NULL AND a.status = 'active'",
        account_id,
        patient_id,
    )
    if found is None:
        raise AccountNotFound


async def bind_member(
    account_id: UUID,
    wanted: Registration,
    *,
    relationship: Relationship,
    consent_note: str | None = None,
    request_id: str | None = None,
    idempotency: Idempotency | None = None,
) -> Patient:
    """Let an account act for a person whom it names with their document; the first becomes its default.

    Raises:
        AccountNotFound, AlreadyMember, ConsentMissing, GuardianRequired, MemberLimitReached.
        InvalidDocument, DocumentDisagrees, NameMismatch: as for a registration.
        TooManyAttempts: names and numbers are not there to be tried out.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    consent = (consent_note or "").strip() or None
    if relationship != "self" and consent is None:
        raise ConsentMissing
    await throttle.take(BINDINGS, str(account_id))
    actor = _actor(account_id, request_id)
    async with database().transaction() as tx:
        if idempotency and await idempotency.replay(tx):
            return await recognise_patient(tx, wanted, actor=actor)
        await _lock(tx, account_id)
        patient = await recognise_patient(tx, wanted, actor=actor)
        members = await _bound(tx, account_id)
        if len(members) >= MEMBERS_MAX:
            raise MemberLimitReached(limit=MEMBERS_MAX)
        _require_guardian(patient.birth_date, relationship, members)
        await _require_few_accounts(tx, patient.id)
        await _insert(tx, account_id, patient.id, relationship, consent, is_default=not members)
        details = {"account_id": str(account_id), "relationship": relationship}
        await record_event(tx, "account_bound", patient.id, actor, details)
        if idempotency:
            await idempotency.remember(tx, {"patient_id": patient.id})
        return patient


async def unbind_member(account_id: UUID, patient_id: UUID, *, request_id: str | None = None) -> None:
    """Let an account no longer act for a person; another member becomes the default if that one was.

    Raises:
        AccountNotFound, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        await _lock(tx, account_id)
        ended = await tx.execute(
            "UPDATE patient_account_member SET ended_at = $3, is_default = false"
            " WHERE account_id = $1 AND patient_id = $2 AND ended_at IS NULL",
            account_id,
            patient_id,
            clock.now(),
        )
        if ended != 1:
            raise AccountNotFound
        members = await _bound(tx, account_id)
        if members and not any(row["is_default"] for row in members):
            await tx.execute("UPDATE patient_account_member SET is_default = true WHERE id = $1", members[0]["id"])
        actor = _actor(account_id, request_id)
        await record_event(tx, "account_unbound", patient_id, actor, {"account_id": str(account_id)})
        await take_copies_away(tx, account_id, request_id=request_id)
        await end_consents_of_member(
            tx, account_id=account_id, patient_id=patient_id, because="unbound", request_id=request_id
        )


async def choose_default(account_id: UUID, patient_id: UUID) -> None:
    """Make a member the one who is meant when nobody is named.

    Raises:
        AccountNotFound, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        await _lock(tx, account_id)
        await tx.execute(
            "UPDATE patient_account_member SET is_default = false WHERE account_id = $1 AND is_default", account_id
        )
        chosen = await tx.execute(
            "UPDATE patient_account_member SET is_default = true"
            " WHERE account_id = $1 AND patient_id = $2 AND ended_at IS NULL",
            account_id,
            patient_id,
        )
        if chosen != 1:
            raise AccountNotFound


async def close_account(account_id: UUID, *, request_id: str | None = None) -> None:
    """Close an account: its sessions end, it acts for nobody, and its number is free for a new one.

    Raises:
        AccountNotFound, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        await end_account(tx, account_id, request_id=request_id)


async def end_account(tx: Transaction, account_id: UUID, *, request_id: str | None = None) -> None:
    """Close an account within a transaction that does more.

    Raises:
        AccountNotFound.
    """
    await _lock(tx, account_id)
    now = clock.now()
    await tx.execute("UPDATE patient_account SET status = 'closed', closed_at = $2 WHERE id = $1", account_id, now)
    gone = await tx.fetch(
        "UPDATE patient_account_member SET ended_at = $2, is_default = false"
        " WHERE account_id = $1 AND ended_at IS NULL RETURNING patient_id",
        account_id,
        now,
    )
    actor = _actor(account_id, request_id)
    for row in gone:
        await record_event(tx, "account_unbound", row["patient_id"], actor, {"account_id": str(account_id)})
        await end_consents_of_member(
            tx,
            account_id=account_id,
            patient_id=row["patient_id"],
            because="account_closed",
            request_id=request_id,
        )
    await end_access(tx, Subject("account", account_id), ending="closed")


def _actor(account_id: UUID, request_id: str | None) -> Actor:
    return Actor(client_id=f"account:{account_id}", channel=CHANNEL, kind="system", request_id=request_id)


async def _lock(tx: Transaction, account_id: UUID) -> None:
    found = await tx.fetchval(
        "SELECT true FROM patient_account WHERE id = $1 AND status = 'active' FOR UPDATE", account_id
    )
    if found is None:
        raise AccountNotFound


async def _bound(tx: Transaction, account_id: UUID) -> list[Row]:
    return await tx.fetch(
        "SELECT m.id, m.relationship, m.is_default, p.birth_date FROM patient_account_member m"
        " JOIN patient p ON p.id = m.patient_id WHERE m.account_id = $1 AND m.ended_at IS NULL"
        " ORDER BY m.bound_at, m.id",
        account_id,
    )


def _require_guardian(birth_date: date, relationship: Relationship, members: Sequence[Row]) -> None:
    """Let a minor be bound as somebody's child or ward only, by an account whose own holder is grown up.

    Raises:
        GuardianRequired: rule `child_or_ward` or `adult_holder`.
    """
    if is_adult(birth_date):
        return
    if relationship not in ("child", "other"):
        raise GuardianRequired(rule="child_or_ward")
    if not any(row["relationship"] == "self" and is_adult(row["birth_date"]) for row in members):
        raise GuardianRequired(rule="adult_holder")


def is_adult(birth_date: date) -> bool:
    """Tell whether somebody has come of age; who was born on 29 February does so on 1 March."""
    today = clock.today()
    had_birthday = (today.month, today.day) >= (birth_date.month, birth_date.day)
    return today.year - birth_date.year - (not had_birthday) >= ADULT_YEARS


async def _require_few_accounts(tx: Transaction, patient_id: UUID) -> None:
    # Two accounts at once queue at the person's row, so that the limit holds.
    await tx.fetchval("SELECT true FROM patient WHERE id = $1 FOR NO KEY UPDATE", patient_id)
    count = await tx.fetchval(
        "SELECT count(*) FROM patient_account_member WHERE patient_id = $1 AND ended_at IS NULL", patient_id
    )
    if count >= ACCOUNTS_PER_PATIENT_MAX:
        raise MemberLimitReached(limit=ACCOUNTS_PER_PATIENT_MAX)


async def _insert(
    tx: Transaction,
    account_id: UUID,
    patient_id: UUID,
    relationship: Relationship,
    consent: str | None,
    *,
    is_default: bool,
) -> None:
    try:
        await tx.execute(
            "INSERT INTO patient_account_member"
            " (id, account_id, patient_id, relationship, is_default, consent_note, bound_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            new_id(),
            account_id,
            patient_id,
            relationship,
            is_default,
            consent,
            clock.now(),
        )
    except asyncpg.UniqueViolationError as error:
        raise AlreadyMember from error
