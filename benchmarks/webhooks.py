"""`./hospital bench webhooks`: how many webhooks a second one relay and one worker deliver, and what a slow one spoils.

Receivers run in a process of their own. First a backlog is worked off; then events come steadily, once alone and once
beside a receiver that never answers: the two are compared with each other, on the same machine within a minute.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.booking import machine, prepare, say, temporary
from benchmarks.histogram import Histogram
from benchmarks.servers import (
    ServerFailedError,
    Servers,
    cpu_seconds,
    databases,
    log_end,
    python_module,
    web_environment,
)
from kernel.crypto import cipher, load_cipher
from kernel.ids import new_id
from kernel.outbox import WAKE_CHANNEL
from kernel.redis import close_redis, open_redis, redis_client
from partners.webhooks import signing
from runtime.processes import end_with_parent

CLIENT = "bench-partner"
FAST, SLOW = "fast", "slow"
PROGRAMS = ("relay", "main")
SUBJECTS_PER_ENDPOINT = 200
START_SECONDS_MAX = 60
DRAIN_SECONDS_MAX = 120
STEADY_RATE = 200
AIM_RATE = 1_000


class LostError(Exception):
    """Something was not delivered, or twice, or out of order; the text says what."""


# --- the receivers, in a process of their own


@dataclass
class Heard:
    """What came to one receiver since it was last asked for."""

    delays: Histogram = field(default_factory=Histogram)
    ids: set[str] = field(default_factory=set)
    repeated: int = 0
    disordered: int = 0
    newest: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    last_at: float = 0.0


class Receivers(asyncio.Protocol):
    """A connection to a receiver that answers at once, or never: as little as can be, to measure the sender."""

    heard = Heard()

    def __init__(self, *, answers: bool) -> None:
        self._answers = answers
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers go to."""
        assert isinstance(transport, asyncio.Transport), "of TCP"
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take whole messages; each has a length, as our sender writes it."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            if self._answers:
                assert self._transport is not None, "connected"
                self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                note(self.heard, json.loads(body))


def note(heard: Heard, message: dict[str, Any]) -> None:
    """Compare when a message came with when its event happened, and its place with those before."""
    now, data = time.time(), message["data"]
    heard.delays.record(round((now - datetime.fromisoformat(message["timestamp"]).timestamp()) * 1e6))
    heard.last_at = now
    if data["id"] in heard.ids:
        heard.repeated += 1
    elif int(data["id"]) < heard.newest[data["subject_id"]]:
        heard.disordered += 1
    heard.ids.add(data["id"])
    heard.newest[data["subject_id"]] = int(data["id"])


async def receive() -> None:
    """Listen on two ports, and tell on standard output what was heard whenever a line comes in."""
    loop = asyncio.get_running_loop()
    ports = []
    for answers in (True, False):
        server = await loop.create_server(lambda answers=answers: Receivers(answers=answers), "127.0.0.1", 0)  # type: ignore[misc]  # bound early
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(dict(zip((FAST, SLOW), ports, strict=True))), flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        heard = Receivers.heard
        told: dict[str, Any] = {"messages": len(heard.ids), "repeated": heard.repeated, "disordered": heard.disordered}
        told |= {"last_at": heard.last_at}
        if heard.ids:
            told |= {f"p{share}": heard.delays.quantile(share / 100) / 1000 for share in (50, 99)}
        if line == "reset":
            Receivers.heard = Heard()
        print(json.dumps(told), flush=True)


