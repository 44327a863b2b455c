"""`./hospital check`, `test` and `lock`: what has to hold before a change is committed."""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from runtime.cli.data_option import ROOT

BIN = Path(sys.executable).parent
REQUIREMENTS = ROOT / "requirements"

CHECKS = (
    ("ruff check", [str(BIN / "ruff"), "check", "--output-format", "concise", "."]),
    ("ruff format", [str(BIN / "ruff"), "format", "--check", "."]),
    ("mypy", [str(BIN / "mypy"), "--strict"]),
    ("mypy hospital", [str(BIN / "mypy"), "--strict", "hospital"]),
    ("import-linter", [str(BIN / "lint-imports"), "--config", "pyproject.toml"]),
    ("tests/tidy", [sys.executable, "-m", "pytest", "-q", "tests/tidy"]),
)

QUICK = "not chaos and not slow"
TEST_WORKERS_MAX = 8


def check(_given: argparse.Namespace) -> int:
    """Run every check even if an earlier one fails; fail if any did."""
    failed = []
    for name, argv in CHECKS:
        started = time.monotonic()
        done = subprocess.run(argv, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        verdict = "ok" if done.returncode == 0 else "FAILED"
        print(f"{name:<16}{verdict:<8}{time.monotonic() - started:5.1f} s", flush=True)
        if done.returncode != 0:
            print(done.stdout, flush=True)
            failed.append(name)
    return 1 if failed else 0


def test(arguments: list[str]) -> int:
    """Run the tests side by side; `--all` includes the long ones. Other options go to pytest."""
    rest = [argument for argument in arguments if argument != "--all"]
    argv = [sys.executable, "-m", "pytest"]
    if not any(argument.startswith("-n") for argument in rest):
        workers = max(2, min(os.cpu_count() or 2, TEST_WORKERS_MAX))
        argv += ["-n", str(workers)]
    argv += ["--dist", "loadgroup"]
    if "--all" not in arguments and "-m" not in rest:
        argv += ["-m", QUICK]
    # The tests start what they need; nothing of a platform that runs at this terminal shall leak in.
    environment = {name: value for name, value in os.environ.items() if name not in _PLATFORM_VARIABLES}
    return subprocess.run([*argv, *rest], cwd=ROOT, env=environment, check=False).returncode


_PLATFORM_VARIABLES = frozenset(
    {"MODE", "DATABASE_URL", "REDIS_URL", "DATA_DIR", "KEYS_DIR", "PUBLIC_URL", "HTTP_HOST", "HTTP_PORT", "READY_FILE"}
)


def lock(given: argparse.Namespace) -> int:
    """Compile requirements/*.in to locks that pin every file by hash and name no download host."""
    uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    if not shutil.which(uv):
        print("uv is needed for this: put it on the PATH.", file=sys.stderr)
        return 1
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"]
    options += ["--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "./hospital lock"]
    if given.upgrade:
        options.append("--upgrade")
    for name, extra in (("runtime", []), ("dev", ["-c", "runtime.txt"]), ("uv", []), ("node", ["-c", "dev.txt"])):
        argv = [uv, "pip", "compile", *options, *extra, f"{name}.in", "-o", f"{name}.txt"]
        status = subprocess.run(argv, cwd=REQUIREMENTS, check=False).returncode
        if status != 0:
            return status
    return 0
