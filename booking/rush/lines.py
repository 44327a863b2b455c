"""What thousands of phones ask every few seconds, answered from memory; PostgreSQL is asked for all of them together.

A process reads how it stands at most once in `FRESH_SECONDS`, for every line that somebody has asked about since, and
sees to draws and turns as it does. What it remembers decides nothing: the desk asks PostgreSQL for the turn.
"""

import asyncio
import random
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from booking.rush import admission, errors, outlook
from booking.rush.admission import Stand, Turned
from booking.rush.facts import Rule, Ticket, View, read_rule
from booking.rush.tickets import read_ticket
from kernel import clock
from kernel.db import Database, database
from kernel.events import Actor

FRESH_SECONDS: Final = 1.0
# An answer older than this is not given: who asks then waits for a fresh one.
STALE_SECONDS: Final = 5.0
LINES_MAX: Final = 2_000
TICKETS_MAX: Final = 200_000
MOVED_WITHIN: Final = timedelta(minutes=5)
# What belongs to the first opening of turns, and not to the line's moving on.
FIRST_WITHIN: Final = timedelta(seconds=2)

ASK_SECONDS_BEFORE: Final = (15, 25)
ASK_SECONDS_AT_RELEASE: Final = 10.0
ASK_SECONDS_MIN: Final = 3
ASK_SECONDS_MAX: Final = 20
ASK_SECONDS_OVER: Final = 60


@dataclass(slots=True)
class Line:
    """One rush, as this process knows it.

    places: by channel, every place given, in order; gone: those of people who do not wait any more.
    unwritten: who has asked, and when, which PostgreSQL does not know yet; written: what it knows.
    """

    rush_id: UUID
    schedule_id: UUID
    opens_at: datetime
    department_id: UUID | None = None
    commitment: str = ""
    is_drawn: bool = False
    joined: int = 0
    place_last: int = 0
    places: dict[str, list[int]] = field(default_factory=dict)
    place_of: dict[UUID, int] = field(default_factory=dict)
    behind: set[UUID] = field(default_factory=set)
    gone: dict[str, list[int]] = field(default_factory=dict)
    turned: dict[UUID, Turned] = field(default_factory=dict)
    stand: Stand | None = None
    unwritten: dict[UUID, datetime] = field(default_factory=dict)
    written: dict[UUID, datetime] = field(default_factory=dict)
    progress_of: dict[str, outlook.Progress] = field(default_factory=dict)
    is_asked: bool = False
    read_at: datetime | None = None

    def before(self, channel: str, place: int) -> int:
        """Count who waits further to the front for the same seats."""
        rivals = self.stand.rivals(channel) if self.stand else {channel}
        return sum(
            bisect_left(self.places.get(rival, []), place) - bisect_left(self.gone.get(rival, []), place)
            for rival in rivals
        )

    def progress(self, channel: str, rule: Rule, *, at: datetime) -> outlook.Progress:
        """Say how the line gets on for a channel; it is worked out once for each reading."""
        known = self.progress_of.get(channel)
        if known is None:
            known = self.progress_of[channel] = self._progress(channel, rule, at=at)
        return known

    def _progress(self, channel: str, rule: Rule, *, at: datetime) -> outlook.Progress:
        stand = self.stand
        assert stand is not None, "read before it is shown"
        rivals = stand.rivals(channel)
        theirs = [one for one in stand.turned if one.channel in rivals and one.turn_at is not None]
        open_turns = sum(one.is_open(at) for one in theirs)
        first = min((one.turn_at for one in theirs if one.turn_at is not None), default=at)
        since = max(first + FIRST_WITHIN, at - MOVED_WITHIN)
        moved = sum(one.turn_at is not None and one.turn_at > since for one in theirs)
        used = sum(one.status == "used" for one in theirs)
        return outlook.Progress(
            seats=stand.seats.get(channel, 0),
            open_turns=open_turns,
            used=used,
            passed=len(theirs) - used - open_turns,
            moved=moved,
            moved_seconds=max((at - since).total_seconds(), 0.0),
            turn_seconds=rule.turn_seconds,
        )


