"""The one place where everything that a subject has open comes to its end."""

from kernel.db import Transaction
from oauth.grants import revoke_grants_of_subject
from oauth.sign_in.sessions import Ending, end_every_session
from oauth.sign_in.subjects import Subject
from oauth.sign_in.wechat import forget_identities


async def end_access(tx: Transaction, subject: Subject, *, ending: Ending) -> None:
    """End a subject's access with the transaction's commit: nothing that was opened before is worth anything then.

    The tokens that applications have for it are worth nothing within a second on every process.
    """
    if ending == "closed" and subject.kind == "account":
        # First: who signs in by WeChat or a passkey right now is waited for, and ended with the others.
        await forget_identities(tx, subject.id)
        await tx.execute("DELETE FROM sign_in_passkey WHERE subject_kind = 'account' AND subject_id = $1", subject.id)
    await end_every_session(tx, subject, ending=ending)
    await revoke_grants_of_subject(tx, subject.id, because=f"the person's access has ended: {ending}")
