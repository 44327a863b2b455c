"""What vitest has to say of the front end's own logic, as the conditions of each target make it."""

import subprocess
from typing import Final

import pytest

from runtime.frontend import PROJECT, TARGETS, Target
from tests.factories.front_end import require_packages

pytestmark = pytest.mark.xdist_group("front-end")

UNIT_SECONDS_MAX: Final = 180


@pytest.mark.parametrize("target", TARGETS)
def test_the_logic_of_the_front_end_does_as_its_users_rely_on(target: Target) -> None:
    node = require_packages()
    done = subprocess.run(
        [node.npm, "run", "--silent", f"test:{target}"],
        cwd=PROJECT,
        env={**node.environment(), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=UNIT_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
