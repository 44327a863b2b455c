"""Which version of the hospital's texts an account has agreed to, and when first; never taken back, only superseded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from kernel import clock
from kernel.db import database

Text = Literal["privacy"]
PRIVACY: Final[Text] = "privacy"
AGREEMENTS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Agreement:
    """An account's yes to one version of a text."""

    version: str
    agreed_at: datetime


async def agree(account_id: UUID, text: Text, version: str) -> None:
    """Keep that an account agrees to a version of a text; the first time counts. More than there can be are not kept.

    Raises:
        DatabaseUnavailable.
    """
    await database().execute(
        "INSERT INTO patient_account_agreement (account_id, text, version, agreed_at)"
        " SELECT $1, $2, $3, $4 WHERE $5 > (SELECT count(*) FROM patient_account_agreement WHERE account_id = $1)"
        " ON CONFLICT DO NOTHING",
        account_id,
        text,
        version,
        clock.now(),
        AGREEMENTS_MAX,
    )


async def latest_agreement(account_id: UUID, text: Text) -> Agreement | None:
    """Give the version of a text that an account agreed to last.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT version, agreed_at FROM patient_account_agreement WHERE account_id = $1 AND text = $2"
        " ORDER BY agreed_at DESC, version DESC LIMIT 1",
        account_id,
        text,
    )
    return None if row is None else Agreement(row["version"], row["agreed_at"])
