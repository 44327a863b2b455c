"""The folder in which one platform lives on one machine: its databases, keys, logs and addresses.

Everything secret in it is readable by its owner alone. What must stay the same over restarts
(ports, generated passwords) is remembered in `state.json`; what other programs need to attach is
written to `run.json` (addresses, demonstration clients) and `environment` (settings as variables).
"""

import json
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700

ENVIRONMENT_LINE = re.compile(r"^([A-Z][A-Z0-9_]*)=(.*)$")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step: readers see the old or the new."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


@dataclass
class State:
    """What a platform remembers from one start to the next."""

    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def secret(self, name: str) -> str:
        """Give the generated secret of that name, making it the first time."""
        return self.secrets.setdefault(name, secrets.token_hex(24))


class DataFolder:
    """The places inside `--data DIR`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.logs = self.root / "log"
        self.ready = self.root / "ready"
        self.keys = self.root / "keys"
        self.valkey = self.root / "valkey"
        self.run_file = self.root / "run.json"
        self.environment_file = self.root / "environment"
        self.state_file = self.root / "state.json"
        self.supervisor_file = self.root / "supervisor.json"
        self.processes_file = self.root / "processes.json"
        self.refusal_file = self.root / "refusal"
        self.lock_file = self.root / "supervisor.lock"
        self.control_name = "control.sock"

    def create(self) -> None:
        """Make the folder and those in it that hold files of ours."""
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in (self.logs, self.ready, self.keys, self.valkey):
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)

    def log_of(self, name: str) -> Path:
        """Where the output of a process is kept."""
        return self.logs / f"{name}.log"

    def ready_file_of(self, name: str) -> Path:
        """The file that a process without an HTTP port touches when it serves."""
        return self.ready / name

    def load_state(self) -> State:
        """Read what was remembered, or start afresh."""
        stored = read_json(self.state_file)
        return State(ports=stored.get("ports", {}), secrets=stored.get("secrets", {}))

    def save_state(self, state: State) -> None:
        """Remember ports and generated secrets for the next start."""
        body = {"ports": state.ports, "secrets": state.secrets}
        write_private(self.state_file, json.dumps(body, indent=2) + "\n")

    def save_environment(self, variables: dict[str, str]) -> None:
        """Write the settings that every process of this platform shares."""
        lines = [f"{name}={value}\n" for name, value in sorted(variables.items())]
        write_private(self.environment_file, "".join(lines))

    def load_environment(self) -> dict[str, str]:
        """Read the settings of the running platform; empty where none was ever started."""
        if not self.environment_file.exists():
            return {}
        found: dict[str, str] = {}
        for line in self.environment_file.read_text(encoding="utf-8").splitlines():
            if match := ENVIRONMENT_LINE.match(line):
                found[match.group(1)] = match.group(2)
        return found

    def save_run(self, run: dict[str, Any]) -> None:
        """Write run.json, by which scripts find the platform and its demonstration clients."""
        write_private(self.run_file, json.dumps(run, indent=2, ensure_ascii=False) + "\n")

    def load_run(self) -> dict[str, Any]:
        """Read run.json; empty where the platform never came up."""
        return read_json(self.run_file)


def read_json(path: Path) -> dict[str, Any]:
    """Read a small JSON object of ours; a missing or half-written file counts as empty."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
