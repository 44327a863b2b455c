"""`./hospital down`, `status`, `logs`, `stop`, `start`, `restart`: looking after what runs."""

import argparse
import json
import sys
import time
from itertools import chain
from pathlib import Path
from typing import Any

from runtime.data_folder import DataFolder
from runtime.processes import Identity, wait_gone
from runtime.supervisor import control
from runtime.supervisor import logs as supervisor_logs
from runtime.supervisor.main import stop_orphans

DOWN_SECONDS_MAX = 120.0
FOLLOW_POLL_SECONDS = 0.3
STATUS_NOT_RUNNING = 3  # As systemctl says it (LSB, "program is not running").


def ask(folder: DataFolder, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the supervisor for one answer.

    Raises:
        NotRunning: there is none for this folder.
    """
    last: dict[str, Any] = {}
    for answer in control.ask(folder.root, folder.control_name, request):
        last = answer
    return last


def down(given: argparse.Namespace) -> int:
    """Stop everything of this data folder, whether its supervisor still lives or not."""
    folder: DataFolder = given.data
    if not folder.root.is_dir():
        print("The platform is not running.")
        return 0
    try:
        pid = ask(folder, {"command": "status"})["supervisor_pid"]
    except control.NotRunning:
        count = stop_orphans(folder)
        folder.run_file.unlink(missing_ok=True)
        print(f"Ended {count} processes of a killed run." if count else "The platform is not running.")
        return 0
    supervisor = Identity(pid=pid, started_ticks=json.loads(folder.supervisor_file.read_text())["started"])
    print("Stopping the platform ...", file=sys.stderr, flush=True)
    ask(folder, {"command": "shutdown"})
    if wait_gone([supervisor], DOWN_SECONDS_MAX):
        print(f"The supervisor (process {pid}) has not ended in {DOWN_SECONDS_MAX:.0f} s.", file=sys.stderr)
        return 1
    print("The platform is down.")
    return 0


def status(given: argparse.Namespace) -> int:
    """Show each process with its state; exit status 3 when nothing runs."""
    folder: DataFolder = given.data
    try:
        answer = ask(folder, {"command": "status"})
    except (control.NotRunning, FileNotFoundError):
        print(json.dumps({"ready": False, "processes": []}) if given.json else "The platform is not running.")
        return STATUS_NOT_RUNNING
    if given.json:
        print(json.dumps({key: answer[key] for key in ("ready", "supervisor_pid", "processes")}, indent=2))
        return 0
    print(f"{'process':<14}{'state':<10}{'pid':>8}  {'up':>9}  {'restarts':>8}")
    for one in answer["processes"]:
        uptime = _duration(one["uptime_seconds"])
        print(f"{one['name']:<14}{one['state']:<10}{one['pid'] or '-':>8}  {uptime:>9}  {one['restarts']:>8}")
    print("serving" if answer["ready"] else "starting")
    return 0


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def change(given: argparse.Namespace) -> int:
    """Take one process down or up on purpose."""
    try:
        answer = ask(given.data, {"command": given.change, "name": given.name})
    except (control.NotRunning, FileNotFoundError):
        print("The platform is not running.", file=sys.stderr)
        return STATUS_NOT_RUNNING
    if error := answer.get("error"):
        print(error, file=sys.stderr)
        return 1
    return 0


def logs(given: argparse.Namespace) -> int:
    """Show the end of each log, and what is added to it."""
    folder: DataFolder = given.data
    there = sorted(path.stem for path in folder.logs.glob("*.log"))
    # As everywhere, `web` means all web processes.
    wanted = {name: [one for one in there if one == name or one.startswith(f"{name}-")] for name in given.names}
    if missing := [name for name, found in wanted.items() if not found]:
        sentence = f"There is no log of {', '.join(missing)} in {folder.logs}."
        print(f"{sentence} There are: {', '.join(there)}." if there else sentence, file=sys.stderr)
        return 1
    chosen = [folder.log_of(one) for one in dict.fromkeys(chain.from_iterable(wanted.values()) if wanted else there)]
    width = max((len(path.stem) for path in chosen), default=0)
    for path in chosen:
        for line in supervisor_logs.tail(path, given.lines).splitlines():
            print(f"{path.stem:<{width}} | {line}")
    if given.follow:
        _follow(chosen, width)
    return 0


def _follow(chosen: list[Path], width: int) -> None:
    """Print lines as they are written, until Ctrl-C."""
    offsets = {path: path.stat().st_size for path in chosen}
    while True:
        for path, offset in offsets.items():
            size = path.stat().st_size
            begin = 0 if size < offset else offset
            with path.open("rb") as file:
                file.seek(begin)
                added = file.read()
            complete = added.rpartition(b"\n")[0]
            if complete:
                for line in complete.decode("utf-8", "replace").splitlines():
                    print(f"{path.stem:<{width}} | {line}", flush=True)
                begin += len(complete) + 1
            offsets[path] = begin
        time.sleep(FOLLOW_POLL_SECONDS)
