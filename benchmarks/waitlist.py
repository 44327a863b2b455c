"""`./hospital bench waitlist`: how fast a mass cancellation serves those who wait.

Beside each measured mass cancellation the same number of appointments is cancelled that nobody waits for: on a
machine that others use too, what is divided by each other was measured side by side.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import hospital_data
from benchmarks.booking import machine, prepare, say, temporary
from benchmarks.hospital_data import (
    CHANNEL,
    CLIENT,
    DEPARTMENTS,
    PRACTITIONERS,
    SEATS_PER_SLOT,
    SLOTS_PER_SCHEDULE,
    id_sql,
)
from benchmarks.servers import ServerFailedError, databases
from booking import service
from booking.mass_cancellation import APPOINTMENTS_A_TURN_MAX, cancel_many
from kernel.db import database, open_database
from kernel.events import Actor

WAITING = 5_000
SEATS = SLOTS_PER_SCHEDULE * SEATS_PER_SLOT
SCHEDULES = -(-WAITING // SEATS)
SINGLE_CANCELLATIONS = 400
SINGLE_CALLERS = 8
# Kept out of the rounds: everybody there waits on one list.
ONE_LIST_DEPARTMENT = DEPARTMENTS - 1
AIM_SECONDS = 5.0
ACTOR = Actor(client_id="bench-office", channel=CHANNEL, kind="internal", staff_code="S0001")


class WrongError(Exception):
    """The platform did something that it must not; the text says what."""


async def sell(connection: asyncpg.Connection, schedules: list[int], *, first_person: int) -> list[Any]:
    """Book the first `WAITING` seats of some schedules, each for a person of its own; give the appointments."""
    rows = await connection.fetch(
        f"""
        WITH wanted AS (
            SELECT t.id, t.seq, t.slot_id, s.starts_at, sc.id AS schedule_id, sc.department_id, sc.clinic_date,
                   sc.fee_fen, row_number() OVER (ORDER BY n.place, t.seq) - 1 AS number
            FROM unnest($1::integer[]) WITH ORDINALITY n (number, place)
            JOIN schedule sc ON sc.id = {id_sql("schedule", "n.number")}
            JOIN seat t ON t.schedule_id = sc.id JOIN slot s ON s.id = t.slot_id
            ORDER BY n.place, t.seq LIMIT {WAITING}),
        booked AS (UPDATE seat SET status = 'booked' FROM wanted w WHERE seat.id = w.id),
        made AS (
            INSERT INTO appointment (id, seat_id, seq, slot_id, schedule_id, department_id, clinic_date, starts_at,
                                     patient_id, status, channel, client_id, fee_fen, created_at, updated_at)
            SELECT time_ordered_id(now()), w.id, w.seq, w.slot_id, w.schedule_id, w.department_id, w.clinic_date,
                   w.starts_at, {id_sql("patient", "$2 + w.number")}, 'booked', '{CHANNEL}', '{CLIENT}', w.fee_fen,
                   now(), now() FROM wanted w RETURNING id, patient_id, clinic_date, department_id),
        placed AS (
            INSERT INTO visit_claim (patient_id, clinic_date, ordinal, department_id, owner_id)
            SELECT patient_id, clinic_date, 1, department_id, id FROM made)
        SELECT id FROM made""",
        schedules,
        first_person,
    )
    return [row["id"] for row in rows]


async def queue(connection: asyncpg.Connection, schedules: list[int], *, first_person: int, one_list: bool) -> None:
    """Put `WAITING` people on lists: of the schedules and their practitioners by turns, or all on one department's."""
    target = (
        id_sql("department", str(ONE_LIST_DEPARTMENT))
        if one_list
        else "CASE n.k % 2 WHEN 0 THEN sc.id ELSE sc.practitioner_id END"
    )
    kind = "'department'" if one_list else "CASE n.k % 2 WHEN 0 THEN 'schedule' ELSE 'practitioner' END"
    days = "current_date, current_date + 20" if one_list else "sc.clinic_date, sc.clinic_date"
    await connection.execute(
        f"""
        WITH made AS (
            INSERT INTO waitlist_entry (id, patient_id, target_kind, target_id, department_id, date_from, date_until,
                                        channel, client_id, status, ends_at, created_at, updated_at)
            SELECT time_ordered_id(now()), {id_sql("patient", "$2 + n.k")}, {kind}, {target}, sc.department_id, {days},
                   '{CHANNEL}', '{CLIENT}', 'waiting', now() + interval '30 days',
                   now() + n.k * interval '1 microsecond', now()
            FROM generate_series(0, {WAITING - 1}) n (k)
            JOIN schedule sc ON sc.id = {id_sql("schedule", f"($1::integer[])[n.k / {SEATS} + 1]")}
            RETURNING id, patient_id)
        INSERT INTO waitlist_event (at, kind, entry_id, patient_id, channel, client_id)
        SELECT now(), 'joined', id, patient_id, '{CHANNEL}', '{CLIENT}' FROM made""",
        schedules,
        first_person,
    )


