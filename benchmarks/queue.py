"""`./hospital bench queue`: thousands of phones that watch queues live on one web process.

Nurses call and pass; each step's commit is compared with the instant at which every phone of that room has its
event. The nurses' steps run in this process, so that the web process does nothing but serve the watchers.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from benchmarks.booking import _web, machine, prepare, say, temporary
from benchmarks.histogram import Histogram
from benchmarks.hospital_data import UNLIMITED
from benchmarks.servers import ServerFailedError, Servers, cpu_seconds, databases
from booking.queue import service
from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import open_database
from kernel.events import Actor
from kernel.ids import new_id
from kernel.redis import close_redis, flush_wakes, open_redis
from oauth.clients import secret_hash
from runtime.embedded import ports

CLIENT = "bench-phones"
SECRET = "bench-phones-secret"  # noqa: S105  of a database that is thrown away
NURSE = Actor(client_id="bench-desk", channel="bench", kind="internal", staff_code="S0001")
SETTLE_SECONDS = 2.0
SCHEDULE_COLUMNS = (
    "id practitioner_id room_id clinic_id department_id campus_id service_type clinic_date period starts_at ends_at"
    " fee_fen"
)
ENTRY_COLUMNS = (
    "id queue_id label patient_id visit_number order_seconds clinic_date client_id class status way checked_in_at"
    " updated_at"
)
DELAY_AIM_MS = 1_000
# The doctors are quick, so that even the last of a room waits for less than the estimate's limit of half a day: beyond
# it a pass changes nothing that could be told.
VISIT_SECONDS = 30
VISITS_BEFORE = 60
PEOPLE_OF_A_ROOM_MAX = 1_000


@dataclass(frozen=True)
class Hall:
    """The rooms of the measurement (practitioner and room), and everybody who waits before them."""

    doors: list[tuple[UUID, UUID]]
    entries: list[str]


@dataclass
class Measured:
    """What came of the steps. Delays in microseconds; missing: events that a phone of the room never got."""

    delays: Histogram
    missing: int
    ended: int
    opening_seconds: float
    kib_per_watcher: float
    web_cpu_share: float


async def build(connection: asyncpg.Connection, *, watchers: int, rooms: int) -> Hall:
    """Write a morning of `rooms` practitioners before whom `watchers` people wait."""
    now, today = clock.now(), clock.today()
    campus, department, clinic = new_id(), new_id(), new_id()
    run = connection.execute
    await run("INSERT INTO channel VALUES ('bench', 'b', 'b')")
    await run("INSERT INTO service_type VALUES ('general', 'g', 'g')")
    await run("INSERT INTO campus VALUES ($1, 'b', 'b', 'b', 'b', 23.1, 113.3)", campus)
    await run(
        "INSERT INTO department (id, code, name_zh, name_en, pinyin, initials) VALUES ($1, 'b', 'b', 'b', 'b', 'b')",
        department,
    )
    await run(
        "INSERT INTO clinic (id, code, name_zh, name_en, department_id, campus_id) VALUES ($1, 'b', 'b', 'b', $2, $3)",
        clinic,
        department,
        campus,
    )
    await run(
        "WITH made AS (INSERT INTO oauth_client (id, name, kind, channel, scopes)"
        " VALUES ($1, 'phones', 'partner', 'bench', '{queue.read}') RETURNING id)"
        " INSERT INTO oauth_client_secret (client_id, hash) SELECT id, $2 FROM made",
        CLIENT,
        secret_hash(CLIENT, SECRET),
    )
    await run(UNLIMITED, CLIENT)
    doors = [(new_id(), new_id()) for _ in range(rooms)]
    schedules, queues = [new_id() for _ in doors], [new_id() for _ in doors]
    start, end = now - timedelta(hours=1), now + timedelta(hours=3)
    people = [(new_id(), new_id(), n) for n in range(watchers)]
    tables: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
        "room": (
            "id code name_zh name_en clinic_id",
            [(room, f"R{n}", "诊室", "Room", clinic) for n, (_, room) in enumerate(doors)],
        ),
        "practitioner": (
            "id code name pinyin initials title department_id",
            [(one, f"D{n}", "王医生", "w", "w", "chief", department) for n, (one, _) in enumerate(doors)],
        ),
        "schedule": (
            SCHEDULE_COLUMNS,
            [
                (schedules[n], one, room, clinic, department, campus, "general", today, "morning", start, end, 0)
                for n, (one, room) in enumerate(doors)
            ],
        ),
        "visit_queue": (
            "id clinic_date practitioner_id room_id clinic_id",
            [(queues[n], today, one, room, clinic) for n, (one, room) in enumerate(doors)],
        ),
        "patient": (
            "id name sex birth_date document_type document_cipher document_hash",
            [(patient, "张三", 1, today, "CN-ID", b"c", patient.bytes) for patient, _, _ in people],
        ),
        "visit_queue_entry": (
            ENTRY_COLUMNS,
            [
                (entry, queues[n % rooms], f"A{n // rooms + 1:02d}", patient, f"V{n}", float(n), today, CLIENT,
                 "on-time", "waiting", "his", now, now)
                for patient, entry, n in people
            ],
        ),
    }  # fmt: skip
    for table, (columns, records) in tables.items():
        await connection.copy_records_to_table(table, columns=columns.split(), records=records)
    await run("ANALYZE")
    return Hall(doors, [str(entry) for _, entry, _ in people])


async def see_some(connection: asyncpg.Connection) -> None:
    """Let every doctor have had quick visits already this morning."""
    columns = ", ".join([*ENTRY_COLUMNS.split(), "called_at", "started_at", "finished_at"])
    now = clock.now()
    await connection.execute(
        f"INSERT INTO visit_queue_entry ({columns})"
        " SELECT gen_random_uuid(), q.id, 'B' || n, (SELECT id FROM patient LIMIT 1), q.id || '-' || n, 0,"
        " q.clinic_date, $1, 'on-time', 'finished', 'his', $2, $2, $3, $3, $2"
        " FROM visit_queue q, generate_series(1, $4::integer) n",
        CLIENT,
        now,
        now - timedelta(seconds=VISIT_SECONDS),
        VISITS_BEFORE,
    )


@contextmanager
def watching(token: str, port: int, entries: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run the phones in a process of their own; yields once all streams are open."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.watchers", "_run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None, "asked for"
    process.stdin.write(json.dumps({"token": token, "port": port, "entries": entries}) + "\n")
    process.stdin.flush()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def heard(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read one line of the phones' process.

    Raises:
        ServerFailedError: it has ended instead.
    """
    assert process.stdout is not None, "asked for"
    line = process.stdout.readline()
    if not line:
        raise ServerFailedError("the phones' process has ended: not all streams could be opened")
    found: dict[str, Any] = json.loads(line)
    return found


