"""A hospital of a demonstration's own: brought up in a folder of its own, measured, and taken down again."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final

from kernel.clock import MOVING_CLOCK, MovingClock
from runtime.data_folder import DataFolder
from runtime.frontend import SWITCH
from runtime.supervisor import control
from runtime.supervisor.plan import ROOT, TAKEN_FROM_OUTSIDE

HIS: Final = "micro-his"
WEB_PROCESSES: Final = 2
KEPT: Final = ("PATH", "HOME", "LANG", "TMPDIR")


class DemoFailed(Exception):
    """The demonstration cannot go on; the text says why."""


class Platform:
    """The processes of one data folder."""

    def __init__(self, folder: DataFolder, *, demo_hospital: str = "none") -> None:
        """`demo_hospital`: `none` for an empty one that the day fills itself, else the usual one is loaded."""
        self.folder = folder
        self._demo_hospital = demo_hospital
        self.clock_file = folder.root / "clock"

    def up(self) -> None:
        """Bring everything up, with a clock that can be moved.

        Raises:
            DemoFailed: it did not come up.
        """
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {
            "DEMO_HOSPITAL": self._demo_hospital,
            MOVING_CLOCK: str(self.clock_file),
            "LOG_LEVEL": "WARNING",
        }
        assert environment.keys() - set(KEPT) <= set(TAKEN_FROM_OUTSIDE), "the supervisor takes them"
        self._hospital(environment, "up", "--detach", "--port", "0", "--workers", str(WEB_PROCESSES))

    def down(self) -> None:
        """Take everything down."""
        self._hospital({name: os.environ[name] for name in KEPT if name in os.environ}, "down")

    def _hospital(self, environment: Mapping[str, str], command: str, *options: str) -> None:
        argv = [sys.executable, "-m", "runtime.cli", command, "--data", str(self.folder.root), *options]
        # Nobody opens the patients' pages in a played day.
        told = {**environment, SWITCH: "skip"}
        done = subprocess.run(argv, cwd=ROOT, env=told, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DemoFailed(f"./hospital {command} failed:\n{done.stdout}{done.stderr}")

    def clock(self) -> MovingClock:
        """Give the clock that the hospital follows."""
        return MovingClock(self.clock_file)

    @property
    def run(self) -> dict[str, Any]:
        """What run.json says."""
        return self.folder.load_run()

    def program(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the platform's programs with the settings of this hospital."""
        argv = [sys.executable, "-m", module, *arguments]
        return subprocess.run(argv, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False)

    def environment(self) -> dict[str, str]:
        """Give the settings of this hospital, for a program that works in it."""
        return {name: os.environ[name] for name in KEPT if name in os.environ} | self.folder.load_environment()

    def compare(self, day: date) -> dict[str, Any]:
        """Compare the day with the HIS, repairing nothing.

        Raises:
            DemoFailed: it could not be compared.
        """
        done = self.program("runtime.reconcile", "--date", day.isoformat(), "--json", "--no-repair", "--wait", "60")
        try:
            report: dict[str, Any] = json.loads(done.stdout)
        except json.JSONDecodeError as error:
            raise DemoFailed(f"the two sides could not be compared: {done.stderr.strip()[-300:]}") from error
        return report

    def kill_his(self) -> None:
        """Kill the HIS outright and keep it from being started again."""
        status = self._ask({"command": "status"})
        pid = next(one["pid"] for one in status["processes"] if one["name"] == HIS)
        os.kill(pid, signal.SIGKILL)
        self._ask({"command": "stop", "name": HIS})

    def start_his(self) -> None:
        """Start it again and wait until it serves."""
        self._ask({"command": "start", "name": HIS})

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for one in control.ask(self.folder.root, self.folder.control_name, request):
            answer = one
        if answer.get("error"):
            raise DemoFailed(str(answer["error"]))
        return answer


@contextmanager
def own_folder(given: argparse.Namespace, *, name: str) -> Iterator[DataFolder]:
    """Give the folder that was asked for (`--data`), or a temporary one that goes away unless it is kept (`--keep`).

    Raises:
        DemoFailed: the folder holds something already.
    """
    if given.data is not None:
        if given.data.root.exists() and any(given.data.root.iterdir()):
            raise DemoFailed(f"{given.data.root} is not empty: this wants an empty folder, for a hospital of its own")
        yield given.data
        return
    root = Path(tempfile.mkdtemp(prefix=f"hospital-{name}-"))
    try:
        yield DataFolder(root)
    finally:
        if not given.keep:
            shutil.rmtree(root, ignore_errors=True)


@contextmanager
def hospital_of(folder: DataFolder, *, keep: bool, demo_hospital: str = "none") -> Iterator[Platform]:
    """Have the hospital up for the demonstration, and take it down at the end unless it is to be kept."""
    platform = Platform(folder, demo_hospital=demo_hospital)
    folder.create()
    try:
        platform.up()
        yield platform
    finally:
        if not keep:
            platform.down()
