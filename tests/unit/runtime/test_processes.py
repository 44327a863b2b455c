import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.processes import (
    RUN_MARK,
    Identity,
    command_line,
    end,
    group_members,
    identify,
    marked_processes,
    processes_named,
    wait_gone,
    working_folder,
)

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal,time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)",
]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {**os.environ, RUN_MARK: str(tmp_path)}
    with subprocess.Popen(SLEEP, env=environment, cwd=tmp_path, process_group=0) as process:
        yield process
        process.kill()


def _identity(process: "subprocess.Popen[bytes]") -> Identity:
    found = identify(process.pid)
    assert found is not None
    return found


def test_a_process_is_known_by_number_and_start(sleeper: "subprocess.Popen[bytes]") -> None:
    identity = _identity(sleeper)
    assert identity.is_alive()
    namesake = Identity(pid=identity.pid, started_ticks=identity.started_ticks - 1)
    assert not namesake.is_alive()
    assert not namesake.send(signal.SIGKILL)
    assert sleeper.poll() is None


def test_one_that_waits_to_be_reaped_is_gone(sleeper: "subprocess.Popen[bytes]") -> None:
    identity = _identity(sleeper)
    sleeper.kill()
    assert wait_gone([identity], 5) == []
    assert identify(sleeper.pid) is None
    assert Path(f"/proc/{sleeper.pid}").exists()


def test_processes_of_a_folder_are_found_by_their_mark(sleeper: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    assert marked_processes(str(tmp_path)) == [_identity(sleeper)]
    assert marked_processes(str(tmp_path / "other")) == []


def test_what_a_process_is_can_be_read(sleeper: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    assert group_members(sleeper.pid) == [_identity(sleeper)]
    assert command_line(sleeper.pid)[1:] == SLEEP[1:]
    assert working_folder(sleeper.pid) == tmp_path
    name = Path(f"/proc/{sleeper.pid}/comm").read_text().strip()
    assert _identity(sleeper) in processes_named(name)


def test_one_that_does_not_listen_is_killed_after_the_wait() -> None:
    with subprocess.Popen(DEAF, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        started = time.monotonic()
        end([_identity(process)], politely=signal.SIGTERM, patience_seconds=0.3)
        assert time.monotonic() - started >= 0.3
        assert process.wait(5) == -signal.SIGKILL


def test_a_child_ends_when_its_parent_is_killed() -> None:
    parent_program = (
        "import signal, subprocess, sys, time\n"
        "from runtime.processes import end_with_parent\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        " preexec_fn=end_with_parent(signal.SIGTERM))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent_program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = identify(int(parent.stdout.readline()))
        assert child is not None
        parent.kill()
        assert wait_gone([child], 5) == []
