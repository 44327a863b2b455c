"""`python -m runtime.demo_clinic`: play a day, print what came of it; exit status 1 where anything does not agree."""

import argparse
import asyncio
import json
import sys
import time
from datetime import date, datetime, timedelta
from datetime import time as hour
from typing import Any, Final

from kernel import clock
from kernel.db import Database, open_database
from runtime.cli.data_option import data_folder
from runtime.data_folder import DataFolder
from runtime.demo_clinic.checking import Check, Known, check, check_his, write_down
from runtime.demo_clinic.day import Day
from runtime.demo_clinic.figures import plain, read_counts, read_waits
from runtime.demo_clinic.office import Office
from runtime.demo_clinic.outage import Backlog, Outage, waiting_messages
from runtime.demo_clinic.plan import plan_day
from runtime.demo_clinic.report import write_report
from runtime.demo_clinic.stage import Stage
from runtime.demo_clinic.wires import App, Window
from runtime.demo_clinic.world import World
from runtime.demo_hospital.places import DOCTORS
from runtime.own_hospital import DemoFailed, Platform, hospital_of, own_folder

BOOKING_HOURS: Final = (hour(8, 30), hour(17, 30))
WAITLIST_AFTER: Final = timedelta(minutes=30)
DAY_HOURS: Final = (7, 19)
DRAIN_SECONDS_MAX: Final = 600.0
SETTLE_SECONDS: Final = 1.0
LAST_DOCTOR_LEAVES: Final = hour(22, 30)
VISITS_MAX: Final = 20_000
AGREE, DIFFER, FAILED = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Play the day, or look again at one that was kept."""
    given = _arguments(arguments)
    said = sys.stderr if given.json else sys.stdout

    def say(sentence: str) -> None:
        print(sentence, file=said, flush=True)

    try:
        if given.check:
            return _check_again(given.data)
        with own_folder(given, name="clinic-day") as folder, hospital_of(folder, keep=given.keep) as platform:
            checks, told = _play(platform, given, say)
            if given.json:
                print(json.dumps(told, ensure_ascii=False, indent=2))
            if given.keep:
                say(f"\nThe hospital stays up: ./hospital status --data {folder.root}")
    except DemoFailed as failed:
        print(f"The day could not be played: {failed}", file=sys.stderr)
        return FAILED
    return DIFFER if any(one.wrong for one in checks) else AGREE


def _play(platform: Platform, given: argparse.Namespace, say: Any) -> tuple[list[Check], dict[str, Any]]:
    began = time.monotonic()
    moving = platform.clock()
    day = next_clinic_day(datetime.now(clock.SHANGHAI))
    moving.advance_to(clock.clinic_instant(day - timedelta(days=1), hour(8)))
    say(f"{given.doctors} doctors, {given.visits:,} visits, seed {given.seed}: the outpatient day of {day}")
    world_file = platform.folder.root / "world.json"
    loaded = platform.program(
        "runtime.demo_clinic.load",
        *("--doctors", str(given.doctors), "--visits", str(given.visits), "--seed", str(given.seed)),
        *("--day", day.isoformat(), "--world", str(world_file)),
    )
    if loaded.returncode != 0:
        raise DemoFailed(f"the hospital could not be loaded: {loaded.stderr.strip()[-2000:]}")
    world = World.load(world_file)
    say(f"  {len(world.sessions)} clinics are open, loaded after {time.monotonic() - began:.0f} s")
    known, counts, waits, backlog, checks = asyncio.run(_live(platform, world, given, say))
    checks += check_his(platform.compare(day))
    for line in write_report(known, counts, waits, backlog, checks):
        say(line)
    seconds = time.monotonic() - began
    say(f"Played in {seconds / 60:.1f} minutes.")
    return checks, {
        "day": day.isoformat(),
        "agrees": not any(one.wrong for one in checks),
        "seconds": round(seconds, 1),
        "told": known["told"],
        "counts": counts,
        "waits": plain(waits),
        "backlog_peak": backlog.peak,
        "checks": [{"name": one.name, "compared": one.compared, "wrong": list(one.wrong)} for one in checks],
    }


async def _live(platform: Platform, world: World, given: argparse.Namespace, say: Any) -> tuple[Any, ...]:
    run = platform.run
    clients = run["demo_clients"]
    apps = {
        "portal": App(run["base_url"], clients["city_portal"]),
        "kiosk": App(run["base_url"], clients["kiosk"], staff="S0002"),
        "office": App(run["base_url"], clients["slot_office"], staff="S0001"),
    }
    window = Window(run["his_http_url"], run["his_http_token"])
    db = await open_database(run["database_url"], max_size=2)
    stage = Stage(platform.clock())
    plan = plan_day(world, visits=given.visits, seed=given.seed)
    day = Day(world, plan, stage, apps=apps, window=window)
    office = Office(day, seed=given.seed)
    outage = Outage(day, platform, db)
    try:
        eve = world.day - timedelta(days=1)
        first, last = (clock.clinic_instant(eve, one) for one in BOOKING_HOURS)
        began = time.monotonic()
        day.plan_bookings(first, last)
        await stage.play(last)
        say(f"  {eve} 17:30  {day.ledger.told['booked']:,} booked ({_rate(day, began)})")
        office.plan(joins_from=WAITLIST_AFTER)
        outage.plan()
        day.plan_morning()
        for one in range(DAY_HOURS[0], DAY_HOURS[1] + 1):
            began = time.monotonic()
            await stage.play(clock.clinic_instant(world.day, hour(one)))
            await _say_hour(day, db, world.day, one, time.monotonic() - began, say)
        await stage.play(clock.clinic_instant(world.day, LAST_DOCTOR_LEAVES))
        await _let_settle(stage, db, world.day)
        known = write_down(day, office)
        (platform.folder.root / "known.json").write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
        checks = await check(db, known)
        return known, await read_counts(db, world.day), await read_waits(db, world.day), outage.backlog, checks
    finally:
        for wire in (*apps.values(), window):
            await wire.close()
        await db.close()


def _rate(day: Day, began: float) -> str:
    seconds = time.monotonic() - began
    return f"{seconds:.0f} s, {day.ledger.told['booked'] / max(seconds, 0.001):.0f} a second"


async def _say_hour(day: Day, db: Database, on: date, at: int, seconds: float, say: Any) -> None:
    told = day.ledger.told
    arrived = sum(n for name, n in told.items() if name.startswith("checked in"))
    waiting = await db.fetchval(
        "SELECT count(*) FROM visit_queue_entry WHERE clinic_date = $1 AND status IN ('waiting', 'called')", on
    )
    messages = await waiting_messages(db)
    say(
        f"  {on} {at:02d}:00  {arrived + told['walked in']:>6,} have come, {waiting:>5,} wait,"
        f" {told['consultations']:>6,} seen; {messages:>6,} messages wait for the HIS"
        f"{'' if day.his_is_up else ' (away)'}  [{seconds:.0f} s]"
    )


async def _let_settle(stage: Stage, db: Database, on: date) -> None:
    """Let the evening pass until messages are told and nobody is left to be marked; not for ever."""
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    over = clock.clinic_instant(on, hour(23, 30))
    while time.monotonic() < deadline:
        left = await db.fetchval("SELECT count(*) FROM appointment WHERE clinic_date = $1 AND status = 'booked'", on)
        open_entries = await db.fetchval("SELECT count(*) FROM waitlist_entry WHERE status = 'waiting'")
        if left + open_entries + await waiting_messages(db) == 0:
            break
        await asyncio.sleep(SETTLE_SECONDS)
        await stage.play(min(stage.now() + timedelta(minutes=1), over))


def next_clinic_day(now: datetime) -> date:
    """Choose a weekday whose eve, when people book, has not begun."""
    eve = now.date() if now.time() < hour(8) else now.date() + timedelta(days=1)
    day = eve + timedelta(days=1)
    while day.isoweekday() > 5:
        day += timedelta(days=1)
    return day


def _check_again(folder: DataFolder) -> int:
    """Compare the books of a day that was kept once more with what its people know.

    Raises:
        DemoFailed: no day was played there to its end.
    """
    try:
        known: Known = json.loads((folder.root / "known.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DemoFailed(f"no day was played to its end in {folder.root}") from error
    platform = Platform(folder)

    async def look() -> list[Check]:
        db = await open_database(platform.run["database_url"], max_size=2)
        try:
            return await check(db, known)
        finally:
            await db.close()

    checks = asyncio.run(look()) + check_his(platform.compare(date.fromisoformat(known["day"])))
    for line in write_report(known, {"appointments": {}}, [], Backlog(), checks):
        print(line)
    return DIFFER if any(one.wrong for one in checks) else AGREE


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./hospital demo clinic",
        description="Play a whole outpatient day in fast time, in a hospital of its own, and print what came of it.",
    )
    parser.add_argument("--doctors", type=int, default=DOCTORS, help=f"how many see patients (default {DOCTORS})")
    parser.add_argument("--visits", type=int, default=12_000, help="how many are booked beforehand (default 12,000)")
    parser.add_argument("--seed", type=int, default=20261123, help="the same seed plans the same day")
    parser.add_argument(
        "--data", type=data_folder, metavar="DIR", help="an empty folder to play in (default: a temporary one)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the hospital up after the day, to look around")
    parser.add_argument("--json", action="store_true", help="for programs; the report goes to standard error")
    parser.add_argument("--check", action="store_true", help="only compare the books of a day kept in --data once more")
    given = parser.parse_args(arguments)
    if not 2 <= given.doctors <= DOCTORS:
        parser.error(f"--doctors: from 2 to {DOCTORS}")
    if not given.doctors <= given.visits <= VISITS_MAX:
        parser.error(f"--visits: from one a doctor to {VISITS_MAX:,}")
    if given.check and given.data is None:
        parser.error("--check wants the --data of the day")
    return given


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
