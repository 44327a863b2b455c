"""Signing in from the mini-program: WeChat says who is there, and, to whom we do not know yet, what their number is.

A known openid signs in at once. An unknown one gets a ticket, good for ten minutes on the phone that asked for it,
which with a number that WeChat has verified opens or finds the account of that number and binds the openid to it. The
openid never leaves the hospital, and WeChat's session key is not kept (docs/adr/0408).
"""

import secrets
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, Transaction, database
from kernel.ids import new_id
from oauth.sign_in import throttle
from oauth.sign_in.app_sessions import Tokens, confirm_app_session, open_app_session
from oauth.sign_in.errors import (
    InvalidPhone,
    MethodNotOffered,
    SignInRefused,
    WeChatBoundElsewhere,
    WeChatUnavailable,
)
from oauth.sign_in.phone_codes import read_phone
from oauth.sign_in.ports import MiniProgram
from oauth.sign_in.questions import ask_holder
from oauth.sign_in.sessions import Proof, Session
from oauth.sign_in.setup import sign_in
from oauth.sign_in.subjects import Subject, Visit, record_attempt

WECHAT: Final = Proof(("wechat",), "aal1", "wechat")
"""WeChat's word for it: RFC 8176 has no name for that, and leaves further ones to those who use them."""
PER_ADDRESS: Final = throttle.Limit("wechat-address", 300, timedelta(minutes=1))
"""WeChat's codes cannot be guessed, and a waiting hall has one address: who makes them up shuts it for no hour."""
TICKET_BYTES: Final = 32
TICKET_CHARACTERS: Final = 43
TICKET_LIFETIME: Final = timedelta(minutes=10)
TRIES: Final = 5
IDENTITIES_MAX: Final = 5
"""How many openids one account may have: a number is shared in a family, or its owner has changed telephones."""
ACCOUNTS_AT_ONCE_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """What somebody gets who has logged in at WeChat and is not known here: the right to say which number is theirs."""

    text: str
    expires_at: datetime


async def sign_in_by_login_code(code: str, visit: Visit) -> Tokens | Ticket:
    """Sign in with a code of `wx.login`: tokens where the openid is known, else a ticket for this visit alone.

    Raises:
        SignInRefused: WeChat does not know the code, or it was used.
        MethodNotOffered, WeChatUnavailable, TooManyAttempts, DatabaseUnavailable.
    """
    mini_program = _mini_program()
    attempt = await throttle.begin_attempt(f"wechat\n{visit.hash.hex()}", visit, per_address=PER_ADDRESS)
    openid = await _ask(mini_program.log_in(code), attempt, visit)
    openid_hash = _openid_hash(mini_program.app_id, openid)
    async with database().transaction() as tx:
        known = await tx.fetchrow(
            # Held until the session is there: an account that is being closed ends it or lets nobody in.
            "UPDATE wechat_identity SET used_at = $3 WHERE app_id = $1 AND openid_hash = $2 RETURNING id, account_id",
            mini_program.app_id,
            openid_hash,
            clock.now(),
        )
        outcome: Tokens | Ticket
        if known is not None:
            outcome = await _open_session(tx, known["account_id"], known["id"], visit)
        else:
            outcome = await _give_ticket(tx, mini_program.app_id, openid, visit)
        # The counts last, as everywhere: many share an address.
        await attempt.succeeded(tx)
        return outcome


