"""Where the time goes in the web process and in PostgreSQL while a load is applied."""

import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from benchmarks.environments import environment_of

REQUIREMENTS = Path(__file__).with_name("profiler-requirements.txt")
SAMPLES_PER_SECOND = 200
LINES_SHOWN = 45
STOP_SECONDS_MAX = 60


@contextmanager
def sampled(pid: int, *, into: Path, home: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Sample a Python process until the block ends, and write raw stacks and a summary beside them.

    Raises:
        InstallError: py-spy is not there and cannot be installed.
    """
    program = environment_of(REQUIREMENTS, home, say).parent / "py-spy"
    raw = into.with_suffix(".stacks")
    argv = [str(program), "record", "--pid", str(pid), "--rate", str(SAMPLES_PER_SECOND), "--format", "raw"]
    spy = subprocess.Popen(
        [*argv, "--output", str(raw), "--duration", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        yield
    finally:
        if spy.poll() is None:
            spy.send_signal(signal.SIGINT)
        _, said = spy.communicate(timeout=STOP_SECONDS_MAX)
    if not raw.exists():
        say(f"py-spy wrote nothing: {said.decode('utf-8', 'replace').strip()[-300:]}")
        return
    into.write_text(summary_of_stacks(raw.read_text(encoding="utf-8")), encoding="utf-8")


def summary_of_stacks(stacks: str) -> str:
    """Tell by function how many samples were in it itself, and in it or below it."""
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    total = 0
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_short(frame) for frame in stack.split(";")]
        number = int(count)
        total += number
        own[frames[-1]] += number
        for frame in set(frames):
            below[frame] += number
    lines = [f"{total} samples of a running thread", "", "  own%  function"]
    lines += [f"{100 * number / total:6.1f}  {frame}" for frame, number in _most(own, LINES_SHOWN)]
    lines += ["", "with%  function and what it calls"]
    lines += [f"{100 * number / total:6.1f}  {frame}" for frame, number in _most(below, LINES_SHOWN * 2)]
    return "\n".join(lines) + "\n"


def _most(counts: Counter[str], limit: int) -> list[tuple[str, int]]:
    """The largest counts, and names in order where they are equal."""
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:limit]


def _short(frame: str) -> str:
    """`name (long/path/file.py:12)` -> `name (path/file.py)`: lines of one function belong together."""
    name, _, place = frame.partition(" (")
    path = place.rstrip(")").rpartition(":")[0] or place.rstrip(")")
    return f"{name} ({'/'.join(Path(path).parts[-2:])})" if path else name


async def statements(connection: asyncpg.Connection) -> str:
    """The costliest statements since the last `forget_statements`, nested ones too."""
    rows = await connection.fetch(
        "SELECT calls, total_exec_time, mean_exec_time, rows, shared_blks_hit, wal_bytes, toplevel, query"
        " FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 25"
    )
    lines = ["   calls   total ms  mean ms      rows  hits/call  wal kB  statement (> is inside a function)"]
    for row in rows:
        text = " ".join(row["query"].split())[:150]
        lines.append(
            f"{row['calls']:8} {row['total_exec_time']:10.0f} {row['mean_exec_time']:8.3f} {row['rows']:9}"
            f" {row['shared_blks_hit'] / max(row['calls'], 1):10.1f} {int(row['wal_bytes']) / 1024:7.0f}"
            f"  {'' if row['toplevel'] else '> '}{text}"
        )
    return "\n".join(lines) + "\n"


async def watch_statements(connection: asyncpg.Connection) -> None:
    """Begin to count statements; the server must have been started for it."""
    await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    await forget_statements(connection)


async def forget_statements(connection: asyncpg.Connection) -> None:
    """Count from zero again."""
    await connection.execute("SELECT pg_stat_statements_reset()")
