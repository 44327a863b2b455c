"""Operating-system processes: who they are, what they leave behind, how they end.

A process number alone proves nothing, since the machine gives it out again. With its start time it
names one process for ever; that pair is what we keep on disk and compare before any signal.
"""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

RUN_MARK = "HOSPITAL_RUN"
"""Environment variable by which every process of one data folder is recognised."""

POLL_SECONDS = 0.05

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """One process of this machine, now and never another."""

    pid: int
    started_ticks: int

    def is_alive(self) -> bool:
        """Tell whether that very process still runs (one that waits to be reaped does not)."""
        return _alive_start(self.pid) == self.started_ticks

    def send(self, number: signal.Signals) -> bool:
        """Send a signal if the process is still that one; tell whether it was."""
        if not self.is_alive():
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def identify(pid: int) -> Identity | None:
    """Name a running process; None when it is gone."""
    started = _alive_start(pid)
    return None if started is None else Identity(pid=pid, started_ticks=started)


def _alive_start(pid: int) -> int | None:
    """Read the start time of a process in clock ticks since boot (proc(5), stat, field 22)."""
    fields = _stat_fields(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    return int(fields[19])


def _stat_fields(pid: int) -> list[str] | None:
    """Read /proc/PID/stat from its third field on; the name before it may hold any character."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def all_pids() -> list[int]:
    """List the processes of this machine that we may see."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def group_members(group: int) -> list[Identity]:
    """List what still lives of a process group: children that outlived their parent."""
    found = []
    for pid in all_pids():
        fields = _stat_fields(pid)
        if fields is not None and int(fields[2]) == group and (identity := identify(pid)):
            found.append(identity)
    return found


def marked_processes(mark: str) -> list[Identity]:
    """Find every process that was started for a data folder, whoever is its parent now."""
    wanted = f"{RUN_MARK}={mark}".encode()
    found = []
    for pid in all_pids():
        if pid == os.getpid():
            continue
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            # Another user's process, or one that has just ended: not ours.
            continue
        if wanted in environment.split(b"\0") and (identity := identify(pid)):
            found.append(identity)
    return found


def processes_named(name: str) -> list[Identity]:
    """Find processes by the name of their program (at most 15 letters, proc(5) comm)."""
    found = []
    for pid in all_pids():
        try:
            matches = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == name
        except OSError:
            # It has just ended.
            continue
        if matches and (identity := identify(pid)):
            found.append(identity)
    return found


def command_line(pid: int) -> list[str]:
    """Read the arguments a process was started with; empty when it is gone."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.split("\0")[:-1]


def working_folder(pid: int) -> Path | None:
    """Read the folder a process works in; None where we may not know."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Make a child's first act: ask the kernel for that signal when its parent dies.

    So nothing is left half-owned after a `kill -9` of the supervisor.
    """
    parent = os.getpid()

    def before_exec() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, number.value, 0, 0, 0)
        # The parent may have died before the request was made.
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def adopt_grandchildren() -> None:
    """Become the parent of children's children that are left alone, so that they can be ended."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_gone(identities: Iterable[Identity], seconds: float) -> list[Identity]:
    """Wait until processes have ended; give those that have not in time."""
    left = list(identities)
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        left = [identity for identity in left if identity.is_alive()]
        if left:
            time.sleep(POLL_SECONDS)
    return [identity for identity in left if identity.is_alive()]


def end(identities: Iterable[Identity], *, politely: signal.Signals, patience_seconds: float) -> None:
    """End processes: ask, wait, then insist."""
    asked = [identity for identity in identities if identity.send(politely)]
    stubborn = wait_gone(asked, patience_seconds)
    for identity in stubborn:
        identity.send(signal.SIGKILL)
    wait_gone(stubborn, patience_seconds)
