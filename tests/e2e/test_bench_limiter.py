"""The benchmark of limits in a small size: that it runs in one go and tells what it must; never how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.limiter import table
from tests.conftest import ROOT

RUN_SECONDS_MAX = 300


@pytest.mark.slow
def test_one_object_tells_every_figure(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.limiter", "--json", "--rounds", "1", "--seconds", "1"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )

    figures = json.loads(done.stdout)
    assert figures["requests_per_second_limited"] > 0, done.stderr
    assert figures.keys() >= {"processor_us_free", "added_under_load_ms", "added_at_slow_rate_ms", "record_us"}
    assert "added by limits" in table(figures)
