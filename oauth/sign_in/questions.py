"""A number that was proved long ago may have a new owner: who proves it now is asked before its account opens.

Operators give a number out again ninety days after it was given up. An account that goes on being used by WeChat or
on a phone that stays signed in is not closed meanwhile (docs/adr/0480), so the number's next owner is asked how a
document of somebody in it ends. Five wrong answers in thirty days, and the account does not open that way
(docs/adr/0492).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Transaction
from oauth.sign_in import throttle
from oauth.sign_in.errors import HolderUnsure
from oauth.sign_in.setup import sign_in
from oauth.sign_in.subjects import Subject, Visit, record_attempt

QUESTION_BYTES: Final = 32
QUESTION_LIFETIME: Final = timedelta(minutes=10)
WRONG_ANSWERS: Final = throttle.Limit("holder-answers", 5, timedelta(days=30))
"""Of an account, whoever asks: four characters of a few documents can be guessed by whoever may go on guessing."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody is asked. token: the right to answer."""

    token: str
    account_id: UUID
    expires_at: datetime

    async def as_refusal(self) -> HolderUnsure:
        """Say it as sign-in does: not yet. No tries are left where nothing could be the right answer.

        Raises:
            DatabaseUnavailable.
        """
        is_answerable = await sign_in().accounts.knows_people(self.account_id, "")
        tries_left = await throttle.count_left(WRONG_ANSWERS, str(self.account_id)) if is_answerable else 0
        return HolderUnsure(question=self.token, tries_left=tries_left, expires_at=self.expires_at.isoformat())


async def ask_holder(
    tx: Transaction, phone: str, visit: Visit, *, wechat_ticket: bytes | None = None
) -> Question | None:
    """Ask whoever has just proved a number whether its account is theirs; None where that is no question."""
    account_id = await sign_in().accounts.holder_to_ask(tx, phone=phone)
    if account_id is None:
        return None
    question = Question(secrets.token_urlsafe(QUESTION_BYTES), account_id, clock.now() + QUESTION_LIFETIME)
    await tx.execute(
        "INSERT INTO sign_in_question (hash, account_id, phone_cipher, wechat_ticket_hash, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        hash_of(question.token),
        account_id,
        cipher().seal(phone),
        wechat_ticket,
        question.expires_at,
    )
    await record_attempt(tx, "holder_asked", visit, subject=Subject("account", account_id))
    return question


async def purge_questions(db: Database, *, limit: int = 5_000) -> int:
    """Delete questions that nobody can answer any more; gives how many."""
    return await db.execute(
        "DELETE FROM sign_in_question WHERE hash IN (SELECT hash FROM sign_in_question WHERE expires_at < $1 LIMIT $2)",
        clock.now(),
        limit,
    )


def hash_of(token: str) -> bytes:
    """What is kept of a question's token."""
    return cipher().lookup_hash(f"holder-question\n{token}")
