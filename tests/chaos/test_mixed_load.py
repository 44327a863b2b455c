"""Everything is killed while people book; afterwards nothing that was acknowledged is lost, doubled or left hanging.

`CHAOS_SEED` repeats a run's choices (not its timing), `CHAOS_ROUNDS` kills every process so many times.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Iterator
from datetime import time as hour

import asyncpg
import httpx
import pytest

from kernel import clock
from oauth.known_credentials import DEMO_CLIENTS
from tests.chaos import audit, audit_office
from tests.chaos.client import ANSWER_SECONDS_MAX, PartnerApplication, Tally
from tests.chaos.crowd import VISITORS, Crowd
from tests.chaos.killing import Killer
from tests.chaos.ledger import Ledger
from tests.chaos.stage import Stage, prepare
from tests.chaos.window import his_client
from tests.factories.booking import require_books_agree
from tests.platform import Hospital, command

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

MORNING = hour(6, 30)
"""Today's afternoon clinics are still to come, whatever hour it really is."""
OPERATIONS_MIN = 2_000
BOOKED_BEFORE_STOP = 3
FAULTS_TOLD = 10
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "2"))


@pytest.fixture(scope="module")
def platform() -> Iterator[Hospital]:
    with Hospital.up(at=MORNING) as hospital:
        yield hospital


async def test_nothing_acknowledged_is_lost_doubled_or_left_hanging(platform: Hospital) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    say(f"CHAOS_SEED={seed}")
    rng = random.Random(seed)
    ledger, tally = Ledger(), Tally()
    killer = Killer(platform, rng, dict(platform.environment))
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
        stage = await prepare(platform, rng, applications[2])
        crowd = Crowd.gather(stage, applications, his, seed=seed, ledger=ledger, tally=tally)
        started = time.monotonic()
        await _storm(killer, crowd, stage)
        loaded = time.monotonic()
        await crowd.go_home()

        db = await asyncpg.connect(platform.run["database_url"])
        try:
            dead = await audit.wait_until_drained(db, his, say)
            returned = await audit.wait_until_handed_back(db, stage.slots, say)
            _report(tally, killer, ledger, load_seconds=loaded - started, drain_seconds=time.monotonic() - loaded)
            say(f"sold at the window {len(crowd.sold)}, dead letters {dead}")
            say(f"of it said to be in an outage {crowd.offline}; emergency numbers {returned}")
            faults = [*tally.faults, *(f"{count} dead letters in the {box}" for box, count in dead.items() if count)]
            faults += await _compare(db, his, ledger, crowd, stage)
            for fault in faults[:FAULTS_TOLD]:
                say(f"FAULT {fault}")
                for line in await audit.tell_story(db, fault):
                    say(f"      {line}")
            assert not faults, f"{len(faults)} faults, told above\n{_failed_requests(platform)}"
            with clock.frozen(platform.now()):
                await require_books_agree(db)
        finally:
            await db.close()
    for day in stage.days:
        done = command(platform.data, "his", "reconcile", "--date", day.isoformat())
        say(done.stdout.strip().splitlines()[-1])


async def _compare(
    db: asyncpg.Connection, his: httpx.AsyncClient, ledger: Ledger, crowd: Crowd, stage: Stage
) -> list[str]:
    """Compare everything that was acknowledged with the platform's books, and these with the HIS's."""
    return [
        *await audit.compare_with_ledger(db, ledger, crowd.client_ids),
        *await audit.compare_messages(db),
        *await audit.compare_with_his(db, his, stage.days, crowd.sold),
        *await audit.given_up_for_the_his(db),
        *await audit.numbers_used_twice(db, his, stage.days),
        *await audit.registrations_that_wait(db),
        *await audit_office.compare_waitlist(db, ledger),
        *await audit_office.sold_while_offered(db),
        *await audit_office.compare_queues(db, ledger),
        *await audit_office.compare_extra_seats(db, ledger),
        *await audit_office.compare_stops(db, ledger),
    ]


async def _storm(killer: Killer, crowd: Crowd, stage: Stage) -> None:
    """Let everybody work while everything is killed and clinics are stopped, until enough was asked for."""
    stop = asyncio.Event()
    working = asyncio.gather(*(one.work(stop) for one in crowd.everybody))
    stopping: list[asyncio.Task[None]] = []
    first, last = stage.stopped
    try:
        for number in range(ROUNDS):
            if number == 0:
                stopping.append(asyncio.create_task(_stop_in_the_middle(crowd, first, pauses=True)))
            await killer.kill_each()
        await killer.kill_two_stores_at_once()
        stopping.append(asyncio.create_task(_stop_in_the_middle(crowd, last, pauses=False)))
        await killer.kill_everything()
        await asyncio.gather(*stopping)
        while crowd.tally.operations < OPERATIONS_MIN and not working.done():
            await asyncio.sleep(0.5)
    finally:
        stop.set()
        await asyncio.gather(working, *stopping)


async def _stop_in_the_middle(crowd: Crowd, schedule: str, *, pauses: bool) -> None:
    """Stop a clinic once people have booked in it."""
    wanted = BOOKED_BEFORE_STOP
    while sum(one["schedule_id"] == schedule for one in crowd.ledger.appointments.values()) < wanted:
        await asyncio.sleep(0.1)
    await crowd.stopper.stop_clinic(schedule, pauses=pauses)


def _way_to_the_his(platform: Hospital) -> httpx.AsyncClient:
    environment = dict(
        line.split("=", 1) for line in (platform.data / "environment").read_text().splitlines() if "=" in line
    )
    return his_client(platform.run["his_http_url"], environment["HIS_HTTP_TOKEN"], seconds=ANSWER_SECONDS_MAX)


async def _applications(http: httpx.AsyncClient, tally: Tally) -> list[PartnerApplication]:
    known = {client.role: client for client in DEMO_CLIENTS}
    applications = [
        PartnerApplication(http, known[role].client_id, known[role].secret, tally, staff)
        for role, staff in (
            ("city_portal", None),
            ("kiosk", "S0002"),
            ("slot_office", "S0001"),
            ("slot_office", "S0002"),
        )
    ]
    for application in applications:
        await application.sign_in()
    return applications


def _failed_requests(platform: Hospital) -> str:
    """Give what the web processes wrote about requests that failed for a reason of their own."""
    lines = [line for name in ("web-1", "web-2") for line in platform.log(name).splitlines()]
    return "\n".join(line for line in lines if '"request_failed"' in line or "_failed" in line)[:20_000]


def _report(tally: Tally, killer: Killer, ledger: Ledger, *, load_seconds: float, drain_seconds: float) -> None:
    say(f"operations {tally.operations} in {load_seconds:.0f} s, drained after {drain_seconds:.0f} s")
    say(f"appointments {len(ledger.appointments)}, holds {len(ledger.holds)}, patients {len(ledger.patients)}")
    say(
        f"entries {len(ledger.entries)}, offers answered {len(ledger.offers)}, places in queues {len(ledger.places)},"
        f" extra numbers {len(ledger.extra_seats)}, stops {len(ledger.stops)}"
    )
    say(f"kills {dict(killer.kills)}")
    for title, counts in (("answers", tally.answers), ("asked again after", tally.repeats)):
        say(f"{title}:")
        for name, count in sorted(counts.items()):
            say(f"  {count:6} {name}")


def say(line: str) -> None:
    """Tell a figure of this run: pytest shows it with -s, and when the run fails."""
    sys.stdout.write(f"chaos: {line}\n")
    sys.stdout.flush()
