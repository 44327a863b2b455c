"""An account and its members as their owner sees them on the phone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from kernel.crypto import cipher
from kernel.db import Row, database
from oauth.sign_in.phone_codes import mask_phone
from oauth.sign_in.ports import Relationship
from patients.accounts import MEMBERS_MAX, is_adult
from patients.documents import mask_number
from patients.errors import AccountNotFound


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account. phone: masked; None where its number has become somebody else's."""

    id: UUID
    phone: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemberView:
    """A person whom an account may act for. sex: GB/T 2261.1; document_number is masked."""

    patient_id: UUID
    name: str
    relationship: Relationship
    is_default: bool
    sex: int
    birth_date: date
    document_type: str
    document_number: str
    bound_at: datetime

    @property
    def is_adult(self) -> bool:
        """Tell whether they have come of age."""
        return is_adult(self.birth_date)


async def read_account(account_id: UUID) -> AccountView:
    """Read an account.

    Raises:
        AccountNotFound, DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT id, phone_cipher, created_at FROM patient_account WHERE id = $1 AND status = 'active'", account_id
    )
    if row is None:
        raise AccountNotFound
    sealed = row["phone_cipher"]
    return AccountView(row["id"], mask_phone(cipher().open(sealed)) if sealed else None, row["created_at"])


async def list_members(account_id: UUID) -> Sequence[MemberView]:
    """List the people an account may act for, the default one first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT m.patient_id, p.name, m.relationship, m.is_default, p.sex, p.birth_date, p.document_type,"
        " p.document_cipher, m.bound_at FROM patient_account_member m"
        " JOIN patient_account a ON a.id = m.account_id AND a.status = 'active'"
        " JOIN patient p ON p.id = m.patient_id WHERE m.account_id = $1 AND m.ended_at IS NULL"
        " ORDER BY m.is_default DESC, m.bound_at, m.id LIMIT $2",
        account_id,
        MEMBERS_MAX,
    )
    return [_shape(row) for row in rows]


def _shape(row: Row) -> MemberView:
    return MemberView(
        patient_id=row["patient_id"],
        name=row["name"],
        relationship=row["relationship"],
        is_default=row["is_default"],
        sex=row["sex"],
        birth_date=row["birth_date"],
        document_type=row["document_type"],
        document_number=mask_number(cipher().open(row["document_cipher"])),
        bound_at=row["bound_at"],
    )
