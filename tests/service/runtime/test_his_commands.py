"""`./hospital his dead-letters` and `his status` on a real database, by their own main()."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from tests.conftest import ROOT

Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def command(own_database_url: str) -> Command:
    """Run a command module as `./hospital` does."""

    async def run(module: str, *arguments: str) -> tuple[int, str, str]:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "DATABASE_URL": own_database_url},
            check=False,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
async def dead(own_database_url: str) -> list[int]:
    """Two dead letters, and a live one that waits behind the first."""
    connection = await asyncpg.connect(own_database_url)
    rows = await connection.fetch(
        "INSERT INTO outbox (handler, event_type, aggregate, payload, status, last_error)"
        " VALUES ('his', 'appointment.booked', 'appointment:A', '{}', 'dead', 'schedule_unknown: no'),"
        " ('his', 'appointment.booked', 'appointment:B', '{}', 'dead', 'odd: no'),"
        " ('his', 'appointment.cancelled', 'appointment:A', '{}', 'pending', NULL) RETURNING id"
    )
    await connection.close()
    return [row["id"] for row in rows]


async def test_letters_are_listed_replayed_and_skipped_with_a_reason(
    command: Command, dead: list[int], own_database_url: str
) -> None:
    code, out, _ = await command("runtime.dead_letters")
    assert code == 0
    assert out.startswith("2 message(s) wait for a person")
    assert "1 later message(s) wait behind it" in out
    _, out, _ = await command("runtime.dead_letters", "list", "--json")
    assert [one["name"] for one in json.loads(out)["dead_letters"]] == [f"outbox:{dead[0]}", f"outbox:{dead[1]}"]

    replay = await command(
        "runtime.dead_letters", "replay", f"outbox:{dead[0]}", "--reason", "told again", "--person", "wang"
    )
    skip = await command("runtime.dead_letters", "skip", f"outbox:{dead[1]}", "--reason", "by hand", "--person", "li")

    assert (replay[0], skip[0]) == (0, 0)
    connection = await asyncpg.connect(own_database_url)
    statuses = [row["status"] for row in await connection.fetch("SELECT status FROM outbox ORDER BY id")]
    deeds = [tuple(row) for row in await connection.fetch("SELECT action, person, reason FROM dead_letter_action")]
    await connection.close()
    assert statuses == ["pending", "skipped", "pending"]
    assert deeds == [("replay", "wang", "told again"), ("skip", "li", "by hand")]


async def test_a_letter_that_is_not_dead_is_left_alone(command: Command, dead: list[int]) -> None:
    code, _, error = await command("runtime.dead_letters", "skip", f"outbox:{dead[2]}", "--reason", "why not")

    assert (code, error) == (2, "Not done: There is no such dead letter.\n")
    assert (await command("runtime.dead_letters", "skip", f"outbox:{dead[0]}"))[0] == 2
    assert (await command("runtime.dead_letters", "skip", f"outbox:{dead[0]}", "--reason", " "))[0] == 2


async def test_the_standing_says_when_somebody_should_look(command: Command, dead: list[int]) -> None:
    code, out, _ = await command("runtime.his_status")
    assert code == 1
    assert "2 of the outbox wait for a person" in out

    code, out, _ = await command("runtime.his_status", "--json")
    assert json.loads(out)["outbox"] | {"lag_seconds": 0} == {"pending": 1, "dead": 2, "lag_seconds": 0}


async def test_without_a_database_nothing_is_claimed() -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "runtime.his_status"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not answer" in done.stderr
