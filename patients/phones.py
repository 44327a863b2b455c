"""An account gets another telephone number, once whoever uses it has shown to be its holder and to have the new one.

The account stays what it is: members, visits, bills, messages, WeChat users. What ends is every other session, and what
the former number was good for (docs/adr/0491).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Row, Transaction, database
from oauth.sign_in import phone_codes, throttle
from oauth.sign_in.sessions import Session, end_sessions, has_used_pages, hold_session
from oauth.sign_in.subjects import Subject, Visit, record_attempt
from oauth.sign_in.throttle import Attempt
from patients.accounts import end_account, is_unused
from patients.errors import AccountNotFound, PhoneInUse, PhoneUnchanged
from patients.heralds import tell_holder

CHANGES: Final = throttle.Limit("phone-changes", 5, timedelta(days=1))
CODES: Final = throttle.Limit("phone-change-codes", 10, timedelta(days=1))
"""Of an account: nobody has messages sent to a list of numbers."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of an account. phone: its new number; ended: how many other sessions were."""

    phone: str
    ended: int


async def change_phone(
    session: Session, phone: str, attempt: Attempt, visit: Visit, *, method: str, request_id: str | None = None
) -> Change:
    """Give an account the number that its holder has just proved. attempt, method: of that proof.

    Of two who change it at once from two devices, one does: the other is signed out by it.

    Raises:
        PhoneUnchanged: it has this number.
        PhoneInUse: another account that is in use has.
        AccountNotFound, NotSignedIn: the account or the session has ended meanwhile.
        TooManyAttempts, DatabaseUnavailable.
    """
    await throttle.take(CHANGES, str(session.subject.id))
    try:
        async with database().transaction() as tx:
            former, ended = await _change(tx, session, phone, request_id=request_id)
            await attempt.succeeded(tx)
            await record_attempt(tx, "phone_changed", visit, subject=session.subject, method=method)
            for session_id in ended:
                await record_attempt(tx, "session_ended", visit, subject=session.subject, session_id=session_id)
            await tell_holder(tx, session.subject.id, "account.phone_changed")
    except asyncpg.UniqueViolationError as error:
        # Who signed in with the number meanwhile has an account of it.
        raise PhoneInUse from error
    if former is not None:
        await phone_codes.warn(former, visit, subject=session.subject)
    return Change(phone, len(ended))


async def _change(
    tx: Transaction, session: Session, phone: str, *, request_id: str | None
) -> tuple[str | None, list[UUID]]:
    """Change it; gives the former number, and which sessions were ended."""
    keys, account_id = cipher(), session.subject.id
    phone_hash = keys.lookup_hash(phone)
    # Both accounts in the order of their ids: two who want each other's number do not wait for each other.
    rows = await tx.fetch(
        "SELECT id, created_at, phone_hash, phone_cipher FROM patient_account"
        " WHERE status = 'active' AND (id = $1 OR phone_hash = $2) ORDER BY id FOR UPDATE",
        account_id,
        phone_hash,
    )
    own = next((row for row in rows if row["id"] == account_id), None)
    if own is None:
        raise AccountNotFound
    # Who changed it at another device first has ended this one.
    await hold_session(tx, session)
    if own["phone_hash"] == phone_hash:
        raise PhoneUnchanged
    for other in (row for row in rows if row["id"] != account_id):
        if not await _may_go(tx, other):
            raise PhoneInUse
        await end_account(tx, other["id"], request_id=request_id)
    await tx.execute(
        "UPDATE patient_account SET phone_cipher = $2, phone_hash = $3, phone_proved_at = $4 WHERE id = $1",
        account_id,
        keys.seal(phone),
        phone_hash,
        clock.now(),
    )
    where = "subject_kind = $3 AND subject_id = $4 AND id <> $5"
    ended = await end_sessions(tx, "revoked", where, "account", account_id, session.id)
    return keys.open(own["phone_cipher"]) if own["phone_cipher"] else None, ended


async def _may_go(tx: Transaction, other: Row) -> bool:
    """Tell whether the account of a proved number can be closed for it: long unused, or never more than a number.

    The second is what somebody has who tried the new number out before they came here to change it.
    """
    if await is_unused(tx, other):
        return True
    had_people: bool = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM patient_account_member WHERE account_id = $1)", other["id"]
    )
    return not had_people and not await has_used_pages(tx, Subject("account", other["id"]))