async def step_on(hall: Hall, *, seconds: float, rate: float) -> tuple[dict[int, int], int]:
    """Call and pass in room after room at a steady rate.

    Gives each event's number with the instant of its commit, and how many phones are to be told in all: everybody of
    the room but those who were passed before, for whom nothing changes.
    """
    commits: dict[int, int] = {}
    passed = [0] * len(hall.doors)
    expected = 0
    started, number = time.monotonic(), 0
    called: dict[int, UUID] = {}
    while time.monotonic() - started < seconds:
        room = number % len(hall.doors)
        expected += len(range(room, len(hall.entries), len(hall.doors))) - passed[room]
        if room in called:
            entry = await service.pass_entry(entry_id=called.pop(room), actor=NURSE)
            passed[room] += 1
        else:
            practitioner_id, room_id = hall.doors[room]
            entry = await service.call_next(practitioner_id=practitioner_id, room_id=room_id, actor=NURSE)
            called[room] = entry.id
        commits[entry.last_event] = time.monotonic_ns()
        number += 1
        await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
    await flush_wakes()
    return commits, expected


def rss_kib(pid: int) -> int:
    """Resident memory of a process (proc(5))."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("every process has a VmRSS")


async def measure(
    options: argparse.Namespace, servers: Servers, urls: tuple[str, str], web: tuple[int, int]
) -> Measured:
    """Open the streams, take the steps, and compare."""
    (database_url, admin_url), (pid, port) = urls, web
    connection = await asyncpg.connect(admin_url)
    try:
        hall = await build(connection, watchers=options.watchers, rooms=options.rooms)
        await see_some(connection)
    finally:
        await connection.close()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        answer = await http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(CLIENT, SECRET))
    token = answer.raise_for_status().json()["access_token"]
    database = await open_database(database_url, min_size=2, max_size=4)
    open_redis(servers.valkey.url(0))
    before = rss_kib(pid)
    say(f"Opening {options.watchers:,} streams before {options.rooms} rooms ...")
    try:
        with watching(token, port, hall.entries) as phones:
            opened = await asyncio.to_thread(heard, phones)
            await asyncio.sleep(SETTLE_SECONDS)
            held = rss_kib(pid) - before
            say(f"Stepping {options.rate:g} times a second for {options.seconds:g} s ...")
            spent, started = cpu_seconds(pid), time.monotonic()
            commits, expected = await step_on(hall, seconds=options.seconds, rate=options.rate)
            share = (cpu_seconds(pid) - spent) / (time.monotonic() - started)
            await asyncio.sleep(SETTLE_SECONDS)
            assert phones.stdin is not None, "asked for"
            phones.stdin.write("\n")
            phones.stdin.flush()
            told = await asyncio.to_thread(heard, phones)
    finally:
        await close_redis()
        await database.close()
    delays = compare(told, commits)
    return Measured(delays, expected - delays.count, told["ended"], opened["seconds"], held / options.watchers, share)


def compare(told: dict[str, Any], commits: dict[int, int]) -> Histogram:
    """Hold what the phones got against what was committed: the delay of each delivery, in microseconds."""
    delays = Histogram()
    for number, instants in told["events"].items():
        if int(number) in commits:
            for instant in instants:
                delays.record((instant - commits[int(number)]) // 1000)
    return delays


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and give the figures under their names."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # as the supervisor does; its children inherit it
    cache = (Path(os.environ.get("DATA_DIR", ".data")) / "bench").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    with temporary(cache) as root, ExitStack() as stack:
        say("Starting PostgreSQL and Valkey ...")
        servers = stack.enter_context(databases(root))
        urls = asyncio.run(prepare(servers))
        load_cipher(servers.folder.keys)
        port = ports.any_free("127.0.0.1")
        pid = stack.enter_context(_web(servers, urls[0], port))
        found = asyncio.run(measure(options, servers, urls, (pid, port)))
    return {
        "watchers": options.watchers,
        "rooms": options.rooms,
        "steps_per_second": options.rate,
        "deliveries": found.delays.count,
        "missing": found.missing,
        "ended": found.ended,
        "delay_p50_ms": round(found.delays.quantile(0.5) / 1000, 2),
        "delay_p99_ms": round(found.delays.quantile(0.99) / 1000, 2),
        "delay_max_ms": round(found.delays.largest / 1000, 2),
        "kib_per_watcher": round(found.kib_per_watcher, 1),
        "opening_seconds": round(found.opening_seconds, 2),
        "web_processor_share": round(found.web_cpu_share, 3),
        "web_processes": 1,
        "machine": machine(),
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    where = figures["machine"]
    who = f"{figures['watchers']:,} phones before {figures['rooms']} rooms on one process"
    delays = f"p50 {figures['delay_p50_ms']} ms, p99 {figures['delay_p99_ms']} ms, longest {figures['delay_max_ms']} ms"
    lost = f"never delivered {figures['missing']}, streams lost {figures['ended']}"
    share = f"the web process used {figures['web_processor_share']:.0%} of a core"
    lines = [
        f"{who}, {figures['steps_per_second']:g} steps a second",
        f"from commit to phone: {delays} (aim: p99 under {DELAY_AIM_MS} ms)",
        f"events delivered {figures['deliveries']:,}, {lost}",
        f"memory a phone: {figures['kib_per_watcher']} KiB; all open in {figures['opening_seconds']} s; {share}",
        f"{where['date']}, {where['cores']} cores, {where['cpu']}, {where['memory_gib']} GiB",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure live queues on this machine."""
    parser = argparse.ArgumentParser(prog="./hospital bench queue", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--watchers", type=int, default=10_000, metavar="N", help="phones (default 10000)")
    parser.add_argument("--rooms", type=int, default=300, metavar="R", help="rooms they wait before (default 300)")
    parser.add_argument("--rate", type=float, default=20.0, metavar="S", help="steps of nurses a second (default 20)")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="how long they step (default 30)")
    options = parser.parse_args()
    if not 1 <= options.watchers / options.rooms <= PEOPLE_OF_A_ROOM_MAX:
        parser.error(f"wants between 1 and {PEOPLE_OF_A_ROOM_MAX} phones a room")
    try:
        figures = run(options)
    except ServerFailedError as error:
        say(f"bench queue: {error}")
        return 1
    print(json.dumps(figures) if options.json else table(figures))
    return 1 if figures["missing"] or figures["ended"] or figures["delay_p99_ms"] >= DELAY_AIM_MS else 0


if __name__ == "__main__":
    sys.exit(main())
