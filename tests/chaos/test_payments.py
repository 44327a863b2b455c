"""Everything is killed while people pay and the channel misbehaves; afterwards every fen is explained.

Orders come from held numbers. `CHAOS_SEED` and `CHAOS_ROUNDS` as in test_mixed_load.
"""

import asyncio
import os
import random
import time
from collections.abc import Iterator

import asyncpg
import httpx
import pytest

from kernel.db import Database, open_database
from kernel.settings import Settings
from oauth.known_credentials import DEMO_CLIENTS
from runtime.data_folder import DataFolder
from tests.chaos import audit_money
from tests.chaos.client import ANSWER_SECONDS_MAX, PartnerApplication, Tally
from tests.chaos.killing import TARGETS, Killer
from tests.chaos.ledger import Ledger
from tests.chaos.load import Person, SlotOnSale
from tests.chaos.payers import EmulatedChannel, Mood, Payer
from tests.chaos.test_mixed_load import say
from tests.chaos.window import his_client
from tests.platform import Hospital

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]

EMULATOR = "wechatpay"
PAYERS, PEOPLE_EACH = 10, 10
SCHEDULES = 24
DAYS = 5
HOLD_SECONDS, PAY_SECONDS = 30, 120
PAID_MIN = 100
FAULTS_TOLD = 10
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))


@pytest.fixture(scope="module")
def platform() -> Iterator[Hospital]:
    with Hospital.up() as hospital:
        yield hospital


async def test_every_fen_is_explained_when_everything_was_killed(platform: Hospital) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    say(f"CHAOS_SEED={seed}")
    first_day = platform.today()
    folder = DataFolder(platform.data)
    tally, killer = Tally(), Killer(platform, random.Random(seed), {}, targets=(*TARGETS, EMULATOR))
    emulator = platform.run["emulators"][EMULATOR]
    settings = Settings.from_environment(folder.load_environment())
    db = await open_database(settings.database_url, max_size=2)
    async with (
        httpx.AsyncClient(base_url=platform.base_url, timeout=ANSWER_SECONDS_MAX, trust_env=False) as http,
        httpx.AsyncClient(
            base_url=emulator["base_url"],
            headers={"authorization": f"Bearer {emulator['token']}"},
            timeout=ANSWER_SECONDS_MAX,
            trust_env=False,
        ) as control,
        his_client(platform.run["his_http_url"], platform.run["his_http_token"], seconds=ANSWER_SECONDS_MAX) as his,
    ):
        channel = EmulatedChannel(control)
        payers = await _gather_payers(db, http, tally, channel, seed=seed)
        started = time.monotonic()
        await _storm(killer, payers, Mood(channel, random.Random(f"{seed}-mood")))
        await channel.heal()
        loaded = time.monotonic()
        look = await asyncpg.connect(settings.database_url)
        try:
            dead = await audit_money.wait_until_settled(look, say)
            _report(tally, killer, channel, load_seconds=loaded - started, drain_seconds=time.monotonic() - loaded)
            books = audit_money.ChannelBooks(folder.root / "emulators" / EMULATOR / "wechatpay.sqlite3")
            fen, faults = await audit_money.explain_every_fen(look)
            faults += [*tally.faults, *(f"{count} dead letters in {box}" for box, count in dead.items() if count)]
            faults += await audit_money.compare_with_channel(look, books, channel.paid)
            faults += await audit_money.compare_with_ledger(db, books)
            faults += await audit_money.compare_with_his(look, his, audit_money.business_days(first_day))
            say(f"the channel has {len(books.payments)} payments and {len(books.refunds)} refunds; fen: {fen}")
            for fault in faults[:FAULTS_TOLD]:
                say(f"FAULT {fault}")
            assert not faults, f"{len(faults)} faults, told above"
            assert len(books.payments) >= PAID_MIN, "too little was paid for the run to mean anything"
            assert books.refunds, "nothing went back"
        finally:
            await look.close()
            await db.close()


async def _gather_payers(
    db: Database, http: httpx.AsyncClient, tally: Tally, channel: EmulatedChannel, *, seed: int
) -> list[Payer]:
    """Shorten the times to pay, choose what is on sale, and give everybody their people and their dice."""
    await db.execute(
        "UPDATE booking_rule SET hold_seconds = $1, return_delay_seconds_min = 1, return_delay_seconds_max = 9"
        " WHERE clinic_id IS NULL",
        HOLD_SECONDS,
    )
    await db.execute("UPDATE registration_payment_terms SET pay_seconds = $1", PAY_SECONDS)
    rows = await db.fetch(
        "SELECT s.id, s.schedule_id, sc.department_id FROM slot s JOIN schedule sc ON sc.id = s.schedule_id"
        " WHERE sc.id IN (SELECT sc.id FROM schedule sc JOIN clinic c ON c.id = sc.clinic_id"
        "  WHERE sc.status = 'active' AND sc.fee_fen > 0 AND sc.service_type = 'general' AND c.sex_allowed IS NULL"
        "  AND c.age_years_min IS NULL AND c.age_years_max IS NULL"
        "  AND sc.clinic_date BETWEEN current_date + 2 AND current_date + $1::int ORDER BY sc.id LIMIT $2)",
        DAYS,
        SCHEDULES,
    )
    slots = [SlotOnSale(*(str(value) for value in row.values())) for row in rows]
    rng = random.Random(seed)
    people = [str(row["id"]) for row in await db.fetch("SELECT id FROM patient ORDER BY id LIMIT 2000")]
    rng.shuffle(people)
    portal = next(one for one in DEMO_CLIENTS if one.role == "city_portal")
    app = PartnerApplication(http, portal.client_id, portal.secret, tally)
    await app.sign_in()
    return [
        Payer(
            name=f"{seed}-p{n}",
            app=app,
            people=[Person(people.pop()) for _ in range(PEOPLE_EACH)],
            slots=slots,
            ledger=Ledger(),
            tally=tally,
            rng=random.Random(f"{seed}-p{n}"),
            channel=channel,
        )
        for n in range(PAYERS)
    ]


async def _storm(killer: Killer, payers: list[Payer], mood: Mood) -> None:
    """Let everybody pay while everything is killed, until enough was paid."""
    stop = asyncio.Event()
    working = asyncio.gather(mood.work(stop), *(one.work(stop) for one in payers))
    try:
        for _ in range(ROUNDS):
            await killer.kill_each()
        await killer.kill_two_stores_at_once()
        await killer.kill_everything()
        while len(mood.channel.paid) < PAID_MIN and not working.done():
            await asyncio.sleep(0.5)
    finally:
        stop.set()
        await working


def _report(
    tally: Tally, killer: Killer, channel: EmulatedChannel, *, load_seconds: float, drain_seconds: float
) -> None:
    acts = sum(channel.acts.values())
    say(f"operations {tally.operations + acts} in {load_seconds:.0f} s, settled after {drain_seconds:.0f} s")
    say(f"payments acknowledged by the channel {len(channel.paid)}, its faults {sum(channel.faults.values())}")
    say(f"kills {sum(killer.kills.values())}: {dict(killer.kills)}")
    counted = (
        ("answers", tally.answers),
        ("asked again after", tally.repeats),
        ("at the channel", channel.acts),
        ("faults of the channel", channel.faults),
    )
    for title, counts in counted:
        say(f"{title}:")
        for name, count in sorted(counts.items()):
            say(f"  {count:6} {name}")
