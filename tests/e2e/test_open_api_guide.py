"""The partners' guide, run as it stands against the demonstration hospital."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.platform import Hospital

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "open-api.md"
SECONDS_MAX = 120


@pytest.mark.skipif(shutil.which("curl") is None, reason="the guide's commands use curl")
def test_every_command_of_the_guide_works(hospital_running: Hospital) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) > 7
    done = subprocess.run(
        [str(shutil.which("bash")), "-euo", "pipefail", "-c", "\n".join(blocks)],
        env={**os.environ, "BASE": hospital_running.base_url},
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines.count("cancelled") == 2, done.stdout
    assert "304" in lines
