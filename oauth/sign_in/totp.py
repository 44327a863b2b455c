"""One-time codes from an authenticator (RFC 6238), and the recovery codes for when it is not at hand."""

import base64
import hmac
import re
import secrets
from typing import Final

import pyotp

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Transaction
from oauth.sign_in.subjects import Subject

STEP_SECONDS: Final = 30
DRIFT_STEPS: Final = 1
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 7
RECOVERY_CHARACTERS: Final = 10
ISSUER: Final = "Internet Hospital"
_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)


def new_secret() -> str:
    """Make a secret for an authenticator: 160 bits in base 32."""
    return pyotp.random_base32()


def address_to_scan(secret: str, *, account: str) -> str:
    """Write the otpauth address that an authenticator reads from a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)


def step_of(secret: str, code: str) -> int | None:
    """Tell which step a code belongs to: the present one or its neighbours, for clocks differ. None: to none."""
    totp = pyotp.TOTP(secret)
    now = int(clock.now().timestamp()) // STEP_SECONDS
    given = code if _CODE.fullmatch(code) else "      "
    found = None
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.at(step * STEP_SECONDS), given):
            found = step
    return found


async def keep_secret(tx: Transaction, subject: Subject, secret: str, *, used_step: int) -> None:
    """Make this a subject's authenticator; the code it was confirmed with is used."""
    await tx.execute(
        "INSERT INTO sign_in_totp (subject_kind, subject_id, secret_cipher, last_step, created_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (subject_kind, subject_id) DO UPDATE"
        " SET secret_cipher = excluded.secret_cipher, last_step = excluded.last_step, created_at = excluded.created_at",
        subject.kind,
        subject.id,
        cipher().seal(secret),
        used_step,
        clock.now(),
    )


async def use_step(tx: Transaction, subject: Subject, step: int) -> bool:
    """Use a step's code, once: of two at once one succeeds, and an earlier step's is worth nothing afterwards."""
    used = await tx.execute(
        "UPDATE sign_in_totp SET last_step = $3 WHERE subject_kind = $1 AND subject_id = $2 AND last_step < $3",
        subject.kind,
        subject.id,
        step,
    )
    return used == 1


async def renew_recovery_codes(tx: Transaction, subject: Subject) -> list[str]:
    """Give a subject new recovery codes, to be shown once; the former ones are worth nothing."""
    await tx.execute(
        "DELETE FROM sign_in_recovery_code WHERE subject_kind = $1 AND subject_id = $2", subject.kind, subject.id
    )
    codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
    await tx.executemany(
        "INSERT INTO sign_in_recovery_code (subject_kind, subject_id, code_hash) VALUES ($1, $2, $3)",
        [(subject.kind, subject.id, _recovery_hash(subject, code)) for code in codes],
    )
    return codes


async def use_recovery_code(tx: Transaction, subject: Subject, code: str) -> bool:
    """Use a recovery code, once."""
    used = await tx.execute(
        "UPDATE sign_in_recovery_code SET used_at = $4"
        " WHERE subject_kind = $1 AND subject_id = $2 AND code_hash = $3 AND used_at IS NULL",
        subject.kind,
        subject.id,
        _recovery_hash(subject, code),
        clock.now(),
    )
    return used == 1


def _new_recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()[:RECOVERY_CHARACTERS]
    return f"{text[:5]}-{text[5:]}"


def _recovery_hash(subject: Subject, code: str) -> bytes:
    """Hash a code as it was shown or typed: capitals and hyphens make no difference."""
    bare = re.sub(r"[^A-Z0-9]", "", code.upper())
    return cipher().lookup_hash(f"recovery\n{subject.kind}\n{subject.id}\n{bare}")
