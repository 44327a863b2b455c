"""Authorization requests while a person signs in and decides: of one browser, for some minutes, ended once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from kernel import clock
from kernel.db import Database, Transaction, database
from kernel.ids import new_id
from kernel.states import TransitionTable
from oauth.authorization_requests import AuthorizationRequest
from oauth.sign_in.sessions import Session

LIFETIME: Final = timedelta(minutes=15)
PURGE_ROWS_MAX: Final = 5_000

OPEN: Final = "open"
ALLOWED: Final = "allowed"
DENIED: Final = "denied"
INTERACTION: Final = TransitionTable({OPEN: frozenset({ALLOWED, DENIED}), ALLOWED: frozenset(), DENIED: frozenset()})


@dataclass(frozen=True, slots=True)
class Interaction:
    """A request before a person. created_at: who signed in earlier has not done so for it."""

    id: UUID
    asked: AuthorizationRequest
    created_at: datetime

    @classmethod
    def now(cls, asked: AuthorizationRequest) -> "Interaction":
        """Begin one that is kept nowhere yet."""
        return cls(new_id(), asked, clock.now())

    def is_signed_in(self, session: Session) -> bool:
        """Tell whether a session is as fresh and as strong as the application wants."""
        asked = self.asked
        if "login" in asked.prompts and session.auth_time < self.created_at:
            return False
        if asked.max_age_seconds is not None:
            oldest = self.created_at - timedelta(seconds=asked.max_age_seconds)
            if session.auth_time < oldest:
                return False
        return asked.acr is None or session.acr >= asked.acr


async def open_interaction(tx: Transaction, asked: AuthorizationRequest, *, visit_hash: bytes) -> Interaction:
    """Keep a request for the browser that brought it."""
    interaction = Interaction.now(asked)
    await tx.execute(
        "INSERT INTO oauth_interaction (id, client_id, visit_hash, parameters, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        interaction.id,
        asked.client_id,
        visit_hash,
        asked.as_parameters(),
        interaction.created_at,
        interaction.created_at + LIFETIME,
    )
    return interaction


async def find_interaction(interaction_id: UUID, *, visit_hash: bytes) -> Interaction | None:
    """Give an open request of this browser; None where it is another's, decided or too old.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT id, parameters, created_at FROM oauth_interaction"
        " WHERE id = $1 AND visit_hash = $2 AND status = 'open' AND expires_at > $3",
        interaction_id,
        visit_hash,
        clock.now(),
    )
    return (
        None
        if row is None
        else Interaction(row["id"], AuthorizationRequest.from_parameters(row["parameters"]), row["created_at"])
    )


async def decide_interaction(tx: Transaction, interaction_id: UUID, decision: Literal["allowed", "denied"]) -> bool:
    """End a request; of several at once, one does. Tell whether it was this one."""
    changed = await tx.execute(
        "UPDATE oauth_interaction SET status = $2, decided_at = $3 WHERE id = $1 AND status = ANY($4)"
        " AND expires_at > $3",
        interaction_id,
        decision,
        clock.now(),
        INTERACTION.before(decision),
    )
    return changed == 1


async def purge_interactions(db: Database, *, before: datetime) -> int:
    """Forget requests that have ended.

    Raises:
        DatabaseUnavailable.
    """
    return await db.execute(
        "DELETE FROM oauth_interaction WHERE id IN (SELECT id FROM oauth_interaction WHERE expires_at < $1 LIMIT $2)",
        before,
        PURGE_ROWS_MAX,
    )
