"""Invitations: a link and a code, valid for a day and once, with which somebody sets up what they sign in with.

The code is a keyed hash of the invitation's id: it is kept nowhere, and can be told again for a repeated request.
Inviting somebody who has signed in before ends what they had at once: it is the way back after a loss, too.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.audit import record_change
from kernel.crypto import cipher
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.ids import new_id
from oauth.sign_in import passkeys, passwords, throttle, totp
from oauth.sign_in.errors import SignInRefused
from oauth.sign_in.passkeys import Ceremony
from oauth.sign_in.setup import sign_in
from oauth.sign_in.subjects import Subject, Visit, record_attempt
from oauth.staff.people import end_credentials, lock_staff, require_another

LIFETIME: Final = timedelta(hours=24)
TRIES: Final = 10
CODE_CHARACTERS: Final = 12


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as it is told once: the link and the code go to the person by two ways."""

    id: UUID
    link: str
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """An invitation whose code was given in this browser."""

    id: UUID
    subject: Subject
    code: str
    name: str
    secret: str

    @property
    def address_to_scan(self) -> str:
        """What an authenticator reads from the picture."""
        return totp.address_to_scan(self.secret, account=self.code)


async def invite(tx: Transaction, *, code: str, actor: Actor) -> Invitation:
    """Invite somebody to set up what they sign in with; whatever they had before ends now.

    Raises:
        StaffNotFound, OwnRights.
    """
    row = await lock_staff(tx, code)
    require_another(actor, code)
    now = clock.now()
    await end_credentials(tx, row["id"], ending="revoked")
    await tx.execute(
        "UPDATE staff_invitation SET ended_at = $2, ended_by = 'replaced' WHERE staff_id = $1 AND ended_at IS NULL",
        row["id"],
        now,
    )
    invitation_id, expires_at = new_id(), now + LIFETIME
    await tx.execute(
        "INSERT INTO staff_invitation (id, staff_id, tries_left, expires_at, created_at) VALUES ($1, $2, $3, $4, $5)",
        invitation_id,
        row["id"],
        TRIES,
        expires_at,
        now,
    )
    before, after = {"invited_until": None}, {"invited_until": expires_at.isoformat()}
    await record_change(tx, entity="staff", entity_id=code, action="updated", before=before, after=after, actor=actor)
    return tell(invitation_id, expires_at)


def tell(invitation_id: UUID, expires_at: datetime) -> Invitation:
    """Write out an invitation's link and code."""
    code = code_of(invitation_id)
    grouped = "-".join(code[at : at + 4] for at in range(0, CODE_CHARACTERS, 4))
    return Invitation(invitation_id, f"{sign_in().public_url}/staff/set-up/{invitation_id}", grouped, expires_at)


def code_of(invitation_id: UUID) -> str:
    """Work out an invitation's code: 60 bits in base 32."""
    return base64.b32encode(cipher().lookup_hash(f"invitation\n{invitation_id}")).decode()[:CODE_CHARACTERS]


async def open_invitation(invitation_id: UUID, code: str, visit: Visit) -> None:
    """Open an invitation in this browser with its code; a wrong one is counted.

    Raises:
        SignInRefused: a wrong code, or an invitation that is used, expired or unknown.
        DatabaseUnavailable.
    """
    right = hmac.compare_digest(re.sub(r"[^A-Z0-9]", "", code.upper()).encode(), code_of(invitation_id).encode())
    opened = await database().fetchval(
        "UPDATE staff_invitation SET tries_left = CASE WHEN $2::boolean THEN tries_left ELSE tries_left - 1 END,"
        " opened_hash = CASE WHEN $2::boolean THEN $3 ELSE opened_hash END,"
        " totp_cipher = CASE WHEN $2::boolean THEN coalesce(totp_cipher, $4) ELSE totp_cipher END"
        " WHERE id = $1 AND ended_at IS NULL AND expires_at > $5 AND tries_left > 0 RETURNING $2::boolean",
        invitation_id,
        right,
        visit.hash,
        cipher().seal(totp.new_secret()),
        clock.now(),
    )
    if not opened:
        await throttle.note_refusal("refused", visit, method="invitation")
        raise SignInRefused


async def find_opened(invitation_id: UUID, visit: Visit) -> Opened | None:
    """Give an invitation that was opened in this browser.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(_OPENED, invitation_id, visit.hash, clock.now())
    return None if row is None else _shape(row)


async def finish_with_password(invitation: Opened, *, password: str, one_time_code: str, visit: Visit) -> list[str]:
    """Set up a password and an authenticator; gives the recovery codes, to be shown once.

    Raises:
        WeakPassword.
        SignInRefused: the one-time code is not the authenticator's, or the invitation has been used meanwhile.
        Unavailable, DatabaseUnavailable.
    """
    passwords.require_strong_password(password, about=(invitation.code, invitation.name))
    step = totp.step_of(invitation.secret, re.sub(r"\s", "", one_time_code))
    if step is None:
        raise SignInRefused
    hashed = await passwords.hash_password(password)
    async with database().transaction() as tx:
        await _use(tx, invitation, visit)
        await passwords.keep_password(tx, invitation.subject, hashed)
        await totp.keep_secret(tx, invitation.subject, invitation.secret, used_step=step)
        codes = await totp.renew_recovery_codes(tx, invitation.subject)
        await record_attempt(tx, "set_up", visit, subject=invitation.subject, method="password_and_totp")
        return codes


async def begin_passkey(invitation: Opened, visit: Visit) -> Ceremony:
    """Let the browser make a passkey instead.

    Raises:
        MethodNotOffered, PasskeyLimitReached, TooManyAttempts, DatabaseUnavailable.
    """
    return await passkeys.begin_registration(invitation.subject, label=invitation.code, visit=visit)


async def finish_with_passkey(invitation: Opened, ceremony_id: UUID, answer: dict[str, Any], *, visit: Visit) -> None:
    """Set up a passkey.

    Raises:
        SignInRefused, MethodNotOffered, DatabaseUnavailable.
    """
    verified = await passkeys.verify_registration(ceremony_id, answer, subject=invitation.subject, visit=visit)
    async with database().transaction() as tx:
        await _use(tx, invitation, visit)
        await passkeys.keep_passkey(tx, verified, subject=invitation.subject, visit=visit)
        await record_attempt(tx, "set_up", visit, subject=invitation.subject, method="passkey")


_OPENED: Final = """
SELECT i.id, i.totp_cipher, s.id AS staff_id, s.code, s.name FROM staff_invitation i JOIN staff s ON s.id = i.staff_id
WHERE i.id = $1 AND i.opened_hash = $2 AND i.ended_at IS NULL AND i.expires_at > $3 AND s.status = 'active'"""


def _shape(row: Row) -> Opened:
    subject = Subject("staff", row["staff_id"])
    return Opened(row["id"], subject, row["code"], row["name"], cipher().open(row["totp_cipher"]))


async def _use(tx: Transaction, invitation: Opened, visit: Visit) -> None:
    """Use an invitation, once.

    Raises:
        SignInRefused.
    """
    now = clock.now()
    used = await tx.execute(
        "UPDATE staff_invitation SET ended_at = $3, ended_by = 'used'"
        " WHERE id = $1 AND opened_hash = $2 AND ended_at IS NULL AND expires_at > $3",
        invitation.id,
        visit.hash,
        now,
    )
    if used != 1:
        raise SignInRefused
