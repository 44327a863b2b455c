"""Sessions: who is signed in at which browser, how they proved it, until when.

The cookie is opaque; a keyed hash of it is kept. Every use reads the row, so that a session that is ended is ended
for all processes at once. Signing in always makes a new token: one that was planted beforehand is worth nothing.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, Transaction, database
from kernel.ids import new_id
from oauth.sign_in.errors import NotSignedIn, NotYours, StepUpNeeded
from oauth.sign_in.subjects import Subject, SubjectKind, Visit, record_attempt

TOKEN_BYTES: Final = 32
TOKEN_CHARACTERS: Final = 43
IDLE: Final[dict[SubjectKind, timedelta]] = {"account": timedelta(minutes=30), "staff": timedelta(minutes=20)}
LIFETIME: Final[dict[SubjectKind, timedelta]] = {"account": timedelta(hours=12), "staff": timedelta(hours=10)}
APP_IDLE: Final = timedelta(days=90)
"""How long a session of the patients' app lasts without use: a phone is locked, and its owner's alone."""
SEEN_AGAIN_AFTER: Final = timedelta(seconds=30)
SESSIONS_MAX: Final = 20
ENDED_KEPT: Final = APP_IDLE
"""So long at least it is known when a subject was seen last, see `last_seen`."""

Acr = Literal["aal1", "aal2"]
Ending = Literal["signed_out", "revoked", "replaced", "left", "closed", "token_reused"]


@dataclass(frozen=True, slots=True)
class Proof:
    """How somebody has just shown who they are.

    methods: RFC 8176 names. acr: NIST SP 800-63B levels. by: as the record of attempts names it.
    """

    methods: tuple[str, ...]
    acr: Acr
    by: str


PHONE_CODE: Final = Proof(("sms",), "aal1", "phone_code")
PASSWORD_AND_TOTP: Final = Proof(("pwd", "otp", "mfa"), "aal2", "password_and_totp")
PASSWORD_AND_RECOVERY: Final = Proof(("pwd", "otp", "mfa"), "aal2", "password_and_recovery_code")
PASSKEY: Final = Proof(("hwk", "user", "mfa"), "aal2", "passkey")


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in at a browser. auth_time: when they last proved who they are."""

    id: UUID
    subject: Subject
    methods: tuple[str, ...]
    acr: Acr
    auth_time: datetime
    device: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


def require_step_up(session: Session, *, acr: Acr, max_age: timedelta) -> None:
    """Check that who is there has proved it strongly and lately enough for something sensitive (RFC 9470).

    Raises:
        StepUpNeeded: acr and max_age_seconds that are wanted.
    """
    if session.acr < acr or clock.now() - session.auth_time > max_age:
        raise StepUpNeeded(acr=acr, max_age_seconds=int(max_age.total_seconds()))


async def find_session(token: str | None) -> Session | None:
    """Give the live session of a cookie, or None. Its use is noted, every half minute at most.

    Raises:
        DatabaseUnavailable.
    """
    if token is None or len(token) != TOKEN_CHARACTERS or not token.isascii():
        return None
    now = clock.now()
    row = await database().fetchrow(
        "SELECT * FROM sign_in_session s WHERE token_hash = $1 AND transport = 'page'"
        " AND ended_at IS NULL AND expires_at > $2"
        " AND seen_at > $2 - CASE subject_kind WHEN 'staff' THEN $3::interval ELSE $4::interval END"
        " AND (subject_kind <> 'staff'"
        " OR EXISTS (SELECT FROM staff f WHERE f.id = s.subject_id AND f.status = 'active'))",
        _hash(token),
        now,
        IDLE["staff"],
        IDLE["account"],
    )
    if row is None:
        return None
    if now - row["seen_at"] > SEEN_AGAIN_AFTER:
        await database().execute(
            "UPDATE sign_in_session SET seen_at = $2 WHERE id = $1 AND seen_at < $2 AND ended_at IS NULL",
            row["id"],
            now,
        )
    return shape(row)


async def require_session(token: str | None, *, kind: SubjectKind | None = None) -> Session:
    """Give the live session of a cookie.

    Raises:
        NotSignedIn: there is none, or it is of the other kind of subject.
        DatabaseUnavailable.
    """
    session = await find_session(token)
    if session is None or (kind is not None and session.subject.kind != kind):
        raise NotSignedIn
    return session


async def hold_session(tx: Transaction, session: Session) -> None:
    """Keep a session from being ended until this transaction is over: what it begins ends with it or not at all.

    Raises:
        NotSignedIn: it has ended.
    """
    found = await tx.fetchval(
        "SELECT true FROM sign_in_session WHERE id = $1 AND ended_at IS NULL FOR SHARE", session.id
    )
    if found is None:
        raise NotSignedIn


