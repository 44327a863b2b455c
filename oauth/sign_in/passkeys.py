"""Passkeys (WebAuthn level 2): discoverable, with the person verified by their device, each challenge used once.

The private key never leaves the device, and it signs for our origin alone: nothing here can be guessed or phished,
so no lockout stands before it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import webauthn
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from kernel import clock
from kernel.db import Database, Reader, Row, Transaction, database
from kernel.ids import new_id, parse_id
from oauth.sign_in import throttle
from oauth.sign_in.errors import MethodNotOffered, NotYours, PasskeyLimitReached, SignInRefused
from oauth.sign_in.sessions import PASSKEY, Session, open_session
from oauth.sign_in.setup import sign_in
from oauth.sign_in.subjects import Subject, Visit, record_attempt
from oauth.sign_in.throttle import Limit

CHALLENGE_BYTES: Final = 32
CHALLENGE_LIFETIME: Final = timedelta(minutes=5)
PASSKEYS_MAX: Final = 10
RELYING_PARTY_NAME: Final = "Internet Hospital"
CEREMONIES: Final = Limit("passkey-ceremonies", 2_000, timedelta(hours=1))
# What the library raises for an answer that is no answer of an authenticator.
_BAD_ANSWER: Final = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a browser needs to ask its authenticator. options: as PublicKeyCredential's options in JSON."""

    id: UUID
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its owner sees it. name: the device it was made on."""

    id: UUID
    name: str
    created_at: datetime
    used_at: datetime | None


async def begin_registration(subject: Subject, *, label: str, visit: Visit) -> Ceremony:
    """Let a browser make a passkey for a subject. label: what the device shows it under.

    Raises:
        MethodNotOffered, PasskeyLimitReached, TooManyAttempts, DatabaseUnavailable.
    """
    party = _relying_party()
    rows = await _rows(subject)
    if len(rows) >= PASSKEYS_MAX:
        raise PasskeyLimitReached(limit=PASSKEYS_MAX)
    ceremony_id, challenge = await _begin("register", visit, subject)
    options = webauthn.generate_registration_options(
        rp_id=party,
        rp_name=RELYING_PARTY_NAME,
        user_id=_user_handle(subject),
        user_name=label,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=row["credential_id"]) for row in rows],
    )
    return Ceremony(ceremony_id, orjson.loads(webauthn.options_to_json(options)))


async def verify_registration(
    ceremony_id: UUID, answer: dict[str, Any], *, subject: Subject, visit: Visit
) -> VerifiedRegistration:
    """Check what an authenticator has made; its challenge is used whatever comes of it.

    Raises:
        SignInRefused, MethodNotOffered, DatabaseUnavailable.
    """
    challenge = await _use(ceremony_id, "register", visit, subject)
    try:
        return webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_relying_party(),
            expected_origin=sign_in().origin,
            require_user_verification=True,
        )
    except _BAD_ANSWER as error:
        await record_attempt(database(), "passkey_refused", visit, subject=subject, method="passkey")
        raise SignInRefused from error


async def add_passkey(ceremony_id: UUID, answer: dict[str, Any], *, subject: Subject, visit: Visit) -> None:
    """Keep a passkey that somebody who is signed in has made.

    Raises:
        SignInRefused, MethodNotOffered, PasskeyLimitReached, DatabaseUnavailable.
    """
    verified = await verify_registration(ceremony_id, answer, subject=subject, visit=visit)
    async with database().transaction() as tx:
        # Several that were begun at once queue here, so that the limit holds.
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 210))", str(subject.id))
        if len(await _rows(subject, tx)) >= PASSKEYS_MAX:
            raise PasskeyLimitReached(limit=PASSKEYS_MAX)
        await keep_passkey(tx, verified, subject=subject, visit=visit)


async def keep_passkey(
    tx: Transaction,
    verified: VerifiedRegistration,
    *,
    subject: Subject,
    visit: Visit,
) -> UUID:
    """Keep a new passkey of a subject.

    Raises:
        SignInRefused: the credential is known already.
    """
    passkey_id = new_id()
    try:
        await tx.execute(
            "INSERT INTO sign_in_passkey"
            " (id, subject_kind, subject_id, credential_id, public_key, sign_count, name, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            passkey_id,
            subject.kind,
            subject.id,
            verified.credential_id,
            verified.credential_public_key,
            verified.sign_count,
            visit.device,
            clock.now(),
        )
    except asyncpg.UniqueViolationError as error:
        raise SignInRefused from error
    await record_attempt(tx, "passkey_added", visit, subject=subject, method="passkey")
    return passkey_id


async def begin_sign_in(visit: Visit) -> Ceremony:
    """Let a browser ask for any passkey of ours; whose it is only the answer tells.

    Raises:
        MethodNotOffered, TooManyAttempts, DatabaseUnavailable.
    """
    party = _relying_party()
    ceremony_id, challenge = await _begin("authenticate", visit, None)
    options = webauthn.generate_authentication_options(
        rp_id=party, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
    )
    return Ceremony(ceremony_id, orjson.loads(webauthn.options_to_json(options)))


async def sign_in_by_passkey(
    ceremony_id: UUID, answer: dict[str, Any], visit: Visit, *, present: Session | None = None
) -> tuple[str, Session]:
    """Sign in whoever's passkey it is; gives the new cookie.

    Raises:
        SignInRefused: an unknown passkey, a used or foreign challenge, another origin, a copied authenticator.
        MethodNotOffered, DatabaseUnavailable.
    """
    challenge = await _use(ceremony_id, "authenticate", visit, None)
    row = await _find(answer)
    subject = Subject(row["subject_kind"], row["subject_id"]) if row else None
    if row is None or subject is None or not _is_handle_of(answer, subject):
        await throttle.note_refusal("refused", visit, method="passkey")
        raise SignInRefused
    try:
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_relying_party(),
            expected_origin=sign_in().origin,
            credential_public_key=row["public_key"],
            credential_current_sign_count=row["sign_count"],
            require_user_verification=True,
        )
    except _BAD_ANSWER as error:
        await throttle.note_refusal("refused", visit, subject=subject, method="passkey")
        raise SignInRefused from error
    try:
        return await _admit(row["id"], verified.new_sign_count, subject, visit, present)
    except SignInRefused:
        await throttle.note_refusal("refused", visit, subject=subject, method="passkey")
        raise


async def _admit(
    passkey_id: UUID, sign_count: int, subject: Subject, visit: Visit, present: Session | None
) -> tuple[str, Session]:
    """Sign in whom an authenticator has vouched for, unless they have left or the authenticator has a copy."""
    if subject.kind == "account" and not await sign_in().accounts.is_active(subject.id):
        raise SignInRefused
    async with database().transaction() as tx:
        await _note_use(tx, passkey_id, sign_count)
        if subject.kind == "staff" and not await tx.fetchval(
            "SELECT true FROM staff WHERE id = $1 AND status = 'active' FOR KEY SHARE", subject.id
        ):
            raise SignInRefused
        return await open_session(tx, subject, PASSKEY, visit, present=present)


async def list_passkeys(subject: Subject) -> Sequence[Passkey]:
    """Give a subject's passkeys, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    return [Passkey(row["id"], row["name"], row["created_at"], row["used_at"]) for row in await _rows(subject)]


