"""`./hospital bench limiter`: what limits, and records, add to a request.

One web process answers a small read for two applications in turns: one without limits, and one with a rate and a day's
quota so large that nothing is refused. In a closed loop the processor time of the web process per request tells what
limits cost under load; at a slow fixed rate, where hardly a lease lasts, latencies tell what a request waits for them.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from benchmarks.booking import _web, machine, prepare, say, temporary
from benchmarks.hospital_data import UNLIMITED
from benchmarks.load import Outcome, render_request, run_load
from benchmarks.servers import ServerFailedError, cpu_seconds, databases
from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import open_database
from kernel.ids import new_id
from oauth.clients import secret_hash
from partners.request_records import Record, RequestRecords
from runtime.embedded import ports

ADDED_AIM_MS = 0.3
CONNECTIONS = 16
SLOW_RATE = 50.0
RECORDS = 20_000
SECRET = "bench-limiter-secret"  # noqa: S105  of databases that are thrown away
FREE, LIMITED = "bench-free", "bench-limited"
PATH = "/open/v1/campuses"


@dataclass
class Side:
    """What came of one application's turns: processor microseconds per request, and latencies in microseconds."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


async def build(admin_url: str) -> None:
    """Register both applications, and limits that let everything through."""
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute("INSERT INTO channel VALUES ('bench', 'b', 'b')")
        for client in (FREE, LIMITED):
            await connection.execute(
                "WITH made AS (INSERT INTO oauth_client (id, name, kind, channel, scopes)"
                " VALUES ($1, 'bench', 'partner', 'bench', '{catalogue.read}') RETURNING id)"
                " INSERT INTO oauth_client_secret (client_id, hash) SELECT id, $2 FROM made",
                client,
                secret_hash(client, SECRET),
            )
        await connection.execute(UNLIMITED, FREE)
        await connection.execute(
            "INSERT INTO rate_policy (id, client_id, covers, window_seconds, requests) VALUES"
            " (gen_random_uuid(), $1, 'care', 10, 1000000), (gen_random_uuid(), $1, 'all', 86400, 1000000000)",
            LIMITED,
        )
    finally:
        await connection.close()


def requests_of(port: int) -> dict[str, bytes]:
    """Render the one request of each application."""
    found = {}
    for client in (FREE, LIMITED):
        answer = httpx.post(
            f"http://127.0.0.1:{port}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(client, SECRET),
        )
        headers = [("Authorization", f"Bearer {answer.raise_for_status().json()['access_token']}")]
        found[client] = render_request("GET", PATH, host=f"127.0.0.1:{port}", headers=headers)
    return found


def measure(options: argparse.Namespace, port: int, pid: int) -> dict[str, Side]:
    """Let both applications ask in turns, so that a busy moment of the machine meets both."""
    sent, sides = requests_of(port), {FREE: Side(), LIMITED: Side()}
    for number in range(options.rounds):
        say(f"Round {number + 1} of {options.rounds} ...")
        for client in (FREE, LIMITED) if number % 2 == 0 else (LIMITED, FREE):
            side, one = sides[client], [sent[client]]
            before = cpu_seconds(pid)
            outcome = _asked(run_load(("127.0.0.1", port), one, connections=CONNECTIONS, seconds=options.seconds,
                                      repeat=True))  # fmt: skip
            side.costs.append((cpu_seconds(pid) - before) * 1e6 / max(1, outcome.answered))
            side.rates.append(outcome.rate)
            slow = _asked(run_load(("127.0.0.1", port), one, connections=4, seconds=options.seconds, rate=SLOW_RATE,
                                   repeat=True))  # fmt: skip
            side.p50.append(slow.latencies.quantile(0.5))
            side.p99.append(slow.latencies.quantile(0.99))
    return sides


def _asked(outcome: Outcome) -> Outcome:
    assert set(outcome.statuses) == {200}, f"nothing may be refused here: {dict(outcome.statuses)}"
    return outcome


