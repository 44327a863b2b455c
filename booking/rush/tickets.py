"""Joining the waiting room, leaving it, and what anybody may read of a draw."""

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from booking.errors import PatientBanned, PatientNotEligible, PatientUnknown, SoldOut
from booking.rush import admission, errors
from booking.rush.drawing import commitment_of, new_seed
from booking.rush.facts import TICKET_COLUMNS, Draw, Room, Rule, Ticket, read_rule
from booking.rush.states import TICKET
from kernel import clock
from kernel.db import Reader, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from patients import queries as patients

# So many times what any schedule has; who would be behind them is told so.
TICKETS_OF_A_RUSH_MAX: Final = 50_000

# The release that a channel waits for, or whose rush is not over; and the person, where one is named.
_ROOM: Final = """
SELECT sc.id AS schedule_id, sc.clinic_id, sc.practitioner_id, o.opens_at, o.known,
       sc.status = 'active' AND c.active AS active, c.is_emergency,
       is_hot(sc.id, sc.practitioner_id, sc.clinic_id) AS is_hot,
       needs_turn(sc.id, sc.practitioner_id, sc.clinic_id, $2, $3) AS needs_turn,
       u.id AS rush_id, u.commitment, u.drawn_at, u.drawn,
       $5::uuid IS NULL OR person_may_attend($5, sc.clinic_id, sc.clinic_date, $3) AS may_attend,
       EXISTS (SELECT FROM seat t JOIN schedule_release l ON l.schedule_id = sc.id AND l.pool = t.pool
               WHERE t.schedule_id = sc.id AND t.status IN ('free', 'held') AND l.channel = $2
                 AND l.opens_at <= greatest($3, o.opens_at)) AS has_seats
FROM schedule sc
JOIN clinic c ON c.id = sc.clinic_id
CROSS JOIN LATERAL (
    SELECT min(l.opens_at) FILTER (WHERE l.via = 'rule' AND l.opens_at > $4) AS opens_at, count(*) > 0 AS known
    FROM schedule_release l WHERE l.schedule_id = sc.id AND l.channel = $2) o
LEFT JOIN rush u ON u.schedule_id = sc.id AND u.opens_at = o.opens_at
WHERE sc.id = $1
"""


class _JoinRate:
    """How many joins each application has asked for in this second, in this process."""

    def __init__(self) -> None:
        self._second = 0
        self._joins: Counter[str] = Counter()

    def count(self, client_id: str, limit: int) -> None:
        """Count one.

        Raises:
            TooManyJoins.
        """
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._joins.clear()
        self._joins[client_id] += 1
        if self._joins[client_id] > limit:
            raise errors.TooManyJoins(retry_after_seconds=1)


_rate: Final = _JoinRate()