async def remove_passkey(passkey_id: UUID, *, subject: Subject, visit: Visit) -> None:
    """Let one of a subject's own passkeys sign in no more.

    Raises:
        NotYours, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        gone = await tx.execute(
            "DELETE FROM sign_in_passkey WHERE id = $1 AND subject_kind = $2 AND subject_id = $3",
            passkey_id,
            subject.kind,
            subject.id,
        )
        if gone != 1:
            raise NotYours
        await record_attempt(tx, "passkey_removed", visit, subject=subject, method="passkey")


async def purge_challenges(db: Database, *, limit: int = 5_000) -> int:
    """Delete challenges that have expired; gives how many."""
    return await db.execute(
        "DELETE FROM sign_in_challenge WHERE id IN (SELECT id FROM sign_in_challenge WHERE expires_at < $1 LIMIT $2)",
        clock.now() - CHALLENGE_LIFETIME,
        limit,
    )


def _relying_party() -> str:
    party = sign_in().relying_party
    if party is None:
        raise MethodNotOffered
    return party


async def _begin(purpose: str, visit: Visit, subject: Subject | None) -> tuple[UUID, bytes]:
    await throttle.take(CEREMONIES, visit.address_hash.hex())
    ceremony_id, challenge = new_id(), secrets.token_bytes(CHALLENGE_BYTES)
    await database().execute(
        "INSERT INTO sign_in_challenge (id, purpose, visit_hash, subject_kind, subject_id, challenge, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        ceremony_id,
        purpose,
        visit.hash,
        subject.kind if subject else None,
        subject.id if subject else None,
        challenge,
        clock.now() + CHALLENGE_LIFETIME,
    )
    return ceremony_id, challenge


async def _use(ceremony_id: UUID, purpose: str, visit: Visit, subject: Subject | None) -> bytes:
    """Use a challenge, once, in the browser and for the subject that it was made for.

    Raises:
        SignInRefused, DatabaseUnavailable.
    """
    now = clock.now()
    challenge: bytes | None = await database().fetchval(
        "UPDATE sign_in_challenge SET used_at = $5 WHERE id = $1 AND purpose = $2 AND visit_hash = $3"
        " AND subject_id IS NOT DISTINCT FROM $4 AND used_at IS NULL AND expires_at > $5 RETURNING challenge",
        ceremony_id,
        purpose,
        visit.hash,
        subject.id if subject else None,
        now,
    )
    if challenge is None:
        await throttle.note_refusal("refused", visit, subject=subject, method="passkey")
        raise SignInRefused
    return challenge


async def _find(answer: dict[str, Any]) -> Row | None:
    try:
        credential_id = base64url_to_bytes(str(answer.get("id", ""))[:1500])
    except ValueError:
        return None
    return await database().fetchrow("SELECT * FROM sign_in_passkey WHERE credential_id = $1", credential_id)


def _is_handle_of(answer: dict[str, Any], subject: Subject) -> bool:
    """Check the user handle of a discoverable credential (WebAuthn section 7.2 step 6)."""
    response = answer.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    try:
        return isinstance(handle, str) and base64url_to_bytes(handle) == _user_handle(subject)
    except ValueError:
        return False


async def _note_use(tx: Transaction, passkey_id: UUID, sign_count: int) -> None:
    """Move the counter on; two answers with one count are one authenticator and its copy.

    Raises:
        SignInRefused.
    """
    moved = await tx.execute(
        "UPDATE sign_in_passkey SET sign_count = $2, used_at = $3"
        " WHERE id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))",
        passkey_id,
        sign_count,
        clock.now(),
    )
    if moved != 1:
        raise SignInRefused


async def _rows(subject: Subject, db: Reader | None = None) -> list[Row]:
    return await (db or database()).fetch(
        "SELECT * FROM sign_in_passkey WHERE subject_kind = $1 AND subject_id = $2 ORDER BY created_at, id",
        subject.kind,
        subject.id,
    )


def _user_handle(subject: Subject) -> bytes:
    return f"{subject.kind}:{subject.id}".encode()


def read_ceremony_id(text: object) -> UUID:
    """Read what our own script sends back.

    Raises:
        SignInRefused: it is no id.
    """
    try:
        return parse_id(str(text))
    except ValueError as error:
        raise SignInRefused from error