async def record_cost(database_url: str) -> float:
    """Tell how many microseconds of this process's time a request record costs, its writing included."""
    database = await open_database(database_url, min_size=1, max_size=2)
    try:
        records, at, patients = RequestRecords(), clock.now(), [new_id()]
        began = time.process_time()
        for number in range(RECORDS):
            records.add(Record(at, LIMITED, None, f"GET {PATH}", 200, None, 900, f"request-{number}", "127.0.0.0/24",
                               "library", patients))  # fmt: skip
            if number % 500 == 0:
                await asyncio.sleep(0)
        await records.close()
        return (time.process_time() - began) * 1e6 / RECORDS
    finally:
        await database.close()


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and give the figures under their names."""
    cache = (Path(os.environ.get("DATA_DIR", ".data")) / "bench").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    with temporary(cache) as root, ExitStack() as stack:
        say("Starting PostgreSQL and Valkey ...")
        servers = stack.enter_context(databases(root))
        database_url, admin_url = asyncio.run(prepare(servers))
        load_cipher(servers.folder.keys)
        asyncio.run(build(admin_url))
        port = ports.any_free("127.0.0.1")
        pid = stack.enter_context(_web(servers, database_url, port))
        sides = measure(options, port, pid)
        record = asyncio.run(record_cost(database_url))
    free, limited = sides[FREE], sides[LIMITED]
    median = statistics.median
    return {
        "rounds": options.rounds,
        "requests_per_second_free": round(median(free.rates), 1),
        "requests_per_second_limited": round(median(limited.rates), 1),
        "processor_us_free": round(median(free.costs), 1),
        "processor_us_limited": round(median(limited.costs), 1),
        "p50_ms_free": round(median(free.p50) / 1000, 3),
        "p50_ms_limited": round(median(limited.p50) / 1000, 3),
        "p99_ms_free": round(median(free.p99) / 1000, 3),
        "p99_ms_limited": round(median(limited.p99) / 1000, 3),
        "added_under_load_ms": round((median(limited.costs) - median(free.costs)) / 1000, 4),
        "added_at_slow_rate_ms": round((median(limited.p50) - median(free.p50)) / 1000, 4),
        "record_us": round(record, 1),
        "machine": machine(),
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    where = figures["machine"]
    free, limited = (f"{figures[f'requests_per_second_{side}']:,}" for side in ("free", "limited"))
    costs = f"{figures['processor_us_free']} and {figures['processor_us_limited']} us"
    middle = f"{figures['p50_ms_free']} and {figures['p50_ms_limited']} ms"
    late = f"{figures['p99_ms_free']} and {figures['p99_ms_limited']} ms"
    added = f"{figures['added_under_load_ms']} ms under load, {figures['added_at_slow_rate_ms']} ms at a slow rate"
    lines = [
        f"under load: {free} requests/s without limits, {limited} with; processor time {costs} a request",
        f"at {SLOW_RATE:g} requests/s: p50 {middle}, p99 {late}",
        f"added by limits: {added} (aim: under {ADDED_AIM_MS} ms); a record costs {figures['record_us']} us",
        f"{where['date']}, {where['cores']} cores, {where['cpu']}, {where['memory_gib']} GiB",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure what limits and records add to a request."""
    parser = argparse.ArgumentParser(prog="./hospital bench limiter", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns of each application (default 5)")
    parser.add_argument("--seconds", type=float, default=4.0, metavar="S", help="length of a measurement (default 4)")
    options = parser.parse_args()
    try:
        figures = run(options)
    except ServerFailedError as error:
        say(f"bench limiter: {error}")
        return 1
    print(json.dumps(figures) if options.json else table(figures))
    return 1 if max(figures["added_under_load_ms"], figures["added_at_slow_rate_ms"]) >= ADDED_AIM_MS else 0


if __name__ == "__main__":
    sys.exit(main())
