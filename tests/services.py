"""PostgreSQL and Valkey for one test run: `python -m tests.services FOLDER PARENT_PID`.

Started by the first test that needs them and shared by all workers of the run. It watches the run
that asked for it, and takes both servers down when that run has ended, however it ended.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import asyncpg

from runtime.data_folder import DataFolder, write_private
from runtime.embedded import ports, postgres, valkey
from runtime.processes import end_with_parent, identify

READY_SECONDS_MAX = 60
WATCH_SECONDS = 0.3


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server listens."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{process.args!r} did not start")


async def wait_for_answer(url: str) -> None:
    """Wait until the database server answers: it listens before it has started up."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while True:
        try:
            connection = await asyncpg.connect(url)
        except (asyncpg.CannotConnectNowError, OSError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return


def main(folder_name: str, parent_pid: str) -> None:
    """Run both servers until the test run is over."""
    parent = identify(int(parent_pid))
    if parent is None:
        return
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopping.append(number))
    folder = DataFolder(Path(folder_name))
    folder.create()
    state = folder.load_state()
    server = postgres.prepare(folder, state, port=ports.remembered(state, "postgres"))
    # A test run may lose its data; it wants to be quick.
    quick = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 300\n"
    with (server.data / "hospital.conf").open("a", encoding="utf-8") as settings:
        settings.write(quick)
    cache = valkey.prepare(
        folder.valkey,
        port=ports.remembered(state, "valkey"),
        password=state.secret("valkey"),
    )
    log = (folder.logs / "services.log").open("ab")
    as_user = server.run_as
    database = subprocess.Popen(
        server.argv,
        stdout=log,
        stderr=log,
        cwd="/",
        user=as_user.uid if as_user else None,
        group=as_user.gid if as_user else None,
        extra_groups=[] if as_user else None,
        preexec_fn=end_with_parent(signal.SIGINT),  # noqa: PLW1509  this keeper has one thread
    )
    store = subprocess.Popen(
        cache.argv,
        stdout=log,
        stderr=log,
        preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509  this keeper has one thread
    )
    try:
        wait_for_port(server.port, database)
        asyncio.run(wait_for_answer(server.superuser_url))
        wait_for_port(cache.port, store)
        found = {
            "pid": os.getpid(),
            "superuser_url": server.superuser_url,
            "redis_url": cache.url(0).removesuffix("/0"),
        }
        write_private(folder.root / "services.json", json.dumps(found))
        while not stopping and parent.is_alive():
            time.sleep(WATCH_SECONDS)
    finally:
        database.send_signal(signal.SIGINT)
        store.terminate()
        database.wait(30)
        store.wait(30)
        shutil.rmtree(folder.root, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
