"""Whose turn it is: as many turns are open as there are seats, given in the order of places to those who are there.

Nothing here needs a timer. Whoever looks at a line after its release sees to the draw, and to the turns that are due;
several processes may do so at once, one after another by the lock on the line. A turn whose time is over is over
without having been written down. Who is not there when their turn would come keeps their place, and is first as soon as
they are back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from booking.rush.drawing import order_tickets
from booking.rush.facts import Rule, read_rule
from booking.rush.states import TICKET
from kernel.db import Database, Reader, Transaction


class Candidate(NamedTuple):
    """Somebody who waits and is there."""

    id: UUID
    channel: str
    opens_at: datetime
    place: int


class Turned(NamedTuple):
    """A ticket that does not wait any more."""

    id: UUID
    rush_id: UUID
    channel: str
    place: int
    status: str
    turn_at: datetime | None
    turn_until: datetime | None

    def is_open(self, at: datetime) -> bool:
        """Tell whether it is their turn."""
        return self.status == "turn" and self.turn_until is not None and self.turn_until > at


@dataclass(slots=True)
class Stand:
    """How it stands before one schedule.

    seats: by channel, how many of its pools' seats nobody has; unbooked: those that somebody holds as well.
    pools: by channel, those that are open to it. turned: everybody of its lines who has had a turn or gone.
    """

    schedule_id: UUID
    seats: dict[str, int] = field(default_factory=dict)
    unbooked: dict[str, int] = field(default_factory=dict)
    pools: dict[str, frozenset[str]] = field(default_factory=dict)
    turned: list[Turned] = field(default_factory=list)

    def rivals(self, channel: str) -> frozenset[str]:
        """List the channels that may take seats which this one may take, itself included."""
        mine = self.pools.get(channel, frozenset())
        return frozenset(other for other, pools in self.pools.items() if pools & mine) | {channel}

    def open_turns(self, at: datetime) -> Counter[str]:
        """Count the open turns by channel."""
        return Counter(one.channel for one in self.turned if one.is_open(at))

    def room(self, channel: str, open_turns: Mapping[str, int]) -> int:
        """Tell how many turns more may be open to a channel."""
        taken = sum(open_turns.get(rival, 0) for rival in self.rivals(channel))
        return max(self.seats.get(channel, 0) - taken, 0)


def choose(stand: Stand, candidates: Iterable[Candidate], *, at: datetime) -> list[UUID]:
    """Choose whose turn it is now: by release and place, while their channel has seats without a turn."""
    turns = stand.open_turns(at)
    chosen = []
    for one in sorted(candidates, key=lambda one: (one.opens_at, one.place)):
        if stand.room(one.channel, turns) > 0:
            turns[one.channel] += 1
            chosen.append(one.id)
    return chosen


_SEATS = """
SELECT r.schedule_id, r.channel, r.pools,
       count(t.id) FILTER (WHERE t.status = 'free' OR (t.status = 'held' AND t.hold_until <= $2)) AS free,
       count(t.id) FILTER (WHERE t.status IN ('free', 'held')) AS unbooked
FROM (SELECT l.schedule_id, l.channel, array_agg(l.pool) AS pools FROM schedule_release l
      WHERE l.schedule_id = ANY ($1) AND l.opens_at <= $2 GROUP BY l.schedule_id, l.channel) r
LEFT JOIN (seat t JOIN slot s ON s.id = t.slot_id AND s.starts_at > $2)
       ON t.schedule_id = r.schedule_id AND t.pool = ANY (r.pools)
GROUP BY r.schedule_id, r.channel, r.pools
"""

_TURNED = """
SELECT t.schedule_id, t.id, t.rush_id, t.channel, t.place, t.status, t.turn_at, t.turn_until
FROM rush u JOIN rush_ticket t ON t.rush_id = u.id
WHERE u.schedule_id = ANY ($1) AND u.opens_at > $2 AND t.status <> 'waiting' AND t.place IS NOT NULL
"""

_CANDIDATES = """
SELECT w.schedule_id, c.id, c.channel, c.opens_at, c.place
FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS w (schedule_id, channel, wanted)
CROSS JOIN LATERAL (
    SELECT t.id, t.channel, t.opens_at, t.place FROM rush u JOIN rush_ticket t ON t.rush_id = u.id
    WHERE u.schedule_id = w.schedule_id AND u.opens_at > $5 AND t.status = 'waiting' AND t.place IS NOT NULL
      AND t.channel = w.channel AND t.seen_at > $4
    ORDER BY t.opens_at, t.place LIMIT w.wanted) c
