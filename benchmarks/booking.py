"""`./hospital bench booking`: how fast numbers are sold, held against the same server's bare JSON echo.

It starts databases and one web process of its own, builds a hospital with free seats enough, and measures in
interleaved rounds: on a machine that others use too, what is divided by each other was measured side by side.
"""

import argparse
import asyncio
import json
import os
import platform
import secrets
import shutil
import statistics
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import hospital_data, profiler, scenarios, verdict
from benchmarks.environments import InstallError
from benchmarks.histogram import Histogram
from benchmarks.history import load_history
from benchmarks.load import Outcome
from benchmarks.peer.pretix import PeerUnavailableError, running_peer
from benchmarks.scenarios import (
    AVAILABILITY,
    ECHO,
    HOT,
    MANY,
    MEASURED,
    SOLD_OUT,
    Client,
    Planner,
    Scenario,
    ScenarioError,
)
from benchmarks.servers import (
    ServerFailedError,
    Servers,
    cpu_seconds,
    databases,
    log_end,
    process,
    python_module,
    web_environment,
)
from kernel.crypto import load_cipher
from oauth.clients import secret_hash
from runtime.embedded import ports
from runtime.embedded.postgres import VERSION as POSTGRES_VERSION
from runtime.embedded.postgres import ensure_database
from runtime.migrate import migrate

WARMUP_SECONDS = 0.7
HALF_LOAD_SECONDS_MIN = 6.0
PATIENTS = 300_000
PATIENTS_WITH_HISTORY = 1_000_000
HOT_SEATS = 45_000
PEER_ROUNDS = 3
PEER_SECONDS = 5.0
ROLE = "hospital"
P99_MS_AIM = 25
PEER_RATIO_AIM = 40
COSTS = ("web", "postgresql", "generator")


@dataclass
class Rounds:
    """The rates of one set of interleaved rounds, in answers per second."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    latencies: dict[str, Histogram] = field(default_factory=dict)
    # Processor time in microseconds per answer: in the web process, in PostgreSQL, in the load generator.
    costs: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)
    half_load: Histogram = field(default_factory=Histogram)
    half_load_rate: float = 0.0
    half_load_answered: float = 0.0

    def rate(self, scenario: Scenario) -> float:
        """The median of the rounds."""
        return statistics.median(self.rates[scenario.name])

    def ratio(self, scenario: Scenario) -> float:
        """The median over the rounds of this rate by the echo's, taken as the mean of the echoes before and after."""
        echoes = self.rates[ECHO.name]
        pairs = zip(self.rates[scenario.name], echoes, echoes[1:], strict=False)
        return statistics.median(rate / ((before + after) / 2) for rate, before, after in pairs)

    def figures(self) -> dict[str, Any]:
        """Ratios and rates under the names that the project's issues use."""
        found: dict[str, Any] = {f"{one.name}_ratio": round(self.ratio(one), 4) for one in MEASURED}
        found["p99_ms_half_load"] = round(self.half_load.quantile(0.99) / 1000, 2)
        found |= {f"{one.name}_rps": round(self.rate(one), 1) for one in (ECHO, *MEASURED)}
        found["half_load_rps"] = round(self.half_load_answered, 1)
        found["p50_ms_half_load"] = round(self.half_load.quantile(0.5) / 1000, 2)
        found["p50_ms"] = {name: round(one.quantile(0.5) / 1000, 2) for name, one in self.latencies.items()}
        found["cpu_us"] = {
            name: dict(
                zip(COSTS, (round(statistics.median(each), 1) for each in zip(*costs, strict=True)), strict=True)
            )
            for name, costs in self.costs.items()
        }
        found["p99_ms"] = {name: round(one.quantile(0.99) / 1000, 2) for name, one in self.latencies.items()}
        return found


