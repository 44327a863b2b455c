"""Who is told what offices did: a port, so that this room knows no way of telling anybody."""

from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from kernel.db import Transaction

Occasion = Literal["feedback.acknowledged", "feedback.answered", "feedback.transferred", "feedback.closed"]


class Herald(Protocol):
    """Passes the news of a case on to the account that filed it."""

    async def tell(
        self,
        tx: Transaction,
        occasion: Occasion,
        *,
        case_id: UUID,
        account_id: UUID,
        patient_id: UUID,
        at: datetime,
    ) -> None:
        """Note in the change's own transaction that somebody is to be told; ids only, never a text."""
        ...


_herald: Herald | None = None


def set_herald(herald: Herald | None) -> None:
    """Say at start-up who tells people; without one they read it where the case stands."""
    global _herald  # noqa: PLW0603  one herald a process, set at start-up
    _herald = herald


def herald() -> Herald | None:
    """Give who tells people, if anybody does."""
    return _herald