"""


async def read_stands(db: Reader, schedule_ids: Sequence[UUID], rule: Rule, *, at: datetime) -> dict[UUID, Stand]:
    """Read how it stands before these schedules, in their lines that have not closed.

    Raises:
        DatabaseUnavailable.
    """
    stands = {schedule_id: Stand(schedule_id) for schedule_id in schedule_ids}
    # Turns before seats: who takes a seat in between then counts as both having it and being about to.
    for schedule_id, *turned in await db.fetch(_TURNED, list(schedule_ids), at - rule.closes_after):
        stands[schedule_id].turned.append(Turned(*turned))
    for row in await db.fetch(_SEATS, list(schedule_ids), at):
        stand = stands[row["schedule_id"]]
        stand.seats[row["channel"]] = row["free"]
        stand.unbooked[row["channel"]] = row["unbooked"]
        stand.pools[row["channel"]] = frozenset(row["pools"])
    return stands


async def _find_due(db: Reader, stands: Mapping[UUID, Stand], rule: Rule, *, at: datetime) -> dict[UUID, list[UUID]]:
    """Find whose turn it is, by schedule."""
    wanted = [
        (stand.schedule_id, channel, room)
        for stand in stands.values()
        for channel in stand.seats
        if (room := stand.room(channel, stand.open_turns(at))) > 0
    ]
    if not wanted:
        return {}
    rows = await db.fetch(
        _CANDIDATES,
        [schedule_id for schedule_id, _, _ in wanted],
        [channel for _, channel, _ in wanted],
        [room for _, _, room in wanted],
        at - timedelta(seconds=rule.presence_seconds),
        at - rule.closes_after,
    )
    waiting: dict[UUID, list[Candidate]] = {}
    for schedule_id, *candidate in rows:
        waiting.setdefault(schedule_id, []).append(Candidate(*candidate))
    return {schedule_id: choose(stands[schedule_id], found, at=at) for schedule_id, found in waiting.items()}


async def open_turns(db: Database, schedule_ids: Sequence[UUID], rule: Rule, *, at: datetime) -> dict[UUID, Stand]:
    """Open the turns that are due before these schedules, and give how it stands there.

    It looks first, and only where somebody is due does it lock the lines and look again.

    Raises:
        DatabaseUnavailable, DatabaseBusy.
    """
    stands = await read_stands(db, schedule_ids, rule, at=at)
    due = await _find_due(db, stands, rule, at=at)
    overdue = {
        stand.schedule_id
        for stand in stands.values()
        if any(one.status == "turn" and not one.is_open(at) for one in stand.turned)
    }
    locked = sorted({*due, *overdue})
    if not locked:
        return stands
    async with db.transaction() as tx:
        await tx.fetch(
            "SELECT FROM rush WHERE schedule_id = ANY ($1) ORDER BY schedule_id, id FOR NO KEY UPDATE", locked
        )
        assert TICKET.allows("turn", "passed")
        await tx.execute(
            "UPDATE rush_ticket t SET status = 'passed' FROM rush u"
            " WHERE u.schedule_id = ANY ($1) AND t.rush_id = u.id AND t.status = 'turn' AND t.turn_until <= $2",
            locked,
            at,
        )
        due = await _find_due(tx, await read_stands(tx, locked, rule, at=at), rule, at=at)
        assert TICKET.allows("waiting", "turn")
        await tx.execute(
            "UPDATE rush_ticket SET status = 'turn', turn_at = $2, turn_until = $3"
            " WHERE id = ANY ($1) AND status = 'waiting'",
            [ticket for tickets in due.values() for ticket in tickets],
            at,
            at + timedelta(seconds=rule.turn_seconds),
        )
        return stands | await read_stands(tx, locked, rule, at=at)


_ENTRANTS = """
SELECT t.id,
       (SELECT count(*) FROM (SELECT FROM rush_ticket o WHERE o.opens_at = t.opens_at
            AND o.device_hash = t.device_hash AND o.id < t.id AND o.status <> 'withdrawn' LIMIT $2) d) >= $2
    OR (SELECT count(*) FROM (SELECT FROM rush_ticket o WHERE o.opens_at = t.opens_at
            AND o.phone_hash = t.phone_hash AND o.id < t.id AND o.status <> 'withdrawn' LIMIT $3) p) >= $3 AS is_behind
FROM rush_ticket t WHERE t.rush_id = $1 AND t.status = 'waiting'
"""


async def draw_places(tx: Transaction, rush_id: UUID, *, at: datetime) -> None:
    """Give everybody who has joined before the release their place, if the time has come and nobody has yet.

    Whoever is joining is waited for; whoever joins from now on waits for this transaction.
    """
    rush = await tx.fetchrow(
        "SELECT seed FROM rush WHERE id = $1 AND drawn_at IS NULL AND opens_at <= $2 FOR UPDATE", rush_id, at
    )
    if rush is None:
        return
    rule = await read_rule(tx)
    entrants = await tx.fetch(_ENTRANTS, rush_id, rule.tickets_per_device, rule.tickets_per_phone)
    is_behind = {row["id"]: row["is_behind"] for row in entrants}
    order = order_tickets(rush["seed"], is_behind)
    await tx.execute(
        "UPDATE rush_ticket t SET place = o.place, is_behind = o.is_behind"
        " FROM unnest($1::uuid[], $2::boolean[]) WITH ORDINALITY AS o (id, is_behind, place) WHERE t.id = o.id",
        order,
        [is_behind[ticket] for ticket in order],
    )
    await tx.execute("UPDATE rush SET places = $2, drawn = $2, drawn_at = $3 WHERE id = $1", rush_id, len(order), at)