async def cancel_all(appointments: list[Any]) -> float:
    """Cancel them, a bounded number in each transaction; give the seconds."""
    started = time.monotonic()
    for start in range(0, len(appointments), APPOINTMENTS_A_TURN_MAX):
        turn = appointments[start : start + APPOINTMENTS_A_TURN_MAX]
        async with database().transaction() as tx:
            done = await cancel_many(tx, turn, actor=ACTOR, reason="stopped", handlers=service.HANDLERS)
        if len(done) != len(turn):
            raise WrongError(f"{len(done)} of {len(turn)} appointments were cancelled")
    return time.monotonic() - started


async def cancel_singly(appointments: list[Any]) -> float:
    """Cancel them one by one, as patients do, some at a time; give the cancellations a second."""
    waiting = list(appointments)

    async def call() -> None:
        while waiting:
            await service.cancel_appointment(appointment_id=waiting.pop(), reason=None, actor=ACTOR)

    started = time.monotonic()
    await asyncio.gather(*(call() for _ in range(SINGLE_CALLERS)))
    return len(appointments) / (time.monotonic() - started)


async def require_served(connection: asyncpg.Connection, offers: int) -> None:
    """See that everybody has one offer, and that nothing is both offered and sold.

    Raises:
        WrongError.
    """
    row = await connection.fetchrow(
        "SELECT count(*) AS offers, count(DISTINCT h.seat_id) AS seats, count(DISTINCT h.entry_id) AS entries,"
        " count(*) FILTER (WHERE t.hold_id = h.id AND t.status = 'held') AS held,"
        " count(*) FILTER (WHERE EXISTS (SELECT FROM appointment a WHERE a.seat_id = h.seat_id"
        " AND a.status = 'booked')) AS sold,"
        " (SELECT count(*) FROM waitlist_entry WHERE status = 'waiting' AND offer_id IS NULL) AS unserved"
        " FROM hold h JOIN seat t ON t.id = h.seat_id WHERE h.kind = 'offer' AND h.status = 'active'"
    )
    assert row is not None, "a count has a row"
    if tuple(row) != (offers, offers, offers, offers, 0, 0):
        raise WrongError(f"expected {offers} offers, found {dict(row)}")


