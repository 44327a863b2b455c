"""Sessions of the patients' app: a short access token for each request, and a refresh token that is used once.

They are sessions like those of our pages, listed and ended with them, but no cookie of the pages opens one. A token is
opaque, and only its keyed hash is kept; each use reads the session's row, so that what is ended is ended at once.
Whoever shows a refresh token that was used ends the session, for one of the two who have it is a thief; a retry within
a minute is none, for answers get lost on phones (docs/adr/0401).
"""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import orjson

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, Transaction, database
from kernel.ids import new_id
from oauth.sign_in.errors import NotSignedIn
from oauth.sign_in.sessions import (
    APP_IDLE,
    SEEN_AGAIN_AFTER,
    TOKEN_BYTES,
    TOKEN_CHARACTERS,
    Proof,
    Session,
    end_oldest,
    end_sessions,
    shape,
)
from oauth.sign_in.subjects import Subject, Visit, record_attempt

Transport = Literal["cookie", "body"]
ACCESS_LIFETIME: Final = timedelta(minutes=30)
RETRY_WITHIN: Final = timedelta(seconds=60)
PURGE_ROWS_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a session was given. transport: how its refresh token travels. expires_at: of the access token."""

    session_id: UUID
    transport: Transport
    access_token: str
    expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime


async def open_app_session(
    tx: Transaction, subject: Subject, proof: Proof, visit: Visit, *, transport: Transport
) -> Tokens:
    """Sign an account in at its app."""
    assert subject.kind == "account", "the app is the patients'"
    now = clock.now()
    session_id = new_id()
    await tx.execute(
        "INSERT INTO sign_in_session (id, token_hash, subject_kind, subject_id, methods, acr, auth_time, device,"
        " created_at, seen_at, expires_at, transport) VALUES ($1, $2, 'account', $3, $4, $5, $6, $7, $6, $6, $8, $9)",
        session_id,
        # Of nothing: no cookie opens it.
        secrets.token_bytes(TOKEN_BYTES),
        subject.id,
        list(proof.methods),
        proof.acr,
        now,
        visit.device,
        now + APP_IDLE,
        transport,
    )
    tokens = await _hand_out(tx, session_id, transport, at=now)
    await end_oldest(tx, subject)
    await record_attempt(tx, "signed_in", visit, subject=subject, method=proof.by, session_id=session_id)
    return tokens


async def confirm_app_session(tx: Transaction, session: Session, proof: Proof, visit: Visit) -> None:
    """Note that who holds a session has proved again who they are (RFC 9470); its tokens stay.

    Raises:
        NotSignedIn: it has ended.
    """
    confirmed = await tx.execute(
        "UPDATE sign_in_session SET methods = $2, acr = $3, auth_time = $4 WHERE id = $1 AND ended_at IS NULL",
        session.id,
        list(proof.methods),
        proof.acr,
        clock.now(),
    )
    if confirmed != 1:
        raise NotSignedIn
    await record_attempt(tx, "confirmed", visit, subject=session.subject, method=proof.by, session_id=session.id)


async def require_app_session(token: str | None) -> Session:
    """Give the live session of an access token. Its use is noted, every half minute at most.

    Raises:
        NotSignedIn: there is no such token, or it or its session is over.
        DatabaseUnavailable.
    """
    if not _is_token(token):
        raise NotSignedIn
    now = clock.now()
    row = await database().fetchrow(
        "SELECT s.* FROM sign_in_access_token t JOIN sign_in_session s ON s.id = t.session_id"
        " WHERE t.hash = $1 AND t.expires_at > $2 AND s.ended_at IS NULL AND s.expires_at > $2",
        _hash("access", token),
        now,
    )
    if row is None:
        raise NotSignedIn
    if now - row["seen_at"] > SEEN_AGAIN_AFTER:
        await database().execute(
            "UPDATE sign_in_session SET seen_at = $2 WHERE id = $1 AND seen_at < $2 AND ended_at IS NULL",
            row["id"],
            now,
        )
    return shape(row)


async def refresh(token: str | None, visit: Visit, *, transport: Transport) -> Tokens:
    """Give the next tokens for a refresh token; the same ones again to who asks again within a minute.

    Raises:
        NotSignedIn: it is no token of this transport, its session is over, or it was used before, which ends that.
        DatabaseUnavailable.
    """
    if not _is_token(token):
        raise NotSignedIn
    async with database().transaction() as tx:
        tokens = await _refresh(tx, _hash("refresh", token), visit, transport)
    if tokens is None:
        raise NotSignedIn
    return tokens


async def _refresh(tx: Transaction, token_hash: bytes, visit: Visit, transport: Transport) -> Tokens | None:
    now = clock.now()
    row = await tx.fetchrow(
        "SELECT t.expires_at AS token_expires_at, s.* FROM sign_in_refresh_token t"
        " JOIN sign_in_session s ON s.id = t.session_id WHERE t.hash = $1 AND s.transport = $2"
        # First the session, then its tokens: who ends it and who refreshes it wait in one order.
        " FOR UPDATE OF s",
        token_hash,
        transport,
    )
    if row is None or row["ended_at"] is not None or row["token_expires_at"] <= now or row["expires_at"] <= now:
        return None
    used = await tx.fetchrow("SELECT used_at, answer_cipher FROM sign_in_refresh_token WHERE hash = $1", token_hash)
    assert used is not None, "it goes with its session alone, which is locked"
    if used["used_at"] is not None:
        return await _answer_again(tx, used, shape(row), visit, at=now)
    tokens = await _hand_out(tx, row["id"], transport, at=now)
    await tx.execute(
        "UPDATE sign_in_refresh_token SET used_at = $2, answer_cipher = $3 WHERE hash = $1",
        token_hash,
        now,
        cipher().seal(orjson.dumps(asdict(tokens), default=str).decode()),
    )
    await tx.execute(
        "UPDATE sign_in_session SET seen_at = $2, expires_at = $3 WHERE id = $1",
        row["id"],
        now,
        tokens.refresh_expires_at,
    )
    return tokens


async def _answer_again(tx: Transaction, used: Row, session: Session, visit: Visit, *, at: datetime) -> Tokens | None:
    """Give the first answer again to a retry; end the session of a token that is shown again later."""
    if used["answer_cipher"] is not None and at - used["used_at"] <= RETRY_WITHIN:
        kept = orjson.loads(cipher().open(used["answer_cipher"]))
        times = {name: datetime.fromisoformat(kept[name]) for name in ("expires_at", "refresh_expires_at")}
        return Tokens(**(kept | times | {"session_id": UUID(kept["session_id"])}))
    await end_sessions(tx, "token_reused", "id = $3", session.id)
    await record_attempt(tx, "token_reused", visit, subject=session.subject, session_id=session.id)
    return None


async def purge_app_tokens(db: Database, *, limit: int = PURGE_ROWS_MAX) -> int:
    """Delete access tokens that are over, and the answers that no retry gets any more; gives how many."""
    now = clock.now()
    gone = await db.execute(
        "DELETE FROM sign_in_access_token WHERE hash IN"
        " (SELECT hash FROM sign_in_access_token WHERE expires_at < $1 LIMIT $2)",
        now,
        limit,
    )
    return gone + await db.execute(
        "UPDATE sign_in_refresh_token SET answer_cipher = NULL WHERE hash IN"
        " (SELECT hash FROM sign_in_refresh_token WHERE answer_cipher IS NOT NULL AND used_at < $1 LIMIT $2)",
        now - RETRY_WITHIN,
        limit,
    )


async def _hand_out(tx: Transaction, session_id: UUID, transport: Transport, *, at: datetime) -> Tokens:
    tokens = Tokens(
        session_id=session_id,
        transport=transport,
        access_token=secrets.token_urlsafe(TOKEN_BYTES),
        expires_at=at + ACCESS_LIFETIME,
        refresh_token=secrets.token_urlsafe(TOKEN_BYTES),
        refresh_expires_at=at + APP_IDLE,
    )
    await tx.execute(
        "INSERT INTO sign_in_access_token (hash, session_id, expires_at) VALUES ($1, $2, $3)",
        _hash("access", tokens.access_token),
        session_id,
        tokens.expires_at,
    )
    await tx.execute(
        "INSERT INTO sign_in_refresh_token (hash, session_id, expires_at) VALUES ($1, $2, $3)",
        _hash("refresh", tokens.refresh_token),
        session_id,
        tokens.refresh_expires_at,
    )
    return tokens


def _is_token(token: str | None) -> bool:
    return token is not None and len(token) == TOKEN_CHARACTERS and token.isascii()


def _hash(kind: Literal["access", "refresh"], token: str | None) -> bytes:
    return cipher().lookup_hash(f"app-{kind}\n{token}")
