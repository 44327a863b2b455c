"""A rush with several web processes at once: one draw, never more turns than seats, and every seat to a turn."""

import asyncio
from uuid import UUID

import pytest

from booking.rush.lines import Lines
from kernel.db import Database
from tests.factories.booking import (
    HospitalUnderTest,
    ask,
    desks,
    hold_desks,
    outcomes,
    require_books_agree,
    sequence_numbers,
)
from tests.factories.rush import RELEASE, Rush, at, phone, rule

pytestmark = pytest.mark.race

SEATS = 6
PEOPLE = 30


@pytest.fixture
async def rush(database: Database) -> Rush:
    return await Rush.of(await HospitalUnderTest(database).build(), seats=SEATS)


async def open_turns(rush: Rush) -> int:
    found: int = await rush.hospital.db.fetchval("SELECT count(*) FROM rush_ticket WHERE status = 'turn'")
    return found


async def test_processes_that_open_turns_at_once_open_as_many_as_there_are_seats(rush: Rush) -> None:
    tickets = await rush.join(PEOPLE)
    processes = [Lines(fresh_seconds=0) for _ in range(4)]
    with at(1):
        for _ in range(3):
            await asyncio.gather(*(rush.look(one, processes[n % 4]) for n, one in enumerate(tickets)))
            assert await open_turns(rush) == SEATS
    places = [row["place"] for row in await rush.hospital.db.fetch("SELECT place FROM rush_ticket ORDER BY place")]
    assert places == list(range(1, PEOPLE + 1))
    assert await rush.hospital.db.fetchval("SELECT max(place) FROM rush_ticket WHERE status = 'turn'") == SEATS


async def test_who_joins_in_the_moment_of_the_draw_is_in_it_or_behind(rush: Rush) -> None:
    people = await rush.hospital.patients(PEOPLE)
    (first,) = await rush.join(1, first=900)
    with at(-0.001):
        early = [asyncio.create_task(rush.join_one(one, phone(n))) for n, one in enumerate(people[:15])]
    with at(0):
        late = [asyncio.create_task(rush.join_one(one, phone(50 + n))) for n, one in enumerate(people[15:])]
        views = [asyncio.create_task(rush.look(first, Lines(fresh_seconds=0))) for _ in range(3)]
    await asyncio.gather(*early, *late, *views)
    drawn = await rush.hospital.db.fetchval("SELECT drawn FROM rush")
    rows = await rush.hospital.db.fetch("SELECT place, joined_at FROM rush_ticket ORDER BY place")
    assert [row["place"] for row in rows] == list(range(1, PEOPLE + 2))
    assert {row["joined_at"] < RELEASE for row in rows[:drawn]} == {True}


async def test_a_person_on_many_devices_at_once_has_one_ticket(rush: Rush) -> None:
    (person,) = await rush.hospital.patients(1)
    with at(-5):
        joined = await asyncio.gather(*(rush.join_one(person, phone(n)) for n in range(20)))
    assert len({ticket.id for ticket in joined}) == 1


async def test_everybody_books_at_once_and_only_turns_win(rush: Rush) -> None:
    """Holds and bookings of all, from four processes, thrice each: the turns win a seat each, and one only."""
    tickets = await rush.join(PEOPLE)
    slot = rush.schedule.slots[0]
    with at(1):
        views = await rush.look_all(tickets)
        four, holds = desks(), hold_desks()
        calls = [
            ask((four if k % 2 else holds)[(n + k) % 4], slot, ticket.patient_id)
            for k in range(3)
            for n, ticket in enumerate(tickets)
        ]
        answers = await asyncio.gather(*calls)
        won: dict[UUID, int] = {}
        for place, answer in enumerate(answers):
            if type(answer).__name__ == "Win":
                patient = tickets[place % PEOPLE].patient_id
                won[patient] = won.get(patient, 0) + 1
        turns = {view.ticket.patient_id for view in views.values() if view.status == "turn"}
        assert won == dict.fromkeys(turns, 1)
        assert set(outcomes(answers)) <= {"Win", "TurnRequired", "SoldOut", "AlreadyBooked", "AlreadyHeld"}
        assert sorted(set((await rush.statuses()).values())) == ["used", "waiting"]
        await require_books_agree(rush.hospital.db)


async def test_polls_and_bookings_race_until_all_is_sold(rush: Rush) -> None:
    """Turns pass and are used while others look; at no moment are more open than seats, and none is sold twice."""
    await rule(rush.hospital, turn_seconds=30)
    tickets = await rush.join(PEOPLE)
    processes = [Lines(fresh_seconds=0) for _ in range(3)]
    four = desks()
    slot = rush.schedule.slots[0]
    for step in range(8):
        with at(1 + step * 31):
            looks = [rush.look(one, processes[n % 3]) for n, one in enumerate(tickets)]
            books = [ask(four[n % 4], slot, one.patient_id) for n, one in enumerate(tickets) if n % 3 == step % 3]
            await asyncio.gather(*looks, *books)
            free = await rush.hospital.db.fetchval(
                "SELECT count(*) FROM seat WHERE schedule_id = $1 AND status = 'free'", rush.schedule.id
            )
            assert await open_turns(rush) <= free
    sold = await sequence_numbers(rush.hospital.db, rush.schedule)
    assert len(sold) == len(set(sold)) == SEATS
    await require_books_agree(rush.hospital.db)


async def test_a_process_that_dies_in_between_loses_nobody(rush: Rush) -> None:
    """Cut off at any await while it draws and opens turns; another process finds the line whole and goes on."""
    tickets = await rush.join(8)
    with at(1):
        for steps in range(1, 40, 3):
            process = Lines(fresh_seconds=0)
            dying = asyncio.create_task(rush.look(tickets[0], process))
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in (process._reading, dying):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
        other = Lines(fresh_seconds=0)
        for ticket in tickets:
            await rush.look(ticket, other)
        views = [await rush.look(ticket, other) for ticket in tickets]
    assert sorted(view.ticket.place or 0 for view in views) == list(range(1, 9))
    assert sum(view.status == "turn" for view in views) == SEATS
    assert await open_turns(rush) == SEATS
