"""One supervised process: started, watched, restarted when it dies, ended in good order."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from runtime.embedded.postgres import RunAs
from runtime.processes import Identity, end_with_parent, group_members, identify

State = Literal["stopped", "starting", "running", "waiting"]

BACKOFF_SECONDS_FIRST = 0.2
BACKOFF_SECONDS_MAX = 10.0
STEADY_SECONDS = 20.0
"""A process that ran this long was well: its next death starts the waiting times anew."""

DEATHS_BEFORE_READY_MAX = 5
"""A process that has died so often without ever serving will not serve: whoever waits is told then."""

READY_POLL_SECONDS = 0.05
READY_POLL_SECONDS_MAX = 0.5
GROUP_KILL_SECONDS = 5.0


@dataclass(frozen=True)
class ProcessSpec:
    """What is started, how it is known to serve, and how it is asked to end."""

    name: str
    argv: list[str]
    environment: dict[str, str]
    is_ready: Callable[[], Awaitable[bool]]
    log: Path
    folder: Path
    stage: int
    """Stages start in order and end in reverse order: stores, then what stands on them."""
    before_start: Callable[[], None] = field(default=lambda: None)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 30.0
    run_as: RunAs | None = None


class Child:
    """A process that is kept running for as long as it is wanted."""

    def __init__(self, spec: ProcessSpec, report: Callable[..., None]) -> None:
        self.spec = spec
        self.state: State = "stopped"
        self.restarts = 0
        self.identity: Identity | None = None
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._started_at = 0.0
        self._wanted = False
        self._keeper: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._decided = asyncio.Event()
        self._deaths_before_ready = 0
        self._woken = asyncio.Event()
        self.last_exit: int | None = None

    @property
    def name(self) -> str:
        """The name it goes by in `./hospital status`."""
        return self.spec.name

    def describe(self) -> dict[str, Any]:
        """Say how it is, for people and scripts."""
        is_up = self.state in ("starting", "running")
        return {
            "name": self.name,
            "state": self.state,
            "pid": self.identity.pid if self.identity and is_up else None,
            "uptime_seconds": round(time.monotonic() - self._started_at, 1) if is_up else None,
            "restarts": self.restarts,
            "last_exit": self.last_exit,
        }

    def start(self) -> None:
        """Want it running; a second call changes nothing, except that a waiting restart is made now."""
        self._wanted = True
        self._deaths_before_ready = 0
        self._decided.clear()
        self._woken.set()
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def wait_ready(self, seconds: float) -> bool:
        """Wait until it serves, or has died too often to hope for it; tell whether it serves."""
        try:
            async with asyncio.timeout(seconds):
                await self._decided.wait()
        except TimeoutError:
            return False
        return self._ready.is_set()

    async def stop(self) -> None:
        """Want it stopped: ask it, give it time to finish what it does, then insist."""
        self._wanted = False
        self._woken.set()
        if self._keeper is None:
            return
        if self._process is not None and self._process.returncode is None:
            self._report("stopping", process=self.name)
            self._signal(self.spec.stop_signal)
            _, pending = await asyncio.wait({self._keeper}, timeout=self.spec.stop_seconds)
            if pending:
                self._report("killing", process=self.name, after_seconds=self.spec.stop_seconds)
                self._signal(signal.SIGKILL)
        await self._keeper
        self._keeper = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _keep(self) -> None:
        """Run it again and again until it is no longer wanted."""
        backoff_seconds = BACKOFF_SECONDS_FIRST
        while self._wanted:
            await self._run_once()
            if not self._wanted:
                break
            if time.monotonic() - self._started_at > STEADY_SECONDS:
                backoff_seconds = BACKOFF_SECONDS_FIRST
            self._report("died", process=self.name, exit=self.last_exit, again_in_seconds=round(backoff_seconds, 1))
            self.restarts += 1
            self.state = "waiting"
            self._note_death()
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(backoff_seconds):
                    await self._woken.wait()
            backoff_seconds = min(backoff_seconds * 2, BACKOFF_SECONDS_MAX)
        self.state = "stopped"

    def _note_death(self) -> None:
        if not self._decided.is_set():
            self._deaths_before_ready += 1
            if self._deaths_before_ready >= DEATHS_BEFORE_READY_MAX:
                self._decided.set()

    async def _run_once(self) -> None:
        """Start it, wait for its end, and clear away what it leaves behind."""
        self.state = "starting"
        self._started_at = time.monotonic()
        self.spec.before_start()
        try:
            self._process = await self._spawn()
        except OSError as error:
            self._report("cannot start", process=self.name, error=str(error))
            return
        self.identity = identify(self._process.pid)
        self._report("started", process=self.name, pid=self._process.pid)
        watch = asyncio.create_task(self._watch_ready())
        try:
            self.last_exit = await self._process.wait()
        finally:
            watch.cancel()
            if self._ready.is_set():
                # It did serve: whoever asks now waits for its next start.
                self._ready.clear()
                self._decided.clear()
                self._deaths_before_ready = 0
        await _end_group(self._process.pid)

    async def _spawn(self) -> asyncio.subprocess.Process:
        spec = self.spec
        user: dict[str, Any] = {}
        if spec.run_as is not None:
            user = {"user": spec.run_as.uid, "group": spec.run_as.gid, "extra_groups": []}
        with spec.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *spec.argv,
                env=spec.environment,
                cwd=spec.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group of its own: Ctrl-C at the terminal reaches the supervisor alone.
                process_group=0,
                preexec_fn=end_with_parent(spec.stop_signal),
                **user,
            )

    async def _watch_ready(self) -> None:
        """Notice when it serves."""
        pause = READY_POLL_SECONDS
        while not await self.spec.is_ready():
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, READY_POLL_SECONDS_MAX)
        self.state = "running"
        self._ready.set()
        self._decided.set()
        seconds = round(time.monotonic() - self._started_at, 2)
        self._report("ready", process=self.name, after_seconds=seconds)


async def _end_group(group: int) -> None:
    """End what a process leaves behind in its group, such as the pool of a killed Celery worker."""
    deadline = time.monotonic() + GROUP_KILL_SECONDS
    while (left := group_members(group)) and time.monotonic() < deadline:
        for member in left:
            member.send(signal.SIGKILL)
        await asyncio.sleep(READY_POLL_SECONDS)
    with contextlib.suppress(ChildProcessError):
        # Collect those that the kernel has handed to us.
        while os.waitpid(-group, os.WNOHANG)[0] != 0:  # noqa: ASYNC222  WNOHANG does not wait
            pass