async def sign_in_by_phone(ticket: str, phone_code: str, visit: Visit) -> tuple[UUID, Tokens]:
    """Sign in with a ticket and a code of `getPhoneNumber`; gives the account of that number and the tokens.

    The account is opened where there is none. Of many who use one ticket at once, one gets in.

    Raises:
        SignInRefused: a wrong, used or expired ticket or code, or a ticket of another phone.
        InvalidPhone: WeChat's number is none of the mainland.
        HolderUnsure: with a question, see `oauth.sign_in.answers`; the ticket is used with its answer.
        WeChatBoundElsewhere: the openid was bound to another account meanwhile.
        MethodNotOffered, WeChatUnavailable, TooManyAttempts, DatabaseUnavailable.
    """
    mini_program = _mini_program()
    attempt = await throttle.begin_attempt(f"wechat-ticket\n{visit.hash.hex()}", visit, per_address=PER_ADDRESS)
    row = await _take_try(ticket, visit)
    if row is None or row["app_id"] != mini_program.app_id:
        await throttle.note_refusal("refused", visit, method=WECHAT.by)
        raise SignInRefused
    try:
        phone = read_phone(await _ask(mini_program.read_phone(phone_code), attempt, visit))
    except WeChatUnavailable:
        await database().execute(
            "UPDATE wechat_ticket SET tries_left = tries_left + 1 WHERE hash = $1", _ticket_hash(ticket)
        )
        raise
    except InvalidPhone:
        await throttle.note_refusal("refused", visit, method=WECHAT.by)
        raise
    try:
        return await _finish(ticket, phone, attempt, visit)
    except SignInRefused:
        await throttle.note_refusal("refused", visit, method=WECHAT.by)
        raise


async def _finish(ticket: str, phone: str, attempt: throttle.Attempt, visit: Visit) -> tuple[UUID, Tokens]:
    """Use a ticket and bind its openid.

    Raises:
        SignInRefused: another was quicker with it.
        HolderUnsure, WeChatBoundElsewhere, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        asked = await ask_holder(tx, phone, visit, wechat_ticket=_ticket_hash(ticket))
        if asked is None:
            account_id = await sign_in().accounts.open_account(tx, phone=phone)
            tokens = await open_by_ticket(tx, _ticket_hash(ticket), account_id, visit)
            await attempt.succeeded(tx)
            return account_id, tokens
        await attempt.succeeded(tx)
    raise await asked.as_refusal()


async def open_by_ticket(tx: Transaction, ticket_hash: bytes, account_id: UUID, visit: Visit) -> Tokens:
    """Sign in to an account, whose number somebody with a ticket has shown before, and bind the ticket's openid.

    Raises:
        SignInRefused: the ticket was used or is over.
        WeChatBoundElsewhere.
    """
    row = await _use_ticket(tx, ticket_hash)
    if row is None:
        raise SignInRefused
    return await _open_session(tx, account_id, await _bind(tx, row, account_id, visit), visit)


async def _use_ticket(tx: Transaction, ticket_hash: bytes) -> Row | None:
    return await tx.fetchrow(
        "UPDATE wechat_ticket SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2"
        " RETURNING app_id, openid_hash, openid_cipher",
        ticket_hash,
        clock.now(),
    )


async def confirm_by_login_code(session: Session, code: str, visit: Visit) -> None:
    """Note that who holds a session of the app is a WeChat user whom its account knows, by a code of `wx.login`.

    Raises:
        SignInRefused: WeChat does not know the code, or the account does not know who it is from.
        NotSignedIn: the session has ended meanwhile.
        MethodNotOffered, WeChatUnavailable, TooManyAttempts, DatabaseUnavailable.
    """
    mini_program = _mini_program()
    attempt = await throttle.begin_attempt(f"wechat-confirm\n{session.subject.id}", visit, per_address=PER_ADDRESS)
    openid = await _ask(mini_program.log_in(code), attempt, visit)
    async with database().transaction() as tx:
        known = await tx.execute(
            "UPDATE wechat_identity SET used_at = $4 WHERE app_id = $1 AND openid_hash = $2 AND account_id = $3",
            mini_program.app_id,
            _openid_hash(mini_program.app_id, openid),
            session.subject.id,
            clock.now(),
        )
        if known:
            # First the session, then the counts: as who changes the account's number, so that none waits for the other.
            await confirm_app_session(tx, session, WECHAT, visit)
            await attempt.succeeded(tx)
            return
    await throttle.note_refusal("refused", visit, subject=session.subject, method=WECHAT.by)
    raise SignInRefused


async def read_shown_phone(session: Session, phone_code: str, visit: Visit) -> tuple[str, throttle.Attempt]:
    """Give the number that somebody who is signed in shows by a code of `getPhoneNumber`.

    Raises:
        SignInRefused: WeChat does not know the code, or it was used.
        InvalidPhone: WeChat's number is none of the mainland.
        MethodNotOffered, WeChatUnavailable, TooManyAttempts, DatabaseUnavailable.
    """
    mini_program = _mini_program()
    attempt = await throttle.begin_attempt(f"wechat-number\n{session.subject.id}", visit, per_address=PER_ADDRESS)
    return read_phone(await _ask(mini_program.read_phone(phone_code), attempt, visit)), attempt


async def unbind_wechat(account_id: UUID, visit: Visit) -> None:
    """Let no openid sign in to an account any more. Its sessions go on; signing in anew wants the number again.

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if await forget_identities(tx, account_id):
            await record_attempt(tx, "wechat_unbound", visit, subject=Subject("account", account_id), method=WECHAT.by)


