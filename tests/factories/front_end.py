"""The patients' front end as a test run has it: its packages fetched and both targets built once, for all workers."""

import os
import subprocess
from pathlib import Path
from typing import Final, NoReturn

import pytest

from runtime import frontend
from runtime.frontend import PROJECT, Node, Target, Unbuildable

CHECK_SECONDS_MAX: Final = 240


def require_packages() -> Node:
    """Fetch Node and the packages; where they cannot be had, CI fails and anywhere else the test is skipped."""
    try:
        node = frontend.find_node() or frontend.fetch_node(_say)
        with frontend.alone():
            frontend.install(node, _say)
    except Unbuildable as error:
        _unavailable(error)
    return node


def require_build(target: Target) -> Path:
    """Build a target where its sources have changed, and give the folder."""
    try:
        frontend.build([target], _say)
    except Unbuildable as error:
        if "failed:" in str(error):
            pytest.fail(str(error))
        _unavailable(error)
    return frontend.built(target)


def run_node(script: Path, *arguments: str, seconds: float = CHECK_SECONDS_MAX) -> str:
    """Run a program under Node in the project, and give what it prints; its failure is the test's."""
    node = require_packages()
    done = subprocess.run(
        [str(Path(node.folder) / "node"), str(script), *arguments],
        cwd=PROJECT,
        env={**node.environment(), "NODE_PATH": str(PROJECT / "node_modules")},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, f"{script.name}: {done.stdout}{done.stderr}"
    return done.stdout


def _unavailable(error: Unbuildable) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(str(error))
    pytest.skip(str(error))


def _say(_sentence: str) -> None:
    """Nobody watches the progress of a test's build; why it failed is told by its failure."""