async def join_rush(
    *, schedule_id: UUID, patient_id: UUID, actor: Actor, idempotency: Idempotency | None = None
) -> Ticket:
    """Give a patient their one ticket before a hot schedule; whoever asks again is given the same.

    Raises:
        RushNotFound: no such schedule, or none of which this channel ever gets seats.
        NotNeeded, NotOpen: no waiting room, or not yet.
        DeviceRequired, TooManyJoins: the application does not behave.
        PatientUnknown, PatientBanned, PatientNotEligible: not for this person.
        LimitReached, JoinedElsewhere, RushFull, SoldOut.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    at = clock.now()
    rule = await read_rule(database())
    _rate.count(actor.client_id, rule.joins_per_second)
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return await _known_ticket(tx, UUID(stored["ticket_id"]), actor)
        if not actor.acts_for_the_public:
            raise errors.NotNeeded
        if actor.device_hash is None:
            raise errors.DeviceRequired
        room = await _read_room(tx, schedule_id, actor.channel, rule, patient_id=patient_id, at=at)
        whose = None if actor.sees_all else actor.client_id
        person = (await patients.eligibility_facts(tx, [(patient_id, whose)])).get(patient_id)
        if person is None:
            raise PatientUnknown
        _require_open(room, rule, at=at)
        if person.banned_until is not None and person.banned_until > at:
            raise PatientBanned(until=person.banned_until)
        if not room["may_attend"]:
            raise PatientNotEligible
        rush_id = room["rush_id"] or await _open_line(tx, schedule_id, room["opens_at"])
        if room["drawn_at"] is None and room["opens_at"] <= at:
            await admission.draw_places(tx, rush_id, at=at)
        ticket = await _take_ticket(tx, rush_id, patient_id, person.phone_hash, rule, actor=actor, at=at)
        if idempotency:
            await idempotency.remember(tx, {"ticket_id": str(ticket.id)})
        return ticket


def _require_open(room: Row, rule: Rule, *, at: datetime) -> None:
    if not room["is_hot"] or room["is_emergency"] or room["opens_at"] is None:
        raise errors.NotNeeded
    opens_at = room["opens_at"]
    joins_at = opens_at - timedelta(minutes=rule.join_minutes_before)
    if at < joins_at:
        raise errors.NotOpen(joins_at=joins_at, opens_at=opens_at)
    if opens_at <= at and not room["has_seats"]:
        raise SoldOut(next_release_at=None)
    if opens_at <= at and not room["needs_turn"]:
        raise errors.NotNeeded


async def _read_room(
    db: Reader, schedule_id: UUID, channel: str, rule: Rule, *, patient_id: UUID | None, at: datetime
) -> Row:
    rows = await db.fetch(_ROOM, schedule_id, channel, at, at - rule.closes_after, patient_id)
    if not rows or not rows[0]["active"] or not rows[0]["known"]:
        raise errors.RushNotFound
    return rows[0]


async def _open_line(tx: Transaction, schedule_id: UUID, opens_at: datetime) -> UUID:
    """Make the line of a release, with the seed that will decide its order; whoever comes second finds it there."""
    seed = new_seed()
    await tx.execute(
        "INSERT INTO rush (id, schedule_id, opens_at, seed, commitment) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT ON CONSTRAINT rush_once DO NOTHING",
        new_id(),
        schedule_id,
        opens_at,
        seed,
        commitment_of(seed),
    )
    rush_id: UUID = await tx.fetchval(
        "SELECT id FROM rush WHERE schedule_id = $1 AND opens_at = $2", schedule_id, opens_at
    )
    return rush_id


async def _take_ticket(
    tx: Transaction,
    rush_id: UUID,
    patient_id: UUID,
    phone_hash: bytes | None,
    rule: Rule,
    *,
    actor: Actor,
    at: datetime,
) -> Ticket:
    rows = await tx.fetch(
        "SELECT * FROM join_rush($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new_id(),
        rush_id,
        patient_id,
        actor.channel,
        actor.client_id,
        actor.device_hash,
        phone_hash,
        at,
        rule.tickets_per_person,
        TICKETS_OF_A_RUSH_MAX,
    )
    outcome, ticket_id = rows[0]
    if outcome == "too_many":
        raise errors.LimitReached(limit=rule.tickets_per_person)
    if outcome == "full":
        raise errors.RushFull(limit=TICKETS_OF_A_RUSH_MAX)
    ticket = await read_ticket(tx, ticket_id)
    assert ticket is not None, "just joined, and tickets stay"
    # Two accounts may act for one person: they stand in one line, and hold one ticket.
    if not _may_hold(ticket, actor) or ticket.channel != actor.channel:
        raise errors.JoinedElsewhere
    return ticket


async def read_ticket(db: Reader, ticket_id: UUID) -> Ticket | None:
    """Read a ticket as it stands in its row, whoever holds it."""
    rows = await db.fetch(
        f"SELECT {TICKET_COLUMNS} FROM rush_ticket WHERE id = $1",  # noqa: S608  our own columns
        ticket_id,
    )
    return Ticket(*rows[0].values()) if rows else None


async def _known_ticket(db: Reader, ticket_id: UUID, actor: Actor) -> Ticket:
    ticket = await read_ticket(db, ticket_id)
    if ticket is None or not _may_hold(ticket, actor):
        raise errors.TicketNotFound
    return ticket


def _may_hold(ticket: Ticket, actor: Actor) -> bool:
    return ticket.client_id == actor.client_id or actor.kind == "account"


async def withdraw_ticket(*, ticket_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Ticket:
    """Give a ticket up; an open turn passes on at once. Until the draw the person may join again.

    Raises:
        TicketNotFound, TicketEnded, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and await idempotency.replay(tx):
            return await _known_ticket(tx, ticket_id, actor)
        known = await _known_ticket(tx, ticket_id, actor)
        gone = await tx.execute(
            "UPDATE rush_ticket SET status = 'withdrawn'"
            " WHERE id = $1 AND status = ANY ($2) AND (status <> 'turn' OR turn_until > $3)",
            ticket_id,
            TICKET.before("withdrawn"),
            at,
        )
        if not gone:
            raise errors.TicketEnded(current_status="passed" if known.status == "turn" else known.status)
        if idempotency:
            await idempotency.remember(tx, {"ticket_id": str(ticket_id)})
        return await _known_ticket(tx, ticket_id, actor)


async def read_room(*, schedule_id: UUID, actor: Actor) -> Room:
    """Tell whether there is a waiting room before a schedule for the caller's channel, and when it opens.

    Raises:
        RushNotFound, DatabaseUnavailable.
    """
    at = clock.now()
    rule = await read_rule(database())
    row = await _read_room(database(), schedule_id, actor.channel, rule, patient_id=None, at=at)
    is_hot, opens_at = row["is_hot"] and not row["is_emergency"], row["opens_at"]
    joined = 0
    if row["rush_id"] is not None:
        joined = await database().fetchval(
            "SELECT count(*) FROM rush_ticket WHERE rush_id = $1 AND status <> 'withdrawn'", row["rush_id"]
        )
    stands = is_hot and opens_at is not None
    return Room(
        schedule_id=schedule_id,
        is_hot=is_hot,
        needs_turn=row["needs_turn"],
        rush_id=row["rush_id"],
        joins_at=opens_at - timedelta(minutes=rule.join_minutes_before) if stands else None,
        opens_at=opens_at if stands else None,
        closes_at=opens_at + rule.closes_after if stands else None,
        joined=joined,
        commitment=None if row["commitment"] is None else row["commitment"].hex(),
    )


async def read_draw(*, rush_id: UUID, after: int, limit: int) -> Draw:
    """Read a page of a draw, by place: everything that is needed to check it, once it has been drawn.

    Raises:
        RushNotFound, DatabaseUnavailable.
    """
    rush: Any = await database().fetchrow("SELECT * FROM rush WHERE id = $1", rush_id)
    if rush is None:
        raise errors.RushNotFound
    items = await database().fetch(
        "SELECT id, place, is_behind FROM rush_ticket WHERE rush_id = $1 AND place > $2 AND place <= $3"
        " ORDER BY place LIMIT $4",
        rush_id,
        after,
        rush["drawn"],
        limit,
    )
    is_drawn = rush["drawn_at"] is not None
    return Draw(
        rush_id=rush_id,
        schedule_id=rush["schedule_id"],
        opens_at=rush["opens_at"],
        commitment=rush["commitment"].hex(),
        seed=rush["seed"].hex() if is_drawn else None,
        drawn_at=rush["drawn_at"],
        drawn=rush["drawn"],
        items=[(row["id"], row["place"], row["is_behind"]) for row in items],
    )