class Lines:
    """This process's knowledge of the waiting rooms that it is asked about."""

    def __init__(self, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._fresh = timedelta(seconds=fresh_seconds)
        self._lines: dict[UUID, Line] = {}
        self._tickets: dict[UUID, Ticket] = {}
        self._rule: Rule | None = None
        self._reading: asyncio.Task[None] | None = None

    async def look(self, ticket_id: UUID, *, actor: Actor) -> View:
        """Tell the holder of a ticket how it stands, and note that they are there.

        Raises:
            TicketNotFound: absent, or another client's.
            DatabaseUnavailable, DatabaseBusy.
        """
        ticket = self._tickets.get(ticket_id)
        if ticket is None:
            ticket = await read_ticket(database(), ticket_id)
            if ticket is None:
                raise errors.TicketNotFound
        if not actor.sees_all and ticket.client_id != actor.client_id:
            raise errors.TicketNotFound
        line = self._remember(ticket)
        at = clock.now()
        if actor.acts_for_the_public and ticket.status != "withdrawn":
            line.unwritten[ticket.id] = at
        await self._bring_up_to_date(line, at)
        return await self._show(line, ticket, at)

    async def show(self, ticket: Ticket) -> View:
        """Tell how it stands with a ticket that was just read from its row, by what is known of its line.

        Raises:
            DatabaseUnavailable, DatabaseBusy.
        """
        self._tickets.pop(ticket.id, None)
        line = self._remember(ticket)
        at = clock.now()
        turned = line.turned.get(ticket.id)
        if turned is not None and turned.status != ticket.status:
            line.read_at = None
        await self._bring_up_to_date(line, at)
        return await self._show(line, ticket, at)

    def _remember(self, ticket: Ticket) -> Line:
        if len(self._tickets) >= TICKETS_MAX or len(self._lines) >= LINES_MAX:
            self._forget_closed()
        line = self._lines.get(ticket.rush_id)
        if line is None:
            line = self._lines[ticket.rush_id] = Line(ticket.rush_id, ticket.schedule_id, ticket.opens_at)
        self._tickets[ticket.id] = ticket
        return line

    def _forget_closed(self) -> None:
        """Let go of what is over; of everything, should that not be enough: it is read again when asked about."""
        now = clock.now()
        over = {rush for rush, line in self._lines.items() if line.opens_at + timedelta(hours=5) < now}
        self._lines = {rush: line for rush, line in self._lines.items() if rush not in over}
        self._tickets = {id_: ticket for id_, ticket in self._tickets.items() if ticket.rush_id not in over}
        if len(self._tickets) >= TICKETS_MAX or len(self._lines) >= LINES_MAX:
            self._lines, self._tickets = {}, {}

    async def _bring_up_to_date(self, line: Line, at: datetime) -> None:
        line.is_asked = True
        age = None if line.read_at is None else at - line.read_at
        crossed = line.read_at is not None and line.read_at < line.opens_at <= at
        if age is not None and age < self._fresh and not crossed:
            return
        task = self._start_reading()
        if age is None or crossed or age >= timedelta(seconds=STALE_SECONDS) or not self._fresh:
            await asyncio.shield(task)
            if line.read_at is None or (crossed and line.read_at < line.opens_at):
                # It was asked about after that reading had begun.
                await asyncio.shield(self._start_reading())

    def _start_reading(self) -> "asyncio.Task[None]":
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read_asked())
            self._reading.add_done_callback(_see_result)
        return self._reading

    async def _read_asked(self) -> None:
        """Draw, note who is there, open turns, and read; for every line asked about since the last time."""
        asked = [line for line in self._lines.values() if line.is_asked]
        for line in asked:
            line.is_asked = False
        db, at = database(), clock.now()
        rule = self._rule = await read_rule(db)
        for line in asked:
            if not line.is_drawn and line.opens_at <= at:
                async with db.transaction() as tx:
                    await admission.draw_places(tx, line.rush_id, at=at)
        await self._write_presence(db, asked, rule)
        asked = await self._read_lines(db, asked)
        open_ones = [line for line in asked if line.opens_at <= at]
        if open_ones:
            schedules = sorted({line.schedule_id for line in open_ones})
            stands = await admission.open_turns(db, schedules, rule, at=at)
            for line in open_ones:
                _note_stand(line, stands[line.schedule_id])
            await _read_places(db, [line for line in open_ones if line.is_drawn])
        await _look_ahead(db, [line for line in asked if line.opens_at > at], rule)
        for line in asked:
            line.progress_of = {}
            line.read_at = at

    async def _write_presence(self, db: Database, lines: Iterable[Line], rule: Rule) -> None:
        """Let PostgreSQL know who is there, of those of whom it has not heard for a third of the time allowed."""
        often = timedelta(seconds=rule.presence_seconds / 3)
        seen: list[tuple[UUID, datetime]] = []
        for line in lines:
            due = {
                ticket: at
                for ticket, at in line.unwritten.items()
                if ticket not in line.turned and ((last := line.written.get(ticket)) is None or at - last >= often)
            }
            line.unwritten = {}
            line.written |= due
            seen += due.items()
        if seen:
            await db.execute(
                "WITH mine AS (SELECT t.id, s.at FROM unnest($1::uuid[], $2::timestamptz[]) AS s (id, at)"
                " JOIN rush_ticket t ON t.id = s.id AND t.status = 'waiting' AND t.seen_at < s.at"
                " ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED)"
                " UPDATE rush_ticket t SET seen_at = mine.at FROM mine WHERE t.id = mine.id",
                [ticket for ticket, _ in seen],
                [at for _, at in seen],
            )

    async def _read_lines(self, db: Database, lines: list[Line]) -> list[Line]:
        """Read the lines themselves, and let go of those that are not kept any more.

        Tickets are counted until the draw, and by places after it.
        """
        rows = await db.fetch(
            "SELECT u.id, u.commitment, sc.department_id, u.drawn_at IS NOT NULL AS is_drawn,"
            " CASE WHEN u.drawn_at IS NOT NULL THEN u.places ELSE ("
            " SELECT count(*) FROM rush_ticket t WHERE t.rush_id = u.id AND t.status = 'waiting') END AS joined"
            " FROM rush u JOIN schedule sc ON sc.id = u.schedule_id WHERE u.id = ANY ($1)",
            [line.rush_id for line in lines],
        )
        known = {row["id"]: row for row in rows}
        for line in lines:
            row = known.get(line.rush_id)
            if row is None:
                self._lines.pop(line.rush_id, None)
                continue
            line.commitment, line.department_id = row["commitment"].hex(), row["department_id"]
            line.is_drawn, line.joined = row["is_drawn"], row["joined"]
        return [line for line in lines if line.rush_id in known]

    async def _show(self, line: Line, ticket: Ticket, at: datetime) -> View:
        rule = self._rule
        if rule is None or line.stand is None:
            # Its row is gone: tickets of long ago are not kept.
            self._tickets.pop(ticket.id, None)
            raise errors.TicketNotFound
        turned = line.turned.get(ticket.id)
        place = line.place_of.get(ticket.id)
        if line.is_drawn and place is None and ticket.place is None and ticket.status == "waiting":
            # It has joined after the line was read, or given up before the draw.
            fresh = await read_ticket(database(), ticket.id)
            if fresh is not None:
                ticket = self._tickets[ticket.id] = fresh
                place = fresh.place
        ticket = ticket._replace(
            place=place if place is not None else ticket.place,
            is_behind=ticket.is_behind or ticket.id in line.behind,
            status=turned.status if turned else ticket.status,
            turn_until=turned.turn_until if turned else ticket.turn_until,
        )
        return _view(line, ticket, rule, at)


