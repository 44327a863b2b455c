"""What this room itself has of an account: the account, those it acts for, its consents, who used its members' data."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from kernel.crypto import cipher
from kernel.db import Reader
from patients.rights.ports import ROWS_MAX, Part


async def _account(db: Reader, account_id: UUID, _patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch("SELECT id, phone_cipher, created_at FROM patient_account WHERE id = $1", account_id)
    return [
        {
            "id": row["id"],
            "phone": cipher().open(row["phone_cipher"]) if row["phone_cipher"] else None,
            "created_at": row["created_at"],
        }
        for row in rows
    ]


async def _members(db: Reader, account_id: UUID, _patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT m.patient_id, p.name, p.sex, p.birth_date, m.relationship, m.consent_note, m.bound_at, m.ended_at"
        " FROM patient_account_member m JOIN patient p ON p.id = m.patient_id"
        # Of somebody for whom it acts no longer it learns nothing new.
        " WHERE m.account_id = $1 AND m.ended_at IS NULL ORDER BY m.bound_at LIMIT $2",
        account_id,
        ROWS_MAX + 1,
    )
    return [dict(row) for row in rows]


async def _consents(db: Reader, account_id: UUID, _patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT id, patient_id, client_id, scopes, status, given_at, until, ended_at, ended_because"
        " FROM patient_consent WHERE account_id = $1 ORDER BY given_at DESC LIMIT $2",
        account_id,
        ROWS_MAX + 1,
    )
    return [dict(row) for row in rows]


async def _accesses(db: Reader, account_id: UUID, patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch(
        # What another account of the family did in the app is its own: that it did something is told, and not what.
        "SELECT at, patient_id, CASE WHEN is_others THEN 'account' ELSE client_id END AS client_id,"
        " CASE WHEN NOT is_others THEN operation END AS operation, CASE WHEN NOT is_others THEN action END AS action"
        " FROM (SELECT *, client_id LIKE 'account:%' AND client_id <> $3 AS is_others FROM patient_access_told) t"
        " WHERE patient_id = ANY($1) ORDER BY at DESC LIMIT $2",
        list(patients),
        ROWS_MAX + 1,
        f"account:{account_id}",
    )
    return [dict(row) for row in rows]


async def _sessions(db: Reader, account_id: UUID, _patients: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT device, created_at, seen_at, ended_at FROM sign_in_session"
        " WHERE subject_kind = 'account' AND subject_id = $1 ORDER BY created_at DESC LIMIT $2",
        account_id,
        ROWS_MAX + 1,
    )
    return [dict(row) for row in rows]


PARTS: Final = (
    Part("account", "账户", "The account", _account),
    Part("members", "就诊人", "Those it acts for", _members),
    Part("consents", "授权", "Consents to applications", _consents),
    Part("accesses", "谁用过这些信息", "Who used the data", _accesses),
    Part("sessions", "登录设备", "Where it was signed in", _sessions),
)
