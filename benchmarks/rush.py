"""`./hospital bench rush`: ten thousand telephones before a release of a hundred numbers, with and without bots.

Everybody joins before the release, asks for their place as told, and books in their turn; some do not use it. The
second rush is like the first, with a flood of bots beside it. What is divided by the bare echo was measured in the same
run, because on a machine that others use too nothing else can be compared.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import correlation
from typing import Any

import asyncpg
import httpx

from benchmarks import hospital_data
from benchmarks.booking import _web, machine, prepare, say, temporary
from benchmarks.histogram import Histogram
from benchmarks.hospital_data import CLIENT, counted_id
from benchmarks.load import LoadError, Outcome, render_request, run_load
from benchmarks.servers import ServerFailedError, Servers, databases
from kernel import clock
from kernel.crypto import load_cipher
from oauth.clients import secret_hash
from runtime.embedded import ports

RUSHES = ("calm", "bots")
BOTS = 100
CONNECTIONS = 32
UNWILLING_SHARE = 0.1
THINK_SECONDS = 8.0
AFTER_RELEASE_SECONDS_MAX = 300
SEED = 20_261_125


class WrongError(Exception):
    """The platform did something that it must not; the text says what."""


class Bench:
    """One run: the hospital, its web process, and the telephones."""

    def __init__(self, options: argparse.Namespace, connection: asyncpg.Connection, port: int, token: str) -> None:
        self.options = options
        self.connection = connection
        self.port = port
        self.token = token
        self.address = ("127.0.0.1", port)

    def request(self, method: str, path: str, body: Any = None, *, device: str = "bench-device") -> bytes:
        """One request as bytes."""
        headers = [("Authorization", f"Bearer {self.token}"), ("Content-Type", "application/json")]
        headers.append(("Device-Id", device))
        content = b"" if body is None else json.dumps(body).encode()
        return render_request(method, path, host="bench", headers=headers, body=content)

    async def load(self, requests: list[bytes], *, seconds: float, **more: Any) -> Outcome:
        """Apply a load from a process of its own."""
        return await asyncio.to_thread(
            run_load, self.address, requests, connections=CONNECTIONS, seconds=seconds, **more
        )

    async def rush(self, number: int) -> dict[str, Any]:
        """Let everybody join, and let it come to the release; with bots in the second rush.

        Raises:
            WrongError: numbers sold twice or without a turn, or an order that is not fair.
        """
        name, options = RUSHES[number], self.options
        echo = await self.load([self.request("POST", "/echo", {"patient": 1})], seconds=3.0, repeat=True)
        release = datetime.now(UTC) + timedelta(seconds=options.join_seconds)
        schedules = range(number * options.schedules, (number + 1) * options.schedules)
        await open_at(self.connection, schedules, release)
        people = list(range(options.phones))
        random.Random(SEED + number).shuffle(people)
        say(f"{name}: {options.phones:,} telephones join ...")
        joins = [
            self._join(schedules[n % len(schedules)], person, f"device-{person}") for n, person in enumerate(people)
        ]
        joined = await self.load(joins, seconds=float(options.join_seconds), keep_bodies=True)
        if not joined.exhausted or set(joined.statuses) != {201}:
            raise WrongError(f"not everybody could join in {options.join_seconds} s: {dict(joined.codes)}")
        tickets = [json.loads(body) for body in joined.bodies]
        echo_after = await self.load([self.request("POST", "/echo", {"patient": 1})], seconds=3.0, repeat=True)
        polls = [self.request("GET", f"/open/v1/rush-tickets/{one['id']}") for one in tickets[:2_000]]
        polled = await self.load(polls, seconds=3.0, repeat=True)
        if datetime.now(UTC) > release - timedelta(seconds=2):
            raise WrongError("the release came before all was measured: give more --join-seconds")
        flood = await self._flood(schedules) if name == "bots" else []
        told = await self._wait_and_book(tickets, schedules, release, number, flood)
        bare = (echo.rate + echo_after.rate) / 2
        found = await judge(self.connection, schedules, tickets, told, seats=options.seats * options.schedules)
        return found | {
            "join_rps": round(joined.rate, 1),
            "join_ratio": round(joined.rate / bare, 4),
            "poll_rps": round(polled.rate, 1),
            "poll_ratio": round(polled.rate / bare, 4),
            "echo_rps": round(bare, 1),
        }

    def _join(self, schedule: int, person: int, device: str) -> bytes:
        body = {"schedule_id": counted_id("hot_schedule", schedule), "patient_id": hospital_data.patient_id(person)}
        return self.request("POST", "/open/v1/rush-tickets", body, device=device)

    async def _flood(self, schedules: range) -> list[bytes]:
        """Let the bots join, all from one device, and give what they ask without end: tickets, places, numbers."""
        flood: list[bytes] = []
        for n in range(BOTS):
            schedule, person = schedules[n % len(schedules)], self.options.phones + n
            join = self._join(schedule, person, "bot-device")
            wanted = {
                "slot_id": counted_id("hot_slot", schedule),
                "patient_id": hospital_data.patient_id(person),
            }
            flood += [join, self.request("POST", "/open/v1/appointments", wanted)]
        await self.load(flood[::2], seconds=20.0)
        return flood

    async def _wait_and_book(
        self, tickets: list[dict[str, Any]], schedules: range, release: datetime, number: int, flood: list[bytes]
    ) -> dict[str, Any]:
        slots = {counted_id("hot_schedule", n): counted_id("hot_slot", n) for n in schedules}
        until = release.timestamp() + AFTER_RELEASE_SECONDS_MAX
        asked = {
            "port": self.port,
            "token": self.token,
            "tickets": [
                {"id": one["id"], "patient_id": one["patient_id"], "slot_id": slots[one["schedule_id"]]}
                for one in tickets
            ],
            "release": release.timestamp(),
            "until": until,
            "unwilling_share": UNWILLING_SHARE,
            "think_seconds": THINK_SECONDS,
            "seed": SEED + number,
        }
        phones = subprocess.Popen(  # noqa: ASYNC220  it is only started here; its answer is waited for in a thread
            [sys.executable, "-m", "benchmarks.phones", "_run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        over = threading.Event()
        bots = asyncio.create_task(asyncio.to_thread(self._bots, flood, over)) if flood else None
        try:
            out, _ = await asyncio.to_thread(phones.communicate, json.dumps(asked) + "\n")
        finally:
            over.set()
            phones.kill()
        told: dict[str, Any] = json.loads(out)
        told["bot_answers"] = await bots if bots else {}
        return told

    def _bots(self, flood: list[bytes], over: threading.Event) -> dict[str, int]:
        """Ask at a fixed rate until it is over; give what was answered."""
        answers: dict[str, int] = {}
        while not over.is_set():
            outcome = run_load(
                self.address, flood, connections=CONNECTIONS, seconds=5.0, rate=self.options.bot_rate, repeat=True
            )
            for code, count in {"answered": outcome.answered, **outcome.codes}.items():
                answers[code] = answers.get(code, 0) + count
        return answers


async def open_at(connection: asyncpg.Connection, schedules: range, release: datetime) -> None:
    """Let these schedules open at an instant, and mark them hot."""
    ids = [counted_id("hot_schedule", n) for n in schedules]
    await connection.execute(
        "UPDATE schedule_release SET opens_at = $2 WHERE schedule_id = ANY ($1::uuid[])", ids, release
    )
    await connection.execute(
        "INSERT INTO rush_mark (id, schedule_id) SELECT time_ordered_id(now()), unnest($1::uuid[])", ids
    )
    await connection.execute("ANALYZE")


async def judge(
    connection: asyncpg.Connection,
    schedules: range,
    tickets: list[dict[str, Any]],
    told: dict[str, Any],
    *,
    seats: int,
) -> dict[str, Any]:
    """Compare what telephones were told with what the database holds, and arrival with success.

    Raises:
        WrongError.
    """
    row = await connection.fetchrow(
        "SELECT count(*) AS sold, count(DISTINCT a.seat_id) AS seats,"
        " count(*) FILTER (WHERE t.id IS NULL) AS without_turn,"
        " count(*) FILTER (WHERE t.device_hash = (SELECT device_hash FROM rush_ticket WHERE is_behind LIMIT 1)) AS bots"
        " FROM appointment a LEFT JOIN rush_ticket t ON t.schedule_id = a.schedule_id AND t.patient_id = a.patient_id"
        " AND t.status = 'used' WHERE a.schedule_id = ANY ($1::uuid[]) AND a.status = 'booked'",
        [counted_id("hot_schedule", n) for n in schedules],
    )
    assert row is not None, "a count has a row"
    if row["sold"] != row["seats"] or row["sold"] > seats or row["without_turn"]:
        raise WrongError(f"sold twice or without a turn: {dict(row)}")
    successes = set(told["booked"])
    if len(successes) != row["sold"] - row["bots"]:
        raise WrongError(f"{len(successes)} telephones believe to have a number, {dict(row)}")
    arrived = list(range(len(tickets)))
    fairness = correlation(arrived, [float(n in successes) for n in arrived]) if successes else 0.0
    if abs(fairness) > 4 / len(tickets) ** 0.5:
        raise WrongError(f"who came early fared otherwise than who came late: correlation {fairness:.4f}")
    before, after, bookings = (Histogram.from_json(**told[name]) for name in ("before", "after", "bookings"))
    return {
        "sold": row["sold"],
        "oversold": row["sold"] - row["seats"],
        "sold_to_bots": row["bots"],
        "all_sold_seconds": round(max(told["booked_after"], default=0.0), 1),
        "correlation": round(fairness, 4),
        "polls": before.count + after.count,
        "before_p50_ms": round(before.quantile(0.5) / 1000, 2),
        "before_p99_ms": round(before.quantile(0.99) / 1000, 2),
        "after_p50_ms": round(after.quantile(0.5) / 1000, 2),
        "after_p99_ms": round(after.quantile(0.99) / 1000, 2),
        "booking_p99_ms": round(bookings.quantile(0.99) / 1000, 2),
        "ends": told["ends"],
        "faults": told["faults"],
        "unfinished": told["unfinished"],
        "bot_answers": told["bot_answers"],
    }


async def build(connection: asyncpg.Connection, options: argparse.Namespace, secret: str) -> None:
    """Fill the database: hot schedules, patients, and a rule that lets the measurement be short."""
    first: date = clock.today() + timedelta(days=3)
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await hospital_data.build_catalogue(connection, secret_hash(CLIENT, secret))
        for n in range(len(RUSHES) * options.schedules):
            await hospital_data.add_hot_schedule(
                connection, number=n, day=first + timedelta(days=n), seats=options.seats
            )
        await hospital_data.add_patients(connection, first=0, count=options.phones + BOTS)
    await connection.execute("UPDATE rush_rule SET turn_seconds = $1, joins_per_second = 10000", options.turn_seconds)
    await connection.execute("VACUUM ANALYZE")


async def _measure(options: argparse.Namespace, servers: Servers, stack: ExitStack) -> dict[str, Any]:
    database_url, admin_url = await prepare(servers)
    load_cipher(servers.folder.keys)
    secret = secrets.token_urlsafe(32)
    connection = await asyncpg.connect(admin_url)
    try:
        say("Building the bench hospital ...")
        await build(connection, options, secret)
        port = ports.any_free("127.0.0.1")
        await asyncio.to_thread(stack.enter_context, _web(servers, database_url, port))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            answer = await http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(CLIENT, secret))
        token = answer.raise_for_status().json()["access_token"]
        bench = Bench(options, connection, port, token)
        return {name: await bench.rush(number) for number, name in enumerate(RUSHES)}
    finally:
        await connection.close()


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and give the figures under their names.

    Raises:
        WrongError, LoadError, ServerFailedError.
    """
    cache = (Path(os.environ.get("DATA_DIR", ".data")) / "bench").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with temporary(cache) as root, ExitStack() as stack:
        say("Starting PostgreSQL and Valkey ...")
        servers = stack.enter_context(databases(root))
        figures = asyncio.run(_measure(options, servers, stack))
    return figures | {
        "phones": options.phones,
        "numbers": options.schedules * options.seats,
        "schedules": options.schedules,
        "turn_seconds": options.turn_seconds,
        "bot_rate": options.bot_rate,
        "took_seconds": round(time.monotonic() - started),
        "web_processes": 1,
        "machine": machine(),
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    where = figures["machine"]
    sold = f"{figures['numbers']} numbers of {figures['schedules']} schedules"
    lines = [f"{figures['phones']:,} telephones, {sold}, turns of {figures['turn_seconds']} s, one web process"]
    for name, title in zip(RUSHES, ("people alone", f"with bots asking {figures['bot_rate']:g}/s"), strict=True):
        one = figures[name]
        joins = f"joins {one['join_rps']:,.0f}/s ({one['join_ratio']:.3f} of the echo)"
        polls = f"places {one['poll_rps']:,.0f}/s ({one['poll_ratio']:.2f} of the echo's {one['echo_rps']:,.0f}/s)"
        before = f"before the release p50 {one['before_p50_ms']} ms, p99 {one['before_p99_ms']} ms"
        after = f"after it p50 {one['after_p50_ms']} ms, p99 {one['after_p99_ms']} ms"
        gone = f"sold {one['sold']} in {one['all_sold_seconds']} s, twice {one['oversold']}"
        fair = f"correlation of arrival and success {one['correlation']}"
        lines += [f"{title}:", f"  {joins}, {polls}", f"  asking as told: {before}; {after}"]
        lines.append(f"  {gone}, to bots {one['sold_to_bots']}; {fair}")
    lines.append(f"{where['date']}, {where['cores']} cores, {where['cpu']}, {where['memory_gib']} GiB")
    return "\n".join(lines)


def main() -> int:
    """Measure a rush on this machine."""
    parser = argparse.ArgumentParser(prog="./hospital bench rush", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--phones", type=int, default=10_000, metavar="N", help="telephones (default 10000)")
    parser.add_argument("--schedules", type=int, default=5, metavar="S", help="hot schedules (default 5)")
    parser.add_argument("--seats", type=int, default=20, metavar="S", help="numbers of each (default 20)")
    parser.add_argument("--join-seconds", type=int, default=120, metavar="S", help="until the release (default 120)")
    parser.add_argument("--turn-seconds", type=int, default=30, metavar="S", help="a turn (default 30)")
    parser.add_argument("--bot-rate", type=float, default=300.0, metavar="R", help="bots' requests a second (300)")
    options = parser.parse_args()
    try:
        figures = run(options)
    except (WrongError, LoadError, ServerFailedError) as error:
        say(f"bench rush: {error}")
        return 1
    print(json.dumps(figures) if options.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