class Bench:
    """One run: its servers, its hospital, and what callers were promised."""

    def __init__(self, options: argparse.Namespace, servers: Servers, web_pid: int, port: int, admin_url: str) -> None:
        self.options = options
        self.servers = servers
        self.web_pid = web_pid
        self.admin_url = admin_url
        self.acknowledged: list[bytes] = []
        self.address = ("127.0.0.1", port)

    def measure(self, planner: Planner, title: str) -> Rounds:
        """Warm up, run the rounds, then the fixed rate at half of what they reached.

        Raises:
            ScenarioError: an answer that no caller should get.
        """
        seconds, rounds = self.options.seconds, Rounds()
        for scenario in (ECHO, *MEASURED):
            self._apply(scenario, planner, seconds=1.0, warmup_seconds=0.3)
        for number in range(self.options.rounds):
            for scenario in (ECHO, *MEASURED):
                used = self._cpu()
                outcome = self._apply(scenario, planner, seconds=seconds)
                self._note(rounds, scenario, outcome.rate, outcome.latencies)
                spent = [(now - then) / outcome.sent * 1e6 for now, then in zip(self._cpu(), used, strict=True)]
                generator = outcome.cpu_seconds / outcome.sent * 1e6
                rounds.costs.setdefault(scenario.name, []).append((spent[0], spent[1], generator))
                say(f"{title}, round {number + 1}: {scenario.name:13} {outcome.rate:10,.0f}/s")
        self._note(rounds, ECHO, self._apply(ECHO, planner, seconds=seconds).rate, Histogram())
        rounds.half_load_rate = rounds.rate(MANY) / 2
        half = self._apply(MANY, planner, seconds=max(HALF_LOAD_SECONDS_MIN, seconds), rate=rounds.half_load_rate)
        rounds.half_load, rounds.half_load_answered = half.latencies, half.rate
        return rounds

    def _cpu(self) -> tuple[float, float]:
        return cpu_seconds(self.web_pid), cpu_seconds(self.servers.postgres_pid)

    def _apply(
        self,
        scenario: Scenario,
        planner: Planner,
        *,
        seconds: float,
        warmup_seconds: float = WARMUP_SECONDS,
        rate: float | None = None,
    ) -> Outcome:
        outcome = scenarios.apply(scenario, planner, seconds=seconds, warmup_seconds=warmup_seconds, rate=rate)
        if scenario.books:
            self.acknowledged.extend(outcome.bodies)
        return outcome

    def _note(self, rounds: Rounds, scenario: Scenario, rate: float, latencies: Histogram) -> None:
        rounds.rates.setdefault(scenario.name, []).append(rate)
        rounds.latencies.setdefault(scenario.name, Histogram()).add(latencies)

    def profile(self, planner: Planner, into: Path, home: Path) -> None:
        """Apply each load once more under observation and write where the time went.

        Raises:
            InstallError: py-spy is not there and cannot be installed.
        """
        into.mkdir(parents=True, exist_ok=True)
        for scenario in (ECHO, *MEASURED):
            asyncio.run(self._on_database(profiler.watch_statements))
            with profiler.sampled(self.web_pid, into=into / f"{scenario.name}.txt", home=home, say=say):
                outcome = self._apply(scenario, planner, seconds=max(self.options.seconds, 5.0))
            costs = asyncio.run(self._on_database(profiler.statements))
            with (into / f"{scenario.name}.txt").open("a", encoding="utf-8") as report:
                report.write(f"\n{outcome.rate:,.0f} answers a second while watched\n\n{costs}")
        say(f"Profiles are in {into}")

    async def _on_database(self, work: Any) -> Any:
        connection = await asyncpg.connect(self.admin_url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    def compare(self) -> verdict.Verdict:
        """Compare what callers were told with what the database holds."""
        say(f"Comparing {len(self.acknowledged):,} acknowledged bookings with the database ...")

        async def look(connection: asyncpg.Connection) -> verdict.Verdict:
            return await verdict.compare(connection, self.acknowledged)

        found: verdict.Verdict = asyncio.run(self._on_database(look))
        return found

    def add_history(self, patients: int) -> int:
        """Load the past."""

        async def load(connection: asyncpg.Connection) -> int:
            wanted = self.options.history
            return await load_history(connection, appointments=wanted, patients=patients, say=say)

        return int(asyncio.run(self._on_database(load)))

    def settle(self) -> None:
        """Let no checkpoint or vacuum of what was loaded fall into the measurement."""
        asyncio.run(self._on_database(_settle))


async def _settle(connection: asyncpg.Connection) -> None:
    await connection.execute("CHECKPOINT")


def say(sentence: str) -> None:
    """Show progress beside the figures, never among them."""
    print(sentence, file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything and give the figures under their names.

    Raises:
        ScenarioError, ServerFailedError, InstallError: the measurement makes no sense here; the text says why.
    """
    cache = (options.peer_dir or Path(os.environ.get("DATA_DIR", ".data")) / "bench").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    rounds_of_hot = (options.rounds + 3) * (2 if options.history else 1)
    patients = PATIENTS_WITH_HISTORY if options.history >= PATIENTS_WITH_HISTORY else PATIENTS
    secret = secrets.token_urlsafe(32)
    figures: dict[str, Any] = {}
    with temporary(cache) as root, ExitStack() as stack:
        say("Starting PostgreSQL and Valkey ...")
        servers = stack.enter_context(databases(root, statement_statistics=bool(options.profile)))
        database_url, admin_url = asyncio.run(prepare(servers))
        load_cipher(servers.folder.keys)
        hospital = asyncio.run(_build(admin_url, secret, patients=patients, hot_schedules=rounds_of_hot))
        port = ports.any_free("127.0.0.1")
        pid = stack.enter_context(_web(servers, database_url, port))
        client = Client(("127.0.0.1", port), secret, options.connections, not options.without_keys)
        planner = Planner(client, hospital)
        bench = Bench(options, servers, pid, port, admin_url)
        try:
            bench.settle()
            before = bench.measure(planner, "empty past")
            after = before
            history = 0
            if options.history:
                history = bench.add_history(patients)
                after = bench.measure(planner, "with history")
            if options.profile:
                bench.profile(planner, options.profile, cache)
        except ScenarioError as error:
            stack.close()
            raise ScenarioError(f"{error}\n{log_end(servers.folder.log_of('web'))}") from error
        found = bench.compare()
        figures = after.figures() | {"oversold": found.oversold, "wrong": found.wrong, "history": history}
        figures["acknowledged"] = len(bench.acknowledged)
        if options.history:
            figures["without_history"] = before.figures()
            figures["change"] = _change(before, after)
        figures |= _peer(options, servers, cache, figures["many_rps"])
    return figures | {"settings": _settings(options), "machine": machine()}


def _change(before: Rounds, after: Rounds) -> dict[str, float]:
    """How far each ratio moved with the history, as a share of the one without: -0.1 is a tenth lower."""
    return {one.name: round(after.ratio(one) / before.ratio(one) - 1, 4) for one in MEASURED}


def _peer(options: argparse.Namespace, servers: Servers, cache: Path, many_rps: float) -> dict[str, Any]:
    """Measure the peer on the same databases; nulls and the reason when it is not to be had."""
    nothing: dict[str, Any] = {"peer_ratio": None, "peer_rps": None, "peer_cart_ratio": None, "peer_cart_rps": None}
    if options.skip_peer:
        return nothing | {"peer": "skipped"}
    try:
        with running_peer(servers, cache, say) as peer:
            orders, carts = [], []
            for number in range(PEER_ROUNDS):
                orders.append(peer.measure_orders(seconds=PEER_SECONDS))
                carts.append(peer.measure_carts(seconds=PEER_SECONDS))
                say(f"peer, round {number + 1}: orders {orders[-1].rate:.1f}/s, carts {carts[-1].rate:.1f}/s")
    except PeerUnavailableError as error:
        say(f"The peer is not measured: {error}")
        return nothing | {"peer": str(error)}
    strange = {status for one in orders + carts for status in one.statuses if status != 201}
    if strange:
        return nothing | {"peer": f"pretix answered {strange}"}
    order_rps = statistics.median(one.rate for one in orders)
    cart_rps = statistics.median(one.rate for one in carts)
    return {
        "peer": f"pretix {peer.version}, gunicorn with 2 workers",
        "peer_ratio": round(many_rps / order_rps, 1),
        "peer_rps": round(order_rps, 1),
        "peer_cart_ratio": round(many_rps / cart_rps, 1),
        "peer_cart_rps": round(cart_rps, 1),
    }


@contextmanager
def temporary(cache: Path) -> Iterator[Path]:
    """A folder on the disk of the data (fsync on a memory disk would prove nothing), gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="run-", dir=cache))
    try:
        yield root
    finally:
        # Under root, PostgreSQL's data may lie elsewhere, where its own user can reach it.
        for link in root.glob("pg*"):
            if link.is_symlink():
                shutil.rmtree(link.resolve().parent, ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)


