"""The benchmark of live queues in a small size: that it runs in one go and tells what it must; never how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.queue import table
from tests.conftest import ROOT

RUN_SECONDS_MAX = 300


@pytest.mark.slow
def test_one_object_tells_every_figure_and_no_event_is_lost(tmp_path: Path) -> None:
    options = ["--json", "--watchers", "60", "--rooms", "7", "--seconds", "3", "--rate", "10"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.queue", *options],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )

    figures = json.loads(done.stdout)
    assert (figures["watchers"], figures["missing"], figures["ended"]) == (60, 0, 0), done.stderr
    assert figures["deliveries"] > 0
    assert figures.keys() >= {"delay_p50_ms", "delay_p99_ms", "kib_per_watcher", "opening_seconds"}
    assert "60 phones before 7 rooms" in table(figures)
    assert not list((tmp_path / "bench").glob("run-*")), "the databases are gone afterwards"
