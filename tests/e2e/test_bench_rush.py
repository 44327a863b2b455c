"""The benchmark of a rush in a small size: that it runs in one go and tells what it must; never how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.rush import table
from tests.conftest import ROOT

RUN_SECONDS_MAX = 600


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS_MAX)
def test_one_object_tells_every_figure_and_nothing_is_sold_twice(tmp_path: Path) -> None:
    options = ["--json", "--phones", "120", "--schedules", "2", "--seats", "5", "--join-seconds", "45"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.rush", *options, "--bot-rate", "50"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    for rush in ("calm", "bots"):
        told = figures[rush]
        assert (told["sold"], told["oversold"], told["unfinished"], told["faults"]) == (10, 0, 0, {}), told
        assert told.keys() >= {"join_ratio", "poll_ratio", "after_p99_ms", "all_sold_seconds", "correlation"}
    assert figures["bots"]["bot_answers"]["booking.turn_required"] > 0
    assert "120 telephones, 10 numbers of 2 schedules" in table(figures)
    assert not list((tmp_path / "bench").glob("run-*")), "the databases are gone afterwards"
