"""A small clinic day, played to its end; and one that is made to disagree afterwards."""

import asyncio
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.platform import COMMAND, command

pytestmark = pytest.mark.slow

DAY_SECONDS_MAX = 400
DOCTORS, VISITS = 10, 60


@dataclass(frozen=True)
class PlayedDay:
    """What `./hospital demo clinic` printed, and where its hospital stays up."""

    data: Path
    told: dict[str, Any]
    report: str


@pytest.fixture(scope="module")
def played() -> Iterator[PlayedDay]:
    data = Path(tempfile.mkdtemp(prefix="hospital-clinic-day-"))
    argv = [COMMAND, "demo", "clinic", "--doctors", str(DOCTORS), "--visits", str(VISITS), "--json", "--keep"]
    try:
        done = subprocess.run(
            [*argv, "--data", str(data)], capture_output=True, text=True, timeout=DAY_SECONDS_MAX, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield PlayedDay(data, json.loads(done.stdout), done.stderr)
    finally:
        command(data, "down")
        shutil.rmtree(data, ignore_errors=True)


def test_everybody_agrees_on_what_has_happened(played: PlayedDay) -> None:
    compared = {one["name"]: one["compared"] for one in played.told["checks"]}

    assert played.told["agrees"]
    assert [one for one in played.told["checks"] if one["wrong"]] == []
    assert compared["appointments"] == compared["platform and HIS: appointments"] > VISITS
    assert min(compared.values()) > 0
    assert "Everything agrees." in played.report


def test_each_thing_that_a_day_has_did_happen(played: PlayedDay) -> None:
    told, statuses = played.told["told"], played.told["counts"]["appointments"]

    assert told["booked"] == VISITS
    assert statuses["noshow"] >= 1
    assert statuses["cancelled"] >= told["cancelled by patients"] > 0
    assert statuses["fulfilled"] > VISITS / 2
    for name in ("walked in", "sold at the window", "extra seats given", "holds"):
        assert told[name] > 0, name
    assert played.told["backlog_peak"] > 0
    assert played.told["waits"][-1]["people"] > VISITS / 2


def test_the_day_was_played_ahead_of_time(played: PlayedDay) -> None:
    status = json.loads(command(played.data, "status", "--json").stdout)

    assert played.told["seconds"] < DAY_SECONDS_MAX
    assert {one["state"] for one in status["processes"]} == {"running"}


async def fulfil_a_noshow(database_url: str) -> str:
    """Have the books say of somebody who never came that they were seen."""
    connection = await asyncpg.connect(database_url)
    try:
        changed: str = await connection.fetchval(
            "UPDATE appointment SET status = 'fulfilled' WHERE id = (SELECT min(id::text)::uuid FROM appointment"
            " WHERE status = 'noshow') RETURNING id::text"
        )
    finally:
        await connection.close()
    return changed


def test_a_record_that_is_not_as_the_people_know_it_is_found(played: PlayedDay) -> None:
    again = [COMMAND, "demo", "clinic", "--check", "--data", str(played.data)]
    url = json.loads((played.data / "run.json").read_text())["database_url"]
    assert subprocess.run(again, capture_output=True, check=False).returncode == 0
    changed = asyncio.run(fulfil_a_noshow(url))

    found = subprocess.run(again, capture_output=True, text=True, check=False)

    assert found.returncode == 1
    # By the people's word, among the no-shows, and at the HIS.
    assert "3 record(s) do not agree." in found.stdout
    assert changed in found.stdout


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("a hospital")

    done = subprocess.run(
        [COMMAND, "demo", "clinic", "--data", str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]
