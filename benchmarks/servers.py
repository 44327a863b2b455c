"""What a measurement runs against: databases of its own in a folder that is thrown away, tuned as `up` tunes them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime import keys
from runtime.data_folder import DataFolder
from runtime.embedded import ports, postgres, valkey
from runtime.processes import end_with_parent

START_SECONDS_MAX = 90
STOP_SECONDS_MAX = 60
# What costs what inside PostgreSQL is told by this extension; it is loaded only to look, never to measure.
STATEMENT_STATISTICS = "shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track = all\n"


class ServerFailedError(Exception):
    """A server of the measurement did not start; the end of its log says why."""


@dataclass(frozen=True)
class Servers:
    """The running databases and the folder they live in."""

    folder: DataFolder
    postgres: postgres.PostgresServer
    postgres_pid: int
    valkey: valkey.ValkeyServer


@contextmanager
def databases(root: Path, *, statement_statistics: bool = False) -> Iterator[Servers]:
    """Run an embedded PostgreSQL (every commit on disk) and a Valkey until the block ends.

    Raises:
        ServerFailedError: one of them did not start.
    """
    folder = DataFolder(root)
    folder.create()
    state = folder.load_state()
    server = postgres.prepare(folder, state, port=ports.remembered(state, "postgres"))
    if statement_statistics:
        with (server.data / "hospital.conf").open("a", encoding="utf-8") as settings:
            settings.write(STATEMENT_STATISTICS)
    password = state.secret("valkey")
    cache = valkey.prepare(folder.valkey, port=ports.remembered(state, "valkey"), password=password)
    folder.save_state(state)
    keys.create_missing(folder.keys)
    with ExitStack() as stack:
        database = stack.enter_context(_postgres_process(server, folder.log_of("postgres")))
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        stack.enter_context(
            process("valkey", cache.argv, environment=environment, log=folder.log_of("valkey"), port=cache.port)
        )
        yield Servers(folder, server, database.pid, cache)


@contextmanager
def _postgres_process(server: postgres.PostgresServer, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    user = server.run_as
    with log.open("ab") as output:
        started = subprocess.Popen(
            server.argv,
            stdout=output,
            stderr=output,
            cwd="/",
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            preexec_fn=end_with_parent(signal.SIGINT),  # noqa: PLW1509  the bench starts it before any thread
        )
    try:
        _wait_for_port("postgres", server.port, started, log)
        yield started
    finally:
        started.send_signal(signal.SIGINT)
        started.wait(STOP_SECONDS_MAX)


@contextmanager
def process(
    name: str, argv: list[str], *, environment: Mapping[str, str], log: Path, port: int, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one server until the block ends.

    Raises:
        ServerFailedError: it does not listen on `port` in time.
    """
    with log.open("ab") as output:
        started = subprocess.Popen(
            argv,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=cwd,
            preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509  the bench starts it before any thread
        )
    try:
        _wait_for_port(name, port, started, log)
        yield started
    finally:
        if started.poll() is not None:
            with log.open("a", encoding="utf-8") as output:
                output.write(f"{name} had ended by itself with {started.returncode}\n")
        started.terminate()
        try:
            started.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait(STOP_SECONDS_MAX)


def _wait_for_port(name: str, port: int, started: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and started.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise ServerFailedError(f"{name} did not start:\n{log_end(log)}")


def log_end(log: Path, *, characters: int = 3_000) -> str:
    """The last words of a server."""
    return log.read_text(encoding="utf-8", errors="replace")[-characters:]


def web_environment(servers: Servers, *, database_url: str, port: int) -> dict[str, str]:
    """The settings of the one measured web process: those of a sandbox, with the bare echo beside the real routes."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "MODE": "sandbox",
        "BENCH_ECHO": "1",
        "DATABASE_URL": database_url,
        "REDIS_URL": servers.valkey.url(0),
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DATA_DIR": str(servers.folder.root),
        "KEYS_DIR": str(servers.folder.keys),
        "LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
    }


def python_module(name: str) -> list[str]:
    """The command that runs one of the platform's modules with this very Python."""
    return [sys.executable, "-m", name]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its children have used, those that have ended too (proc(5))."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if pid in (int(entry.name), int(fields[1])):
            total += int(fields[11]) + int(fields[12])
        if pid == int(entry.name):
            total += int(fields[13]) + int(fields[14])
    return total / ticks
