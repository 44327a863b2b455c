"""A handle on a whole platform that `./hospital up` brought up for a test."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from kernel import clock
from kernel.clock import MOVING_CLOCK, MovingClock
from runtime.frontend import SWITCH

ROOT = Path(__file__).parent.parent
COMMAND = str(ROOT / "hospital")
UP_SECONDS_MAX = 420
COMMAND_SECONDS_MAX = 120


@dataclass(frozen=True)
class Hospital:
    """A running platform: its data folder, what run.json says of it, and its clock if it has one of its own.

    environment: what it is given from outside, each time it comes up.
    """

    data: Path
    run: dict[str, Any]
    environment: Mapping[str, str]
    clock: MovingClock | None = None

    @classmethod
    @contextmanager
    def up(
        cls, *options: str, environment: Mapping[str, str] | None = None, at: time | None = None
    ) -> Iterator["Hospital"]:
        """Bring a platform up on free ports in a folder of its own, and down at the end.

        at: the hour in Guangzhou from which its time runs, whatever hour it really is (docs/adr/0170).
        """
        data = Path(tempfile.mkdtemp(prefix="hospital-data-"))
        given = dict(environment or {})
        ahead = None
        if at is not None:
            given[MOVING_CLOCK] = str(data / "clock")
            ahead = MovingClock(data / "clock")
            ahead.advance_to(next_instant(at))
        try:
            command(data, "up", "--detach", "--port", "0", *options, environment=given, seconds=UP_SECONDS_MAX)
            yield cls(data=data, run=json.loads((data / "run.json").read_text()), environment=given, clock=ahead)
        finally:
            command(data, "down")
            shutil.rmtree(data, ignore_errors=True)

    @property
    def base_url(self) -> str:
        """Where the open API answers."""
        url: str = self.run["base_url"]
        return url

    def now(self) -> datetime:
        """Tell the platform's instant, UTC."""
        return clock.now() if self.clock is None else self.clock.now()

    def today(self) -> date:
        """Tell the platform's clinic day."""
        return clock.clinic_date(self.now())

    def status(self) -> dict[str, dict[str, Any]]:
        """The state of each process by name: state, pid, restarts."""
        done = command(self.data, "status", "--json")
        processes: list[dict[str, Any]] = json.loads(done.stdout)["processes"]
        return {process["name"]: process for process in processes}

    def stop(self, name: str) -> None:
        """Take one process down on purpose; it stays down."""
        command(self.data, "stop", name)

    def start(self, name: str) -> None:
        """Start it again, and wait until it serves."""
        command(self.data, "start", name)

    def kill(self, name: str) -> int:
        """Kill one process outright; the supervisor will restart it. Gives the killed pid."""
        pid: int = self.status()[name]["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid

    def log(self, name: str) -> str:
        """What a process has written."""
        return (self.data / "log" / f"{name}.log").read_text(encoding="utf-8", errors="replace")


def next_instant(at: time) -> datetime:
    """Tell when it is that hour in Guangzhou for the next time, UTC."""
    today = clock.clinic_instant(clock.today(), at)
    return today if today > clock.now() else clock.clinic_instant(clock.today() + timedelta(days=1), at)


def command(
    data: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    seconds: float = COMMAND_SECONDS_MAX,
) -> subprocess.CompletedProcess[str]:
    """Run `./hospital` on a data folder, with settings beside the terminal's; a failure shows what it printed."""
    done = subprocess.run(
        [COMMAND, arguments[0], "--data", str(data), *arguments[1:]],
        # One build is enough for all platforms of a test run: tests/factories/front_end.py makes it.
        env={**os.environ, SWITCH: "skip", **(environment or {})},
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    if done.returncode != 0:
        raise AssertionError(f"{done.args} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done
