"""Python environments of their own for what a measurement needs and the platform does not."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSTALL_SECONDS_MAX = 600


class InstallError(Exception):
    """The pinned packages could not be installed here; the text says why in plain words."""


def environment_of(requirements: Path, home: Path, say: Callable[[str], None]) -> Path:
    """Give the Python of an environment that holds exactly these pinned packages, making it the first time.

    Its folder is named by what it holds, so that a new pin makes a new one.

    Raises:
        InstallError: no uv, no network, or a package that does not install.
    """
    name = requirements.name.removesuffix("-requirements.txt")
    place = home / f"{name}-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]}"
    python = place / "bin" / "python"
    if (place / "complete").exists():
        return python
    uv = shutil.which("uv") or _tools_uv()
    if uv is None:
        raise InstallError("uv was not found; put it on the PATH, or let ./hospital fetch it")
    say(f"Installing {name} into {place} (this once) ...")
    home.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(place)], name)
    fill = [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(python), "-r", str(requirements)]
    _run(fill, name)
    (place / "complete").touch()
    return python


def _run(argv: list[str], name: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    try:
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise InstallError(f"installing {name} took longer than {INSTALL_SECONDS_MAX} s") from late
    if done.returncode != 0:
        raise InstallError(f"{name} could not be installed: {done.stderr.strip()[-800:]}")


def _tools_uv() -> str | None:
    """Find the uv that `./hospital` fetched for itself."""
    found = ROOT / ".tools" / "bin" / "uv"
    return str(found) if found.exists() else None
