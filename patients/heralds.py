"""Who tells an account what has become of its number: a port, so that this room knows no way of telling anybody."""

from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from kernel import clock
from kernel.db import Transaction

Occasion = Literal["account.phone_changed", "account.phone_released"]


class Herald(Protocol):
    """Passes news of an account on to whoever uses it."""

    async def tell(
        self, tx: Transaction, occasion: Occasion, *, account_id: UUID, patient_id: UUID, at: datetime
    ) -> None:
        """Note in the change's own transaction that the account is to be told. patient_id: whose inbox it shows."""
        ...


_herald: Herald | None = None


def set_herald(herald: Herald | None) -> None:
    """Say at start-up who tells people; without one they see it where the number stands."""
    global _herald  # noqa: PLW0603  one herald a process, set at start-up
    _herald = herald


async def tell_holder(tx: Transaction, account_id: UUID, occasion: Occasion) -> None:
    """Have whoever uses an account told of its number; one that acts for nobody has no inbox."""
    patient_id: UUID | None = await tx.fetchval(
        "SELECT patient_id FROM patient_account_member WHERE account_id = $1 AND is_default", account_id
    )
    if _herald is not None and patient_id is not None:
        await _herald.tell(tx, occasion, account_id=account_id, patient_id=patient_id, at=clock.now())