async def prepare(servers: Servers) -> tuple[str, str]:
    """Make and migrate the database; give its URL for the platform and for the bench itself."""
    password = secrets.token_hex(16)
    superuser = servers.postgres.superuser_password
    await ensure_database(servers.postgres.superuser_url, name=ROLE, owner=ROLE, password=password)
    database_url = servers.postgres.url(user=ROLE, password=password, database=ROLE)
    await migrate(database_url)
    return database_url, servers.postgres.url(user="postgres", password=superuser, database=ROLE)


async def _build(admin_url: str, secret: str, *, patients: int, hot_schedules: int) -> hospital_data.BenchHospital:
    connection = await asyncpg.connect(admin_url)
    try:
        return await hospital_data.build(
            connection,
            patients=patients,
            hot_schedules=hot_schedules,
            hot_seats=HOT_SEATS,
            secret_hash=secret_hash(hospital_data.CLIENT, secret),
            say=say,
        )
    finally:
        await connection.close()


@contextmanager
def _web(servers: Servers, database_url: str, port: int) -> Iterator[int]:
    say("Starting one web process ...")
    environment = web_environment(servers, database_url=database_url, port=port)
    log = servers.folder.log_of("web")
    with process("web", python_module("runtime.web"), environment=environment, log=log, port=port) as web:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=30).close()
        yield web.pid


