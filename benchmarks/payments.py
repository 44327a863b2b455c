"""`./hospital bench payments`: notifications of a payment channel taken in, held against the same server's bare echo.

It starts databases and one web process of its own and plays the channel: every notification is sealed and signed as
WeChat Pay does it, before the clock starts. The web process verifies and opens it, PostgreSQL has it on disk, and only
then is it acknowledged. Nobody works the inbox off meanwhile. Rounds are interleaved with the echo's.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg

from benchmarks import profiler
from benchmarks.booking import machine, prepare, say, temporary
from benchmarks.environments import InstallError
from benchmarks.histogram import Histogram
from benchmarks.load import LoadError, Outcome, render_request, run_load
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
from integration.emulators.wechatpay.accounts import Account, Signer, load_accounts, load_platform_keys
from integration.emulators.wechatpay.signing import encrypt, signed_headers
from integration.emulators.wechatpay.trades import china_time
from kernel import clock
from kernel.db import open_database
from kernel.events import Actor
from payments.merchants import NOTIFICATIONS_PATH
from runtime.demo_hospital.merchants import load_merchants
from runtime.embedded import ports
from runtime.sandbox_channels import (
    WECHATPAY_APP_ID,
    WECHATPAY_MERCHANT_CODE,
    WECHATPAY_MERCHANT_NO,
    open_wechatpay_account,
)

ECHO: Final = "echo"
TAKEN: Final = "notifications"
RATIO_AIM: Final = 0.4
P99_MS_AIM: Final = 50
WARMUP_SECONDS: Final = 0.7
HALF_LOAD_SECONDS_MIN: Final = 5.0
FIRST_RATE_MAX: Final = 6_000
"""More than is expected of one process; signing them takes longest, so later segments prepare by what was seen."""
MARGIN: Final = 2.5
COSTS: Final = ("web", "postgresql", "generator")
# The channel is never called here; should it be, nobody is there.
NOWHERE: Final = "http://127.0.0.1:9"


class MeasurementError(Exception):
    """The web process answered what no channel should get, or too little was prepared; the text says what."""


class Channel:
    """WeChat Pay, as far as it tells a merchant of payments."""

    def __init__(self, folder: Path, address: tuple[str, int]) -> None:
        keys = load_platform_keys(folder)
        self._signer: Signer = keys.by_public_key
        self._account: Account = load_accounts(folder)[WECHATPAY_MERCHANT_NO]
        self._host = f"{address[0]}:{address[1]}"
        self._told = 0

    def notifications(self, count: int) -> list[bytes]:
        """Render so many requests, each of another payment."""
        return [self._notification() for _ in range(count)]

    def _notification(self) -> bytes:
        self._told += 1
        now = clock.machine_now()
        body = json.dumps(
            {
                "id": str(uuid.uuid4()),
                "create_time": china_time(now),
                "resource_type": "encrypt-resource",
                "event_type": "TRANSACTION.SUCCESS",
                "summary": "支付成功",
                "resource": {"original_type": "transaction"}
                | encrypt(self._account, self._payment(), associated_data="transaction"),
            },
            ensure_ascii=False,
        ).encode()
        headers = [*signed_headers(self._signer, body, now=now).items(), ("Content-Type", "application/json")]
        path = f"{NOTIFICATIONS_PATH}/wechatpay/{WECHATPAY_MERCHANT_CODE}"
        return render_request("POST", path, host=self._host, headers=headers, body=body)

    def _payment(self) -> str:
        fen = 1_000 + self._told % 5_000
        told = {
            "appid": WECHATPAY_APP_ID,
            "mchid": WECHATPAY_MERCHANT_NO,
            "out_trade_no": f"PBENCH{self._told:012d}A01",
            "transaction_id": f"42{self._told:026d}",
            "trade_type": "JSAPI",
            "trade_state": "SUCCESS",
            "trade_state_desc": "支付成功",
            "bank_type": "OTHERS",
            "attach": "",
            "success_time": china_time(clock.now()),
            "payer": {"openid": f"oBench{self._told:022d}"},
            "amount": {"total": fen, "payer_total": fen, "currency": "CNY", "payer_currency": "CNY"},
        }
        return json.dumps(told, ensure_ascii=False)


@dataclass
class Rounds:
    """What the interleaved rounds gave: answers per second, latencies, and microseconds of processor per answer."""

    rates: dict[str, list[float]] = field(default_factory=lambda: {ECHO: [], TAKEN: []})
    costs: dict[str, list[tuple[float, float, float]]] = field(default_factory=lambda: {ECHO: [], TAKEN: []})
    latencies: dict[str, Histogram] = field(default_factory=lambda: {ECHO: Histogram(), TAKEN: Histogram()})
    half_load: Outcome = field(default_factory=Outcome)

    def ratio(self) -> float:
        """The median over the rounds of the rate by the mean of the echoes before and after it."""
        echoes = self.rates[ECHO]
        pairs = zip(self.rates[TAKEN], echoes, echoes[1:], strict=False)
        return statistics.median(rate / ((before + after) / 2) for rate, before, after in pairs)

    def cost(self, name: str) -> dict[str, float]:
        """The median cost of one answer by process."""
        return dict(
            zip(COSTS, (round(statistics.median(each), 1) for each in zip(*self.costs[name], strict=True)), strict=True)
        )

    def figures(self) -> dict[str, Any]:
        """Ratios and rates under the names that the project's issues use."""
        costs = {name: self.cost(name) for name in (ECHO, TAKEN)}
        spent = costs[TAKEN]["web"] + costs[TAKEN]["postgresql"]
        return {
            "notifications_ratio": round(self.ratio(), 4),
            "notifications_ratio_by_processor_time": round(costs[ECHO]["web"] / spent, 4) if spent else None,
            "p99_ms_half_load": round(self.half_load.latencies.quantile(0.99) / 1000, 2),
            "p50_ms_half_load": round(self.half_load.latencies.quantile(0.5) / 1000, 2),
            "half_load_rps": round(self.half_load.rate, 1),
            "echo_rps": round(statistics.median(self.rates[ECHO]), 1),
            "notifications_rps": round(statistics.median(self.rates[TAKEN]), 1),
            "p99_ms": {name: round(one.quantile(0.99) / 1000, 2) for name, one in self.latencies.items()},
            "cpu_us": costs,
        }


