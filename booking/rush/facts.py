"""The hospital's rule of the waiting room, and the shapes that callers get."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from booking.rush.outlook import Estimate, Outlook
from kernel.db import Reader


class Rule(NamedTuple):
    """What the slot office has set; see docs/slots.md."""

    active: bool
    join_minutes_before: int
    turn_seconds: int
    presence_seconds: int
    gate_minutes: int
    closes_minutes_after: int
    tickets_per_person: int
    tickets_per_device: int
    tickets_per_phone: int
    joins_per_second: int

    @property
    def closes_after(self) -> timedelta:
        """How long after the release the waiting room is closed at the latest."""
        return timedelta(minutes=self.closes_minutes_after)


class Ticket(NamedTuple):
    """One person's ticket, as it stands in its row. place: none before the draw."""

    id: UUID
    rush_id: UUID
    schedule_id: UUID
    opens_at: datetime
    patient_id: UUID
    channel: str
    client_id: str
    status: str
    is_behind: bool
    place: int | None
    joined_at: datetime
    turn_until: datetime | None


class View(NamedTuple):
    """What the holder of a ticket is told.

    status: the ticket's, or `over` where the waiting room has closed, or every number is sold.
    before: people with a place further to the front who want the same numbers and have not had their turn.
    seats_left: numbers that the ticket's channel may take and nobody has; joined: tickets in the whole line.
    outlook: whether a number is likely left at the turn; `none`: there is not. estimate: until the turn.
    ask_again_seconds: when to ask again; a little random, so that not everybody asks at once.
    """

    ticket: Ticket
    status: str
    department_id: UUID
    commitment: str
    closes_at: datetime
    joined: int
    before: int | None
    seats_left: int
    open_turns: int
    outlook: Outlook | None
    estimate: Estimate | None
    ask_again_seconds: int


class Room(NamedTuple):
    """Whether there is a waiting room before a schedule for a channel, and when.

    joins_at: from when on anybody may join; opens_at: the release; commitment: of the draw, once there is a line.
    """

    schedule_id: UUID
    is_hot: bool
    needs_turn: bool
    rush_id: UUID | None
    joins_at: datetime | None
    opens_at: datetime | None
    closes_at: datetime | None
    joined: int
    commitment: str | None


class Draw(NamedTuple):
    """A page of what anybody needs to check an order; seed: None until the draw. Ids and places, by place."""

    rush_id: UUID
    schedule_id: UUID
    opens_at: datetime
    commitment: str
    seed: str | None
    drawn_at: datetime | None
    drawn: int
    items: list[tuple[UUID, int, bool]]


TICKET_COLUMNS = ", ".join(Ticket._fields)


async def read_rule(db: Reader) -> Rule:
    """Read the hospital's rule.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(f"SELECT {', '.join(Rule._fields)} FROM rush_rule")  # noqa: S608  our own columns
    return Rule(*rows[0].values())
