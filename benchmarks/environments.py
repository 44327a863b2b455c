"""Python environments of their own for what a measurement needs and the platform does not."""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

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
    hospital = _hospital_script()
    try:
        uv = hospital.find_uv() or hospital.fetch_uv()
    except hospital.Unable as error:
        raise InstallError(str(error)) from error
    say(f"Installing {name} into {place} (this once) ...")
    home.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    environment = hospital.uv_environment()
    if uv:
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(place)]
        fill = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        make = [sys.executable, "-m", "venv", str(place)]
        fill = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(make, name, environment)
    _run([*fill, "--require-hashes", "-r", str(requirements)], name, environment)
    (place / "complete").touch()
    return python


def _hospital_script() -> ModuleType:
    """The one command itself: it knows how to find or fetch uv, and what uv needs on this machine."""
    loader = SourceFileLoader("hospital_script", str(ROOT / "hospital"))
    spec = importlib.util.spec_from_loader("hospital_script", loader)
    assert spec is not None, "a file has a spec"
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def _run(argv: list[str], name: str, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise InstallError(f"installing {name} took longer than {INSTALL_SECONDS_MAX} s") from late
    if done.returncode != 0:
        raise InstallError(f"{name} could not be installed: {done.stderr.strip()[-800:]}")