async def open_session(
    tx: Transaction, subject: Subject, proof: Proof, visit: Visit, *, present: Session | None
) -> tuple[str, Session]:
    """Sign somebody in and give the new cookie. Whoever was signed in here before no longer is.

    The same subject's session goes on under a new cookie, as after a step-up; what was proved earlier does not add up.
    """
    now = clock.now()
    token = secrets.token_urlsafe(TOKEN_BYTES)
    expires_at = now + LIFETIME[subject.kind]
    row = None
    if present is not None and present.subject == subject:
        row = await tx.fetchrow(
            "UPDATE sign_in_session SET token_hash = $2, methods = $3, acr = $4, auth_time = $5, seen_at = $5,"
            " device = $6 WHERE id = $1 AND ended_at IS NULL RETURNING *",
            present.id,
            _hash(token),
            list(proof.methods),
            proof.acr,
            now,
            visit.device,
        )
    elif present is not None:
        await end_sessions(tx, "replaced", "id = $3", present.id)
    if row is None:
        row = await tx.fetchrow(
            "INSERT INTO sign_in_session (id, token_hash, subject_kind, subject_id, methods, acr, auth_time, device,"
            " created_at, seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7, $7, $9) RETURNING *",
            new_id(),
            _hash(token),
            subject.kind,
            subject.id,
            list(proof.methods),
            proof.acr,
            now,
            visit.device,
            expires_at,
        )
    assert row is not None, "an insert gives its row"
    await end_oldest(tx, subject)
    await record_attempt(tx, "signed_in", visit, subject=subject, method=proof.by, session_id=row["id"])
    return token, shape(row)


async def list_sessions(subject: Subject) -> Sequence[Session]:
    """Give a subject's live sessions, the last used first.

    Raises:
        DatabaseUnavailable.
    """
    now = clock.now()
    rows = await database().fetch(
        "SELECT * FROM sign_in_session WHERE subject_kind = $1 AND subject_id = $2 AND ended_at IS NULL"
        " AND expires_at > $3 AND (transport <> 'page' OR seen_at > $3 - $4::interval)"
        " ORDER BY seen_at DESC, id DESC LIMIT $5",
        subject.kind,
        subject.id,
        now,
        IDLE[subject.kind],
        SESSIONS_MAX,
    )
    return [shape(row) for row in rows]


async def last_seen(tx: Transaction, subject: Subject) -> datetime | None:
    """Say when a subject was last signed in anywhere; None: not within APP_IDLE."""
    seen: datetime | None = await tx.fetchval(
        "SELECT max(seen_at) FROM sign_in_session WHERE subject_id = $1 AND subject_kind = $2",
        subject.id,
        subject.kind,
    )
    return seen


async def has_used_pages(tx: Transaction, subject: Subject) -> bool:
    """Tell whether a subject was signed in at our own pages within ENDED_KEPT, as developers and who consents are."""
    found: bool = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM sign_in_session"
        " WHERE subject_id = $1 AND subject_kind = $2 AND transport = 'page')",
        subject.id,
        subject.kind,
    )
    return found


async def end_session(session_id: UUID, *, subject: Subject, visit: Visit, ending: Ending) -> None:
    """End one of a subject's own sessions.

    Raises:
        NotYours: there is no such session of this subject, or it has ended already.
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        where = "id = $3 AND subject_kind = $4 AND subject_id = $5"
        if not await end_sessions(tx, ending, where, session_id, subject.kind, subject.id):
            raise NotYours
        await record_attempt(tx, "session_ended", visit, subject=subject, session_id=session_id)


async def end_other_sessions(session: Session, *, visit: Visit) -> int:
    """End all sessions of a subject but this one; gives how many.

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        subject = session.subject
        where = "subject_kind = $3 AND subject_id = $4 AND id <> $5"
        ended = await end_sessions(tx, "revoked", where, subject.kind, subject.id, session.id)
        for session_id in ended:
            await record_attempt(tx, "session_ended", visit, subject=subject, session_id=session_id)
        return len(ended)


async def end_every_session(tx: Transaction, subject: Subject, *, ending: Ending) -> int:
    """End all sessions of a subject, as when they leave; gives how many."""
    return len(await end_sessions(tx, ending, "subject_kind = $3 AND subject_id = $4", subject.kind, subject.id))


async def purge_sessions(db: Database, *, limit: int = 5_000) -> int:
    """Delete sessions that ended long ago; gives how many."""
    return await db.execute(
        "DELETE FROM sign_in_session WHERE id IN (SELECT id FROM sign_in_session WHERE expires_at < $1 LIMIT $2)",
        clock.now() - ENDED_KEPT,
        limit,
    )


async def end_sessions(tx: Transaction, ending: Ending, where: str, *values: object) -> list[UUID]:
    """End those live sessions that a condition of ours meets, whose values begin at $3; give which."""
    rows = await tx.fetch(
        f"UPDATE sign_in_session SET ended_at = $1, ended_by = $2 WHERE ended_at IS NULL AND {where} RETURNING id",  # noqa: S608  our own conditions
        clock.now(),
        ending,
        *values,
    )
    return [row["id"] for row in rows]


async def end_oldest(tx: Transaction, subject: Subject) -> None:
    """Keep no more sessions than a person can look through."""
    await end_sessions(
        tx,
        "replaced",
        "id IN (SELECT id FROM sign_in_session WHERE subject_kind = $3 AND subject_id = $4 AND ended_at IS NULL"
        " ORDER BY seen_at DESC, id DESC OFFSET $5)",
        subject.kind,
        subject.id,
        SESSIONS_MAX,
    )


def _hash(token: str) -> bytes:
    return cipher().lookup_hash(f"session\n{token}")


def shape(row: Row) -> Session:
    """Shape a session's row."""
    return Session(
        id=row["id"],
        subject=Subject(row["subject_kind"], row["subject_id"]),
        methods=tuple(row["methods"]),
        acr=row["acr"],
        auth_time=row["auth_time"],
        device=row["device"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        expires_at=row["expires_at"],
    )
