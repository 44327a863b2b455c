"""A web process is killed while turns of a rush are open: no turn is lost or given twice, and the line goes on."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from kernel import clock
from tests.factories.both_sides import OpenApi, People
from tests.platform import Hospital

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

JOINING = time(6, 55)
RELEASE = time(7)
PEOPLE = 18
SLEEPERS = (1, 2)
"""Who drew these places lets the turn pass."""
TURN_SECONDS = 1800
"""Longer than the busiest machine takes to bring two processes back."""
LOOK_SECONDS = 0.2
END_SECONDS_MAX = 150
TRIES_LATER = (429, 503)


@pytest.fixture(scope="module")
def own_hospital() -> Iterator[Hospital]:
    """A platform five minutes before numbers are released, whatever hour it really is."""
    with Hospital.up("--workers", "2", at=JOINING) as hospital:
        yield hospital


@pytest.fixture
async def db(own_hospital: Hospital) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(own_hospital.run["database_url"])
    yield connection
    await connection.close()


async def a_hot_schedule(hospital: Hospital, db: asyncpg.Connection, slot_office: OpenApi) -> tuple[str, int]:
    """Mark one hot that opens at the release, and leave one number of each slot on sale; give how many these are."""
    opens_at = clock.clinic_instant(hospital.today(), RELEASE)
    schedule: str = str(
        await db.fetchval(
            "SELECT r.schedule_id FROM schedule_release r JOIN schedule sc ON sc.id = r.schedule_id"
            " JOIN clinic c ON c.id = sc.clinic_id WHERE r.channel = 'city_portal' AND r.pool = 'common'"
            " AND r.opens_at = $1 AND sc.service_type = 'general' AND c.sex_allowed IS NULL"
            " AND c.age_years_min IS NULL AND c.age_years_max IS NULL ORDER BY r.schedule_id LIMIT 1",
            opens_at,
        )
    )
    seats = 0
    for slot in slot_office.get(f"/administration/schedules/{schedule}")["slots"]:
        for kind in slot["seats"]:
            kept = {"common": 1, "city_portal": 0}.get(kind["pool"])
            if kept is None or kind["status"] != "free":
                continue
            seats += kept
            if kind["count"] > kept:
                block = {"count": kind["count"] - kept, "pool": kind["pool"], "reason": "开诊推迟"}
                slot_office.done(f"/administration/slots/{slot['id']}/block", block)
    [rule] = slot_office.get("/administration/rush-rules")["items"]
    answer = slot_office.http.patch(
        f"/open/v1/administration/rush-rules/{rule['id']}",
        json={"version": rule["version"], "turn_seconds": TURN_SECONDS},
        headers={"idempotency-key": "longer-turns"},
    )
    assert answer.status_code == 200, answer.text
    slot_office.done("/administration/rush-marks", {"schedule_id": schedule})
    return schedule, seats


@dataclass
class Phones:
    """Everybody's application: it asks until it knows, as partners' do."""

    http: httpx.AsyncClient
    slots: list[str]
    first_books: asyncio.Event = field(default_factory=asyncio.Event)
    is_back: asyncio.Event = field(default_factory=asyncio.Event)
    second_books: asyncio.Event = field(default_factory=asyncio.Event)
    booked: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        while True:
            try:
                answer = await self.http.request(method, f"/open/v1{path}", **more)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code not in TRIES_LATER:
                assert answer.status_code < 500, answer.text
                return answer
            await asyncio.sleep(LOOK_SECONDS)

    async def join(self, schedule: str, patient: str) -> dict[str, Any]:
        headers = {"idempotency-key": f"join-{patient}", "device-id": f"installation-{patient[-12:]}"}
        body = {"schedule_id": schedule, "patient_id": patient}
        answer = await self.ask("POST", "/rush-tickets", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        ticket: dict[str, Any] = answer.json()
        return ticket

    async def wait_and_book(self, ticket: dict[str, Any], number: int) -> str:
        """Look until it is one's turn, and book; gives what the ticket became."""
        while True:
            shown = (await self.ask("GET", f"/rush-tickets/{ticket['id']}")).json()
            if shown["status"] in ("used", "passed", "over"):
                return str(shown["status"])
            # A process may show for a second more how it stood before the booking.
            is_done = shown["patient_id"] in self.booked
            if shown["status"] == "turn" and shown["place"] not in SLEEPERS and not is_done:
                await self._book(shown, number)
            await asyncio.sleep(LOOK_SECONDS)

    async def _book(self, ticket: dict[str, Any], number: int) -> None:
        # Half of them book at once, the others when the killed process is back.
        if number % 2:
            await self.is_back.wait()
            self.second_books.set()
        else:
            self.first_books.set()
        for slot in self.slots:
            body = {"slot_id": slot, "patient_id": ticket["patient_id"]}
            headers = {"idempotency-key": f"{ticket['id']}-{slot}"}
            answer = await self.ask("POST", "/appointments", json=body, headers=headers)
            if answer.status_code == 201:
                self.booked[ticket["patient_id"]] = answer.json()["id"]
                return
            assert answer.json()["code"] == "booking.sold_out", answer.text