async def forget_identities(tx: Transaction, account_id: UUID) -> int:
    """Delete every openid of an account; gives how many. Whoever signs in by one right now is waited for."""
    return await tx.execute("DELETE FROM wechat_identity WHERE account_id = $1", account_id)


async def openids_of(account_ids: Sequence[UUID], *, app_id: str) -> Mapping[UUID, str]:
    """Give the openid that each account used last, of those that have one in a mini-program.

    Raises:
        DatabaseUnavailable.
    """
    assert len(account_ids) <= ACCOUNTS_AT_ONCE_MAX, "callers ask in parts"
    rows = await database().fetch(
        "SELECT DISTINCT ON (account_id) account_id, openid_cipher FROM wechat_identity"
        " WHERE account_id = ANY ($1) AND app_id = $2 ORDER BY account_id, used_at DESC, id",
        list(account_ids),
        app_id,
    )
    return {row["account_id"]: cipher().open(row["openid_cipher"]) for row in rows}


async def openid_of_login_code(code: str, visit: Visit) -> str:
    """Give the openid of who pays without signing in, by a code of `wx.login`; it is used for that and not kept.

    Raises:
        SignInRefused: WeChat does not know the code, or it was used.
        MethodNotOffered, WeChatUnavailable, TooManyAttempts, DatabaseUnavailable.
    """
    mini_program = _mini_program()
    attempt = await throttle.begin_attempt(f"wechat-payer\n{code}", visit, per_address=PER_ADDRESS)
    openid = await _ask(mini_program.log_in(code), attempt, visit)
    async with database().transaction() as tx:
        await attempt.succeeded(tx)
    return openid


async def openid_of_session(session_id: UUID) -> str | None:
    """Give the openid by which a session was opened: who pays in the mini-program is who holds this phone.

    Raises:
        DatabaseUnavailable.
    """
    sealed = await database().fetchval(
        "SELECT i.openid_cipher FROM sign_in_session s JOIN wechat_identity i ON i.id = s.wechat_identity_id"
        " WHERE s.id = $1 AND s.ended_at IS NULL",
        session_id,
    )
    return cipher().open(sealed) if sealed else None


async def purge_tickets(db: Database, *, limit: int = 5_000) -> int:
    """Delete tickets that have expired; gives how many."""
    return await db.execute(
        "DELETE FROM wechat_ticket WHERE hash IN (SELECT hash FROM wechat_ticket WHERE expires_at < $1 LIMIT $2)",
        clock.now(),
        limit,
    )


def _mini_program() -> MiniProgram:
    mini_program = sign_in().wechat
    if mini_program is None:
        raise MethodNotOffered
    return mini_program