class Bench:
    """One run against one web process."""

    def __init__(
        self, options: argparse.Namespace, channel: Channel, address: tuple[str, int], pids: tuple[int, int]
    ) -> None:
        self._options = options
        self._channel = channel
        self._address = address
        self._pids = pids
        self._rate_seen = float(FIRST_RATE_MAX) / MARGIN
        self.sent = 0

    def measure(self) -> Rounds:
        """Warm up, run the rounds, then a fixed rate at half of what they reached.

        Raises:
            MeasurementError.
        """
        seconds, rounds = self._options.seconds, Rounds()
        for name in (ECHO, TAKEN):
            self._rate_seen = max(self.apply(name, seconds=1.5, warmup_seconds=1.5).rate, 200.0)
        for number in range(self._options.rounds):
            for name in (ECHO, TAKEN):
                before = [cpu_seconds(pid) for pid in self._pids]
                outcome = self.apply(name, seconds=seconds)
                spent = [
                    (cpu_seconds(pid) - then) / outcome.sent * 1e6 for pid, then in zip(self._pids, before, strict=True)
                ]
                rounds.costs[name].append((spent[0], spent[1], outcome.cpu_seconds / outcome.sent * 1e6))
                rounds.rates[name].append(outcome.rate)
                rounds.latencies[name].add(outcome.latencies)
                say(f"round {number + 1}: {name:13} {outcome.rate:10,.0f}/s")
        rounds.rates[ECHO].append(self.apply(ECHO, seconds=seconds).rate)
        half = statistics.median(rounds.rates[TAKEN]) / 2
        rounds.half_load = self.apply(TAKEN, seconds=max(HALF_LOAD_SECONDS_MIN, seconds), rate=half)
        return rounds

    def apply(
        self, name: str, *, seconds: float, warmup_seconds: float = WARMUP_SECONDS, rate: float | None = None
    ) -> Outcome:
        """Apply one segment of load and insist on its answers.

        Raises:
            MeasurementError.
        """
        total = seconds + warmup_seconds
        if name == ECHO:
            requests = [self._echo()]
        else:
            requests = self._channel.notifications(
                int(total * (self._rate_seen * MARGIN if rate is None else rate)) + 64
            )
        try:
            outcome = run_load(
                self._address,
                requests,
                connections=self._options.connections,
                seconds=seconds,
                warmup_seconds=warmup_seconds,
                rate=rate,
                repeat=name == ECHO,
            )
        except LoadError as error:
            raise MeasurementError(f"{name}: {error}") from error
        if outcome.answered == 0:
            raise MeasurementError(f"{name}: no answer within {seconds} s")
        if set(outcome.statuses) != {200} or outcome.unanswered:
            raise MeasurementError(f"{name}: answers {dict(outcome.statuses)}, {outcome.unanswered} unanswered")
        if outcome.exhausted and rate is None:
            raise MeasurementError(f"{name}: {outcome.sent} prepared requests were used up before the time was")
        if name == TAKEN:
            self.sent += outcome.sent
        return outcome

    def _echo(self) -> bytes:
        host = f"{self._address[0]}:{self._address[1]}"
        body = b'{"slot_id":"01936d3e-0000-7000-8000-000000000001","patient_id":"01936d3e-0000-7000-8000-000000000002"}'
        return render_request("POST", "/echo", host=host, headers=[("Content-Type", "application/json")], body=body)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and give the figures under their names.

    Raises:
        MeasurementError, ServerFailedError, InstallError.
    """
    cache = (Path(os.environ.get("DATA_DIR", ".data")) / "bench").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    with temporary(cache) as root, ExitStack() as stack:
        say("Starting PostgreSQL, Valkey and one web process ...")
        servers = stack.enter_context(databases(root, statement_statistics=bool(options.profile)))
        database_url, admin_url = asyncio.run(prepare(servers))
        open_wechatpay_account(keys_dir=servers.folder.keys, emulator_dir=root / "channel")
        asyncio.run(_register(database_url, servers.folder.keys))
        address = ("127.0.0.1", ports.any_free("127.0.0.1"))
        web_pid = stack.enter_context(_web(servers, database_url, address[1]))
        bench = Bench(options, Channel(root / "channel", address), address, (web_pid, servers.postgres_pid))
        try:
            rounds = bench.measure()
            if options.profile:
                _profile(bench, options, admin_url, web_pid, cache)
        except MeasurementError as error:
            stack.close()
            raise MeasurementError(f"{error}\n{log_end(servers.folder.log_of('web'))}") from error
        stored = asyncio.run(_on_database(admin_url, _count_stored))
    figures = rounds.figures() | {"acknowledged": bench.sent, "stored": stored, "lost": bench.sent - stored}
    settings = {"seconds": options.seconds, "rounds": options.rounds, "connections": options.connections, "fsync": True}
    return figures | {"settings": settings, "machine": machine()}


def _profile(bench: Bench, options: argparse.Namespace, admin_url: str, web_pid: int, home: Path) -> None:
    """Take notifications in once more under observation and write where the time went."""
    into: Path = options.profile
    into.mkdir(parents=True, exist_ok=True)
    asyncio.run(_on_database(admin_url, profiler.watch_statements))
    with profiler.sampled(web_pid, into=into / f"{TAKEN}.txt", home=home, say=say):
        outcome = bench.apply(TAKEN, seconds=max(options.seconds, 5.0))
    costs = asyncio.run(_on_database(admin_url, profiler.statements))
    with (into / f"{TAKEN}.txt").open("a", encoding="utf-8") as report:
        report.write(f"\n{outcome.rate:,.0f} answers a second while watched\n\n{costs}")
    say(f"The profile is in {into}")


async def _register(database_url: str, keys_dir: Path) -> None:
    """Register the sandbox's account, as the demonstration hospital does."""
    db = await open_database(database_url, max_size=1)
    try:
        await load_merchants(keys_dir, actor=Actor(client_id="system:bench", channel="system", kind="system"))
    finally:
        await db.close()