class Listener:
    """The receivers' process as the bench speaks to it."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self._child = child
        self.ports: dict[str, int] = json.loads(self._line())

    def _line(self) -> str:
        assert self._child.stdout is not None, "asked for"
        return self._child.stdout.readline()

    def ask(self, word: str) -> dict[str, Any]:
        """`tell` what was heard, or `reset` it afterwards."""
        assert self._child.stdin is not None, "asked for"
        self._child.stdin.write(word + "\n")
        self._child.stdin.flush()
        told: dict[str, Any] = json.loads(self._line())
        return told


@contextmanager
def listening() -> Iterator[Listener]:
    """Run the receivers until the block ends."""
    child = subprocess.Popen(
        [*python_module("benchmarks.webhooks"), "--receive"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Listener(child)
    finally:
        child.kill()
        child.wait()


# --- the platform's own processes


@contextmanager
def platform(servers: Servers, database_url: str) -> Iterator[list[int]]:
    """Run a relay and a worker as `up` does, until the block ends; gives their numbers.

    Raises:
        ServerFailedError.
    """
    environment = web_environment(servers, database_url=database_url, port=1) | {"WORKER_CONCURRENCY": "1"}
    with ExitStack() as stack:
        pids = []
        for name in PROGRAMS:
            ready, log = servers.folder.root / f"{name}.ready", servers.folder.root / f"{name}.log"
            with log.open("ab") as output:
                child = subprocess.Popen(
                    python_module(f"runtime.worker.{name}"),
                    env=environment | {"READY_FILE": str(ready)},
                    stdout=output,
                    stderr=output,
                    preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509  the bench starts it before any thread
                )
            stack.callback(child.wait)
            stack.callback(child.terminate)
            deadline = time.monotonic() + START_SECONDS_MAX
            while not ready.exists():
                if child.poll() is not None or time.monotonic() > deadline:
                    raise ServerFailedError(f"{name} did not start:\n{log.read_text()[-2000:]}")
                time.sleep(0.05)
            pids.append(child.pid)
        yield pids


# --- events


class Events:
    """The feed as the bench fills it: each endpoint has a kind of event of its own."""

    def __init__(self, connection: asyncpg.Connection, endpoints: int) -> None:
        self._connection = connection
        self._endpoints = endpoints
        self._subjects = [new_id() for _ in range(endpoints * SUBJECTS_PER_ENDPOINT)]
        self._posted = 0

    async def subscribe(self, ports: dict[str, int]) -> None:
        """Register the partner: some endpoints that answer, and one that does not."""
        run = self._connection.execute
        await run("INSERT INTO channel VALUES ('bench', 'b', 'b')")
        await run(
            "INSERT INTO oauth_client (id, name, kind, channel, scopes)"
            " VALUES ($1, 'b', 'partner', 'bench', '{appointments.read}')",
            CLIENT,
        )
        wanted = [(FAST, f"appointment.fast_{n}") for n in range(self._endpoints)] + [(SLOW, "hold.slow")]
        for which, kind in wanted:
            endpoint_id = new_id()
            await run(
                "INSERT INTO webhook_endpoint (id, client_id, url, description, event_types, status, created_at,"
                " updated_at) VALUES ($1, $2, $3, '', $4, 'active', now(), now())",
                endpoint_id,
                CLIENT,
                f"http://127.0.0.1:{ports[which]}/{kind}",
                [kind],
            )
            await run(
                "INSERT INTO webhook_secret (id, endpoint_id, sealed, created_at) VALUES ($1, $2, $3, now())",
                new_id(),
                endpoint_id,
                cipher().seal(signing.new_secret()),
            )

    async def post(self, count: int, *, slow: int = 0) -> None:
        """Let so many things happen for the fast endpoints by turns, and some for the slow one; wake the relay."""
        numbers = range(self._posted, self._posted + count)
        self._posted += count
        kinds = [f"appointment.fast_{n % self._endpoints}" for n in numbers] + ["hold.slow"] * slow
        subjects = [self._subjects[n % len(self._subjects)] for n in numbers] + [new_id() for _ in range(slow)]
        await self._connection.execute(
            "INSERT INTO booking_notice (at, client_id, kind, subject_id, facts)"
            ' SELECT clock_timestamp(), $1, o.kind, o.subject, \'{"reason": "bench"}\''
            " FROM unnest($2::text[], $3::uuid[]) WITH ORDINALITY AS o (kind, subject, place) ORDER BY o.place",
            CLIENT,
            kinds,
            subjects,
        )
        client = redis_client()
        assert client is not None, "opened"
        await client.publish(WAKE_CHANNEL, b"1")


async def heard(listener: Listener, count: int) -> dict[str, Any]:
    """Wait until so many messages have come, and forget them.

    Raises:
        LostError.
    """
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    while True:
        told = await asyncio.to_thread(listener.ask, "tell")
        if told["messages"] >= count:
            break
        if time.monotonic() > deadline:
            raise LostError(f"{told['messages']} of {count} messages came")
        await asyncio.sleep(0.2)
    told = await asyncio.to_thread(listener.ask, "reset")
    if (told["messages"], told["repeated"], told["disordered"]) != (count, 0, 0):
        raise LostError(f"of {count} messages: {told}")
    return told


async def steady(events: Events, listener: Listener, *, seconds: float, slow: bool) -> dict[str, Any]:
    """Let events come steadily for some seconds; give what the fast receivers heard.

    Raises:
        LostError.
    """
    each, count = 0.05, 0
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        started = time.monotonic()
        size = round(STEADY_RATE * each)
        await events.post(size, slow=size if slow else 0)
        count += size
        await asyncio.sleep(max(0.0, each - (time.monotonic() - started)))
    return await heard(listener, count)


async def measure(
    options: argparse.Namespace, servers: Servers, urls: tuple[str, str], listener: Listener
) -> dict[str, Any]:
    """Work a backlog off, then compare steady events alone and beside a slow receiver.

    Raises:
        LostError, ServerFailedError.
    """
    connection = await asyncpg.connect(urls[1])
    open_redis(servers.valkey.url(0))
    try:
        events = Events(connection, options.endpoints)
        await events.subscribe(listener.ports)
        with platform(servers, urls[0]) as pids:
            await events.post(options.endpoints)
            await heard(listener, options.endpoints)
            say(f"Working off {options.backlog:,} deliveries to {options.endpoints} endpoints ...")
            spent, started = sum(map(cpu_seconds, pids)), time.time()
            await events.post(options.backlog)
            told = await heard(listener, options.backlog)
            took = told["last_at"] - started
            spent = sum(map(cpu_seconds, pids)) - spent
            say(f"Events at {STEADY_RATE} a second, for {options.seconds:g} s alone, then beside a slow receiver ...")
            alone = await steady(events, listener, seconds=options.seconds, slow=False)
            beside = await steady(events, listener, seconds=options.seconds, slow=True)
        waiting = await connection.fetchval(
            "SELECT count(*) FROM webhook_delivery WHERE event_type = 'hold.slow' AND status = 'pending'"
        )
    finally:
        await close_redis()
        await connection.close()
    return {
        "endpoints": options.endpoints,
        "backlog": options.backlog,
        "rate": round(options.backlog / took, 1),
        "processor_microseconds": round(spent / options.backlog * 1e6),
        "steady_rate": STEADY_RATE,
        "alone_p50_ms": round(alone["p50"], 1),
        "alone_p99_ms": round(alone["p99"], 1),
        "beside_slow_p50_ms": round(beside["p50"], 1),
        "beside_slow_p99_ms": round(beside["p99"], 1),
        "slow_waiting": waiting,
        "lost": 0,
    }


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and give the figures under their names.

    Raises:
        LostError, ServerFailedError.
    """
    cache = (Path(os.environ.get("DATA_DIR", ".data")) / "bench").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    with temporary(cache) as root, ExitStack() as stack:
        say("Starting PostgreSQL and Valkey ...")
        servers = stack.enter_context(databases(root))
        urls = asyncio.run(prepare(servers))
        load_cipher(servers.folder.keys)
        listener = stack.enter_context(listening())
        try:
            figures = asyncio.run(measure(options, servers, urls, listener))
        except LostError as error:
            logs = [log_end(root / f"{name}.log") for name in PROGRAMS]
            raise LostError("\n".join([str(error), *logs])) from error
    return figures | {"machine": machine()}


