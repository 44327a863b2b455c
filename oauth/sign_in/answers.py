"""What somebody who was asked whether an account is theirs says: how a document in it ends, or that it is not."""

from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Row, database
from oauth.sign_in import throttle
from oauth.sign_in.app_sessions import Tokens, Transport, open_app_session
from oauth.sign_in.errors import HolderNotKnown, SignInRefused, TooManyAttempts
from oauth.sign_in.questions import WRONG_ANSWERS, hash_of
from oauth.sign_in.sessions import PHONE_CODE
from oauth.sign_in.setup import sign_in
from oauth.sign_in.subjects import Subject, Visit, record_attempt
from oauth.sign_in.wechat import open_by_ticket


async def open_by_answer(token: str, ending: str | None, visit: Visit, *, transport: Transport) -> tuple[UUID, Tokens]:
    """Sign in by the answer to a question; gives the account and its tokens.

    ending: how a document of somebody in the account ends. None: the account is another's. Then it loses the number,
    and whoever has that gets a new account; the other goes on for those who use it.

    Raises:
        SignInRefused: the question is over, was answered, or the number has gone elsewhere meanwhile.
        HolderNotKnown: tries_left.
        WeChatBoundElsewhere, DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT * FROM sign_in_question WHERE hash = $1 AND used_at IS NULL AND expires_at > $2",
        hash_of(token),
        clock.now(),
    )
    if row is None:
        await throttle.note_refusal("refused", visit)
        raise SignInRefused
    if ending is not None:
        await _compare(row["account_id"], ending, visit)
    return await _open(row, visit, is_holder=ending is not None, transport=transport)


async def _compare(account_id: UUID, ending: str, visit: Visit) -> None:
    """Count a try, and then look at it: of many at once no more are looked at than one after the other.

    Raises:
        HolderNotKnown, DatabaseUnavailable.
    """
    try:
        await throttle.take(WRONG_ANSWERS, str(account_id))
    except TooManyAttempts as error:
        raise HolderNotKnown(tries_left=0) from error
    if not await sign_in().accounts.knows_people(account_id, ending):
        await throttle.note_refusal("holder_refused", visit, subject=Subject("account", account_id))
        raise HolderNotKnown(tries_left=await throttle.count_left(WRONG_ANSWERS, str(account_id)))


async def _open(row: Row, visit: Visit, *, is_holder: bool, transport: Transport) -> tuple[UUID, Tokens]:
    """Use the question up, and sign in. Of many who answer it at once, one gets in."""
    accounts, phone, asked_of = sign_in().accounts, cipher().open(row["phone_cipher"]), row["account_id"]
    async with database().transaction() as tx:
        used = await tx.execute(
            "UPDATE sign_in_question SET used_at = $2 WHERE hash = $1 AND used_at IS NULL", row["hash"], clock.now()
        )
        if used != 1:
            raise SignInRefused
        if is_holder:
            await throttle.forget(tx, WRONG_ANSWERS, str(asked_of))
            await record_attempt(tx, "holder_known", visit, subject=Subject("account", asked_of))
        elif await accounts.release_phone(tx, asked_of, phone=phone):
            await record_attempt(tx, "phone_released", visit, subject=Subject("account", asked_of))
        account_id = await accounts.open_account(tx, phone=phone)
        if is_holder and account_id != asked_of:
            # Taken back with the transaction: the number is another account's by now.
            raise SignInRefused
        if row["wechat_ticket_hash"] is not None:
            return account_id, await open_by_ticket(tx, row["wechat_ticket_hash"], account_id, visit)
        subject = Subject("account", account_id)
        return account_id, await open_app_session(tx, subject, PHONE_CODE, visit, transport=transport)
