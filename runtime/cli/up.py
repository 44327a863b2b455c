"""`./hospital up`: everything started and watched, then one table that says where it is."""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from typing import Any

from runtime import frontend
from runtime.cli.data_option import ROOT
from runtime.cli.table import summary
from runtime.data_folder import DataFolder
from runtime.supervisor import control, logs
from runtime.supervisor.main import AlreadyRunning, Supervisor
from runtime.supervisor.plan import Options

PREDECESSOR_SECONDS_MAX = 90.0
CONNECT_SECONDS_MAX = 30.0
POLL_SECONDS = 0.1


def up(given: argparse.Namespace) -> int:
    """Bring the platform up, or say that it is up already."""
    folder: DataFolder = given.data
    try:
        folder.create()
    except OSError as error:
        print(f"{folder.root} cannot be used: {error.strerror}.", file=sys.stderr)
        return 1
    outcome = _follow_running(folder)
    if outcome is not None:
        return _conclude(folder, outcome, was_running=True)
    frontend.build_for_up(_tell)
    options = Options(port=given.port, workers=given.workers)
    if given.detach:
        return _detached(folder, options)
    try:
        return asyncio.run(_attached(folder, options))
    except AlreadyRunning:
        print("Another ./hospital up has just begun for this data folder.", file=sys.stderr)
        return 1


async def _attached(folder: DataFolder, options: Options) -> int:
    """Be the supervisor, at this terminal, until Ctrl-C."""
    supervisor = Supervisor(folder, options, on_progress=_tell)

    def on_ready() -> None:
        print(summary(folder))
        _tell("Ctrl-C ends it. (--detach would have given the terminal back.)")

    status = await supervisor.run(os.environ, on_ready)
    if supervisor.failure:
        print(supervisor.failure, file=sys.stderr)
    return status


def _detached(folder: DataFolder, options: Options) -> int:
    """Leave a supervisor running, and wait with the person until the platform serves."""
    argv = [sys.executable, "-m", "runtime.supervisor", "--data", str(folder.root)]
    for name, value in (("--port", options.port), ("--workers", options.workers)):
        if value is not None:
            argv += [name, str(value)]
    with folder.log_of("supervisor").open("ab") as log:
        process = subprocess.Popen(
            argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + CONNECT_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            outcome = _follow(folder)
        except control.NotRunning:
            time.sleep(POLL_SECONDS)
            continue
        if outcome.get("ready"):
            # It is left running on purpose: this object shall not complain of that.
            process.returncode = 0
        else:
            process.wait(PREDECESSOR_SECONDS_MAX)
        return _conclude(folder, outcome, was_running=False)
    if folder.refusal_file.exists():
        print(folder.refusal_file.read_text(encoding="utf-8"), file=sys.stderr)
    else:
        print(f"The supervisor did not start:\n{logs.tail(folder.log_of('supervisor'))}", file=sys.stderr)
    return 1


def _follow_running(folder: DataFolder) -> dict[str, Any] | None:
    """Wait for a supervisor that is already there to serve; None when there is none (any more)."""
    deadline = time.monotonic() + PREDECESSOR_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            outcome = _follow(folder)
        except control.NotRunning:
            return None
        if outcome.get("ready") or outcome.get("error"):
            return outcome
        # It is on its way down; its place is free in a moment.
        time.sleep(POLL_SECONDS)
    return {"error": "The platform before this one does not come to an end; see ./hospital status."}


def _follow(folder: DataFolder) -> dict[str, Any]:
    """Repeat what the supervisor says until it serves or has failed."""
    last: dict[str, Any] = {}
    for answer in control.ask(folder.root, folder.control_name, {"command": "follow"}):
        if "say" in answer:
            _tell(answer["say"])
        last = answer
    return last


def _conclude(folder: DataFolder, outcome: dict[str, Any], *, was_running: bool) -> int:
    if not outcome.get("ready"):
        print(outcome.get("error") or "The platform was stopped before it served.", file=sys.stderr)
        return 1
    if was_running:
        _tell("The platform is already running.")
    print(summary(folder))
    return 0


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