def table(figures: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    lines = [
        "{backlog:,} deliveries to {endpoints} endpoints: {rate:,.0f} a second (aim: {aim:,})",
        "none lost, repeated or out of order; relay and worker used {processor_microseconds} us of processor for each",
        "at {steady_rate} a second, from event to receiver: p50 {alone_p50_ms} ms, p99 {alone_p99_ms} ms",
        "beside one that never answers, with as many events: p50 {beside_slow_p50_ms} ms, p99 {beside_slow_p99_ms} ms",
        "{slow_waiting:,} deliveries wait for the one that never answers",
        "{date}, {cores} cores, {cpu}, {memory_gib} GiB",
    ]
    return "\n".join(lines).format(**figures, **figures["machine"], aim=AIM_RATE)


def main() -> int:
    """Measure webhooks on this machine."""
    parser = argparse.ArgumentParser(prog="./hospital bench webhooks", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--endpoints", type=int, default=20, metavar="N", help="fast receivers (default 20)")
    parser.add_argument("--backlog", type=int, default=20_000, metavar="N", help="deliveries (default 20000)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="of steady events (default 20)")
    options = parser.parse_args()
    if options.receive:
        asyncio.run(receive())
        return 0
    try:
        figures = run(options)
    except (LostError, ServerFailedError) as error:
        say(f"bench webhooks: {error}")
        return 1
    print(json.dumps(figures) if options.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
