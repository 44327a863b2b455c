"""The benchmark itself, in the smallest size: that it runs in one go and tells what it must; never how fast."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.booking import table
from tests.conftest import ROOT

RUN_SECONDS_MAX = 600
NAMES = {
    "many_ratio",
    "hot_ratio",
    "sold_out_ratio",
    "availability_ratio",
    "p99_ms_half_load",
    "peer_ratio",
    "oversold",
    "echo_rps",
    "many_rps",
    "hot_rps",
    "sold_out_rps",
    "availability_rps",
}


@pytest.mark.slow
def test_one_object_tells_every_figure_and_nothing_is_sold_twice(tmp_path: Path) -> None:
    options = ["--json", "--skip-peer", "--seconds", "0.5", "--rounds", "1", "--history", "2000"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.booking", *options, "--peer-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures.keys() >= NAMES
    assert (figures["oversold"], figures["wrong"]) == (0, {})
    assert figures["acknowledged"] > 0
    assert figures["history"] >= 2000
    assert "numbers sold twice: 0" in table(figures)
    assert not list(tmp_path.glob("run-*")), "the databases are gone afterwards"
