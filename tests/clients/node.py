"""Runs programs under Node: their packages installed once, each in a process that talks in lines of JSON."""

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
NODE_MAJOR_MIN = 20
INSTALL_SECONDS_MAX = 300
LINE_BYTES_MAX = 8 * 1024 * 1024
SECONDS_MAX = 120


class ClientsUnavailable(Exception):
    """Node or the clients cannot be had here; the text says why."""


def node_programs() -> tuple[str, str]:
    """Find node and npm: the system's if new enough, else those of the development environment.

    Raises:
        ClientsUnavailable.
    """
    beside = Path(sys.executable).parent
    for folder in (None, str(beside)):
        node, npm = shutil.which("node", path=folder), shutil.which("npm", path=folder)
        if node and npm and _major(node) >= NODE_MAJOR_MIN:
            return node, npm
    raise ClientsUnavailable(f"Node {NODE_MAJOR_MIN} or newer with npm is not here.")


def _major(node: str) -> int:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return int(told.strip().lstrip("v").partition(".")[0] or 0)


def install(folder: Path = FOLDER) -> None:
    """Install what a folder's package-lock.json names, once for each state of that file.

    Raises:
        ClientsUnavailable: npm could not.
    """
    _, npm = node_programs()
    mark = folder / "node_modules" / ".installed"
    state = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    with (folder / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text() == state:
            return
        try:
            done = subprocess.run(
                [npm, "ci"], cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS_MAX
            )
        except subprocess.TimeoutExpired as error:
            raise ClientsUnavailable(f"npm took too long to install the packages of {folder.name}.") from error
        if done.returncode != 0:
            raise ClientsUnavailable(f"npm could not install the packages of {folder.name}: {done.stderr[-500:]}")
        mark.write_text(state)


def require(folder: Path = FOLDER) -> None:
    """Install a folder's packages; where they cannot be had, CI fails and anywhere else the test is skipped."""
    try:
        install(folder)
    except ClientsUnavailable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


async def run(
    script: str,
    asked: dict[str, Any],
    *,
    open_page: Callable[[str], Awaitable[str]] | None = None,
    folder: Path = FOLDER,
) -> Any:
    """Run a client of a folder, lead the person's browser where it wants it, and give what it tells at the end."""
    node, _ = node_programs()
    process = await asyncio.create_subprocess_exec(
        node,
        script,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LINE_BYTES_MAX,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(SECONDS_MAX):
            told: dict[str, Any] = asked
            while True:
                process.stdin.write(json.dumps(told).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
                if not line:
                    raise AssertionError((await process.stderr.read()).decode())
                answer = json.loads(line)
                if "result" in answer:
                    return answer["result"]
                assert open_page is not None, "this client wants nobody's browser"
                told = {"location": await open_page(answer["open"])}
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