@dataclass
class Guard:
    """Looks all the while whether more turns are open than there are numbers."""

    hospital: Hospital
    db: asyncpg.Connection
    schedule: str
    most_open: int = 0

    async def watch(self) -> None:
        while True:
            [(turns, free)] = await self.db.fetch(
                "SELECT (SELECT count(*) FROM rush_ticket"
                "  WHERE schedule_id = $1 AND status = 'turn' AND turn_until > $2),"
                " (SELECT count(*) FROM seat WHERE schedule_id = $1 AND status = 'free' AND pool = 'common')",
                self.schedule,
                self.hospital.now(),
            )
            assert turns <= free, f"{turns} turns are open for {free} numbers"
            self.most_open = max(self.most_open, turns)
            await asyncio.sleep(LOOK_SECONDS / 4)


async def kill_at(hospital: Hospital, name: str, moment: asyncio.Event) -> None:
    """Kill a web process in the moment when somebody books, and wait until it serves again."""
    pid = (await asyncio.to_thread(hospital.status))[name]["pid"]
    await moment.wait()
    os.kill(pid, signal.SIGKILL)
    while (now := (await asyncio.to_thread(hospital.status))[name])["state"] != "running" or now["pid"] == pid:
        await asyncio.sleep(LOOK_SECONDS)


async def until(true: Awaitable[Any], guard: "asyncio.Task[None]") -> Any:
    """Wait for something, unless the guard finds a fault before."""
    waited = asyncio.ensure_future(true)
    await asyncio.wait([waited, guard], return_when=asyncio.FIRST_COMPLETED, timeout=END_SECONDS_MAX)
    if guard.done():
        guard.result()
    assert waited.done(), "it did not come to an end"
    return waited.result()


async def test_a_killed_web_process_loses_no_turn_and_gives_none_twice(
    own_hospital: Hospital, db: asyncpg.Connection, portal: OpenApi, slot_office: OpenApi, people: People
) -> None:
    assert own_hospital.clock is not None
    schedule, seats = await a_hot_schedule(own_hospital, db, slot_office)
    assert len(SLEEPERS) < seats < PEOPLE - len(SLEEPERS)
    slots = [str(row["id"]) for row in await db.fetch("SELECT id FROM slot WHERE schedule_id = $1", schedule)]
    patients = [portal.register(people.invent()) for _ in range(PEOPLE)]
    async with httpx.AsyncClient(
        base_url=own_hospital.base_url, headers=portal.http.headers, timeout=10, trust_env=False
    ) as http:
        phones = Phones(http, slots)
        tickets = [await phones.join(schedule, one) for one in patients]
        release = clock.clinic_instant(own_hospital.today(), RELEASE)
        # Who has not asked for a minute would be passed over: everybody is there when the places are drawn.
        own_hospital.clock.advance_to(release - timedelta(seconds=20))
        await asyncio.gather(*(phones.ask("GET", f"/rush-tickets/{ticket['id']}") for ticket in tickets))
        own_hospital.clock.advance_to(release)
        looking = Guard(own_hospital, db_of_guard := await asyncpg.connect(own_hospital.run["database_url"]), schedule)
        guard = asyncio.create_task(looking.watch())
        try:
            lines = [asyncio.create_task(phones.wait_and_book(one, n)) for n, one in enumerate(tickets)]
            await until(kill_at(own_hospital, "web-1", phones.first_books), guard)
            phones.is_back.set()
            await until(kill_at(own_hospital, "web-2", phones.second_books), guard)
            await until(_all_but_sleepers_booked(phones, seats), guard)
            # The sleepers' turns have outlived both processes, and pass on when their time is over.
            slept = "SELECT count(*) FROM rush_ticket WHERE schedule_id = $1 AND status = 'turn'"
            assert await db.fetchval(slept, schedule) == len(SLEEPERS)
            own_hospital.clock.advance_to(own_hospital.now() + timedelta(seconds=TURN_SECONDS))
            ends = await until(asyncio.gather(*lines), guard)
        finally:
            guard.cancel()
            await asyncio.gather(guard, return_exceptions=True)
            await db_of_guard.close()

    assert looking.most_open == seats
    became = dict(zip(patients, ends, strict=True))
    assert {one for one, end in became.items() if end == "used"} == phones.booked.keys()
    assert list(ends).count("passed") == len(SLEEPERS)
    assert list(ends).count("over") == PEOPLE - seats - len(SLEEPERS)
    kept = await db.fetch("SELECT id, patient_id FROM appointment WHERE schedule_id = $1", schedule)
    assert {str(row["patient_id"]): str(row["id"]) for row in kept} == phones.booked
    assert len(kept) == seats
    turns = await db.fetch(
        "SELECT place, status FROM rush_ticket WHERE schedule_id = $1 AND turn_at IS NOT NULL", schedule
    )
    # The sleepers' turns end half an hour on: who asks first after such a jump is there, the others are passed over.
    places = sorted(row["place"] for row in turns)
    assert places[:seats] == list(range(1, seats + 1))
    assert len(set(places)) == seats + len(SLEEPERS)
    assert sorted(row["status"] for row in turns) == ["passed"] * len(SLEEPERS) + ["used"] * seats


async def _all_but_sleepers_booked(phones: Phones, seats: int) -> None:
    while len(phones.booked) < seats - len(SLEEPERS):
        await asyncio.sleep(LOOK_SECONDS)