def _see_result(task: "asyncio.Task[None]") -> None:
    """Take the failure of a reading for which nobody has waited; the next one who asks finds it stale and waits."""
    if not task.cancelled():
        task.exception()


async def _read_places(db: Database, lines: list[Line]) -> None:
    """Read the places that were given since the last time: they are given in order, under the line's lock."""
    behind = [line for line in lines if line.place_last < line.joined]
    if not behind:
        return
    rows = await db.fetch(
        "SELECT t.rush_id, t.id, t.channel, t.place, t.is_behind"
        " FROM unnest($1::uuid[], $2::integer[]) AS l (rush_id, place)"
        " JOIN rush_ticket t ON t.rush_id = l.rush_id AND t.place > l.place ORDER BY t.place",
        [line.rush_id for line in behind],
        [line.place_last for line in behind],
    )
    by_rush = {line.rush_id: line for line in behind}
    for rush_id, ticket_id, channel, place, is_behind in rows:
        line = by_rush[rush_id]
        line.place_last = place
        line.places.setdefault(channel, []).append(place)
        line.place_of[ticket_id] = place
        if is_behind:
            line.behind.add(ticket_id)


async def _look_ahead(db: Database, lines: list[Line], rule: Rule) -> None:
    """Read what there will be at the release, before it."""
    for opens_at in sorted({line.opens_at for line in lines}):
        these = [line for line in lines if line.opens_at == opens_at]
        stands = await admission.read_stands(db, [line.schedule_id for line in these], rule, at=opens_at)
        for line in these:
            line.stand = stands[line.schedule_id]


