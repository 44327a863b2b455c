"""Staff sign in with their code, password and one-time code, all on one page: which of them was wrong is not told."""

import re
from typing import Final

from kernel.crypto import cipher
from kernel.db import Transaction, database
from oauth.clients import STAFF_CODE
from oauth.sign_in import passwords, throttle, totp
from oauth.sign_in.errors import SignInRefused
from oauth.sign_in.sessions import PASSWORD_AND_RECOVERY, PASSWORD_AND_TOTP, Proof, Session, open_session
from oauth.sign_in.subjects import Subject, Visit, record_attempt

CODE_CHARACTERS_MAX: Final = 40
# Work done for nobody, so that an unknown code takes as long as a known one.
_NOBODYS_SECRET: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105  nobody's


async def sign_in_staff(
    *, code: str, password: str, second: str, visit: Visit, present: Session | None = None
) -> tuple[str, Session]:
    """Sign a member of staff in; gives the new cookie. second: a one-time code, or a recovery code.

    Raises:
        SignInRefused: whatever was wrong, and whether or not anybody has this code.
        TooManyAttempts, Unavailable, DatabaseUnavailable.
    """
    code = code.strip().upper()[:CODE_CHARACTERS_MAX]
    attempt = await throttle.begin_attempt(f"staff:{code}", visit)
    row = await database().fetchrow(
        "SELECT s.id, p.hash, t.secret_cipher FROM staff s"
        " LEFT JOIN sign_in_password p ON p.subject_kind = 'staff' AND p.subject_id = s.id"
        " LEFT JOIN sign_in_totp t ON t.subject_kind = 'staff' AND t.subject_id = s.id"
        " WHERE s.code = $1 AND s.status = 'active'",
        code if STAFF_CODE.fullmatch(code) else "",
    )
    subject = Subject("staff", row["id"]) if row else None
    fits = await passwords.password_fits(row["hash"] if row else None, password)
    sealed = row["secret_cipher"] if row else None
    step = totp.step_of(cipher().open(sealed) if sealed else _NOBODYS_SECRET, re.sub(r"\s", "", second))
    if subject is not None and fits:
        async with database().transaction() as tx:
            proof = await _prove(tx, subject, step, second)
            # Whoever left in this instant is not signed in.
            stays = await tx.fetchval(
                "SELECT true FROM staff WHERE id = $1 AND status = 'active' FOR KEY SHARE", subject.id
            )
            if proof is not None and stays:
                await attempt.succeeded(tx)
                return await open_session(tx, subject, proof, visit, present=present)
    await record_attempt(database(), "refused", visit, subject=subject, method="password")
    raise SignInRefused


async def _prove(tx: Transaction, subject: Subject, step: int | None, second: str) -> Proof | None:
    if step is not None:
        return PASSWORD_AND_TOTP if await totp.use_step(tx, subject, step) else None
    return PASSWORD_AND_RECOVERY if await totp.use_recovery_code(tx, subject, second) else None