class Bench:
    """One run on its own databases."""

    def __init__(self, connection: asyncpg.Connection, rounds: int) -> None:
        self.connection = connection
        self.rounds = rounds
        self.offers = 0
        self.people = 0
        ordinary = (n for n in range(10**6) if n % PRACTITIONERS % DEPARTMENTS != ONE_LIST_DEPARTMENT)
        self.schedules = ([next(ordinary) for _ in range(SCHEDULES)] for _ in range(2 * rounds + 2))

    async def prepared(self, *, waited: bool, one_list: bool = False) -> list[Any]:
        """Sell schedules that nobody has used, and let people wait for them."""
        if one_list:
            every = range(hospital_data.MANY_SCHEDULES)
            theirs = [n for n in every if n % PRACTITIONERS % DEPARTMENTS == ONE_LIST_DEPARTMENT]
            schedules = theirs[:SCHEDULES]
        else:
            schedules = next(self.schedules)
        appointments = await sell(self.connection, schedules, first_person=self._next_people())
        if waited:
            await queue(self.connection, schedules, first_person=self._next_people(), one_list=one_list)
            self.offers += WAITING
        await self.connection.execute("ANALYZE waitlist_entry")
        return appointments

    def _next_people(self) -> int:
        self.people += WAITING
        return self.people - WAITING

    async def measure(self) -> dict[str, Any]:
        """Run interleaved rounds.

        Raises:
            WrongError.
        """
        plain, served = [], []
        for number in range(self.rounds):
            plain.append(await cancel_all(await self.prepared(waited=False)))
            served.append(await cancel_all(await self.prepared(waited=True)))
            await require_served(self.connection, self.offers)
            say(f"round {number + 1}: {plain[-1]:.2f} s where nobody waits, {served[-1]:.2f} s where {WAITING:,} do")
        one_list = await cancel_all(await self.prepared(waited=True, one_list=True))
        await require_served(self.connection, self.offers)
        say(f"all on one list: {one_list:.2f} s")
        unwaited = await cancel_singly((await self.prepared(waited=False))[:SINGLE_CANCELLATIONS])
        singly = await self.prepared(waited=True)
        waited = await cancel_singly(singly[:SINGLE_CANCELLATIONS])
        seconds = statistics.median(served)
        return {
            "waiting": WAITING,
            "seconds": round(seconds, 3),
            "seconds_max": round(max(served), 3),
            "entries_per_second": round(WAITING / seconds, 1),
            "plain_seconds": round(statistics.median(plain), 3),
            "ratio": round(statistics.median(s / p for s, p in zip(served, plain, strict=True)), 3),
            "one_list_seconds": round(one_list, 3),
            "single_rps": round(waited, 1),
            "single_plain_rps": round(unwaited, 1),
            "rounds": self.rounds,
        }


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and give the figures under their names.

    Raises:
        WrongError, ServerFailedError.
    """
    cache = (Path(os.environ.get("DATA_DIR", ".data")) / "bench").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    with temporary(cache) as root, ExitStack() as stack:
        say("Starting PostgreSQL and Valkey ...")
        servers = stack.enter_context(databases(root, statement_statistics=False))
        database_url, admin_url = asyncio.run(prepare(servers))
        figures = asyncio.run(_measure(database_url, admin_url, options.rounds))
    return figures | {"machine": machine()}


async def _measure(database_url: str, admin_url: str, rounds: int) -> dict[str, Any]:
    connection = await asyncpg.connect(admin_url)
    try:
        await hospital_data.build(
            connection,
            patients=WAITING * (3 * rounds + 6),
            hot_schedules=0,
            hot_seats=1,
            secret_hash=b"-" * 32,
            say=say,
        )
        opened = await open_database(database_url, max_size=SINGLE_CALLERS + 2)
        try:
            return await Bench(connection, rounds).measure()
        finally:
            await opened.close()
    finally:
        await connection.close()


def table(figures: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    where = figures["machine"]
    lines = [
        "{waiting:,} people who wait are served by a mass cancellation in {seconds} s (aim: under {aim:.0f} s)",
        "the slowest of {rounds} rounds took {seconds_max} s; the median is {entries_per_second:,.0f} entries a second",
        "that is {ratio} times the {plain_seconds} s of as many cancellations that nobody waits for",
        "all of them on one department's list: {one_list_seconds} s",
        "one by one: {single_rps:,.0f} cancellations a second, {single_plain_rps:,.0f} where nobody waits",
        "{date}, {cores} cores, {cpu}, {memory_gib} GiB",
    ]
    return "\n".join(lines).format(**figures, **where, aim=AIM_SECONDS)


def main() -> int:
    """Measure the waitlist on this machine."""
    parser = argparse.ArgumentParser(prog="./hospital bench waitlist", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=3, metavar="R", help="interleaved rounds (default 3)")
    options = parser.parse_args()
    try:
        figures = run(options)
    except (WrongError, ServerFailedError) as error:
        say(f"bench waitlist: {error}")
        return 1
    print(json.dumps(figures) if options.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
