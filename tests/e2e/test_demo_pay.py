"""The story of a patient's money, told once from its beginning to the closed books."""

import subprocess
from pathlib import Path

import pytest

from tests.platform import COMMAND

STEPS = 11
STORY_SECONDS_MAX = 600

pytestmark = [pytest.mark.slow, pytest.mark.timeout(STORY_SECONDS_MAX + 60)]


def test_the_money_can_be_followed_to_the_closed_books(tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND, "demo", "pay", "--data", str(tmp_path / "hospital")],
        capture_output=True,
        text=True,
        timeout=STORY_SECONDS_MAX,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"All {STEPS} steps held" in done.stdout
    assert done.stdout.count(" done in ") == STEPS
    assert done.stdout.count("Channel, platform and HIS agree in every line.") == 1


def test_it_leaves_a_folder_that_is_in_use_alone(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{}")

    done = subprocess.run(
        [COMMAND, "demo", "pay", "--data", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["state.json"]
