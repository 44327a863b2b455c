"""The one place where everything that a subject has open comes to its end."""

from kernel.db import Transaction
from oauth.sign_in.sessions import Ending, end_every_session
from oauth.sign_in.subjects import Subject


async def end_access(tx: Transaction, subject: Subject, *, ending: Ending) -> None:
    """End a subject's access with the transaction's commit: nothing that was opened before is worth anything then."""
    await end_every_session(tx, subject, ending=ending)