def machine() -> dict[str, Any]:
    """What the figures were measured on, without naming the machine."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgresql": POSTGRES_VERSION,
    }


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "seconds": options.seconds,
        "rounds": options.rounds,
        "connections": options.connections,
        "idempotency_keys": not options.without_keys,
        "web_processes": 1,
        "fsync": True,
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    aims = {MANY: 0.4, HOT: 0.4, SOLD_OUT: 0.7, AVAILABILITY: 0.6}
    titles = {MANY: "booking, many slots", HOT: "booking, one hot schedule", SOLD_OUT: "sold-out refusals",
              AVAILABILITY: "availability reads"}  # fmt: skip
    head = f"{'':28}{'per second':>12}{'of the echo':>13}{'aim':>7}{'':>9}"
    lines = [f"{head}   processor us each: web, PostgreSQL, generator"]
    lines.append(f"{'bare JSON echo':28}{figures['echo_rps']:12,.0f}{'':29}{_cost(figures, ECHO)}")
    for one, title in titles.items():
        ratio, rate = figures[f"{one.name}_ratio"], figures[f"{one.name}_rps"]
        said = _said(ratio >= aims[one])
        lines.append(f"{title:28}{rate:12,.0f}{ratio:13.2f}{aims[one]:7.1f}{said:>9}{_cost(figures, one)}")
    p99 = figures["p99_ms_half_load"]
    half, said = figures["half_load_rps"], _said(p99 < P99_MS_AIM)
    lines.append(f"p99 of booking at {half:,.0f}/s: {p99} ms (aim: under {P99_MS_AIM}: {said})")
    if figures["peer_ratio"] is None:
        lines.append(f"peer: {figures['peer']}")
    else:
        lines.append(
            f"{figures['peer']}: {figures['peer_rps']} orders/s, so {figures['peer_ratio']} times"
            f" (aim: {PEER_RATIO_AIM}: {_said(figures['peer_ratio'] >= PEER_RATIO_AIM)});"
            f" {figures['peer_cart_rps']} cart places/s, so {figures['peer_cart_ratio']} times"
        )
    sold_twice, sold = figures["oversold"], figures["acknowledged"]
    lines.append(f"numbers sold twice: {sold_twice} of {sold:,} acknowledged bookings ({_said(sold_twice == 0)})")
    if figures["wrong"]:
        lines.append(f"WRONG: {figures['wrong']}")
    if figures["history"]:
        lines.append(f"over {figures['history']:,} past appointments; change of the ratios: {figures['change']}")
    where = figures["machine"]
    lines.append(f"{where['date']}, {where['cores']} cores, {where['cpu']}, {where['memory_gib']} GiB")
    return "\n".join(lines)


def _said(reached: bool) -> str:  # noqa: FBT001  it turns one word into another
    return "reached" if reached else "short"


def _cost(figures: dict[str, Any], scenario: Scenario) -> str:
    cost = figures["cpu_us"][scenario.name]
    return "   " + "".join(f"{cost[name]:8.0f}" for name in COSTS)


def main() -> int:
    """Measure booking on this machine."""
    parser = argparse.ArgumentParser(prog="./hospital bench booking", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--history", type=int, default=0, metavar="N", help="measure again over N past appointments")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="length of each measured segment")
    parser.add_argument("--rounds", type=int, default=5, metavar="R", help="interleaved rounds (default 5)")
    parser.add_argument("--connections", type=int, default=64, metavar="C", help="callers at a time (default 64)")
    parser.add_argument("--skip-peer", action="store_true", help="do not measure pretix beside it")
    parser.add_argument("--peer-dir", type=Path, metavar="DIR", help="where pretix is installed and databases run")
    parser.add_argument("--without-keys", action="store_true", help="send no Idempotency-Key")
    parser.add_argument("--profile", type=Path, metavar="DIR", help="also write what costs the time into this folder")
    options = parser.parse_args()
    try:
        figures = run(options)
    except (ScenarioError, ServerFailedError, InstallError) as error:
        say(f"bench booking: {error}")
        return 1
    print(json.dumps(figures) if options.json else table(figures))
    return 1 if figures["oversold"] or figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
