"""Everything is killed while people book; afterwards nothing that was acknowledged is lost, doubled or left hanging.

`CHAOS_SEED` repeats a run's choices (not its timing), `CHAOS_ROUNDS` kills every process so many times.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import asyncpg
import httpx
import pytest

from kernel import clock
from oauth.known_credentials import DEMO_CLIENTS
from tests.chaos import audit
from tests.chaos.client import ANSWER_SECONDS_MAX, PartnerApplication, Tally
from tests.chaos.killing import Killer
from tests.chaos.ledger import Ledger
from tests.chaos.load import Person, SlotOnSale, Visitor
from tests.chaos.window import Clerk, Office, his_client
from tests.factories.booking import require_books_agree
from tests.platform import Hospital, command

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

VISITORS = 24
PEOPLE_A_VISITOR = 12
CLERKS = 4
SCHEDULES = 36
DAYS = 4
HOLD_SECONDS = 30
OPERATIONS_MIN = 2_000
FAULTS_TOLD = 10
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "2"))


@pytest.fixture(scope="module")
def platform() -> Iterator[Hospital]:
    with Hospital.up() as hospital:
        yield hospital


async def test_nothing_acknowledged_is_lost_doubled_or_left_hanging(platform: Hospital) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    say(f"CHAOS_SEED={seed}")
    rng = random.Random(seed)
    ledger, tally = Ledger(), Tally()
    killer = Killer(platform, rng, {})
    async with (
        httpx.AsyncClient(
            base_url=platform.base_url,
            timeout=ANSWER_SECONDS_MAX,
            trust_env=False,
            limits=httpx.Limits(max_connections=VISITORS * 3),
        ) as http,
        _way_to_the_his(platform) as his,
    ):
        applications = await _applications(http, tally)
        slots, people = await _prepare(platform, rng)
        visitors = [
            Visitor(
                name=f"{seed}-{n}",
                app=applications[n % 4 == 0],
                people=[Person(people.pop()) for _ in range(PEOPLE_A_VISITOR)],
                slots=slots,
                ledger=ledger,
                tally=tally,
                rng=random.Random(seed * 1000 + n),
            )
            for n in range(VISITORS)
        ]
        desk = PartnerApplication(his, "window", "", tally)
        clerks = [Clerk(desk, f"{seed}-c{n}", slots, random.Random(seed * 1000 + 500 + n)) for n in range(CLERKS)]
        office = Office(applications[2], f"{seed}-office", slots, random.Random(seed * 1000 + 900))
        started = time.monotonic()
        await _storm(killer, tally, [*visitors, *clerks, office])
        loaded = time.monotonic()
        await office.take_everything_back()

        db = await asyncpg.connect(platform.run["database_url"])
        try:
            dead = await audit.wait_until_drained(db, his, say)
            returned = await audit.wait_until_handed_back(db, slots, say)
            sold = {his_id: status for clerk in clerks for his_id, status in clerk.sold.items()}
            _report(tally, killer, ledger, load_seconds=loaded - started, drain_seconds=time.monotonic() - loaded)
            say(f"sold at the window {len(sold)}, dead letters {dead}")
            say(f"of it said to be in an outage {sum(clerk.offline for clerk in clerks)}; emergency numbers {returned}")
            faults = [*tally.faults, *(f"{count} dead letters in the {box}" for box, count in dead.items() if count)]
            faults += await audit.compare_with_ledger(db, ledger, [one.client_id for one in applications])
            faults += await audit.compare_messages(db)
            faults += await audit.compare_with_his(db, his, _days(), sold)
            faults += await audit.given_up_for_the_his(db)
            faults += await audit.numbers_used_twice(db, his, _days())
            faults += await audit.registrations_that_wait(db)
            for fault in faults[:FAULTS_TOLD]:
                say(f"FAULT {fault}")
                for line in await audit.tell_story(db, fault):
                    say(f"      {line}")
            assert not faults, f"{len(faults)} faults, told above\n{_failed_requests(platform)}"
            await require_books_agree(db)
        finally:
            await db.close()
    for day in _days():
        done = command(platform.data, "his", "reconcile", "--date", day.isoformat())
        say(done.stdout.strip().splitlines()[-1])


async def _storm(killer: Killer, tally: Tally, crowd: Sequence[Visitor | Clerk | Office]) -> None:
    """Let everybody work while everything is killed, until enough was asked for."""
    stop = asyncio.Event()
    working = asyncio.gather(*(one.work(stop) for one in crowd))
    try:
        for _ in range(ROUNDS):
            await killer.kill_each()
        await killer.kill_two_stores_at_once()
        await killer.kill_everything()
        while tally.operations < OPERATIONS_MIN and not working.done():
            await asyncio.sleep(0.5)
    finally:
        stop.set()
        await working


def _way_to_the_his(platform: Hospital) -> httpx.AsyncClient:
    environment = dict(
        line.split("=", 1) for line in (platform.data / "environment").read_text().splitlines() if "=" in line
    )
    return his_client(platform.run["his_http_url"], environment["HIS_HTTP_TOKEN"], seconds=ANSWER_SECONDS_MAX)


def _days() -> list[date]:
    return [clock.today() + timedelta(days=n) for n in range(1, DAYS + 1)]


async def _prepare(platform: Hospital, rng: random.Random) -> tuple[list[SlotOnSale], list[str]]:
    """Shorten the time of holds, choose what is on sale, and who asks for it."""
    db = await asyncpg.connect(platform.run["database_url"])
    try:
        await db.execute(
            "UPDATE booking_rule SET hold_seconds = $1, return_delay_seconds_min = 1, return_delay_seconds_max = 9"
            " WHERE clinic_id IS NULL",
            HOLD_SECONDS,
        )
        people = [str(row["id"]) for row in await db.fetch("SELECT id FROM patient ORDER BY id LIMIT 5000")]
        rng.shuffle(people)
        return await _slots_on_sale(db, rng), people
    finally:
        await db.close()


async def _applications(http: httpx.AsyncClient, tally: Tally) -> list[PartnerApplication]:
    known = {client.role: client for client in DEMO_CLIENTS}
    applications = [
        PartnerApplication(http, known[role].client_id, known[role].secret, tally, staff)
        for role, staff in (("city_portal", None), ("kiosk", "S0002"), ("slot_office", "S0001"))
    ]
    for application in applications:
        await application.sign_in()
    return applications


async def _slots_on_sale(db: asyncpg.Connection, rng: random.Random) -> list[SlotOnSale]:
    """Choose a few schedules of clinics for everybody, so that people meet, and meet others' full slots."""
    today = clock.today()
    schedules = await db.fetch(
        "SELECT sc.id FROM schedule sc JOIN clinic c ON c.id = sc.clinic_id WHERE sc.clinic_date BETWEEN $1 AND $2"
        " AND c.sex_allowed IS NULL AND c.age_years_min IS NULL AND c.age_years_max IS NULL"
        " AND sc.service_type = 'general' AND sc.department_id IN"
        " (SELECT department_id FROM schedule GROUP BY department_id ORDER BY count(*) DESC, department_id LIMIT 6)"
        " ORDER BY sc.id",
        today + timedelta(days=1),
        today + timedelta(days=DAYS),
    )
    chosen = rng.sample([row["id"] for row in schedules], k=min(SCHEDULES, len(schedules)))
    rows = await db.fetch(
        "SELECT s.id, s.schedule_id, sc.department_id FROM slot s JOIN schedule sc ON sc.id = s.schedule_id"
        " WHERE sc.id = ANY ($1) ORDER BY s.id",
        chosen,
    )
    return [SlotOnSale(*(str(value) for value in row.values())) for row in rows]


def _failed_requests(platform: Hospital) -> str:
    """Give what the web processes wrote about requests that failed for a reason of their own."""
    lines = [line for name in ("web-1", "web-2") for line in platform.log(name).splitlines()]
    return "\n".join(line for line in lines if '"request_failed"' in line or "_failed" in line)[:20_000]


def _report(tally: Tally, killer: Killer, ledger: Ledger, *, load_seconds: float, drain_seconds: float) -> None:
    say(f"operations {tally.operations} in {load_seconds:.0f} s, drained after {drain_seconds:.0f} s")
    say(f"appointments {len(ledger.appointments)}, holds {len(ledger.holds)}, patients {len(ledger.patients)}")
    say(f"kills {dict(killer.kills)}")
    for title, counts in (("answers", tally.answers), ("asked again after", tally.repeats)):
        say(f"{title}:")
        for name, count in sorted(counts.items()):
            say(f"  {count:6} {name}")


def say(line: str) -> None:
    """Tell a figure of this run: pytest shows it with -s, and when the run fails."""
    sys.stdout.write(f"chaos: {line}\n")
    sys.stdout.flush()
