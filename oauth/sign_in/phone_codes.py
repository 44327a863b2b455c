"""Codes sent to a telephone: six digits, five minutes, five tries, one use, in the browser that asked for them.

Every number is treated alike whether it has an account or not: who verifies a new number gets a new account.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, database
from kernel.ids import new_id
from oauth.sign_in import throttle
from oauth.sign_in.app_sessions import Tokens, Transport, confirm_app_session, open_app_session
from oauth.sign_in.codes_of_the_day import take_one_of_the_day
from oauth.sign_in.errors import (
    HolderUnsure,
    InvalidPhone,
    MessageNotSent,
    MethodNotOffered,
    SignInRefused,
    TooManyAttempts,
)
from oauth.sign_in.questions import ask_holder
from oauth.sign_in.sessions import PHONE_CODE, Session, open_session
from oauth.sign_in.setup import sign_in
from oauth.sign_in.subjects import Subject, Visit, record_attempt
from oauth.sign_in.throttle import Attempt, Limit

Purpose = Literal["sign_in", "change"]

CODE_DIGITS: Final = 6
CODE_LIFETIME: Final = timedelta(minutes=5)
TRIES: Final = 5
RESEND_AFTER: Final = Limit("phone-resend", 1, timedelta(seconds=60))
PER_PHONE_AND_ADDRESS: Final = Limit("phone-here", 5, timedelta(hours=1))
# A hospital's waiting hall shares one address.
PER_ADDRESS: Final = Limit("phone-address", 300, timedelta(hours=1))
PER_PHONE: Final = Limit("phone-day", 20, timedelta(days=1))
_PHONE: Final = re.compile(r"1[0-9]{10}", re.ASCII)
_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)
# In China a text message begins with its sender in 【】, which the gateway puts there; nothing else stands in them.
_TEXT: Final = {
    "sign_in": {
        "zh": "登录验证码 {code}，5分钟内有效。请勿告诉任何人，医院工作人员不会向您索要。",
        "en": "Your sign-in code is {code}, valid for 5 minutes. Tell nobody; hospital staff never ask for it.",
    },
    "change": {
        "zh": "更换手机号验证码 {code}，5分钟内有效。有人要把账户换到您的号码，不是您本人操作请勿告诉任何人。",
        "en": "{code} moves an account to this number; valid for 5 minutes. Unless that is what you want, tell nobody.",
    },
}
_WARNING: Final = {
    "zh": "您的医院账户的手机号已更换，此号码不能再用来登录。如非本人操作，请马上联系医院。",
    "en": "Your hospital account has another number; this one opens it no longer. If you did not do that, call us.",
}


@dataclass(frozen=True, slots=True)
class SentCode:
    """A code that was sent, as the page that asks for it needs it. phone: masked."""

    id: UUID
    phone: str


def read_phone(text: str) -> str:
    """Read a mainland mobile number as people type it: with spaces, hyphens or +86.

    Raises:
        InvalidPhone.
    """
    digits = re.sub(r"[\s\-]", "", text)
    digits = digits.removeprefix("+86").removeprefix("0086")
    if not _PHONE.fullmatch(digits):
        raise InvalidPhone
    return digits


async def send_code(phone: str, visit: Visit, *, purpose: Purpose = "sign_in") -> UUID:
    """Send a new code to a number; gives what the browser names it by.

    purpose: what the message says that it is for; what it is good for is the visit's business.

    Raises:
        InvalidPhone, MethodNotOffered, MessageNotSent, TooManyAttempts, DatabaseUnavailable.
    """
    messages = sign_in().messages
    if messages is None:
        raise MethodNotOffered
    phone = read_phone(phone)
    here = f"{phone}\n{visit.address_hash.hex()}"
    known = await throttle.is_known(cipher().lookup_hash(f"throttle-subject\nphone:{phone}"), visit.address_hash)
    if not known:
        # Before anything of the number is written: numbers can be made up without end.
        await throttle.take(throttle.ASKS, visit.address_hash.hex())
    await throttle.take(RESEND_AFTER, here)
    await throttle.take(PER_PHONE_AND_ADDRESS, here)
    if not known:
        await throttle.take(PER_ADDRESS, visit.address_hash.hex())
        await throttle.take(PER_PHONE, phone)
    await take_one_of_the_day(visit, is_known=known)
    code_id, code = new_id(), f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    await database().execute(
        "INSERT INTO sign_in_phone_code (id, visit_hash, phone_cipher, code_hash, tries_left, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        code_id,
        visit.hash,
        cipher().seal(phone),
        _hash(code_id, code),
        TRIES,
        clock.now() + CODE_LIFETIME,
    )
    try:
        await messages.send(
            phone=phone,
            text=_TEXT[purpose][visit.language].format(code=code),
            template=_template(f"{purpose}_code", visit),
            values=[code],
        )
    except (InvalidPhone, MessageNotSent, TooManyAttempts):
        await record_attempt(database(), "code_not_sent", visit, method="phone_code")
        raise
    await record_attempt(database(), "code_sent", visit, method="phone_code")
    return code_id


async def find_code(code_id: UUID, visit: Visit) -> SentCode | None:
    """Give a code that this browser asked for and may still use.

    Raises:
        DatabaseUnavailable.
    """
    sealed = await database().fetchval(
        "SELECT phone_cipher FROM sign_in_phone_code"
        " WHERE id = $1 AND visit_hash = $2 AND used_at IS NULL AND tries_left > 0 AND expires_at > $3",
        code_id,
        visit.hash,
        clock.now(),
    )
    return SentCode(code_id, mask_phone(cipher().open(sealed))) if sealed else None


async def sign_in_by_code(
    code_id: UUID, code: str, visit: Visit, *, present: Session | None = None
) -> tuple[str, Session]:
    """Sign in with a code that was sent; gives the new cookie. Of many who use one code at once, one gets in.

    Raises:
        SignInRefused: a wrong, used or expired code, or one of another browser.
        HolderUnsure: whether the account is theirs is asked at the app.
        TooManyAttempts, DatabaseUnavailable.
    """
    phone, attempt = await use_code(code_id, code, visit)
    async with database().transaction() as tx:
        # First the account, then the counts: as everybody who proves a number, so that none waits for the other.
        is_asked = await sign_in().accounts.holder_to_ask(tx, phone=phone) is not None
        account_id = None if is_asked else await sign_in().accounts.open_account(tx, phone=phone)
        await attempt.succeeded(tx)
        if account_id is not None:
            return await open_session(tx, Subject("account", account_id), PHONE_CODE, visit, present=present)
    raise HolderUnsure


async def open_app_by_code(code_id: UUID, code: str, visit: Visit, *, transport: Transport) -> tuple[UUID, Tokens]:
    """Sign in at the patients' app with a code that was sent; gives the account and its tokens.

    Raises:
        SignInRefused, TooManyAttempts, DatabaseUnavailable: as sign_in_by_code.
        HolderUnsure: with a question, see `oauth.sign_in.answers`.
    """
    phone, attempt = await use_code(code_id, code, visit)
    async with database().transaction() as tx:
        asked = await ask_holder(tx, phone, visit)
        if asked is None:
            account_id = await sign_in().accounts.open_account(tx, phone=phone)
            await attempt.succeeded(tx)
            subject = Subject("account", account_id)
            return account_id, await open_app_session(tx, subject, PHONE_CODE, visit, transport=transport)
        await attempt.succeeded(tx)
    raise await asked.as_refusal()


async def confirm_app_by_code(session: Session, code_id: UUID, code: str, visit: Visit) -> None:
    """Note that who holds a session of the app has just proved again to have its account's telephone.

    Raises:
        SignInRefused: as sign_in_by_code; or the code proves another number than the account's.
        NotSignedIn: the session has ended meanwhile.
        TooManyAttempts, DatabaseUnavailable.
    """
    phone, attempt = await use_code(code_id, code, visit)
    async with database().transaction() as tx:
        if await sign_in().accounts.open_account(tx, phone=phone) != session.subject.id:
            # Taken back with the transaction: no account is opened by this.
            raise SignInRefused
        await attempt.succeeded(tx)
        await confirm_app_session(tx, session, PHONE_CODE, visit)


async def use_code(code_id: UUID, code: str, visit: Visit) -> tuple[str, Attempt]:
    """Use a code up, or one of its tries; gives the number that it proves.

    Raises:
        SignInRefused, TooManyAttempts, DatabaseUnavailable.
    """
    now = clock.now()
    sealed = await database().fetchval(
        "SELECT phone_cipher FROM sign_in_phone_code WHERE id = $1 AND visit_hash = $2", code_id, visit.hash
    )
    if sealed is None:
        await throttle.note_refusal("refused", visit, method="phone_code")
        raise SignInRefused
    phone = cipher().open(sealed)
    attempt = await throttle.begin_attempt(f"phone:{phone}", visit)
    # A statement of its own: a wrong guess is counted whatever happens afterwards.
    used = await database().fetchval(
        "UPDATE sign_in_phone_code SET tries_left = tries_left - 1, used_at = CASE WHEN code_hash = $3 THEN $4 END"
        " WHERE id = $1 AND visit_hash = $2 AND used_at IS NULL AND tries_left > 0 AND expires_at > $4"
        " RETURNING used_at IS NOT NULL",
        code_id,
        visit.hash,
        _hash(code_id, code) if _CODE.fullmatch(code) else b"",
        now,
    )
    if not used:
        await throttle.note_refusal("refused", visit, method="phone_code")
        raise SignInRefused
    return phone, attempt


async def warn(phone: str, visit: Visit, *, subject: Subject) -> None:
    """Tell the number that an account had until now that it has another; whether it was sent is written down."""
    messages = sign_in().messages
    try:
        if messages is None:
            raise MessageNotSent
        text, template = _WARNING[visit.language], _template("number_changed", visit)
        await messages.send(phone=phone, text=text, template=template, values=[])
        kind = "old_phone_warned"
    except (InvalidPhone, MessageNotSent, TooManyAttempts):
        kind = "old_phone_not_warned"
    await record_attempt(database(), kind, visit, subject=subject, method="phone_code")


async def purge_codes(db: Database, *, limit: int = 5_000) -> int:
    """Delete codes that have expired; gives how many."""
    return await db.execute(
        "DELETE FROM sign_in_phone_code WHERE id IN (SELECT id FROM sign_in_phone_code WHERE expires_at < $1 LIMIT $2)",
        clock.now() - CODE_LIFETIME,
        limit,
    )


def _hash(code_id: UUID, code: str) -> bytes:
    return cipher().lookup_hash(f"phone-code\n{code_id}\n{code}")


def _template(name: str, visit: Visit) -> str:
    """Name a message's template in the language of whoever reads it (SMS_TEMPLATES)."""
    return name if visit.language == "zh" else f"{name}.en"


def mask_phone(phone: str) -> str:
    """Write a number as its owner recognises it."""
    return f"{phone[:3]}****{phone[-4:]}"
