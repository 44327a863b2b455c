"""The benchmark of notifications in a small size: that it runs in one go and tells what it must; never how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.payments import table
from tests.conftest import ROOT

RUN_SECONDS_MAX = 300


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS_MAX + 60)
def test_one_object_tells_every_figure_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    options = ["--json", "--rounds", "1", "--seconds", "0.5", "--connections", "8"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.payments", *options],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["acknowledged"] == figures["stored"] > 0
    assert figures["lost"] == 0
    assert figures.keys() >= {"notifications_ratio", "notifications_rps", "echo_rps", "p99_ms_half_load", "cpu_us"}
    assert "acknowledged" in table(figures)
    assert not list((tmp_path / "bench").glob("run-*")), "the databases are gone afterwards"
