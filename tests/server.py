"""The real web process on a free port of this machine, for tests that speak HTTP to it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runtime.keys import create_missing
from runtime.processes import end_with_parent

ROOT = Path(__file__).parent.parent
READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30


@dataclass(frozen=True)
class WebServer:
    """One `python -m runtime.web`: where it answers, which keys it has, what it writes."""

    base_url: str
    keys_dir: Path
    log_file: Path
    environment: dict[str, str]
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list, repr=False, compare=False)

    def log(self) -> str:
        """What the process has written so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    @classmethod
    @contextmanager
    def up(
        cls, folder: Path, *, database_url: str, redis_url: str, settings: Mapping[str, str] | None = None
    ) -> Iterator["WebServer"]:
        """Start the process in a folder of its own, and end it afterwards (about a second)."""
        create_missing(folder / "keys")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as reserved:
            # Bound, but never listening: nobody else gets the port before the server has it.
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
            base_url = f"http://127.0.0.1:{port}"
            environment = {
                **{name: value for name, value in os.environ.items() if name in _PASSED_ON},
                "MODE": "sandbox",
                "DATABASE_URL": database_url,
                "REDIS_URL": redis_url,
                "HTTP_PORT": str(port),
                "PUBLIC_URL": base_url,
                "DATA_DIR": str(folder),
                "KEYS_DIR": str(folder / "keys"),
                "READY_FILE": str(folder / "ready"),
                **(settings or {}),
            }
            server = cls(base_url, folder / "keys", folder / "web.log", environment)
            try:
                server.start()
                yield server
            finally:
                server.terminate()
                server.wait_end()

    def start(self) -> None:
        """Start the process, at first or again at the same address."""
        ready = Path(self.environment["READY_FILE"])
        ready.unlink(missing_ok=True)
        with self.log_file.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "runtime.web"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
                preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509  started before any thread of ours
            )
        self.processes.append(process)
        self.wait_ready(process, ready)

    def terminate(self) -> None:
        """Ask the process to end, as the supervisor does."""
        self.processes[-1].terminate()

    def wait_end(self) -> int:
        """Wait until it has ended; gives its exit code."""
        return self.processes[-1].wait(STOP_SECONDS_MAX)

    def wait_ready(self, process: subprocess.Popen[bytes], ready_file: Path) -> None:
        """Wait until it serves; a process that ends instead shows what it wrote."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not ready_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the web process did not start:\n{self.log()}")
            time.sleep(0.02)


_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