def _note_stand(line: Line, stand: Stand) -> None:
    line.stand = stand
    for one in stand.turned:
        if one.rush_id == line.rush_id:
            if one.id not in line.turned:
                insort(line.gone.setdefault(one.channel, []), one.place)
            line.turned[one.id] = one


def _view(line: Line, ticket: Ticket, rule: Rule, at: datetime) -> View:
    stand, department_id = line.stand, line.department_id
    assert stand is not None, "read with the line"
    assert department_id is not None, "read with the line"
    closes_at = line.opens_at + rule.closes_after
    progress = line.progress(ticket.channel, rule, at=at)
    status = _status(ticket, stand, closes_at, at=at)
    before: int | None = None
    judged: outlook.Outlook | None = None
    estimate: outlook.Estimate | None = None
    if status == "waiting" and ticket.place is None:
        judged = outlook.chance_before_draw(seats=progress.seats, joined=line.joined)
    elif status == "waiting" and ticket.place is not None:
        before = line.before(ticket.channel, ticket.place)
        judged = outlook.judge(progress, before=before)
        closes_in = (closes_at - at).total_seconds()
        estimate = outlook.estimate_turn(progress, before=before, closes_in_seconds=closes_in)
    return View(
        ticket=ticket,
        status=status,
        department_id=department_id,
        commitment=line.commitment,
        closes_at=closes_at,
        joined=line.joined,
        before=before,
        seats_left=progress.seats,
        open_turns=progress.open_turns,
        outlook=judged,
        estimate=estimate,
        ask_again_seconds=_ask_again(line, status, judged, estimate, at=at),
    )


def _status(ticket: Ticket, stand: Stand, closes_at: datetime, *, at: datetime) -> str:
    if ticket.status == "turn" and ticket.turn_until is not None and ticket.turn_until <= at:
        return "passed"
    if ticket.status != "waiting":
        return ticket.status
    if at >= closes_at or (at >= ticket.opens_at and not stand.unbooked.get(ticket.channel)):
        return "over"
    return "waiting"


def _ask_again(
    line: Line, status: str, judged: outlook.Outlook | None, estimate: outlook.Estimate | None, *, at: datetime
) -> int:
    """Choose when to ask again: rarely far from the turn, often near it, and never all at the same moment.

    Those for whom probably nothing is left are by far the most, and set the load.
    """
    spread = random.uniform(0.8, 1.2)  # noqa: S311  it spreads load, and keeps no secret
    opens_in = (line.opens_at - at).total_seconds()
    if status in ("used", "passed", "withdrawn", "over"):
        return ASK_SECONDS_OVER
    if status == "turn":
        return ASK_SECONDS_MAX
    if opens_in > 0:
        soon = opens_in + random.uniform(0.5, ASK_SECONDS_AT_RELEASE)  # noqa: S311  the same
        often = random.uniform(*ASK_SECONDS_BEFORE)  # noqa: S311  the same
        return max(1, round(min(soon, often) if opens_in > often else soon))
    if estimate is None or judged == "unlikely":
        return round(ASK_SECONDS_MAX * spread)
    return round(min(max(estimate.seconds / 8, ASK_SECONDS_MIN), ASK_SECONDS_MAX) * spread)


_lines = Lines()


def lines() -> Lines:
    """Give this process's lines."""
    return _lines