async def _count_stored(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM payment_notification WHERE fact ->> 'kind' = 'payment'"))


async def _on_database(url: str, work: Any) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await work(connection)
    finally:
        await connection.close()


@contextmanager
def _web(servers: Servers, database_url: str, port: int) -> Iterator[int]:
    environment = web_environment(servers, database_url=database_url, port=port) | {"WECHATPAY_BASE_URL": NOWHERE}
    log = servers.folder.log_of("web")
    with process("web", python_module("runtime.web"), environment=environment, log=log, port=port) as web:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=30).close()
        yield web.pid


def table(figures: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    ratio, p99, lost = figures["notifications_ratio"], figures["p99_ms_half_load"], figures["lost"]
    head = f"{'':22}{'per second':>12}{'of the echo':>13}   processor us each: {', '.join(COSTS)}"
    lines = [head]
    for name, of_echo in ((ECHO, ""), (TAKEN, f"{ratio:.2f}")):
        costs = "".join(f"{figures['cpu_us'][name][one]:8.0f}" for one in COSTS)
        lines.append(f"{name:22}{figures[f'{name}_rps']:12,.0f}{of_echo:>13}   {costs}")
    lines.append(f"ratio: {ratio:.2f} (aim: {RATIO_AIM}: {_said(ratio >= RATIO_AIM)})")
    lines.append(f"the same by processor time: {figures['notifications_ratio_by_processor_time']:.2f}")
    at = f"{figures['half_load_rps']:,.0f}/s"
    lines.append(f"p99 of the acknowledgement at {at}: {p99} ms (aim: under {P99_MS_AIM}: {_said(p99 < P99_MS_AIM)})")
    lines.append(f"{figures['acknowledged']:,} acknowledged, {figures['stored']:,} stored: {lost} lost")
    where = figures["machine"]
    lines.append(f"{where['date']}, {where['cores']} cores, {where['cpu']}, {where['memory_gib']} GiB")
    return "\n".join(lines)


def _said(reached: bool) -> str:  # noqa: FBT001  it turns one word into another
    return "reached" if reached else "short"


def main() -> int:
    """Measure how notifications of payments are taken in on this machine."""
    parser = argparse.ArgumentParser(prog="./hospital bench payments", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="length of each measured segment")
    parser.add_argument("--rounds", type=int, default=5, metavar="R", help="interleaved rounds (default 5)")
    parser.add_argument("--connections", type=int, default=64, metavar="C", help="notified at a time (default 64)")
    parser.add_argument("--profile", type=Path, metavar="DIR", help="also write what costs the time into this folder")
    options = parser.parse_args()
    try:
        figures = run(options)
    except (MeasurementError, ServerFailedError, InstallError) as error:
        say(f"bench payments: {error}")
        return 1
    print(json.dumps(figures) if options.json else table(figures))
    return 1 if figures["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
