"""What a handler of the patient surface gets: a call that has passed the guard. What it gives back is a Reply."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from kernel.events import Actor
from kernel.idempotency import Idempotency
from oauth.sign_in.sessions import Session
from oauth.sign_in.subjects import Visit

CHANNEL: Final = "miniprogram"


@dataclass(frozen=True, slots=True)
class RefreshCookie:
    """The cookie of the refresh route. token: None where it was not sent, or not by a page of our own."""

    token: str | None


@dataclass(slots=True)
class PatientCall:
    """One request of a phone or browser.

    body, query, path: as the route's schemas have it. visit: from where it came, for sign-in's limits and records.
    cookie: of the one route that reads it. last_event_id: where a reader of a stream wants to go on.
    patient_ids: whose data the handler has touched beside the path's person and those whom its answer shows.
    """

    body: dict[str, Any]
    query: dict[str, Any]
    path: dict[str, Any]
    visit: Visit
    language: str
    request_id: str
    signed_in: Session | None = None
    acting: Actor | None = None
    idempotency: Idempotency | None = None
    cookie: RefreshCookie | None = None
    last_event_id: int | None = None
    patient_ids: list[UUID] = field(default_factory=list)

    @property
    def channel(self) -> str:
        """The booking channel whose pools and release rules apply."""
        return CHANNEL

    @property
    def session(self) -> Session:
        """The session of who asks; a public route has none."""
        assert self.signed_in is not None, "a public route asks for nobody"
        return self.signed_in

    @property
    def actor(self) -> Actor:
        """The account as features know it; a public route has none."""
        assert self.acting is not None, "a public route acts for nobody"
        return self.acting

    @property
    def account_id(self) -> UUID:
        """The account that asks."""
        return self.session.subject.id

    @property
    def patient_id(self) -> UUID:
        """The person of the path, for whom the guard has found that the account may act."""
        found: UUID = self.path["patient_id"]
        return found
