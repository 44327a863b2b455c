"""The supervisor of one data folder: brings the platform up, keeps it running, takes it down."""

import asyncio
import contextlib
import fcntl
import json
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from runtime.data_folder import PRIVATE_FILE, DataFolder, write_private
from runtime.embedded.postgres import FAST_SHUTDOWN, running_servers
from runtime.processes import Identity, adopt_grandchildren, end, identify, marked_processes
from runtime.supervisor import control, logs, run_file, setup
from runtime.supervisor.children import Child, ProcessSpec
from runtime.supervisor.plan import Options, SetupRefused, make_plan, platform_specs, store_specs

READY_SECONDS_MAX = 240.0
"""A dozen processes that load at once on a busy machine of two cores take more than a minute and a half."""
ORPHAN_SECONDS_MAX = 10.0
HOUSEKEEPING_SECONDS = 5.0

Progress = Callable[[str], None]


class AlreadyRunning(Exception):
    """Another supervisor holds this data folder."""


class Supervisor:
    """Everything that runs for one data folder."""

    def __init__(self, folder: DataFolder, options: Options, on_progress: Progress) -> None:
        self._folder = folder
        self._options = options
        self._on_progress = on_progress
        self._children: dict[str, Child] = {}
        self._said: list[str] = []
        self._news = asyncio.Condition()
        self._ready = False
        self._failed: str | None = None
        self._ending = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()

    async def run(self, environment: Mapping[str, str], on_ready: Callable[[], None]) -> int:
        """Bring the platform up and keep it until told to end; give the exit status.

        Raises:
            AlreadyRunning: another supervisor holds the folder.
        """
        with _lock(self._folder):
            self._take_over()
            server = await control.serve(self._folder.root, self._folder.control_name, self._handle)
            try:
                await self._bring_up(environment, on_ready)
                await self._ending.wait()
            finally:
                await self._take_down()
                server.close()
                self._forget_run()
        return 1 if self._failed else 0

    @property
    def failure(self) -> str | None:
        """Why the platform did not come up; None where it did."""
        return self._failed

    # --- coming up

    def _take_over(self) -> None:
        """Become the one that answers for the folder, and end what a killed run has left."""
        adopt_grandchildren()
        self._folder.refusal_file.unlink(missing_ok=True)
        _raise_open_files_limit()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._ending.set)
        myself = identify(os.getpid())
        assert myself is not None
        write_private(self._folder.supervisor_file, json.dumps({"pid": myself.pid, "started": myself.started_ticks}))

    async def _bring_up(self, environment: Mapping[str, str], on_ready: Callable[[], None]) -> None:
        """Do everything that lies before the first request, or say what stands in the way."""
        work = asyncio.create_task(self._start_all(environment))
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not work.done():
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            return
        try:
            work.result()
        except SetupRefused as refused:
            self._failed = str(refused)
            self._log("refused", reason=self._failed)
            await asyncio.to_thread(write_private, self._folder.refusal_file, self._failed)
            await self._tell_news()
            self._ending.set()
            return
        self._ready = True
        await self._tell_news()
        on_ready()
        self._in_background(self._keep_house())

    async def _start_all(self, environment: Mapping[str, str]) -> None:
        """Start stage by stage.

        Raises:
            SetupRefused: a setting, this machine or a failing step forbids it.
        """
        if count := await asyncio.to_thread(stop_orphans, self._folder):
            await self._say(f"Ended {count} processes that a killed run had left behind.")
        if not (self._folder.state_file.exists() or "DATABASE_URL" in environment):
            await self._say("Making the database cluster (once) ...")
        plan = await asyncio.to_thread(make_plan, self._folder, self._options, environment)
        setup.require_settings(plan)
        self._folder.save_environment(plan.environment)
        await self._start(store_specs(self._folder, plan))
        await setup.ensure_databases(plan)
        await setup.run_steps(self._folder, plan, self._say)
        await self._say("Starting the platform's processes ...")
        await self._start(platform_specs(self._folder, plan))
        await setup.run_last_steps(self._folder, plan, self._say)
        run_file.write(self._folder, plan)

    async def _start(self, specs: list[ProcessSpec]) -> None:
        """Start processes side by side and wait until all of them serve.

        Raises:
            SetupRefused: one of them does not come to serve; the end of its log is shown.
        """
        children = [Child(spec, self._log) for spec in specs]
        for child in children:
            self._children[child.name] = child
            child.start()
            await self._remember_processes()
        served = await asyncio.gather(*(child.wait_ready(READY_SECONDS_MAX) for child in children))
        await self._remember_processes()
        silent = [child.name for child, serves in zip(children, served, strict=True) if not serves]
        if silent:
            message = f"{', '.join(silent)} did not come to serve."
            for name in silent:
                message += f"\n--- the end of {self._folder.log_of(name)}:\n{logs.tail(self._folder.log_of(name))}"
            raise SetupRefused(message)

    # --- running

    async def _keep_house(self) -> None:
        """Keep logs bounded and the list of processes on disk true."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            await self._remember_processes()
            await asyncio.to_thread(logs.rotate, self._folder.logs)

    async def _remember_processes(self) -> None:
        """Write down who runs, so that a next supervisor recognises them should we be killed."""
        known = {
            name: {"pid": child.identity.pid, "started": child.identity.started_ticks}
            for name, child in self._children.items()
            if child.identity is not None
        }
        await asyncio.to_thread(write_private, self._folder.processes_file, json.dumps(known))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # --- going down

    async def _take_down(self) -> None:
        """End everything, in the reverse order of its start: the stores last."""
        self._ready = False
        for task in list(self._background):
            task.cancel()
        stages = sorted({child.spec.stage for child in self._children.values()}, reverse=True)
        for stage in stages:
            await asyncio.gather(*(c.stop() for c in self._children.values() if c.spec.stage == stage))
        self._log("ended")

    def _forget_run(self) -> None:
        """Remove what names a running platform; ports and secrets are kept for the next start."""
        for path in (
            self._folder.run_file,
            self._folder.supervisor_file,
            self._folder.processes_file,
            self._folder.root / self._folder.control_name,
        ):
            path.unlink(missing_ok=True)

    # --- talking

    async def _say(self, sentence: str) -> None:
        """Tell the person who waits, here or through the control socket, what is being done."""
        self._said.append(sentence)
        self._on_progress(sentence)
        await self._tell_news()

    async def _tell_news(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _log(self, event: str, **facts: Any) -> None:
        line = json.dumps({"timestamp": datetime.now(UTC).isoformat(), "event": event, **facts})
        with self._folder.log_of("supervisor").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    async def _handle(self, request: control.Request) -> AsyncIterator[control.Answer]:
        """Answer one command from the control socket."""
        match request.get("command"):
            case "status":
                processes = [child.describe() for child in self._children.values()]
                yield {"done": True, "ready": self._ready, "supervisor_pid": os.getpid(), "processes": processes}
            case "follow":
                async for answer in self._follow():
                    yield answer
            case "stop" | "start" | "restart" as command:
                yield await self._change(command, str(request.get("name", "")))
            case "shutdown":
                self._ending.set()
                yield {"done": True}
            case _:
                yield {"done": True, "error": "unknown command"}

    async def _follow(self) -> AsyncIterator[control.Answer]:
        """Repeat what was said so far, and go on until the platform serves or has failed."""
        told = len(self._said) if self._ready else 0
        while True:
            while told < len(self._said):
                yield {"say": self._said[told]}
                told += 1
            if self._ready or self._failed or self._ending.is_set():
                yield {"done": True, "ready": self._ready, "error": self._failed}
                return
            async with self._news:
                await self._news.wait_for(self._has_news(told))

    def _has_news(self, told: int) -> Callable[[], bool]:
        return lambda: told < len(self._said) or self._ready or bool(self._failed) or self._ending.is_set()

    async def _change(self, command: str, name: str) -> control.Answer:
        """Take one process (or all of `web`) down or up on purpose."""
        chosen = [child for child in self._children.values() if child.name == name or child.name.startswith(f"{name}-")]
        if not chosen or not name:
            return {"done": True, "error": f"There is no process {name!r}. There are: {', '.join(self._children)}."}
        self._log(command, process=name)
        if command in ("stop", "restart"):
            await asyncio.gather(*(child.stop() for child in chosen))
        if command in ("start", "restart"):
            for child in chosen:
                child.start()
            served = await asyncio.gather(*(child.wait_ready(READY_SECONDS_MAX) for child in chosen))
            await self._remember_processes()
            if not all(served):
                return {"done": True, "error": f"{name} was started but does not serve; see its log."}
        return {"done": True}


@contextlib.contextmanager
def _lock(folder: DataFolder) -> Iterator[None]:
    """Hold the folder; the kernel lets go of it however this process ends.

    Raises:
        AlreadyRunning: somebody else holds it.
    """
    folder.lock_file.touch(PRIVATE_FILE)
    with folder.lock_file.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning from None
        yield


def stop_orphans(folder: DataFolder) -> int:
    """End what a killed supervisor has left running; tell how many processes that were.

    They are recognised by process number with start time, by the mark that every process of a
    data folder carries in its environment, and PostgreSQL by the data folder it was given.
    """
    recorded = json.loads(folder.processes_file.read_text()) if folder.processes_file.exists() else {}
    known = {name: Identity(pid=one["pid"], started_ticks=one["started"]) for name, one in recorded.items()}
    postmasters = {one for data in folder.root.glob("pg[0-9]*") for one in running_servers(data.resolve())}
    if database := known.pop("postgres", None):
        postmasters.add(database)
    others = set(known.values()) | set(marked_processes(str(folder.root)))
    others = {one for one in others - postmasters if one.is_alive()}
    postmasters = {one for one in postmasters if one.is_alive()}
    end(others, politely=signal.SIGTERM, patience_seconds=ORPHAN_SECONDS_MAX)
    end(postmasters, politely=FAST_SHUTDOWN, patience_seconds=ORPHAN_SECONDS_MAX)
    return len(others) + len(postmasters)


def _raise_open_files_limit() -> None:
    """Allow as many connections as this machine's owner lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
