"""The tables by which client applications and grants change; nothing else may change their status."""

from typing import Final

from kernel.states import TransitionTable

PENDING: Final = "pending"
ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
REFUSED: Final = "refused"
REVOKED: Final = "revoked"

# An application that registered itself waits for the hospital's review.
CLIENT: Final = TransitionTable(
    {
        PENDING: frozenset({ACTIVE, REFUSED}),
        ACTIVE: frozenset({SUSPENDED}),
        SUSPENDED: frozenset({ACTIVE}),
        REFUSED: frozenset(),
    }
)

GRANT: Final = TransitionTable({ACTIVE: frozenset({REVOKED}), REVOKED: frozenset()})