async def _ask(answer: Awaitable[str], attempt: throttle.Attempt, visit: Visit) -> str:
    """Wait for WeChat's answer outside any transaction, and write down what it was where it was no yes.

    Raises:
        SignInRefused, InvalidPhone, WeChatUnavailable.
    """
    try:
        return await answer
    except (SignInRefused, InvalidPhone):
        await throttle.note_refusal("refused", visit, method=WECHAT.by)
        raise
    except WeChatUnavailable:
        await attempt.was_not_made()
        await record_attempt(database(), "not_answered", visit, method=WECHAT.by)
        raise


async def _open_session(tx: Transaction, account_id: UUID, identity_id: UUID, visit: Visit) -> Tokens:
    tokens = await open_app_session(tx, Subject("account", account_id), WECHAT, visit, transport="body")
    await tx.execute("UPDATE sign_in_session SET wechat_identity_id = $2 WHERE id = $1", tokens.session_id, identity_id)
    return tokens


async def _give_ticket(tx: Transaction, app_id: str, openid: str, visit: Visit) -> Ticket:
    ticket = Ticket(secrets.token_urlsafe(TICKET_BYTES), clock.now() + TICKET_LIFETIME)
    await tx.execute(
        "INSERT INTO wechat_ticket (hash, visit_hash, app_id, openid_hash, openid_cipher, tries_left, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        _ticket_hash(ticket.text),
        visit.hash,
        app_id,
        _openid_hash(app_id, openid),
        cipher().seal(openid),
        TRIES,
        ticket.expires_at,
    )
    await record_attempt(tx, "ticket_given", visit, method=WECHAT.by)
    return ticket


async def _take_try(ticket: str, visit: Visit) -> Row | None:
    """Use one of a ticket's tries up, in a statement of its own: it counts whatever happens afterwards."""
    if len(ticket) != TICKET_CHARACTERS or not ticket.isascii():
        return None
    return await database().fetchrow(
        "UPDATE wechat_ticket SET tries_left = tries_left - 1 WHERE hash = $1 AND visit_hash = $2 AND used_at IS NULL"
        " AND tries_left > 0 AND expires_at > $3 RETURNING app_id, openid_hash, openid_cipher",
        _ticket_hash(ticket),
        visit.hash,
        clock.now(),
    )


async def _bind(tx: Transaction, ticket: Row, account_id: UUID, visit: Visit) -> UUID:
    """Bind the ticket's openid to an account, beside those it has; the one used longest ago makes room.

    Raises:
        WeChatBoundElsewhere.
    """
    now, subject = clock.now(), Subject("account", account_id)
    bound: UUID | None = await tx.fetchval(
        "INSERT INTO wechat_identity (id, app_id, openid_hash, openid_cipher, account_id, bound_at, used_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (app_id, openid_hash) DO NOTHING RETURNING id",
        new_id(),
        ticket["app_id"],
        ticket["openid_hash"],
        ticket["openid_cipher"],
        account_id,
        now,
    )
    if bound is None:
        # Another ticket of theirs was quicker. An openid changes accounts by being unbound, never by the way.
        bound = await tx.fetchval(
            "UPDATE wechat_identity SET used_at = $4 WHERE app_id = $1 AND openid_hash = $2 AND account_id = $3"
            " RETURNING id",
            ticket["app_id"],
            ticket["openid_hash"],
            account_id,
            now,
        )
        if bound is None:
            raise WeChatBoundElsewhere
        return bound
    await record_attempt(tx, "wechat_bound", visit, subject=subject, method=WECHAT.by)
    released = await tx.execute(
        "DELETE FROM wechat_identity WHERE id IN (SELECT id FROM wechat_identity WHERE account_id = $1"
        " ORDER BY used_at DESC, id DESC OFFSET $2)",
        account_id,
        IDENTITIES_MAX,
    )
    if released:
        await record_attempt(tx, "wechat_unbound", visit, subject=subject, method=WECHAT.by)
    return bound


def _openid_hash(app_id: str, openid: str) -> bytes:
    return cipher().lookup_hash(f"wechat-openid\n{app_id}\n{openid}")


def _ticket_hash(ticket: str) -> bytes:
    return cipher().lookup_hash(f"wechat-ticket\n{ticket}")
